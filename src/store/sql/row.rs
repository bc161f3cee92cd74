use serde_json::Value;
use sqlx::{Database, Encode, Row as _, SqlSafeStr, Type, postgres::PgRow, query::Query, sqlite::SqliteRow};

use crate::store::{Id, Result, StoreError};

/// What a statement is given for `$1`, `$2`, …
#[derive(Clone, Debug)]
pub(super) enum Arg {
    Text(Option<String>),
    Int(Option<i64>),
    Bytes(Vec<u8>),
}

/// Arguments, each by [`Arg::from`].
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::sql::row::Arg::from($value)),*] };
}
pub(super) use args;

/// A statement with its arguments, for either database.
///
/// PostgreSQL keeps no U+0000 in a text; both refuse it, so that moving from one to the other loses nothing.
pub(super) fn bound<DB>(sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Query<'static, DB, DB::Arguments>>
where
    DB: Database,
    for<'t> Option<String>: Encode<'t, DB> + Type<DB>,
    for<'t> Option<i64>: Encode<'t, DB> + Type<DB>,
    for<'t> Vec<u8>: Encode<'t, DB> + Type<DB>,
{
    let mut query = sqlx::query(sql);
    for arg in args {
        query = match arg {
            Arg::Text(Some(text)) if text.contains('\0') => return Err(StoreError::Nul),
            Arg::Text(text) => query.bind(text),
            Arg::Int(number) => query.bind(number),
            Arg::Bytes(bytes) => query.bind(bytes),
        };
    }
    Ok(query)
}

impl From<Option<&str>> for Arg {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<&String> for Arg {
    fn from(text: &String) -> Self {
        Self::Text(Some(text.clone()))
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<&Id> for Arg {
    fn from(id: &Id) -> Self {
        Self::from(id.as_str())
    }
}

/// As JSON.
impl From<&Value> for Arg {
    fn from(value: &Value) -> Self {
        Self::Text(Some(value.to_string()))
    }
}

/// As a list in JSON.
impl From<&[String]> for Arg {
    fn from(list: &[String]) -> Self {
        Self::from(&Value::from(list))
    }
}

impl From<&[u8; 32]> for Arg {
    fn from(hash: &[u8; 32]) -> Self {
        Self::Bytes(hash.to_vec())
    }
}

impl From<Option<i64>> for Arg {
    fn from(number: Option<i64>) -> Self {
        Self::Int(number)
    }
}

impl From<i64> for Arg {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<u32> for Arg {
    fn from(number: u32) -> Self {
        Self::Int(Some(number.into()))
    }
}

impl From<Option<u32>> for Arg {
    fn from(number: Option<u32>) -> Self {
        Self::Int(number.map(i64::from))
    }
}

impl From<bool> for Arg {
    fn from(flag: bool) -> Self {
        Self::Int(Some(flag.into()))
    }
}

/// A row of either database; columns are asked for by name.
#[derive(Debug)]
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// One column of either row.
macro_rules! cell {
    ($row:expr, $column:expr) => {
        match $row {
            Row::Sqlite(row) => row.try_get($column),
            Row::Postgres(row) => row.try_get($column),
        }
        .map_err(|error| StoreError::Corrupt(error.to_string()))
    };
}

impl Row {
    pub(super) fn text(&self, column: &str) -> Result<String> {
        cell!(self, column)
    }

    pub(super) fn text_if_any(&self, column: &str) -> Result<Option<String>> {
        cell!(self, column)
    }

    pub(super) fn int(&self, column: &str) -> Result<i64> {
        cell!(self, column)
    }

    pub(super) fn int_if_any(&self, column: &str) -> Result<Option<i64>> {
        cell!(self, column)
    }

    pub(super) fn bytes(&self, column: &str) -> Result<Vec<u8>> {
        cell!(self, column)
    }

    pub(super) fn flag(&self, column: &str) -> Result<bool> {
        Ok(self.int(column)? != 0)
    }

    pub(super) fn id(&self, column: &str) -> Result<Id> {
        Ok(Id::known(&self.text(column)?))
    }

    /// A number that is never negative, of the size that the row's value has.
    pub(super) fn count<N: TryFrom<i64>>(&self, column: &str) -> Result<N> {
        within(column, self.int(column)?)
    }

    pub(super) fn count_if_any<N: TryFrom<i64>>(&self, column: &str) -> Result<Option<N>> {
        self.int_if_any(column)?.map(|number| within(column, number)).transpose()
    }

    pub(super) fn json(&self, column: &str) -> Result<Value> {
        serde_json::from_str(&self.text(column)?).map_err(|error| corrupt(column, &error.to_string()))
    }

    pub(super) fn texts(&self, column: &str) -> Result<Vec<String>> {
        serde_json::from_str(&self.text(column)?).map_err(|error| corrupt(column, &error.to_string()))
    }
}

fn within<N: TryFrom<i64>>(column: &str, number: i64) -> Result<N> {
    N::try_from(number).map_err(|_| corrupt(column, &format!("{number} is out of range")))
}

pub(super) fn corrupt(column: &str, why: &str) -> StoreError {
    StoreError::Corrupt(format!("column {column}: {why}"))
}
