use serde::{Deserialize, Serialize};

use crate::{
    call::{CallRecord, Party, Reason},
    time::Timestamp,
};

/// How a call ended, in the words of its record: also of one that another version of the rules decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ending {
    /// Why: [`Reason::name`]. `None`: nothing ended it.
    pub reason: Option<String>,
    /// Who closed the line: [`Party::name`].
    pub ended_by: Option<String>,
    /// When the ending was begun, microseconds of call time.
    pub begun_us: Option<u64>,
    /// The silence deadline at which it was begun.
    pub deadline_us: Option<u64>,
    /// First frame of the farewell.
    pub goodbye_us: Option<u64>,
    /// The line was closed.
    pub closed_us: Option<u64>,
}

impl Ending {
    /// Of a call so far.
    #[must_use]
    pub fn of(record: &CallRecord) -> Self {
        let us = |at: Option<Timestamp>| at.map(Timestamp::as_micros);
        Self {
            reason: record.reason.map(|reason| Reason::name(reason).to_owned()),
            ended_by: record.ended_by.map(|party| Party::name(party).to_owned()),
            begun_us: us(record.ending_begun_at),
            deadline_us: us(record.deadline),
            goodbye_us: us(record.goodbye_at),
            closed_us: us(record.closed_at),
        }
    }
}

/// The last record of a capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// Steps that are in the capture.
    pub steps: u64,
    /// Steps after them that are not, because they could not be written away fast enough, or there was no room: the
    /// call went on, and this is not how it ended.
    pub lost_steps: u64,
    /// Over all outputs of these steps, with their audio, in lower-case hexadecimal digits.
    pub sha256: String,
    /// How the call ended.
    pub ending: Ending,
}
