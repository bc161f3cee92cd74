//! The HTTP side.

use std::{future, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::mpsc};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::server::create_response_with_body,
        protocol::{Role, WebSocketConfig},
    },
};

use super::{
    check,
    config::Connection,
    door,
    faults::{Act, Handshake},
    lab::{Known, Shared, locked},
    link::{Link, Socket},
    log::Log,
    mirror::Mirror,
    polled::Polled,
    session::Session,
};
use crate::{
    lab::{checks::Checks, socket::Wire},
    net::clock,
};

/// Longest message: the vendor's 15 MiB of audio as base64.
const MOST_MESSAGE: usize = 21 << 20;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/realtime", get(realtime))
        .route("/openai/v1/realtime", get(realtime))
        .route("/v1/models", get(models))
        .route("/openai/v1/models", get(models))
        .fallback(async |request: Request| {
            let message = format!("Invalid URL ({} {})", request.method(), request.uri().path());
            error(404, "invalid_request_error", None, &message)
        })
        .with_state(shared)
}

/// An error of the vendor's HTTP side.
pub(super) fn error(status: u16, kind: &str, code: Option<&str>, message: &str) -> Response {
    let body = json!({"error": {"message": message, "type": kind, "param": null, "code": code}});
    answer(status, &body)
}

fn answer(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

async fn models(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if let Err(message) = door::key(&shared.config, &headers) {
        return error(401, "invalid_request_error", Some("invalid_api_key"), &message);
    }
    let model = |id: &String| {
        let ends = (id == "gpt-realtime").then_some("2027-01-20");
        json!({"id": id, "object": "model", "created": 1_786_000_000, "owned_by": "system", "shutdown_date": ends})
    };
    let models: Vec<_> = shared.config.models.iter().map(model).collect();
    let list = json!({"object": "list", "data": models});
    if let Some(wrong) = check::models(&list) {
        shared.violation(format!("a mistake of the lab's: the list of models: {wrong}"));
    }
    answer(200, &list)
}

async fn realtime(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (number, faults) = shared.admit();
    match faults.handshake {
        Handshake::Normal | Handshake::Mute => {}
        Handshake::Slow(time) => tokio::time::sleep(time).await,
        Handshake::Status(status) => {
            return error(status, "server_error", Some("server_error"), "The server is not available.");
        }
        Handshake::Silent => future::pending().await,
    }
    let (mut parts, _body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let model = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "model");
    let model = model.map(|(_, model)| model.into_owned());
    if shared.config.azure && door::key(&shared.config, &parts.headers).is_err() {
        let message = "Access denied due to invalid subscription key or wrong API endpoint.";
        return error(401, "invalid_request_error", Some("401"), message);
    }
    let refused = door::realtime(&shared.config, &parts.headers, model.as_deref()).err();
    let connection = Connection { number, model: model.unwrap_or_default(), query };
    let mut brain = (shared.config.brain)(&connection);
    let Some(opening) = brain.opening() else {
        return error(503, "server_error", Some("server_error"), "The engine is currently overloaded.");
    };
    let Some(upgrade) = parts.extensions.remove::<OnUpgrade>() else {
        return error(400, "invalid_request_error", None, "You must use a WebSocket for this endpoint.");
    };
    let handshake = Request::from_parts(parts, ());
    let response = match create_response_with_body(&handshake, Body::empty) {
        Ok(response) => response,
        Err(wrong) => {
            shared.violation(format!("connection {number}: a handshake that is none: {wrong}"));
            return error(400, "invalid_request_error", None, "This is no WebSocket handshake.");
        }
    };
    tokio::spawn(async move {
        let Some(upgraded) = upgraded(upgrade).await else { return };
        let log = Log::new(number, &connection.model, shared.clock.now(), Arc::clone(&shared.changed));
        let (control, controlled) = mpsc::unbounded_channel::<Act>();
        locked(&shared.known).push(Known { log: log.clone(), control });
        shared.changed.notify_waiters();
        let link = async |upgraded: Upgraded| {
            let socket = upgraded.into_socket().await;
            Link { socket, log: log.clone(), clock: shared.clock, control: controlled, deltas: 0 }
        };
        if let Some(refused) = refused {
            return link(upgraded).await.refuse(refused).await;
        }
        tokio::time::sleep(opening).await;
        let mute = faults.handshake == Handshake::Mute;
        let acts = faults.acts.clone();
        let seed = shared.config.seed.wrapping_add(number as u64);
        let wrong_words = Arc::clone(&shared.wrong_words);
        let unix_ms = clock::unix_ms();
        let mut session = Session::new(brain, &connection.model, faults, wrong_words, seed, log.clone(), unix_ms);
        session.checks = Checks::every(shared.config.check_every);
        if shared.config.mirror {
            session.mirror = Some(Mirror::new(number, session.checks, Arc::clone(&shared.silent)));
        }
        if let Some(looker) = &shared.looker {
            looker.add(Polled::new(upgraded.into_wire(), session, log.clone(), shared.clock.now()));
            return;
        }
        let link = link(upgraded).await;
        // What all connections share must not keep this one.
        drop(shared);
        link.run(session, acts, mute).await;
    });
    response
}

/// A TCP socket after a handshake, with what came early: the client may have sent messages already.
struct Upgraded {
    tcp: TcpStream,
    early: Vec<u8>,
}

async fn upgraded(upgrade: OnUpgrade) -> Option<Upgraded> {
    let parts = upgrade.await.ok()?.downcast::<TokioIo<TcpStream>>().ok()?;
    Some(Upgraded { early: parts.read_buf.to_vec(), tcp: parts.io.into_inner() })
}

impl Upgraded {
    /// For a task of its own.
    async fn into_socket(self) -> Socket {
        let config = WebSocketConfig::default().max_message_size(Some(MOST_MESSAGE)).max_frame_size(Some(MOST_MESSAGE));
        WebSocketStream::from_partially_read(self.tcp, self.early, Role::Server, Some(config)).await
    }

    /// For the task that looks after all of them.
    fn into_wire(self) -> Wire {
        Wire::new(self.tcp, self.early, Role::Server)
    }
}
