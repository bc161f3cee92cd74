//! Webhooks, health and the media handshake.

use std::sync::Arc;
use std::time::Duration;

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{Request, Response, StatusCode, Uri, header},
    response::{Html, IntoResponse},
    routing::{any, get, post},
};
use http_body_util::{BodyExt, Limited};

use super::{
    ahead::Ahead,
    answers::{MAX_RESUMES, path},
    doorway,
    gateway::{Front, Phase, Twilio},
    outbound::UnansweredCall,
    setup::{Assistant, NewCall},
    shard::ToShard,
    supervisor::Whereabouts,
};
use crate::{
    carrier::{
        CallAnswer, CallId, CallStatus,
        twilio::{
            AccountSid,
            signature::{Body as Signed, HEADER},
            token::{Claim, LIFETIME_S},
            twiml::{self, Twiml},
            webhook::{AnsweredBy, FormError, MAX_FORM, StatusCallback, StreamCallback, StreamNews, VoiceRequest},
        },
    },
    net::{clock, websocket},
};

/// A form must be here within this time.
const FORM: Duration = Duration::from_secs(5);
/// The end of a stream is waited for this long, looking again so often.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(20);
/// Refused requests that are logged one by one; of further ones every so many-th.
const LOGGED: u64 = 10;
const LOGGED_EVERY: u64 = 1000;

/// An answer that ends a request early.
pub(super) type Refusal = Box<Response<Body>>;

fn refusal(status: StatusCode, text: &'static str) -> Refusal {
    Box::new(plain(status, text))
}

/// A shard's view of the whole.
#[derive(Clone)]
pub(super) struct Here {
    pub(super) front: Arc<Front>,
    shard: usize,
}

/// The routes, as one shard serves them. With a path prefix they are there with and without it: a proxy may leave it on.
pub(super) fn router(front: Arc<Front>, shard: usize) -> Router {
    let prefix = front.addresses.prefix().to_owned();
    let routes = || {
        Router::new()
            .route("/", get(page))
            .route("/healthz", get(health))
            .route("/readyz", get(ready))
            .route(path::VOICE, post(voice))
            .route(&format!("{}/{{number}}/{{key}}", path::RESUME), post(resume))
            .route(&format!("{}/{{key}}", path::DIALED), post(dialed))
            .route(&format!("{}/{{key}}", path::OUTBOUND), post(outbound))
            .route(path::STATUS, post(status))
            .route(&format!("{}/{{key}}", path::STATUS), post(status_of))
            .route(path::STREAM_STATUS, post(stream_status))
            .route(path::TEXT, post(super::texts::received))
            .route(path::TEXT_STATUS, post(super::texts::told))
            .route(path::MEDIA, get(media))
            .route("/api/{*rest}", any(api))
    };
    let router = if prefix.is_empty() { routes() } else { routes().nest(&prefix, routes()) };
    router
        .fallback(|| async { plain(StatusCode::NOT_FOUND, "There is nothing at this address.\n") })
        .with_state(Here { front, shard })
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    (status, text).into_response()
}

async fn page(State(here): State<Here>) -> Html<String> {
    Html(here.front.page.clone())
}

/// The API, without the prefix of the public address.
async fn api(State(here): State<Here>, mut request: Request<Body>) -> Response<Body> {
    let Some(api) = &here.front.api else {
        return plain(StatusCode::NOT_FOUND, "There is nothing at this address.\n");
    };
    if let Some(uri) = without_prefix(request.uri(), here.front.addresses.prefix()) {
        *request.uri_mut() = uri;
    }
    super::api::answer(api, request).await
}

fn without_prefix(uri: &Uri, prefix: &str) -> Option<Uri> {
    let target = uri.path_and_query()?.as_str().strip_prefix(prefix).filter(|_| !prefix.is_empty())?;
    target.parse().ok()
}

/// Alive: this process serves. With the census, for those who look.
async fn health(State(here): State<Here>) -> impl IntoResponse {
    Json(serde_json::json!({ "status": "ok", "calls": here.front.supervisor.census() }))
}

/// Ready for new calls: a load balancer should send some.
async fn ready(State(here): State<Here>) -> Response<Body> {
    if *here.front.phase.borrow() == Phase::Running {
        plain(StatusCode::OK, "ready\n")
    } else {
        plain(StatusCode::SERVICE_UNAVAILABLE, "draining: no new calls\n")
    }
}

