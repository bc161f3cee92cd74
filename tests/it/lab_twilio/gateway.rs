//! A gateway of a few lines: answers webhooks as it is told, and gives streams to a function.

use std::{
    collections::BTreeMap,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use quietline::carrier::twilio::signature::{Body, Key, Verifier};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::derive_accept_key,
        protocol::{CloseFrame, Role},
    },
};

pub(super) const PUBLIC: &str = "https://gate.example.com";
pub(super) const ACCOUNT: &str = "ACa1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4";
pub(super) const TOKEN: &str = "fedcba9876543210fedcba9876543210";
/// Nothing here takes longer.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A request that came.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) form: BTreeMap<String, String>,
    pub(super) signed: bool,
    pub(super) headers: BTreeMap<String, String>,
}

type Answer = Box<dyn Fn(&Asked) -> (u16, &'static str, String) + Send + Sync>;
type Talk = Box<dyn Fn(Stream) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

pub(super) struct Gateway {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    answer: Answer,
    talk: Talk,
    asked: Mutex<Vec<Asked>>,
    panicked: AtomicBool,
}

impl Gateway {
    pub(super) async fn start<F: Future<Output = ()> + Send + 'static>(
        answer: impl Fn(&Asked) -> (u16, &'static str, String) + Send + Sync + 'static,
        talk: impl Fn(Stream) -> F + Send + Sync + 'static,
    ) -> Self {
        let talk: Talk = Box::new(move |stream| Box::pin(talk(stream)));
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            talk,
            asked: Mutex::default(),
            panicked: AtomicBool::new(false),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(handle).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, task }
    }

    pub(super) fn asked(&self, path: &str) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().iter().filter(|asked| asked.path == path).cloned().collect()
    }

    /// Requests whose path begins so.
    pub(super) fn asked_below(&self, path: &str) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().iter().filter(|asked| asked.path.starts_with(path)).cloned().collect()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
        let panicked = self.shared.panicked.load(Ordering::SeqCst);
        assert!(!panicked || std::thread::panicking(), "an expectation of the gateway's was not met");
    }
}

/// A document, 200.
pub(super) fn twiml(inside: &str) -> (u16, &'static str, String) {
    (200, "text/xml; charset=utf-8", format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{inside}</Response>"))
}

/// A stream with a token, then whatever is `after`.
pub(super) fn connect(after: &str) -> (u16, &'static str, String) {
    twiml(&format!(
        "<Connect><Stream url=\"wss://gate.example.com/twilio/media\" statusCallback=\"{PUBLIC}/twilio/stream-status\">\
         <Parameter name=\"call_token\" value=\"t0k3n\"/></Stream></Connect>{after}"
    ))
}

async fn handle(State(shared): State<Arc<Shared>>, mut request: Request) -> Response {
    let path = request.uri().path_and_query().unwrap().to_string();
    let headers: BTreeMap<String, String> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
        .collect();
    let verifier = Verifier::new(vec![Key::auth_token(TOKEN).unwrap()]);
    let signature = headers.get("x-twilio-signature").cloned().unwrap_or_default();
    if headers.contains_key("upgrade") {
        let url = format!("wss://gate.example.com{path}");
        let signed = verifier.verify(&url, Body::None, &signature).is_ok();
        shared.asked.lock().unwrap().push(Asked { path, form: BTreeMap::new(), signed, headers: headers.clone() });
        if !signed {
            return StatusCode::FORBIDDEN.into_response();
        }
        let accept = derive_accept_key(headers["sec-websocket-key"].as_bytes());
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let io = TokioIo::new(upgrade.await.unwrap());
            let socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
            let talk = tokio::spawn((shared.talk)(Stream { socket, sid: String::new() }));
            if talk.await.is_err_and(|error| error.is_panic()) {
                shared.panicked.store(true, Ordering::SeqCst);
            }
        });
        let answer = [
            (header::UPGRADE, "websocket".to_owned()),
            (header::CONNECTION, "Upgrade".to_owned()),
            (header::SEC_WEBSOCKET_ACCEPT, accept),
        ];
        return (StatusCode::SWITCHING_PROTOCOLS, answer).into_response();
    }
    let body: Bytes = to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let signed = verifier.verify(&format!("{PUBLIC}{path}"), Body::Form(&body), &signature).is_ok();
    let form = form_urlencoded::parse(&body).into_owned().collect();
    let asked = Asked { path, form, signed, headers };
    shared.asked.lock().unwrap().push(asked.clone());
    if !signed {
        return StatusCode::FORBIDDEN.into_response();
    }
    let (status, kind, body) = (shared.answer)(&asked);
    (StatusCode::from_u16(status).unwrap(), [(header::CONTENT_TYPE, kind)], body).into_response()
}

