//! Numbers: what each is used for, and having an assistant answer one.

use serde_json::json;

use super::{Actor, Desk, DeskError, Result, assistants::OF_FILE};
use crate::{
    carrier::{
        is_e164,
        twilio::account::{self, Available, Capabilities, NumberSettings, RestError, Search},
    },
    config::FieldProblem,
    live::Webhooks,
    net::clock,
    store::{self, Id, StoreError},
};

/// Pages of an account's numbers that are read at the most.
const PAGES: usize = 100;

/// A number of the account, and what it is used for.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberView {
    /// E.164.
    pub e164: String,
    /// The carrier's id of it; empty if it is no longer in the account.
    pub carrier_id: String,
    /// For people.
    pub name: String,
    /// What it can do.
    pub capabilities: Capabilities,
    /// What it is used for.
    pub used_for: UsedFor,
    /// What somebody changed at the carrier since it was assigned: field, ours, theirs.
    pub drift: Vec<(&'static str, String, String)>,
}

/// What a number is used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsedFor {
    /// An assistant answers it.
    Assistant {
        /// Its id.
        id: Id,
        /// Its name; empty if it is gone.
        name: String,
    },
    /// An assistant of the server's file claims it, and the carrier is not told by us.
    File {
        /// Its name.
        name: String,
    },
    /// A trunk of the carrier's.
    Trunk(String),
    /// An application of the carrier's.
    Application(String),
    /// Some other server is asked.
    Elsewhere(String),
    /// Nothing.
    Nothing,
    /// It was assigned, and is no longer in the account.
    Gone {
        /// The assistant's id.
        assistant: Id,
    },
}

/// What assigning came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Assigned {
    /// The number now.
    pub number: NumberView,
    /// What works, but perhaps not as it was meant.
    pub warnings: Vec<String>,
}

impl Desk {
    /// All numbers of the account with what each is used for, and those that are assigned and gone.
    ///
    /// # Errors
    ///
    /// Without an account; if carrier or store do not answer.
    pub async fn numbers(&self) -> Result<Vec<NumberView>> {
        let assigned = self.store.numbers().await?;
        let mut views = Vec::new();
        for number in self.own_numbers(None).await? {
            let ours = assigned.iter().find(|one| one.e164 == number.phone_number);
            views.push(self.view(number, ours).await?);
        }
        for number in assigned {
            if !views.iter().any(|view| view.e164 == number.e164) {
                views.push(NumberView {
                    e164: number.e164,
                    carrier_id: String::new(),
                    name: String::new(),
                    capabilities: Capabilities::default(),
                    used_for: UsedFor::Gone { assistant: number.assistant },
                    drift: Vec::new(),
                });
            }
        }
        Ok(views)
    }

