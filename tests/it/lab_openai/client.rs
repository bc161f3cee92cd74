//! A client of a few lines.

use std::time::Duration;

use base64_simd::STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use quietline::lab::openai::{OpenAiConfig, OpenAiLab};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _, handshake::client::Response},
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Everything that came.
    pub(crate) events: Vec<Value>,
}

pub(crate) async fn handshake(
    lab: &OpenAiLab,
    query: &str,
    headers: &[(&'static str, &str)],
) -> Result<(WebSocketStream<MaybeTlsStream<TcpStream>>, Response), Error> {
    let url = format!("ws{}/realtime{query}", lab.base_url().strip_prefix("http").unwrap());
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    connect_async(request).await
}

impl Client {
    pub(crate) async fn connect(lab: &OpenAiLab) -> Self {
        let bearer = format!("Bearer {}", OpenAiConfig::KEY);
        Self::with(lab, "?model=gpt-realtime-2.1", &[("authorization", &bearer)]).await
    }

    pub(crate) async fn with(lab: &OpenAiLab, query: &str, headers: &[(&'static str, &str)]) -> Self {
        let (socket, _) = handshake(lab, query, headers).await.unwrap();
        Self { socket, events: Vec::new() }
    }

    /// Connected, and configured for µ-law with `more` on top of the input's settings.
    pub(crate) async fn configured(lab: &OpenAiLab, detection: Value) -> Self {
        let mut client = Self::connect(lab).await;
        client.until("session.created").await;
        client
            .send(json!({"type": "session.update", "session": {"type": "realtime", "audio": {
                "input": {"format": {"type": "audio/pcmu"}, "transcription": {"model": "gpt-transcribe"},
                          "turn_detection": detection},
                "output": {"format": {"type": "audio/pcmu"}}}, "tools": [
                {"type": "function", "name": "hangup_call", "description": "Ends the call.",
                 "parameters": {"type": "object", "properties": {}, "required": []}}]}}))
            .await;
        client.until("session.updated").await;
        client.events.clear();
        client
    }

    pub(crate) async fn send(&mut self, event: Value) {
        self.socket.send(Message::text(event.to_string())).await.unwrap();
    }

    /// 20 ms at a time, as fast as it goes.
    pub(crate) async fn append(&mut self, codes: &[u8]) {
        for frame in codes.chunks(160) {
            let audio = STANDARD.encode_to_string(frame);
            self.send(json!({"type": "input_audio_buffer.append", "audio": audio})).await;
        }
    }

    /// Waits for an event of this type.
    pub(crate) async fn until(&mut self, kind: &str) -> Value {
        loop {
            match timeout(PATIENCE, self.socket.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => {
                    let event: Value = serde_json::from_str(&text).unwrap();
                    self.events.push(event.clone());
                    if event["type"] == kind {
                        return event;
                    }
                }
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
                other => panic!("no {kind} but {other:?} after {:#?}", self.kinds()),
            }
        }
    }

    /// Waits for the error to an event, by its `event_id`.
    pub(crate) async fn error(&mut self, mut event: Value) -> Value {
        event["event_id"] = json!("gw_1");
        self.send(event).await;
        let error = self.until("error").await["error"].clone();
        assert_eq!(error["event_id"], "gw_1");
        error
    }

    /// The code with which the server closes, or `None`: without a close.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("a close") {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                Some(Ok(Message::Text(text))) => {
                    if let Ok(event) = serde_json::from_str(&text) {
                        self.events.push(event);
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// Types of all events; deltas of a kind that follow each other count once.
    pub(crate) fn kinds(&self) -> Vec<&str> {
        let mut kinds: Vec<&str> = Vec::new();
        for event in &self.events {
            let kind = event["type"].as_str().unwrap();
            if !(kind.ends_with("delta") && kinds.iter().rev().take(2).any(|&last| last == kind)) {
                kinds.push(kind);
            }
        }
        kinds
    }

    pub(crate) fn all(&self, kind: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["type"] == kind).collect()
    }
}
