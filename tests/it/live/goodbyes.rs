//! The goodbye cannot be lost: whatever is down, the caller hears all of it, sample by sample as it was rendered.
//!
//! The gateway is made from a configuration file, with voices of the lab's vendors. `QUIETLINE_GOODBYE_RUNS` calls of
//! each kind, all on lines of their own (seeded): 8 without it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use quietline::{
    assistant::FarewellKind,
    call::{AnnouncementKind, Reason, SaidBy},
    config::Config,
    lab::{
        ScriptedCarrier, Trouble,
        openai::{Act, Faults, OpenAiConfig, OpenAiLab, When},
        twilio::{Dial, Gateway as Address, Lab, LabCall, LabConfig, RestFault},
        voices::{Desk, SpeechFault, VoicesLab},
    },
    live::{Gateway, Observation, Setup},
    net::listen,
    voices::Ready,
};
use tokio::sync::mpsc;

use super::room::{ACCOUNT, PUBLIC_URL, TOKEN};
use crate::sound::find;

const NUMBER: &str = "+15550300001";
const KEY: &str = "xi-lab";
/// No call takes longer: 3 s of silence, the goodbye, and what a bad line adds.
const LONGEST: Duration = Duration::from_secs(60);
/// Longer than any vendor here takes, or fails, in its first attempts.
const PREPARING: Duration = Duration::from_secs(30);
const OWN_TEXT: &str = "We have not heard you for a while. Goodbye, and thank you for calling.";

