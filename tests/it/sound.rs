//! Sounds whose place is found again: noise of a constant level, a pattern of its own for each seed.

use quietline::{
    assistant::FarewellKind,
    audio::{Dbfs, Frame},
    call::AnnouncementKind,
    codec::mulaw,
    mix::Announcement,
    vad::{Vad, VadFrame},
};

/// Voiced is what is louder than −45 dBFS: the scripts say exactly which frames are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LevelVad;

impl Vad for LevelVad {
    fn process(&mut self, frame: &Frame) -> VadFrame {
        let voiced = Dbfs::of(frame).db() > -45.0;
        VadFrame::new(voiced, f32::from(u8::from(voiced)))
    }

    fn reset(&mut self) {}
}

/// Every announcement that a call may need.
pub(crate) fn announcements() -> Vec<AnnouncementKind> {
    let farewells = FarewellKind::ALL.into_iter().map(AnnouncementKind::Farewell);
    farewells.chain([AnnouncementKind::Reminder, AnnouncementKind::Filler]).collect()
}

/// A voice of this length and level; no two seeds sound alike.
pub(crate) fn voice(seed: u64, ms: u64, db: f32) -> Vec<i16> {
    let amplitude = (32_768.0 * 10f32.powf(db / 20.0)) as i16;
    let mut random = fastrand::Rng::with_seed(seed);
    (0..ms * 8).map(|_| if random.bool() { amplitude } else { -amplitude }).collect()
}

/// An announcement of this length.
pub(crate) fn rendering(seed: u64, ms: u64) -> Announcement {
    Announcement::render(&voice(seed, ms, -20.0)).expect("a voice can be rendered")
}

/// The samples as the line carries them.
pub(crate) fn codes(samples: &[i16]) -> Vec<u8> {
    samples.iter().map(|&sample| mulaw::encode(sample)).collect()
}

/// First place of `needle` at or after `from`.
pub(crate) fn find(haystack: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let head = &needle[..needle.len().min(80)];
    let mut from = from;
    loop {
        let at = from + haystack.get(from..)?.windows(head.len()).position(|window| window == head)?;
        if haystack[at..].starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
}
