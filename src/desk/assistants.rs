//! Assistants: drafts, versions, publishing.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Actor, Desk, DeskError, Result};
use crate::{
    call::AnnouncementKind,
    config::{Definition, FieldProblem, Publication},
    live::setup,
    net::clock,
    store::{self, Id, Listing, NewAssistant, NewVersion, Page, StoreError, Version},
    voices::Shelf,
};

/// What the ids of assistants in the server's file begin with.
pub(super) const OF_FILE: &str = "file:";
/// Publishing waits so long for the farewells to be rendered; what is not there by then is rendered later.
const RENDERING: Duration = Duration::from_secs(20);
/// Longest words on a version.
const MAX_NOTE: usize = 500;

/// An assistant as operators see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Overview {
    /// `as_…`, or `file:NAME`.
    pub id: Id,
    /// Unique.
    pub name: String,
    /// It stands in the server's file, and can only be changed there.
    pub read_only: bool,
    /// What is being written; of one in the file, what is in force.
    pub draft: Value,
    /// Goes up with every change; 0 for one in the file.
    pub revision: u64,
    /// The version in force.
    pub published: Option<u32>,
    /// The draft is not what is in force.
    pub draft_differs: bool,
    /// The numbers that it answers; one of the file without numbers answers all that nobody else has.
    pub numbers: Vec<String>,
    /// When it was made; 0 for one in the file.
    pub created_ms: i64,
    /// When it was last changed; 0 for one in the file.
    pub updated_ms: i64,
}

/// What publishing came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// The version, in force now.
    pub version: Version,
    /// What happened besides, such as a tool that was switched on.
    pub notes: Vec<String>,
}

/// What applying a definition came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// There was none of this name.
    Created,
    /// Its draft is another one now.
    Changed,
    /// It was the same already.
    Unchanged,
}

impl Desk {
    /// All, those of the file first, then by name.
    ///
    /// # Errors
    ///
    /// If the store does not answer, or the cursor is none.
    pub async fn assistants(&self, search: Option<&str>, page: &Page) -> Result<Listing<Overview>> {
        let found = self.store.assistants(search, page).await?;
        let numbers = self.store.numbers().await?;
        let of = |id: &Id| -> Vec<_> {
            numbers.iter().filter(|number| number.assistant == *id).map(|number| number.e164.clone()).collect()
        };
        let mut items = Vec::new();
        if page.after.is_none() {
            let matches = |name: &str| search.is_none_or(|search| name.to_lowercase().contains(&search.to_lowercase()));
            items.extend(self.of_file().filter(|one| matches(&one.name)).map(|mut one| {
                one.numbers.extend(of(&one.id));
                one
            }));
        }
        items.extend(found.items.into_iter().map(|row| {
            let numbers = of(&row.id);
            overview(row, numbers)
        }));
        Ok(Listing { items, next: found.next })
    }

