//! One answer: the model's session on its socket, and the tools that it calls.

use std::time::{Duration, Instant};

use crate::{
    carrier::{CallId, Parties},
    live::setup::{self, IntentCall, TextAnswers},
    model::{
        ModelSending, ToolCallId,
        openai::text::{Line, TextCall, TextFault, TextTurn},
    },
    net::{
        clock,
        websocket::{self, ClientSocket, Message},
    },
    store::Text,
    time::Timestamp,
    wire::{Failure, WsEvent},
};

/// A tool that has not answered by then has failed.
const LONGEST_TOOL: Duration = Duration::from_secs(45);

/// Has the answer to a text written.
///
/// # Errors
///
/// Why there is none.
pub(super) async fn written(
    text: &Text,
    lines: Vec<Line>,
    assistant: &setup::Assistant,
    answers: &TextAnswers,
) -> Result<String, TextFault> {
    let began = clock::now();
    let mut turn = TextTurn::new(answers.model.clone(), lines, since(began));
    let mut socket: Option<ClientSocket> = None;
    let mut tools = 0;
    loop {
        while let Some(sending) = turn.poll_sending() {
            match sending {
                ModelSending::Open(request) => match websocket::connect(request).await {
                    Ok(opened) => {
                        socket = Some(opened);
                        turn.handle_socket(WsEvent::Open);
                    }
                    Err(unopened) => turn.handle_socket(unopened.event()),
                },
                ModelSending::Text(words) => {
                    if let Some(open) = &mut socket
                        && !open.send_now(words).await
                    {
                        // The next look at it says the same.
                        socket = None;
                    }
                }
                ModelSending::Close => {
                    if let Some(open) = socket.take() {
                        // Whoever waits for the answer does not wait for this.
                        tokio::spawn(open.close_now(1000, ""));
                    }
                }
            }
        }
        if let Some(outcome) = turn.take_outcome() {
            return outcome;
        }
        if let Some(call) = turn.poll_call() {
            tools += 1;
            let output = ran(text, assistant, tools, &call).await;
            turn.tool_output(&call, &output);
            turn.handle_timeout(since(began));
            continue;
        }
        let left = Duration::from_micros(turn.poll_timeout().as_micros().saturating_sub(since(began).as_micros()));
        let Some(open) = &mut socket else {
            turn.handle_socket(WsEvent::Failed(Failure::Broken));
            continue;
        };
        match tokio::time::timeout(left, open.next()).await {
            Ok(Some(Message::Text(words))) => turn.handle_socket(WsEvent::Text(&words)),
            Ok(Some(Message::Binary(length))) => turn.handle_socket(WsEvent::Binary(length)),
            Ok(Some(Message::Closed { clean: true, code, reason })) => {
                turn.handle_socket(WsEvent::Closed { code, reason: &reason });
            }
            Ok(Some(Message::Closed { .. }) | None) => turn.handle_socket(WsEvent::Failed(Failure::Broken)),
            Err(_) => turn.handle_timeout(since(began)),
        }
    }
}

fn since(began: Instant) -> Timestamp {
    Timestamp::ZERO + clock::now().saturating_duration_since(began)
}

/// Runs a tool as in a call. However it fails, the model gets words.
async fn ran(text: &Text, assistant: &setup::Assistant, number: u32, call: &TextCall) -> String {
    let Some(runner) = &assistant.intents else { return "This tool is not available.".to_owned() };
    let asked = IntentCall {
        // A text that is answered anew after a restart asks with the same key.
        began_unix_ms: text.at_ms.unsigned_abs(),
        call: CallId::new(&text.id),
        parties: Parties { theirs: text.theirs.clone(), ours: text.ours.clone(), outbound: false },
        tool: ToolCallId(number),
        name: call.name.clone(),
        arguments: call.arguments.clone(),
    };
    // It goes on when nobody waits any more: nothing with side effects is aborted.
    let running = tokio::spawn(runner(asked));
    match tokio::time::timeout(LONGEST_TOOL, running).await {
        Ok(Ok(answer)) => answer.text,
        Ok(Err(_)) => "The tool failed.".to_owned(),
        Err(_) => "The tool did not answer in time. It may have done it all the same.".to_owned(),
    }
}
