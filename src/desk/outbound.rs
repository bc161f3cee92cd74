//! Calls that we place: whether they may be, placing them, and records of those that no person answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::{Actor, Desk, DeskError, Result, hooks, records};
use crate::{
    carrier::{
        is_e164,
        twilio::{
            account::{self, PlacedCall, RestError},
            webhook::Unanswered,
        },
    },
    config::FieldProblem,
    live::{
        outbound::{UnansweredCall, request},
        setup::Assistant,
    },
    net::clock,
    store::{self, Direction, Id, StoreError},
};

/// The store's setting that says when which assistant placed calls.
const SETTING: &str = "outbound";
const HOUR_MS: i64 = 3_600_000;

/// When each assistant placed its calls of the last hour, in milliseconds since 1970, the oldest first; by id.
type Placed = BTreeMap<Id, Vec<i64>>;

/// A call that is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Who is called, E.164.
    pub to: String,
    /// The assistant that calls, by id or name.
    pub assistant: String,
    /// Our number, E.164; `None`: the first one that the assistant answers.
    pub from: Option<String>,
}

/// A call that the carrier places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallPlaced {
    /// The carrier's id of it.
    pub id: String,
    /// The assistant's id.
    pub assistant: Id,
    /// Who is called.
    pub to: String,
    /// Our number.
    pub from: String,
}

impl Desk {
    /// Has the carrier place a call, which costs money; it is not tried again. Returns once the carrier has taken it, before
    /// it rings.
    ///
    /// # Errors
    ///
    /// Numbers that are none; an assistant that is not there, not published, or not for calls; as many calls within an hour as
    /// it may place; the carrier's refusal. A carrier that does not answer may have placed the call all the same.
    pub async fn place_call(&self, actor: &Actor, wanted: &Wanted) -> Result<CallPlaced> {
        number("to", &wanted.to)?;
        if let Some(from) = &wanted.from {
            number("from", from)?;
        }
        let access = self.carrier()?;
        let found = self.assistant(&wanted.assistant).await?;
        let document = match found.published {
            Some(version) => self.store.version(&found.id, version).await?.definition,
            None if found.read_only => found.draft,
            None => {
                let why = format!("{:?} is not published yet: publish it, then it can call", found.name);
                return Err(DeskError::Conflict(why));
            }
        };
        if !takes_calls(&document) {
            let why = format!("{:?} is for texts only: add \"call\" to its channels and publish it", found.name);
            return Err(DeskError::Conflict(why));
        }
        let Some(from) = wanted.from.clone().or_else(|| found.numbers.first().cloned()) else {
            let message =
                format!("{:?} has no number of its own: say which of the account's numbers it calls from", found.name);
            return Err(invalid("from", message));
        };
        let now = clock::unix_ms() as i64;
        let assistant = self.may_place(&found.id, found.published, now).await?;
        let detail = |placed: Option<&str>| json!({ "to": wanted.to, "from": from, "call": placed });
        let asked = request(access.account(), &self.facts.public_url, &assistant, &from, &wanted.to);
        let answer = account::read::<PlacedCall>(&self.ask(&access, &asked).await);
        let noted = match &answer {
            Ok(placed) => self.audit(actor, "call.place", found.id.as_str(), detail(Some(&placed.sid))).await,
            Err(error) if error.outcome_unknown() => {
                self.audit(actor, "call.place", found.id.as_str(), detail(None)).await
            }
            Err(RestError::Refused { .. } | RestError::NoAnswer(_) | RestError::Unreadable(_)) => {
                self.was_not_placed(&found.id, now).await
            }
        };
        // It rings all the same: whoever was told that it failed would place it again.
        if let Err(error) = noted {
            tracing::error!(%error, to = wanted.to, "a call that was placed could not be noted");
        }
        Ok(CallPlaced { id: answer?.sid, assistant: found.id, to: wanted.to.clone(), from })
    }

    /// Counts a call before it is placed, and has its assistant at hand at every node.
    async fn may_place(&self, id: &Id, version: Option<u32>, now: i64) -> Result<Arc<Assistant>> {
        // One after the other, so that no call is missed in the sum.
        let _one = self.placing.lock().await;
        let mut placed = self.placed(now).await?;
        let times = placed.entry(id.clone()).or_default();
        times.push(now);
        let (oldest, count) = (times.first().copied().unwrap_or(now), times.len());
        let before = self.store.setting(SETTING).await?;
        self.store.put_setting(SETTING, Some(json!(by_name(&placed))), now).await?;
        self.refresh().await?;
        let key = version.map_or_else(|| id.as_str().to_owned(), |version| format!("{id}@{version}"));
        let assistant = self.remote.assistants().into_iter().find(|assistant| assistant.key == key);
        let most = assistant.as_ref().map_or(0, |assistant| assistant.outbound.max_per_hour as usize);
        if let Some(assistant) = assistant.filter(|_| count <= most) {
            return Ok(assistant);
        }
        self.store.put_setting(SETTING, before, now).await?;
        Err(match (most, count) {
            (0, _) => DeskError::Conflict(
                "the assistant cannot place calls: outbound.max_per_hour is 0, or it must be published anew".to_owned(),
            ),
            (most, _) => DeskError::Limit {
                what: format!(
                    "as many calls as the assistant may place within an hour (outbound.max_per_hour = {most})"
                ),
                retry_s: ((oldest + HOUR_MS - now) as u64).div_ceil(1000).max(1),
            },
        })
    }

