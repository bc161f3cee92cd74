//! What a run is made of, from its seed: settings, and how carrier, model, caller and machine behave.

use std::{ops::Range, sync::LazyLock, time::Duration};

use fastrand::Rng;
use quietline::{
    assistant::{
        BargeInMin, FarewellKind, Greeting, Hangover, HangupTool, Intent, LevelFloor, MaxDuration, MinSpeech,
        NoiseBudget, Reminder, Settings, SilenceTimeout,
    },
    call::AnnouncementKind,
    mix::Announcement,
};

/// How the carrier's REST answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    Quick,
    /// After some seconds.
    Slow,
    /// Fails so many times, then works.
    Failing(u32),
    Never,
}

/// How the caller's side ends, if it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    Stop,
    CleanClose,
    Break,
    /// The stream goes quiet and the carrier says, when asked, that the call is gone.
    Vanish,
    /// A status callback.
    StatusEnded,
}

#[derive(Clone, Debug)]
pub(crate) struct CarrierPlan {
    pub(crate) start_ms: u32,
    /// From us to the caller's ear.
    pub(crate) latency_ms: u32,
    pub(crate) mark_lag_ms: Range<u32>,
    pub(crate) mark_lost: u32,
    pub(crate) mark_doubled: u32,
    pub(crate) mark_late: u32,
    pub(crate) mark_late_ms: Range<u32>,
    pub(crate) jitter_ms: u32,
    /// Frames of these times (ms) arrive together at the end.
    pub(crate) bursts: Vec<Range<u32>>,
    /// Frames (by number) that are lost.
    pub(crate) gaps: Vec<Range<u32>>,
    /// Unvoiced frames are not sent while in one of these (frames by number).
    pub(crate) dtx: Vec<Range<u32>>,
    pub(crate) timestamps: bool,
    pub(crate) hangup: Rest,
    pub(crate) say: Rest,
    pub(crate) status: Rest,
    /// The stream stops this long after a hang-up request worked; `None`: nothing comes.
    pub(crate) stop_after_hangup_ms: Option<u32>,
    pub(crate) leave: Option<(u32, Leave)>,
}

#[derive(Clone, Debug)]
pub(crate) struct ModelPlan {
    /// Per connection: `None` never answers.
    pub(crate) connect_ms: Vec<Option<u32>>,
    pub(crate) connect_fails: u32,
    pub(crate) lost_at_ms: Vec<u32>,
    pub(crate) hears_speech: bool,
    /// Percent of turns that are answered.
    pub(crate) answers: u32,
    pub(crate) answer_ms: Range<u32>,
    pub(crate) speech_ms: Range<u32>,
    /// Audio is given this many times faster than it plays.
    pub(crate) speed: Range<u32>,
    pub(crate) self_talk_ms: Option<u32>,
    pub(crate) hint: u32,
    pub(crate) partial: u32,
    pub(crate) transcript_ms: Range<u32>,
    /// Percent of empty, failed, missing, repeated and of closing texts.
    pub(crate) empty: u32,
    pub(crate) failed: u32,
    pub(crate) missing: u32,
    pub(crate) same_text: bool,
    pub(crate) closing: u32,
    pub(crate) spans: bool,
    /// Percent of answers with an intent, with `hangup_call`, with a goodbye, that fail.
    pub(crate) intent: u32,
    pub(crate) hangup: u32,
    pub(crate) goodbye: u32,
    pub(crate) fails: u32,
    pub(crate) repeats: u32,
    pub(crate) late_audio_ms: u32,
    /// `None`: never answers.
    pub(crate) tool_ms: Option<Range<u32>>,
    pub(crate) tool_fails: u32,
    /// Percent of answers with `wait_for_caller`, with `transfer_call`.
    pub(crate) wait: u32,
    pub(crate) transfer: u32,
}

/// What the caller does when nothing else is asked of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Silent,
    /// Speaks some turns, then goes quiet.
    Turns(u32),
    /// Speaks and never stops for long.
    Chatty,
    /// A hum from this frame on.
    Hum(u32),
    /// A television 24 dB under the caller.
    Background,
}

