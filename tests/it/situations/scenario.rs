//! A row of the table, and how it becomes a call.

use std::time::Duration;

use quietline::{
    assistant::Settings,
    audio::Encoding,
    call::{AnnouncementKind, Cause, IntentPlace, LedgerEntry},
    carrier::Digit,
    lab::{ModelNews, Reply, ReplyPart, ScriptedCarrier, ScriptedModel, Transcripts, Trouble, Utterance, World},
    mix::Announcement,
    model::{ModelTraits, ResponseId, ResponseStatus, ToolCallId},
    session::{Input, SessionConfig},
    time::{TimerReason, Timestamp},
};

use super::checks::Check;
use crate::sound::{LevelVad, announcements, codes, rendering, voice};

/// A moment of a call, found in a run of the row without what is placed by it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Anchor {
    /// The stream's first sample.
    Stream,
    /// The silence deadline at which the goodbye began.
    Deadline,
    /// First frame of our own farewell.
    Goodbye,
    /// The tool call that opened the window.
    HangupCall,
    /// The agent is heard for the n-th time, counted from 0.
    Agent(usize),
    /// The agent falls silent for the n-th time.
    AgentEnd(usize),
    /// A reminder or a filler begins.
    Prompt,
    /// A tool begins for the n-th time.
    Tool(usize),
    /// A tool ends for the n-th time.
    ToolEnd(usize),
    /// End of the n-th thing that the caller says, in whole frames.
    CallerEnd(usize),
    /// Start of it.
    CallerStart(usize),
    /// The ending was decided.
    Ending,
    /// The agent was interrupted.
    BargeIn,
}

/// So many milliseconds after a moment.
pub(crate) type At = (Anchor, i64);