fn runs() -> u64 {
    std::env::var("QUIETLINE_GOODBYE_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(8)
}

/// What is wrong, and who says the goodbye all the same.
struct Case {
    name: &'static str,
    /// The goodbye's own text; without, the default one.
    text: Option<&'static str>,
    /// The other voice is OpenAI's.
    fallback: bool,
    /// The model is OpenAI's.
    model: bool,
    by: SaidBy,
    /// Before the gateway starts.
    before: fn(&Place),
    rest: Option<RestFault>,
}

impl Case {
    const fn new(name: &'static str, by: SaidBy) -> Self {
        Self { name, text: Some(OWN_TEXT), fallback: false, model: false, by, before: |_| {}, rest: None }
    }

    const fn default_text(mut self) -> Self {
        self.text = None;
        self
    }
}

/// Vendors and files of a case.
struct Place {
    folder: PathBuf,
    elevenlabs: VoicesLab,
    openai: OpenAiLab,
}

impl Place {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("quietline-goodbyes-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self {
            folder,
            elevenlabs: VoicesLab::start(Desk::elevenlabs(&[KEY.to_owned()]), 0).unwrap(),
            openai: OpenAiLab::start(OpenAiConfig::silent()).unwrap(),
        }
    }

    fn cache(&self) -> PathBuf {
        self.folder.join("cache")
    }

    fn config(&self, case: &Case, listen: std::net::SocketAddr, rest: &str) -> Config {
        let text = case.text.map_or(String::new(), |text| format!("silence = \"{text}\"\n"));
        let fallback = if case.fallback { "openai" } else { "none" };
        let provider = if case.model { "openai" } else { "offline" };
        let toml = format!(
            r#"[server]
listen = "{listen}"
public_url = "{PUBLIC_URL}"
shards = 2
[twilio]
account_sid = "{ACCOUNT}"
auth_token_env = "TOKEN"
[twilio.rest]
base_url = "{rest}"
[openai]
base_url = "{}"
api_key_env = "OPENAI"
[elevenlabs]
base_url = "{}"
api_key_env = "ELEVENLABS"
[voices]
cache_dir = "{}"
[limits]
silence_timeout_s = {{ min = 3 }}
[[assistant]]
name = "goodbyes"
silence_timeout_s = 3
[assistant.farewell]
voice = {{ provider = "elevenlabs", voice = "21m00Tcm4TlvDq8ikWAM" }}
fallback_voice = {{ provider = "{fallback}" }}
{text}[assistant.model]
provider = "{provider}"
"#,
            self.openai.base_url(),
            self.elevenlabs.base_url(),
            self.cache().display(),
        );
        let file = self.folder.join("quietline.toml");
        std::fs::write(&file, toml).unwrap();
        let env = |name: &str| match name {
            "TOKEN" => Some(TOKEN.to_owned()),
            "OPENAI" => Some(OpenAiConfig::KEY.to_owned()),
            "ELEVENLABS" => Some(KEY.to_owned()),
            _ => None,
        };
        Config::load(Some(&file), &env).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// A line with trouble of its own.
fn caller(seed: u64) -> ScriptedCarrier {
    let mut random = fastrand::Rng::with_seed(seed);
    ScriptedCarrier::waiting(Trouble {
        seed,
        jitter: Duration::from_millis(random.u64(0..60)),
        mark_lag: Duration::from_millis(random.u64(0..400)),
        doubled_marks: random.f32() * 0.5,
        clock_ppm: random.i32(-300..300),
        ..Trouble::default()
    })
}

/// Plays the case's calls at once, and tells what went wrong.
async fn play(case: &Case, place: &Place) -> Vec<String> {
    let (_reserved, addr) = listen::reserve().unwrap();
    let lab = Lab::start(LabConfig::new(ACCOUNT.parse().unwrap(), TOKEN, PUBLIC_URL, Address(addr))).await.unwrap();
    let setup = Setup::of(&place.config(case, addr, &lab.rest_url())).unwrap();
    let shelf = Arc::clone(&setup.assistants[0].shelf);
    let (observer, mut observed) = mpsc::unbounded_channel();
    let gateway = Gateway::start(setup, Some(observer)).unwrap();
    let wanted = AnnouncementKind::Farewell(FarewellKind::Silence);
    let expected = tokio::time::timeout(PREPARING, async {
        loop {
            let ready = shelf.ready().into_iter().find(|ready| ready.kind == wanted && ready.source.by == case.by);
            // Until a voice that is not to speak has failed, too.
            if let Some(ready) = ready.filter(|_| case.by == SaidBy::Voice || !shelf.troubles().is_empty()) {
                return ready;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut wrong = Vec::new();
    match expected.await {
        Ok(expected) => {
            let lines: Vec<LabCall> = (0..runs())
                .map(|seed| {
                    let mut dial = Dial::new(NUMBER, "+15550000001").caller(caller(seed));
                    dial.rest_fault = case.rest;
                    lab.dial(dial)
                })
                .collect();
            let ended = tokio::time::timeout(LONGEST, follow(case, lines, &expected, &mut observed));
            wrong.extend(ended.await.unwrap_or_else(|_| vec!["not all calls have ended".into()]));
        }
        Err(_) => wrong.push(format!("nothing was prepared: {:?}, {:?}", shelf.ready(), shelf.troubles())),
    }
    lab.stop().await;
    tokio::task::spawn_blocking(move || gateway.stop()).await.unwrap();
    wrong
}

async fn follow(
    case: &Case,
    lines: Vec<LabCall>,
    expected: &Ready,
    observed: &mut mpsc::UnboundedReceiver<Observation>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut left = lines.len();
    while left > 0 {
        let Observation::Finished(call) = observed.recv().await.expect("the gateway runs") else { continue };
        left -= 1;
        let record = &call.record;
        if (record.reason, record.said_by) != (Some(Reason::Silence), Some(case.by)) {
            wrong.push(format!("ended by {:?}, said by {:?}", record.reason, record.said_by));
        }
    }
    // (The first frame may be mixed with the agent's last one.)
    let audio = &expected.announcement.mulaw()[160..];
    for (seed, line) in lines.iter().enumerate() {
        let report = line.finished().await;
        let heard = line.with_caller(|carrier, _| carrier.heard().to_vec());
        if find(&heard, audio, 0).is_none() {
            let until = find(&heard, &audio[..80], 0)
                .map(|at| heard[at..].iter().zip(audio).take_while(|(heard, audio)| heard == audio).count() / 8);
            let events = report.events.iter().map(|(at, event)| format!("  {at} {event}\n")).collect::<String>();
            wrong.push(format!("seed {seed}: not heard whole, but {until:?} of {} ms\n{events}", audio.len() / 8));
        }
        wrong.extend(report.violations.iter().map(|violation| format!("seed {seed}: violation: {violation}")));
    }
    wrong
}

/// Plays a case and looks at what the vendors have to say.
async fn case(case: Case) {
    let place = Place::new(case.name);
    (case.before)(&place);
    let wrong = play(&case, &place).await;
    conclude(&case, &place, wrong);
}

#[expect(clippy::print_stderr, reason = "the figure that is asked for")]
fn conclude(case: &Case, place: &Place, mut wrong: Vec<String>) {
    wrong.extend(place.elevenlabs.desk().violations());
    wrong.extend(place.openai.violations());
    let _ = std::fs::remove_dir_all(&place.folder);
    let _ = std::fs::remove_file(&place.folder);
    assert!(
        wrong.is_empty(),
        "{}: {} things are wrong in {} calls\n{}",
        case.name,
        wrong.len(),
        runs(),
        wrong.join("\n")
    );
    eprintln!("{}: {} goodbyes heard whole, said by {}", case.name, runs(), case.by.name());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vendor_is_fine() {
    case(Case::new("vendor-fine", SaidBy::Voice)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vendor_is_down_since_the_start() {
    case(Case { before: |place| place.elevenlabs.down(), ..Case::new("vendor-down", SaidBy::Builtin).default_text() })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vendor_is_down_and_there_is_another() {
    let before = |place: &Place| place.elevenlabs.down();
    case(Case { before, fallback: true, ..Case::new("vendor-down-other", SaidBy::OtherVoice) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vendor_dies_in_the_middle_of_it() {
    let before = |place: &Place| place.elevenlabs.desk().always(Some(SpeechFault::CutAfter(5_000)));
    case(Case { before, ..Case::new("vendor-dies", SaidBy::Builtin).default_text() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_kept_is_spoiled() {
    let wanted = Case::new("cache-spoiled", SaidBy::Voice);
    let place = Place::new(wanted.name);
    let mut wrong = play(&wanted, &place).await;
    let files = spoil(&place.cache());
    let before = place.elevenlabs.desk().requests().len();
    wrong.extend(play(&wanted, &place).await);
    let again = place.elevenlabs.desk().requests().len() - before;
    if files == 0 || again < files {
        wrong.push(format!("{files} files were spoiled, {again} phrases rendered again"));
    }
    conclude(&wanted, &place, wrong);
}

/// Turns a byte in the middle of each file over; tells how many there were.
fn spoil(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = files.filter(|path| path.is_file()).collect();
    for file in &files {
        let mut bytes = std::fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        std::fs::write(file, bytes).unwrap();
    }
    files.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_can_be_written() {
    // A file stands where the folder should be made: as good as a full disk.
    let before = |place: &Place| std::fs::write(place.cache(), "no folder").unwrap();
    case(Case { before, ..Case::new("disk-full", SaidBy::Voice) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_models_socket_is_dead() {
    let before =
        |place: &Place| place.openai.set_faults(Faults::default().act(When::After(Duration::from_secs(1)), Act::Reset));
    case(Case { before, model: true, ..Case::new("model-dead", SaidBy::Voice) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rest_is_down() {
    case(Case { rest: Some(RestFault::Status(500)), ..Case::new("rest-down", SaidBy::Voice) }).await;
}
