use super::{
    END, End, Ending, FORMAT, HEADER, Header, MAGIC, OutputLog, RECORD_HEAD, STEP,
    bytes::{micros, put_number},
    input::{TICK, TIMEOUT, put_input},
    seal,
};
use crate::{
    call::CallRecord,
    session::{Input, Output},
    time::Timestamp,
};

/// Room for what a call brings between two looks of its driver, so that it seldom grows.
const ROOM: usize = 16 << 10;

/// Writes a call down while it happens. What it has written is taken by the driver, whenever it likes.
#[derive(Debug)]
pub struct Recorder {
    /// Whole records, and the step at hand.
    out: Vec<u8>,
    /// Where the step at hand begins.
    step: Option<usize>,
    /// Time of the latest step.
    last: Timestamp,
    outputs: OutputLog,
    /// Outputs and steps when it was last taken.
    taken: (OutputLog, u64),
    /// Outputs that are still to come of a session's making.
    skip: usize,
    steps: u64,
    lost: u64,
    stopped: bool,
}

impl Recorder {
    /// For a session of which nothing was asked yet.
    #[must_use]
    pub fn new(header: &Header) -> Self {
        let mut out = Vec::with_capacity(ROOM);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&FORMAT.to_le_bytes());
        let start = begin(&mut out, HEADER);
        header.put(&mut out);
        seal(&mut out, start);
        Self {
            out,
            step: None,
            last: Timestamp::ZERO,
            outputs: OutputLog::default(),
            taken: (OutputLog::default(), 0),
            skip: 0,
            steps: 0,
            lost: 0,
            stopped: false,
        }
    }

    /// What has been written since the last time: whole records. The driver has drained the session.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        self.end_step();
        self.taken = (self.outputs.clone(), self.steps);
        std::mem::replace(&mut self.out, Vec::with_capacity(ROOM))
    }

    /// How many bytes [`Recorder::take`] would give.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.out.len()
    }

    /// There is no room for more: what waits is thrown away, and as nothing that follows could be replayed without it,
    /// steps are only counted from now on.
    pub fn stop(&mut self) {
        self.end_step();
        self.out.clear();
        let (outputs, steps) = self.taken.clone();
        self.lost += self.steps - steps;
        (self.outputs, self.steps, self.stopped) = (outputs, steps, true);
    }

    /// Steps that are only counted.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// The call is over: its last record, with all that was not taken yet.
    #[must_use]
    pub fn finish(mut self, record: &CallRecord) -> Vec<u8> {
        self.end_step();
        let end =
            End { steps: self.steps, lost_steps: self.lost, sha256: self.outputs.sha256(), ending: Ending::of(record) };
        let start = begin(&mut self.out, END);
        let json = serde_json::to_vec(&end);
        // Numbers and texts only: there is nothing in it that JSON cannot say.
        debug_assert!(json.is_ok());
        self.out.extend(json.unwrap_or_default());
        seal(&mut self.out, start);
        self.out
    }

    /// These outputs are not of the steps to come.
    pub(in crate::session) const fn skip(&mut self, outputs: usize) {
        self.skip = outputs;
    }

    /// An input is given to the session.
    pub(in crate::session) fn input(&mut self, now: Timestamp, input: &Input<'_>) {
        self.step(now, |out| put_input(out, input));
    }

    /// The session ticks.
    pub(in crate::session) fn tick(&mut self, now: Timestamp) {
        self.step(now, |out| out.push(TICK));
    }

    /// The session looks at what is due.
    pub(in crate::session) fn timeout(&mut self, now: Timestamp) {
        self.step(now, |out| out.push(TIMEOUT));
    }

    /// This came of it.
    pub(in crate::session) fn output(&mut self, output: &Output<'_>) {
        if self.skip > 0 {
            self.skip -= 1;
        } else if self.step.is_some() {
            self.outputs.push(&mut self.out, output);
        }
    }

    fn step(&mut self, now: Timestamp, put: impl FnOnce(&mut Vec<u8>)) {
        if self.stopped {
            self.lost += 1;
            return;
        }
        self.end_step();
        let start = begin(&mut self.out, STEP);
        put_number(&mut self.out, micros(now.since(self.last)));
        put(&mut self.out);
        self.last = self.last.max(now);
        self.step = Some(start);
        self.steps += 1;
    }

    fn end_step(&mut self) {
        if let Some(start) = self.step.take() {
            self.outputs.end_step(&mut self.out);
            seal(&mut self.out, start);
        }
    }
}

/// Room for a record's head, and its kind.
fn begin(out: &mut Vec<u8>, kind: u8) -> usize {
    let start = out.len();
    out.extend([0; RECORD_HEAD]);
    out.push(kind);
    start
}
