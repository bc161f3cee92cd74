//! Why a call got no stream, in few words: so few that calls can be counted by them.

use crate::lab::twilio::{CallEvent, CallReport, Webhook};

/// The document of a gateway that is busy.
pub(super) const REJECTED: &str = "rejected by the document";

/// `None` if it had a stream.
pub(super) fn refusal(report: &CallReport) -> Option<String> {
    if report.stream.is_some() {
        return None;
    }
    Some(of(report.events.iter().map(|(_, event)| event)).unwrap_or_else(|| match report.document {
        None => "no answer to the webhook".to_owned(),
        Some(_) => "no stream in the document".to_owned(),
    }))
}

/// The latest that explains it.
fn of<'a>(events: impl DoubleEndedIterator<Item = &'a CallEvent>) -> Option<String> {
    events.rev().find_map(|event| {
        if let CallEvent::Handshake { answer, .. } = event {
            return Some(match answer {
                Ok(status) => format!("handshake: {status}"),
                Err(why) => format!("handshake: {why}"),
            });
        }
        if let CallEvent::Asked { webhook: Webhook::Voice, answer, .. } = event {
            return match answer {
                Ok(status @ 400..) => Some(format!("HTTP {status}")),
                Ok(_) => None,
                Err(why) => Some(format!("webhook: {why}")),
            };
        }
        let rejects = |verbs: &String| verbs.starts_with("Reject");
        matches!(event, CallEvent::Document(verbs) if rejects(verbs)).then(|| REJECTED.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(answer: Result<u16, String>) -> CallEvent {
        CallEvent::Asked { webhook: Webhook::Voice, url: "https://gate.example.com/".to_owned(), answer }
    }

    #[test]
    fn the_kind_of_a_refusal_is_what_came_last() {
        let kind = |events: &[CallEvent]| of(events.iter());
        let handshake = |answer| CallEvent::Handshake { url: "wss://gate.example.com/".to_owned(), answer };
        assert_eq!(kind(&[asked(Ok(503))]).as_deref(), Some("HTTP 503"));
        assert_eq!(kind(&[asked(Err("refused".to_owned()))]).as_deref(), Some("webhook: refused"));
        assert_eq!(kind(&[asked(Ok(200)), CallEvent::Document("Reject".to_owned())]).as_deref(), Some(REJECTED));
        let connect = CallEvent::Document("Connect".to_owned());
        assert_eq!(kind(&[asked(Ok(200)), connect.clone(), handshake(Ok(401))]).as_deref(), Some("handshake: 401"));
        assert_eq!(kind(&[asked(Ok(200)), connect]), None);
    }
}
