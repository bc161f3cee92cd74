//! A model and its socket, if its provider needs one: opened in the slow world, polled by the call's shard.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::{
    model::{Model, ModelCommand, ModelEvent, ModelSending},
    net::websocket::{self, ClientSocket, Incoming, Received, Unopened},
    time::Timestamp,
    wire::{Failure, WsEvent},
};

enum State {
    /// There is no socket.
    None,
    /// The slow world is at it. Dropping this gives it up.
    Opening(oneshot::Receiver<Result<ClientSocket, Unopened>>),
    Open(Box<ClientSocket>),
}

/// What an open socket has brought, while it is worked off message by message.
type Reading = Option<Received>;

/// See the [module](self).
pub(super) struct ModelLink {
    model: Box<dyn Model>,
    slow: Handle,
    state: State,
    reading: Reading,
    /// A socket that was dropped for another, or closed, on its last way.
    parting: Option<Box<ClientSocket>>,
}

impl ModelLink {
    pub(super) fn new(model: Box<dyn Model>, slow: Handle) -> Self {
        Self { model, slow, state: State::None, reading: None, parting: None }
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
        if let State::Open(socket) = &mut self.state
            && let Some(line) = socket.stream()
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

    /// Gives the model the next thing that its socket brings; `false` if there is nothing. What was not asked for comes
    /// back with the next look.
    pub(super) fn hear(&mut self, at: Timestamp, context: &mut Context<'_>) -> bool {
        match &mut self.state {
            State::None => false,
            State::Opening(opening) => {
                let Poll::Ready(opened) = Pin::new(opening).poll(context) else { return false };
                match opened.unwrap_or(Err(Unopened::Failed(Failure::Broken))) {
                    Ok(socket) => {
                        self.state = State::Open(Box::new(socket));
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
            State::Open(socket) => {
                let reading = self.reading.get_or_insert_with(|| socket.receive(context));
                match reading.next() {
                    None => {
                        self.rest(context);
                        false
                    }
                    Some(Incoming::Text(text)) => {
                        self.model.handle_socket(at, WsEvent::Text(text));
                        true
                    }
                    Some(Incoming::Binary(length)) => {
                        self.model.handle_socket(at, WsEvent::Binary(length));
                        true
                    }
                    Some(Incoming::Closed { clean, code, reason }) => {
                        let event = match clean {
                            true => WsEvent::Closed { code, reason },
                            false => WsEvent::Failed(Failure::Broken),
                        };
                        self.model.handle_socket(at, event);
                        self.part(context);
                        true
                    }
                }
            }
        }
    }

    /// Gives back what was read and not asked for. To be called after the last [`ModelLink::hear`] of a step.
    pub(super) fn rest(&mut self, context: &mut Context<'_>) {
        if let (Some(reading), State::Open(socket)) = (self.reading.take(), &mut self.state) {
            socket.done(reading, context);
        }
    }

    /// Carries out what the model wants done with its socket, and writes.
    pub(super) fn flush(&mut self, now: Instant, at: Timestamp, context: &mut Context<'_>) {
        self.rest(context);
        while let Some(sending) = self.model.poll_sending() {
            match sending {
                ModelSending::Open(request) => {
                    self.part(context);
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
                    if let State::Open(socket) = &mut self.state {
                        socket.send(text);
                    }
                }
                ModelSending::Close => self.part(context),
            }
        }
        if let Some(socket) = &mut self.parting
            && socket.finish(now, context)
        {
            self.parting = None;
        }
        if let State::Open(socket) = &mut self.state
            && !socket.flush(context)
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
    fn part(&mut self, context: &mut Context<'_>) {
        self.rest(context);
        if let State::Open(mut socket) = std::mem::replace(&mut self.state, State::None) {
            socket.close();
            self.parting = Some(socket);
        }
    }
}