/// What somebody does.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// The caller is heard: length, level, words (`""`: a sound without any).
    Say(u64, f32, &'static str),
    /// The caller's line returns our own farewell this much weaker.
    Echo(AnnouncementKind, f32),
    /// A key and its tone, which began 150 ms before.
    Key(char),
    /// The caller hangs up.
    HangUp,
    /// The connection breaks.
    BreakOff,
    /// The call is gone and nobody says so.
    Vanish,
    /// No frames for so many milliseconds.
    NoFrames(u64),
    /// Frames of so many milliseconds arrive in one burst after them.
    Stall(u64),
    /// The model speaks without being asked.
    Speaks(Vec<Part>),
    /// The model's connection breaks; connecting takes so long.
    Lost(Option<Duration>),
    /// The server stops.
    Drain,
    /// The model calls a tool so many times at once, in this response.
    Calls(&'static str, u32, u32),
}

/// A part of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// Says so many milliseconds of something.
    Talk(u64, &'static str),
    /// Calls a tool.
    Tool(&'static str),
    /// … with these arguments.
    With(&'static str, &'static str),
    /// Calls a tool in an item that is not complete.
    CutOffTool(&'static str),
    /// The vendor fails, and may be asked again after so long.
    Fails(Option<Duration>),
}

/// What the model's transcripts say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Hears {
    /// What was said.
    Words,
    /// There are no transcripts.
    NoTranscripts,
    /// It would hear the caller, but does not take this for speech.
    NoTurns,
}

/// One situation.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) number: u32,
    pub(crate) what: &'static str,
    pub(crate) settings: Settings,
    pub(crate) answers: bool,
    pub(crate) hears: Hears,
    pub(crate) events: Vec<(At, Act)>,
    pub(crate) replies: Vec<(u64, Vec<Part>)>,
    pub(crate) trouble: Trouble,
    pub(crate) intent: Option<(Duration, bool)>,
    /// An announcement that is not ready when it is needed.
    pub(crate) missing: Option<AnnouncementKind>,
    pub(crate) lengths: fn(AnnouncementKind) -> u64,
    /// Every intent has a filler of its own.
    pub(crate) fillers: bool,
    pub(crate) checks: Vec<Check>,
}

/// A row: nobody speaks, the tool is off.
pub(crate) fn row(number: u32, what: &'static str) -> Row {
    Row {
        number,
        what,
        settings: Settings { filler: false, ..Settings::default() },
        answers: true,
        hears: Hears::Words,
        events: Vec::new(),
        replies: Vec::new(),
        trouble: Trouble::default(),
        intent: Some((Duration::from_secs(1), true)),
        missing: None,
        lengths: |kind| if matches!(kind, AnnouncementKind::Farewell(_)) { 4_000 } else { 1_500 },
        fillers: false,
        checks: Vec::new(),
    }
}

/// A row of a call that begins like most: the caller asks (1.0 to 2.5 s), the agent answers for 2 s.
pub(crate) fn talk(number: u32, what: &'static str) -> Row {
    row(number, what)
        .at(Anchor::Stream, 1_000, Act::Say(1_500, -20.0, "Hello, are you open today?"))
        .reply(&[Part::Talk(2_000, "Yes, until six.")])
}

impl Row {
    pub(crate) fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    pub(crate) fn hears(mut self, hears: Hears) -> Self {
        self.hears = hears;
        self
    }

    /// The agent is a recording: nothing is owed.
    pub(crate) fn recorded(mut self) -> Self {
        self.answers = false;
        self
    }

    pub(crate) fn trouble(mut self, change: impl FnOnce(&mut Trouble)) -> Self {
        change(&mut self.trouble);
        self
    }

    pub(crate) fn intent(mut self, takes_ms: u64) -> Self {
        self.intent = Some((Duration::from_millis(takes_ms), true));
        self
    }

    pub(crate) fn at(mut self, anchor: Anchor, ms: i64, act: Act) -> Self {
        self.events.push(((anchor, ms), act));
        self
    }

    /// The model's next answer, 600 ms after the caller's turn.
    pub(crate) fn reply(self, parts: &[Part]) -> Self {
        self.reply_after(600, parts)
    }

    pub(crate) fn reply_after(mut self, ms: u64, parts: &[Part]) -> Self {
        self.replies.push((ms, parts.to_vec()));
        self
    }

    pub(crate) fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// Plays the call, placing what depends on a moment of it one after the other.
    pub(crate) fn play(&self) -> Result<Played, String> {
        let mut placed: Vec<(u64, Act)> = Vec::new();
        for ((anchor, ms), act) in &self.events {
            let from = if *anchor == Anchor::Stream {
                0.0
            } else {
                let dry = self.run(&placed)?;
                dry.moment(*anchor).ok_or_else(|| format!("{anchor:?} does not happen without {act:?}"))?
            };
            let at = from + *ms as f64;
            placed.push((at.max(0.0).round() as u64, act.clone()));
        }
        self.run(&placed)
    }

    fn run(&self, events: &[(u64, Act)]) -> Result<Played, String> {
        let mut carrier = ScriptedCarrier::new(Timestamp::ZERO, self.trouble);
        let transcripts = match self.hears {
            Hears::Words => Transcripts::Truth(Vec::new()),
            Hears::NoTranscripts | Hears::NoTurns => Transcripts::None,
        };
        let mut model = ScriptedModel::new(Encoding::Mulaw, transcripts, Timestamp::ZERO);
        if self.hears == Hears::NoTurns {
            model = model.deaf();
        }
        let mut agent = Agent::default();
        for (delay, parts) in &self.replies {
            model.push(agent.reply(parts).after(Duration::from_millis(*delay)));
        }
        let mut said = Vec::new();
        let mut drain_at = Timestamp::NEVER;
        for (n, (at, act)) in events.iter().enumerate() {
            let time = Timestamp::from_millis(*at);
            match act {
                Act::Say(ms, db, words) => {
                    let samples = voice(1_000 + n as u64, *ms, *db);
                    carrier.say(*at, &samples);
                    model.will_hear(Utterance { start_ms: *at, end_ms: at + ms, text: (*words).into() });
                    said.push((*at, codes(&samples)));
                }
                Act::Echo(kind, db) => carrier.say(*at, &self.echo(*kind, *db)),
                Act::Key(key) => {
                    carrier.say(at.saturating_sub(150), &voice(7, 250, -10.0));
                    carrier.press(time, Digit::new(*key).expect("a key"));
                }
                Act::HangUp => carrier.hang_up(time),
                Act::BreakOff => carrier.break_off(time),
                Act::Vanish => carrier.vanish(time),
                Act::NoFrames(ms) => carrier.send_nothing(*at, at + ms),
                Act::Stall(ms) => carrier.stall(*at, at + ms),
                Act::Speaks(parts) => model.speak_at(time, agent.reply(parts)),
                Act::Lost(reconnect) => model.lose_at(time, *reconnect),
                Act::Drain => drain_at = time,
                Act::Calls(name, times, response) => {
                    for n in 0..*times {
                        let call = ToolCallId(10_000 + n);
                        model.tell_at(
                            time,
                            ModelNews::Tool(ResponseId(*response), call, (*name).into(), "{}".into(), true),
                        );
                    }
                }
            }
        }
        let config = SessionConfig {
            settings: self.settings.clone(),
            model: ModelTraits { hears_speech: true, answers: self.answers },
            encoding: Encoding::Mulaw,
        };
        let mut world = World::new(config, Box::new(LevelVad), carrier, model);
        world.intent = self.intent;
        for kind in announcements().into_iter().filter(|kind| Some(*kind) != self.missing) {
            world.render(kind, self.announcement(kind));
        }
        let fillers = if self.fillers { self.settings.intents.len() } else { 0 };
        for place in (0..fillers).filter_map(IntentPlace::new) {
            world.render(AnnouncementKind::IntentFiller(place), rendering(700 + place.get() as u64, 1_200));
        }
        let mut played =
            Played { world, said, agent: agent.said, frames_in_a_tick: 0, lead_ms: None, fired: Vec::new() };
        let mut heard_frames = 0;
        loop {
            let timer = played.world.session.poll_timeout();
            let goes_on = played.world.step();
            let now = played.world.now();
            if let Some((at, reason)) = timer.filter(|(at, _)| *at <= now) {
                let next = played.world.session.poll_timeout();
                played.fired.push(Fired { reason, at, cleared: next != Some((at, reason)) });
            }
            if !goes_on {
                break;
            }
            if now >= drain_at {
                drain_at = Timestamp::NEVER;
                played.world.input(Input::Drain);
            }
            let frames = played.world.session.media().hearing().media.samples() / 160;
            played.frames_in_a_tick = played.frames_in_a_tick.max(frames - heard_frames);
            heard_frames = frames;
            played.look_at_lead();
            if now > Timestamp::from_millis(4 * 3_600_000) {
                return Err(format!("the call does not end\n{}", played.ledger()));
            }
        }
        Ok(played)
    }

    pub(crate) fn announcement(&self, kind: AnnouncementKind) -> Announcement {
        let place = announcements().iter().position(|k| *k == kind).expect("every kind is listed") as u64;
        rendering(500 + place, (self.lengths)(kind))
    }

    fn echo(&self, kind: AnnouncementKind, db: f32) -> Vec<i16> {
        let gain = 10f32.powf(db / 20.0);
        let decode = |&code: &u8| (f32::from(quietline::codec::mulaw::decode(code)) * gain) as i16;
        self.announcement(kind).mulaw().iter().map(decode).collect()
    }
}

/// The agent's voice, a new one each time.
#[derive(Default)]
struct Agent {
    said: Vec<Vec<u8>>,
}

impl Agent {
    fn reply(&mut self, parts: &[Part]) -> Reply {
        let mut status = ResponseStatus::Completed;
        let parts = parts.iter().filter_map(|part| match part {
            Part::Talk(ms, words) => {
                let samples = voice(2_000 + self.said.len() as u64, *ms, -20.0);
                self.said.push(codes(&samples));
                Some(ReplyPart::Say { samples: samples.into(), transcript: (*words).into() })
            }
            Part::Tool(name) => Some(ReplyPart::Tool { name: (*name).into(), completed: true }),
            Part::With(name, arguments) => {
                Some(ReplyPart::Call { name: (*name).into(), arguments: (*arguments).into() })
            }
            Part::CutOffTool(name) => Some(ReplyPart::Tool { name: (*name).into(), completed: false }),
            Part::Fails(retry_after) => {
                status = ResponseStatus::Failed { retry_after: *retry_after };
                None
            }
        });
        let parts = parts.collect();
        Reply { delay: Duration::from_millis(600), parts, status }
    }
}

/// A timer that was polled and then due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fired {
    pub(crate) reason: TimerReason,
    pub(crate) at: Timestamp,
    /// It is not polled again for the same instant.
    pub(crate) cleared: bool,
}

