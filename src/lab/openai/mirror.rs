//! A model that says each append back at once, within one long response: for measuring the way through a gateway.
//!
//! It hears no turns and thinks nothing. What is asked for with `response.create` is answered first, with hardly
//! anything; appends are not said back meanwhile, nor after they were cut off until the next one comes.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    sync::{Arc, OnceLock},
    time::Duration,
};

use serde_json::Value;

use super::{
    input::Format,
    log::Tone,
    response::Step,
    session::{Out, Session},
};
use crate::{
    lab::{checks::Checks, tone::Ear},
    model::ResponseStatus,
    time::Timestamp,
};

/// A response begins with so much silence. As the audio of a real model it runs ahead of what is heard, so a hole in it
/// is the gateway's and not the next append's, which comes no sooner than it was said.
const AHEAD_MS: u64 = 100;

/// When mirrors say nothing back any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silent {
    /// The first one.
    pub(super) from: Timestamp,
    /// Each further one, after the one before.
    pub(super) apart: Duration,
}

/// A session's mirror.
#[derive(Debug)]
pub(super) struct Mirror {
    ear: Ear,
    /// Of deltas, against the schema.
    checks: Checks,
    number: usize,
    silent: Arc<OnceLock<Silent>>,
    appended: u64,
    /// The number of its response.
    response: Option<u32>,
}

impl Mirror {
    /// Of the connection of this number.
    pub(super) fn new(number: usize, checks: Checks, silent: Arc<OnceLock<Silent>>) -> Self {
        Self { ear: Ear::default(), checks, number, silent, appended: 0, response: None }
    }

    fn is_silent(&self, now: Timestamp) -> bool {
        self.silent.get().is_some_and(|Silent { from, apart }| now >= *from + *apart * self.number as u32)
    }

    fn hears(&mut self, now: Timestamp, bytes: &[u8], format: Format) -> bool {
        self.appended += bytes.len() as u64;
        match format {
            Format::Pcm24k => self.ear.begins_in_pcm(now, bytes),
            Format::Mulaw | Format::Alaw => self.ear.begins(now, bytes),
        }
    }
}

impl Session {
    /// Caller audio came, as base64 and as bytes.
    pub(super) fn mirror(&mut self, now: Timestamp, audio: &str, bytes: &[u8]) {
        let format = self.settings.input_format();
        let Some(mirror) = &mut self.mirror else { return };
        let begins = mirror.hears(now, bytes, format);
        let appended_ms = mirror.appended / format.bytes_per_ms();
        let response = self.says_back(now);
        {
            let mut report = self.log.report();
            report.appends += 1;
            report.appended_ms = appended_ms;
            report.began = self.began;
            if begins {
                report.tones.push(Tone { came: now, sent: response.map(|_| now) });
            }
        }
        if let Some(at) = response {
            self.delta_back(at, audio, bytes, bytes.len() as u64 / format.bytes_per_ms());
        }
    }

    /// The place of the response in which it is said back; begins or ends it as need be.
    fn says_back(&mut self, now: Timestamp) -> Option<usize> {
        let mirror = self.mirror.as_ref()?;
        let (silent, own) = (mirror.is_silent(now), mirror.response);
        let active = self.responses.iter().position(|response| response.wanted.in_conversation);
        match active {
            Some(at) if Some(self.responses[at].number) != own => None,
            Some(at) if silent => {
                self.responses[at].steps.push_front((now, Step::Done));
                self.advance_responses(now);
                None
            }
            Some(at) => Some(at),
            None if silent => None,
            None => self.begin_mirror(now),
        }
    }

    fn begin_mirror(&mut self, now: Timestamp) -> Option<usize> {
        let wanted = self.wanted(&Value::Null);
        if wanted.format != self.settings.input_format() {
            self.log.violation("a mirror needs the same format both ways".to_owned());
            return None;
        }
        let ahead = wanted.format.silence(AHEAD_MS);
        let steps = [(now, Step::OpenMessage), (now, Step::Audio { bytes: ahead, ms: AHEAD_MS })];
        let mut steps = VecDeque::from(steps);
        steps.push_back((Timestamp::NEVER, Step::Done));
        let number = self.begun as u32;
        self.begin_steps(now, steps, wanted, ResponseStatus::Completed, None);
        self.advance_responses(now);
        self.mirror.as_mut()?.response = Some(number);
        self.responses.iter().position(|response| response.number == number)
    }

