//! What keeps a model from answering, and whose fault it is.

use std::fmt;

/// Why a model is lost, or cannot answer. `Display` says what is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ModelFault {
    /// The key is missing, wrong, or has no right to this.
    Key,
    /// The account has nothing left.
    Quota,
    /// Too much was asked of the account in too short a time.
    RateLimit,
    /// There is no such model or deployment, or it cannot do this.
    Model,
    /// The server refused the session's settings.
    Settings,
    /// The server speaks another protocol.
    Protocol,
    /// The vendor's longest session was reached.
    Expired,
    /// The server failed, or closed the connection.
    Server,
    /// The server could not be reached, or the connection broke.
    Network,
    /// The server did not get a session ready in time.
    TimedOut,
    /// We had no room for the connection.
    Overloaded,
}

impl ModelFault {
    /// Its name in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Quota => "quota",
            Self::RateLimit => "rate_limit",
            Self::Model => "model",
            Self::Settings => "settings",
            Self::Protocol => "protocol",
            Self::Expired => "expired",
            Self::Server => "server",
            Self::Network => "network",
            Self::TimedOut => "timed_out",
            Self::Overloaded => "overloaded",
        }
    }

    /// Another attempt comes to the same until somebody changes something.
    #[must_use]
    pub const fn is_lasting(self) -> bool {
        match self {
            Self::Key | Self::Quota | Self::Model | Self::Settings | Self::Protocol => true,
            Self::RateLimit | Self::Expired | Self::Server | Self::Network | Self::TimedOut | Self::Overloaded => false,
        }
    }
}

impl fmt::Display for ModelFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "the model's server does not accept the key: check the key, and that it may use this model",
            Self::Quota => "the account with the model's vendor has nothing left: check its plan and billing",
            Self::RateLimit => "the account's rate limit is reached: ask the vendor for more, or take fewer calls",
            Self::Model => "the model's server does not know this model: check its name (on Azure: of the deployment)",
            Self::Settings => "the model's server refuses the assistant's settings: check the one that is named",
            Self::Protocol => "the model's server speaks another protocol: check its address; GA realtime is needed",
            Self::Expired => "the model's session reached the vendor's longest time: a new one takes its place",
            Self::Server => "the model's server failed or closed the connection: see the vendor's status page",
            Self::Network => "the model's server cannot be reached: check its address, and network and DNS here",
            Self::TimedOut => "the model's server did not get a session ready in time: see the vendor's status page",
            Self::Overloaded => "too many connections to models wait here: take fewer calls, or add a server",
        })
    }
}
