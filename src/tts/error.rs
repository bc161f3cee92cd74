//! Why a phrase was not rendered: whose fault it is and what to do about it.

use std::fmt;
use std::time::Duration;

/// A phrase could not be rendered. `Display` never shows the text, nor the vendor's own words, which may quote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TtsError {
    /// The vendor does not take the key.
    Key,
    /// The account has no credit or no characters left.
    Quota,
    /// The key, or the plan, does not allow it.
    Permission,
    /// There is no such voice.
    Voice,
    /// There is no such model, or not any more.
    Model,
    /// Too many requests; the vendor may say when the next one is welcome.
    Rate {
        /// As the vendor says.
        retry_after: Option<Duration>,
    },
    /// The vendor has no room at the moment.
    Busy,
    /// The text is too long.
    Length,
    /// The vendor does not take the request; its code for that, or why we do not send it.
    Refused(String),
    /// The model said other words than it was given, each time.
    Wording {
        /// How often it was asked.
        tries: u32,
    },
    /// Nobody there.
    Connect,
    /// Not within its time.
    TimedOut,
    /// The answer broke off in the middle.
    Broken,
    /// The answer is no speech that can be played.
    BadAudio(BadAudio),
    /// The vendor failed, or answered with something else.
    Vendor {
        /// HTTP status; 0 for a failure inside a session.
        status: u16,
    },
}

/// Why an answer is no speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadAudio {
    /// Not a single sample.
    Empty,
    /// Text where sound should be: an error page or message.
    Text,
    /// A file of this kind where raw samples should be.
    Container(&'static str),
    /// More than 60 s.
    TooLong,
    /// Nothing to be heard in it.
    Silent,
}

impl TtsError {
    /// Whether waiting may help. If not, somebody has to change something first.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Rate { .. } | Self::Busy | Self::Connect | Self::TimedOut | Self::Broken | Self::BadAudio(_) => true,
            Self::Vendor { status } => *status == 0 || *status >= 500,
            Self::Key
            | Self::Quota
            | Self::Permission
            | Self::Voice
            | Self::Model
            | Self::Length
            | Self::Refused(_)
            | Self::Wording { .. } => false,
        }
    }

    /// How long the vendor asks us to wait.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Rate { retry_after } => *retry_after,
            Self::Key
            | Self::Quota
            | Self::Permission
            | Self::Voice
            | Self::Model
            | Self::Busy
            | Self::Length
            | Self::Refused(_)
            | Self::Wording { .. }
            | Self::Connect
            | Self::TimedOut
            | Self::Broken
            | Self::BadAudio(_)
            | Self::Vendor { .. } => None,
        }
    }
}

impl fmt::Display for TtsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key => f.write_str("the vendor does not take the key: look at the variable or file that holds it"),
            Self::Quota => f.write_str("the account has no credit left: look at its billing"),
            Self::Permission => {
                f.write_str("the key or the plan does not allow this: look at the account's permissions")
            }
            Self::Voice => f.write_str("the vendor has no such voice: look at `voice` (`quietline voices` lists them)"),
            Self::Model => f.write_str("the vendor has no such model, or not any more: look at `model`"),
            Self::Rate { retry_after: Some(after) } => {
                write!(f, "the vendor asks for a pause of {} s: too many requests", after.as_secs_f64())
            }
            Self::Rate { retry_after: None } => f.write_str("the vendor asks for a pause: too many requests"),
            Self::Busy => f.write_str("the vendor is busy: it is asked again later"),
            Self::Length => f.write_str("the text is too long for this voice: shorten it"),
            Self::Refused(why) => {
                write!(f, "the request is refused ({why}): look at the text and the voice's settings")
            }
            Self::Wording { tries } => {
                write!(f, "the model said other words than it was given, {tries} times: take another provider or model")
            }
            Self::Connect => f.write_str("the vendor cannot be reached: look at base_url and the network"),
            Self::TimedOut => f.write_str("the vendor did not answer in time: it is slow, or the network is"),
            Self::Broken => f.write_str("the vendor's answer broke off: its fault or the network's"),
            Self::BadAudio(BadAudio::Empty) => f.write_str("the vendor sent no sound"),
            Self::BadAudio(BadAudio::Text) => {
                f.write_str("the vendor sent text where sound should be: look at base_url")
            }
            Self::BadAudio(BadAudio::Container(kind)) => {
                write!(f, "the vendor sent {kind} where raw samples were asked for: look at base_url")
            }
            Self::BadAudio(BadAudio::TooLong) => f.write_str("what the vendor sent lasts more than 60 s"),
            Self::BadAudio(BadAudio::Silent) => f.write_str("there is nothing to be heard in what the vendor sent"),
            Self::Vendor { status: 0 } => f.write_str("the vendor failed within its session"),
            Self::Vendor { status: 404 } => {
                f.write_str("the vendor knows no such address (HTTP 404): look at base_url")
            }
            Self::Vendor { status } if *status >= 500 => write!(f, "the vendor failed (HTTP {status})"),
            Self::Vendor { status } => write!(f, "the vendor answered with HTTP {status}, which says nothing to us"),
        }
    }
}

impl std::error::Error for TtsError {}

/// A vendor's code for something, if it is one: never a sentence, which may quote the text.
pub(super) fn code(text: &str) -> Option<String> {
    let is_code = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (!text.is_empty() && text.len() <= 64 && text.bytes().all(is_code)).then(|| text.to_owned())
}
