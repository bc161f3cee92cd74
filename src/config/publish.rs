//! Whether an assistant can be published, and what to warn of.

use std::time::Duration;

use super::{Assistant, Channel, FieldProblem, ModelChoice};
use crate::{
    assistant::FarewellKind,
    intent::{self, Action},
};

/// An ending on request of the model must be over by then.
const HANGUP_WINDOW: Duration = Duration::from_secs(5);
/// So must these.
const SHORT_WINDOW: Duration = Duration::from_secs(8);

/// What publishing says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Publication {
    /// What keeps it from being published.
    pub errors: Vec<FieldProblem>,
    /// What works, but perhaps not as it was meant.
    pub warnings: Vec<String>,
    /// What happens besides.
    pub notes: Vec<String>,
}

/// Words by which a system message speaks of ending the call, in the languages that we know farewells of.
const HANGUP_WORDS: [&str; 20] = [
    "hang up",
    "hang-up",
    "hangup",
    "end the call",
    "disconnect",
    "close the line",
    "terminate the call",
    "auflegen",
    "lege auf",
    "beende den anruf",
    "beende das gespräch",
    "colgar",
    "cuelga",
    "termina la llamada",
    "raccroch",
    "mettre fin à l'appel",
    "riagganci",
    "termina la chiamata",
    "desligar",
    "encerrar a chamada",
];

/// Looks at what must hold between settings before callers meet them.
pub(super) fn check(assistant: &Assistant) -> Publication {
    let mut told = Publication::default();
    if assistant.channels.contains(&Channel::Call) && !assistant.api_access {
        told.errors.push(FieldProblem {
            path: "api_access".to_owned(),
            message: "an assistant can be published for calls only with API access enabled: set api_access = true"
                .to_owned(),
        });
    }
    if assistant.channels.contains(&Channel::Text) && matches!(assistant.model, ModelChoice::Offline(_)) {
        let message = "texts are not answered: the offline agent does not write; set model.provider = \"openai\"";
        told.warnings.push(message.to_owned());
    }
    for (place, intent) in assistant.intents.iter().enumerate() {
        if !intent.api_access && intent.required {
            told.errors.push(FieldProblem {
                path: format!("intents[{place}].api_access"),
                message: format!(
                    "the intent {:?} is required, and its API access is switched off: set api_access = true for it, or \
                     required = false",
                    intent.name
                ),
            });
        } else if !intent.api_access {
            told.warnings.push(format!("the intent {:?} is not offered: its API access is switched off", intent.name));
        }
    }
    for name in &assistant.mentioned {
        if !assistant.intents.iter().any(|intent| intent.name == *name) {
            told.errors.push(FieldProblem {
                path: "system_message".to_owned(),
                message: format!("it speaks of the intent {name:?} by {{{{intent:{name}}}}}, and there is none"),
            });
        }
    }
    hanging_up(assistant, &mut told);
    told
}

fn hanging_up(assistant: &Assistant, told: &mut Publication) {
    let settings = &assistant.settings;
    if assistant.switched_on_by_message {
        told.notes.push("{{hangup_instructions}} in the system message has switched hangup_call on".to_owned());
    }
    let ends = |intent: &&intent::Definition| intent.ends_call && intent.api_access;
    let ending: Vec<_> = assistant.intents.iter().filter(ends).collect();
    for intent in &ending {
        let how = match &intent.action {
            Action::Prompt(_) => "by its prompt",
            Action::Http(_) => "once it has succeeded",
        };
        told.notes.push(format!("the intent {:?} ends the call {how}", intent.name));
    }
    if settings.hangup_call.is_none() && ending.is_empty() {
        let message = assistant.system_message.to_lowercase();
        if let Some(words) = HANGUP_WORDS.into_iter().find(|words| message.contains(words)) {
            told.warnings.push(format!(
                "the system message says {words:?}, but the assistant cannot end a call: switch tools.hangup_call on, or \
                 write {{{{hangup_instructions}}}} there"
            ));
        }
    }
}

/// What to warn of when the farewell of this kind lasts so long.
pub(super) fn fits(kind: FarewellKind, length: Duration) -> Option<String> {
    let window = match kind {
        FarewellKind::HangupCall => HANGUP_WINDOW,
        FarewellKind::Drain | FarewellKind::Operator => SHORT_WINDOW,
        FarewellKind::Silence | FarewellKind::MaxDuration | FarewellKind::ModelLost | FarewellKind::NoAnswer => {
            return None;
        }
    };
    (length > window).then(|| {
        format!(
            "farewell.{} lasts {:.1} s, its window is {} s: its end is cut off at a pause",
            kind.name(),
            length.as_secs_f64(),
            window.as_secs()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_farewell_must_fit_its_window() {
        let ms = Duration::from_millis;
        assert_eq!(
            fits(FarewellKind::HangupCall, ms(6_100)).as_deref(),
            Some("farewell.hangup_call lasts 6.1 s, its window is 5 s: its end is cut off at a pause")
        );
        assert_eq!(fits(FarewellKind::HangupCall, ms(5_000)), None);
        assert_eq!(fits(FarewellKind::Silence, ms(20_000)), None);
    }
}
