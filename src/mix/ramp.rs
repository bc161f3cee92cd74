use std::time::Duration;

use dasp::Signal;

/// Samples at 8 kHz of a ramp that lasts `duration`, rounded down.
#[must_use]
pub const fn ramp_samples(duration: Duration) -> u32 {
    (duration.as_micros() / 125) as u32
}

/// A gain that moves to its target in a straight line, a step a sample.
///
/// A [`Signal`]: `next()` gives the gain of the next sample. The first one after [`to`](Self::to) is already a step
/// on the way, and the last is the target exactly. It never ends; once there it stays there.
#[derive(Clone, Debug)]
pub struct GainRamp {
    gain: f32,
    target: f32,
    step: f32,
    samples_left: u32,
}

impl GainRamp {
    /// A constant gain; see [`set`](Self::set).
    #[must_use]
    pub fn new(gain: f32) -> Self {
        let gain = amplitude(gain);
        Self { gain, target: gain, step: 0.0, samples_left: 0 }
    }

    /// Jumps to a gain at once. Gains are factors of amplitude, 0 to 1: what is outside is clamped, NaN is 0.
    pub fn set(&mut self, gain: f32) {
        *self = Self::new(gain);
    }

    /// Moves from the present gain to `target` (clamped like in [`set`](Self::set)) within `samples`; 0 is a jump.
    pub fn to(&mut self, target: f32, samples: u32) {
        let Some(last) = samples.checked_sub(1) else { return self.set(target) };
        self.target = amplitude(target);
        self.step = (self.target - self.gain) / (last + 1) as f32;
        self.samples_left = samples;
    }

    /// The gain of the sample before.
    #[must_use]
    pub fn gain(&self) -> f32 {
        self.gain
    }

    /// Whether it has arrived at its target.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.samples_left == 0
    }
}

impl Signal for GainRamp {
    type Frame = f32;

    fn next(&mut self) -> f32 {
        match self.samples_left {
            0 => {}
            1 => {
                self.gain = self.target;
                self.samples_left = 0;
            }
            left => {
                self.gain += self.step;
                self.samples_left = left - 1;
            }
        }
        self.gain
    }
}

fn amplitude(gain: f32) -> f32 {
    if gain.is_nan() { 0.0 } else { gain.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_evenly_and_arrives_exactly() {
        let mut ramp = GainRamp::new(1.0);
        ramp.to(0.0, 4);
        assert_eq!([0; 6].map(|_| ramp.next()), [0.75, 0.5, 0.25, 0.0, 0.0, 0.0]);
        assert!(ramp.is_settled());
        ramp.to(0.3, 1_000);
        let gains: Vec<f32> = (0..1_000).map(|_| ramp.next()).collect();
        assert!(gains.is_sorted() && gains[999] == 0.3);
    }

    #[test]
    fn turns_round_in_the_middle() {
        let mut ramp = GainRamp::new(0.0);
        ramp.to(1.0, 4);
        ramp.next();
        ramp.next();
        ramp.to(0.0, 2);
        assert_eq!([0; 2].map(|_| ramp.next()), [0.25, 0.0]);
    }

    #[test]
    fn no_samples_is_a_jump_and_gains_are_clamped() {
        let mut ramp = GainRamp::new(7.0);
        assert_eq!(ramp.next(), 1.0);
        ramp.to(-3.0, 0);
        assert_eq!((ramp.next(), ramp.is_settled()), (0.0, true));
        assert_eq!(GainRamp::new(f32::NAN).gain(), 0.0);
    }

    #[test]
    fn duration_in_samples() {
        assert_eq!(ramp_samples(Duration::from_millis(5)), 40);
    }
}
