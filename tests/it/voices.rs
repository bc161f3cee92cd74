//! The voices of the goodbye, over real sockets: vendors that answer, fail, come back and are not there; a cache that
//! survives, is broken, or cannot be written.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use quietline::{
    assistant::Settings,
    audio::{Encoding, SampleRate},
    call::{AnnouncementKind, SaidBy},
    config::Config,
    lab::{
        ScriptedCarrier, ScriptedModel, Transcripts, Trouble, World,
        openai::{Faults, Handshake, OpenAiConfig, OpenAiLab},
        voices::{Desk, SpeechFault, VoicesLab, speech},
    },
    model::ModelTraits,
    net::client::Client,
    session::{Input, SessionConfig},
    time::Timestamp,
    tts::{BadAudio, Phrase, Speech, TtsError, Voice},
    voices::{Cache, Shelf, Workshop, render},
};
use tokio::{task::JoinHandle, time::timeout};

use crate::sound::{LevelVad, announcements, rendering};

const TEXT: &str = "Goodbye, and thank you for calling.";
const PATIENCE: Duration = Duration::from_secs(30);
/// Farewells and the filler.
const PHRASES: usize = 8;

/// Both vendors.
struct Vendors {
    openai: OpenAiLab,
    elevenlabs: VoicesLab,
}

impl Vendors {
    fn start() -> Self {
        let openai = OpenAiLab::start(OpenAiConfig::silent()).unwrap();
        let elevenlabs = VoicesLab::start(Desk::elevenlabs(&[VoicesLab::KEY.to_owned()]), 0).unwrap();
        Self { openai, elevenlabs }
    }

    /// A configuration with both accounts, and these lines in its assistant.
    fn config(&self, lines: &str) -> Config {
        self.config_with(lines, OpenAiConfig::KEY)
    }

    fn config_with(&self, lines: &str, openai_key: &str) -> Config {
        let (openai, elevenlabs) = (self.openai.base_url(), self.elevenlabs.base_url());
        let text = format!(
            "[openai]\nbase_url = \"{openai}\"\n[elevenlabs]\nbase_url = \"{elevenlabs}\"\n\
             [[assistant]]\nname = \"a\"\n[assistant.model]\nprovider = \"offline\"\n[assistant.farewell]\n{lines}\n"
        );
        let env = |name: &str| match name {
            "OPENAI_API_KEY" => Some(openai_key.to_owned()),
            "ELEVENLABS_API_KEY" => Some(VoicesLab::KEY.to_owned()),
            _ => None,
        };
        Config::parse(&text, Path::new("test.toml"), &env).unwrap_or_else(|error| panic!("{error}"))
    }

    fn voice(&self, table: &str) -> Voice {
        self.config(&format!("voice = {table}")).assistants[0].voice.clone().unwrap()
    }

    fn nothing_was_wrong(&self) {
        assert_eq!(self.openai.violations(), [""; 0]);
        assert_eq!(self.elevenlabs.desk().violations(), [""; 0]);
    }
}

const OPENAI: &str = r#"{ provider = "openai" }"#;
const REALTIME: &str = r#"{ provider = "openai_realtime", instructions = "Warm." }"#;
const ELEVENLABS: &str = r#"{ provider = "elevenlabs", voice = "21m00Tcm4TlvDq8ikWAM", stability = 0.5, speed = 1.1 }"#;

