use std::sync::Arc;

use secrecy::SecretString;

use super::*;
use crate::tts::{Phrase, Voice, elevenlabs};

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("quietline-cache-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut found: Vec<_> = fs::read_dir(&self.0).unwrap().map(|file| file.unwrap().path()).collect();
        found.sort();
        found
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn key(text: &str) -> Key {
    let access = elevenlabs::Access::new("https://api.elevenlabs.io", SecretString::from("k")).unwrap();
    let voice = Voice::ElevenLabs(elevenlabs::Voice::new(Arc::new(access), "v"));
    Key::new(&voice, &Phrase { text: text.into(), language: "en-US".into() })
}

fn speech(seed: i16) -> Speech {
    Speech::new((0..4_000).map(|n| if n % 40 < 20 { 5_000 + seed } else { -5_000 }).collect()).unwrap()
}

/// Bytes of one such phrase on disk.
const ONE: u64 = 80 + 8_000;

#[test]
fn a_phrase_survives_a_restart() {
    let folder = Folder::new("restart");
    Cache::new(&folder.0, 1 << 20).store(&key("a"), &speech(1));
    let cache = Cache::new(&folder.0, 1 << 20);
    assert_eq!(cache.load(&key("a")).unwrap().samples(), speech(1).samples());
    assert!(cache.load(&key("b")).is_none());
    // Written again it is the newer one.
    cache.store(&key("a"), &speech(2));
    assert_eq!(cache.load(&key("a")).unwrap().samples(), speech(2).samples());
    assert_eq!(folder.files().len(), 1, "{:?}", folder.files());
}

#[test]
fn what_is_not_as_it_was_written_is_missing_and_goes_away() {
    let folder = Folder::new("corrupt");
    let cache = Cache::new(&folder.0, 1 << 20);
    let whole = {
        cache.store(&key("a"), &speech(1));
        fs::read(&folder.files()[0]).unwrap()
    };
    let path = folder.files()[0].clone();
    let mut flipped = whole.clone();
    flipped[5_000] ^= 1;
    let wrong: [&[u8]; 5] = [&flipped, &whole[..whole.len() - 2], b"", b"RIFF....WAVE", &[0; 2_000_000]];
    for bytes in wrong {
        fs::write(&path, bytes).unwrap();
        assert!(cache.load(&key("a")).is_none());
        assert!(folder.files().is_empty(), "it is taken away");
    }
    cache.store(&key("a"), &speech(1));
    assert_eq!(fs::read(&path).unwrap(), whole);
    // Another phrase's file under this name.
    cache.store(&key("b"), &speech(2));
    let other = folder.files().into_iter().find(|file| *file != path).unwrap();
    fs::copy(&other, &path).unwrap();
    assert!(cache.load(&key("a")).is_none() && cache.load(&key("b")).is_some());
}

#[test]
fn what_was_not_asked_for_the_longest_time_goes_first() {
    let folder = Folder::new("full");
    let cache = Cache::new(&folder.0, 3 * ONE);
    let age = |text: &str, minutes: u64| {
        let path = cache.place(&key(text)).unwrap();
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(clock::unix_ms()) - Duration::from_secs(60 * minutes);
        File::options().append(true).open(path).unwrap().set_modified(at).unwrap();
    };
    for (n, text) in ["a", "b", "c"].into_iter().enumerate() {
        cache.store(&key(text), &speech(n as i16));
        age(text, 30 - n as u64);
    }
    fs::write(folder.0.join("notes.txt"), vec![0; 100_000]).unwrap();
    // Asked for now: younger than all others.
    assert!(cache.load(&key("a")).is_some());
    cache.store(&key("d"), &speech(9));
    let there = ["a", "b", "c", "d"].map(|text| cache.load(&key(text)).is_some());
    assert_eq!(there, [true, false, true, true]);
    assert!(folder.0.join("notes.txt").exists(), "what is not ours stays");
    // Even without room there is one.
    let small = Cache::new(&folder.0, 10);
    small.store(&key("e"), &speech(4));
    assert!(small.load(&key("e")).is_some());
    assert_eq!(folder.files().len(), 2, "{:?}", folder.files());
}

#[test]
fn a_disk_that_cannot_be_written_leaves_the_memory() {
    let folder = Folder::new("blocked");
    fs::create_dir_all(&folder.0).unwrap();
    // A file where the folder should be; a device that is always full would come to the same.
    let blocked = folder.0.join("file");
    fs::write(&blocked, b"x").unwrap();
    for cache in [Cache::new(&blocked, 1 << 20), Cache::new(&blocked.join("below"), 1 << 20), Cache::in_memory()] {
        cache.store(&key("a"), &speech(3));
        assert_eq!(cache.load(&key("a")).unwrap().samples(), speech(3).samples());
        assert_eq!(cache.warned.load(Ordering::Relaxed), cache.folder().is_some());
        for n in 0..2 * IN_MEMORY {
            cache.store(&key(&n.to_string()), &speech(3));
        }
        assert_eq!(cache.lock().len(), IN_MEMORY, "bounded");
    }
    assert_eq!(fs::read(&blocked).unwrap(), b"x");
}

#[test]
fn a_folder_that_is_read_only_gives_what_it_has() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("read-only");
    let cache = Cache::new(&folder.0, 1 << 20);
    cache.store(&key("a"), &speech(1));
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o555)).unwrap();
    cache.store(&key("b"), &speech(2));
    assert!(cache.load(&key("a")).is_some() && cache.load(&key("b")).is_some());
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(folder.files().iter().all(|file| file.extension().is_some_and(|it| it == EXTENSION)));
}

#[test]
fn several_writers_and_readers_see_whole_phrases() {
    let folder = Folder::new("several");
    std::thread::scope(|scope| {
        for n in 0..8 {
            let path = &folder.0;
            scope.spawn(move || {
                let cache = Cache::new(path, 4 * ONE);
                for round in 0..20 {
                    let text = ["a", "b", "c"][(n + round) % 3];
                    cache.store(&key(text), &speech(text.len() as i16));
                    if let Some(found) = cache.load(&key(text)) {
                        assert_eq!(found.samples(), speech(1).samples());
                    }
                    assert!(!cache.warned.load(Ordering::Relaxed), "nothing fails");
                }
            });
        }
    });
    assert!(folder.files().iter().all(|file| file.extension().is_some_and(|it| it == EXTENSION)));
}
