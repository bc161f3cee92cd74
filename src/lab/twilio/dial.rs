//! `<Dial>`: somebody else is called, and the caller joined to them.

use std::time::Duration;

use super::{
    config::Callee,
    document::Link,
    events::{CallEvent, Webhook},
    follow::{Flow, Follower, resolved},
    forms::Form,
};

/// A refused call is known after this time.
const REFUSED: Duration = Duration::from_millis(200);

impl Follower {
    /// Calls `number`, and asks `action` what comes next.
    pub(super) async fn dial(&mut self, base: &str, number: &str, timeout: Duration, action: Option<Link>) -> Flow {
        self.closed_by_gateway = false;
        let callee = self.call.lab.callee(number);
        let (ringing, talking, status) = match callee {
            // A machine records until it has heard nothing for a while.
            Callee::Answers { rings, talks: lasts } | Callee::Machine { rings, greets: lasts } if rings < timeout => {
                (rings, lasts, "completed")
            }
            Callee::Answers { .. } | Callee::Machine { .. } | Callee::NoAnswer => {
                (timeout, Duration::ZERO, "no-answer")
            }
            Callee::Busy => (REFUSED, Duration::ZERO, "busy"),
            Callee::Fails => (REFUSED, Duration::ZERO, "failed"),
        };
        self.call.log(CallEvent::Dialed { number: number.to_owned(), status });
        match self.wait(ringing + talking).await {
            Flow::Next => {}
            flow @ (Flow::Go(_) | Flow::End(..)) => return flow,
        }
        let Some(link) = action else { return Flow::Next };
        let mut extra = Form::from([
            ("DialCallStatus".to_owned(), status.to_owned()),
            ("DialCallSid".to_owned(), self.call.lab.call_sid().to_string()),
        ]);
        if status == "completed" {
            extra.push(("DialCallDuration".to_owned(), talking.as_secs().to_string()));
        }
        self.fetched_with(Webhook::Dialed, resolved(base, link), extra).await
    }
}
