//! Texts: somebody writes to a number of ours, and its assistant answers.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | what comes in, and which of it is answered |
//! | `pairs.rs` | one answer at a time for a pair of numbers |
//! | `turn.rs` | one answer: the model's session, and the tools |
//! | `sending.rs` | texts by REST, once |
//!
//! Decisions:
//!
//! * An answer is a *realtime session that writes* ([`crate::model::openai::text`]), not an endpoint of its own: one model, one
//!   key, one prompt and one set of tools serve both channels, and every event is held against the same schemas as a call's.
//! * An answer within [`AT_ONCE`] goes back in the webhook's own answer (the carrier waits 15 s), a later one by REST. It is in
//!   the store before it is sent. If nobody knows whether a text was sent, the account is looked at before it is sent again.
//! * A process that dies while an answer is written leaves the message to the next one. If it dies between keeping and sending,
//!   the answer stays in the store as `queued`: an answer too few is better than one twice.
//! * A second message while an answer is being written is taken in by the next one.
//! * `STOP`, `START` and `HELP` are answered by the carrier, never by us; who has opted out is kept.
//! * Whatever fails, the person gets silence rather than a reason: that stands in the log and in the store.

mod pairs;
mod sending;
mod turn;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{oneshot, watch};

use crate::{
    carrier::twilio::{
        Access,
        twiml::{self, Setting, Twiml},
        webhook::{MessageCallback, MessageRequest, OptOut},
    },
    config::QuietHours,
    live::{
        Remote, TextDesk, Webhooks,
        setup::{self, TextAnswers},
    },
    model::openai::text::Line,
    net::{client::Client, clock},
    store::{Id, Store, StoreError, Text, TextDirection},
};

pub use sending::{SendError, Sent};

/// An answer that is there by then goes back in the webhook's answer.
pub const AT_ONCE: Duration = Duration::from_secs(10);
/// Messages and characters of what was written before that the model is told.
const MOST_LINES: u32 = 40;
const MOST_CHARS: usize = 16_000;
/// What a process that died left behind is answered if it is not older.
const LATE_MS: i64 = 3_600_000;
/// What waited for the end of quiet hours is answered if it is not older.
const HELD_MS: i64 = 26 * 3_600_000;
/// How often it is looked for what waits.
const LOOK: Duration = Duration::from_secs(15);

/// Answers texts; see the [module](self). Cheap to clone.
#[derive(Clone, Debug)]
pub struct Texts {
    store: Arc<dyn Store>,
    remote: Remote,
    client: Client,
    carrier: Arc<Mutex<Option<Arc<Access>>>>,
    status_url: Arc<str>,
    pairs: pairs::Pairs,
}

