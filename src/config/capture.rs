//! Captures of calls: whether, where, and how many.

use std::path::PathBuf;

use toml::Spanned;

use super::{file::CaptureTable, reader::Reader};

/// Lowest, usual and highest number of calls that are kept.
const MAX_CALLS: (u32, u32, u32) = (1, 1_000, 1_000_000);
/// The same of their size, in MB.
const MAX_MB: (u32, u32, u32) = (1, 1_000, 1_000_000);

/// Calls are written down with all that was said in them ([`crate::session::capture`]). Off unless it is configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    /// Where their files are: `folder`. It is made if it is not there.
    pub folder: PathBuf,
    /// Which share of the calls, from 0 to 1, 0 excluded: `share`, default 1. Chosen by the carrier's id of the call.
    pub share: f64,
    /// So many calls are kept, the latest: `max_calls`, from 1 to 1,000,000, default 1,000.
    pub max_calls: u32,
    /// … and not more than this size of them, but always the latest: `max_mb`, from 1 to 1,000,000, default 1,000.
    pub max_mb: u32,
}

impl Reader<'_> {
    /// The table `[capture]`.
    pub(super) fn capture(&mut self, table: &Spanned<CaptureTable>) -> Option<Capture> {
        let (span, table) = (table.span(), table.get_ref());
        let share = table.share.as_ref().map_or(Some(1.0), |value| {
            let number = value.get_ref().0;
            if number > 0.0 && number <= 1.0 {
                return Some(number);
            }
            self.wrong(value.span(), format!("share = {number} is outside 0..=1, and 0 is none of them"));
            None
        });
        let (low, usual, high) = MAX_CALLS;
        let max_calls = table.max_calls.as_ref().and_then(|value| self.whole("max_calls", value, (low, high)));
        let max_calls = max_calls.unwrap_or(usual);
        let (low, usual, high) = MAX_MB;
        let max_mb = table.max_mb.as_ref().and_then(|value| self.whole("max_mb", value, (low, high)));
        let max_mb = max_mb.unwrap_or(usual);
        let Some(folder) = &table.folder else {
            self.wrong(span, "folder is missing: write where captures are kept, or leave [capture] out to keep none");
            return None;
        };
        if folder.get_ref().trim().is_empty() {
            self.wrong(folder.span(), "folder is empty: expected a folder's path, or leave [capture] out");
            return None;
        }
        Some(Capture { folder: PathBuf::from(folder.get_ref()), share: share?, max_calls, max_mb })
    }
}
