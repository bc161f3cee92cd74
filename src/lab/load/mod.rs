//! Many calls at once against a running gateway, and what they say about it.
//!
//! [`run`] dials by a [`Plan`]; [`LoadReport::of`] makes numbers of what came of it; [`broken_rules`] judges them. The
//! calls are those of [`super::twilio`], so what is measured is measured from outside, on the playback clock of each
//! call; only the gateway's own records, if given ([`Records`]), and `/proc` look inside.
//!
//! | file | for |
//! |---|---|
//! | `plan` | what is dialled |
//! | `run` | dialling, a look each second, the end |
//! | `usage` | CPU and memory, and the stretch at full load |
//! | `tones` | the time that the gateway adds, each way |
//! | `goodbye` | when the goodbye came, against when it should have |
//! | `records` | the gateway's own books |
//! | `spread` | percentiles |
//! | `report`, `refusal` | the numbers |
//! | `rules` | what must hold |
//! | `capacity` | a search for the most calls that hold |

mod capacity;
mod goodbye;
mod plan;
mod records;
mod refusal;
mod report;
mod rules;
mod run;
mod spread;
mod tones;
mod usage;

pub use capacity::{Limits, Search, Verdict, added_p99_ms};
pub use goodbye::Goodbye;
pub use plan::{AtEnd, Plan, Talk, Tape};
pub use records::{Answer, Record, Records};
pub use report::{Answers, Calls, LabUse, Latency, LoadReport, Mechanics, ServerUse, Voice};
pub use rules::{Judge, LATEST_LOAD_MS, MECHANICS_MS, ONSET_MS, broken_rules};
pub use run::{EndedCall, ModelSeen, Outcome, Progress, run};
pub use spread::Spread;
pub use usage::{Sample, Usage};
