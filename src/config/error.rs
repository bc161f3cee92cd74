//! What is wrong with the configuration, and where: the operator's mistakes.

use std::fmt;
use std::ops::Range;
use std::path::Path;

/// The configuration cannot be used. Every mistake that could be found at once, each with its place.
///
/// Neither `Display` nor `Debug` shows a secret, nor what might be one in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        debug_assert!(!problems.is_empty());
        Self { problems }
    }

    /// The mistakes, in the order in which they were found; at least one.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            if n > 0 {
                f.write_str("\n\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    place: String,
    message: String,
    /// The line, with a caret under what is meant.
    excerpt: String,
    /// Where in the text.
    span: Option<Range<usize>>,
}

impl Problem {
    /// Somewhere else than in the text of a file: a variable, or the file as a whole.
    pub(super) fn at(place: impl fmt::Display, message: impl Into<String>) -> Self {
        Self { place: place.to_string(), message: masked(&message.into()), excerpt: String::new(), span: None }
    }

    /// Where in the text it is, in bytes; `None` if it is somewhere else.
    pub(super) const fn span(&self) -> Option<&Range<usize>> {
        self.span.as_ref()
    }

    /// Where it is: `file:line:column`, or the name of a variable or file.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What is wrong, and what would be right.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}{}", self.place, self.message, self.excerpt)
    }
}

/// How much of the line is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Show {
    /// The line; but not the value of a key that sounds like a secret.
    Line,
    /// The line: its value was looked at, it is the name of something.
    Name,
    /// What stands before the marked place: it may be a secret.
    Before,
    /// The line to the end of the marked place: what follows may be a secret.
    Through,
}

/// A file's text, for excerpts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    pub(super) file: &'a Path,
    pub(super) text: &'a str,
}

impl Text<'_> {
    /// A mistake at this place of the text.
    pub(super) fn problem(&self, span: Range<usize>, show: Show, message: impl Into<String>) -> Problem {
        let at = self.text.floor_char_boundary(span.start.min(self.text.len()));
        let line_start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let number = self.text[..line_start].matches('\n').count() + 1;
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        let column = self.text[line_start..at].chars().count();
        let marked = self.text.get(at..span.end).and_then(|text| text.lines().next()).unwrap_or_default();
        let (start, end) = (at - line_start, at - line_start + marked.len());
        let shown_to = match show {
            Show::Line => line.find('=').filter(|equals| sounds_secret(&line[..*equals])).map(|equals| equals + 1),
            Show::Name => None,
            Show::Before => Some(start),
            Show::Through => Some(end),
        };
        let shown = match shown_to {
            Some(to) => format!("{} …", masked(line.get(..to).unwrap_or_default()).trim_end()),
            None => masked(line),
        };
        // The length of what is not shown is not told either.
        let is_hidden = shown_to.is_some_and(|to| to < end);
        let carets = "^".repeat(if is_hidden { 1 } else { marked.chars().count().max(1) });
        let gutter = " ".repeat(number.to_string().len());
        let shown = shown.replace('\t', " ");
        let excerpt = format!("\n{gutter} |\n{number} | {shown}\n{gutter} | {}{carets}", " ".repeat(column));
        let place = format!("{}:{number}:{}", self.file.display(), column + 1);
        Problem { place, message: masked(&message.into()), excerpt, span: Some(span) }
    }

    /// The parser's mistake, in our words.
    pub(super) fn parser(&self, error: &toml::de::Error) -> Problem {
        let span = error.span().unwrap_or(0..0);
        let message = error.message();
        if let Some((key, known)) = unknown_key(message) {
            let message = if sounds_secret(key) {
                secret_in_file(key)
            } else if known.is_empty() {
                format!("unknown key `{key}`: none is known here")
            } else {
                format!("unknown key `{key}`; known here: {known}")
            };
            return self.problem(span, Show::Through, message);
        }
        self.problem(span, Show::Line, without_text(message))
    }
}

/// The key and the known ones of a message about an unknown key.
fn unknown_key(message: &str) -> Option<(&str, String)> {
    let (key, rest) = message.strip_prefix("unknown field `")?.split_once('`')?;
    let known = rest.trim_start_matches(", ").trim_start_matches("expected ").trim_start_matches("one of ");
    let known = if known.contains('`') { known.replace("` or `", "`, `") } else { String::new() };
    Some((key, known))
}

fn secret_in_file(key: &str) -> String {
    let file = key.to_lowercase();
    // The keys of vendors are called `api_key`; what else sounds like a secret belongs to the carrier's account.
    let (name, variable) =
        if file == "api_key" { ("api_key", "OPENAI_API_KEY") } else { ("auth_token", "TWILIO_AUTH_TOKEN") };
    format!(
        "`{key}`: a secret must not stand in this file. Put it into an environment variable and name that, such as \
         {name}_env = \"{variable}\", or into a file of its own, such as {name}_file = \"/run/secrets/{file}\"; \
         whoever has read this file may know it now, so change it"
    )
}

/// A key whose value may be a secret.
fn sounds_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    ["token", "secret", "password", "passwd", "credential", "_key", "apikey"].iter().any(|word| key.contains(word))
}

/// The parser quotes texts that stand where something else is expected: leave them out.
fn without_text(message: &str) -> String {
    for what in ["invalid type: string \"", "invalid value: string \""] {
        if let Some(rest) = message.strip_prefix(what) {
            let behind = rest.rfind("\", expected").map_or("", |at| &rest[at + 1..]);
            return format!("not a text{behind}");
        }
    }
    message.to_owned()
}

/// Shortest run of letters and digits that may be a secret in the wrong place: tokens and keys are longer.
const SECRET_RUN: usize = 20;

/// The text with everything blanked that could be a secret: long runs of letters with digits among them.
fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    for piece in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let run = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if run.len() >= SECRET_RUN && run.bytes().any(|byte| byte.is_ascii_digit()) {
            masked.push_str(&"*".repeat(run.len()));
            masked.push_str(&piece[run.len()..]);
        } else {
            masked.push_str(piece);
        }
    }
    masked
}
