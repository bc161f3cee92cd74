use super::{
    END, End, FORMAT, HEADER, Header, MAGIC, MAX_RECORD, RECORD_HEAD, STEP, What,
    bytes::{Bytes, Malformed},
    output::is_told,
};
use crate::time::Timestamp;

/// A step of a call, as it was written down.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    /// When, call time.
    pub at: Timestamp,
    /// What the session was called with.
    pub what: What<'a>,
    /// What came of it: see [`told`](super::told). Empty if nothing did.
    pub outputs: &'a [u8],
}

/// How much of a call a capture holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// All of it.
    Complete,
    /// So many steps at its end could not be kept while the call went on.
    Overflowed(u64),
    /// It ends before the call did: the program or the machine went down, or the call still goes on.
    CutOff,
    /// From this byte on it is not what was written: another program or a broken disk had its hands in it.
    Damaged(usize),
}

/// Why a file is no capture that this program can read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// Another kind of file: whoever named it meant another one.
    #[error("this is no capture of a call: it does not begin as one; `quietline serve` writes them, see [capture]")]
    Foreign,
    /// Written by a program that writes otherwise.
    #[error(
        "this capture has format version {found}, and this program reads version {FORMAT}: use the quietline that wrote \
         it, or a newer one"
    )]
    Version {
        /// The version that was found.
        found: u32,
    },
    /// It ends before its header does.
    #[error("this capture was cut off before its first step: nothing in it can be used")]
    Empty,
    /// The header cannot be used.
    #[error("the header of this capture cannot be used: {0}; it is damaged, or a newer quietline wrote it")]
    Header(String),
}

/// A capture that was read: as much of it as is whole.
#[derive(Clone, Debug)]
pub struct Capture<'a> {
    /// What the session was made of.
    pub header: Header,
    /// The steps, in order.
    pub steps: Vec<Step<'a>>,
    /// What was written when the call was over.
    pub end: Option<End>,
    /// How much of the call this is.
    pub state: State,
}

impl<'a> Capture<'a> {
    /// Reads a file's content. Takes memory in proportion to it, whatever is in it.
    ///
    /// # Errors
    ///
    /// If there is no header that this program can use. What comes after it may be cut off or damaged:
    /// [`Capture::state`] tells, and the whole records before are there.
    pub fn read(bytes: &'a [u8]) -> Result<Self, CaptureError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(CaptureError::Foreign)?;
        let (version, rest) = rest.split_first_chunk().ok_or(CaptureError::Empty)?;
        let found = u32::from_le_bytes(*version);
        if found != FORMAT {
            return Err(CaptureError::Version { found });
        }
        let mut records = Records { rest };
        let header = match records.next() {
            Next::Record(HEADER, json) => Header::take(json).map_err(CaptureError::Header)?,
            Next::Record(..) | Next::Damaged => {
                return Err(CaptureError::Header("it is not where it should be".into()));
            }
            Next::CutOff | Next::Nothing => return Err(CaptureError::Empty),
        };
        let mut capture = Self { header, steps: Vec::new(), end: None, state: State::CutOff };
        let mut at = Timestamp::ZERO;
        loop {
            let place = bytes.len() - records.rest.len();
            let damaged = State::Damaged(place);
            let record = records.next();
            if capture.end.is_some() {
                if !matches!(record, Next::Nothing) {
                    capture.state = damaged;
                }
                return Ok(capture);
            }
            capture.state = match record {
                Next::Record(STEP, content) => match step(content, at) {
                    Ok(step) => {
                        at = step.at;
                        capture.steps.push(step);
                        continue;
                    }
                    Err(Malformed) => damaged,
                },
                Next::Record(END, json) => match serde_json::from_slice::<End>(json) {
                    Ok(end) if end.steps == capture.steps.len() as u64 => {
                        capture.state =
                            if end.lost_steps == 0 { State::Complete } else { State::Overflowed(end.lost_steps) };
                        capture.end = Some(end);
                        continue;
                    }
                    Ok(_) | Err(_) => damaged,
                },
                Next::Record(..) | Next::Damaged => damaged,
                Next::CutOff | Next::Nothing => State::CutOff,
            };
            return Ok(capture);
        }
    }

    /// Time of the last step.
    #[must_use]
    pub fn length(&self) -> Timestamp {
        self.steps.last().map_or(Timestamp::ZERO, |step| step.at)
    }
}

fn step(content: &[u8], last: Timestamp) -> Result<Step<'_>, Malformed> {
    let mut bytes = Bytes(content);
    let later = bytes.number()?;
    let at = Timestamp::from_micros(last.as_micros().checked_add(later).ok_or(Malformed)?);
    let what = What::take(&mut bytes)?;
    let outputs = bytes.0;
    // `told` relies on it.
    if !is_told(outputs) {
        return Err(Malformed);
    }
    Ok(Step { at, what, outputs })
}

struct Records<'a> {
    rest: &'a [u8],
}

enum Next<'a> {
    /// Kind, and the content behind it.
    Record(u8, &'a [u8]),
    Nothing,
    CutOff,
    Damaged,
}

impl<'a> Records<'a> {
    fn next(&mut self) -> Next<'a> {
        if self.rest.is_empty() {
            return Next::Nothing;
        }
        let Some((head, rest)) = self.rest.split_first_chunk::<RECORD_HEAD>() else { return Next::CutOff };
        let [l0, l1, l2, l3, s0, s1, s2, s3] = *head;
        let (length, sum) = (u32::from_le_bytes([l0, l1, l2, l3]), u32::from_le_bytes([s0, s1, s2, s3]));
        let length = length as usize;
        if length == 0 || length > MAX_RECORD {
            return Next::Damaged;
        }
        let Some((content, rest)) = rest.split_at_checked(length) else { return Next::CutOff };
        if crc32fast::hash(content) != sum {
            return Next::Damaged;
        }
        self.rest = rest;
        Next::Record(content[0], &content[1..])
    }
}
