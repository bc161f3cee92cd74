//! What operators do: assistants written and published, numbers assigned, calls and texts looked at, tokens given. The API,
//! the command line and the console are ways to this desk; none of them decides anything.
//!
//! | file | what |
//! |---|---|
//! | `assistants.rs` | drafts, versions, publishing |
//! | `answering.rs` | who answers: what is published, made ready for the gateway |
//! | `calls.rs` | calls that are over, and those under way |
//! | `carrier.rs`, `numbers.rs` | the carrier's account, and its numbers |
//! | `outbound.rs` | calls that we place |
//! | `records.rs` | calls that are over, into the store |
//! | `hooks.rs` | the webhook at a call's end |
//! | `texts.rs` | conversations in texts |
//! | `doctor.rs` | what may keep callers from being answered |
//! | `tokens.rs`, `local.rs` | who may use the API; the command line on this machine |
//! | `office.rs` | the thread on which all of this runs |
//! | `error.rs` | why something could not be done |

mod answering;
mod assistants;
mod calls;
mod carrier;
mod doctor;
mod error;
mod hooks;
mod local;
mod numbers;
mod office;
mod outbound;
mod records;
mod texts;
mod tokens;

use std::sync::{Arc, Mutex};

use serde_json::Value;

pub use assistants::{Applied, Overview, Published};
pub use carrier::{CarrierState, Credentials};
pub use doctor::{Finding, Health};
pub use error::{DeskError, Result};
pub use hooks::time;
pub use local::Local;
pub use numbers::{Assigned, NumberView, UsedFor};
pub use office::{Office, OfficeError};
pub use outbound::{CallPlaced, Wanted};
pub use tokens::{Actor, NewToken, Scope, scopes};

use crate::{
    carrier::twilio::Access,
    config::{Config, Context, StoreChoice, Webhook},
    live::{
        Remote, SetupError,
        setup::{self, Means},
    },
    net::{client::Client, clock},
    store::{self, Claim, Listing, Page, Store, StoredAnswer},
    text::Texts,
};

/// The desk; see the [module](self). Cheap to clone.
#[derive(Clone, Debug)]
pub struct Desk {
    store: Arc<dyn Store>,
    remote: Remote,
    client: Client,
    /// The carrier's account, once there is one.
    carrier: Arc<Mutex<Option<Arc<Access>>>>,
    texts: Texts,
    facts: Arc<Facts>,
    /// Held while a call is counted against its assistant's limit.
    placing: Arc<tokio::sync::Mutex<()>>,
}

/// What of the server's own settings matters here.
#[derive(Debug)]
struct Facts {
    context: Context,
    means: Means,
    webhook: Option<Webhook>,
    keep_calls_days: u32,
    store: StoreChoice,
    max_calls: usize,
    keep_transcripts: bool,
    /// The carrier's account stands in the server's file, or environment.
    has_own_account: bool,
    /// Where the carrier's REST is, unless an account says otherwise.
    rest_base_url: String,
    /// How the world reaches the server.
    public_url: String,
    public_url_is_loopback: bool,
    /// The hash of the token that is good for this machine while the server runs.
    local: [u8; 32],
    /// The assistants of the server's file, as they answer and as they are written.
    of_file: Vec<(Arc<setup::Assistant>, Value)>,
}

impl Facts {
    fn store_name(&self) -> String {
        match &self.store {
            StoreChoice::Sqlite(file) => format!("SQLite ({})", file.display()),
            // Its address holds a password.
            StoreChoice::Postgres(_) => "PostgreSQL".to_owned(),
        }
    }
}

impl Desk {
    /// Over this store, for the gateway behind `remote`, by the server's settings. `local` is a token that is not in the
    /// store, and has every scope.
    ///
    /// # Errors
    ///
    /// If an assistant of the file cannot take calls.
    pub fn new(
        store: Arc<dyn Store>,
        remote: Remote,
        client: Client,
        config: &Config,
        local: &str,
    ) -> std::result::Result<Self, SetupError> {
        let means = Means::of(config);
        let ready = config.assistants.iter().map(|assistant| setup::Assistant::of(assistant, &means).map(Arc::new));
        let ready: std::result::Result<Vec<_>, _> = ready.collect();
        let documents = config.documents.iter().cloned().chain(std::iter::repeat_with(|| serde_json::json!({})));
        let facts = Facts {
            context: config.context(),
            means,
            webhook: config.webhook.clone(),
            keep_calls_days: config.store.keep_calls_days,
            store: config.store.choice.clone(),
            max_calls: config.limits.max_calls,
            keep_transcripts: config.store.keep_transcripts,
            has_own_account: config.twilio.is_some(),
            rest_base_url: config.rest_base_url.clone(),
            public_url: config.server.public_url.as_str().to_owned(),
            public_url_is_loopback: config.server.public_url.is_loopback(),
            local: tokens::hash(local),
            of_file: ready?.into_iter().zip(documents).collect(),
        };
        let carrier = config.twilio.as_ref().map(|twilio| Arc::new(setup::TwilioSetup::of(twilio).access));
        let (carrier, placing) = (Arc::new(Mutex::new(carrier)), Arc::default());
        let texts =
            Texts::new(Arc::clone(&store), remote.clone(), client.clone(), Arc::clone(&carrier), &facts.public_url);
        Ok(Self { store, remote, client, carrier, texts, facts: Arc::new(facts), placing })
    }

    async fn audit(&self, actor: &Actor, action: &str, object: &str, detail: Value) -> Result<()> {
        let entry = store::Audit {
            at_ms: clock::unix_ms() as i64,
            actor: actor.name.clone(),
            action: action.to_owned(),
            object: object.to_owned(),
            detail,
        };
        Ok(self.store.audit(&entry).await?)
    }

    /// Who did what, the newest first.
    ///
    /// # Errors
    ///
    /// If the store does not answer, or the cursor is none.
    pub async fn audits(&self, page: &Page) -> Result<Listing<store::Audit>> {
        Ok(self.store.audits(page).await?)
    }

    /// Says that a request with this key is being carried out, or what came of it before.
    ///
    /// # Errors
    ///
    /// If the key stood before another request, or the store does not answer.
    pub async fn claim(&self, actor: &Actor, key: &str, fingerprint: &[u8; 32]) -> Result<Claim> {
        Ok(self.store.claim(&actor.name, key, fingerprint, clock::unix_ms() as i64).await?)
    }

    /// Says what came of it; `None`: nothing was done, and the key is free again.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn settle(&self, actor: &Actor, key: &str, answer: Option<&StoredAnswer>) -> Result<()> {
        Ok(self.store.settle(&actor.name, key, answer).await?)
    }
}
