use std::time::Duration;

use dasp::Signal;

use super::{GainRamp, limit, ramp_samples};
use crate::audio::{FRAME_MS, Frame, to_float, to_pcm};

/// Gain of the agent under an announcement: −12 dB.
pub const DUCK_GAIN: f32 = 0.251_188_64;
/// How long the agent takes to go down to [`DUCK_GAIN`] and up again.
pub const DUCK_RAMP: Duration = Duration::from_millis(60);
/// How long the agent takes to fall silent: one frame, its last.
pub const AGENT_FADE: Duration = Duration::from_millis(FRAME_MS);
/// How long an announcement takes to full level and back to silence; the same for an agent that resumes.
pub const ANNOUNCEMENT_FADE: Duration = Duration::from_millis(5);

/// Sums the agent and an announcement, each with its own gain. Starts with both at full level.
///
/// A frame of one source whose gain is 1 comes out bit-identical. Only the sum of two goes through the limiter, so a
/// lone full-scale source is never bent. Ramps go on in time whether or not their source has a frame.
#[derive(Clone, Debug)]
pub struct Mixer {
    agent: GainRamp,
    announcement: GainRamp,
}

impl Default for Mixer {
    fn default() -> Self {
        Self { agent: GainRamp::new(1.0), announcement: GainRamp::new(1.0) }
    }
}

impl Mixer {
    /// Mixes 20 ms; no source gives silence. Allocates nothing.
    pub fn mix(&mut self, agent: Option<&Frame>, announcement: Option<&Frame>, out: &mut Frame) {
        match (agent, announcement) {
            (Some(agent), Some(announcement)) => {
                for (out, (&agent, &announcement)) in out.iter_mut().zip(agent.iter().zip(announcement)) {
                    let agent = to_float(agent) * self.agent.next();
                    *out = limit(agent + to_float(announcement) * self.announcement.next());
                }
            }
            (Some(agent), None) => {
                scale(agent, &mut self.agent, out);
                pass(&mut self.announcement);
            }
            (None, Some(announcement)) => {
                scale(announcement, &mut self.announcement, out);
                pass(&mut self.agent);
            }
            (None, None) => {
                out.fill(0);
                pass(&mut self.agent);
                pass(&mut self.announcement);
            }
        }
    }

    /// Lowers the agent to [`DUCK_GAIN`] within [`DUCK_RAMP`].
    pub fn duck_agent(&mut self) {
        self.agent.to(DUCK_GAIN, ramp_samples(DUCK_RAMP));
    }

    /// Raises the agent to full level within [`DUCK_RAMP`].
    pub fn unduck_agent(&mut self) {
        self.agent.to(1.0, ramp_samples(DUCK_RAMP));
    }

    /// Silences the agent within its next frame ([`AGENT_FADE`]).
    pub fn fade_out_agent(&mut self) {
        self.agent.to(0.0, ramp_samples(AGENT_FADE));
    }

    /// Brings the agent to full level within [`ANNOUNCEMENT_FADE`]: it resumes in mid-word.
    pub fn fade_in_agent(&mut self) {
        self.agent.to(1.0, ramp_samples(ANNOUNCEMENT_FADE));
    }

    /// Starts the announcement from silence; full level after [`ANNOUNCEMENT_FADE`].
    pub fn fade_in_announcement(&mut self) {
        self.announcement.set(0.0);
        self.announcement.to(1.0, ramp_samples(ANNOUNCEMENT_FADE));
    }

    /// Silences the announcement within [`ANNOUNCEMENT_FADE`].
    pub fn fade_out_announcement(&mut self) {
        self.announcement.to(0.0, ramp_samples(ANNOUNCEMENT_FADE));
    }

    /// Both at full level at once, as for a new call.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Gain of the agent's last sample, 0 to 1.
    #[must_use]
    pub fn agent_gain(&self) -> f32 {
        self.agent.gain()
    }

    /// Gain of the announcement's last sample, 0 to 1.
    #[must_use]
    pub fn announcement_gain(&self) -> f32 {
        self.announcement.gain()
    }
}

/// No limiter: with a gain of at most 1 nothing leaves full scale.
fn scale(source: &Frame, gain: &mut GainRamp, out: &mut Frame) {
    if gain.is_settled() && gain.gain() >= 1.0 {
        return out.copy_from_slice(source);
    }
    for (out, &sample) in out.iter_mut().zip(source) {
        *out = to_pcm(to_float(sample) * gain.next());
    }
}

