//! A call as a picture: both sides, the silence window running down, goodbye and hang-up. SVG by hand.

use std::fmt::{self, Write};

use quietline::{
    call::{AnnouncementKind, Cause, LedgerEntry},
    codec::mulaw,
    time::Timestamp,
};

const WIDTH: f64 = 1200.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 20.0;
/// Top and height of the rows: caller, heard, window.
const ROWS: [(f64, f64); 3] = [(40.0, 80.0), (130.0, 80.0), (220.0, 90.0)];
const AXIS: f64 = 325.0;
const HEIGHT: f64 = 360.0;

/// What the picture shows.
pub(crate) struct Chart<'a> {
    /// Above the picture. Plain text.
    pub(crate) title: &'a str,
    /// What the caller said, 8 kHz.
    pub(crate) said: &'a [i16],
    /// What the caller heard, µ-law.
    pub(crate) heard: &'a [u8],
    /// Why the window moved.
    pub(crate) ledger: &'a [LedgerEntry],
    /// Length of the silence window, seconds.
    pub(crate) timeout: f64,
}

impl fmt::Display for Chart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.ledger.last().map_or(1.0, |entry| seconds(entry.at)) + 1.0;
        let x = |s: f64| LEFT + (WIDTH - LEFT - RIGHT) * s / end;
        writeln!(
            f,
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<text x="{LEFT}" y="24" font-size="15" fill="#222">{}</text>"##,
            escaped(self.title)
        )?;
        self.goodbyes(f, &x)?;
        let heard: Vec<i16> = self.heard.iter().map(|&code| mulaw::decode(code)).collect();
        wave(f, "caller", self.said, ROWS[0], "#0e7490", end)?;
        wave(f, "heard", &heard, ROWS[1], "#15803d", end)?;
        self.window(f, &x, end)?;
        axis(f, &x, end)?;
        writeln!(f, "</svg>")
    }
}

impl Chart<'_> {
    /// Our own words, behind everything else.
    fn goodbyes(&self, f: &mut fmt::Formatter<'_>, x: &dyn Fn(f64) -> f64) -> fmt::Result {
        for (n, entry) in self.ledger.iter().enumerate() {
            let Cause::Announced { kind: AnnouncementKind::Farewell(_), length, .. } = entry.cause else {
                continue;
            };
            let from = seconds(entry.at);
            let cleared =
                self.ledger[n..].iter().find(|e| matches!(e.cause, Cause::TakenBack { .. })).map(|e| seconds(e.at));
            let to = (from + length.as_secs_f64()).min(cleared.unwrap_or(f64::MAX));
            let (top, height) = (ROWS[0].0, ROWS[2].0 + ROWS[2].1 - ROWS[0].0);
            writeln!(
                f,
                r##"<rect x="{:.1}" y="{top}" width="{:.1}" height="{height}" fill="#fae8ff"/><text x="{:.1}" y="{:.1}" text-anchor="end" fill="#86198f">goodbye</text>"##,
                x(from),
                x(to) - x(from),
                x(from) - 4.0,
                top + 12.0
            )?;
        }
        Ok(())
    }

    /// What is left of the window, as an area that runs down; grey where it is held.
    fn window(&self, f: &mut fmt::Formatter<'_>, x: &dyn Fn(f64) -> f64, end: f64) -> fmt::Result {
        let (top, height) = ROWS[2];
        let y = |left: f64| top + height * (1.0 - (left / self.timeout).clamp(0.0, 1.0));
        label(f, "silence left", ROWS[2])?;
        for (n, entry) in self.ledger.iter().enumerate() {
            let (from, to) = (seconds(entry.at), self.ledger.get(n + 1).map_or(end - 1.0, |next| seconds(next.at)));
            let bottom = top + height;
            match entry.deadline {
                Some(deadline) if to > from => {
                    let (a, b) = (y(seconds(deadline) - from), y(seconds(deadline) - to));
                    writeln!(
                        f,
                        r##"<path d="M{:.1} {bottom}V{a:.1}L{:.1} {b:.1}V{bottom}Z" fill="#fbbf24" fill-opacity=".7"/>"##,
                        x(from),
                        x(to)
                    )?;
                }
                None if to > from => writeln!(
                    f,
                    r##"<rect x="{:.1}" y="{top}" width="{:.1}" height="{height}" fill="#e5e7eb"/>"##,
                    x(from),
                    x(to) - x(from)
                )?,
                Some(_) | None => {}
            }
            let closed = matches!(entry.cause, Cause::LineClosed { .. }).then_some(("#dc2626", "line closed"));
            let back = matches!(entry.cause, Cause::TakenBack { .. }).then_some(("#7c3aed", "taken back"));
            if let Some((colour, text)) = closed.or(back) {
                writeln!(
                    f,
                    r##"<path d="M{0:.1} {1}V{2}" stroke="{colour}" stroke-width="1.5"/><text x="{3:.1}" y="{4}" fill="{colour}" text-anchor="end">{text}</text>"##,
                    x(from),
                    ROWS[0].0,
                    bottom,
                    x(from) - 4.0,
                    bottom - 6.0
                )?;
            }
        }
        Ok(())
    }
}

fn wave(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    samples: &[i16],
    row: (f64, f64),
    colour: &str,
    end: f64,
) -> fmt::Result {
    label(f, name, row)?;
    let (top, height) = row;
    let middle = top + height / 2.0;
    let columns = (WIDTH - LEFT - RIGHT) as usize;
    let per_column = (end * 8_000.0 / columns as f64).max(1.0);
    let mut path = String::new();
    for column in 0..columns {
        let from = (column as f64 * per_column) as usize;
        let part = samples.get(from..samples.len().min(from + per_column as usize)).unwrap_or(&[]);
        let peak = part.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0);
        let half = height / 2.0 * (f64::from(peak) / 20_000.0).min(1.0);
        if half >= 0.3 {
            write!(path, "M{0:.1} {1:.1}V{2:.1}", LEFT + column as f64, middle - half, middle + half)?;
        }
    }
    writeln!(f, r##"<path d="{path}" stroke="{colour}" stroke-width="1" fill="none"/>"##)
}

fn label(f: &mut fmt::Formatter<'_>, name: &str, (top, height): (f64, f64)) -> fmt::Result {
    writeln!(
        f,
        r##"<text x="{:.1}" y="{:.1}" text-anchor="end" fill="#444">{name}</text>"##,
        LEFT - 8.0,
        top + height / 2.0 + 4.0
    )
}

fn axis(f: &mut fmt::Formatter<'_>, x: &dyn Fn(f64) -> f64, end: f64) -> fmt::Result {
    let step = [5.0, 10.0, 30.0, 60.0, 300.0].into_iter().find(|step| end / step <= 16.0).unwrap_or(600.0);
    let mut at = 0.0;
    while at < end {
        writeln!(
            f,
            r##"<path d="M{0:.1} {1}v6" stroke="#666"/><text x="{0:.1}" y="{2}" text-anchor="middle" fill="#444">{at} s</text>"##,
            x(at),
            AXIS,
            AXIS + 22.0
        )?;
        at += step;
    }
    writeln!(f, r##"<path d="M{LEFT} {AXIS}H{}" stroke="#666"/>"##, WIDTH - RIGHT)
}

fn seconds(at: Timestamp) -> f64 {
    at.as_micros() as f64 / 1e6
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
