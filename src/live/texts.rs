//! Webhooks of texts. They are answered by whoever hangs on the gateway ([`TextDesk`]), on a runtime of its own: no call waits
//! for one.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use axum::{
    body::Body,
    extract::State,
    http::{Request, Response, StatusCode},
    response::IntoResponse as _,
};
use tokio::runtime::Handle;

use super::routes::{Here, Refusal, document, of_our_account, signed_form, unreadable};
use crate::carrier::twilio::{
    twiml::{self, Twiml},
    webhook::{MessageCallback, MessageRequest},
};

/// Who answers texts.
#[async_trait]
pub trait TextDesk: Send + Sync + fmt::Debug {
    /// Somebody wrote: the document that answers the webhook. It must be there within 15 s.
    async fn received(&self, message: MessageRequest) -> Twiml;
    /// Sends a text, which costs money. The error is in words for whoever wanted it sent.
    async fn send(&self, ours: &str, theirs: &str, body: &str) -> Result<(), String>;
    /// What became of a text of ours; `ours` is our id of it, if it is known.
    async fn told(&self, ours: Option<&str>, callback: MessageCallback);
}

/// Who answers texts, and where that runs.
#[derive(Clone, Debug)]
pub struct Texting {
    /// Who.
    pub desk: Arc<dyn TextDesk>,
    /// Where.
    pub runtime: Handle,
}

/// Somebody wrote to a number of ours.
pub(super) async fn received(State(here): State<Here>, request: Request<Body>) -> Response<Body> {
    let answer = async {
        let form = signed_form(&here, request).await?;
        let message = MessageRequest::read(&form.body).map_err(unreadable)?;
        of_our_account(&here, message.account)?;
        let Some(Texting { desk, runtime }) = here.front.texting.clone() else {
            tracing::warn!(text = message.id, "nobody answers texts here");
            return Ok(document(&twiml::nothing()));
        };
        // A carrier that hangs up does not stop what has begun: tools may be at work.
        let answer = runtime.spawn(async move { desk.received(message).await }).await;
        Ok(document(&answer.unwrap_or_else(|error| {
            tracing::error!(%error, "a text came to nothing");
            twiml::nothing()
        })))
    };
    answer.await.unwrap_or_else(|refused: Refusal| *refused)
}

/// What became of a text of ours.
pub(super) async fn told(State(here): State<Here>, request: Request<Body>) -> Response<Body> {
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let ours = form_urlencoded::parse(query).find(|(name, _)| name == "text").map(|(_, id)| id.into_owned());
    let answer = async {
        let form = signed_form(&here, request).await?;
        let callback = MessageCallback::read(&form.body).map_err(unreadable)?;
        of_our_account(&here, callback.account)?;
        if let Some(Texting { desk, runtime }) = here.front.texting.clone() {
            let told = runtime.spawn(async move { desk.told(ours.as_deref(), callback).await }).await;
            if let Err(error) = told {
                tracing::error!(%error, "what became of a text could not be kept");
            }
        }
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    answer.await.unwrap_or_else(|refused: Refusal| *refused)
}
