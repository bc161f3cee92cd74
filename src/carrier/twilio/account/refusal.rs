use serde::Deserialize;

use crate::wire::Failure;

/// Why a request about the account came to nothing: whose fault, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestError {
    /// Twilio refused it.
    #[error("Twilio refused it ({status}{}): {}", code.map_or_else(String::new, |code| format!(", error {code}")), advice(*status, *code, message))]
    Refused {
        /// HTTP status.
        status: u16,
        /// Twilio's own code.
        code: Option<u32>,
        /// In Twilio's words.
        message: String,
    },
    /// There was no answer.
    #[error("Twilio did not answer ({0}): check the network and twilio.rest.base_url, then look whether it was done")]
    NoAnswer(Failure),
    /// The answer cannot be read.
    #[error("Twilio's answer cannot be read ({0}): check twilio.rest.base_url")]
    Unreadable(String),
}

impl RestError {
    pub(super) fn refused(status: u16, body: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Body {
            code: Option<u32>,
            message: String,
        }
        let Body { code, message } = serde_json::from_slice(body).unwrap_or_default();
        // It is shown to people: no more than a line.
        let message = message.chars().filter(|c| !c.is_control()).take(300).collect();
        Self::Refused { status, code, message }
    }

    /// Twilio's own code.
    #[must_use]
    pub const fn code(&self) -> Option<u32> {
        match self {
            Self::Refused { code, .. } => *code,
            Self::NoAnswer(_) | Self::Unreadable(_) => None,
        }
    }

    /// It may have been done all the same: a change must not be tried again before somebody has looked.
    #[must_use]
    pub const fn outcome_unknown(&self) -> bool {
        match self {
            Self::NoAnswer(failure) => !matches!(failure, Failure::Connect | Failure::Overloaded),
            Self::Unreadable(_) => true,
            Self::Refused { status, .. } => *status >= 500,
        }
    }

    /// There is no such thing.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

fn advice(status: u16, code: Option<u32>, message: &str) -> &str {
    match (status, code) {
        (_, Some(20003)) | (401, _) => "the account SID or its auth token is wrong, or of another region",
        (_, Some(20005)) => "the account is not active: see Twilio's console",
        (_, Some(20404)) | (404, None) => "there is no such thing in this account",
        (_, Some(20429)) | (429, _) => "too many requests: try again in a moment",
        (_, Some(21211)) => "the number called is none: expected + and the country's code",
        (_, Some(21212 | 21660)) => "the number it is from is not one of this account",
        (_, Some(21408)) => "the account may not reach this country: allow it in Twilio's console (geo permissions)",
        (_, Some(21422)) => "the number is no longer for sale: search again",
        (_, Some(21608)) => "a trial account reaches only numbers that were verified in Twilio's console",
        (_, Some(21610)) => "the person has opted out of texts from this number",
        (_, Some(21612 | 21614)) => "the number cannot be reached by text",
        (_, Some(21617)) => "the text is longer than 1,600 characters",
        (_, Some(21631)) => "Twilio wants an address for numbers of this country: add one in Twilio's console",
        (500.., _) => "a fault at Twilio: look whether it was done before you try again",
        _ if message.is_empty() => "it gave no reason",
        _ => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do() {
        let body = br#"{"code": 21422, "message": "PhoneNumber is not available", "status": 400}"#;
        let error = RestError::refused(400, body);
        assert_eq!(
            error.to_string(),
            "Twilio refused it (400, error 21422): the number is no longer for sale: search again"
        );
        assert_eq!((error.code(), error.outcome_unknown()), (Some(21422), false));
        let other = RestError::refused(400, br#"{"code": 1, "message": "Something\r\nelse"}"#);
        assert!(other.to_string().ends_with("error 1): Somethingelse"), "{other}");
        assert!(RestError::refused(503, b"<html>").outcome_unknown());
        assert!(RestError::NoAnswer(Failure::TimedOut).outcome_unknown());
        assert!(!RestError::NoAnswer(Failure::Connect).outcome_unknown(), "it was never sent");
    }
}