#[derive(Clone, Debug)]
pub(crate) struct CallerPlan {
    pub(crate) manner: Manner,
    pub(crate) level: u8,
    /// Percent of goodbyes that are answered, and of deadlines that are spoken at.
    pub(crate) answers_goodbye: u32,
    pub(crate) at_deadline: u32,
    /// Percent of goodbyes, and of windows, that a key is pressed in.
    pub(crate) digit_at_goodbye: u32,
    pub(crate) answers_hangup: u32,
    pub(crate) barges_in: u32,
    pub(crate) digits_at_ms: Vec<u32>,
    pub(crate) tones: bool,
    pub(crate) long_talk: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    pub(crate) carrier: CarrierPlan,
    pub(crate) model: ModelPlan,
    pub(crate) caller: CallerPlan,
    pub(crate) operator_ms: Option<u32>,
    pub(crate) drain_ms: Option<u32>,
    /// No tick in these (ms).
    pub(crate) stalls: Vec<Range<u32>>,
    /// When each announcement is ready; `None`: never.
    pub(crate) rendered: Vec<(AnnouncementKind, Option<u32>)>,
    /// Which length of each announcement.
    pub(crate) variant: usize,
    pub(crate) rng: Rng,
}

fn percent(rng: &mut Rng, p: u32) -> bool {
    rng.u32(0..100) < p
}

fn ms(v: u32) -> Duration {
    Duration::from_millis(v.into())
}

/// Ranges within `0..end` of a length in `length`, with gaps in between.
fn stretches(rng: &mut Rng, count: u32, end: u32, length: Range<u32>) -> Vec<Range<u32>> {
    let mut all: Vec<Range<u32>> = Vec::new();
    for _ in 0..count {
        let from = rng.u32(0..end);
        let range = from..from + rng.u32(length.clone());
        if all.iter().all(|r| r.end + 50 < range.start || range.end + 50 < r.start) {
            all.push(range);
        }
    }
    all.sort_by_key(|r| r.start);
    all
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1_e995);
        let r = &mut rng;
        let settings = settings(r);
        // In a third of the runs the world is kind: then the tolerances are small.
        let kind = percent(r, 33);
        let carrier = carrier(r, kind);
        let model = model(r, &settings);
        let caller = caller(r);
        let horizon = 60_000;
        let operator_ms = percent(r, 4).then(|| r.u32(0..horizon / 2));
        let drain_ms = percent(r, 4).then(|| r.u32(0..horizon / 2));
        let stalls = if kind || percent(r, 60) { vec![] } else { stretches(r, 3, horizon, 20..1500) };
        let kinds = FarewellKind::ALL
            .map(AnnouncementKind::Farewell)
            .into_iter()
            .chain([AnnouncementKind::Reminder, AnnouncementKind::Filler]);
        let all = percent(r, 85);
        let rendered = kinds
            .map(|kind| {
                let ready = all || percent(r, 60);
                (kind, ready.then(|| if percent(r, 90) { 0 } else { r.u32(0..20_000) }))
            })
            .collect();
        let variant = r.usize(0..LENGTHS);
        let mut plan = Self {
            settings,
            carrier,
            model,
            caller,
            operator_ms,
            drain_ms,
            stalls,
            rendered,
            variant,
            rng: rng.fork(),
        };
        // Drawn apart, so that what a seed stands for does not change: in a third of the runs the caller asks for time, or
        // is put through.
        let mut extra = Rng::with_seed(!seed);
        if percent(&mut extra, 35) {
            plan.settings.wait_for_caller = percent(&mut extra, 80);
            plan.model.wait = extra.u32(1..40);
        }
        if percent(&mut extra, 25) {
            if percent(&mut extra, 85) {
                plan.settings.transfers = vec!["billing".into(), "sales".into()];
            }
            plan.model.transfer = extra.u32(1..25);
        }
        // Two endings at one instant.
        if rng.u32(0..50) == 0 {
            plan.coincide(&mut rng);
        }
        plan
    }

    /// The silence deadline and the longest length fall on the same instant.
    fn coincide(&mut self, rng: &mut Rng) {
        let bounds = (Duration::from_secs(3), Duration::from_secs(60));
        let length = Duration::from_secs(rng.u64(20..30));
        self.settings.silence_timeout = SilenceTimeout::with_bounds(length, bounds).unwrap();
        self.settings.max_duration = MaxDuration::with_bounds(length, bounds).unwrap();
        self.settings.greeting = None;
        self.settings.reminder = None;
        self.caller.manner = Manner::Silent;
        self.caller.digits_at_ms.clear();
        self.caller.at_deadline = 0;
        self.model.self_talk_ms = None;
    }
}

