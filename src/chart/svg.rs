//! The picture for documents: SVG by hand.

use std::{
    fmt::{self, Write},
    time::Duration,
};

use super::{Events, MarkerKind, Speech, wave::extremes};
use crate::codec::mulaw;

const WIDTH: f64 = 1200.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 20.0;
/// Top and height of a row.
type Row = (f64, f64);
const CALLER: Row = (40.0, 80.0);
const SPEECH: Row = (124.0, 20.0);
const HEARD: Row = (150.0, 80.0);
const WINDOW: Row = (240.0, 90.0);
const BOTTOM: f64 = WINDOW.0 + WINDOW.1;
const AXIS: f64 = 345.0;
const HEIGHT: f64 = 380.0;
/// Samples louder than this fill their row.
const LOUD: f64 = 20_000.0;

/// A call's picture; write it with `{}`.
#[derive(Clone, Copy, Debug)]
pub struct Svg<'a> {
    /// Above the picture. Plain text.
    pub title: &'a str,
    /// What the caller said, µ-law.
    pub said: &'a [u8],
    /// What the caller heard, µ-law.
    pub heard: &'a [u8],
    /// What came of it.
    pub events: &'a Events,
    /// What is really in the recording.
    pub truth: Option<&'a Speech>,
    /// Length of the silence window.
    pub timeout: Duration,
}

impl fmt::Display for Svg<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = Scale { end_ms: self.events.end_ms() + 1_000.0 };
        writeln!(
            f,
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<text x="{LEFT}" y="24" font-size="15" fill="#222">{}</text>"##,
            escaped(self.title)
        )?;
        self.announced(f, scale)?;
        wave(f, "caller", self.said, CALLER, "#0e7490", scale)?;
        self.speech(f, scale)?;
        wave(f, "heard", self.heard, HEARD, "#15803d", scale)?;
        self.window(f, scale)?;
        self.markers(f, scale)?;
        axis(f, scale)?;
        writeln!(f, "</svg>")
    }
}

#[derive(Clone, Copy)]
struct Scale {
    end_ms: f64,
}

impl Scale {
    fn x(self, ms: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * ms / self.end_ms
    }

