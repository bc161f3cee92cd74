use super::{Vad, VadFrame};
use crate::audio::{Dbfs, Frame};

/// Adaptive energy: a frame is voiced when it stands out from the noise of the last seconds.
///
/// The level is taken above 200 Hz, so mains hum hardly weighs. The noise floor is the lowest level of the last
/// seconds (minimum statistics): it falls at once and rises only when nothing quieter was heard for a whole window,
/// so steady noise is learned within seconds while the gaps between words hold the floor down under long speech.
#[derive(Clone, Debug)]
pub struct Energy {
    meter: Meter,
}

impl Energy {
    /// A detector that has heard nothing; it takes the line for quiet at first.
    #[must_use]
    pub fn new() -> Self {
        Self { meter: Meter::new() }
    }
}

/// A frame is voiced this far above the noise floor, in dB.
const OVER_FLOOR_DB: f32 = 6.0;
/// Nothing below is voiced: the lowest speech of a caller who holds the phone away.
const LEAST: f32 = -60.0;

impl Default for Energy {
    fn default() -> Self {
        Self::new()
    }
}

impl Vad for Energy {
    fn process(&mut self, frame: &Frame) -> VadFrame {
        let Loudness { level_db, over_db, .. } = self.meter.hear(frame);
        // Half way up the scale at the threshold.
        let score = (over_db / (2.0 * OVER_FLOOR_DB)).clamp(0.0, 1.0);
        if level_db < LEAST {
            return VadFrame::new(false, score.min(0.49));
        }
        VadFrame::new(over_db >= OVER_FLOOR_DB, score)
    }

    fn reset(&mut self) {
        *self = Self::new();
    }
}

/// How loud a frame is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loudness {
    /// Level above 200 Hz, dBFS.
    pub(super) level_db: f32,
    /// … over the noise floor, dB.
    pub(super) over_db: f32,
    /// The floor has been listened to for so long that it can be relied on.
    pub(super) settled: bool,
}

/// Measures frames against the noise of the last seconds.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    highpass: HighPass,
    floor: NoiseFloor,
    /// Frames heard, up to [`SETTLED`].
    heard: u8,
}

/// Frames after which the floor can be relied on: 2 s.
const SETTLED: u8 = 100;
/// Samples no louder are digital silence, which no line is by itself: a lost packet, or a sender that sends none.
const DEAD: u16 = 8;

impl Meter {
    pub(super) fn new() -> Self {
        Self { highpass: HighPass::default(), floor: NoiseFloor::new(), heard: 0 }
    }

    pub(super) fn hear(&mut self, frame: &Frame) -> Loudness {
        let settled = self.heard == SETTLED;
        if frame.iter().all(|sample| sample.unsigned_abs() <= DEAD) {
            // It says nothing about the noise of the line, which will be there again.
            self.highpass = HighPass::default();
            let level_db = Dbfs::SILENCE.db();
            return Loudness { level_db, over_db: level_db - self.floor.level_db(), settled };
        }
        self.heard = (self.heard + 1).min(SETTLED);
        let level_db = self.highpass.level(frame).db();
        Loudness { level_db, over_db: level_db - self.floor.hear(level_db), settled }
    }
}

/// The lowest smoothed level of the last 3 to 3.5 s, in dBFS.
#[derive(Clone, Debug)]
struct NoiseFloor {
    /// Lowest levels of the stretches before the one under way; the oldest at `oldest`.
    minima: [f32; STRETCHES],
    oldest: usize,
    current: f32,
    frames: usize,
    smooth: f32,
}

const STRETCHES: usize = 6;
/// Frames of a stretch: half a second.
const STRETCH_FRAMES: usize = 25;
/// What the line is taken for before anything was heard, in dBFS.
const QUIET_LINE: f32 = -55.0;

impl NoiseFloor {
    fn new() -> Self {
        Self { minima: [QUIET_LINE; STRETCHES], oldest: 0, current: QUIET_LINE, frames: 0, smooth: QUIET_LINE }
    }

    /// Adds a frame's level and gives the floor, this frame included.
    fn hear(&mut self, level_db: f32) -> f32 {
        self.smooth += 0.5 * (level_db - self.smooth);
        if self.frames == STRETCH_FRAMES {
            self.minima[self.oldest] = self.current;
            self.oldest = (self.oldest + 1) % STRETCHES;
            (self.current, self.frames) = (f32::INFINITY, 0);
        }
        self.current = self.current.min(self.smooth);
        self.frames += 1;
        self.level_db()
    }

    fn level_db(&self) -> f32 {
        self.minima.iter().fold(self.current, |low, &m| low.min(m))
    }
}

/// Second-order Butterworth high-pass, 200 Hz at 8 kHz (bilinear transform, direct form II transposed).
#[derive(Clone, Debug, Default)]
struct HighPass {
    state: [f32; 2],
}

impl HighPass {
    const B0: f32 = 0.894_859;
    const A1: f32 = -1.778_631_8;
    const A2: f32 = 0.800_802_65;

    fn level(&mut self, frame: &Frame) -> Dbfs {
        let [mut s1, mut s2] = self.state;
        let mut power = 0.0;
        for &sample in frame {
            let x = f32::from(sample) / 32768.0;
            let y = Self::B0 * x + s1;
            s1 = -2.0 * Self::B0 * x - Self::A1 * y + s2;
            s2 = Self::B0 * x - Self::A2 * y;
            power += y * y;
        }
        self.state = [s1, s2];
        Dbfs::from_power(power / frame.len() as f32)
    }
}
