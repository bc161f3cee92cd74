//! One media stream of a call: what goes out, what comes in.

use std::{borrow::Cow, collections::VecDeque, sync::Arc, time::Duration};

use tokio_tungstenite::tungstenite::Message;

use super::{
    check::{self, Fault, Outbound},
    config::{WireAct, WireFaults},
    events::StreamEnd,
    messages::{CONNECTED, Messages},
};
use crate::{
    carrier::{
        CarrierCommand, MarkId, Payload,
        twilio::{StreamSid, mark_name},
    },
    lab::{
        checks::Checks,
        socket::{Incoming, Wire},
    },
    time::Timestamp,
};

/// Messages that are read of one stream before the others have their turn.
const MOST_AT_ONCE: usize = 256;

/// A stream that is open.
pub(super) struct Stream {
    wire: Wire,
    messages: Messages,
    names: Names,
    parameters: Vec<(String, String)>,
    acts: VecDeque<(Timestamp, WireAct)>,
    warned: [bool; 2],
    /// Of what comes, and of audio that goes out.
    checks: [Checks; 2],
}

/// What one look at a stream brings.
pub(super) enum Seen {
    /// To be carried out.
    Command(CarrierCommand),
    /// The gateway set this mark: [`CarrierCommand::Mark`] with its name.
    Mark(MarkId, String),
    /// The vendor complains; the flag says whether it does so for the first time in this stream.
    Fault(Fault, bool),
    /// The stream is over.
    End(StreamEnd),
}

impl Stream {
    pub(super) fn new(
        wire: Wire,
        messages: Messages,
        parameters: Vec<(String, String)>,
        faults: &WireFaults,
        checks: Checks,
        now: Timestamp,
    ) -> Self {
        let mut acts: Vec<_> = faults.acts.iter().map(|(after, act)| (now + *after, act.clone())).collect();
        acts.sort_by_key(|(at, _)| *at);
        let (names, warned, checks) = (Names::default(), [false; 2], [checks; 2]);
        Self { wire, messages, names, parameters, acts: acts.into(), warned, checks }
    }

    pub(super) fn sid(&self) -> StreamSid {
        self.messages.stream()
    }

    /// Everything that has arrived, one thing at a time; gives up its turn after `MOST_AT_ONCE`.
    pub(super) fn read(&mut self, seen: &mut Vec<Seen>) {
        self.wire.flush();
        for _ in 0..MOST_AT_ONCE {
            let Some(incoming) = self.wire.read() else { break };
            let (end, fault) = match incoming {
                Incoming::Text(text) => match self.checked(&text) {
                    Ok(message) => {
                        seen.push(self.understood(message));
                        continue;
                    }
                    Err(fault) => (None, Some(fault)),
                },
                Incoming::Binary(bytes) => (None, Some(Fault::binary(bytes))),
                Incoming::Close(code) => (Some(StreamEnd::Closed(code)), None),
                Incoming::Gone(why) => (Some(StreamEnd::Broken(why.unwrap_or_else(|| "closed".to_owned()))), None),
            };
            if let Some(fault) = fault {
                let warned = &mut self.warned[usize::from(fault.code == 31951)];
                seen.push(Seen::Fault(fault, !std::mem::replace(warned, true)));
            }
            if let Some(end) = end {
                seen.push(Seen::End(end));
                break;
            }
        }
    }

    fn checked(&mut self, text: &str) -> Result<Outbound, Fault> {
        let sid = self.sid();
        if self.checks[0].is_due() { check::outbound(text, sid) } else { check::outbound_unchecked(text, sid) }
    }

    fn understood(&mut self, message: Outbound) -> Seen {
        match message {
            Outbound::Media(audio) => {
                let to = audio.len();
                let payload = Payload::Part { audio: Arc::from(audio), from: 0, to };
                Seen::Command(CarrierCommand::Media(payload))
            }
            Outbound::Mark(name) => Seen::Mark(self.names.id(&name), name),
            Outbound::Clear => Seen::Command(CarrierCommand::Clear),
        }
    }

    /// The first two messages. The error is why the stream is broken.
    pub(super) fn start(&mut self) -> Result<(), String> {
        self.text(CONNECTED.to_owned())?;
        let start = self.messages.start(&self.parameters);
        self.text(start)
    }

