//! Intents of one call that are under way.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::setup::{IntentAnswer, IntentCall, IntentRunner};
use crate::model::ToolCallId;

/// An intent that has not answered by then has failed: far longer than a call's window stands still for it.
const LONGEST: Duration = Duration::from_secs(300);

/// How many there are is bounded by the call's own rules.
#[derive(Default)]
pub(super) struct Intents(Vec<(ToolCallId, oneshot::Receiver<IntentAnswer>)>);

impl Intents {
    /// Runs one in the slow world. It goes on when the call has ended: nothing with side effects is aborted.
    pub(super) fn run(&mut self, tool: ToolCallId, call: IntentCall, runner: Option<&IntentRunner>, slow: &Handle) {
        let (answered, answer) = oneshot::channel();
        match runner {
            Some(runner) => {
                let running = runner(call);
                slow.spawn(async move {
                    let answer = tokio::time::timeout(LONGEST, running).await;
                    let answer = answer.unwrap_or_else(|_| failed("The tool did not answer in time."));
                    // The call may be over.
                    let _ = answered.send(answer);
                });
            }
            None => {
                let _ = answered.send(failed("This tool is not available on the telephone."));
            }
        }
        self.0.push((tool, answer));
    }

    /// One that has answered.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Option<(ToolCallId, IntentAnswer)> {
        for (place, (tool, answer)) in self.0.iter_mut().enumerate() {
            if let Poll::Ready(answer) = Pin::new(answer).poll(context) {
                // Its sender goes without a word if it panics.
                let answer = answer.unwrap_or_else(|_| failed("The tool failed."));
                let tool = *tool;
                self.0.swap_remove(place);
                return Some((tool, answer));
            }
        }
        None
    }
}

fn failed(text: &str) -> IntentAnswer {
    IntentAnswer { ok: false, text: text.to_owned() }
}