/// A request of the carrier's, its signature checked.
pub(super) struct SignedForm {
    pub(super) body: Bytes,
}

/// Checks the signature before anything is read of the form. The refusal tells the client nothing.
pub(super) async fn signed_form(here: &Here, request: Request<Body>) -> Result<SignedForm, Refusal> {
    let (parts, body) = request.into_parts();
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
    {
        return Err(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Expected application/x-www-form-urlencoded.\n"));
    }
    let body = match tokio::time::timeout(FORM, Limited::new(body, MAX_FORM).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Err(_) => return Err(refusal(StatusCode::REQUEST_TIMEOUT, "The form did not come in time.\n")),
        Ok(Err(_)) => return Err(refusal(StatusCode::PAYLOAD_TOO_LARGE, "The form is too long, or broke off.\n")),
    };
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let url = here.front.addresses.signed(target);
    check_signature(here, &parts.headers, &url, Signed::Form(&body))?;
    Ok(SignedForm { body })
}

fn check_signature(here: &Here, headers: &header::HeaderMap, url: &str, body: Signed<'_>) -> Result<(), Refusal> {
    let signature = headers.get(HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let refused = match here.front.twilio() {
        Some(twilio) => match twilio.verifier.verify(url, body, signature) {
            Ok(()) => return Ok(()),
            Err(refused) => refused.to_string(),
        },
        None => "no Twilio account is configured: set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN".to_owned(),
    };
    let mut count = 0;
    here.front.supervisor.count(|census| {
        census.unsigned += 1;
        count = census.unsigned;
    });
    // Whoever tries a thousand times must not fill the log.
    if count <= LOGGED || count.is_multiple_of(LOGGED_EVERY) {
        tracing::warn!(url, refused, count, "a request was refused");
    }
    Err(refusal(StatusCode::FORBIDDEN, "Forbidden.\n"))
}

/// The account's own requests only.
pub(super) fn of_our_account(here: &Here, account: AccountSid) -> Result<Arc<Twilio>, Refusal> {
    here.front.twilio().filter(|twilio| twilio.access.account() == account).ok_or_else(|| {
        tracing::warn!(%account, "a request for another account was refused: check the account SID in the configuration");
        refusal(StatusCode::FORBIDDEN, "Forbidden.\n")
    })
}

pub(super) fn unreadable(error: FormError) -> Refusal {
    tracing::warn!(%error, "a request of the carrier's cannot be used");
    Box::new((StatusCode::BAD_REQUEST, format!("{error}\n")).into_response())
}

pub(super) fn document(twiml: &Twiml) -> Response<Body> {
    ([(header::CONTENT_TYPE, twiml::CONTENT_TYPE)], twiml.as_str().to_owned()).into_response()
}

/// A number of ours rings.
async fn voice(State(here): State<Here>, request: Request<Body>) -> Response<Body> {
    let answer = async {
        let form = signed_form(&here, request).await?;
        let request = VoiceRequest::read(&form.body).map_err(unreadable)?;
        let twilio = of_our_account(&here, request.account)?;
        if *here.front.phase.borrow() != Phase::Running {
            here.front.supervisor.count(|census| census.busy += 1);
            return Ok(document(&twiml::busy()));
        }
        let Some(assistant) = here.front.directory.for_number(&request.to) else {
            tracing::warn!(call = %request.call, "no assistant takes calls to this number: give one the number, or none");
            return Ok(document(&twiml::busy()));
        };
        connect(&here, &twilio, &assistant, &request, Leg::default())
    };
    answer.await.unwrap_or_else(|refused| *refused)
}

/// A call's stream has ended, or could not be opened, and the call is still there.
async fn resume(
    State(here): State<Here>,
    Path((number, key)): Path<(String, String)>,
    request: Request<Body>,
) -> Response<Body> {
    let answer = async {
        let form = signed_form(&here, request).await?;
        let request = VoiceRequest::read(&form.body).map_err(unreadable)?;
        let twilio = of_our_account(&here, request.account)?;
        let call = CallId::new(request.call.as_str());
        let whereabouts = here.front.supervisor.whereabouts(&call);
        if matches!(whereabouts, Whereabouts::Over | Whereabouts::Closing(_))
            || request.status == Some(CallStatus::Ended)
        {
            return Ok(document(&twiml::hang_up()));
        }
        let Some(assistant) = of_the_call(&here, &key, &request) else {
            return Ok(document(&twiml::hang_up()));
        };
        let number: u8 = number.parse().unwrap_or(u8::MAX);
        // A call of another process is new to us: while we drain, we take none.
        let taken = matches!(whereabouts, Whereabouts::Live(_)) || *here.front.phase.borrow() == Phase::Running;
        if number == 0 || number > MAX_RESUMES || !taken {
            tracing::warn!(%call, "the call cannot be resumed: the carrier apologizes");
            return Ok(document(&assistant.apology));
        }
        tracing::info!(%call, number, "the call is resumed");
        connect(&here, &twilio, &assistant, &request, Leg { resumed: number, returned: false })
    };
    answer.await.unwrap_or_else(|refused| *refused)
}

/// The assistant that a call began with, or who answers its number now: the former may be of another process's time.
fn of_the_call(here: &Here, key: &str, request: &VoiceRequest) -> Option<Arc<Assistant>> {
    here.front.directory.with_key(key).or_else(|| here.front.directory.for_number(&request.parties().ours))
}

/// A transfer is over. Whom nobody answered comes back to the assistant.
async fn dialed(State(here): State<Here>, Path(key): Path<String>, request: Request<Body>) -> Response<Body> {
    let answer = async {
        let form = signed_form(&here, request).await?;
        let request = VoiceRequest::read(&form.body).map_err(unreadable)?;
        let twilio = of_our_account(&here, request.account)?;
        let call = CallId::new(request.call.as_str());
        if request.reached != Some(false) || request.status == Some(CallStatus::Ended) {
            return Ok(document(&twiml::hang_up()));
        }
        let Some(assistant) = of_the_call(&here, &key, &request) else {
            return Ok(document(&twiml::hang_up()));
        };
        // The carrier may be quicker than the end of the stream that the caller left by.
        let mut patience = PATIENCE;
        while !here.front.supervisor.comes_back(&call) && !patience.is_zero() {
            tokio::time::sleep(LOOK).await;
            patience = patience.saturating_sub(LOOK);
        }
        if patience.is_zero() || *here.front.phase.borrow() != Phase::Running {
            tracing::warn!(%call, "the caller cannot come back from a transfer: the carrier apologizes");
            return Ok(document(&assistant.apology));
        }
        tracing::info!(%call, "nobody answered the transfer: the caller is back");
        connect(&here, &twilio, &assistant, &request, Leg { resumed: 0, returned: true })
    };
    answer.await.unwrap_or_else(|refused| *refused)
}

/// How a call's stream comes to be opened.
#[derive(Clone, Copy, Debug, Default)]
struct Leg {
    /// How often it had been open before.
    resumed: u8,
    /// The caller is back from a transfer.
    returned: bool,
}

/// Lets a call in: with a token of its own, and the model's session opened while the carrier connects.
fn connect(
    here: &Here,
    twilio: &Twilio,
    assistant: &Arc<Assistant>,
    request: &VoiceRequest,
    Leg { resumed, returned }: Leg,
) -> Result<Response<Body>, Refusal> {
    let front = &here.front;
    let call = request.call;
    let id = CallId::new(call.as_str());
    let fault = |what: &dyn std::fmt::Display| {
        tracing::error!(call = %id, "a call cannot be connected: {what}");
        refusal(StatusCode::INTERNAL_SERVER_ERROR, "The call cannot be connected.\n")
    };
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|error| fault(&error))?;
    let ahead = || Ahead::new((assistant.model)(&NewCall { call: id.clone(), resumed, returned }), &front.slow);
    if !front.supervisor.expect(clock::now(), &id, front.max_calls, ahead) {
        tracing::warn!(call = %id, limit = front.max_calls, "busy: as many calls as are allowed");
        // Only a call that rings can be told "busy".
        let answer =
            if resumed == 0 && !returned && !request.outbound { twiml::busy() } else { assistant.apology.clone() };
        return Ok(document(&answer));
    }
    let expires_s = clock::unix_ms() / 1000 + LIFETIME_S;
    let parties = request.parties();
    let claim = Claim { resumed, returned, expires_s, nonce, assistant: assistant.key.clone(), parties };
    let answer = front.addresses.connect(&twilio.tokens, twilio.access.account(), call, &claim);
    answer.map(|twiml| document(&twiml)).map_err(|error| fault(&error))
}

/// Somebody, or something, has answered a call that we placed.
async fn outbound(State(here): State<Here>, Path(key): Path<String>, request: Request<Body>) -> Response<Body> {
    let answer = async {
        let form = signed_form(&here, request).await?;
        let request = VoiceRequest::read(&form.body).map_err(unreadable)?;
        let twilio = of_our_account(&here, request.account)?;
        let Some(assistant) = of_the_call(&here, &key, &request) else {
            tracing::warn!(call = %request.call, key, "the assistant that placed this call is not there any more");
            return Ok(document(&twiml::hang_up()));
        };
        match request.answered_by {
            Some(AnsweredBy::Machine) => Ok(document(&assistant.outbound.machine)),
            Some(AnsweredBy::Fax) => Ok(document(&twiml::hang_up())),
            Some(AnsweredBy::Person) | None if *here.front.phase.borrow() != Phase::Running => {
                Ok(document(&assistant.apology))
            }
            Some(AnsweredBy::Person) | None => connect(&here, &twilio, &assistant, &request, Leg::default()),
        }
    };
    answer.await.unwrap_or_else(|refused| *refused)
}

/// The state of a call has changed that we placed.
async fn status_of(State(here): State<Here>, Path(key): Path<String>, request: Request<Body>) -> Response<Body> {
    changed(&here, Some(key), request).await
}

/// The call's state has changed.
async fn status(State(here): State<Here>, request: Request<Body>) -> Response<Body> {
    changed(&here, None, request).await
}

async fn changed(here: &Here, key: Option<String>, request: Request<Body>) -> Response<Body> {
    let answer = async {
        let form = signed_form(here, request).await?;
        let callback = StatusCallback::read(&form.body).map_err(unreadable)?;
        of_our_account(here, callback.account)?;
        let call = CallId::new(callback.call.as_str());
        // They may come in any order, but what is over stays over: only that is of interest.
        if callback.status == Some(CallStatus::Ended) {
            match here.front.supervisor.whereabouts(&call) {
                Whereabouts::Live(shard) | Whereabouts::Closing(shard) => {
                    let answer = CallAnswer::Status(CallStatus::Ended);
                    // A shard that cannot be told learns it from the socket.
                    let _ = here.front.tell(shard, ToShard::Answer { call: call.clone(), answer });
                }
                Whereabouts::Waiting => here.front.supervisor.gone_before_stream(clock::now(), &call),
                Whereabouts::Unknown | Whereabouts::Over => {}
            }
        }
        if let (Some(why), Some(assistant_key)) = (callback.unanswered, key) {
            let lasted = Duration::from_secs(callback.lasted_s.unwrap_or(0).into());
            let parties = callback.parties;
            here.front.remote.tell_unanswered(UnansweredCall { call, assistant_key, parties, why, lasted });
        }
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    answer.await.unwrap_or_else(|refused: Refusal| *refused)
}

/// A stream began, ended or failed. The call itself learns it from the socket; here it is only told.
async fn stream_status(State(here): State<Here>, request: Request<Body>) -> Response<Body> {
    let answer = async {
        let form = signed_form(&here, request).await?;
        let callback = StreamCallback::read(&form.body).map_err(unreadable)?;
        of_our_account(&here, callback.account)?;
        match callback.news {
            Some(StreamNews::Failed) => {
                let error = callback.error.as_deref().unwrap_or("no reason given");
                tracing::warn!(call = %callback.call, error, "the carrier says that the stream failed");
            }
            Some(StreamNews::Started | StreamNews::Stopped) | None => {
                tracing::debug!(call = %callback.call, news = ?callback.news, "stream status");
            }
        }
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    answer.await.unwrap_or_else(|refused: Refusal| *refused)
}

/// The media handshake: nothing is opened for one that is not signed.
async fn media(State(here): State<Here>, request: Request<Body>) -> Response<Body> {
    if let Err(refused) = check_signature(&here, request.headers(), here.front.addresses.media(), Signed::None) {
        return *refused;
    }
    let (response, accepted) = websocket::accept(request);
    if let Some(accepted) = accepted {
        tokio::spawn(doorway::enter(Arc::clone(&here.front), here.shard, accepted));
    }
    response
}
