//! Reading real files; `tests/data/recordings/README.md` says how the small ones were made.

use proptest::prelude::*;

use super::{
    edit_list::{Edit, edits},
    *,
};

macro_rules! small {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/data/recordings/", $name)).as_slice()
    };
}

const CALL_M4A: &[u8] = include_bytes!("../../fixtures/call-silence.caller.m4a");
const CALL_ULAW: &[u8] = include_bytes!("../../fixtures/call-silence.caller.ulaw");
const NOTE_M4A: &[u8] = include_bytes!("../../fixtures/voice-note-16k.m4a");

fn open(bytes: &[u8], name: &str) -> Recording {
    read(bytes.to_vec(), name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn refusal(bytes: &[u8], name: &str) -> RecordingError {
    read(bytes.to_vec(), name).expect_err(name)
}

fn telephone(bytes: &[u8], name: &str) -> Vec<i16> {
    open(bytes, name).telephone(Channel::Left).unwrap()
}

fn chirp() -> Vec<i16> {
    telephone(small!("pcm-8k.wav"), "pcm-8k.wav")
}

/// By how many samples `late` lags `reference` (at most 1500 either way), and how alike they are then, 0 to 1.
fn lag(reference: &[i16], late: &[i16]) -> (isize, f64) {
    let reference = &reference[..reference.len().min(20 * 8000)];
    let at = |i: isize| usize::try_from(i).ok().and_then(|i| late.get(i)).map_or(0.0, |&s| f64::from(s));
    let energy = |x: &[i16]| x.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>();
    let scale = (energy(reference) * energy(&late[..late.len().min(reference.len())])).sqrt();
    (-1500..=1500)
        .map(|lag| (lag, (0isize..).zip(reference).map(|(i, &r)| f64::from(r) * at(i + lag)).sum::<f64>() / scale))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap()
}

#[test]
fn raw_mulaw_is_exact() {
    let expected: Vec<i16> = CALL_ULAW.iter().map(|&code| mulaw::decode(code)).collect();
    for name in ["call.ulaw", "CALL.MULAW", "dir.x/call.ul"] {
        let recording = open(CALL_ULAW, name);
        assert_eq!(recording.telephone(Channel::Mix).unwrap(), expected, "{name}");
        assert!((recording.length().as_secs_f64() - 51.74).abs() < 1e-9);
    }
    let every_code: Vec<u8> = (0..=255).collect();
    assert_eq!(telephone(&every_code, "a.ulaw"), every_code.iter().map(|&c| mulaw::decode(c)).collect::<Vec<_>>());
    assert_eq!(telephone(&every_code, "a.alaw"), every_code.iter().map(|&c| alaw::decode(c)).collect::<Vec<_>>());
}

#[test]
fn g711_in_a_wav_is_exact() {
    let (mulaw, alaw) = (small!("mulaw-8k.wav"), small!("alaw-8k.wav"));
    assert!(telephone(mulaw, "x.wav") == telephone(&mulaw[58..], "x.ulaw"));
    assert!(telephone(alaw, "x.wav") == telephone(&alaw[58..], "x.al"));
}

#[test]
fn an_m4a_is_in_step_with_what_was_recorded() {
    let (reference, decoded) = (telephone(CALL_ULAW, "c.ulaw"), telephone(CALL_M4A, "c.m4a"));
    let (lag, likeness) = lag(&reference, &decoded);
    assert_eq!((lag, decoded.len()), (0, reference.len()), "likeness {likeness}");
    assert!(likeness > 0.9, "{likeness}");
}

#[test]
fn a_voice_note_has_its_length() {
    let note = open(NOTE_M4A, "note.m4a");
    assert_eq!((note.rate.hz(), note.channels.len()), (16_000, 1));
    assert!((note.length().as_secs_f64() - 19.65).abs() < 0.06, "{:?}", note.length());
}

#[test]
fn every_format_is_in_step() {
    for (bytes, name) in [
        (small!("pcm24-16k.wav"), "pcm24-16k.wav"),
        (small!("lame-16k.mp3"), "lame-16k.mp3"),
        (small!("lame-44k1.mp3"), "lame-44k1.mp3"),
        (small!("vorbis-16k.ogg"), "vorbis-16k.ogg"),
        (small!("vorbis-44k1-stereo.ogg"), "vorbis-44k1-stereo.ogg"),
    ] {
        let decoded = telephone(bytes, name);
        let (lag, likeness) = lag(&chirp(), &decoded);
        assert_eq!((lag, decoded.len()), (0, 4800), "{name}, likeness {likeness}");
        assert!(likeness > 0.98, "{name}: {likeness}");
    }
}

#[test]
fn an_mp3_without_a_tag_is_late_by_the_codecs_delay() {
    let (lag, _) = lag(&chirp(), &telephone(small!("untagged-44k1.mp3"), "u.mp3"));
    assert_eq!(lag, 1105 * 8000 / 44_100);
}

#[test]
fn channels_of_a_stereo_recording() {
    let stereo = open(small!("vorbis-44k1-stereo.ogg"), "s.ogg");
    let power = |channel| crate::audio::Dbfs::of(&stereo.telephone(channel).unwrap()).db();
    assert!((power(Channel::Left) - power(Channel::Mix) - 6.02).abs() < 0.1);
    assert!(power(Channel::Right) < -60.0);
    let mono = open(small!("pcm-8k.wav"), "m.wav");
    assert_eq!(mono.telephone(Channel::Mix).unwrap(), mono.telephone(Channel::Left).unwrap());
    assert!(matches!(mono.telephone(Channel::Right), Err(RecordingError::NoSuchChannel { channels: 1 })));
}

#[test]
fn what_cannot_be_read_says_why() {
    assert!(matches!(refusal(b"", "a.wav"), RecordingError::Empty));
    assert!(matches!(refusal(b"", "a.ulaw"), RecordingError::Empty));
    assert!(matches!(refusal(b"Dear sir, the call is attached.", "a.wav"), RecordingError::UnknownFormat));
    assert!(matches!(refusal(&[0; 5000], "a.mp3"), RecordingError::UnknownFormat));
    assert!(matches!(refusal(small!("opus-silence.ogg"), "note.ogg"), RecordingError::Opus));
    assert!(matches!(refusal(small!("adpcm-8k.wav"), "a.wav"), RecordingError::UnknownCodec(_)));
    assert!(matches!(refusal(&vec![0xff; 8 * 3600 * 8000 + 1], "a.ulaw"), RecordingError::TooLong));
    let empty_wav = [&small!("pcm-8k.wav")[..40], &[0; 4]].concat();
    assert!(matches!(refusal(&empty_wav, "a.wav"), RecordingError::NoSamples));
    let mut surround = small!("pcm-8k.wav").to_vec();
    (surround[22], surround[32]) = (6, 12);
    assert!(matches!(refusal(&surround, "a.wav"), RecordingError::Channels(6)));
    let mut slow = small!("pcm-8k.wav").to_vec();
    (slow[24], slow[25]) = (100, 0);
    assert!(matches!(refusal(&slow, "a.wav"), RecordingError::Rate(100)));
}

#[test]
fn a_cut_off_file_says_where() {
    let error = refusal(&small!("pcm-8k.wav")[..6000], "a.wav");
    assert!(matches!(&error, RecordingError::Damaged { at, .. } if at.as_millis() < 380), "{error}");
    assert!(matches!(refusal(&CALL_M4A[..60_000], "a.m4a"), RecordingError::Damaged { .. }));
}

/// An overflow in symphonia 0.6.1, where overflows are checked.
#[test]
fn a_wav_head_beyond_reason_is_damage() {
    let mut bytes = small!("pcm-8k.wav").to_vec();
    bytes[23] = 0x80; // 32769 channels
    assert!(read(bytes, "a.wav").is_err());
}

/// A box of an ISO media file.
fn mp4(kind: &[u8; 4], content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    [&(content.len() as u32 + 8).to_be_bytes()[..], kind, &content].concat()
}

/// A movie (timescale 1000) with track 1 (timescale 16 kHz) and this edit list.
fn movie(version: u8, entries: &[(u64, i64)]) -> Vec<u8> {
    let number = |n: u64| if version == 0 { (n as u32).to_be_bytes().to_vec() } else { n.to_be_bytes().to_vec() };
    let head = |last: u32| [vec![version, 0, 0, 0], number(0), number(0), last.to_be_bytes().to_vec()].concat();
    let list: Vec<u8> =
        entries.iter().flat_map(|&(d, t)| [number(d), number(t as u64), vec![0, 1, 0, 0]].concat()).collect();
    let elst = mp4(b"elst", &[&[version, 0, 0, 0], &(entries.len() as u32).to_be_bytes(), &list]);
    let mdia = mp4(b"mdia", &[&mp4(b"mdhd", &[&head(16_000)])]);
    let track = mp4(b"trak", &[&mp4(b"tkhd", &[&head(1)]), &mp4(b"edts", &[&elst]), &mdia]);
    [mp4(b"ftyp", &[b"M4A "]), mp4(b"moov", &[&mp4(b"mvhd", &[&head(1000)]), &track])].concat()
}

#[test]
fn edit_lists_of_both_versions() {
    for version in [0, 1] {
        let list = movie(version, &[(250, -1), (1500, 1024), (0, 64)]);
        let expected = [Edit::Silence(4000), Edit::Media(1024..25_024), Edit::Media(64..u64::MAX)];
        assert_eq!(edits(&list, 1, 16_000).unwrap().unwrap(), expected, "version {version}");
        // The decoder may run at another rate than the track's clock.
        assert_eq!(edits(&list, 1, 32_000).unwrap().unwrap()[1], Edit::Media(2048..50_048));
        assert_eq!(edits(&list, 2, 16_000).unwrap(), None, "no such track");
        for cut in 1..list.len() {
            let _ = edits(&list[..cut], 1, 16_000);
        }
    }
    assert!(edits(&movie(2, &[]), 1, 16_000).is_err());
    let endless = movie(1, &[(u64::MAX, i64::MAX)]);
    assert!(matches!(edits(&endless, 1, 16_000), Ok(Some(_))));
}

/// The call's m4a with another edit list in place of its own (one entry, version 0).
fn with_edit(duration: u32, start: i32) -> Vec<u8> {
    let mut file = CALL_M4A.to_vec();
    let elst = file.windows(4).position(|w| w == b"elst").unwrap();
    file[elst + 12..elst + 16].copy_from_slice(&duration.to_be_bytes());
    file[elst + 16..elst + 20].copy_from_slice(&start.to_be_bytes());
    file
}

#[test]
fn edits_are_played() {
    let plain = telephone(CALL_M4A, "a.m4a");
    let later = telephone(&with_edit(0, 1024 + 800), "a.m4a");
    assert_eq!(later[..8000], plain[800..8800]);
    let file = with_edit(1000, -1);
    assert!(telephone(&file, "a.m4a").iter().all(|&s| s == 0), "an empty edit is silence");
    assert!(matches!(refusal(&with_edit(u32::MAX, -1), "a.m4a"), RecordingError::TooLong));
    let mut without = CALL_M4A.to_vec();
    let edts = without.windows(4).position(|w| w == b"edts").unwrap();
    without[edts..edts + 4].copy_from_slice(b"free");
    let all = telephone(&without, "a.m4a");
    assert_eq!(all[1024..9024], plain[..8000]);
}

fn files() -> impl Strategy<Value = &'static [u8]> {
    prop_oneof![
        Just(small!("pcm-8k.wav")),
        Just(small!("mulaw-8k.wav")),
        Just(small!("adpcm-8k.wav")),
        Just(small!("lame-16k.mp3")),
        Just(small!("untagged-44k1.mp3")),
        Just(small!("vorbis-16k.ogg")),
        Just(small!("vorbis-44k1-stereo.ogg")),
        Just(small!("opus-silence.ogg")),
        Just(NOTE_M4A),
    ]
}

const HEADS: &[&[u8]] = &[b"\0\0\0\x08ftyp", b"RIFF\xff\xff\0\0WAVEfmt ", b"OggS\0\x02", b"ID3", b"\xff\xfb\x90\0"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..4000)) {
        let _ = read(bytes.clone(), "a.bin");
        prop_assert_eq!(read(bytes.clone(), "a.ulaw").is_ok(), !bytes.is_empty());
    }

    #[test]
    fn a_known_head_and_arbitrary_bytes_never_panic(
        head in proptest::sample::select(HEADS),
        bytes in proptest::collection::vec(any::<u8>(), 0..2000),
    ) {
        let _ = read([head, &bytes].concat(), "a.bin");
    }

    #[test]
    fn truncated_files_never_panic(file in files(), keep in 0.0..1.0) {
        let _ = read(file[..(file.len() as f64 * keep) as usize].to_vec(), "a.bin");
    }

    #[test]
    fn altered_files_never_panic(
        file in files(),
        early in any::<bool>(),
        flips in proptest::collection::vec((0.0..1.0, 0u8..8), 1..12),
    ) {
        let mut bytes = file.to_vec();
        // Half of them in the head, where the lengths and counts are.
        let reach = if early { bytes.len().min(600) } else { bytes.len() };
        for (place, bit) in flips {
            bytes[(reach as f64 * place) as usize] ^= 1 << bit;
        }
        if let Ok(recording) = read(bytes, "a.bin") {
            let _ = recording.telephone(Channel::Mix);
        }
    }
}
