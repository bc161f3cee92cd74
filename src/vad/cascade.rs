use super::{
    Batch, LOOK_BACK, Vad, VadFrame, Webrtc,
    energy::{Loudness, Meter},
    silero::Silero,
};
use crate::audio::Frame;

/// Speech by a neural network, its edges by energy, and on a quiet line neither: the default.
///
/// 1. **Gate.** `webrtc-vad` and the level over the noise floor are cheap and miss nothing; where both hear nothing
///    for half a second, nothing else runs.
/// 2. **Network.** Where the gate is open, Silero tells speech from hum, noise, music and tones, 32 ms at a time. When the gate
///    opens, the last 256 ms are looked back on.
/// 3. **Edges.** The network's answers come late: 30 to 60 ms at the start of words, 50 to 100 ms at their end. So frames just
///    before its answer that stand out from the noise are voiced after the fact ([`VadFrame::back`]), and a frame is voiced
///    only while it stands 4 dB over the noise and within 35 dB of the talkspurt's peak. Where the noise is as loud as that,
///    the network alone decides.
pub struct Cascade {
    gate: Option<Gate>,
    silero: Silero,
    meter: Meter,
    edges: Edges,
    loudness: Loudness,
    /// [`Vad::offer`] has heard the frame that comes next.
    heard: bool,
    probability: f32,
}

impl Cascade {
    /// A detector that has heard nothing. Allocates, in C as well.
    ///
    /// # Panics
    ///
    /// If the C library cannot allocate.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Some(Gate::new()))
    }

    /// The same without the gate: the network runs all the time.
    #[must_use]
    pub fn always_open() -> Self {
        Self::of(None)
    }

    fn of(gate: Option<Gate>) -> Self {
        Self {
            gate,
            silero: Silero::new(),
            meter: Meter::new(),
            edges: Edges::new(),
            loudness: QUIET,
            heard: false,
            probability: 0.0,
        }
    }

    fn hear(&mut self, frame: &Frame) {
        self.heard = true;
        self.loudness = self.meter.hear(frame);
        let open = self.gate.as_mut().is_none_or(|gate| gate.hear(frame, self.loudness));
        self.silero.hear(frame, open);
        if !open {
            self.probability = 0.0;
        }
    }
}

/// Before anything was heard.
const QUIET: Loudness = Loudness { level_db: -96.0, over_db: 0.0, settled: false };

impl Default for Cascade {
    fn default() -> Self {
        Self::new()
    }
}

impl Vad for Cascade {
    fn offer(&mut self, frame: &Frame, batch: &mut Batch) {
        self.hear(frame);
        self.silero.offer(batch);
    }

    fn collect(&mut self, batch: &Batch) {
        self.silero.collect(batch);
    }

    fn process(&mut self, frame: &Frame) -> VadFrame {
        if !std::mem::take(&mut self.heard) {
            self.hear(frame);
            self.heard = false;
        }
        if let Some(probability) = self.silero.probability() {
            self.probability = probability;
        }
        self.edges.judge(self.probability, self.loudness)
    }

    fn reset(&mut self) {
        if let Some(gate) = &mut self.gate {
            gate.reset();
        }
        self.silero.reset();
        self.meter = Meter::new();
        self.edges = Edges::new();
        (self.loudness, self.heard, self.probability) = (QUIET, false, 0.0);
    }
}

/// Open where either of two cheap detectors hears anything, and for a while after.
struct Gate {
    webrtc: Webrtc,
    open_for: u8,
}

/// Frames for which the gate stays open.
const GATE_HOLD: u8 = 25;
/// A frame this far over the noise opens the gate, dB …
const GATE_OVER_DB: f32 = 6.0;
/// … unless it is quieter than any caller, dBFS.
const GATE_LEAST_DB: f32 = -62.0;

impl Gate {
    fn new() -> Self {
        Self { webrtc: Webrtc::new(), open_for: 0 }
    }

