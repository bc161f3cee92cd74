//! Texts, both ways: people who write to the account's numbers, and what the account sends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, Uri},
    response::Response,
    routing::get,
};
use hyper::Method;
use serde_json::{Value, json};

use super::{
    account::{allowed, complain, form, locked},
    clock::WallTime,
    config::TEXT_PATH,
    document::{self, Reply},
    forms::{Form, encoded},
    lab::Shared,
    network::Asking,
    rest::{Refusal, answer},
    signing::Signature,
};

/// From taking a text to telling what became of it.
const ON_ITS_WAY: Duration = Duration::from_millis(30);
/// Words that the vendor answers itself, and what it calls them.
const KEYWORDS: [(&str, &str); 7] = [
    ("stop", "STOP"),
    ("unsubscribe", "STOP"),
    ("cancel", "STOP"),
    ("start", "START"),
    ("unstop", "START"),
    ("help", "HELP"),
    ("info", "HELP"),
];

/// A text that the account has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabText {
    /// `SM…`.
    pub id: String,
    /// The account's number.
    pub from: String,
    /// To whom.
    pub to: String,
    /// What it says.
    pub body: String,
    /// It came by REST, not in a webhook's answer.
    pub by_rest: bool,
}

/// What came of a text to the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextOutcome {
    /// `SM…`.
    pub id: String,
    /// What the webhook answered.
    pub status: Result<u16, String>,
    /// Texts in its answer.
    pub replies: Vec<String>,
    /// How long the answer took.
    pub took: Duration,
}

/// What the account sends, and who wants none.
#[derive(Debug, Default)]
pub(super) struct Texts {
    sent: Mutex<Vec<(LabText, Value)>>,
    /// Forms that were posted, by id: for telling them again.
    asked: Mutex<BTreeMap<String, (String, Form, String)>>,
    /// Our number, theirs.
    opted_out: Mutex<BTreeSet<(String, String)>>,
    lose_answers: Mutex<bool>,
}

impl Texts {
    pub(super) fn to(&self, person: &str) -> Vec<LabText> {
        locked(&self.sent).iter().filter(|(text, _)| text.to == person).map(|(text, _)| text.clone()).collect()
    }

    pub(super) fn lose_answers(&self, lose: bool) {
        *locked(&self.lose_answers) = lose;
    }
}

/// Somebody writes.
pub(super) async fn write(lab: &Arc<Shared>, from: &str, to: &str, body: &str) -> TextOutcome {
    let id = lab.sid("SM");
    let word = body.trim().to_ascii_lowercase();
    let keyword = KEYWORDS.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind);
    let pair = (to.to_owned(), from.to_owned());
    match keyword {
        Some("STOP") => drop(locked(&lab.texts.opted_out).insert(pair)),
        Some("START") => drop(locked(&lab.texts.opted_out).remove(&pair)),
        Some(_) | None => {}
    }
    let segments = crate::carrier::twilio::text::segments(body).max(1).to_string();
    let account = lab.config.account_sid.as_str();
    let fields = [
        ("ToCountry", "US"),
        ("ToState", "CA"),
        ("SmsMessageSid", &id),
        ("NumMedia", "0"),
        ("ToCity", ""),
        ("FromZip", "94103"),
        ("SmsSid", &id),
        ("FromState", "CA"),
        ("SmsStatus", "received"),
        ("FromCity", "SAN FRANCISCO"),
        ("Body", body),
        ("FromCountry", "US"),
        ("To", to),
        ("ToZip", ""),
        ("NumSegments", &segments),
        ("MessageSid", &id),
        ("AccountSid", account),
        ("From", from),
        ("ApiVersion", "2010-04-01"),
    ];
    let mut form: Form = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    form.extend(keyword.map(|kind| ("OptOutType".to_owned(), kind.to_owned())));
    let url = match lab.numbers.settings(to) {
        Some(number) => number["sms_url"].as_str().unwrap_or_default().to_owned(),
        None => format!("{}{TEXT_PATH}", lab.config.public_url),
    };
    if url.is_empty() {
        let status = Err("nothing is set for texts to this number".to_owned());
        return TextOutcome { id, status, replies: Vec::new(), took: Duration::ZERO };
    }
    let token = lab.uuid();
    locked(&lab.texts.asked).insert(id.clone(), (url.clone(), form.clone(), token.clone()));
    ask(lab, id, &url, &form, &token).await
}