async fn said(voice: &Voice) -> Result<Speech, TtsError> {
    let phrase = Phrase { text: TEXT.into(), language: "en-US".into() };
    timeout(PATIENCE, render(&Client::new().unwrap(), voice, &phrase)).await.expect("an end")
}

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("quietline-voices-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn cache(&self) -> Arc<Cache> {
        Arc::new(Cache::new(&self.0, 10 << 20))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A shelf that is being kept.
struct Kept {
    shelf: Arc<Shelf>,
    keeper: JoinHandle<()>,
}

impl Kept {
    fn new(config: &Config, cache: Arc<Cache>) -> Self {
        let shelf = Arc::new(Shelf::of(&config.assistants[0]).unwrap());
        let keeper = tokio::spawn(Arc::clone(&shelf).keep(Workshop::new(Client::new().unwrap(), cache)));
        Self { shelf, keeper }
    }

    /// How many phrases are there by each.
    fn by(&self, by: SaidBy) -> usize {
        self.shelf.ready().iter().filter(|ready| ready.source.by == by).count()
    }

    /// Waits until so many phrases are there by this one; told of each change.
    async fn until(&self, by: SaidBy, count: usize) {
        let mut changed = self.shelf.changed();
        let waiting = async {
            while self.by(by) < count {
                changed.changed().await.unwrap();
            }
        };
        let ready = || self.shelf.ready().into_iter().map(|it| (it.kind.to_string(), it.source)).collect::<Vec<_>>();
        assert!(timeout(PATIENCE, waiting).await.is_ok(), "{by:?}: {:?} {:?}", ready(), self.shelf.troubles());
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

#[tokio::test]
async fn every_provider_says_the_phrase() {
    let vendors = Vendors::start();
    let wanted = speech(TEXT, SampleRate::TELEPHONE).len();
    vendors.openai.speech().next_requests(1, SpeechFault::OddChunks);
    vendors.elevenlabs.desk().next_requests(1, SpeechFault::OddChunks);
    vendors.openai.next_faults(Faults { odd_deltas: true, unknown_events: true, ..Faults::default() });
    for table in [OPENAI, ELEVENLABS, REALTIME] {
        let voice = vendors.voice(table);
        let speech = said(&voice).await.unwrap_or_else(|error| panic!("{voice}: {error}"));
        assert!(speech.samples().len().abs_diff(wanted) <= 80, "{voice}: {} of {wanted}", speech.samples().len());
    }
    vendors.nothing_was_wrong();
    assert_eq!(vendors.elevenlabs.desk().requests()[0].format, "ulaw_8000");
}

#[tokio::test]
async fn what_fails_is_told_by_whose_fault_it_is() {
    let vendors = Vendors::start();
    let wrong_key = vendors.config_with(&format!("voice = {OPENAI}\nfallback_voice = {REALTIME}"), "sk-wrong");
    let wrong_key = &wrong_key.assistants[0];
    for voice in [&wrong_key.voice, &wrong_key.fallback_voice] {
        assert_eq!(said(voice.as_ref().unwrap()).await.unwrap_err(), TtsError::Key);
    }
    for (table, fault, error) in [
        (OPENAI, SpeechFault::Quota, TtsError::Quota),
        (OPENAI, SpeechFault::Empty, TtsError::BadAudio(BadAudio::Empty)),
        (OPENAI, SpeechFault::ErrorBody, TtsError::BadAudio(BadAudio::Text)),
        (OPENAI, SpeechFault::Header, TtsError::BadAudio(BadAudio::Container("a WAV file"))),
        (OPENAI, SpeechFault::OnlySilence, TtsError::BadAudio(BadAudio::Silent)),
        (OPENAI, SpeechFault::Long(Duration::from_secs(61)), TtsError::BadAudio(BadAudio::TooLong)),
        (OPENAI, SpeechFault::CutAfter(1_001), TtsError::Broken),
        (ELEVENLABS, SpeechFault::Quota, TtsError::Quota),
        (ELEVENLABS, SpeechFault::Busy, TtsError::Busy),
        (ELEVENLABS, SpeechFault::Empty, TtsError::BadAudio(BadAudio::Empty)),
        (ELEVENLABS, SpeechFault::ErrorBody, TtsError::BadAudio(BadAudio::Text)),
        (ELEVENLABS, SpeechFault::Header, TtsError::BadAudio(BadAudio::Container("a WAV file"))),
        (ELEVENLABS, SpeechFault::OnlySilence, TtsError::BadAudio(BadAudio::Silent)),
        (ELEVENLABS, SpeechFault::CutAfter(1_001), TtsError::Broken),
    ] {
        let desk = if table == OPENAI { vendors.openai.speech() } else { vendors.elevenlabs.desk() };
        desk.next_requests(1, fault);
        assert_eq!(said(&vendors.voice(table)).await.err(), Some(error), "{table} {fault:?}");
    }
    let strange = vendors.voice(r#"{ provider = "elevenlabs", voice = "no such voice" }"#);
    assert_eq!(said(&strange).await.unwrap_err(), TtsError::Voice);
    for table in [OPENAI, ELEVENLABS] {
        let desk = if table == OPENAI { vendors.openai.speech() } else { vendors.elevenlabs.desk() };
        desk.next_requests(1, SpeechFault::TooMany);
        assert!(matches!(said(&vendors.voice(table)).await, Err(TtsError::Rate { .. })), "{table}");
        // What may have been an accident is tried once more, before the first byte.
        desk.next_requests(1, SpeechFault::Status(500));
        assert!(said(&vendors.voice(table)).await.is_ok(), "{table}");
        desk.next_requests(2, SpeechFault::Status(500));
        assert_eq!(said(&vendors.voice(table)).await.unwrap_err(), TtsError::Vendor { status: 500 });
        for fine in [SpeechFault::Loud, SpeechFault::Quiet, SpeechFault::LeadingSilence(Duration::from_secs(1))] {
            desk.next_requests(1, fine);
            let level = said(&vendors.voice(table)).await.map(|speech| speech.announcement().samples());
            assert!(level.is_ok(), "{table} {fine:?}");
        }
    }
}

#[tokio::test]
async fn a_slow_vendor_has_its_bounds() {
    let vendors = Vendors::start();
    let (first, second) = (vendors.voice(OPENAI), vendors.voice(ELEVENLABS));
    vendors.openai.speech().always(Some(SpeechFault::NoAnswer));
    vendors.elevenlabs.desk().always(Some(SpeechFault::StallAfter(2_000)));
    let begun = tokio::time::Instant::now();
    let timed = async |voice: &Voice| (said(voice).await.err(), begun.elapsed().as_millis());
    let (silent, stalled) = tokio::join!(timed(&first), timed(&second));
    assert_eq!((&silent.0, &stalled.0), (&Some(TtsError::TimedOut), &Some(TtsError::TimedOut)));
    // Twice three seconds, and ten.
    assert!((5_900..7_500).contains(&silent.1) && (9_900..11_500).contains(&stalled.1), "{silent:?} {stalled:?}");
    assert_eq!(vendors.openai.speech().requests().len(), 2);
    assert_eq!(vendors.elevenlabs.desk().requests().len(), 1);
}

#[tokio::test]
async fn a_realtime_model_that_says_other_words_is_asked_again() {
    let vendors = Vendors::start();
    let voice = vendors.voice(REALTIME);
    vendors.openai.say_wrong_words(2);
    assert!(said(&voice).await.is_ok());
    vendors.openai.say_wrong_words(100);
    assert_eq!(said(&voice).await.unwrap_err(), TtsError::Wording { tries: 4 });
    vendors.openai.say_wrong_words(0);
    vendors.openai.next_faults(Faults::default().handshake(Handshake::Status(503)));
    assert!(said(&voice).await.is_ok(), "another connection is tried");
    vendors.nothing_was_wrong();
}

#[tokio::test]
async fn all_phrases_are_there_and_survive_a_restart() {
    let (vendors, folder) = (Vendors::start(), Folder::new("restart"));
    let config = vendors.config(&format!("voice = {ELEVENLABS}\nhangup_call = \"Servus.\""));
    let kept = Kept::new(&config, folder.cache());
    assert_eq!(kept.by(SaidBy::Builtin), PHRASES - 1, "what is built in is there at once");
    kept.until(SaidBy::Voice, PHRASES).await;
    assert!(kept.shelf.is_complete() && kept.shelf.ready().iter().all(|ready| !ready.source.from_cache));
    let requests = vendors.elevenlabs.desk().requests().len();
    assert_eq!(requests, PHRASES);
    drop(kept);
    // Everybody is gone, and nobody is asked.
    vendors.elevenlabs.down();
    vendors.openai.down();
    let again = Kept::new(&config, folder.cache());
    again.until(SaidBy::Voice, PHRASES).await;
    assert!(again.shelf.ready().iter().all(|ready| ready.source.from_cache));
    vendors.nothing_was_wrong();
}

#[tokio::test]
async fn the_other_voice_stands_in_until_the_first_is_back() {
    let vendors = Vendors::start();
    vendors.elevenlabs.down();
    let config = vendors.config(&format!("voice = {ELEVENLABS}\nfallback_voice = {OPENAI}"));
    let kept = Kept::new(&config, Arc::new(Cache::in_memory()));
    kept.until(SaidBy::OtherVoice, PHRASES).await;
    assert_eq!(kept.shelf.troubles()[0].1, TtsError::Connect);
    assert!(!kept.shelf.is_complete());
    vendors.elevenlabs.up().unwrap();
    kept.shelf.want();
    kept.until(SaidBy::Voice, PHRASES).await;
    assert!(kept.shelf.troubles().is_empty(), "{:?}", kept.shelf.troubles());
}

#[tokio::test]
async fn with_nobody_there_the_recordings_stay() {
    let vendors = Vendors::start();
    vendors.elevenlabs.down();
    vendors.openai.down();
    let config = vendors.config(&format!("voice = {ELEVENLABS}\nhangup_call = \"Servus.\"\ndrain = \"Pfiat di.\""));
    let kept = Kept::new(&config, Arc::new(Cache::in_memory()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((kept.by(SaidBy::Builtin), kept.shelf.ready().len()), (PHRASES - 2, PHRASES - 2));
    let hangup = AnnouncementKind::Farewell(quietline::assistant::FarewellKind::HangupCall);
    assert!(kept.shelf.ready().iter().all(|ready| ready.kind != hangup));
}

#[tokio::test]
async fn a_key_that_is_not_taken_is_not_shown_again_and_again() {
    let vendors = Vendors::start();
    let config = vendors.config_with(&format!("voice = {OPENAI}\nfallback_voice = {ELEVENLABS}"), "sk-wrong");
    let kept = Kept::new(&config, Arc::new(Cache::in_memory()));
    kept.until(SaidBy::OtherVoice, PHRASES).await;
    for _ in 0..20 {
        kept.shelf.want();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(kept.shelf.troubles()[0].1, TtsError::Key);
    assert_eq!(vendors.elevenlabs.desk().requests().len(), PHRASES);
    // Requests with a wrong key are not kept by the lab: their number cannot be large, see the keeper's own tests.
    assert!(vendors.openai.speech().requests().len() <= 2, "{}", vendors.openai.speech().requests().len());
}

#[tokio::test]
async fn a_limit_of_requests_is_waited_for() {
    let vendors = Vendors::start();
    vendors.elevenlabs.desk().next_requests(2, SpeechFault::TooMany);
    let config = vendors.config(&format!("voice = {ELEVENLABS}\nfallback_voice = {{ provider = \"none\" }}"));
    let kept = Kept::new(&config, Arc::new(Cache::in_memory()));
    kept.until(SaidBy::Voice, PHRASES).await;
    let requests = vendors.elevenlabs.desk().requests();
    assert!((PHRASES + 1..=PHRASES + 2).contains(&requests.len()), "{}", requests.len());
    let refused: Vec<_> = requests.iter().map(|request| request.status).collect();
    assert_eq!(refused[0], Some(429), "{refused:?}");
}

#[tokio::test]
async fn a_kept_phrase_that_is_broken_is_rendered_again() {
    let (vendors, folder) = (Vendors::start(), Folder::new("broken"));
    let config = vendors.config(&format!("voice = {ELEVENLABS}"));
    let kept = Kept::new(&config, folder.cache());
    kept.until(SaidBy::Voice, PHRASES).await;
    drop(kept);
    let files: Vec<_> = std::fs::read_dir(&folder.0).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), PHRASES);
    let mut bytes = std::fs::read(&files[0]).unwrap();
    bytes[3_000] ^= 0x40;
    std::fs::write(&files[0], bytes).unwrap();
    std::fs::write(&files[1], b"RIFF").unwrap();
    let again = Kept::new(&config, folder.cache());
    again.until(SaidBy::Voice, PHRASES).await;
    let fresh = again.shelf.ready().iter().filter(|ready| !ready.source.from_cache).count();
    assert_eq!((fresh, vendors.elevenlabs.desk().requests().len()), (2, PHRASES + 2));
}

#[tokio::test]
async fn a_disk_that_takes_nothing_is_no_hindrance() {
    let (vendors, folder) = (Vendors::start(), Folder::new("blocked"));
    std::fs::write(&folder.0, b"a file where the folder should be").unwrap();
    let cache = folder.cache();
    let config = vendors.config(&format!("voice = {ELEVENLABS}"));
    let kept = Kept::new(&config, Arc::clone(&cache));
    kept.until(SaidBy::Voice, PHRASES).await;
    // Another assistant with the same voice finds them in memory.
    let other = Kept::new(&config, cache);
    other.until(SaidBy::Voice, PHRASES).await;
    assert_eq!(vendors.elevenlabs.desk().requests().len(), PHRASES);
    std::fs::remove_file(&folder.0).unwrap();
}

/// A call in which nobody says anything, with its farewell by this one, or none.
fn silent_call(by: Option<SaidBy>) -> Option<SaidBy> {
    let settings = Settings { filler: false, ..Settings::default() };
    let traits = ModelTraits { hears_speech: true, answers: true };
    let config = SessionConfig { settings, model: traits, encoding: Encoding::Mulaw };
    let carrier = ScriptedCarrier::new(Timestamp::ZERO, Trouble::default());
    let model = ScriptedModel::new(Encoding::Mulaw, Transcripts::Truth(Vec::new()), Timestamp::ZERO);
    let mut world = World::new(config, Box::new(LevelVad), carrier, model);
    if let Some(by) = by {
        for kind in announcements() {
            world.input(Input::Rendered { kind, by, announcement: rendering(3, 1_500) });
        }
    }
    world.run(|_, _| {}).unwrap();
    world.session.record().said_by
}

#[test]
fn the_record_tells_who_said_the_goodbye() {
    for by in [SaidBy::Voice, SaidBy::OtherVoice, SaidBy::Builtin] {
        assert_eq!(silent_call(Some(by)), Some(by));
    }
    assert_eq!(silent_call(None), Some(SaidBy::Carrier));
}