    fn hear(&mut self, frame: &Frame, loudness: Loudness) -> bool {
        let stands_out = loudness.over_db >= GATE_OVER_DB && loudness.level_db >= GATE_LEAST_DB;
        // Asked for every frame: it learns the noise.
        let voiced = self.webrtc.process(frame).voiced;
        self.open_for = if voiced || stands_out { GATE_HOLD } else { self.open_for.saturating_sub(1) };
        self.open_for > 0
    }

    fn reset(&mut self) {
        self.webrtc.reset();
        self.open_for = 0;
    }
}

/// Where speech begins and ends, to the frame.
#[derive(Clone, Debug)]
struct Edges {
    /// The network hears speech.
    speaking: bool,
    /// Loudest frame of this stretch of speech, dBFS; fades.
    peak_db: f32,
    /// Frames before this one that stand out from the noise, without a gap.
    risen: u8,
    /// Frames since the last one that stood out.
    sunk: u8,
}

// The figures below were found on the labelled corpus (`quietline vad-bench`); neighbours of each do little worse.

/// The network's score from which on it is speech …
const SPEECH: f32 = 0.5;
/// … or this, where a frame stands out by [`CLEARLY_DB`]: after long noise the network believes loud words late. Nothing
/// else that loud scores above 0.08.
const CLEAR_SPEECH: f32 = 0.2;
const CLEARLY_DB: f32 = 20.0;
/// Below this it is none any more …
const NO_SPEECH: f32 = 0.25;
/// … unless a frame still stands out by [`LASTING_DB`] and the score is not below this: drawn-out last words.
const LASTING_SPEECH: f32 = 0.1;
const LASTING_DB: f32 = 8.0;
/// A voiced frame stands this far over the noise …
const OVER_FLOOR_DB: f32 = 4.0;
/// … and lies no further than this under the loudest.
const UNDER_PEAK_DB: f32 = 35.0;
/// Where even the loudest frame is no more than this over the noise, words sink into it: the network decides …
const NOISY_DB: f32 = 18.0;
/// … but no longer than this many frames after the last that stood out: its answer comes late.
const SUNK: u8 = 8;
/// After so many frames that did not stand out, one that does so only just is noise, unless the network is sure.
const RESTING: u8 = 2;
/// The loudest frame is forgotten by this much a frame, dB: 6 dB in a second.
const PEAK_FADES_DB: f32 = 0.12;
/// Frames that may turn out to have been voiced, at most.
const BACK: u8 = 8;
const _: () = assert!(BACK as usize <= LOOK_BACK);

impl Edges {
    fn new() -> Self {
        Self { speaking: false, peak_db: QUIET.level_db, risen: 0, sunk: 0 }
    }

    fn judge(&mut self, probability: f32, Loudness { level_db, over_db, settled }: Loudness) -> VadFrame {
        let before = self.speaking;
        self.speaking = if before {
            probability >= NO_SPEECH || (probability >= LASTING_SPEECH && over_db >= LASTING_DB)
        } else {
            probability >= SPEECH || (settled && probability >= CLEAR_SPEECH && over_db >= CLEARLY_DB)
        };
        let stands_out = over_db >= OVER_FLOOR_DB;
        let risen = self.risen;
        self.risen = if stands_out { (risen + 1).min(BACK) } else { 0 };
        if !self.speaking {
            self.peak_db = QUIET.level_db;
            return VadFrame::new(false, probability);
        }
        self.peak_db = (self.peak_db - PEAK_FADES_DB).max(level_db);
        let sure = probability >= SPEECH || over_db >= LASTING_DB || self.sunk <= RESTING;
        let clear = stands_out && sure && level_db >= self.peak_db - UNDER_PEAK_DB;
        self.sunk = if clear { 0 } else { self.sunk.saturating_add(1) };
        let floor_db = level_db - over_db;
        let sinking = self.peak_db - floor_db < NOISY_DB && self.sunk <= SUNK && probability >= NO_SPEECH;
        let voiced = clear || sinking;
        VadFrame { voiced, score: probability, back: if voiced && !before { risen } else { 0 } }
    }
}