    fn rect(self, f: &mut fmt::Formatter<'_>, (from, to): (f64, f64), (top, height): Row, fill: &str) -> fmt::Result {
        let (x, width) = (self.x(from), (self.x(to) - self.x(from)).max(0.5));
        writeln!(f, r##"<rect x="{x:.1}" y="{top}" width="{width:.1}" height="{height}" fill="{fill}"/>"##)
    }
}

impl Svg<'_> {
    /// Our own words, behind everything else.
    fn announced(&self, f: &mut fmt::Formatter<'_>, scale: Scale) -> fmt::Result {
        for said in self.events.announced.iter().filter(|said| said.farewell) {
            scale.rect(f, (said.start_ms, said.end_ms), (CALLER.0, BOTTOM - CALLER.0), "#fae8ff")?;
            let x = scale.x(said.start_ms) - 4.0;
            let y = CALLER.0 + 12.0;
            writeln!(f, r##"<text x="{x:.1}" y="{y:.1}" text-anchor="end" fill="#86198f">goodbye</text>"##)?;
        }
        Ok(())
    }

    /// What the detector found, above what is really there.
    fn speech(&self, f: &mut fmt::Formatter<'_>, scale: Scale) -> fmt::Result {
        let half = SPEECH.1 / 2.0 - 1.0;
        let (found, real) = ((SPEECH.0, half), (SPEECH.0 + half + 2.0, half));
        small(f, "found", found)?;
        for spurt in &self.events.spurts {
            let fill = if spurt.charged { "#94a3b8" } else { "#0e7490" };
            scale.rect(f, (spurt.start_ms, spurt.end_ms), found, fill)?;
        }
        let Some(truth) = self.truth else { return Ok(()) };
        small(f, "truth", real)?;
        for &stretch in &truth.caller {
            scale.rect(f, stretch, real, "#b45309")?;
        }
        Ok(())
    }

    /// What is left of the window, as an area that runs down; grey where it is held.
    fn window(&self, f: &mut fmt::Formatter<'_>, scale: Scale) -> fmt::Result {
        let (top, height) = WINDOW;
        let timeout = self.timeout.as_secs_f64() * 1e3;
        let y = |left: f64| top + height * (1.0 - (left / timeout).clamp(0.0, 1.0));
        label(f, "silence left", WINDOW)?;
        for piece in &self.events.window {
            if piece.held.is_some() {
                scale.rect(f, (piece.start_ms, piece.end_ms), WINDOW, "#e5e7eb")?;
                continue;
            }
            let (a, b) = (y(piece.left_ms.0), y(piece.left_ms.1));
            let (from, to) = (scale.x(piece.start_ms), scale.x(piece.end_ms));
            writeln!(
                f,
                r##"<path d="M{from:.1} {BOTTOM}V{a:.1}L{to:.1} {b:.1}V{BOTTOM}Z" fill="#fbbf24" fill-opacity=".7"/>"##
            )?;
        }
        Ok(())
    }

    fn markers(&self, f: &mut fmt::Formatter<'_>, scale: Scale) -> fmt::Result {
        for marker in &self.events.markers {
            let (colour, text) = match marker.kind {
                MarkerKind::Hangup => ("#dc2626", "line closed"),
                MarkerKind::TakenBack => ("#7c3aed", "taken back"),
                MarkerKind::Ending | MarkerKind::Goodbye | MarkerKind::BargeIn => continue,
            };
            let x = scale.x(marker.at_ms);
            let (top, text_x, text_y) = (CALLER.0, x - 4.0, BOTTOM - 6.0);
            writeln!(
                f,
                r##"<path d="M{x:.1} {top}V{BOTTOM}" stroke="{colour}" stroke-width="1.5"/><text x="{text_x:.1}" y="{text_y}" fill="{colour}" text-anchor="end">{text}</text>"##
            )?;
        }
        Ok(())
    }
}

fn wave(f: &mut fmt::Formatter<'_>, name: &str, codes: &[u8], row: Row, colour: &str, scale: Scale) -> fmt::Result {
    label(f, name, row)?;
    let (top, height) = row;
    let middle = top + height / 2.0;
    let samples: Vec<i16> = codes.iter().map(|&code| mulaw::decode(code)).collect();
    // A column a unit, and never less than a sample.
    let per_column = ((scale.end_ms * 8.0 / (WIDTH - LEFT - RIGHT)) as usize).max(1);
    let y = |sample: i16| middle - height / 2.0 * (f64::from(sample) / LOUD).clamp(-1.0, 1.0);
    let mut path = String::new();
    for (column, (low, high)) in extremes(&samples, per_column).enumerate() {
        let x = scale.x((column * per_column) as f64 / 8.0);
        let (low, high) = (y(low), y(high));
        if x <= WIDTH - RIGHT && low - high >= 0.6 {
            write!(path, "M{x:.1} {high:.1}V{low:.1}")?;
        }
    }
    writeln!(f, r##"<path d="{path}" stroke="{colour}" stroke-width="1" fill="none"/>"##)
}

fn label(f: &mut fmt::Formatter<'_>, name: &str, (top, height): Row) -> fmt::Result {
    let (x, y) = (LEFT - 8.0, top + height / 2.0 + 4.0);
    writeln!(f, r##"<text x="{x:.1}" y="{y:.1}" text-anchor="end" fill="#444">{name}</text>"##)
}

fn small(f: &mut fmt::Formatter<'_>, name: &str, (top, height): Row) -> fmt::Result {
    let (x, y) = (LEFT - 8.0, top + height);
    writeln!(f, r##"<text x="{x:.1}" y="{y:.1}" text-anchor="end" font-size="10" fill="#444">{name}</text>"##)
}

fn axis(f: &mut fmt::Formatter<'_>, scale: Scale) -> fmt::Result {
    let end = scale.end_ms / 1e3;
    let step = [5.0, 10.0, 30.0, 60.0, 300.0].into_iter().find(|step| end / step <= 16.0).unwrap_or(600.0);
    let mut at = 0.0;
    while at < end {
        let (x, text_y) = (scale.x(at * 1e3), AXIS + 22.0);
        writeln!(
            f,
            r##"<path d="M{x:.1} {AXIS}v6" stroke="#666"/><text x="{x:.1}" y="{text_y}" text-anchor="middle" fill="#444">{at} s</text>"##
        )?;
        at += step;
    }
    writeln!(f, r##"<path d="M{LEFT} {AXIS}H{}" stroke="#666"/>"##, WIDTH - RIGHT)
}

pub(super) fn escaped(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