/// A frame goes by without its source.
fn pass(gain: &mut GainRamp) {
    for _ in 0..size_of::<Frame>() / size_of::<i16>() {
        gain.next();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audio::FRAME_SAMPLES;

    /// A step of −20 dBFS between neighbouring samples.
    const STEP: i32 = 3_277;

    fn sine(hz: f64, amplitude: f64) -> Frame {
        std::array::from_fn(|i| (amplitude * (std::f64::consts::TAU * hz * i as f64 / 8_000.0).cos()).round() as i16)
    }

    fn steps(signal: &[i16]) -> Vec<i32> {
        signal.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).collect()
    }

    #[test]
    fn one_source_at_full_level_is_bit_identical() {
        let source: Frame = std::array::from_fn(|i| if i % 2 == 0 { i16::MIN } else { i16::MAX - i as i16 });
        let (mut mixer, mut out) = (Mixer::default(), [7; FRAME_SAMPLES]);
        mixer.mix(Some(&source), None, &mut out);
        assert_eq!(out, source);
        mixer.mix(None, Some(&source), &mut out);
        assert_eq!(out, source);
        mixer.mix(None, None, &mut out);
        assert_eq!(out, [0; FRAME_SAMPLES]);
    }

    #[test]
    fn ducks_by_twelve_decibels_and_back() {
        let (mut mixer, mut out) = (Mixer::default(), [0; FRAME_SAMPLES]);
        let source = [16_000; FRAME_SAMPLES];
        mixer.duck_agent();
        (0..4).for_each(|_| mixer.mix(Some(&source), None, &mut out));
        assert_eq!(out, [4_019; FRAME_SAMPLES]);
        mixer.unduck_agent();
        (0..4).for_each(|_| mixer.mix(Some(&source), None, &mut out));
        assert_eq!(out, source);
    }

    #[test]
    fn ramps_go_on_without_a_source() {
        let (mut mixer, mut out) = (Mixer::default(), [0; FRAME_SAMPLES]);
        mixer.fade_out_agent();
        mixer.fade_in_announcement();
        mixer.mix(None, None, &mut out);
        assert_eq!((mixer.agent_gain(), mixer.announcement_gain()), (0.0, 1.0));
        mixer.fade_out_announcement();
        mixer.fade_in_agent();
        mixer.mix(None, None, &mut out);
        assert_eq!((mixer.agent_gain(), mixer.announcement_gain()), (1.0, 0.0));
        mixer.duck_agent();
        mixer.reset();
        assert_eq!((mixer.agent_gain(), mixer.announcement_gain()), (1.0, 1.0));
    }

    /// The agent at −20 dBFS (peak 4634 of a sine, at its crest) stops; an announcement starts at its crest.
    #[test]
    fn crossfade_adds_no_audible_step() {
        let (agent, announcement) = (sine(500.0, 4_634.0), sine(700.0, 4_634.0));
        let (mut mixer, mut out, mut all) = (Mixer::default(), [0; FRAME_SAMPLES], Vec::new());
        mixer.mix(Some(&agent), None, &mut out);
        all.extend_from_slice(&out);
        mixer.fade_out_agent();
        mixer.fade_in_announcement();
        mixer.mix(Some(&agent), Some(&announcement), &mut out);
        all.extend_from_slice(&out);
        mixer.mix(None, Some(&announcement), &mut out);
        all.extend_from_slice(&out);

        let (worst_agent, worst_announcement) = (steps(&agent), steps(&announcement));
        let sources = worst_agent.iter().max().unwrap() + worst_announcement.iter().max().unwrap();
        let excess = steps(&all).into_iter().max().unwrap() - sources;
        assert!(excess <= 0, "the steps of both sources together cover the ramps' own, {excess}");
        // The joints themselves: frame to frame.
        for joint in [FRAME_SAMPLES, 2 * FRAME_SAMPLES] {
            assert!(steps(&all[joint - 1..=joint])[0] <= STEP);
        }
    }

    /// Steady sources have no steps of their own: what remains is what the ramps add.
    #[test]
    fn ramps_add_steps_far_below_minus_twenty_dbfs() {
        let level = [3_277; FRAME_SAMPLES];
        let (mut mixer, mut out) = (Mixer::default(), [0; FRAME_SAMPLES]);
        mixer.fade_out_agent();
        mixer.fade_in_announcement();
        mixer.mix(Some(&level), Some(&level), &mut out);
        assert!(out[0].abs_diff(3_277) <= 100 && steps(&out).into_iter().max().unwrap() <= 100);
    }

    /// The limiter comes in at a joint even under a full-scale agent without a step above −20 dBFS.
    #[test]
    fn limiter_comes_in_without_a_step() {
        let agent = [i16::MAX; FRAME_SAMPLES];
        let (mut mixer, mut out) = (Mixer::default(), [0; FRAME_SAMPLES]);
        mixer.mix(Some(&agent), None, &mut out);
        let before = out[FRAME_SAMPLES - 1];
        mixer.fade_in_announcement();
        mixer.mix(Some(&agent), Some(&[0; FRAME_SAMPLES]), &mut out);
        assert!(i32::from(before.abs_diff(out[0])) <= STEP);
    }

    proptest! {
        #[test]
        fn sums_never_wrap(
            agent in proptest::array::uniform32(any::<i16>()),
            announcement in proptest::array::uniform32(any::<i16>()),
        ) {
            let spread = |source: [i16; 32]| -> Frame { std::array::from_fn(|i| source[i % 32]) };
            let (agent, announcement, mut out) = (spread(agent), spread(announcement), [0; FRAME_SAMPLES]);
            Mixer::default().mix(Some(&agent), Some(&announcement), &mut out);
            let mut pairs: Vec<(i64, i16)> = agent
                .iter().zip(&announcement).zip(&out)
                .map(|((&a, &b), &sum)| (i64::from(a) + i64::from(b), sum)).collect();
            for &(exact, sum) in &pairs {
                let saturated = exact.clamp(-32_768, 32_767);
                prop_assert!((saturated - i64::from(sum)).abs() <= 2_400, "{} became {}", exact, sum);
                prop_assert!(exact.abs() > 23_197 || exact == i64::from(sum));
            }
            pairs.sort_unstable();
            prop_assert!(pairs.is_sorted_by_key(|&(_, sum)| sum), "monotone");
        }
    }
}
