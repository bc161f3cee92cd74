//! The webhook at a call's end, by the Standard Webhooks specification (<https://www.standardwebhooks.com>).
//!
//! It is kept with the call's record, in one transaction, and sent until the receiver has it: a restart loses none, and the
//! receiver may get one twice (same `webhook-id`).

use std::sync::Arc;
use std::time::Duration;

use base64_simd::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::{broadcast, watch};

use crate::{
    config::Webhook,
    net::{client::Client, clock},
    store::{Hook, Id, Store, Subject},
    wire::{ExchangeEvent, HttpRequest, Method},
};

/// Pauses after failures, seconds: together three days and more; after the last one it is given up.
const PAUSES_S: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// An answer must be there by then.
const ANSWER: Duration = Duration::from_secs(15);
/// What is being sent is nobody else's for so long.
const LEASE_MS: i64 = 60_000;
/// So many at once.
const AT_ONCE: u32 = 8;
/// Looked for at least this often: another process may have left some.
const LOOK: Duration = Duration::from_secs(60);

/// A message for the receiver, to be kept with what it tells of.
pub(super) fn hook(to: &Webhook, kind: &str, now_ms: i64, data: Value) -> Hook {
    let body = json!({ "type": kind, "timestamp": time(now_ms), "data": data });
    Hook {
        id: Id::new("msg"),
        url: to.url.clone(),
        body: body.to_string(),
        tries: 0,
        due_ms: now_ms,
        created_ms: now_ms,
        error: None,
    }
}

fn request(to: &Webhook, hook: &Hook, now_s: i64) -> HttpRequest {
    let signature = sign(to.secret.expose_secret(), hook.id.as_str(), now_s, &hook.body);
    HttpRequest {
        method: Method::Post,
        url: hook.url.clone(),
        headers: vec![
            ("content-type", "application/json".to_owned()),
            ("webhook-id", hook.id.to_string()),
            ("webhook-timestamp", now_s.to_string()),
            ("webhook-signature", signature),
        ],
        body: hook.body.clone().into_bytes(),
        timeout: ANSWER,
    }
}

/// A time in milliseconds since 1970 as RFC 3339, UTC, to the millisecond.
#[must_use]
pub fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}

fn sign(secret: &[u8], id: &str, now_s: i64, body: &str) -> String {
    // Any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(format!("{id}.{now_s}.{body}").as_bytes());
    format!("v1,{}", BASE64.encode_to_string(mac.finalize().into_bytes()))
}

/// Sends what waits, until it is told to stop.
pub(super) async fn deliver(store: Arc<dyn Store>, client: Client, to: Webhook, mut stop: watch::Receiver<bool>) {
    let mut changes = store.changes();
    loop {
        let now_ms = clock::unix_ms() as i64;
        let due = store.due_hooks(now_ms, LEASE_MS, AT_ONCE).await.unwrap_or_else(|error| {
            tracing::error!(%error, "waiting webhooks cannot be read");
            Vec::new()
        });
        if due.is_empty() {
            tokio::select! {
                () = pause(store.as_ref(), now_ms) => {}
                () = something_waits(&mut changes) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            continue;
        }
        let sending = due.iter().map(|hook| send(store.as_ref(), &client, &to, hook));
        tokio::select! {
            _ = futures_util::future::join_all(sending) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn pause(store: &dyn Store, now_ms: i64) {
    let next = store.next_hook().await.ok().flatten();
    let wait = next.map_or(LOOK, |due| Duration::from_millis(due.saturating_sub(now_ms).max(100) as u64));
    tokio::time::sleep(wait.min(LOOK)).await;
}

async fn something_waits(changes: &mut broadcast::Receiver<crate::store::Change>) {
    loop {
        match changes.recv().await {
            Ok(change) if change.subject == Subject::Hook => return,
            Ok(_) => {}
            Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

async fn send(store: &dyn Store, client: &Client, to: &Webhook, hook: &Hook) {
    let now_ms = clock::unix_ms() as i64;
    let outcome = match client.run(request(to, hook, now_ms / 1000)).await {
        ExchangeEvent::Answer { status: 200..=299, .. } => Ok(()),
        ExchangeEvent::Answer { status, .. } => Err((format!("the receiver answered {status}"), status == 410)),
        ExchangeEvent::Failed(failure) => Err((failure.to_string(), false)),
    };
    let written = match outcome {
        Ok(()) => store.hook_done(&hook.id).await,
        Err((why, gone)) => {
            let pause_s = PAUSES_S.get(hook.tries as usize).filter(|_| !gone);
            let next_ms = pause_s.map(|s| clock::unix_ms() as i64 + s * 1000);
            match pause_s {
                Some(again_s) => tracing::info!(id = %hook.id, why, again_s, "a webhook was not taken"),
                None => tracing::warn!(id = %hook.id, why, "a webhook was not taken, and is given up"),
            }
            store.hook_failed(&hook.id, next_ms, &why).await
        }
    };
    if let Err(error) = written {
        // Its lease runs out: it is sent again.
        tracing::error!(%error, id = %hook.id, "what became of a webhook cannot be written down");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_specifications_own_example() {
        // https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md (Apache-2.0).
        let secret = BASE64.decode_to_vec("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(time(1_764_000_000_123), "2025-11-24T16:00:00.123Z");
    }
}
