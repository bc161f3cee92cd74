//! Status callbacks of one call: one after the other, or deliberately not.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;

use super::{call::Call, config::Callbacks, document::Link, events::Webhook, fetch::ask, forms::Form};

/// Something to be told.
#[derive(Debug)]
pub(super) struct Callback {
    pub(super) webhook: Webhook,
    pub(super) link: Link,
    pub(super) form: Form,
}

/// Tells everything until nothing more can come.
pub(super) async fn tell(call: Arc<Call>, mut told: UnboundedReceiver<Callback>) {
    let mut held: Option<Callback> = None;
    while let Some(callback) = told.recv().await {
        if call.lab.config.callbacks == Callbacks::OutOfOrder && held.is_none() {
            held = Some(callback);
            continue;
        }
        one(&call, &callback).await;
        if let Some(late) = held.take() {
            one(&call, &late).await;
        }
    }
    if let Some(late) = held {
        one(&call, &late).await;
    }
}

async fn one(call: &Call, callback: &Callback) {
    // Refusals and failures are in the record; the vendor does not repeat these requests.
    let _ = ask(call, callback.webhook, &callback.link, &callback.form).await;
}
