//! An assistant as a document: the keys of an `[[assistant]]` table, as JSON or as a file of its own. Read by the same
//! reader as the server's file, so that there is one truth for what a setting may be.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use toml::Spanned;

use super::{
    Assistant, Config, Limits,
    error::{Problem, Text},
    file::AssistantTable,
    path,
    publish::{self, Publication},
    reader::Reader,
};
use crate::{assistant::FarewellKind, model::openai, tts::elevenlabs};

/// What of the server's own settings decides what an assistant may be. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Context {
    pub(super) limits: Limits,
    pub(super) openai: Option<Arc<openai::Access>>,
    pub(super) elevenlabs: Option<Arc<elevenlabs::Access>>,
}

/// A field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// Where it stands, such as `farewell.voice.provider` or `intents[1].url`; empty: the whole.
    pub path: String,
    /// What was expected.
    pub message: String,
}

/// An assistant's definition: readable, with everything within its bounds. Whether it can be published is another question
/// ([`Definition::publication`]).
#[derive(Clone, Debug)]
pub struct Definition {
    document: Value,
    assistant: Assistant,
    warnings: Vec<String>,
}

impl Config {
    /// What definitions are read with.
    #[must_use]
    pub fn context(&self) -> Context {
        Context {
            limits: self.limits,
            openai: self.openai.as_ref().map(|account| Arc::clone(&account.access)),
            elevenlabs: self.elevenlabs.as_ref().map(|account| Arc::clone(&account.access)),
        }
    }
}

impl Context {
    /// The account with OpenAI.
    #[must_use]
    pub fn openai(&self) -> Option<&openai::Access> {
        self.openai.as_deref()
    }
}

impl Definition {
    /// Reads a JSON object.
    ///
    /// # Errors
    ///
    /// Every mistake, by its field.
    pub fn from_json(document: &Value, context: &Context) -> Result<Self, Vec<FieldProblem>> {
        let problem = |path: String, message: String| vec![FieldProblem { path, message }];
        let Value::Object(_) = document else {
            return Err(problem(String::new(), "expected an object with the keys of an assistant".to_owned()));
        };
        let document = without_nulls(document, "").map_err(|(path, message)| problem(path, message))?;
        let text = toml::to_string(&document).map_err(|error| problem(String::new(), error.to_string()))?;
        Self::read(&text, document, context).map_err(|problems| {
            let field = |problem: &Problem| FieldProblem {
                path: problem.span().map_or_else(String::new, |span| path::at(&text, span)),
                message: problem.message().to_owned(),
            };
            problems.iter().map(field).collect()
        })
    }

    /// Reads a file of its own: the keys of an `[[assistant]]` table, at its top.
    ///
    /// # Errors
    ///
    /// Every mistake, with its line.
    pub fn from_toml(text: &str, file: &Path, context: &Context) -> Result<Self, super::ConfigError> {
        let source = Text { file, text };
        let document = toml::from_str::<Value>(text).map_err(|error| vec![source.parser(&error)]);
        let read = document.and_then(|document| Self::read_at(source, document, context));
        read.map_err(super::ConfigError::new)
    }

    fn read(text: &str, document: Value, context: &Context) -> Result<Self, Vec<Problem>> {
        Self::read_at(Text { file: Path::new("assistant"), text }, document, context)
    }

    fn read_at(source: Text<'_>, document: Value, context: &Context) -> Result<Self, Vec<Problem>> {
        let table: AssistantTable = toml::from_str(source.text).map_err(|error| vec![source.parser(&error)])?;
        let none = |_: &str| None;
        let mut reader = Reader::new(source, &none);
        reader.has_openai_table = context.openai.is_some();
        reader.has_elevenlabs_table = context.elevenlabs.is_some();
        reader.elevenlabs.clone_from(&context.elevenlabs);
        if let Some(first) = table.numbers.first() {
            let message = "numbers are assigned, not written here: `quietline number assign +1… --assistant NAME`";
            reader.wrong(first.span(), message);
        }
        let table = Spanned::new(0..source.text.len().min(1), table);
        let assistant = reader.assistant(&table, &context.limits, context.openai.as_ref());
        if reader.problems.is_empty() {
            Ok(Self { document, assistant, warnings: reader.warnings })
        } else {
            Err(reader.problems)
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.assistant.name
    }

    /// As it was written, without what was `null`.
    #[must_use]
    pub fn json(&self) -> Value {
        self.document.clone()
    }

    /// What it means.
    #[must_use]
    pub const fn assistant(&self) -> &Assistant {
        &self.assistant
    }

    /// What publishing it would say.
    #[must_use]
    pub fn publication(&self) -> Publication {
        let mut publication = publish::check(&self.assistant);
        publication.warnings.extend(self.warnings.iter().cloned());
        publication
    }

    /// What to warn of when the farewell of this kind lasts so long.
    #[must_use]
    pub fn fits(&self, kind: FarewellKind, length: Duration) -> Option<String> {
        publish::fits(kind, length)
    }
}

/// TOML has no null: a key that is null is not written.
fn without_nulls(value: &Value, path: &str) -> Result<Value, (String, String)> {
    match value {
        Value::Object(object) => {
            let keys = object.iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                Ok::<_, (String, String)>((key.clone(), without_nulls(value, &below)?))
            });
            Ok(Value::Object(keys.collect::<Result<_, _>>()?))
        }
        Value::Array(items) => {
            let items = items.iter().enumerate().map(|(place, item)| without_nulls(item, &format!("{path}[{place}]")));
            Ok(Value::Array(items.collect::<Result<_, _>>()?))
        }
        Value::Null => Err((path.to_owned(), "null cannot stand in a list".to_owned())),
        Value::Number(number)
            if number.as_i64().is_none() && number.as_f64().is_none_or(|n| n.fract() == 0.0 && number.is_u64()) =>
        {
            Err((path.to_owned(), format!("{number} is larger than any setting may be")))
        }
        Value::Number(_) | Value::Bool(_) | Value::String(_) => Ok(value.clone()),
    }
}
