//! Calls that are over, and those under way.

use serde_json::json;

use super::{Actor, Desk, DeskError, Result};
use crate::{
    carrier::CallId,
    live::LiveCall,
    net::clock,
    store::{self, CallFilter, Listing, NumberUse, Page},
};

/// What a span covers where nothing is said: 30 days.
const USUAL_MS: i64 = 30 * 86_400_000;

impl Desk {
    /// Calls that are over, the newest first, without their details.
    ///
    /// # Errors
    ///
    /// If the store does not answer, or the cursor is none.
    pub async fn calls(&self, filter: &CallFilter, page: &Page) -> Result<Listing<store::Call>> {
        Ok(self.store.calls(filter, page).await?)
    }

    /// One, with everything.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub async fn call(&self, id: &str) -> Result<store::Call> {
        self.store.call(id).await.map_err(DeskError::about("call", id))
    }

    /// What silence cost, over calls that began in this span (milliseconds since 1970).
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn number_use(&self, from_ms: Option<i64>, to_ms: Option<i64>) -> Result<Vec<NumberUse>> {
        let to_ms = to_ms.unwrap_or(clock::unix_ms() as i64);
        Ok(self.store.number_use(from_ms.unwrap_or(to_ms.saturating_sub(USUAL_MS)), to_ms).await?)
    }

    /// Calls under way here.
    #[must_use]
    pub fn live_calls(&self) -> Vec<LiveCall> {
        self.remote.live_calls()
    }

    /// Ends a call under way here with the operator's farewell.
    ///
    /// # Errors
    ///
    /// If there is none of this id.
    pub async fn end_call(&self, actor: &Actor, id: &str) -> Result<()> {
        if !self.remote.end_call(&CallId::new(id)) {
            return Err(DeskError::missing("call under way", id));
        }
        self.audit(actor, "call.end", id, json!({})).await
    }
}