    /// One, by id or name.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub async fn assistant(&self, which: &str) -> Result<Overview> {
        if let Some(mut found) = self.of_file().find(|one| one.id.as_str() == which || one.name == which) {
            found.numbers.extend(self.numbers_of(&found.id).await?);
            return Ok(found);
        }
        let row = self.row(which).await?;
        let numbers = self.numbers_of(&row.id).await?;
        Ok(overview(row, numbers))
    }

    /// A new assistant with this draft; its name stands in it.
    ///
    /// # Errors
    ///
    /// What is wrong with the draft, field by field; a name in use.
    pub async fn create_assistant(&self, actor: &Actor, draft: &Value) -> Result<Overview> {
        let definition = self.definition(draft)?;
        let name = definition.name().to_owned();
        self.name_is_free(&name)?;
        let new = NewAssistant { name: name.clone(), draft: definition.json(), now_ms: clock::unix_ms() as i64 };
        let row = self.store.create_assistant(new).await?;
        self.audit(actor, "assistant.create", row.id.as_str(), json!({ "name": name })).await?;
        Ok(overview(row, Vec::new()))
    }

    /// Replaces the draft.
    ///
    /// # Errors
    ///
    /// As [`Desk::create_assistant`]; a revision that is not the current one; one of the file.
    pub async fn save_assistant(
        &self,
        actor: &Actor,
        which: &str,
        revision: Option<u64>,
        draft: &Value,
    ) -> Result<Overview> {
        let id = self.editable(which).await?.id;
        let definition = self.definition(draft)?;
        let name = definition.name();
        self.name_is_free(name)?;
        let row = self.store.save_draft(&id, revision, name, definition.json(), clock::unix_ms() as i64).await?;
        self.audit(actor, "assistant.save", id.as_str(), json!({ "name": name, "revision": row.revision })).await?;
        let numbers = self.numbers_of(&id).await?;
        Ok(overview(row, numbers))
    }

    /// Makes an assistant what a definition says, by its name; nothing changes if it is that already.
    ///
    /// # Errors
    ///
    /// As [`Desk::create_assistant`] and [`Desk::save_assistant`].
    pub async fn apply_assistant(&self, actor: &Actor, draft: &Value) -> Result<(Overview, Applied)> {
        let definition = self.definition(draft)?;
        match self.store.assistant_named(definition.name()).await {
            Ok(row) if row.draft == definition.json() => {
                let numbers = self.numbers_of(&row.id).await?;
                Ok((overview(row, numbers), Applied::Unchanged))
            }
            Ok(row) => {
                let saved = self.save_assistant(actor, row.id.as_str(), Some(row.revision), draft).await?;
                Ok((saved, Applied::Changed))
            }
            Err(StoreError::NotFound(_)) => Ok((self.create_assistant(actor, draft).await?, Applied::Created)),
            Err(error) => Err(error.into()),
        }
    }

    /// What publishing the draft would say.
    ///
    /// # Errors
    ///
    /// If there is no such assistant.
    pub async fn check_assistant(&self, which: &str) -> Result<Publication> {
        let row = self.editable(which).await?;
        Ok(self.definition(&row.draft)?.publication())
    }

    /// Makes the draft the version in force: its farewells are rendered, and calls from now on have it. A draft that is in
    /// force already is not published again.
    ///
    /// # Errors
    ///
    /// What keeps it from being published, field by field.
    pub async fn publish_assistant(
        &self,
        actor: &Actor,
        which: &str,
        revision: Option<u64>,
        note: &str,
    ) -> Result<Published> {
        let row = self.editable(which).await?;
        if let (Some(version), false) = (row.published, row.draft_differs) {
            let version = self.store.version(&row.id, version).await?;
            return Ok(Published { version, notes: vec!["it was in force already: nothing has changed".to_owned()] });
        }
        self.put_in_force(actor, &row, revision, &row.draft, note, None).await
    }

    /// Makes an earlier version the one in force again, as a new version; the draft becomes the same.
    ///
    /// # Errors
    ///
    /// If there is no such version, or it can no longer be published.
    pub async fn restore_assistant(&self, actor: &Actor, which: &str, version: u32) -> Result<Published> {
        let row = self.editable(which).await?;
        let earlier = self.version_of(&row, version).await?;
        let definition = self.definition(&earlier.definition)?;
        self.name_is_free(definition.name())?;
        let now_ms = clock::unix_ms() as i64;
        let (revision, draft) = (Some(row.revision), earlier.definition.clone());
        let saved = self.store.save_draft(&row.id, revision, definition.name(), draft, now_ms).await?;
        let note = format!("version {version} again");
        self.put_in_force(actor, &saved, Some(saved.revision), &earlier.definition, &note, Some(version)).await
    }

    /// No version is in force any more: its numbers are busy.
    ///
    /// # Errors
    ///
    /// If there is no such assistant.
    pub async fn unpublish_assistant(&self, actor: &Actor, which: &str) -> Result<Overview> {
        let row = self.editable(which).await?;
        let row = self.store.unpublish(&row.id, clock::unix_ms() as i64).await?;
        self.audit(actor, "assistant.unpublish", row.id.as_str(), json!({ "name": row.name })).await?;
        self.refresh().await?;
        let numbers = self.numbers_of(&row.id).await?;
        Ok(overview(row, numbers))
    }

    /// Takes an assistant away, with its versions.
    ///
    /// # Errors
    ///
    /// While a number is assigned to it.
    pub async fn delete_assistant(&self, actor: &Actor, which: &str, revision: Option<u64>) -> Result<()> {
        let row = self.editable(which).await?;
        self.store.delete_assistant(&row.id, revision).await?;
        self.audit(actor, "assistant.delete", row.id.as_str(), json!({ "name": row.name })).await
    }

    /// Its versions, the newest first.
    ///
    /// # Errors
    ///
    /// If there is no such assistant.
    pub async fn versions(&self, which: &str, page: &Page) -> Result<Listing<Version>> {
        let row = self.editable(which).await?;
        Ok(self.store.versions(&row.id, page).await?)
    }

    /// One of its versions.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub async fn version(&self, which: &str, version: u32) -> Result<Version> {
        let row = self.editable(which).await?;
        self.version_of(&row, version).await
    }

    async fn version_of(&self, row: &store::Assistant, version: u32) -> Result<Version> {
        let about = DeskError::about("version", &format!("{version} of {}", row.name));
        self.store.version(&row.id, version).await.map_err(about)
    }

    async fn put_in_force(
        &self,
        actor: &Actor,
        row: &store::Assistant,
        revision: Option<u64>,
        draft: &Value,
        note: &str,
        restored_from: Option<u32>,
    ) -> Result<Published> {
        if note.chars().count() > MAX_NOTE {
            let message = format!("expected {MAX_NOTE} characters at most");
            return Err(DeskError::Invalid(vec![FieldProblem { path: "note".to_owned(), message }]));
        }
        let definition = self.definition(draft)?;
        let Publication { errors, mut warnings, notes } = definition.publication();
        if !errors.is_empty() {
            return Err(DeskError::NotPublishable(errors));
        }
        // It must be able to take a call, not only be well written.
        let ready = setup::Assistant::of(definition.assistant(), &self.facts.means).map_err(|error| {
            DeskError::NotPublishable(vec![FieldProblem { path: String::new(), message: error.to_string() }])
        })?;
        warnings.extend(self.render(&definition, &ready.shelf).await);
        let new = NewVersion {
            definition: definition.json(),
            warnings,
            note: note.to_owned(),
            by: actor.name.clone(),
            restored_from,
            now_ms: clock::unix_ms() as i64,
        };
        let version = self.store.publish(&row.id, revision.or(Some(row.revision)), new).await?;
        let detail = json!({ "name": row.name, "version": version.version, "restored_from": restored_from });
        self.audit(actor, "assistant.publish", row.id.as_str(), detail).await?;
        self.refresh().await?;
        Ok(Published { version, notes })
    }

    /// Renders what the assistant says by itself, as far as it comes in time, and tells what to warn of.
    async fn render(&self, definition: &Definition, shelf: &Arc<Shelf>) -> Vec<String> {
        let Some(workshop) = self.remote.workshop() else { return Vec::new() };
        let keeping = tokio::spawn(Arc::clone(shelf).keep(workshop));
        let mut changed = shelf.changed();
        let complete = async {
            while !shelf.is_complete() && !keeping.is_finished() {
                let trouble = tokio::time::sleep(Duration::from_millis(200));
                tokio::select! {
                    _ = changed.changed() => {}
                    () = trouble => if !shelf.troubles().is_empty() { return },
                }
            }
        };
        let in_time = tokio::time::timeout(RENDERING, complete).await.is_ok();
        keeping.abort();
        let mut warnings = Vec::new();
        for (voice, trouble) in shelf.troubles() {
            warnings.push(format!("{voice} cannot speak now, and is tried again: {trouble}"));
        }
        if !in_time {
            let s = RENDERING.as_secs();
            warnings
                .push(format!("not all phrases were rendered within {s} s: the rest is rendered in the background"));
        }
        for ready in shelf.ready() {
            if let AnnouncementKind::Farewell(kind) = ready.kind {
                warnings.extend(definition.fits(kind, ready.announcement.duration()));
            }
        }
        warnings
    }

    /// The definition that a document holds.
    pub(super) fn definition(&self, document: &Value) -> Result<Definition> {
        Definition::from_json(document, &self.facts.context).map_err(DeskError::Invalid)
    }

    /// A name of the file is taken.
    fn name_is_free(&self, name: &str) -> Result<()> {
        if self.of_file().any(|one| one.name == name) {
            let message = format!("an assistant of the server's file is called {name:?}: choose another name");
            return Err(DeskError::Conflict(message));
        }
        Ok(())
    }

    /// One that can be changed, by id or name.
    async fn editable(&self, which: &str) -> Result<store::Assistant> {
        if self.of_file().any(|one| one.id.as_str() == which || one.name == which) {
            return Err(DeskError::ReadOnly(format!("assistant {which:?}")));
        }
        self.row(which).await
    }

    async fn row(&self, which: &str) -> Result<store::Assistant> {
        let found = match self.store.assistant(&Id::known(which)).await {
            Err(StoreError::NotFound(_)) => self.store.assistant_named(which).await,
            found => found,
        };
        found.map_err(DeskError::about("assistant", which))
    }

    async fn numbers_of(&self, id: &Id) -> Result<Vec<String>> {
        let numbers = self.store.numbers().await?;
        Ok(numbers.into_iter().filter(|number| number.assistant == *id).map(|number| number.e164).collect())
    }

    /// The assistants of the server's file.
    fn of_file(&self) -> impl Iterator<Item = Overview> + '_ {
        self.facts.of_file.iter().map(|(assistant, document)| Overview {
            id: Id::known(&assistant.key),
            name: assistant.name.clone(),
            read_only: true,
            draft: document.clone(),
            revision: 0,
            published: None,
            draft_differs: false,
            numbers: assistant.numbers.clone(),
            created_ms: 0,
            updated_ms: 0,
        })
    }
}

fn overview(row: store::Assistant, numbers: Vec<String>) -> Overview {
    let store::Assistant { id, name, draft, revision, published, draft_differs, created_ms, updated_ms } = row;
    Overview { id, name, read_only: false, draft, revision, published, draft_differs, numbers, created_ms, updated_ms }
}