    /// Has an assistant answer a number of the account. What the carrier was told before is kept, and put back when the number
    /// is unassigned.
    ///
    /// # Errors
    ///
    /// If number or assistant are not there, or the carrier refuses.
    pub async fn assign_number(&self, actor: &Actor, e164: &str, assistant: &str) -> Result<Assigned> {
        let found = self.own_number(e164).await?;
        let assistant = self.assistant(assistant).await?;
        if let Some(claimed) = self.claimed_in_file(e164).filter(|claimed| *claimed != assistant.name) {
            return Err(DeskError::ReadOnly(format!("{e164}, which the assistant {claimed:?} answers,")));
        }
        let known = match self.store.number(e164).await {
            Ok(number) => Some(number),
            Err(StoreError::NotFound(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let texts = self.answers_texts(&assistant).await?;
        let ours = self.pointed(&found.settings, texts);
        let row = store::Number {
            e164: e164.to_owned(),
            carrier_id: found.sid.clone(),
            assistant: assistant.id.clone(),
            before: json!(found.settings),
            ours: json!(ours),
            assigned_ms: clock::unix_ms() as i64,
        };
        // First what was there before is safe, then it is changed.
        let row = self.store.put_number(row).await?;
        if let Err(error) = self.tell(&found.sid, &ours).await {
            if !error.outcome_unknown() {
                match known {
                    Some(known) => drop(self.store.put_number(known).await?),
                    None => self.store.remove_number(e164).await?,
                }
            }
            return Err(error.into());
        }
        self.audit(actor, "number.assign", e164, json!({ "assistant": assistant.name })).await?;
        self.refresh().await?;
        let mut warnings = Vec::new();
        if !assistant.read_only && assistant.published.is_none() {
            warnings.push(format!("{:?} is not published yet: callers hear that the line is busy", assistant.name));
        }
        if self.facts.public_url_is_loopback {
            warnings.push("server.public_url is an address of this machine: the carrier cannot reach it".to_owned());
        }
        let now = account::Number { settings: ours, ..found };
        Ok(Assigned { number: self.view(now, Some(&row)).await?, warnings })
    }

    /// No assistant answers the number any more: the carrier is told what it was told before, but for what somebody else has
    /// changed since.
    ///
    /// # Errors
    ///
    /// If it is not assigned, or the carrier refuses.
    pub async fn unassign_number(&self, actor: &Actor, e164: &str) -> Result<()> {
        let row = self.store.number(e164).await.map_err(DeskError::about("assigned number", e164))?;
        let [before, ours] = [&row.before, &row.ours].map(settings);
        match self.own_number(e164).await {
            Ok(found) => {
                let restored = restored(&before, &ours, &found.settings);
                self.tell(&found.sid, &restored).await?;
            }
            // It was sold: there is nothing to put back.
            Err(DeskError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        self.store.remove_number(e164).await?;
        self.audit(actor, "number.unassign", e164, json!({})).await?;
        self.refresh().await
    }

    /// Tells the carrier again what it is to do with an assigned number, after somebody has changed that.
    ///
    /// # Errors
    ///
    /// If it is not assigned, or the carrier refuses.
    pub async fn mend_number(&self, actor: &Actor, e164: &str) -> Result<NumberView> {
        let row = self.store.number(e164).await.map_err(DeskError::about("assigned number", e164))?;
        let found = self.own_number(e164).await?;
        let texts = match self.assistant(row.assistant.as_str()).await {
            Ok(assistant) => self.answers_texts(&assistant).await?,
            Err(DeskError::NotFound { .. }) => false,
            Err(error) => return Err(error),
        };
        let ours = self.pointed(&found.settings, texts);
        // The server's address may be another one by now.
        let row = self.store.put_number(store::Number { ours: json!(ours), ..row }).await?;
        self.tell(&found.sid, &ours).await?;
        self.audit(actor, "number.mend", e164, json!({})).await?;
        self.view(account::Number { settings: ours, ..found }, Some(&row)).await
    }

    /// Numbers for sale.
    ///
    /// # Errors
    ///
    /// What is wrong with the search; without an account; if the carrier refuses.
    pub async fn search_numbers(&self, search: &Search) -> Result<Vec<Available>> {
        if search.country.len() != 2 || !search.country.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            let message = "expected two letters by ISO 3166, such as US".to_owned();
            return Err(DeskError::Invalid(vec![FieldProblem { path: "country".to_owned(), message }]));
        }
        let access = self.carrier()?;
        let answer = self.ask(&access, &account::available(access.account(), search)).await;
        Ok(account::page(&answer, "available_phone_numbers")?.0)
    }

    /// Buys a number, which costs money. It is done once: if nobody knows whether it was, the account is looked at.
    ///
    /// # Errors
    ///
    /// Without an account; if the carrier refuses; if it is not known what came of it.
    pub async fn buy_number(&self, actor: &Actor, e164: &str) -> Result<NumberView> {
        is_number(e164)?;
        let access = self.carrier()?;
        let answer = self.ask(&access, &account::buy(access.account(), e164)).await;
        let bought = match account::read::<account::Number>(&answer) {
            Ok(bought) => bought,
            Err(error) if error.outcome_unknown() => match self.own_number(e164).await {
                Ok(found) => found,
                Err(_) => return Err(error.into()),
            },
            Err(error) => return Err(error.into()),
        };
        self.audit(actor, "number.buy", e164, json!({ "carrier_id": bought.sid })).await?;
        self.view(bought, None).await
    }

    async fn tell(&self, sid: &str, settings: &NumberSettings) -> std::result::Result<(), RestError> {
        let access = self.carrier().map_err(|error| RestError::Unreadable(error.to_string()))?;
        let answer = self.ask(&access, &account::point(access.account(), sid, settings)).await;
        account::read::<account::Number>(&answer).map(drop)
    }

    /// The number in the account.
    async fn own_number(&self, e164: &str) -> Result<account::Number> {
        is_number(e164)?;
        let found = self.own_numbers(Some(e164)).await?;
        let found = found.into_iter().find(|number| number.phone_number == e164);
        found.ok_or_else(|| DeskError::missing("number in the account", e164))
    }

    async fn own_numbers(&self, e164: Option<&str>) -> Result<Vec<account::Number>> {
        let access = self.carrier()?;
        let mut all = Vec::new();
        let mut request = Some(account::numbers(access.account(), e164));
        for _ in 0..PAGES {
            let Some(asked) = request else { break };
            let (items, next) = account::page(&self.ask(&access, &asked).await, "incoming_phone_numbers")?;
            all.extend(items);
            request = next;
        }
        Ok(all)
    }

    /// What the carrier is told of an assigned number.
    fn pointed(&self, before: &NumberSettings, texts: bool) -> NumberSettings {
        let Webhooks { voice, status, text, .. } = Webhooks::below(&self.facts.public_url);
        let post = || "POST".to_owned();
        let mut ours = NumberSettings {
            voice_url: voice.clone(),
            voice_method: post(),
            // Another process of ours may be there when the first one does not answer.
            voice_fallback_url: voice,
            voice_fallback_method: post(),
            status_callback: status,
            status_callback_method: post(),
            voice_application_sid: String::new(),
            trunk_sid: String::new(),
            ..before.clone()
        };
        // Texts that somebody else answers stay theirs unless the assistant is to answer them.
        if texts {
            ours.sms_url.clone_from(&text);
            ours.sms_method = post();
            ours.sms_fallback_url = text;
            ours.sms_fallback_method = post();
            ours.sms_application_sid = String::new();
        }
        ours
    }

    async fn view(&self, number: account::Number, assigned: Option<&store::Number>) -> Result<NumberView> {
        let settings_now = number.settings;
        let used_for = match assigned {
            Some(row) => UsedFor::Assistant { name: self.name_of(&row.assistant).await?, id: row.assistant.clone() },
            None => self.used_without_us(&number.phone_number, &settings_now),
        };
        let drift = assigned.map(|row| settings(&row.ours).differences(&settings_now)).unwrap_or_default();
        Ok(NumberView {
            e164: number.phone_number,
            carrier_id: number.sid,
            name: number.friendly_name,
            capabilities: number.capabilities,
            used_for,
            drift,
        })
    }

    fn used_without_us(&self, e164: &str, now: &NumberSettings) -> UsedFor {
        let asks_us = now.voice_url == Webhooks::below(&self.facts.public_url).voice;
        if !now.trunk_sid.is_empty() {
            UsedFor::Trunk(now.trunk_sid.clone())
        } else if !now.voice_application_sid.is_empty() {
            UsedFor::Application(now.voice_application_sid.clone())
        } else if let Some(name) = self.claimed_in_file(e164).filter(|_| asks_us) {
            UsedFor::File { name }
        } else if now.voice_url.is_empty() {
            UsedFor::Nothing
        } else {
            UsedFor::Elsewhere(now.voice_url.clone())
        }
    }

    fn claimed_in_file(&self, e164: &str) -> Option<String> {
        let mut of_file = self.facts.of_file.iter();
        let found = of_file.find(|(assistant, _)| assistant.numbers.iter().any(|number| number == e164));
        found.map(|(assistant, _)| assistant.name.clone())
    }

    async fn name_of(&self, id: &Id) -> Result<String> {
        if let Some(name) = id.as_str().strip_prefix(OF_FILE) {
            return Ok(name.to_owned());
        }
        match self.store.assistant(id).await {
            Ok(assistant) => Ok(assistant.name),
            Err(StoreError::NotFound(_)) => Ok(String::new()),
            Err(error) => Err(error.into()),
        }
    }
}

fn settings(kept: &serde_json::Value) -> NumberSettings {
    NumberSettings::deserialized(kept)
}

/// What was there before, but for what somebody else has changed since we changed it.
fn restored(before: &NumberSettings, ours: &NumberSettings, now: &NumberSettings) -> NumberSettings {
    let [mut restored, ours, now] = [before, ours, now].map(|settings| json!(settings));
    if let (Some(restored), Some(ours), Some(now)) = (restored.as_object_mut(), ours.as_object(), now.as_object()) {
        for (field, value) in restored {
            if ours.get(field) != now.get(field)
                && let Some(theirs) = now.get(field)
            {
                *value = theirs.clone();
            }
        }
    }
    settings(&restored)
}

fn is_number(e164: &str) -> Result<()> {
    if is_e164(e164) {
        return Ok(());
    }
    let message = "expected + and 7 to 15 digits with the country's code, such as +15551234567".to_owned();
    Err(DeskError::Invalid(vec![FieldProblem { path: "number".to_owned(), message }]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_changed_since_stays_theirs() {
        let with = |voice: &str, sms: &str| NumberSettings {
            voice_url: voice.into(),
            sms_url: sms.into(),
            trunk_sid: if voice == "before" { "TK1".into() } else { String::new() },
            ..NumberSettings::default()
        };
        let (before, ours) = (with("before", "sms"), with("ours", "sms"));
        assert_eq!(restored(&before, &ours, &ours), before);
        let theirs = NumberSettings { voice_url: "theirs".into(), ..ours.clone() };
        let after = restored(&before, &ours, &theirs);
        assert_eq!((after.voice_url.as_str(), after.trunk_sid.as_str()), ("theirs", "TK1"));
    }
}
