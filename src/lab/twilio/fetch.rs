//! Asking the gateway for a document, signed.

use std::sync::Arc;

use hyper::Method;

use super::{
    call::Call,
    document::{Document, Link},
    events::{CallEvent, Webhook},
    forms::{Form, encoded},
    network::{Answer, Asking, NoAnswer},
};

/// An answer that is no document.
#[derive(Clone, Debug)]
pub(super) struct Unusable {
    /// The vendor's number.
    pub(super) code: u32,
    pub(super) what: String,
    url: String,
}

/// Asks for a document.
///
/// # Errors
/// What the vendor would enter in its debugger.
pub(super) async fn fetch(
    call: &Arc<Call>,
    webhook: Webhook,
    link: &Link,
    failed: Option<&Unusable>,
    extra: &Form,
) -> Result<Document, Unusable> {
    let mut form = if matches!(webhook, Webhook::Voice) { call.about().incoming() } else { call.about().common() };
    form.extend_from_slice(extra);
    if let Some(failed) = failed {
        form.push(("ErrorCode".to_owned(), failed.code.to_string()));
        form.push(("ErrorUrl".to_owned(), failed.url.clone()));
    }
    let unusable = |code, what: String| Unusable { code, what, url: link.url.clone() };
    let answer = ask(call, webhook, link, &form).await.map_err(|why| unusable(why.code(), why.to_string()))?;
    if !(200..300).contains(&answer.status) {
        return Err(unusable(11200, format!("{webhook} {}: status {}", link.url, answer.status)));
    }
    let kind = answer.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !matches!(kind.as_str(), "text/xml" | "application/xml") {
        return Err(unusable(12300, format!("{webhook} {}: expected text/xml, got {kind:?}", link.url)));
    }
    let text = std::str::from_utf8(&answer.body)
        .map_err(|error| unusable(12100, format!("{webhook} {}: not UTF-8: {error}", link.url)))?;
    let document = Document::read(text, &link.url)
        .map_err(|why| unusable(12100, format!("{webhook} {}: not TwiML: {why}", link.url)))?;
    took(call, &document);
    Ok(document)
}

/// A document was taken.
pub(super) fn took(call: &Call, document: &Document) {
    let now = call.lab.clock.now();
    call.state().document.get_or_insert(now);
    let log = &mut call.line().log;
    log.event(now, CallEvent::Document(document.to_string()));
    for complaint in &document.complaints {
        log.warning(now, 12200, complaint.clone());
        log.violation(now, format!("12200: {complaint}"));
    }
}

/// Makes one signed request and enters it in the record.
pub(super) async fn ask(call: &Call, webhook: Webhook, link: &Link, form: &Form) -> Result<Answer, NoAnswer> {
    let (token, signature) = (&call.lab.config.auth_token, call.faults.webhook_signature);
    // The same however often the request is made.
    let idempotency = call.lab.uuid();
    let none = Form::new();
    let headers = |method: &Method, url: &str| {
        let signed = if *method == Method::POST { form } else { &none };
        let mut headers = vec![
            ("accept", "*/*".to_owned()),
            ("user-agent", "TwilioProxy/1.1".to_owned()),
            ("i-twilio-idempotency-token", idempotency.clone()),
        ];
        if *method == Method::POST {
            headers.push(("content-type", "application/x-www-form-urlencoded; charset=UTF-8".to_owned()));
        }
        headers.extend(signature.of(token, url, signed).map(|signature| ("x-twilio-signature", signature)));
        headers
    };
    let body = encoded(form);
    let asking = Asking { method: link.method.clone(), url: &link.url, headers: &headers, form: &body };
    let answer = call.lab.network.ask(asking).await;
    let answered = answer.as_ref().map(|answer| answer.status).map_err(ToString::to_string);
    call.log(CallEvent::Asked { webhook, url: link.url.clone(), answer: answered });
    answer
}