/// A call that was played.
pub(crate) struct Played {
    pub(crate) world: World,
    /// When the caller said what.
    pub(crate) said: Vec<(u64, Vec<u8>)>,
    /// What the agent says, item by item.
    pub(crate) agent: Vec<Vec<u8>>,
    /// Most frames that were worked off in one tick.
    pub(crate) frames_in_a_tick: u64,
    /// The timers, in order.
    pub(crate) fired: Vec<Fired>,
    /// Least and most agent audio that the carrier had ahead while more was waiting, ms.
    pub(crate) lead_ms: Option<(f64, f64)>,
}

impl Played {
    fn look_at_lead(&mut self) {
        let hearing = self.world.session.media().hearing();
        if hearing.agent_unsent && hearing.agent_audible {
            let lead = self.world.carrier.buffered(self.world.now()).as_secs_f64() * 1e3;
            let (least, most) = self.lead_ms.unwrap_or((lead, lead));
            self.lead_ms = Some((least.min(lead), most.max(lead)));
        }
    }

    /// When, in milliseconds of call time.
    pub(crate) fn moment(&self, anchor: Anchor) -> Option<f64> {
        let record = self.world.session.record();
        let ms = |at: Option<Timestamp>| at.map(|at| at.as_millis_f64());
        match anchor {
            Anchor::Stream => Some(0.0),
            Anchor::Deadline => ms(record.deadline),
            Anchor::Goodbye => ms(record.goodbye_at),
            Anchor::HangupCall => ms(record.tool_called_at),
            Anchor::Agent(n) => self.nth(n, |cause| matches!(cause, Cause::AgentAudible)),
            Anchor::AgentEnd(n) => {
                let ends = self.world.ledger.iter().filter_map(|entry| match entry.cause {
                    Cause::AgentSilent { until, .. } => Some(until.as_millis_f64()),
                    _ => None,
                });
                ends.into_iter().nth(n)
            }
            Anchor::Prompt => self.nth(0, |cause| {
                matches!(cause, Cause::Announced { kind: AnnouncementKind::Reminder | AnnouncementKind::Filler, .. })
            }),
            Anchor::Tool(n) => self.nth(n, |cause| matches!(cause, Cause::ToolBegan)),
            Anchor::ToolEnd(n) => self.nth(n, |cause| matches!(cause, Cause::ToolEnded { .. })),
            Anchor::CallerStart(n) => self.said.get(n).map(|(at, _)| *at as f64),
            Anchor::CallerEnd(n) => {
                let (at, samples) = self.said.get(n)?;
                Some((at + samples.len() as u64 / 8).next_multiple_of(20) as f64)
            }
            Anchor::Ending => ms(record.ending_begun_at),
            Anchor::BargeIn => self.nth(0, |cause| matches!(cause, Cause::BargeIn { .. })),
        }
    }

    /// Time of the n-th entry like this.
    pub(crate) fn nth(&self, n: usize, like: impl Fn(&Cause) -> bool) -> Option<f64> {
        self.entries(like).nth(n).map(|entry| entry.at.as_millis_f64())
    }

    pub(crate) fn entries(&self, like: impl Fn(&Cause) -> bool) -> impl Iterator<Item = &LedgerEntry> {
        self.world.ledger.iter().filter(move |entry| like(&entry.cause))
    }

    /// The ledger as text.
    pub(crate) fn ledger(&self) -> String {
        let lines = self.world.ledger.iter().map(|entry| {
            let deadline = entry.deadline.map_or("-".into(), |at| format!("{:.3}", at.as_millis_f64() / 1e3));
            format!("{:>12.3} {:>12}  {}\n", entry.at.as_millis_f64() / 1e3, deadline, entry.cause)
        });
        lines.collect()
    }
}
