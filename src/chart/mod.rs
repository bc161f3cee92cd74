//! A call as a picture: what both sides said, what the detector made of it, and the silence window running down.
//!
//! There is one model of the picture, [`Events`] (from the ledger) with [`Data`] (that, the sound and the truth), and
//! two ways to draw it: [`Svg`] for documents, and the script [`SCRIPT`] with [`STYLE`] for pages. [`Lines`] are figures
//! over figures, for documents about many calls.
//!
//! # The chart in a page
//!
//! ```js
//! const chart = new QuietlineChart(element, data, { onCursor, onPick, onSelect, onView });
//! chart.setView(fromMs, toMs); chart.show("trace", false); chart.jump(atMs); chart.setMarks(stretches); chart.destroy();
//! ```
//!
//! `data` is what [`Data`] becomes as JSON; times are milliseconds of call time, stretches `[start, end]`:
//!
//! | key | value |
//! |---|---|
//! | `duration_ms` | length of the picture |
//! | `timeout_ms` | length of the silence window |
//! | `waves` | `caller` and `heard`, each `{"mulaw": BASE64}` (8 kHz) or `{"envelope": BASE64, "bucket": SAMPLES}`: lowest and highest value of each bucket, two signed bytes, full scale ±127 |
//! | `trace` | `null` or `{"frame_ms": 20, "score": BASE64, "level": BASE64}`: a byte a frame each; score 0 to 255; level in dB below full scale, 0 to 96, and 128 added where the frame is voiced |
//! | `spurts` | talkspurts that counted: `id`, `start_ms`, `end_ms`, `voiced_ms`, `level_dbfs`, `below_floor`, `verdict` (or `null`), `charged` |
//! | `truth` | `null` or `{"caller": [stretch…], "agent": [stretch…]}` |
//! | `window` | what is left of the window, piece by piece: `start_ms`, `end_ms`, `left_ms` at both ends, `held` (by what it stands still, or `null`) |
//! | `announced` | what we said: `start_ms`, `end_ms`, `name`, `farewell` |
//! | `markers` | moments with a name: `at_ms`, `kind`, `text` |
//! | `ledger` | every entry: `at_ms`, `text`, `deadline_ms` (or `null`), `uncertainty_ms` |
//!
//! The script builds a pyramid of halves over each wave and draws a level of it whose columns are about a pixel wide, so
//! an hour is drawn as fast as a second.

mod data;
mod events;
mod lines;
mod svg;
mod wave;

pub use data::{Data, Sound, Speech, TraceFrame};
pub use events::{Announced, Events, Line, Marker, MarkerKind, Spurt, WindowPiece};
pub use lines::{Lines, Series};
pub use svg::Svg;

/// The chart's script: `QuietlineChart`. Plain JavaScript that names nothing but the page it is in.
pub const SCRIPT: &str =
    concat!(include_str!("assets/pyramid.js"), include_str!("assets/tracks.js"), include_str!("assets/chart.js"),);

/// The chart's style: its colours are variables that a page may set.
pub const STYLE: &str = include_str!("assets/chart.css");