fn settings(r: &mut Rng) -> Settings {
    let mut s = Settings::default();
    let bounds = (Duration::from_secs(2), Duration::from_secs(60));
    let timeout = if percent(r, 6) { 30_000 } else { r.u32(3_000..10_000) };
    s.silence_timeout = SilenceTimeout::with_bounds(ms(timeout), bounds).unwrap();
    if percent(r, 40) {
        s.min_speech = MinSpeech::new(ms(r.u32(60..=400))).unwrap();
        s.hangover = Hangover::new(ms(r.u32(100..=800))).unwrap();
        s.barge_in_min = BargeInMin::new(ms(r.u32(120..=600))).unwrap();
    }
    let budget = if percent(r, 15) { 60_000 } else { r.u32(0..10_000) };
    s.noise_budget = NoiseBudget::new(ms(budget)).unwrap();
    if percent(r, 20) {
        s.level_floor = LevelFloor::new(r.u32(13..=22) as f32).unwrap();
    }
    let longest = if percent(r, 15) { r.u32(20_000..35_000) } else { r.u32(35_000..120_000) };
    s.max_duration =
        MaxDuration::with_bounds(ms(longest), (Duration::from_secs(10), Duration::from_secs(200))).unwrap();
    s.greeting = percent(r, 45).then(|| Greeting { interruptible: percent(r, 70) });
    s.hangup_call = percent(r, 55).then(|| HangupTool { cancellable: percent(r, 80) });
    for (name, ends_call, p) in [("look_up", false, 50), ("book", true, 35)] {
        if percent(r, p) {
            s.intents.push(Intent { name: name.into(), ends_call });
        }
    }
    if percent(r, 25) && timeout > 10_000 {
        s.reminder = Some(Reminder { after: ms(r.u32(5_000..=timeout - 5_000)) });
    }
    s.filler = percent(r, 50);
    s.transcription = percent(r, 75);
    s
}

fn carrier(r: &mut Rng, kind: bool) -> CarrierPlan {
    let rest = |r: &mut Rng| match r.u32(0..100) {
        0..70 => Rest::Quick,
        70..80 => Rest::Slow,
        80..92 => Rest::Failing(r.u32(1..6)),
        _ => Rest::Never,
    };
    let lag = r.u32(0..60);
    let bad_marks = !kind && percent(r, 40);
    let leave = percent(r, 14).then(|| {
        let how = match r.u32(0..10) {
            0..4 => Leave::Stop,
            4..6 => Leave::CleanClose,
            6..8 => Leave::Break,
            8 => Leave::Vanish,
            _ => Leave::StatusEnded,
        };
        (r.u32(0..50_000), how)
    });
    CarrierPlan {
        start_ms: r.u32(0..1500),
        latency_ms: r.u32(0..100),
        mark_lag_ms: lag..lag + if percent(r, 50) { 2 } else { 200 },
        mark_lost: if bad_marks { r.u32(0..40) } else { 0 },
        mark_doubled: if bad_marks { r.u32(0..30) } else { 0 },
        mark_late: if bad_marks { r.u32(0..30) } else { 0 },
        mark_late_ms: 300..r.u32(500..4500),
        jitter_ms: if kind { 0 } else { r.u32(0..150) },
        bursts: if kind || percent(r, 70) { vec![] } else { stretches(r, 4, 60_000, 100..2000) },
        gaps: if kind || percent(r, 70) { vec![] } else { stretches(r, 4, 3000, 3..80) },
        dtx: match r.u32(0..20) {
            0..17 => vec![],
            17 => stretches(r, 3, 3000, 50..400),
            18 => stretches(r, 2, 2000, 400..1600),
            _ => std::iter::once(0..6000).collect(),
        },
        timestamps: true,
        hangup: rest(r),
        say: rest(r),
        status: rest(r),
        stop_after_hangup_ms: percent(r, 80).then(|| r.u32(0..800)),
        leave,
    }
}