    /// The carrier has refused: it does not count.
    async fn was_not_placed(&self, id: &Id, at: i64) -> Result<()> {
        let _one = self.placing.lock().await;
        let now = clock::unix_ms() as i64;
        let mut placed = self.placed(now).await?;
        if let Some(times) = placed.get_mut(id)
            && let Some(place) = times.iter().position(|time| *time == at)
        {
            times.remove(place);
            self.store.put_setting(SETTING, Some(json!(by_name(&placed))), now).await?;
        }
        Ok(())
    }

    /// Assistants that placed calls within the last hour: they are at hand though no number may be theirs.
    pub(super) async fn at_hand(&self) -> Result<Vec<Id>> {
        Ok(self.placed(clock::unix_ms() as i64).await?.into_keys().collect())
    }

    async fn placed(&self, now: i64) -> Result<Placed> {
        let Some(kept) = self.store.setting(SETTING).await? else { return Ok(Placed::default()) };
        let kept: BTreeMap<String, Vec<i64>> =
            serde_json::from_value(kept).map_err(|error| DeskError::Fault(error.to_string()))?;
        let recent = kept.into_iter().map(|(id, mut times)| {
            times.retain(|time| *time > now - HOUR_MS);
            (Id::known(&id), times)
        });
        Ok(recent.filter(|(_, times)| !times.is_empty()).collect())
    }

    /// Keeps records of calls that no person answered, until it is told to stop.
    pub(super) async fn keep_unanswered(
        self,
        mut calls: mpsc::UnboundedReceiver<UnansweredCall>,
        mut stop: watch::Receiver<bool>,
    ) {
        loop {
            let call = tokio::select! {
                call = calls.recv() => call,
                _ = stop.wait_for(|stop| *stop) => None,
            };
            let Some(call) = call else { return };
            if let Err(error) = self.keep_one(&call).await {
                tracing::error!(%error, call = %call.call, "the record of a call that nobody answered could not be kept");
            }
        }
    }

    async fn keep_one(&self, call: &UnansweredCall) -> Result<()> {
        // A callback may come twice.
        match self.store.call(call.call.as_str()).await {
            Ok(_) => return Ok(()),
            Err(StoreError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let (id, version) = match call.assistant_key.rsplit_once('@') {
            Some((id, version)) => (id, version.parse().ok()),
            None => (call.assistant_key.as_str(), None),
        };
        let name = match self.assistant(id).await {
            Ok(found) => found.name,
            Err(DeskError::NotFound { .. }) => String::new(),
            Err(error) => return Err(error),
        };
        let lasted_ms = call.lasted.as_millis() as i64;
        let by_us = matches!(call.why, Unanswered::Machine | Unanswered::Fax | Unanswered::Canceled);
        let row = store::Call {
            id: call.call.as_str().to_owned(),
            assistant: Id::known(id),
            assistant_name: name,
            version,
            direction: Direction::Outbound,
            caller: call.parties.theirs.clone(),
            number: call.parties.ours.clone(),
            began_ms: clock::unix_ms() as i64 - lasted_ms,
            duration_ms: lasted_ms,
            silence_ms: 0,
            reason: call.why.name().to_owned(),
            ended_by: if by_us { "us" } else { "carrier" }.to_owned(),
            rang_back: false,
            detail: json!({}),
        };
        let now = clock::unix_ms() as i64;
        let hook = self.facts.webhook.as_ref().map(|to| hooks::hook(to, "call.ended", now, records::told(&row)));
        Ok(self.store.keep_call(&row, hook.as_ref()).await?)
    }
}

fn by_name(placed: &Placed) -> BTreeMap<&str, &[i64]> {
    placed.iter().map(|(id, times)| (id.as_str(), times.as_slice())).collect()
}

/// Calls are what an assistant is for if it does not say.
fn takes_calls(document: &Value) -> bool {
    document["channels"].as_array().is_none_or(|channels| channels.iter().any(|channel| channel == "call"))
}

fn invalid(field: &str, message: String) -> DeskError {
    DeskError::Invalid(vec![FieldProblem { path: field.to_owned(), message }])
}

fn number(field: &str, e164: &str) -> Result<()> {
    if is_e164(e164) {
        return Ok(());
    }
    let message = "expected + and 7 to 15 digits with the country's code, such as +15551234567";
    Err(invalid(field, message.to_owned()))
}
