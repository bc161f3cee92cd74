/// Something was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What kind of thing.
    pub subject: Subject,
    /// Which: its id, number or name.
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