/// The gateway's end of a stream.
pub(super) struct Stream {
    socket: WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>,
    pub(super) sid: String,
}

impl Stream {
    /// The next message; `None` when the carrier has closed.
    pub(super) async fn next(&mut self) -> Option<Value> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("the carrier says something")? {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Reads `connected` and `start`; gives the latter.
    pub(super) async fn started(&mut self) -> Value {
        assert_eq!(self.next().await.unwrap()["event"], "connected");
        let start = self.next().await.unwrap();
        assert_eq!(start["event"], "start");
        self.sid = start["streamSid"].as_str().unwrap().to_owned();
        start
    }

    /// The next message of this event; `None` when the carrier has closed.
    pub(super) async fn until(&mut self, event: &str) -> Option<Value> {
        loop {
            let message = self.next().await?;
            if message["event"] == event {
                return Some(message);
            }
        }
    }

    /// Everything that is no caller audio, up to the end.
    pub(super) async fn frames(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("the carrier says something") {
                Some(Ok(Message::Text(text))) if text.contains("\"media\"") => {}
                Some(Ok(Message::Text(text))) => found.push(format!("text {text}")),
                Some(Ok(Message::Binary(bytes))) => found.push(format!("binary {}", bytes.len())),
                Some(Ok(Message::Close(frame))) => {
                    found.push(format!("close {}", frame.map_or(0, |frame| u16::from(frame.code))));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    found.push(format!("error {error}"));
                    return found;
                }
                None => return found,
            }
        }
    }

    pub(super) async fn send(&mut self, message: Value) {
        self.raw(Message::text(message.to_string())).await;
    }

    pub(super) async fn raw(&mut self, message: Message) {
        // The carrier may have left.
        let _ = self.socket.send(message).await;
    }

    /// Waits for the answer to a ping.
    pub(super) async fn ping(&mut self) {
        self.raw(Message::Ping(Bytes::from_static(b"there?"))).await;
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("a ping is answered") {
                Some(Ok(Message::Pong(pong))) => return assert_eq!(pong, "there?"),
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// A tone of this length.
    pub(super) async fn play(&mut self, ms: usize) {
        let audio: Vec<u8> = (0..ms * 8).map(|n| if n % 16 < 8 { 0x10 } else { 0x90 }).collect();
        let payload = base64_simd::STANDARD.encode_to_string(audio);
        self.send(json!({"event": "media", "streamSid": self.sid, "media": {"payload": payload}})).await;
    }

    pub(super) async fn mark(&mut self, name: &str) {
        self.send(json!({"event": "mark", "streamSid": self.sid, "mark": {"name": name}})).await;
    }

    pub(super) async fn clear(&mut self) {
        self.send(json!({"event": "clear", "streamSid": self.sid})).await;
    }

    pub(super) async fn close(mut self, code: u16) {
        let _ = self.socket.close(Some(CloseFrame { code: code.into(), reason: "".into() })).await;
        while let Ok(Some(Ok(_))) = timeout(PATIENCE, self.socket.next()).await {}
    }

    /// Dropped without a close frame.
    pub(super) fn vanish(self) {}
}

/// A request to REST: status, and the body if it is JSON.
pub(super) async fn rest(base: &str, method: &str, path: &str, login: &str, form: &str) -> (u16, Value) {
    let address = base.strip_prefix("http://").unwrap();
    let mut tcp = TcpStream::connect(address).await.unwrap();
    let login = base64_simd::STANDARD.encode_to_string(login);
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Basic {login}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

/// The path of a call.
pub(super) fn path(call: &str) -> String {
    format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{call}.json")
}

/// As the account logs in.
pub(super) fn login() -> String {
    format!("{ACCOUNT}:{TOKEN}")
}
