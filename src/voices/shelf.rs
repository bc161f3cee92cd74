//! All phrases of an assistant: what is there, and what comes instead of what is not.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{Notify, watch};

use super::keeper::{self, Failing};
use crate::{
    assistant::FarewellKind,
    call::{AnnouncementKind, IntentPlace, SaidBy},
    config,
    mix::{Announcement, AnnouncementError},
    net::clock,
    tts::{self, Phrase, TtsError, Voice},
};

/// The language of the default texts.
const DEFAULT_LANGUAGE: &str = "en-US";

/// Where a rendering comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Who says it.
    pub by: SaidBy,
    /// It was rendered before this process began.
    pub from_cache: bool,
}

/// A phrase that can be played.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Which.
    pub kind: AnnouncementKind,
    /// The audio.
    pub announcement: Announcement,
    /// Where it comes from.
    pub source: Source,
}

/// The phrases of one assistant. Filled by [`Shelf::keep`]; everything else is quick and may be called anywhere.
pub struct Shelf {
    pub(super) name: String,
    pub(super) voices: [Option<Voice>; 2],
    pub(super) state: Mutex<State>,
    /// Somebody is in need.
    pub(super) wanted: Notify,
    version: watch::Sender<u64>,
}

pub(super) struct State {
    pub(super) items: Vec<Item>,
    /// Of each voice: nothing is asked of it before.
    pub(super) health: [Health; 2],
}

/// A phrase, and what there is of it in each voice.
pub(super) struct Item {
    pub(super) kind: AnnouncementKind,
    pub(super) phrase: Phrase,
    builtin: Option<Announcement>,
    pub(super) slots: [Slot; 2],
}

#[derive(Default)]
pub(super) struct Slot {
    pub(super) rendered: Option<(Announcement, bool)>,
    pub(super) health: Health,
}

/// How often something has failed in a row, and what that means for the next time.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    pub(super) failures: u32,
    pub(super) error: Option<TtsError>,
    pub(super) tried: Option<Instant>,
    pub(super) due: Option<Instant>,
}

impl Shelf {
    /// For this assistant: its farewells, filler and reminder if it has them, and the fillers of its intents. What is built in is there at once.
    ///
    /// # Errors
    ///
    /// If a built-in recording cannot be used: never for those in the crate.
    pub fn of(assistant: &config::Assistant) -> Result<Self, AnnouncementError> {
        // It also speaks when the time that a caller has asked for is over.
        let reminder = assistant.settings.reminder.is_some() || assistant.settings.wait_for_caller;
        Self::with(assistant, reminder, assistant.settings.filler)
    }

    /// All default texts in their recordings, and no voice.
    ///
    /// # Errors
    ///
    /// As [`Shelf::of`].
    pub fn builtin() -> Result<Self, AnnouncementError> {
        Self::with(&config::Assistant::default(), true, true)
    }

    fn with(assistant: &config::Assistant, reminder: bool, filler: bool) -> Result<Self, AnnouncementError> {
        let farewells = &assistant.farewells;
        let phrase = |text: &str, is_default: bool| {
            // Default texts are English, whatever the conversation is.
            let language = if is_default && !farewells.language().starts_with("en") {
                DEFAULT_LANGUAGE
            } else {
                farewells.language()
            };
            Phrase { text: text.to_owned(), language: language.to_owned() }
        };
        let mut items = Vec::new();
        for kind in FarewellKind::ALL {
            let is_default = farewells.is_default(kind);
            let builtin = is_default.then(|| tts::builtin_farewell(kind));
            items.push((AnnouncementKind::Farewell(kind), phrase(farewells.text(kind), is_default), builtin));
        }
        if reminder {
            let is_default = assistant.reminder_text == tts::default_reminder();
            let builtin = is_default.then(tts::builtin_reminder);
            items.push((AnnouncementKind::Reminder, phrase(&assistant.reminder_text, is_default), builtin));
        }
        if filler {
            items.push((AnnouncementKind::Filler, phrase(tts::default_filler(), true), Some(tts::builtin_filler())));
        }
        for (place, intent) in assistant.settings.intents.iter().enumerate() {
            let filler = assistant.intents.iter().find(|it| it.name == intent.name).and_then(|it| it.filler.as_ref());
            if let Some((place, text)) = IntentPlace::new(place).zip(filler) {
                items.push((AnnouncementKind::IntentFiller(place), phrase(text, false), None));
            }
        }
        let items = items.into_iter().map(|(kind, phrase, builtin)| {
            let builtin = builtin.map(Announcement::from_mulaw).transpose()?;
            Ok(Item { kind, phrase, builtin, slots: Default::default() })
        });
        Ok(Self {
            name: assistant.name.clone(),
            voices: [assistant.voice.clone(), assistant.fallback_voice.clone()],
            state: Mutex::new(State { items: items.collect::<Result<_, _>>()?, health: Default::default() }),
            wanted: Notify::new(),
            version: watch::Sender::new(0),
        })
    }

    /// All that can be played now, each by the best who is there.
    #[must_use]
    pub fn ready(&self) -> Vec<Ready> {
        self.state().items.iter().filter_map(Item::ready).collect()
    }

    /// Changes whenever [`Shelf::ready`] has something new.
    #[must_use]
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// A call begins, or is in need: what is missing is tried again at once, if that may help.
    pub fn want(&self) {
        if !self.is_complete() {
            self.wanted.notify_one();
        }
    }

    /// Every phrase is there in the best voice that is configured.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let best = usize::from(self.voices[0].is_none());
        self.voices.get(best).is_none_or(|voice| {
            voice.is_none() || self.state().items.iter().all(|item| item.slots[best].rendered.is_some())
        })
    }

    /// What keeps each voice from speaking at the moment, for whoever asks.
    #[must_use]
    pub fn troubles(&self) -> Vec<(Voice, TtsError)> {
        let state = self.state();
        let trouble = |n: usize| {
            let of_items = state.items.iter().filter_map(|item| item.slots[n].health.error.as_ref());
            state.health[n].error.as_ref().or_else(|| of_items.into_iter().next()).cloned()
        };
        (0..2).filter_map(|n| Some((self.voices[n].clone()?, trouble(n)?))).collect()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is done under this lock that could leave it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A phrase is there.
    pub(super) fn put(&self, item: usize, voice: usize, announcement: Announcement, from_cache: bool) {
        {
            let mut state = self.state();
            let slot = &mut state.items[item].slots[voice];
            *slot = Slot { rendered: Some((announcement, from_cache)), health: Health::default() };
            if !from_cache {
                state.health[voice] = Health::default();
            }
        }
        self.version.send_modify(|version| *version += 1);
    }

    /// A phrase could not be rendered.
    pub(super) fn failed(&self, item: usize, voice: usize, error: &TtsError) {
        let mut state = self.state();
        let of = keeper::failing(error);
        let health = match of {
            Failing::Voice => &mut state.health[voice],
            Failing::Phrase => &mut state.items[item].slots[voice].health,
        };
        health.fail(clock::now(), error, of);
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Item {
    fn ready(&self) -> Option<Ready> {
        let [own, other] = &self.slots;
        let slot = |slot: &Slot, by| {
            let (announcement, from_cache) = slot.rendered.clone()?;
            Some((announcement, Source { by, from_cache }))
        };
        let builtin = || Some((self.builtin.clone()?, Source { by: SaidBy::Builtin, from_cache: false }));
        let (announcement, source) =
            slot(own, SaidBy::Voice).or_else(|| slot(other, SaidBy::OtherVoice)).or_else(builtin)?;
        Some(Ready { kind: self.kind, announcement, source })
    }
}
