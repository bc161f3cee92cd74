//! Texts and recordings.

use crate::{
    call::phrases,
    model::offline::lines::{self, KEYWORDS, Line, Wish},
};

fn all() -> Vec<Line> {
    let named = [lines::GREETING, lines::RESUMED, lines::GOODBYE, lines::CANNOT_HANG_UP, lines::STILL_HERE, lines::KEY];
    let wished = KEYWORDS.iter().filter_map(|(_, wish)| match wish {
        Wish::Hear(line) => Some(*line),
        Wish::End => None,
    });
    named.into_iter().chain(lines::ANSWERS.iter().copied()).chain(wished).collect()
}

#[test]
fn every_line_says_what_its_recording_says() {
    let texts: serde_json::Value =
        serde_json::from_str(include_str!("../../../../fixtures/voices/en/texts.json")).unwrap();
    for line in all() {
        assert_eq!(texts[line.name], line.text, "{}", line.name);
        assert!(line.audio.len() > 8_000 && line.audio.len().is_multiple_of(160), "{}", line.name);
        assert!(line.audio.len() < 10 * 8_000, "{}", line.name);
    }
}

#[test]
fn there_are_a_dozen_answers_and_neighbours_differ() {
    assert!(lines::ANSWERS.len() >= 12);
    let names: std::collections::BTreeSet<_> = lines::ANSWERS.iter().map(|line| line.name).collect();
    assert_eq!(names.len(), lines::ANSWERS.len());
}

#[test]
fn only_the_goodbye_is_a_farewell() {
    for line in all() {
        let farewell = phrases::ends_in_farewell(line.text, "en");
        assert_eq!(farewell, line.name == lines::GOODBYE.name, "{}", line.text);
    }
}

#[test]
fn words_choose_whole_words_only_and_the_first_row_that_fits() {
    let heard = |text: &str| match lines::wish(text) {
        Some(Wish::Hear(line)) => line.name,
        Some(Wish::End) => "end",
        None => "",
    };
    for (text, name) in [
        ("That's all, thank you. Goodbye!", "end"),
        ("THANKS", "offline-thanks"),
        ("Hi there", "offline-hello"),
        ("this is something else", ""),
        ("Are you a robot?", "offline-who"),
        ("", ""),
        ("…", ""),
        ("Wait, I\u{2019}m here", "offline-answer-6"),
    ] {
        assert_eq!(heard(text), name, "{text}");
    }
    for phrase in KEYWORDS.iter().flat_map(|(phrases, _)| *phrases) {
        assert!(phrase.chars().all(|c| c.is_lowercase() || c == ' '), "{phrase}: would never match");
    }
}
