//! A WebSocket that no document asked for: for what a gateway must refuse.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use super::{
    call::LabCall,
    forms::Form,
    messages::{CONNECTED, Messages},
    signing::Signature,
    wire,
};
use crate::carrier::twilio::{AccountSid, CallSid, StreamSid};

/// Who a raw stream says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawStart {
    /// `start.accountSid`.
    pub account: AccountSid,
    /// `start.callSid`.
    pub call: CallSid,
    /// `start.customParameters`.
    pub parameters: Vec<(String, String)>,
}

/// The handshake was not answered with 101.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no stream: {what}")]
pub struct RawRefused {
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// In words.
    pub what: String,
}

/// What a raw stream brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RawMessage {
    /// A text frame.
    Text(String),
    /// A binary frame.
    Binary(Vec<u8>),
    /// The gateway closed, with this code if it said one.
    Closed(Option<u16>),
}

/// A WebSocket to the gateway, driven by hand.
pub struct RawStream {
    socket: WebSocketStream<TcpStream>,
    messages: Messages,
}

impl LabCall {
    /// Opens one more WebSocket to the stream of the latest document, such as a second one for a live call.
    ///
    /// # Errors
    /// If the gateway refuses it, or no document named a stream yet.
    pub async fn raw_stream(&self, signature: Signature) -> Result<RawStream, RawRefused> {
        let Some(url) = self.stream_url() else {
            return Err(RawRefused { status: None, what: "no document named a stream yet".to_owned() });
        };
        self.raw_stream_to(&url, signature).await
    }

    /// The same, to this `wss` address.
    ///
    /// # Errors
    /// If the gateway refuses it.
    pub async fn raw_stream_to(&self, url: &str, signature: Signature) -> Result<RawStream, RawRefused> {
        let lab = &self.call.lab;
        let signature = signature.of(&lab.config.auth_token, url, &Form::new());
        let opened = wire::open(&lab.network, url, signature).await.map_err(|error| {
            let status = if let wire::NoStream::Status(status) = error { Some(status) } else { None };
            RawRefused { status, what: error.to_string() }
        })?;
        let start = self.raw_start();
        let messages = Messages::new(start.account, start.call, lab.stream_sid());
        Ok(RawStream { socket: opened.into_async().await, messages })
    }

    /// What the vendor would say of this call: to be altered.
    #[must_use]
    pub fn raw_start(&self) -> RawStart {
        let parameters = self.call.state().parameters.clone();
        RawStart { account: self.call.account(), call: self.call.sid, parameters }
    }
}

impl RawStream {
    /// Its id.
    #[must_use]
    pub fn sid(&self) -> StreamSid {
        self.messages.stream()
    }

    /// Sends `connected` and `start`.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn start(&mut self, start: &RawStart) -> Result<(), String> {
        self.messages = Messages::new(start.account, start.call, self.sid());
        self.send(Message::text(CONNECTED)).await?;
        let text = self.messages.start(&start.parameters);
        self.send(Message::text(text)).await
    }

    /// Sends caller audio, G.711 µ-law.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn media(&mut self, timestamp_ms: u64, mulaw: &[u8]) -> Result<(), String> {
        let text = self.messages.media(timestamp_ms, mulaw);
        self.send(Message::text(text)).await
    }

    /// Sends any text.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn text(&mut self, text: &str) -> Result<(), String> {
        self.send(Message::text(text)).await
    }

    /// Sends a binary frame.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn binary(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.send(Message::binary(bytes.to_vec())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), String> {
        self.socket.send(message).await.map_err(|error| error.to_string())
    }

    /// The next message; `None` once the connection is gone without a close frame.
    pub async fn next(&mut self) -> Option<RawMessage> {
        loop {
            return Some(match self.socket.next().await?.ok()? {
                Message::Text(text) => RawMessage::Text(text.as_str().to_owned()),
                Message::Binary(bytes) => RawMessage::Binary(bytes.to_vec()),
                Message::Close(frame) => RawMessage::Closed(frame.map(|frame| frame.code.into())),
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
            });
        }
    }
}
