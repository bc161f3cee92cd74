//! The carrier's account: the one of the server's file, or one that was entered later.

use std::sync::{Arc, PoisonError};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::{Actor, Desk, DeskError, Result};
use crate::{
    carrier::twilio::{
        Access, AccountSid,
        account::{self, Account, RestError},
        rest::Request,
        signature::Key,
    },
    config::{self, FieldProblem},
    live::setup::TwilioSetup,
    net::clock,
    wire::ExchangeEvent,
};

/// The store's setting that holds an account.
const SETTING: &str = "twilio";

/// Whether there is an account, and what to do if there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CarrierState {
    /// None: nobody can call. What to enter.
    Missing,
    /// The one of the server's file, or of its environment.
    OfFile(AccountSid),
    /// One that was entered.
    Entered(AccountSid),
}

/// What is entered of an account.
#[derive(Debug)]
pub struct Credentials {
    /// `AC…`.
    pub account_sid: String,
    /// Its auth token: requests are signed with it.
    pub auth_token: SecretString,
    /// Where REST is, if not at the usual place.
    pub base_url: Option<String>,
}

/// What is kept of it.
#[derive(Deserialize)]
struct Kept {
    account_sid: AccountSidText,
    auth_token: String,
    base_url: String,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct AccountSidText(String);

impl Desk {
    /// Whether there is an account.
    #[must_use]
    pub fn carrier_state(&self) -> CarrierState {
        match (self.access(), self.facts.has_own_account) {
            (None, _) => CarrierState::Missing,
            (Some(access), true) => CarrierState::OfFile(access.account()),
            (Some(access), false) => CarrierState::Entered(access.account()),
        }
    }

    /// The account, as the carrier itself tells of it.
    ///
    /// # Errors
    ///
    /// If there is none, or the carrier refuses.
    pub async fn carrier_account(&self) -> Result<Account> {
        let access = self.carrier()?;
        Ok(account::read(&self.ask(&access, &account::account(access.account())).await)?)
    }

    /// Enters an account: it is asked for first, and kept only if the carrier knows it and it is active.
    ///
    /// # Errors
    ///
    /// What is wrong with what was entered; the carrier's refusal; an account that stands in the server's file.
    pub async fn enable_carrier(&self, actor: &Actor, entered: &Credentials) -> Result<Account> {
        if self.facts.has_own_account {
            return Err(DeskError::ReadOnly("the Twilio account".to_owned()));
        }
        let (access, keys) = self.usable(entered)?;
        let found: Account = account::read(&self.ask(&access, &account::account(access.account())).await)?;
        if found.status != "active" {
            let message = format!("the account is {}: see Twilio's console", found.status);
            return Err(DeskError::Invalid(vec![FieldProblem { path: "account_sid".to_owned(), message }]));
        }
        let sid = access.account();
        let kept = json!({
            "account_sid": sid.as_str(),
            "auth_token": entered.auth_token.expose_secret(),
            "base_url": self.base_url(entered)?,
        });
        self.store.put_setting(SETTING, Some(kept), clock::unix_ms() as i64).await?;
        self.audit(actor, "twilio.enable", sid.as_str(), json!({ "name": found.friendly_name })).await?;
        self.take_up(access, keys)?;
        Ok(found)
    }

    /// Takes up the account that was entered before, if there is one.
    pub(super) async fn take_up_entered(&self) -> Result<()> {
        if self.facts.has_own_account {
            return Ok(());
        }
        let Some(kept) = self.store.setting(SETTING).await? else { return Ok(()) };
        let kept: Kept = serde_json::from_value(kept).map_err(|error| DeskError::Fault(error.to_string()))?;
        let entered = Credentials {
            account_sid: kept.account_sid.0,
            auth_token: kept.auth_token.into(),
            base_url: Some(kept.base_url),
        };
        let (access, keys) = self.usable(&entered)?;
        self.take_up(access, keys)
    }

    fn take_up(&self, access: Access, keys: Vec<Key>) -> Result<()> {
        let setup = TwilioSetup { access: access.clone(), keys };
        self.remote.use_twilio(setup).map_err(|error| DeskError::Conflict(error.to_string()))?;
        *self.carrier.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(access));
        Ok(())
    }

    fn usable(&self, entered: &Credentials) -> Result<(Access, Vec<Key>)> {
        let field =
            |path: &str, message: String| DeskError::Invalid(vec![FieldProblem { path: path.to_owned(), message }]);
        let sid: AccountSid =
            entered.account_sid.trim().parse().map_err(|error| field("account_sid", format!("it is {error}")))?;
        let token = entered.auth_token.expose_secret();
        let key = Key::auth_token(token).map_err(|error| field("auth_token", error.to_string()))?;
        let access = Access::new(sid, &self.base_url(entered)?, sid.as_str(), token);
        Ok((access, vec![key]))
    }

    fn base_url(&self, entered: &Credentials) -> Result<String> {
        let text = entered.base_url.as_deref().unwrap_or(&self.facts.rest_base_url);
        config::rest_base_url(text)
            .map_err(|message| DeskError::Invalid(vec![FieldProblem { path: "base_url".to_owned(), message }]))
    }

    fn access(&self) -> Option<Arc<Access>> {
        self.carrier.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The account's REST.
    pub(super) fn carrier(&self) -> Result<Arc<Access>> {
        self.access().ok_or_else(|| {
            DeskError::NotConfigured(
                "there is no Twilio account: enter its account SID and auth token (console.twilio.com, Account Info) with \
                 `quietline twilio enable`, PUT /api/v1/twilio, or [twilio] in quietline.toml"
                    .to_owned(),
            )
        })
    }

    /// Makes a request of the carrier.
    pub(super) async fn ask(&self, access: &Access, request: &Request) -> ExchangeEvent {
        self.client.run(access.http(request)).await
    }
}

impl From<RestError> for DeskError {
    fn from(error: RestError) -> Self {
        Self::Carrier { message: error.to_string(), code: error.code(), outcome_unknown: error.outcome_unknown() }
    }
}
