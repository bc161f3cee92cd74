/// What the offline model does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Behaviour {
    /// Greets, listens and answers: the default.
    #[default]
    Talk,
    /// Cannot be reached: every connection is lost at once.
    Fail,
    /// Is there and hears, but never answers.
    Stall,
    /// Answers each turn with what the caller said in it, in the caller's own voice; all else is as with `Talk`.
    Echo,
}

impl Behaviour {
    /// Every behaviour, in the order in which they are listed to users.
    pub const ALL: [Self; 4] = [Self::Talk, Self::Fail, Self::Stall, Self::Echo];

    /// The name in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Talk => "talk",
            Self::Fail => "fail",
            Self::Stall => "stall",
            Self::Echo => "echo",
        }
    }
}

impl std::str::FromStr for Behaviour {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|b| b.name() == s).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|b| b.name()).collect();
            format!("no behaviour of the offline model is called {s:?}; there are {}", names.join(", "))
        })
    }
}
