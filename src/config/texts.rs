//! How an assistant answers texts: `text`.

use std::time::Duration;

use jiff::{Timestamp, civil::Time, tz::TimeZone};

use super::{file::TextTable, reader::Reader};

/// How an assistant answers texts.
#[derive(Clone, Debug, PartialEq)]
pub struct TextSettings {
    /// Messages of one sender that are answered within an hour: 1 to 1,000.
    pub max_per_hour: u32,
    /// What was written before counts for so long: 1 to 720 h.
    pub history: Duration,
    /// Segments of an answer; what is longer is cut: 1 to 10.
    pub max_segments: u32,
    /// Nothing is answered then; what comes is answered when it ends.
    pub quiet: Option<QuietHours>,
}

impl Default for TextSettings {
    fn default() -> Self {
        Self { max_per_hour: 20, history: Duration::from_secs(24 * 3_600), max_segments: 3, quiet: None }
    }
}

/// A part of each day.
#[derive(Clone, Debug, PartialEq)]
pub struct QuietHours {
    /// When it begins.
    pub from: Time,
    /// When it ends; the same day, or the next one.
    pub to: Time,
    /// Where.
    pub zone: TimeZone,
}

impl QuietHours {
    /// Whether it is quiet at this time, in milliseconds since 1970.
    #[must_use]
    pub fn holds(&self, unix_ms: i64) -> bool {
        let Ok(at) = Timestamp::from_millisecond(unix_ms) else { return false };
        let time = at.to_zoned(self.zone.clone()).time();
        if self.from < self.to { (self.from..self.to).contains(&time) } else { time >= self.from || time < self.to }
    }
}

impl Reader<'_> {
    /// Reads `text`.
    pub(super) fn texts(&mut self, table: &TextTable) -> TextSettings {
        let usual = TextSettings::default();
        let per_hour = table.max_per_hour.as_ref().and_then(|it| self.whole("text.max_per_hour", it, (1, 1_000)));
        let history = table.history_h.as_ref().and_then(|it| self.whole("text.history_h", it, (1, 720)));
        let segments = table.max_segments.as_ref().and_then(|it| self.whole("text.max_segments", it, (1, 10)));
        TextSettings {
            max_per_hour: per_hour.unwrap_or(usual.max_per_hour),
            history: history.map_or(usual.history, |hours| Duration::from_secs(u64::from(hours) * 3_600)),
            max_segments: segments.unwrap_or(usual.max_segments),
            quiet: self.quiet_hours(table),
        }
    }

    fn quiet_hours(&mut self, table: &TextTable) -> Option<QuietHours> {
        let zone = match &table.time_zone {
            None => Some(TimeZone::UTC),
            Some(name) => match TimeZone::get(name.get_ref()) {
                Ok(zone) => Some(zone),
                Err(_) => {
                    let message =
                        format!("no time zone is called {:?}: expected one such as Europe/Berlin", name.get_ref());
                    self.wrong(name.span(), message);
                    None
                }
            },
        };
        let written = table.quiet_hours.as_ref()?;
        let time = |text: &str| text.trim().parse::<Time>().ok();
        let span = written.get_ref().split_once('-').and_then(|(from, to)| Some((time(from)?, time(to)?)));
        let Some((from, to)) = span.filter(|(from, to)| from != to) else {
            self.wrong(written.span(), "no hours of a day: expected a beginning and an end, such as \"22:00-07:00\"");
            return None;
        };
        Some(QuietHours { from, to, zone: zone? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_lasts_over_midnight_in_its_own_zone() {
        let zone = TimeZone::get("Europe/Berlin").expect("a zone");
        let hours = |from: &str, to: &str| QuietHours {
            from: from.parse().expect("a time"),
            to: to.parse().expect("a time"),
            zone: zone.clone(),
        };
        let at = |text: &str| text.parse::<Timestamp>().expect("a time").as_millisecond();
        let night = hours("22:00", "07:00");
        // Berlin is an hour ahead in winter, two in summer.
        assert!(night.holds(at("2026-01-10T21:00:00Z")) && night.holds(at("2026-01-10T05:59:59Z")));
        assert!(!night.holds(at("2026-01-10T06:00:00Z")) && !night.holds(at("2026-01-10T20:59:59Z")));
        assert!(night.holds(at("2026-07-10T20:00:00Z")));
        let noon = hours("12:00", "13:00");
        assert!(noon.holds(at("2026-01-10T11:30:00Z")) && !noon.holds(at("2026-01-10T12:00:00Z")));
    }
}
