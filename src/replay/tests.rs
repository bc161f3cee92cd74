use super::{Truth, TruthError, TruthVad, agent};
use crate::vad::Vad;

#[test]
fn truth_files_are_read_and_bad_ones_say_why() {
    let truth = Truth::parse(include_bytes!("../../fixtures/call-silence.json")).unwrap();
    assert_eq!(truth.caller_speech.len(), 3);
    let words: Vec<_> = truth.caller_words().into_iter().map(|u| u.text).collect();
    assert_eq!(words[2], "go forward ten meters");
    assert_eq!(truth.agent_words(5190.0, 6370.0), "one moment please");
    let note = Truth::parse(include_bytes!("../../fixtures/voice-note-16k.json")).unwrap();
    assert_eq!(note.caller_speech.len(), 3);
    assert!(matches!(Truth::parse(b"{}"), Err(TruthError::NoSpeech)));
    assert!(Truth::parse(br#"{"caller_speech": []}"#).unwrap().caller_speech.is_empty(), "nobody speaks");
    assert!(matches!(Truth::parse(b"[1"), Err(TruthError::Json(_))));
    assert!(Truth::parse(br#"{"caller_speech": []}"#).unwrap().caller_words().is_empty(), "nobody speaks");
    let backwards = Truth::parse(br#"{"caller_speech": [[5, 1]]}"#);
    assert_eq!(backwards.unwrap_err().to_string(), "the truth file's speech (5.0, 1.0) is no stretch of time");
}

#[test]
fn in_a_mixed_track_either_voice_is_speech() {
    let truth = Truth::parse(br#"{"caller_speech": [[1, 2], [5, 6]], "bot_speech": [[3, 4]]}"#).unwrap().of_mixed();
    assert_eq!(truth.caller_speech, [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)]);
}

#[test]
fn a_frame_is_speech_when_half_of_it_is_labelled() {
    let truth = Truth { caller_speech: vec![(30.0, 70.0)], ..Truth::default() };
    let mut vad = TruthVad::new(&truth);
    let voiced: Vec<_> = (0..5).map(|_| vad.process(&[0; 160]).voiced).collect();
    assert_eq!(voiced, [false, true, true, true, false]);
    vad.reset();
    assert!(!vad.process(&[0; 160]).voiced);
}

#[test]
fn the_agents_sentences_are_joined_to_answers() {
    let mut track = vec![0i16; 8_000 * 6];
    for range in [8_000..12_000, 14_000..20_000, 40_000..41_000] {
        track[range].fill(3_000);
    }
    assert_eq!(agent::segments(&track), [(8_000, 20_000), (40_000, 41_120)].map(|(a, b)| (a, b - b % 160)));
}
