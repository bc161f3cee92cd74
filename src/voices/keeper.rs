//! Fills a shelf in the background: first what is on disk, then what vendors render, the other voice where the first
//! one fails. What fails is tried again, the later the oftener it failed; what somebody has to change first, rarely.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use tokio::sync::Semaphore;

use super::{
    Cache, Key, render,
    shelf::{Health, Shelf},
};
use crate::{
    mix::Announcement,
    net::{client::Client, clock},
    tts::{Phrase, TtsError, Voice},
};

/// Phrases rendered at once, of all assistants: free plans allow two to four requests at a time.
const AT_ONCE: usize = 2;
/// Pause after the first failure that may pass by itself; it doubles with each.
const PAUSE: Duration = Duration::from_secs(2);
/// Longest pause of that kind: of a voice, and of a phrase that alone fails. Each attempt at a phrase is paid for.
const LONGEST_PAUSE: [Duration; 2] = [Duration::from_secs(300), Duration::from_secs(3_600)];
/// Pause after what somebody has to change first; for a phrase that alone fails it doubles with each.
const LASTING: Duration = Duration::from_secs(900);
/// Longest pause of that kind.
const LONGEST_LASTING: Duration = Duration::from_secs(6 * 3_600);
/// A call in need does not wait for the end of a pause, but for this long after the last attempt.
const IN_NEED: Duration = Duration::from_secs(5);

/// What all shelves share.
#[derive(Clone, Debug)]
pub struct Workshop {
    client: Client,
    cache: Arc<Cache>,
    at_once: Arc<Semaphore>,
}

