//! The scripted model as a provider: by itself, and shared with whoever writes its script while the call runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{ModelNews, ScriptedModel};
use crate::{
    audio::Encoding,
    model::{Model, ModelCommand, ModelEvent, ModelTraits},
    time::Timestamp,
};

impl Model for ScriptedModel {
    fn traits(&self) -> ModelTraits {
        ModelTraits { hears_speech: true, answers: true }
    }

    fn encoding(&self) -> Encoding {
        ScriptedModel::encoding(self)
    }

    fn handle_command(&mut self, now: Timestamp, command: &ModelCommand<'_>) {
        self.command(now, command);
    }

    fn poll_event(&mut self, now: Timestamp) -> Option<ModelEvent<'_>> {
        self.tell(now).map(ModelNews::event)
    }

    fn poll_timeout(&self) -> Timestamp {
        self.next_at()
    }
}

/// A scripted model that is in a call, and in the hands of its script.
#[derive(Clone, Debug)]
pub struct SharedModel {
    model: Arc<Mutex<ScriptedModel>>,
    told: Option<ModelNews>,
}

impl SharedModel {
    /// Shares it.
    #[must_use]
    pub fn new(model: ScriptedModel) -> Self {
        Self { model: Arc::new(Mutex::new(model)), told: None }
    }

    /// The model, for its script.
    pub fn lock(&self) -> MutexGuard<'_, ScriptedModel> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Model for SharedModel {
    fn traits(&self) -> ModelTraits {
        self.lock().traits()
    }

    fn encoding(&self) -> Encoding {
        Model::encoding(&*self.lock())
    }

    fn handle_command(&mut self, now: Timestamp, command: &ModelCommand<'_>) {
        self.lock().command(now, command);
    }

    fn poll_event(&mut self, now: Timestamp) -> Option<ModelEvent<'_>> {
        let told = self.lock().poll(now);
        self.told = told;
        self.told.as_ref().map(ModelNews::event)
    }

    fn poll_timeout(&self) -> Timestamp {
        self.lock().next_at()
    }
}
