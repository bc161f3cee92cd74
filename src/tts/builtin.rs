//! Recordings of the default texts, in English: what is played when nothing else is ready. Texts and licences:
//! `fixtures/voices/README.md`.

use crate::assistant::FarewellKind;

macro_rules! voice {
    ($name:literal) => {
        include_bytes!(concat!("../../fixtures/voices/en/", $name, ".ulaw"))
    };
}

/// The built-in recording of a default farewell, G.711 µ-law at 8 kHz.
#[must_use]
pub fn builtin_farewell(kind: FarewellKind) -> &'static [u8] {
    match kind {
        FarewellKind::Silence => voice!("farewell-silence"),
        FarewellKind::HangupCall => voice!("farewell-hangup_call"),
        FarewellKind::MaxDuration => voice!("farewell-max_duration"),
        FarewellKind::Drain => voice!("farewell-drain"),
        FarewellKind::Operator => voice!("farewell-operator"),
        FarewellKind::ModelLost => voice!("farewell-model_lost"),
        FarewellKind::NoAnswer => voice!("farewell-no_answer"),
    }
}

/// The default text of a farewell, in English: what [`builtin_farewell`] says.
#[must_use]
pub const fn default_text(kind: FarewellKind) -> &'static str {
    match kind {
        FarewellKind::Silence => "I haven't heard from you, disconnecting the call now. Thank you for your time.",
        FarewellKind::HangupCall => "Goodbye.",
        FarewellKind::MaxDuration => "We have reached the time limit for this call. Thank you, goodbye.",
        FarewellKind::Drain => {
            "I'm sorry, this service is restarting, so I have to end the call now. Please call again in a moment. Goodbye."
        }
        FarewellKind::Operator => "I'm sorry, this call has to end now. Thank you, goodbye.",
        FarewellKind::ModelLost => {
            "I'm sorry, there is a technical problem, so I have to end the call now. Please try again later."
        }
        FarewellKind::NoAnswer => "I'm sorry, I can't answer at the moment. Please try again later.",
    }
}

/// The text of the filler, in English: what [`builtin_filler`] says.
#[must_use]
pub const fn default_filler() -> &'static str {
    "One moment, please."
}

/// The built-in filler phrase ("One moment, please."), µ-law.
#[must_use]
pub fn builtin_filler() -> &'static [u8] {
    voice!("filler")
}

/// The default text of the reminder, in English: what [`builtin_reminder`] says.
#[must_use]
pub const fn default_reminder() -> &'static str {
    "Are you still there?"
}

/// The built-in reminder ([`default_reminder`]), µ-law.
#[must_use]
pub fn builtin_reminder() -> &'static [u8] {
    voice!("reminder")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_text_has_its_recording() {
        let texts: serde_json::Value =
            serde_json::from_str(include_str!("../../fixtures/voices/en/texts.json")).unwrap();
        for kind in FarewellKind::ALL {
            assert_eq!(texts[format!("farewell-{}", kind.name())], default_text(kind));
            let recording = builtin_farewell(kind);
            assert!(recording.len() > 4_000 && recording.len().is_multiple_of(160), "{kind:?}");
        }
        assert_eq!(texts["reminder"], default_reminder());
        assert_eq!(texts["filler"], default_filler());
    }
}