impl Workshop {
    /// With this client, and what was rendered before.
    #[must_use]
    pub fn new(client: Client, cache: Arc<Cache>) -> Self {
        Self { client, cache, at_once: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// A phrase in this voice, from the cache (`true`) or from the vendor.
    ///
    /// # Errors
    ///
    /// Those of [`render`].
    pub async fn make(&self, voice: &Voice, phrase: &Phrase) -> Result<(crate::tts::Speech, bool), TtsError> {
        if let Some(speech) = self.kept(voice, phrase).await {
            return Ok((speech, true));
        }
        // Never closed: it waits only.
        let _permit = self.at_once.acquire().await;
        let speech = render(&self.client, voice, phrase).await?;
        let (cache, key, kept) = (Arc::clone(&self.cache), Key::new(voice, phrase), speech.clone());
        let _ = tokio::task::spawn_blocking(move || cache.store(&key, &kept)).await;
        Ok((speech, false))
    }

    async fn kept(&self, voice: &Voice, phrase: &Phrase) -> Option<crate::tts::Speech> {
        let (cache, key) = (Arc::clone(&self.cache), Key::new(voice, phrase));
        tokio::task::spawn_blocking(move || cache.load(&key)).await.ok().flatten()
    }
}

/// One phrase to be rendered.
struct Job {
    item: usize,
    voice: usize,
    phrase: Phrase,
}

impl Shelf {
    /// Fills the shelf and keeps it filled; never ends while something may still come. Belongs to the slow world.
    pub async fn keep(self: Arc<Self>, workshop: Workshop) {
        self.take_what_is_kept(&workshop).await;
        loop {
            let jobs = self.due(clock::now());
            if !jobs.is_empty() {
                let work = jobs.into_iter().map(|job| self.work(&workshop, job));
                // Their number is bounded by the workshop too, for all assistants together.
                stream::iter(work).buffer_unordered(AT_ONCE).collect::<()>().await;
                continue;
            }
            match self.next_due() {
                Some(due) => tokio::select! {
                    () = tokio::time::sleep_until(due.into()) => {}
                    () = self.wanted.notified() => self.hurry(clock::now()),
                },
                None => return,
            }
        }
    }

    async fn take_what_is_kept(&self, workshop: &Workshop) {
        let phrases: Vec<_> = self.state().items.iter().map(|item| item.phrase.clone()).collect();
        for (voice, configured) in self.voices.iter().enumerate() {
            let Some(configured) = configured else { continue };
            for (item, phrase) in phrases.iter().enumerate() {
                if let Some(speech) = workshop.kept(configured, phrase).await {
                    self.put(item, voice, speech.announcement().clone(), true);
                }
            }
        }
    }

    /// What is to be rendered now: in the first voice; in the other one what the first has failed at.
    fn due(&self, now: Instant) -> Vec<Job> {
        let state = self.state();
        let can = |voice: usize| self.voices[voice].is_some() && state.health[voice].is_due(now);
        let mut jobs = Vec::new();
        for (item, found) in state.items.iter().enumerate() {
            let [own, other] = &found.slots;
            if own.rendered.is_some() {
                continue;
            }
            let voice = if can(0) && own.health.is_due(now) {
                0
            } else if other.rendered.is_none() && can(1) && other.health.is_due(now) {
                1
            } else {
                continue;
            };
            jobs.push(Job { item, voice, phrase: found.phrase.clone() });
        }
        jobs
    }

    /// When [`Shelf::due`] has something next; `None` if nothing is missing that could come.
    fn next_due(&self) -> Option<Instant> {
        let state = self.state();
        let mut next: Option<Instant> = None;
        for item in state.items.iter().filter(|item| item.slots[0].rendered.is_none()) {
            for voice in 0..2 {
                if self.voices[voice].is_none() || item.slots[voice].rendered.is_some() {
                    continue;
                }
                let due = item.slots[voice].health.due.max(state.health[voice].due).unwrap_or_else(clock::now);
                next = Some(next.map_or(due, |next| next.min(due)));
            }
        }
        next
    }

    /// Somebody is in need: what may have passed by now is tried at once.
    fn hurry(&self, now: Instant) {
        let mut state = self.state();
        let state = &mut *state;
        let of_items = state.items.iter_mut().flat_map(|item| item.slots.iter_mut().map(|slot| &mut slot.health));
        for health in of_items.chain(&mut state.health) {
            health.hurry(now);
        }
    }

    async fn work(&self, workshop: &Workshop, job: Job) {
        let Some(voice) = &self.voices[job.voice] else { return };
        // Another phrase may have found out in the meantime that the voice cannot speak.
        if !self.state().health[job.voice].is_due(clock::now()) {
            return;
        }
        let kind = self.state().items[job.item].kind;
        let begun = clock::now();
        match workshop.make(voice, &job.phrase).await {
            Ok((speech, from_cache)) => {
                let announcement: Announcement = speech.announcement().clone();
                tracing::info!(
                    assistant = self.name, %kind, %voice, from_cache,
                    ms = clock::now().saturating_duration_since(begun).as_millis() as u64, "phrase is ready"
                );
                self.put(job.item, job.voice, announcement, from_cache);
            }
            Err(error) => {
                let known = self.troubles().iter().any(|(of, told)| of == voice && told == &error);
                // Told once, not at each attempt.
                if known {
                    tracing::debug!(assistant = self.name, %kind, %voice, %error, "a phrase could not be rendered");
                } else {
                    tracing::warn!(assistant = self.name, %kind, %voice, %error, "a phrase could not be rendered");
                }
                self.failed(job.item, job.voice, &error);
            }
        }
    }
}

/// What cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failing {
    Voice,
    Phrase,
}

/// Whether what failed at one phrase fails at all of them.
pub(super) const fn failing(error: &TtsError) -> Failing {
    match error {
        TtsError::Key
        | TtsError::Quota
        | TtsError::Permission
        | TtsError::Voice
        | TtsError::Model
        | TtsError::Rate { .. }
        | TtsError::Busy
        | TtsError::Connect
        | TtsError::TimedOut
        | TtsError::Vendor { .. } => Failing::Voice,
        TtsError::Length
        | TtsError::Refused(_)
        | TtsError::Wording { .. }
        | TtsError::Broken
        | TtsError::BadAudio(_) => Failing::Phrase,
    }
}

impl Health {
    fn is_due(&self, now: Instant) -> bool {
        self.due.is_none_or(|due| due <= now)
    }

    pub(super) fn fail(&mut self, now: Instant, error: &TtsError, of: Failing) {
        // Requests that were under way together are one failure.
        let is_new = self.tried.is_none_or(|tried| now.saturating_duration_since(tried) >= PAUSE / 2);
        self.failures += u32::from(is_new);
        let doubled = 2_u32.pow(self.failures.saturating_sub(1).min(16));
        let pause = match (error.may_pass(), of) {
            (true, of) => {
                (PAUSE * doubled).min(LONGEST_PAUSE[of as usize]).max(error.retry_after().unwrap_or_default())
            }
            (false, Failing::Voice) => LASTING,
            (false, Failing::Phrase) => (LASTING * doubled).min(LONGEST_LASTING),
        };
        (self.tried, self.due, self.error) = (Some(now), Some(now + pause), Some(error.clone()));
    }

    fn hurry(&mut self, now: Instant) {
        if let (Some(error), Some(tried)) = (&self.error, self.tried)
            && error.may_pass()
        {
            let soonest = tried + IN_NEED.max(error.retry_after().unwrap_or_default());
            self.due = self.due.map(|due| due.min(soonest.max(now)));
        }
    }
}

#[cfg(test)]
#[path = "tests/keeper.rs"]
mod tests;
