//! The lab's clock: one for all calls, so that one list of due things serves them all.

use std::time::{Duration, Instant};

use crate::{net::clock, time::Timestamp};

/// Time since the lab was started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    zero: Instant,
}

impl Clock {
    /// Begins now.
    pub(super) fn start() -> Self {
        Self { zero: clock::now() }
    }

    pub(super) fn now(self) -> Timestamp {
        Timestamp::ZERO + clock::now().duration_since(self.zero)
    }
}

/// Wall time, for what the vendor dates.
#[derive(Clone, Copy, Debug)]
pub(super) struct WallTime(Duration);

impl WallTime {
    pub(super) fn now() -> Self {
        Self(Duration::from_millis(clock::unix_ms()))
    }

    /// `Sun, 22 Nov 2026 13:53:19 +0000`
    pub(super) fn rfc2822(self) -> String {
        const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let (days, time) = self.split();
        let (year, month, day) = civil(days);
        let week_day = DAYS[(days % 7) as usize];
        format!("{week_day}, {day:02} {} {year} {time} +0000", MONTHS[month as usize - 1])
    }

    /// `2026-11-22T13:53:19.602648368Z`
    pub(super) fn iso8601(self) -> String {
        let (days, time) = self.split();
        let (year, month, day) = civil(days);
        format!("{year}-{month:02}-{day:02}T{time}.{:09}Z", self.0.subsec_nanos())
    }

    /// Whole days since 1970, and the time of day.
    fn split(self) -> (u64, String) {
        let seconds = self.0.as_secs();
        let time = seconds % 86_400;
        (seconds / 86_400, format!("{:02}:{:02}:{:02}", time / 3600, time / 60 % 60, time % 60))
    }
}

/// Year, month and day of a day since 1970 (Howard Hinnant's `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_is_written_as_the_vendor_writes_it() {
        let at = WallTime(Duration::new(1_795_355_599, 602_648_368));
        assert_eq!(at.rfc2822(), "Sun, 22 Nov 2026 13:53:19 +0000");
        assert_eq!(at.iso8601(), "2026-11-22T13:53:19.602648368Z");
        assert_eq!(WallTime(Duration::ZERO).rfc2822(), "Thu, 01 Jan 1970 00:00:00 +0000");
        let leap = WallTime(Duration::from_secs(951_782_400));
        assert_eq!(leap.iso8601(), "2000-02-29T00:00:00.000000000Z");
    }
}