/// The same webhook once more.
pub(super) async fn again(lab: &Arc<Shared>, id: &str) -> Option<TextOutcome> {
    let (url, form, token) = locked(&lab.texts.asked).get(id).cloned()?;
    Some(ask(lab, id.to_owned(), &url, &form, &token).await)
}

async fn ask(lab: &Arc<Shared>, id: String, url: &str, form: &Form, idempotency: &str) -> TextOutcome {
    let began = lab.clock.now();
    let answer = post(lab, url, form, idempotency).await;
    let took = lab.clock.now() - began;
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return TextOutcome { id, status: Err(why), replies: Vec::new(), took },
    };
    let field = |wanted: &str| form.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value);
    // The account's number writes back.
    let (from, to) = (field("To"), field("From"));
    let mut replies = Vec::new();
    if answer.status == 200 {
        let read = std::str::from_utf8(&answer.body).map_err(|error| error.to_string());
        match read.and_then(document::replies) {
            Ok(found) => {
                for Reply { body, callback } in found {
                    replies.push(body.clone());
                    if let Err(refusal) = take(lab, from, to, &body, callback, false) {
                        lab.violation(&format!("a text in an answer was refused: {refusal:?}"));
                    }
                }
            }
            Err(why) => lab.violation(&format!("12100: the answer to a text is no TwiML: {why}")),
        }
    }
    TextOutcome { id, status: Ok(answer.status), replies, took }
}

async fn post(lab: &Shared, url: &str, form: &Form, idempotency: &str) -> Result<super::network::Answer, String> {
    let headers = |_: &Method, url: &str| {
        let mut headers = vec![
            ("accept", "*/*".to_owned()),
            ("user-agent", "TwilioProxy/1.1".to_owned()),
            ("i-twilio-idempotency-token", idempotency.to_owned()),
            ("content-type", "application/x-www-form-urlencoded; charset=UTF-8".to_owned()),
        ];
        let signature = Signature::Right.of(&lab.config.auth_token, url, form);
        headers.extend(signature.map(|signature| ("x-twilio-signature", signature)));
        headers
    };
    let body = encoded(form);
    let asking = Asking { method: Method::POST, url, headers: &headers, form: &body };
    lab.network.ask(asking).await.map_err(|why| why.to_string())
}

/// The account sends a text.
fn take(
    lab: &Arc<Shared>,
    from: &str,
    to: &str,
    body: &str,
    callback: Option<String>,
    by_rest: bool,
) -> Result<Value, Refusal> {
    if locked(&lab.texts.opted_out).contains(&(from.to_owned(), to.to_owned())) {
        return Err(Refusal::OPTED_OUT);
    }
    if !lab.config.numbers.is_empty() && lab.numbers.settings(from).is_none() {
        return Err(Refusal::NOT_OURS);
    }
    let (id, account) = (lab.sid("SM"), lab.config.account_sid.as_str());
    let uri = format!("/2010-04-01/Accounts/{account}/Messages/{id}");
    let now = WallTime::now().rfc2822();
    let resource = json!({
        "sid": id,
        "account_sid": account,
        "api_version": "2010-04-01",
        "body": body,
        "num_segments": crate::carrier::twilio::text::segments(body).to_string(),
        "num_media": "0",
        "direction": if by_rest { "outbound-api" } else { "outbound-reply" },
        "from": from,
        "to": to,
        "status": "queued",
        "date_created": now,
        "date_updated": now,
        "date_sent": null,
        "error_code": null,
        "error_message": null,
        "messaging_service_sid": null,
        "price": null,
        "price_unit": "USD",
        "subresource_uris": { "media": format!("{uri}/Media.json") },
        "uri": format!("{uri}.json"),
    });
    complain(lab, "api.v2010.account.message", &resource);
    let text = LabText { id: id.clone(), from: from.to_owned(), to: to.to_owned(), body: body.to_owned(), by_rest };
    locked(&lab.texts.sent).push((text.clone(), resource.clone()));
    if let Some(url) = callback {
        tokio::spawn(tell(Arc::clone(lab), text, url));
    }
    Ok(resource)
}

