//! Who answers which number now.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use super::setup::Assistant;
use crate::net::clock;

/// An assistant that was replaced is remembered for at least this long: a call's webhook may have been answered with its
/// name, and the stream not be there yet.
const REMEMBERED: Duration = Duration::from_secs(180);

/// All assistants of a gateway. They can be replaced while calls go on: a call keeps the one it began with.
#[derive(Default)]
pub(super) struct Directory(RwLock<Entries>);

#[derive(Default)]
struct Entries {
    current: Vec<Arc<Assistant>>,
    /// Replaced, perhaps still in a call.
    retired: Vec<(Arc<Assistant>, Instant)>,
}

/// What a replacement came to.
pub(super) struct Replaced {
    /// Those that were not there before.
    pub(super) added: Vec<Arc<Assistant>>,
    /// The keys of those that are no longer there.
    pub(super) removed: Vec<String>,
}

impl Directory {
    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        // Each change is one assignment: nothing is ever left half done.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// These answer from now on. One whose key is there already stays as it is, with what it has rendered, and only takes
    /// the new one's numbers.
    pub(super) fn replace(&self, assistants: Vec<Arc<Assistant>>) -> Replaced {
        let now = clock::now();
        let mut entries = self.write();
        let before = std::mem::take(&mut entries.current);
        let mut added = Vec::new();
        for new in assistants {
            let known = before.iter().find(|old| old.key == new.key).map(|old| {
                if old.numbers == new.numbers && old.catches_all == new.catches_all {
                    Arc::clone(old)
                } else {
                    let (numbers, catches_all) = (new.numbers.clone(), new.catches_all);
                    Arc::new(Assistant { numbers, catches_all, ..Assistant::clone(old) })
                }
            });
            entries.current.push(known.unwrap_or_else(|| {
                added.push(Arc::clone(&new));
                new
            }));
        }
        let gone: Vec<_> = before.into_iter().filter(|old| !entries.has(&old.key)).collect();
        let removed = gone.iter().map(|old| old.key.clone()).collect();
        entries
            .retired
            .retain(|(old, since)| Arc::strong_count(old) > 1 || now.saturating_duration_since(*since) < REMEMBERED);
        entries.retired.extend(gone.into_iter().map(|old| (old, now)));
        Replaced { added, removed }
    }

    /// Who takes calls to this number: the one that has it, else the one that takes every number.
    pub(super) fn for_number(&self, to: &str) -> Option<Arc<Assistant>> {
        let entries = self.read();
        let has = |assistant: &&Arc<Assistant>| assistant.numbers.iter().any(|number| number == to);
        let found = entries.current.iter().find(has);
        found.or_else(|| entries.current.iter().find(|assistant| assistant.catches_all)).cloned()
    }

    /// The one with this key, also if it was replaced a moment ago.
    pub(super) fn with_key(&self, key: &str) -> Option<Arc<Assistant>> {
        let entries = self.read();
        let all = entries.current.iter().chain(entries.retired.iter().rev().map(|(old, _)| old));
        all.into_iter().find(|assistant| assistant.key == key).cloned()
    }

    /// All that answer now.
    pub(super) fn all(&self) -> Vec<Arc<Assistant>> {
        self.read().current.clone()
    }
}

impl Entries {
    fn has(&self, key: &str) -> bool {
        self.current.iter().any(|assistant| assistant.key == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{assistant::Settings, live::setup::NewCall, model::offline, vad::Detector};

    fn assistant(key: &str, numbers: &[&str]) -> Arc<Assistant> {
        let model = Arc::new(|_: &NewCall| -> Box<dyn crate::model::Model> {
            Box::new(offline::Offline::new(offline::Behaviour::default()))
        });
        let builtin = Assistant::builtin(key, "", Settings::default(), Detector::default(), model).unwrap();
        let numbers: Vec<_> = numbers.iter().map(|&number| number.to_owned()).collect();
        Arc::new(Assistant { key: key.to_owned(), catches_all: key == "all", numbers, ..builtin })
    }

    fn named(directory: &Directory, number: &str) -> Option<String> {
        directory.for_number(number).map(|assistant| assistant.key.clone())
    }

    #[test]
    fn a_number_has_one_assistant_and_the_rest_go_to_the_one_that_takes_all() {
        let directory = Directory::default();
        directory.replace(vec![assistant("none", &[]), assistant("a", &["+15550000001"])]);
        assert_eq!(named(&directory, "+15550000001").as_deref(), Some("a"));
        assert_eq!(named(&directory, "+15550000002"), None, "one without numbers takes none unless it takes all");
        directory.replace(vec![assistant("all", &[]), assistant("a", &["+15550000001"])]);
        assert_eq!(named(&directory, "+15550000002").as_deref(), Some("all"));
    }

    #[test]
    fn what_was_replaced_is_there_for_calls_that_are_about_to_begin() {
        let directory = Directory::default();
        directory.replace(vec![assistant("a@1", &["+15550000001"]), assistant("b@1", &[])]);
        let shelf = directory.with_key("b@1").unwrap().shelf.clone();
        let replaced =
            directory.replace(vec![assistant("a@2", &["+15550000001"]), assistant("b@1", &["+15550000003"])]);
        assert_eq!(replaced.removed, ["a@1"]);
        assert_eq!(replaced.added.iter().map(|new| new.key.as_str()).collect::<Vec<_>>(), ["a@2"]);
        assert_eq!(named(&directory, "+15550000001").as_deref(), Some("a@2"));
        assert!(directory.with_key("a@1").is_some());
        let b = directory.for_number("+15550000003").unwrap();
        assert!(Arc::ptr_eq(&b.shelf, &shelf), "what was rendered stays");
    }
}