fn model(r: &mut Rng, settings: &Settings) -> ModelPlan {
    let healthy = percent(r, 80);
    let connect_ms = (0..6)
        .map(|_| {
            if healthy {
                Some(r.u32(0..600))
            } else if percent(r, 30) {
                None
            } else {
                Some(r.u32(0..4000))
            }
        })
        .collect();
    let slow_tools = percent(r, 30);
    ModelPlan {
        connect_ms,
        connect_fails: if healthy { 0 } else { r.u32(0..60) },
        lost_at_ms: if healthy { vec![] } else { (0..r.u32(0..3)).map(|_| r.u32(1_000..40_000)).collect() },
        hears_speech: percent(r, 80),
        answers: if percent(r, 80) { 97 } else { r.u32(0..90) },
        answer_ms: 100..if percent(r, 80) { 900 } else { 6000 },
        speech_ms: if percent(r, 80) { 300..3000 } else { 1000..9000 },
        speed: if percent(r, 90) { 3..20 } else { 1..3 },
        self_talk_ms: percent(r, 10).then(|| r.u32(1500..6000)),
        hint: if percent(r, 85) { 98 } else { r.u32(0..98) },
        partial: r.u32(0..60),
        transcript_ms: 100..if percent(r, 80) { 900 } else { 9500 },
        empty: if percent(r, 70) { 3 } else { r.u32(0..70) },
        failed: if percent(r, 80) { 1 } else { r.u32(0..50) },
        missing: if percent(r, 80) { 1 } else { r.u32(0..60) },
        same_text: percent(r, 8),
        closing: r.u32(0..40),
        spans: percent(r, 75),
        intent: if settings.intents.is_empty() { 2 } else { r.u32(0..40) },
        hangup: if settings.hangup_call.is_some() { r.u32(0..40) } else { 2 },
        goodbye: r.u32(0..30),
        fails: r.u32(0..12),
        repeats: if percent(r, 10) { r.u32(1..40) } else { 0 },
        late_audio_ms: r.u32(0..500),
        tool_ms: if percent(r, 7) { None } else { Some(50..if slow_tools { 12_000 } else { 1500 }) },
        tool_fails: r.u32(0..30),
        wait: 0,
        transfer: 0,
    }
}

fn caller(r: &mut Rng) -> CallerPlan {
    let manner = match r.u32(0..20) {
        0..2 => Manner::Silent,
        2..14 => Manner::Turns(r.u32(1..6)),
        14..17 => Manner::Chatty,
        17 => Manner::Hum(r.u32(100..1200)),
        _ => Manner::Background,
    };
    CallerPlan {
        manner,
        level: if percent(r, 85) { 3 } else { 2 },
        answers_goodbye: r.u32(0..70),
        at_deadline: r.u32(0..40),
        digit_at_goodbye: if percent(r, 30) { r.u32(0..60) } else { 0 },
        answers_hangup: r.u32(0..70),
        barges_in: r.u32(0..40),
        digits_at_ms: if percent(r, 15) { (0..r.u32(1..5)).map(|_| r.u32(500..40_000)).collect() } else { vec![] },
        tones: percent(r, 50),
        long_talk: if percent(r, 12) { 40 } else { 3 },
    }
}

/// How many lengths there are of each announcement.
const LENGTHS: usize = 3;

/// Announcements of known lengths: words with pauses between them.
static ANNOUNCEMENTS: LazyLock<Vec<Announcement>> = LazyLock::new(|| {
    (0..LENGTHS * 9)
        .map(|n| {
            // Every one has a length of its own.
            let (variant, kind) = (n / 9, n % 9);
            let ms = if kind >= 7 { 500 + 140 * n } else { [1000, 2500, 5600][variant] + 60 * kind };
            let samples: Vec<i16> = (0..ms * 8)
                .map(|i| {
                    let pause = (i / 8) % 900 >= 740 && i / 8 + 300 < ms;
                    if pause {
                        0
                    } else if i % 8 < 4 {
                        3000
                    } else {
                        -3000
                    }
                })
                .collect();
            Announcement::render(&samples).unwrap()
        })
        .collect()
});

/// The rendering of an announcement.
pub(crate) fn announcement(kind: AnnouncementKind, variant: usize) -> Announcement {
    let place = match kind {
        AnnouncementKind::Farewell(kind) => kind as usize,
        AnnouncementKind::Reminder => 7,
        AnnouncementKind::Filler | AnnouncementKind::IntentFiller(_) => 8,
    };
    ANNOUNCEMENTS[variant * 9 + place].clone()
}