/// Tells what becomes of a text.
async fn tell(lab: Arc<Shared>, text: LabText, url: String) {
    for status in ["sent", "delivered"] {
        tokio::time::sleep(ON_ITS_WAY).await;
        if let Some((_, resource)) = locked(&lab.texts.sent).iter_mut().find(|(sent, _)| sent.id == text.id) {
            resource["status"] = status.into();
        }
        let form: Form = [
            ("SmsSid", text.id.as_str()),
            ("SmsStatus", status),
            ("MessageStatus", status),
            ("To", &text.to),
            ("MessageSid", &text.id),
            ("AccountSid", lab.config.account_sid.as_str()),
            ("From", &text.from),
            ("ApiVersion", "2010-04-01"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        // The gateway may be down: the vendor does not repeat these.
        match post(&lab, &url, &form, &lab.uuid()).await {
            Ok(answer) if answer.status >= 300 => {
                lab.violation(&format!("a text's status callback was answered {}", answer.status));
            }
            Ok(_) | Err(_) => {}
        }
    }
}

/// What is asked of the account about texts.
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/2010-04-01/Accounts/{account}/Messages.json", get(list).post(create))
        .route("/2010-04-01/Accounts/{account}/Messages/{file}", get(one))
}

async fn create(
    State(lab): State<Arc<Shared>>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err(refusal) = allowed(&lab, &headers, &account) {
        return refusal.response();
    }
    let form = match form(&lab, "CreateMessage", &body) {
        Ok(form) => form,
        Err(refusal) => return refusal.response(),
    };
    let field = |name: &str| form[name].as_str().unwrap_or_default();
    let callback = form["StatusCallback"].as_str().map(str::to_owned);
    match take(&lab, field("From"), field("To"), field("Body"), callback, true) {
        Ok(_) if *locked(&lab.texts.lose_answers) => Refusal::FAULT.response(),
        Ok(resource) => answer(201, &resource),
        Err(refusal) => refusal.response(),
    }
}

async fn list(State(lab): State<Arc<Shared>>, Path(account): Path<String>, headers: HeaderMap, uri: Uri) -> Response {
    if let Err(refusal) = allowed(&lab, &headers, &account) {
        return refusal.response();
    }
    let query = match form(&lab, "ListMessage", uri.query().unwrap_or_default().as_bytes()) {
        Ok(query) => query,
        Err(refusal) => return refusal.response(),
    };
    let is = |field: &str, value: &str| query[field].as_str().is_none_or(|wanted| wanted == value);
    let found: Vec<_> = locked(&lab.texts.sent)
        .iter()
        .rev()
        .filter(|(text, _)| is("From", &text.from) && is("To", &text.to))
        .map(|(_, resource)| resource.clone())
        .collect();
    let base = format!("/2010-04-01/Accounts/{account}/Messages.json");
    answer(
        200,
        &json!({
            "messages": found, "page": 0, "page_size": 50, "start": 0, "end": found.len().saturating_sub(1),
            "uri": base, "first_page_uri": base, "next_page_uri": null, "previous_page_uri": null,
        }),
    )
}

async fn one(
    State(lab): State<Arc<Shared>>,
    Path((account, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = allowed(&lab, &headers, &account) {
        return refusal.response();
    }
    let id = file.trim_end_matches(".json");
    let found = locked(&lab.texts.sent).iter().find(|(text, _)| text.id == id).map(|(_, resource)| resource.clone());
    found.map_or_else(|| Refusal::NOT_FOUND.response(), |resource| answer(200, &resource))
}
