//! Settings as they stand in documents, and what is wrong with them.

/// A value with the name of the setting that it comes from, for errors.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The setting's name as the operator knows it, such as `farewell.silence`.
    pub key: &'a str,
    /// Its value, or what was made of it.
    pub value: &'a str,
}

/// A setting that cannot stand in a document: the operator's mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the setting `{key}` cannot be used with Twilio: {problem}")]
pub struct TwimlError {
    /// The setting.
    pub key: String,
    /// What is wrong, and what would be right.
    pub problem: Problem,
}

/// What is wrong with a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not an absolute address of the right kind.
    #[error("it must make an absolute address that begins with {0} and a host")]
    Scheme(&'static str),
    /// A user's name in an address; signatures over it are ambiguous.
    #[error("its address must not hold a user name or password")]
    UserInfo,
    /// The vendor does not pass a stream's query string on.
    #[error("a stream's address must have neither query string nor fragment")]
    Query,
    /// White space, or a character that an address cannot hold unescaped.
    #[error("its address must be plain ASCII without spaces; write other characters as %XX")]
    Characters,
    /// A control character, which XML cannot carry.
    #[error("it must not hold control characters")]
    Control,
    /// Nothing at all.
    #[error("it must not be empty")]
    Empty,
    /// Too long.
    #[error("it is {length} characters long, at most {most} are possible")]
    TooLong {
        /// Its length.
        length: usize,
        /// The bound.
        most: usize,
    },
    /// Not a telephone number.
    #[error("it must be a telephone number with + and the country's code, such as +15551234567")]
    Number,
    /// Not the name of a language.
    #[error("it must be a language such as en-US")]
    Language,
}

impl Setting<'_> {
    pub(super) fn refused(&self, problem: Problem) -> TwimlError {
        TwimlError { key: self.key.to_owned(), problem }
    }
}

pub(super) fn check_url(setting: Setting<'_>, schemes: &'static [&'static str]) -> Result<(), TwimlError> {
    let rest = schemes.iter().find_map(|scheme| setting.value.strip_prefix(scheme));
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let problem = if authority.is_empty() || authority.starts_with(':') {
        Problem::Scheme(schemes[0])
    } else if authority.contains('@') {
        Problem::UserInfo
    } else if !setting.value.bytes().all(|byte| byte.is_ascii_graphic()) {
        Problem::Characters
    } else {
        return Ok(());
    };
    Err(setting.refused(problem))
}

pub(super) fn check_language(language: Setting<'_>) -> Result<(), TwimlError> {
    let is_language = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if (2..=20).contains(&language.value.len()) && language.value.chars().all(is_language) {
        Ok(())
    } else {
        Err(language.refused(Problem::Language))
    }
}

pub(super) fn check_text(setting: Setting<'_>, most: usize) -> Result<(), TwimlError> {
    // What XML 1.0 cannot carry, not even escaped.
    let refused =
        |c: char| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || matches!(c, '\u{fffe}' | '\u{ffff}');
    if setting.value.contains(refused) {
        return Err(setting.refused(Problem::Control));
    }
    let length = setting.value.chars().count();
    if length > most { Err(setting.refused(Problem::TooLong { length, most })) } else { Ok(()) }
}
