/// Something was changed.
///
/// With an empty id it may have been any of its kind, several too: read them all anew. So it is told when the connection to
/// PostgreSQL was lost for a while, and when another process has written to the SQLite file (which says no more than that).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What kind of thing.
    pub subject: Subject,
    /// Which: its id, number or name; empty if that is not known.
    pub id: String,
}

/// Kinds of things that change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An assistant or one of its versions.
    Assistant,
    /// A number.
    Number,
    /// A call's record.
    Call,
    /// A text message.
    Text,
    /// A token.
    Token,
    /// A setting of the server.
    Setting,
    /// A webhook that waits.
    Hook,
}

impl Subject {
    /// All.
    pub const ALL: [Self; 7] =
        [Self::Assistant, Self::Number, Self::Call, Self::Text, Self::Token, Self::Setting, Self::Hook];

    /// Its name between processes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Assistant => "assistant",
            Self::Number => "number",
            Self::Call => "call",
            Self::Text => "text",
            Self::Token => "token",
            Self::Setting => "setting",
            Self::Hook => "hook",
        }
    }
}

impl Change {
    /// Of this kind, any.
    pub(super) const fn any(subject: Subject) -> Self {
        Self { subject, id: String::new() }
    }
}