    fn delta_back(&mut self, at: usize, audio: &str, bytes: &[u8], ms: u64) {
        if self.mirror.as_mut().is_some_and(|mirror| mirror.checks.is_due()) {
            let mut response = self.responses.remove(at);
            self.audio_delta(&mut response, bytes, ms);
            self.responses.insert(at, response);
            return;
        }
        let event = self.id("event");
        let response = &mut self.responses[at];
        let Some(open) = &mut response.open else { return };
        open.audio_ms += ms;
        response.audio_ms += ms;
        self.log.report().deltas += 1;
        if let Some(item) = self.items.get_mut(&open.item) {
            item.audio_ms += ms;
        }
        let (id, item, index) = (&response.id, &open.item, response.output.len());
        let mut text = String::with_capacity(220 + audio.len());
        // Writing to a string cannot fail. Base64 needs no escapes.
        let _ = write!(
            text,
            r#"{{"type":"response.output_audio.delta","event_id":"{event}","response_id":"{id}","item_id":"{item}","output_index":{index},"content_index":0,"delta":"{audio}"}}"#
        );
        self.out.push_back(Out { text, is_delta: true });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::sync::Notify;

    use super::*;
    use crate::lab::openai::{Brief, Faults, check, log::Log};

    fn session(every: u32) -> (Session, Arc<OnceLock<Silent>>) {
        let log = Log::new(0, "gpt-realtime", Timestamp::ZERO, Arc::new(Notify::new()));
        let mut session =
            Session::new(Box::new(Brief), "gpt-realtime", Faults::default(), Arc::default(), 1, log, 1_795_000_000_000);
        let silent = Arc::new(OnceLock::new());
        session.checks = Checks::every(every);
        session.mirror = Some(Mirror::new(2, Checks::every(every), Arc::clone(&silent)));
        session.open();
        (session, silent)
    }

    fn sent(session: &mut Session) -> Vec<Value> {
        std::iter::from_fn(|| session.take()).map(|out| serde_json::from_str(&out.text).expect("JSON")).collect()
    }

    fn append(session: &mut Session, ms: u64, audio: &[u8]) -> Vec<Value> {
        let audio = base64_simd::STANDARD.encode_to_string(audio);
        let event = json!({"type": "input_audio_buffer.append", "audio": audio});
        session.text(Timestamp::from_millis(ms), &event.to_string());
        sent(session)
    }

    fn deltas(events: &[Value]) -> Vec<&Value> {
        events.iter().filter(|event| event["type"] == "response.output_audio.delta").collect()
    }

    #[test]
    fn each_append_comes_back_as_it_is_in_events_that_the_schema_allows() {
        for every in [1, 1_000] {
            let (mut session, _) = session(every);
            let first = append(&mut session, 20, &[1, 0].repeat(480));
            assert_eq!(deltas(&first).len(), 2, "what runs ahead, and the append");
            for ms in 2..20 {
                let events = append(&mut session, ms * 20, &[2, 0].repeat(480));
                let [delta] = deltas(&events)[..] else { panic!("{events:?}") };
                assert_eq!(check::server(delta), None, "{delta}");
                assert_eq!(delta["delta"], base64_simd::STANDARD.encode_to_string([2, 0].repeat(480)));
            }
            let report = session.log.report().clone();
            assert_eq!((report.appended_ms, report.deltas, report.violations), (380, 20, Vec::new()));
        }
    }

    #[test]
    fn tones_are_noted_when_they_come_and_when_they_go_back() {
        let (mut session, silent) = session(1);
        let at = Timestamp::from_millis;
        append(&mut session, 20, &[0; 960]);
        append(&mut session, 40, &8_000_i16.to_le_bytes().repeat(480));
        append(&mut session, 60, &8_000_i16.to_le_bytes().repeat(480));
        silent.set(Silent { from: at(80), apart: Duration::from_millis(10) }).expect("the first time");
        assert_eq!(deltas(&append(&mut session, 99, &[0; 960])).len(), 1, "two come before it");
        let ended = append(&mut session, 1_000, &8_000_i16.to_le_bytes().repeat(480));
        assert!(ended.iter().any(|event| event["type"] == "response.done"), "{ended:?}");
        assert!(deltas(&ended).is_empty());
        let tones = [Tone { came: at(40), sent: Some(at(40)) }, Tone { came: at(1_000), sent: None }];
        assert_eq!(session.log.report().tones, tones);
    }

    #[test]
    fn what_was_asked_for_comes_first() {
        let (mut session, _) = session(1);
        session.text(Timestamp::ZERO, r#"{"type": "response.create"}"#);
        assert!(deltas(&append(&mut session, 20, &[0; 960])).is_empty());
        let over = Timestamp::ZERO + Duration::from_secs(5);
        session.advance(over);
        sent(&mut session);
        assert_eq!(deltas(&append(&mut session, 5_020, &[0; 960])).len(), 2);
    }
}
