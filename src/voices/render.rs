//! One phrase through one voice: moves what its [`Rendering`] wants moved, and tells it the time.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::{
    net::{
        client::{Client, Streamed},
        clock,
        websocket::{ClientSocket, Message, Unopened, connect},
    },
    time::Timestamp,
    tts::{Phrase, Rendering, Sending, Speech, TtsError, Voice},
    wire::{Failure, HttpEvent, WsEvent},
};

/// A socket that does not take a message within this time is broken.
const SEND: Duration = Duration::from_secs(5);

type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The exchange under way.
enum Line {
    None,
    Asking(Pending<Result<Streamed, Failure>>),
    Streaming(Streamed),
    Opening(Pending<Result<ClientSocket, Unopened>>),
    Open(Box<ClientSocket>),
}

/// Something has come of it.
enum News {
    Begun(Result<Streamed, Failure>),
    Chunk(Result<Option<Vec<u8>>, Failure>),
    Opened(Result<ClientSocket, Unopened>),
    Message(Option<Message>),
}

impl Line {
    /// Dropped while it waits, it loses nothing.
    async fn news(&mut self) -> News {
        match self {
            Self::None => std::future::pending().await,
            Self::Asking(pending) => News::Begun(pending.await),
            Self::Streaming(streamed) => News::Chunk(streamed.chunk().await),
            Self::Opening(pending) => News::Opened(pending.await),
            Self::Open(socket) => News::Message(socket.next().await),
        }
    }
}

/// Renders a phrase; always comes to an end within the bounds of [`crate::tts`].
///
/// # Errors
///
/// [`TtsError`]: whose fault it is.
pub async fn render(client: &Client, voice: &Voice, phrase: &Phrase) -> Result<Speech, TtsError> {
    let epoch = clock::now();
    let now = || Timestamp::ZERO + clock::now().saturating_duration_since(epoch);
    let mut rendering = voice.begin(now(), phrase);
    let mut line = Line::None;
    loop {
        while let Some(sending) = rendering.poll_sending() {
            if let Some(failure) = carry_out(sending, &mut line, client).await {
                line = Line::None;
                rendering.handle_socket(now(), WsEvent::Failed(failure));
            }
        }
        if let Some(result) = rendering.result() {
            if let (Err(error), Some(said)) = (&result, rendering.vendor_said()) {
                tracing::debug!(%voice, %error, said, "in the vendor's words");
            }
            return result;
        }
        let due = epoch + rendering.poll_timeout().since(Timestamp::ZERO).min(Duration::from_secs(3_600));
        tokio::select! {
            news = line.news() => tell(&mut *rendering, now(), news, &mut line),
            () = tokio::time::sleep_until(due.into()) => rendering.handle_timeout(now()),
        }
    }
}

async fn carry_out(sending: Sending, line: &mut Line, client: &Client) -> Option<Failure> {
    match sending {
        Sending::Http(request) => {
            let client = client.clone();
            *line = Line::Asking(Box::pin(async move { client.begin(request).await }));
        }
        Sending::Open(request) => *line = Line::Opening(Box::pin(connect(request))),
        Sending::Text(text) => {
            let Line::Open(socket) = line else { return Some(Failure::Broken) };
            match tokio::time::timeout(SEND, socket.send_now(&text)).await {
                // If it broke: what the server said last may explain it, and that is read first.
                Ok(_) => {}
                Err(_) => return Some(Failure::TimedOut),
            }
        }
        Sending::Close => {
            if let Line::Open(socket) = std::mem::replace(line, Line::None) {
                // Politely, but nobody waits for it.
                tokio::spawn(socket.close_now(1000, ""));
            }
        }
    }
    None
}

fn tell(rendering: &mut dyn Rendering, now: Timestamp, news: News, line: &mut Line) {
    match news {
        News::Begun(Ok(streamed)) => {
            let (status, headers) = (streamed.status(), streamed.headers());
            *line = Line::Streaming(streamed);
            rendering.handle_http(now, HttpEvent::Head { status, headers: &headers });
        }
        News::Chunk(Ok(Some(chunk))) => rendering.handle_http(now, HttpEvent::Chunk(&chunk)),
        News::Chunk(Ok(None)) => {
            *line = Line::None;
            rendering.handle_http(now, HttpEvent::End);
        }
        News::Begun(Err(failure)) | News::Chunk(Err(failure)) => {
            *line = Line::None;
            rendering.handle_http(now, HttpEvent::Failed(failure));
        }
        News::Opened(Ok(socket)) => {
            *line = Line::Open(Box::new(socket));
            rendering.handle_socket(now, WsEvent::Open);
        }
        News::Opened(Err(unopened)) => {
            *line = Line::None;
            rendering.handle_socket(now, unopened.event());
        }
        News::Message(Some(Message::Text(text))) => rendering.handle_socket(now, WsEvent::Text(&text)),
        News::Message(Some(Message::Binary(length))) => rendering.handle_socket(now, WsEvent::Binary(length)),
        News::Message(Some(Message::Closed { clean: true, code, reason })) => {
            *line = Line::None;
            rendering.handle_socket(now, WsEvent::Closed { code, reason: &reason });
        }
        News::Message(Some(Message::Closed { clean: false, .. }) | None) => {
            *line = Line::None;
            rendering.handle_socket(now, WsEvent::Failed(Failure::Broken));
        }
    }
}
