//! What a call hears in a recording, with nobody who decides: the media path and the talkspurts' bookkeeping alone.
//!
//! No window runs and nothing ends, so a recording of any length is heard to its end, and the agent's side goes on as it
//! was recorded.

use std::time::Duration;

use crate::{
    assistant::Settings,
    audio::{Encoding, FRAME_MS, FRAME_SAMPLES, MulawFrame},
    call::{EchoPath, HeardSpurt, Spurt, Spurts},
    codec::mulaw,
    media::{self, MediaPath},
    model::{ItemId, ResponseId},
    time::Timestamp,
    vad::{TalkspurtConfig, Vad},
};

const FRAME: Duration = Duration::from_millis(FRAME_MS);
/// The agent's side is one item of one response.
const AGENT: (ResponseId, ItemId) = (ResponseId(0), ItemId(0));

/// A recording to be listened to, both sides 8 kHz.
#[derive(Clone, Copy, Debug)]
pub struct Listening<'a> {
    /// The caller's side.
    pub caller: &'a [i16],
    /// What was sent to the caller, on the same time line: what the echo is told by.
    pub agent: Option<&'a [i16]>,
    /// What makes a talkspurt.
    pub talkspurt: TalkspurtConfig,
}

/// What was heard. Times are those of the recording.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Per whole frame: voiced, and not our own voice. What is left at the end is no frame.
    pub frames: Vec<bool>,
    /// Talkspurts that count, with what the call makes of them without a transcript.
    pub talkspurts: Vec<Spurt>,
    /// The path by which the agent's voice comes back, as known at the end.
    pub echo: Option<EchoPath>,
}

impl Listening<'_> {
    /// Listens with this detector.
    #[must_use]
    pub fn with(&self, vad: Box<dyn Vad>) -> Heard {
        let mut media = MediaPath::new(self.talkspurt, vad, Encoding::Mulaw);
        let mut ear = Ear::default();
        media.start(Timestamp::ZERO);
        let agent = self.agent.unwrap_or_default().chunks(FRAME_SAMPLES);
        let mut agent = agent.map(Some).chain(std::iter::repeat(None));
        let (frames, _) = self.caller.as_chunks::<FRAME_SAMPLES>();
        let mut now = Timestamp::ZERO;
        for frame in frames {
            if let Some(sent) = agent.next().flatten() {
                media.agent_audio(AGENT.0, AGENT.1, &coded(sent));
                media.speak(now);
                discard_outputs(&mut media);
            }
            now += FRAME;
            media.receive(now, None, &coded(frame));
            ear.hear(&mut media);
        }
        ear.finish(&media)
    }
}

/// Follows what the media path hears.
#[derive(Default)]
struct Ear {
    heard: Heard,
    spurts: Spurts,
    settings: Settings,
    /// The open talkspurt as it was after the frame before.
    before: Option<HeardSpurt>,
}

impl Ear {
    /// One frame.
    fn hear(&mut self, media: &mut MediaPath) {
        for event in media.hear().into_iter().flatten().flatten() {
            match event {
                media::Heard::Counts(spurt) => self.spurts.begin(spurt),
                media::Heard::Ended(spurt) => self.end(spurt),
            }
        }
        self.heard.frames.push(false);
        self.mark_voiced(media.hearing().open);
    }

    /// Marks the frames that have joined the open talkspurt. A detector may find them late: then they are its last.
    fn mark_voiced(&mut self, open: Option<HeardSpurt>) {
        let before = std::mem::replace(&mut self.before, open);
        let Some(open) = open else { return };
        let known = before.filter(|before| before.id == open.id).map_or(Duration::ZERO, |before| before.voiced);
        let joined = ((open.voiced - known).as_millis() / FRAME.as_millis()) as usize;
        let end = (open.end.since(Timestamp::ZERO).as_millis() / FRAME.as_millis()) as usize;
        let end = end.min(self.heard.frames.len());
        self.heard.frames[end.saturating_sub(joined)..end].fill(true);
    }

    fn end(&mut self, spurt: HeardSpurt) {
        let ended = self.spurts.end(spurt, false, &self.settings);
        self.heard.talkspurts.extend(ended.map(|(_, spurt)| spurt));
    }

    /// A talkspurt that is open at the recording's end has ended there.
    fn finish(mut self, media: &MediaPath) -> Heard {
        let hearing = media.hearing();
        if let Some(open) = hearing.open {
            self.end(open);
        }
        self.heard.echo = hearing.echo;
        self.heard
    }
}

fn coded(samples: &[i16]) -> MulawFrame {
    let mut frame = [crate::audio::MULAW_SILENCE; FRAME_SAMPLES];
    for (code, &sample) in frame.iter_mut().zip(samples) {
        *code = mulaw::encode(sample);
    }
    frame
}

fn discard_outputs(media: &mut MediaPath) {
    while media.poll_event().is_some() {}
    while media.poll_truncation().is_some() {}
    while media.poll_outbound().is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vad::{Detector, build};

    const CALL: &[u8] = include_bytes!("../../fixtures/call-silence.caller.ulaw");

    #[test]
    fn frames_and_talkspurts_are_those_of_the_recording() {
        let caller: Vec<i16> = CALL.iter().map(|&code| mulaw::decode(code)).collect();
        let talkspurt = Settings::default().talkspurt();
        let heard = Listening { caller: &caller, agent: None, talkspurt }.with(build(Detector::Energy));
        assert_eq!(heard.frames.len(), CALL.len() / FRAME_SAMPLES);
        assert!(heard.talkspurts.len() > 1 && heard.echo.is_none());
        for spurt in &heard.talkspurts {
            let frame = |at: Timestamp| (at.as_micros() / 20_000) as usize;
            let (start, end) = (frame(spurt.heard.start), frame(spurt.heard.end));
            let voiced = heard.frames[start..end].iter().filter(|&&voiced| voiced).count();
            assert_eq!(voiced as u128, spurt.heard.voiced.as_millis() / 20);
            assert!(heard.frames[start] && heard.frames[end - 1] && !heard.frames[end]);
        }
    }
}