impl Texts {
    /// Over this store, for the gateway behind `remote`, by the carrier's account as soon as there is one.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        remote: Remote,
        client: Client,
        carrier: Arc<Mutex<Option<Arc<Access>>>>,
        public_url: &str,
    ) -> Self {
        let status_url = Webhooks::below(public_url).text_status.into();
        Self { store, remote, client, carrier, status_url, pairs: pairs::Pairs::default() }
    }

    /// Answers what waits: what a process that died has left behind, and what came in quiet hours. Until it is told to stop.
    pub async fn follow(self, mut stop: watch::Receiver<bool>) {
        loop {
            if self.remote.is_ready()
                && let Err(error) = self.look().await
            {
                tracing::error!(%error, "texts that wait for an answer cannot be read");
            }
            // The gateway starts after the store: its assistants may not be there yet.
            let pause = if self.remote.is_ready() { LOOK } else { Duration::from_millis(200) };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn look(&self) -> Result<(), StoreError> {
        let now = clock::unix_ms() as i64;
        for text in self.store.unanswered(now - HELD_MS).await? {
            let Some((assistant, answers)) = self.who(&text.ours) else { continue };
            let due = match text.status.as_str() {
                "received" => text.at_ms >= now - LATE_MS,
                "held" => !is_quiet(&answers, now),
                _ => false,
            };
            // One that is being answered is none that waits.
            if due && self.pairs.begin_if_idle(&text.ours, &text.theirs) {
                tracing::info!(text = text.id, "a text that waited is answered");
                let texts = self.clone();
                tokio::spawn(async move { texts.answer(text, assistant, answers, None).await });
            }
        }
        Ok(())
    }

    /// The assistant of a number, if it answers texts.
    fn who(&self, ours: &str) -> Option<(Arc<setup::Assistant>, Arc<TextAnswers>)> {
        let assistant = self.remote.for_number(ours)?;
        let answers = assistant.texts.clone()?;
        Some((assistant, answers))
    }

    /// Keeps a message and finds out what is to be done; the answer's text, if it is there in time.
    async fn receive(&self, message: MessageRequest) -> Result<Option<Text>, StoreError> {
        let now = clock::unix_ms() as i64;
        let found = self.who(&message.to);
        let body = match message.body.trim() {
            "" if message.media > 0 => "[a picture or a file, which cannot be seen here]".to_owned(),
            _ => message.body,
        };
        let status = match (&found, message.opt_out) {
            (_, Some(_)) | (None, None) => "ignored",
            (Some(_), None) if body.trim().is_empty() => "ignored",
            (Some((_, answers)), None) if is_quiet(answers, now) => "held",
            (Some(_), None) => "received",
        };
        let text = Text {
            id: message.id.clone(),
            carrier_id: Some(message.id.clone()),
            direction: TextDirection::Inbound,
            ours: message.to,
            theirs: message.from,
            body,
            status: status.to_owned(),
            error: None,
            answers: None,
            at_ms: now,
        };
        if !self.store.keep_text(&text).await? {
            tracing::info!(text = text.id, "a text was told twice");
            return Ok(None);
        }
        match message.opt_out {
            Some(OptOut::Stop) => self.store.set_opt_out(&text.ours, &text.theirs, true, now).await?,
            Some(OptOut::Start) => self.store.set_opt_out(&text.ours, &text.theirs, false, now).await?,
            Some(OptOut::Help) => {}
            None => return self.answered(text, found, now).await,
        }
        Ok(None)
    }

    async fn answered(
        &self,
        text: Text,
        found: Option<(Arc<setup::Assistant>, Arc<TextAnswers>)>,
        now: i64,
    ) -> Result<Option<Text>, StoreError> {
        let Some((assistant, answers)) = found else {
            tracing::warn!(
                text = text.id,
                "no assistant answers texts to this number: publish one with the channel text"
            );
            return Ok(None);
        };
        // Their next word does not take it back: only START does, and the carrier would refuse ours.
        let out = self.store.opted_out(&text.ours, &text.theirs).await?;
        let many =
            self.store.texts_since(&text.theirs, now - 3_600_000).await? > u64::from(answers.settings.max_per_hour);
        if out || many {
            tracing::info!(text = text.id, out, many, "a text is not answered");
            self.store.text_status(&text.id, None, "ignored", None, now).await?;
            return Ok(None);
        }
        if text.status != "received" || !self.pairs.begin(&text.ours, &text.theirs) {
            return Ok(None);
        }
        let (at_once, mut answer) = oneshot::channel();
        let texts = self.clone();
        tokio::spawn(async move { texts.answer(text, assistant, answers, Some(at_once)).await });
        match tokio::time::timeout(AT_ONCE, &mut answer).await {
            Ok(answer) => Ok(answer.ok()),
            Err(_) => {
                answer.close();
                // It may have come in the last moment.
                Ok(answer.try_recv().ok())
            }
        }
    }

    /// Answers until nothing of this pair waits any more. Its begin was told to the pairs.
    async fn answer(
        &self,
        mut text: Text,
        assistant: Arc<setup::Assistant>,
        answers: Arc<TextAnswers>,
        mut at_once: Option<oneshot::Sender<Text>>,
    ) {
        let (ours, theirs) = (text.ours.clone(), text.theirs.clone());
        // Whatever happens, the pair is free again.
        let _under_way = self.pairs.guard(&ours, &theirs);
        loop {
            if let Err(error) = self.one(&text, &assistant, &answers, at_once.take()).await {
                tracing::error!(text = text.id, %error, "a text could not be answered");
            }
            text = loop {
                if !self.pairs.again(&ours, &theirs) {
                    return;
                }
                match self.waiting(&ours, &theirs).await {
                    // Whatever waits besides it is taken in.
                    Ok(waiting) => {
                        if let Some(next) = waiting.into_iter().next_back() {
                            break next;
                        }
                    }
                    Err(error) => tracing::error!(%error, "texts that wait for an answer cannot be read"),
                }
            };
        }
    }

    /// What this pair waits for: all of it is one turn.
    async fn waiting(&self, ours: &str, theirs: &str) -> Result<Vec<Text>, StoreError> {
        let mut waiting = self.store.unanswered(clock::unix_ms() as i64 - HELD_MS).await?;
        waiting.retain(|text| {
            text.ours == ours && text.theirs == theirs && matches!(text.status.as_str(), "received" | "held")
        });
        Ok(waiting)
    }

    async fn one(
        &self,
        text: &Text,
        assistant: &setup::Assistant,
        answers: &TextAnswers,
        at_once: Option<oneshot::Sender<Text>>,
    ) -> Result<(), StoreError> {
        let now = clock::unix_ms() as i64;
        let taken_in = self.waiting(&text.ours, &text.theirs).await?;
        let history_ms = i64::try_from(answers.settings.history.as_millis()).unwrap_or(i64::MAX);
        let history = self.store.history(&text.ours, &text.theirs, now.saturating_sub(history_ms), MOST_LINES).await?;
        let lines = lines(history);
        let written = turn::written(text, lines, assistant, answers).await;
        let now = clock::unix_ms() as i64;
        let words = match written {
            Ok(words) => words,
            Err(error) => {
                tracing::error!(text = text.id, assistant = assistant.name, %error, "a text has no answer");
                for one in &taken_in {
                    self.store.text_status(&one.id, None, "failed", None, now).await?;
                }
                return Ok(());
            }
        };
        let answer = Text {
            id: Id::new("tx").to_string(),
            carrier_id: None,
            direction: TextDirection::Outbound,
            ours: text.ours.clone(),
            theirs: text.theirs.clone(),
            body: crate::carrier::twilio::text::cut(&words, answers.settings.max_segments as usize),
            status: "queued".to_owned(),
            error: None,
            answers: Some(text.id.clone()),
            at_ms: now,
        };
        self.store.keep_text(&answer).await?;
        for one in &taken_in {
            self.store.text_status(&one.id, None, "answered", None, now).await?;
        }
        tracing::info!(text = text.id, answer = answer.id, "a text is answered");
        let answer = match at_once {
            // The webhook waits no longer: it comes back.
            Some(at_once) => match at_once.send(answer) {
                Ok(()) => return Ok(()),
                Err(answer) => answer,
            },
            None => answer,
        };
        if let Err(error) = self.post(&answer).await {
            tracing::error!(answer = answer.id, %error, "an answer could not be sent");
        }
        Ok(())
    }

    fn status_callback(&self, id: &str) -> String {
        format!("{}?text={id}", self.status_url)
    }
}

fn is_quiet(answers: &TextAnswers, now: i64) -> bool {
    answers.settings.quiet.as_ref().is_some_and(|quiet: &QuietHours| quiet.holds(now))
}

/// What was written before, the latest of it.
fn lines(history: Vec<Text>) -> Vec<Line> {
    let mut left = MOST_CHARS;
    let mut lines: Vec<_> = history
        .into_iter()
        .rev()
        .filter(|text| !text.body.trim().is_empty() && text.status != "ignored")
        .map_while(|text| {
            left = left.checked_sub(text.body.chars().count())?;
            Some(match text.direction {
                TextDirection::Inbound => Line::Theirs(text.body),
                TextDirection::Outbound => Line::Ours(text.body),
            })
        })
        .collect();
    lines.reverse();
    lines
}

#[async_trait]
impl TextDesk for Texts {
    async fn send(&self, ours: &str, theirs: &str, body: &str) -> Result<(), String> {
        let Err(error) = Self::send(self, ours, theirs, body).await else { return Ok(()) };
        tracing::warn!(%error, "a text that a call wanted sent came to nothing");
        Err(match error {
            SendError::OptedOut => "The caller wants no texts from this number: say it instead.".to_owned(),
            SendError::Carrier(error) if error.outcome_unknown() => {
                "Nobody knows whether the text was sent.".to_owned()
            }
            SendError::NoAccount | SendError::Carrier(_) | SendError::Store(_) => {
                "The text could not be sent.".to_owned()
            }
        })
    }

    async fn received(&self, message: MessageRequest) -> Twiml {
        let id = message.id.clone();
        let answer = match self.receive(message).await {
            Ok(Some(answer)) => answer,
            Ok(None) => return twiml::nothing(),
            Err(error) => {
                tracing::error!(text = id, %error, "a text could not be kept: it is not answered");
                return twiml::nothing();
            }
        };
        let callback = self.status_callback(&answer.id);
        let (text, url) =
            (Setting { key: "answer", value: &answer.body }, Setting { key: "public_url", value: callback.as_str() });
        match twiml::message(text, url) {
            Ok(document) => document,
            Err(error) => {
                tracing::error!(answer = answer.id, %error, "an answer cannot be written");
                let now = clock::unix_ms() as i64;
                if let Err(error) = self.store.text_status(&answer.id, None, "failed", None, now).await {
                    tracing::error!(%error, "what became of a text could not be kept");
                }
                twiml::nothing()
            }
        }
    }

    async fn told(&self, ours: Option<&str>, callback: MessageCallback) {
        let now = clock::unix_ms() as i64;
        let id = ours.unwrap_or(&callback.id);
        if callback.error.is_some() {
            tracing::warn!(text = id, status = callback.status, code = callback.error, "a text did not arrive");
        }
        match self.store.text_status(id, Some(&callback.id), &callback.status, callback.error, now).await {
            Ok(()) => {}
            Err(StoreError::NotFound(_)) => tracing::debug!(text = id, "news of a text that is not ours"),
            Err(error) => tracing::error!(text = id, %error, "what became of a text could not be kept"),
        }
    }
}
