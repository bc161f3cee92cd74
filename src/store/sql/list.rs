use base64_simd::URL_SAFE_NO_PAD;
use sqlx::AssertSqlSafe;

use super::row::{Arg, Row};
use crate::store::{Listing, Page, Result, StoreError};

/// The most that a page holds.
const MOST: u32 = 1_000;

/// A statement that is put together: what must hold, and the arguments of that.
#[derive(Debug)]
pub(super) struct Select {
    sql: String,
    args: Vec<Arg>,
    conditions: usize,
}

impl Select {
    /// All up to `WHERE`.
    pub(super) fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), args: Vec::new(), conditions: 0 }
    }

    /// This must hold too; each `?` stands for an argument.
    pub(super) fn and<const N: usize>(&mut self, condition: &str, args: [Arg; N]) {
        self.sql.push_str(if self.conditions == 0 { " WHERE " } else { " AND " });
        self.conditions += 1;
        let mut pieces = condition.split('?');
        self.sql.push_str(pieces.next().unwrap_or_default());
        for (piece, arg) in pieces.zip(args) {
            self.args.push(arg);
            self.sql.push_str(&format!("${}{piece}", self.args.len()));
        }
    }

    /// The order, and one more than the page holds, which shows whether there is a next one.
    pub(super) fn page(mut self, order: &str, page: &Page) -> (AssertSqlSafe<String>, Vec<Arg>) {
        self.args.push(Arg::from(limit(page) + 1));
        let sql = format!("{} ORDER BY {order} LIMIT ${}", self.sql, self.args.len());
        (AssertSqlSafe(sql), self.args)
    }
}

/// A page of rows that were selected by [`Select::page`]; `key` is the place of a row in its list.
pub(super) fn listing<T>(
    mut rows: Vec<Row>,
    page: &Page,
    read: impl Fn(&Row) -> Result<T>,
    key: impl Fn(&Row) -> Result<String>,
) -> Result<Listing<T>> {
    let limit = usize::try_from(limit(page)).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = match rows.last() {
        Some(last) if more => Some(key(last)?),
        Some(_) | None => None,
    };
    Ok(Listing { items: rows.iter().map(read).collect::<Result<_>>()?, next })
}

fn limit(page: &Page) -> u32 {
    page.limit.clamp(1, MOST)
}

/// A cursor into the list of this name: of a text, for lists by name.
pub(super) fn text_cursor(list: &str, key: &str) -> String {
    URL_SAFE_NO_PAD.encode_to_string(format!("{list}:{key}"))
}

/// … of a time and what tells equal ones apart, for lists of the newest first.
pub(super) fn time_cursor(list: &str, (ms, seq): (i64, i64)) -> String {
    text_cursor(list, &format!("{ms}:{seq}"))
}

/// Behind which text the page begins.
pub(super) fn after_text(list: &str, page: &Page) -> Result<Option<String>> {
    let Some(cursor) = &page.after else { return Ok(None) };
    let bytes = URL_SAFE_NO_PAD.decode_to_vec(cursor).map_err(|_| StoreError::Cursor)?;
    let text = String::from_utf8(bytes).map_err(|_| StoreError::Cursor)?;
    match text.split_once(':') {
        Some((found, key)) if found == list && !key.contains('\0') => Ok(Some(key.to_owned())),
        Some(_) | None => Err(StoreError::Cursor),
    }
}

/// Behind which time the page begins; without a cursor, the end of time.
pub(super) fn after_time(list: &str, page: &Page) -> Result<(i64, i64)> {
    let Some(key) = after_text(list, page)? else { return Ok((i64::MAX, i64::MAX)) };
    let (ms, seq) = key.split_once(':').ok_or(StoreError::Cursor)?;
    let number = |text: &str| text.parse().map_err(|_| StoreError::Cursor);
    Ok((number(ms)?, number(seq)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(cursor: &str) -> Page {
        Page { after: Some(cursor.to_owned()), limit: 1 }
    }

    #[test]
    fn cursors_come_back() {
        assert_eq!(after_text("a", &behind(&text_cursor("a", "łódź: 1"))), Ok(Some("łódź: 1".to_owned())));
        assert_eq!(after_time("c", &behind(&time_cursor("c", (-1, 7)))), Ok((-1, 7)));
        assert_eq!(after_time("c", &Page::default()), Ok((i64::MAX, i64::MAX)));
    }

    #[test]
    fn cursors_of_others_are_refused() {
        let foreign = ["", "!", "a", &text_cursor("b", "x"), &text_cursor("c", "x"), &text_cursor("c", "1:\0")];
        for cursor in foreign {
            assert_eq!(after_time("c", &behind(cursor)), Err(StoreError::Cursor), "{cursor:?}");
        }
    }

    #[test]
    fn conditions_are_numbered() {
        let mut select = Select::new("SELECT * FROM t");
        select.and("a = ?", [Arg::from("x")]);
        select.and("(b, c) < (?, ?)", [Arg::from(1_i64), Arg::from(2_i64)]);
        let (AssertSqlSafe(sql), args) = select.page("b", &Page { after: None, limit: 5_000 });
        assert_eq!(sql, "SELECT * FROM t WHERE a = $1 AND (b, c) < ($2, $3) ORDER BY b LIMIT $4");
        assert!(matches!(args[3], Arg::Int(Some(1_001))));
    }
}
