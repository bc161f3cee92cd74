//! A model and its socket, if its provider needs one: opened in the slow world, polled by the call's shard.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::link::{Incoming, Link};
use crate::{
    model::{Model, ModelCommand, ModelEvent, ModelSending},
    net::websocket::{self, ClientSocket, Line, Unopened},
    time::Timestamp,
    wire::{Failure, WsEvent},
};

enum State {
    /// There is no socket.
    None,
    /// The slow world is at it. Dropping this gives it up.
    Opening(oneshot::Receiver<Result<ClientSocket, Unopened>>),
    Open(Box<Link<Line>>),
}

/// See the [module](self).
pub(super) struct ModelLink {
    model: Box<dyn Model>,
    slow: Handle,
    state: State,
    /// A socket that was dropped for another, or closed, on its last way.
    parting: Option<Box<Link<Line>>>,
}

impl ModelLink {
    pub(super) fn new(model: Box<dyn Model>, slow: Handle) -> Self {
        Self { model, slow, state: State::None, parting: None }
    }

    pub(super) fn model(&self) -> &dyn Model {
        &*self.model
    }

    /// Opens the session before the call begins.
    pub(super) fn open_ahead(&mut self) {
        self.model.open_ahead();
    }

    /// From now on the socket is polled on this thread.
    pub(super) fn settle(&mut self) {
        if let State::Open(link) = &mut self.state
            && let Some(line) = link.stream()
            && let Err(error) = line.settle()
        {
            // The next poll finds it broken.
            tracing::warn!(%error, "a model's connection could not be moved to its shard");
        }
    }

    pub(super) fn command(&mut self, at: Timestamp, command: &ModelCommand<'_>) {
        self.model.handle_command(at, command);
    }

    pub(super) fn tool_result(&mut self, call: crate::model::ToolCallId, text: &str) {
        self.model.tool_result(call, text);
    }

    pub(super) fn poll_event(&mut self, at: Timestamp) -> Option<ModelEvent<'_>> {
        self.model.poll_event(at)
    }

    /// Gives the model the next thing that its socket brings; `false` if there is nothing.
    pub(super) fn hear(&mut self, at: Timestamp, context: &mut Context<'_>) -> bool {
        match &mut self.state {
            State::None => false,
            State::Opening(opening) => {
                let Poll::Ready(opened) = Pin::new(opening).poll(context) else { return false };
                match opened.unwrap_or(Err(Unopened::Failed(Failure::Broken))) {
                    Ok(socket) => {
                        self.state = State::Open(Box::new(Link::new(socket)));
                        self.settle();
                        self.model.handle_socket(at, WsEvent::Open);
                    }
                    Err(unopened) => {
                        self.state = State::None;
                        self.model.handle_socket(at, unopened.event());
                    }
                }
                true
            }
            State::Open(link) => match link.poll(context) {
                Incoming::Nothing => false,
                Incoming::Other => true,
                Incoming::Text(text) => {
                    self.model.handle_socket(at, WsEvent::Text(&text));
                    true
                }
                Incoming::Binary(length) => {
                    self.model.handle_socket(at, WsEvent::Binary(length));
                    true
                }
                Incoming::Closed { clean, frame } => {
                    self.part();
                    match frame {
                        Some(frame) => {
                            let (code, reason) = (Some(frame.code.into()), frame.reason.as_str());
                            self.model.handle_socket(at, WsEvent::Closed { code, reason });
                        }
                        None if clean => self.model.handle_socket(at, WsEvent::Closed { code: None, reason: "" }),
                        None => self.model.handle_socket(at, WsEvent::Failed(Failure::Broken)),
                    }
                    true
                }
            },
        }
    }

    /// Carries out what the model wants done with its socket, and writes.
    pub(super) fn flush(&mut self, now: Instant, at: Timestamp, context: &mut Context<'_>) {
        while let Some(sending) = self.model.poll_sending() {
            match sending {
                ModelSending::Open(request) => {
                    self.part();
                    let (opened, opening) = oneshot::channel();
                    self.slow.spawn(async move {
                        // Whoever asked may have gone meanwhile; then the socket goes as well.
                        let _ = opened.send(websocket::connect(request).await);
                    });
                    self.state = State::Opening(opening);
                    // Once, so that its end wakes us.
                    self.hear(at, context);
                }
                ModelSending::Text(text) => {
                    if let State::Open(link) = &mut self.state {
                        link.send(text);
                    }
                }
                ModelSending::Close => self.part(),
            }
        }
        if let Some(link) = &mut self.parting
            && link.finish(now, context)
        {
            self.parting = None;
        }
        if let State::Open(link) = &mut self.state
            && !link.flush(context)
        {
            self.state = State::None;
            self.model.handle_socket(at, WsEvent::Failed(Failure::Broken));
        }
    }

    /// Whether a closed socket has come to its end.
    pub(super) fn is_parted(&self) -> bool {
        self.parting.is_none()
    }

    /// The socket goes, politely.
    fn part(&mut self) {
        if let State::Open(mut link) = std::mem::replace(&mut self.state, State::None) {
            link.close();
            self.parting = Some(link);
        }
    }
}
