//! Texts by REST: sent once, whatever becomes of the answer.

use std::sync::{Arc, PoisonError};

use super::Texts;
use crate::{
    carrier::twilio::{
        Access,
        account::{self, Listed, Message, RestError},
    },
    net::clock,
    store::{Id, StoreError, Text, TextDirection},
};

/// A text that the carrier has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Our id of it.
    pub id: String,
    /// The carrier's.
    pub carrier_id: String,
    /// What it said of it.
    pub status: String,
}

/// Why a text was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// There is no account.
    #[error("there is no Twilio account: enter one with `quietline twilio enable`")]
    NoAccount,
    /// They want no texts from this number.
    #[error("they have opted out of texts from this number (STOP); only they can take that back, by writing START")]
    OptedOut,
    /// The carrier.
    #[error(transparent)]
    Carrier(#[from] RestError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Texts {
    /// Sends a text of somebody's own, which costs money. It is kept, and stands in the conversation.
    ///
    /// # Errors
    ///
    /// [`SendError`]; [`RestError::outcome_unknown`] says whether it may have been sent.
    pub async fn send(&self, ours: &str, theirs: &str, body: &str) -> Result<Sent, SendError> {
        if self.store.opted_out(ours, theirs).await? {
            return Err(SendError::OptedOut);
        }
        let text = Text {
            id: Id::new("tx").to_string(),
            carrier_id: None,
            direction: TextDirection::Outbound,
            ours: ours.to_owned(),
            theirs: theirs.to_owned(),
            body: body.to_owned(),
            status: "queued".to_owned(),
            error: None,
            answers: None,
            at_ms: clock::unix_ms() as i64,
        };
        self.store.keep_text(&text).await?;
        self.post(&text).await
    }

    /// Sends a text that is in the store.
    pub(super) async fn post(&self, text: &Text) -> Result<Sent, SendError> {
        let sent = self.posted(text).await;
        let now = clock::unix_ms() as i64;
        match &sent {
            Ok(sent) => self.store.text_status(&text.id, Some(&sent.carrier_id), &sent.status, None, now).await?,
            Err(SendError::Carrier(error)) => {
                if error.code() == Some(21610) {
                    self.store.set_opt_out(&text.ours, &text.theirs, true, now).await?;
                }
                let status = if error.outcome_unknown() { "unknown" } else { "failed" };
                self.store.text_status(&text.id, None, status, error.code(), now).await?;
            }
            Err(SendError::NoAccount | SendError::OptedOut) => {
                self.store.text_status(&text.id, None, "failed", None, now).await?;
            }
            Err(SendError::Store(_)) => {}
        }
        sent
    }

    async fn posted(&self, text: &Text) -> Result<Sent, SendError> {
        let access = self.carrier.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let access = access.ok_or(SendError::NoAccount)?;
        let before = self.listed(&access, text).await.unwrap_or_default();
        let error = match self.try_post(&access, text).await {
            Ok(sent) => return Ok(sent),
            Err(error) => error,
        };
        if !error.outcome_unknown() {
            return Err(error.into());
        }
        // Nobody knows: the account does.
        let Ok(now) = self.listed(&access, text).await else { return Err(error.into()) };
        let new = |listed: &&Listed| listed.body == text.body && !before.iter().any(|old| old.sid == listed.sid);
        match now.iter().find(new) {
            Some(found) => {
                Ok(Sent { id: text.id.clone(), carrier_id: found.sid.clone(), status: found.status.clone() })
            }
            None => Ok(self.try_post(&access, text).await?),
        }
    }

    async fn try_post(&self, access: &Arc<Access>, text: &Text) -> Result<Sent, RestError> {
        let callback = self.status_callback(&text.id);
        let request = account::send_text(access.account(), &text.ours, &text.theirs, &text.body, &callback);
        let Message { sid, status, .. } = account::read(&self.client.run(access.http(&request)).await)?;
        Ok(Sent { id: text.id.clone(), carrier_id: sid, status })
    }

    async fn listed(&self, access: &Arc<Access>, text: &Text) -> Result<Vec<Listed>, RestError> {
        let request = account::texts(access.account(), &text.ours, &text.theirs);
        Ok(account::page(&self.client.run(access.http(&request)).await, "messages")?.0)
    }
}
