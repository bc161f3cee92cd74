use super::{Change, LedgerLine, compare::differing_deed, line::Line};
use crate::{
    assistant::{Settings, SettingsError},
    call::{CallRecord, Cause, LedgerEntry},
    carrier::{CallAnswer, CallStatus, CarrierEvent},
    session::{
        Input, Output, Session, SessionConfig,
        capture::{Capture, Ending, OutputLog, Step, Told, What, told},
    },
    time::Timestamp,
    vad::{self, Detector},
};

/// A capture to be played, as it was or with something changed.
#[derive(Clone, Debug)]
pub struct Play<'a> {
    capture: &'a Capture<'a>,
    config: SessionConfig,
    detector: Detector,
}

/// The capture cannot be played.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlayError {
    /// Its detector is not known here.
    #[error("the detector of this capture is not one of this program: {0}; choose one with --set detector=NAME")]
    Detector(String),
    /// What was changed does not go with what was not.
    #[error("these settings do not go together: {0}")]
    Settings(#[from] SettingsError),
}

/// Where session and capture do not do the same any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parting {
    /// When.
    pub at: Timestamp,
    /// What was done then, in words.
    pub captured: String,
    /// What is done now.
    pub now: String,
}

/// What came of a replay.
#[derive(Clone, Debug)]
pub struct Played {
    /// The ledger.
    pub ledger: Vec<LedgerEntry>,
    /// The ledger of the capture.
    pub captured_ledger: Vec<LedgerLine>,
    /// The record, as far as the capture goes.
    pub record: CallRecord,
    /// The call is over.
    pub is_over: bool,
    /// Where session and capture part; `None`: they did not.
    pub parting: Option<Parting>,
    /// Every output is the same, byte for byte, as far as the capture goes. Without the capture's end, which sums up
    /// what it does not hold itself, that is every line, and every checksum of audio.
    pub is_same: bool,
    /// The silence deadline at the end.
    pub deadline: Option<Timestamp>,
    /// The capture's last step.
    pub length: Timestamp,
}

impl<'a> Play<'a> {
    /// As it was but for `change`.
    ///
    /// # Errors
    ///
    /// If the capture's detector is not known and no other one is chosen, or if the changed settings contradict the others.
    pub fn new(capture: &'a Capture<'a>, change: &Change) -> Result<Self, PlayError> {
        let header = &capture.header;
        let mut settings = header.settings.clone();
        if change.apply(&mut settings) {
            settings.check()?;
        }
        let detector = match change.detector() {
            Some(detector) => detector,
            None => header.detector.parse().map_err(PlayError::Detector)?,
        };
        let config = SessionConfig { settings, model: header.model, encoding: header.encoding };
        Ok(Self { capture, config, detector })
    }

    /// The settings it is played with.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.config.settings
    }

    /// Plays it.
    #[must_use]
    pub fn run(self) -> Played {
        let mut session = Session::new(self.config, vad::build(self.detector), Timestamp::ZERO);
        // What a session asks for at once is not captured.
        while session.poll_output().is_some() {}
        let mut run = Run {
            session,
            line: Line::default(),
            outputs: OutputLog::default(),
            bytes: Vec::new(),
            ledger: Vec::new(),
            parting: None,
            is_same: true,
            we_closed: false,
        };
        for step in &self.capture.steps {
            if run.parting.is_some() && run.session.is_over() {
                break;
            }
            run.step(step);
        }
        if let Some(end) = &self.capture.end {
            run.is_same &= end.sha256 == run.outputs.sha256();
        }
        Played {
            deadline: run.ledger.last().and_then(|entry| entry.deadline),
            record: *run.session.record(),
            is_over: run.session.is_over(),
            captured_ledger: LedgerLine::of_steps(&self.capture.steps),
            ledger: run.ledger,
            parting: run.parting,
            is_same: run.is_same,
            length: self.capture.length(),
        }
    }
}

impl Played {
    /// How the call ended, as far as the capture goes.
    #[must_use]
    pub fn ending(&self) -> Ending {
        Ending::of(&self.record)
    }

    /// When the call's first ending began, even if it was taken back.
    #[must_use]
    pub fn first_ending(&self) -> Option<Timestamp> {
        let first = self.ledger.iter().find(|entry| matches!(entry.cause, Cause::EndingBegan(_)));
        first.map(|entry| entry.at)
    }

    /// Nothing had to be supposed for the ending: it began at the parting at the latest, or there is none.
    #[must_use]
    pub fn is_known(&self) -> bool {
        let Some(parting) = &self.parting else { return true };
        self.record.ending_begun_at.is_some_and(|begun| begun <= parting.at)
    }

    /// The ledger as it compares with the capture's.
    #[must_use]
    pub fn ledger_lines(&self) -> Vec<LedgerLine> {
        self.ledger.iter().map(LedgerLine::from).collect()
    }
}

/// A replay under way.
struct Run {
    session: Session,
    line: Line,
    outputs: OutputLog,
    /// Outputs of the step at hand, as a capture has them.
    bytes: Vec<u8>,
    ledger: Vec<LedgerEntry>,
    parting: Option<Parting>,
    is_same: bool,
    /// In the capture, by now, we have asked for the line's end.
    we_closed: bool,
}

impl Run {
    fn step(&mut self, step: &Step<'_>) {
        let at = step.at;
        self.bytes.clear();
        if self.parting.is_some() {
            while let Some(event) = self.line.poll(at) {
                self.session.handle_input(at, Input::Carrier(event));
                self.drain(at);
            }
        }
        match &step.what {
            What::Tick => self.session.tick(at),
            What::Timeout => self.session.handle_timeout(at),
            What::Input(input) => {
                if let Input::Carrier(event) = input {
                    self.line.came(event);
                }
                if self.parting.is_none() || self.still_happens(input) {
                    self.session.handle_input(at, input.clone());
                }
            }
        }
        self.drain(at);
        self.outputs.end_step(&mut self.bytes);
        self.is_same &= self.bytes == step.outputs;
        if self.parting.is_none()
            && !self.is_same
            && let Some((captured, now)) = differing_deed(step.outputs, &self.bytes)
        {
            self.parting = Some(Parting { at, captured, now });
        }
        self.we_closed |= told(step.outputs).any(|output| matches!(output, Told::CarrierRequest { ends: true, .. }));
    }

    /// Whether an input of the capture is one of the session's, too, once they have parted.
    fn still_happens(&self, input: &Input<'_>) -> bool {
        match input {
            Input::Carrier(event) => match event {
                CarrierEvent::Started
                | CarrierEvent::Media { .. }
                | CarrierEvent::Digit(_)
                | CarrierEvent::Reopened { .. } => true,
                CarrierEvent::Mark(_) => false,
                CarrierEvent::Stopped
                | CarrierEvent::Closed { .. }
                | CarrierEvent::Answer(CallAnswer::Status(CallStatus::Ended)) => !self.we_closed,
                CarrierEvent::Answer(_) => false,
            },
            Input::Model(_) | Input::ToolDone { .. } | Input::Rendered { .. } | Input::Operator | Input::Drain => true,
        }
    }

    fn drain(&mut self, at: Timestamp) {
        while let Some(output) = self.session.poll_output() {
            self.outputs.push(&mut self.bytes, &output);
            match output {
                Output::Carrier(command) => self.line.command(at, &command),
                Output::Ledger(entry) => self.ledger.push(entry),
                Output::Model(_) | Output::RunTool(_) => {}
            }
        }
    }
}
