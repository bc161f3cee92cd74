//! Intents of one call that are under way.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::{
    setup::{IntentAnswer, IntentCall, IntentFuture, IntentRunner, Means},
    texts::Texting,
};
use crate::{
    call::ToolFault,
    carrier::{Parties, is_e164},
    intent::{Action, CallFacts, Definition, HttpMethod, Outcome},
    model::{Tool, ToolCallId},
    net::guard::GuardError,
};

/// An intent that has not answered by then has failed: far longer than a call's window stands still for it.
const LONGEST: Duration = Duration::from_secs(300);

/// Longest text that a model may send, in characters: three parts of the carrier's.
const MOST_TEXT: usize = 480;

/// How many there are is bounded by the call's own rules.
#[derive(Default)]
pub(super) struct Intents(Vec<(ToolCallId, oneshot::Receiver<IntentAnswer>)>);

impl Intents {
    /// Runs one in the slow world. It goes on when the call has ended: nothing with side effects is aborted.
    pub(super) fn run(
        &mut self,
        tool: ToolCallId,
        call: IntentCall,
        (runner, texting): (Option<&IntentRunner>, Option<&Texting>),
        slow: &Handle,
    ) {
        let (answered, answer) = oneshot::channel();
        let running = if call.name == Tool::SEND_TEXT {
            texting.map(|texting| sent(texting.clone(), call))
        } else {
            runner.map(|runner| runner(call))
        };
        match running {
            Some(running) => {
                slow.spawn(async move {
                    let answer = tokio::time::timeout(LONGEST, running).await;
                    let answer =
                        answer.unwrap_or_else(|_| failed(ToolFault::TimedOut, "The tool did not answer in time."));
                    // The call may be over.
                    let _ = answered.send(answer);
                });
            }
            None => {
                let _ = answered.send(failed(ToolFault::Setup, "This tool is not available on the telephone."));
            }
        }
        self.0.push((tool, answer));
    }

    /// One that has answered.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Option<(ToolCallId, IntentAnswer)> {
        for (place, (tool, answer)) in self.0.iter_mut().enumerate() {
            if let Poll::Ready(answer) = Pin::new(answer).poll(context) {
                // Its sender goes without a word if it panics.
                let answer = answer.unwrap_or_else(|_| failed(ToolFault::Broken, "The tool failed."));
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
                None => failed(ToolFault::Setup, "This tool is not available."),
            }
        })
    })
}

async fn carried_out(definition: &Definition, means: &Means, call: &IntentCall) -> IntentAnswer {
    let (id, intent) = (&call.call, definition.name.as_str());
    let arguments = match definition.arguments(&call.arguments) {
        Ok(arguments) => arguments,
        Err(words) => return failed(ToolFault::Arguments, &words),
    };
    let action = match &definition.action {
        Action::Prompt(text) => return IntentAnswer { result: Ok(()), text: text.clone() },
        Action::Http(action) => action,
    };
    let facts = CallFacts {
        id: id.as_str(),
        from: &call.parties.theirs,
        to: &call.parties.ours,
        began_unix_ms: call.began_unix_ms,
        tool: call.tool.0,
    };
    let secret = |name: &str| means.secrets.get(name).cloned();
    let request = match action.request(&arguments, &facts, &secret) {
        Ok(request) => request,
        Err(error) => {
            tracing::error!(call = %id, intent, error, "an intent cannot be carried out");
            return failed(ToolFault::Setup, "The tool is not set up.");
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
            IntentAnswer { result: if ok { Ok(()) } else { Err(ToolFault::Answered) }, text }
        }
        Err(error) => {
            tracing::warn!(call = %id, intent, %error, "an intent came to nothing");
            let (fault, words) = match error {
                GuardError::TimedOut => {
                    (ToolFault::TimedOut, "The tool did not answer in time. It may have done it all the same.")
                }
                GuardError::Broken(_) => (ToolFault::Broken, "The tool broke off. It may have done it all the same."),
                GuardError::TooLong => (ToolFault::TooLong, "The tool's answer was too long."),
                GuardError::Forbidden { .. } | GuardError::Redirect(..) => {
                    (ToolFault::NotAllowed, "The tool is not reachable.")
                }
                GuardError::Unresolved(..) | GuardError::Connect(_) => {
                    (ToolFault::Unreachable, "The tool is not reachable.")
                }
            };
            failed(fault, words)
        }
    }
}

/// Sends a text to the caller's own number.
fn sent(texting: Texting, call: IntentCall) -> IntentFuture {
    Box::pin(async move {
        let text = match text_of(&call.arguments) {
            Ok(text) => text,
            Err(words) => return failed(ToolFault::Arguments, &words),
        };
        let Parties { theirs, ours, .. } = call.parties;
        if !is_e164(&theirs) {
            return failed(
                ToolFault::Arguments,
                "The caller's number is withheld: no text can be sent. Say it instead.",
            );
        }
        let Texting { desk, runtime } = texting;
        // It goes on when the call has ended: whether it was sent must be known.
        let sending = runtime.spawn(async move { desk.send(&ours, &theirs, &text).await });
        match sending.await {
            Ok(Ok(())) => IntentAnswer { result: Ok(()), text: "The text is sent.".to_owned() },
            Ok(Err(words)) => failed(ToolFault::Answered, &words),
            Err(_) => failed(ToolFault::Broken, "The text could not be sent."),
        }
    })
}

fn text_of(arguments: &str) -> Result<String, String> {
    let arguments: serde_json::Value = serde_json::from_str(arguments).unwrap_or_default();
    let text = arguments["text"].as_str().unwrap_or_default().trim();
    if (1..=MOST_TEXT).contains(&text.chars().count()) {
        Ok(text.to_owned())
    } else {
        Err(format!("The text was not sent: text has to have 1 to {MOST_TEXT} characters."))
    }
}

fn failed(fault: ToolFault, text: &str) -> IntentAnswer {
    IntentAnswer { result: Err(fault), text: text.to_owned() }
}
