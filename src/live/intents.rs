//! Intents of one call that are under way.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::setup::{IntentAnswer, IntentCall, IntentRunner, Means};
use crate::{
    intent::{Action, CallFacts, Definition, HttpMethod, Outcome},
    model::ToolCallId,
    net::guard::GuardError,
};

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

/// Carries out what these definitions say; only those with API access.
pub(super) fn runner(definitions: &[Definition], means: &Means) -> IntentRunner {
    let offered = definitions.iter().filter(|definition| definition.api_access);
    let offered: Arc<[Definition]> = offered.cloned().collect();
    let means = means.clone();
    Arc::new(move |call| {
        let (offered, means) = (Arc::clone(&offered), means.clone());
        Box::pin(async move {
            match offered.iter().find(|definition| definition.name == call.name) {
                Some(definition) => carried_out(definition, &means, &call).await,
                None => failed("This tool is not available."),
            }
        })
    })
}

async fn carried_out(definition: &Definition, means: &Means, call: &IntentCall) -> IntentAnswer {
    let (id, intent) = (&call.call, definition.name.as_str());
    let arguments = match definition.arguments(&call.arguments) {
        Ok(arguments) => arguments,
        Err(words) => return IntentAnswer { ok: false, text: words },
    };
    let action = match &definition.action {
        Action::Prompt(text) => return IntentAnswer { ok: true, text: text.clone() },
        Action::Http(action) => action,
    };
    let facts = CallFacts { id: id.as_str(), from: &call.parties.theirs, to: &call.parties.ours, tool: call.tool.0 };
    let secret = |name: &str| means.secrets.get(name).cloned();
    let request = match action.request(&arguments, &facts, &secret) {
        Ok(request) => request,
        Err(error) => {
            tracing::error!(call = %id, intent, error, "an intent cannot be carried out");
            return failed("The tool is not set up.");
        }
    };
    let mut outcome = means.guard.run(request.clone()).await;
    // Nothing was sent, and asking changes nothing: once more. Whatever may have an effect is never repeated.
    if matches!(outcome, Err(GuardError::Connect(_))) && action.method == HttpMethod::Get {
        outcome = means.guard.run(request).await;
    }
    match outcome {
        Ok((status, body)) => {
            tracing::info!(call = %id, intent, status, "an intent was carried out");
            let Outcome { ok, text } = action.answer.words(status, &body);
            IntentAnswer { ok, text }
        }
        Err(error) => {
            tracing::warn!(call = %id, intent, %error, "an intent came to nothing");
            failed(match error {
                GuardError::TimedOut => "The tool did not answer in time. It may have done it all the same.",
                GuardError::Broken(_) => "The tool broke off. It may have done it all the same.",
                GuardError::TooLong => "The tool's answer was too long.",
                GuardError::Forbidden { .. }
                | GuardError::Unresolved(..)
                | GuardError::Redirect(..)
                | GuardError::Connect(_) => "The tool is not reachable.",
            })
        }
    }
}

fn failed(text: &str) -> IntentAnswer {
    IntentAnswer { ok: false, text: text.to_owned() }
}
