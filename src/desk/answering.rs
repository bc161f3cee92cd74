//! Who answers: what is published and has a number, made ready for the gateway.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, watch};

use super::{Desk, DeskError, Result, assistants::OF_FILE};
use crate::{
    live::setup,
    store::{Id, StoreError, Subject},
};

/// Changes that come close together are one.
const TOGETHER: Duration = Duration::from_millis(100);
/// What could not be read is tried again after this.
const AGAIN: Duration = Duration::from_secs(5);

impl Desk {
    /// Has the gateway answer by what is published and assigned now. Calls under way keep what they began with.
    ///
    /// # Errors
    ///
    /// If the store does not answer: then everything stays as it is.
    pub(super) async fn refresh(&self) -> Result<()> {
        let mut numbers: BTreeMap<Id, Vec<String>> = BTreeMap::new();
        for number in self.store.numbers().await? {
            numbers.entry(number.assistant).or_default().push(number.e164);
        }
        let at_hand = self.at_hand().await?;
        let wanted: BTreeSet<_> = at_hand.into_iter().chain(numbers.keys().cloned()).collect();
        let known: BTreeMap<_, _> =
            self.remote.assistants().into_iter().map(|assistant| (assistant.key.clone(), assistant)).collect();
        let mut all: Vec<_> = self.facts.of_file.iter().map(|(assistant, _)| Arc::clone(assistant)).collect();
        for assistant in &mut all {
            if let Some(more) = numbers.get(&Id::known(&assistant.key)) {
                let numbers = assistant.numbers.iter().chain(more).cloned().collect();
                *assistant = Arc::new(setup::Assistant { numbers, ..setup::Assistant::clone(assistant) });
            }
        }
        for id in wanted.iter().filter(|id| !id.as_str().starts_with(OF_FILE)) {
            let Some(assistant) = self.in_force(id, &known).await? else { continue };
            let numbers = numbers.get(id).cloned().unwrap_or_default();
            all.push(Arc::new(setup::Assistant { numbers, ..setup::Assistant::clone(&assistant) }));
        }
        self.remote.install(all);
        Ok(())
    }

    /// An assistant as it answers now; `None` if it cannot.
    async fn in_force(
        &self,
        id: &Id,
        known: &BTreeMap<String, Arc<setup::Assistant>>,
    ) -> Result<Option<Arc<setup::Assistant>>> {
        let row = match self.store.assistant(id).await {
            Ok(row) => row,
            Err(StoreError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some(version) = row.published else { return Ok(None) };
        let key = format!("{id}@{version}");
        if let Some(assistant) = known.get(&key) {
            return Ok(Some(Arc::clone(assistant)));
        }
        let version = self.store.version(id, version).await?;
        match self.ready(&key, &version.definition) {
            Ok(assistant) => Ok(Some(Arc::new(assistant))),
            Err(error) => {
                // The server's own settings have changed since it was published.
                tracing::error!(assistant = row.name, %error, "a published assistant cannot answer: publish it anew");
                Ok(None)
            }
        }
    }

    /// A definition as an assistant that can take calls.
    fn ready(&self, key: &str, document: &serde_json::Value) -> Result<setup::Assistant> {
        let definition = self.definition(document)?;
        let assistant = setup::Assistant::keyed(key, definition.assistant(), &self.facts.means);
        let assistant = assistant.map_err(|error| DeskError::Conflict(error.to_string()))?;
        Ok(setup::Assistant { catches_all: false, ..assistant })
    }

    /// Follows what changes in the store, until it is told to stop.
    pub(super) async fn follow(self, mut stop: watch::Receiver<bool>) {
        let mut changes = self.store.changes();
        loop {
            let failed = match self.refresh().await {
                Ok(()) => false,
                Err(error) => {
                    tracing::error!(%error, "what is published cannot be read: it stays as it was");
                    true
                }
            };
            tokio::select! {
                () = of_interest(&mut changes) => {}
                () = tokio::time::sleep(AGAIN), if failed => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            tokio::time::sleep(TOGETHER).await;
            while changes.try_recv().is_ok() {}
        }
    }
}

async fn of_interest(changes: &mut broadcast::Receiver<crate::store::Change>) {
    loop {
        match changes.recv().await {
            Ok(change) if matches!(change.subject, Subject::Assistant | Subject::Number | Subject::Setting) => return,
            Ok(_) => {}
            Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