    pub(super) fn media(&mut self, timestamp_ms: u64, mulaw: &[u8]) -> Result<(), String> {
        let text = self.messages.media(timestamp_ms, mulaw);
        if self.checks[1].is_due() { self.text(text) } else { self.wire.send(Message::text(text)) }
    }

    pub(super) fn digit(&mut self, key: char) -> Result<(), String> {
        let text = self.messages.dtmf(key);
        self.text(text)
    }

    /// Echoes a mark; gives its name.
    pub(super) fn echo(&mut self, mark: MarkId) -> Result<String, String> {
        let name = self.names.name(mark).into_owned();
        let text = self.messages.mark(&name);
        self.text(text).map(|()| name)
    }

    fn text(&mut self, text: String) -> Result<(), String> {
        if let Some(complaint) = check::inbound(&text) {
            return Err(format!("a mistake of the lab's: {text} is not what the carrier sends, {complaint}"));
        }
        self.wire.send(Message::text(text))
    }

    /// Ends the stream from our side: `stop`, unless it is to be left out, and a close.
    pub(super) fn stop(mut self, faults: &WireFaults) -> Leftover {
        if !faults.no_stop {
            let text = self.messages.stop();
            // A broken connection takes no goodbye.
            let _ = self.text(text);
        }
        self.wire.close(faults.close_code.unwrap_or(1000));
        self.leave()
    }

    /// Does what is due now and the vendor would not do. The caller ends the stream after a [`WireAct::Close`], and
    /// breaks it at a [`WireAct::Reset`].
    pub(super) fn act(&mut self, now: Timestamp) -> Option<WireAct> {
        let (at, _) = self.acts.front()?;
        if *at > now {
            return None;
        }
        let (_, act) = self.acts.pop_front()?;
        match &act {
            WireAct::Binary(bytes) => drop(self.wire.send(Message::binary(bytes.clone()))),
            WireAct::Text(text) => drop(self.wire.send(Message::text(text.clone()))),
            WireAct::Close(code) => self.wire.close(*code),
            WireAct::Reset => {}
        }
        Some(act)
    }

    /// Breaks the connection without a word.
    pub(super) fn reset(self) {
        self.wire.reset();
    }

    /// Nothing more is said; the closing handshake goes on.
    pub(super) fn leave(self) -> Leftover {
        Leftover { wire: self.wire, until: None }
    }
}

/// A connection that is being closed.
pub(super) struct Leftover {
    wire: Wire,
    until: Option<Timestamp>,
}

impl Leftover {
    /// How long the other side has to close as well.
    const PATIENCE: Duration = Duration::from_secs(2);

    /// Reads and forgets; `false` when nothing is left to wait for.
    pub(super) fn goes_on(&mut self, now: Timestamp) -> bool {
        let until = *self.until.get_or_insert(now + Self::PATIENCE);
        self.wire.flush();
        for _ in 0..MOST_AT_ONCE {
            match self.wire.read() {
                None => break,
                Some(Incoming::Gone(_)) => return false,
                Some(Incoming::Text(_) | Incoming::Binary(_) | Incoming::Close(_)) => {}
            }
        }
        now < until
    }
}

/// Names of marks. Those that quietline writes are their own ids; others are kept.
#[derive(Debug, Default)]
struct Names {
    foreign: Vec<String>,
}

impl Names {
    /// Generation of ids that stand for kept names.
    const FOREIGN: u32 = u32::MAX;

    fn id(&mut self, name: &str) -> MarkId {
        match mark_name::parse(name) {
            Some(id) if id.generation != Self::FOREIGN => id,
            _ => {
                self.foreign.push(name.to_owned());
                MarkId { generation: Self::FOREIGN, number: (self.foreign.len() - 1) as u32 }
            }
        }
    }

    fn name(&self, id: MarkId) -> Cow<'_, str> {
        match self.foreign.get(id.number as usize) {
            Some(name) if id.generation == Self::FOREIGN => name.as_str().into(),
            _ => mark_name::MarkName(id).to_string().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_comes_back_as_it_was() {
        let mut names = Names::default();
        for name in ["q:0:1", "item_abc:400", "", "q:4294967295:0", "q:4294967295:1", "item_abc:400"] {
            let id = names.id(name);
            assert_eq!(names.name(id), name);
        }
    }
}
