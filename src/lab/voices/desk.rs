//! What one vendor's voices are: keys, faults to come, and a record of requests.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::fault::SpeechFault;

/// Which vendor's ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// `POST /v1/audio/speech`.
    OpenAi,
    /// `POST /v1/text-to-speech/{voice_id}/stream`.
    ElevenLabs,
}

/// A request to speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeechRequest {
    /// What is to be said.
    pub text: String,
    /// In which voice.
    pub voice: String,
    /// By which model.
    pub model: String,
    /// In which format.
    pub format: String,
    /// How it was answered; `None`: not at all.
    pub status: Option<u16>,
}

#[derive(Debug, Default)]
struct State {
    always: Option<SpeechFault>,
    queue: VecDeque<Option<SpeechFault>>,
    requests: Vec<SpeechRequest>,
    violations: Vec<String>,
}

#[derive(Debug)]
struct Inner {
    vendor: Vendor,
    keys: Vec<String>,
    state: Mutex<State>,
    speaking: Arc<AtomicUsize>,
}

/// One vendor's voices: what they are asked, and what goes wrong with them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Desk(Arc<Inner>);

/// Requests that ElevenLabs' stand-in speaks at a time.
pub(super) const MOST_AT_A_TIME: usize = 10;

impl Desk {
    /// OpenAI's, with these keys.
    #[must_use]
    pub fn openai(keys: &[String]) -> Self {
        Self::new(Vendor::OpenAi, keys)
    }

    /// ElevenLabs', with these keys.
    #[must_use]
    pub fn elevenlabs(keys: &[String]) -> Self {
        Self::new(Vendor::ElevenLabs, keys)
    }

    fn new(vendor: Vendor, keys: &[String]) -> Self {
        Self(Arc::new(Inner { vendor, keys: keys.to_vec(), state: Mutex::default(), speaking: Arc::default() }))
    }

    /// Whose ways it has.
    #[must_use]
    pub fn vendor(&self) -> Vendor {
        self.0.vendor
    }

    /// This is wrong with each of the next `n` requests that nothing was said about yet.
    pub fn next_requests(&self, n: usize, fault: SpeechFault) {
        self.state().queue.extend(std::iter::repeat_n(Some(fault), n));
    }

    /// The next `n` requests that nothing was said about yet go well.
    pub fn next_well(&self, n: usize) {
        self.state().queue.extend(std::iter::repeat_n(None, n));
    }

    /// This is wrong with all requests that nothing else was said about; `None`: nothing.
    pub fn always(&self, fault: Option<SpeechFault>) {
        self.state().always = fault;
    }

    /// All requests to speak so far that could be read.
    #[must_use]
    pub fn requests(&self) -> Vec<SpeechRequest> {
        self.state().requests.clone()
    }

    /// Requests and answers that a schema does not allow.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    pub(super) fn knows(&self, key: &str) -> bool {
        self.0.keys.iter().any(|known| known == key)
    }

    pub(super) fn take_fault(&self) -> Option<SpeechFault> {
        let mut state = self.state();
        match state.queue.pop_front() {
            Some(fault) => fault,
            None => state.always,
        }
    }

    pub(super) fn asked(&self, request: SpeechRequest) {
        self.state().requests.push(request);
    }

    pub(super) fn violation(&self, what: String) {
        self.state().violations.push(what);
    }

    /// A place among those who are spoken for, and how many are taken with it; given back when it is dropped.
    pub(super) fn place(&self) -> (Place, usize) {
        let taken = self.0.speaking.fetch_add(1, Ordering::Relaxed) + 1;
        (Place(Arc::clone(&self.0.speaking)), taken)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among those who are spoken for.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
