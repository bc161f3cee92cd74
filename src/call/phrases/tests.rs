//! Labelled sentences of `fixtures/phrases`, and single cases.

#![expect(clippy::print_stdout, reason = "figures are for people, with --nocapture")]

use super::*;

const LANGUAGES: [&str; 7] = ["de", "en", "es", "fr", "hi", "it", "pt"];

struct Labelled {
    language: &'static str,
    yes: bool,
    text: &'static str,
}

fn labelled(file: &'static str, yes: &str) -> Vec<Labelled> {
    let row = |line: &'static str| {
        let [language, label, text] = line.splitn(3, '\t').collect::<Vec<_>>().try_into().unwrap();
        assert!(label == yes || label == "other", "{line}");
        assert!(LANGUAGES.contains(&language) && has_words(text), "{line}");
        Labelled { language, yes: label == yes, text }
    };
    let rows: Vec<_> = file.lines().map(row).collect();
    let mut texts: Vec<_> = rows.iter().map(|row| (row.language, row.text)).collect();
    texts.sort_unstable();
    assert!(texts.windows(2).all(|pair| pair[0] != pair[1]), "a sentence is there twice");
    rows
}

/// Found of so many, false of so many others.
#[derive(Default, Clone, Copy)]
struct Score {
    found: usize,
    of: usize,
    false_positives: usize,
    others: usize,
}

impl Score {
    fn holds(self, found_percent: usize, false_percent: usize) -> bool {
        self.found * 100 >= self.of * found_percent && self.false_positives * 100 <= self.others * false_percent
    }
}

/// Prints a line per language and one for all, and what is wrong.
fn measure(name: &str, rows: &[Labelled], finder: fn(&str, &str) -> bool) -> Score {
    let mut all = Score::default();
    for language in LANGUAGES {
        let mut score = Score::default();
        for row in rows.iter().filter(|row| row.language == language) {
            let said = finder(row.text, language);
            let (hits, of) = if row.yes {
                (&mut score.found, &mut score.of)
            } else {
                (&mut score.false_positives, &mut score.others)
            };
            *hits += usize::from(said);
            *of += 1;
            if said != row.yes {
                println!("{name} {language}: {}: {}", if row.yes { "missed" } else { "false" }, row.text);
            }
        }
        print(name, language, score);
        all.found += score.found;
        all.of += score.of;
        all.false_positives += score.false_positives;
        all.others += score.others;
    }
    print(name, "all", all);
    all
}

fn print(name: &str, language: &str, score: Score) {
    let Score { found, of, false_positives, others } = score;
    println!("{name} {language}: found {found} of {of}, false {false_positives} of {others}");
}

#[test]
fn farewells_are_found_and_little_else() {
    let rows = labelled(include_str!("../../../fixtures/phrases/farewells.tsv"), "farewell");
    assert!(rows.len() >= 300);
    for language in LANGUAGES {
        let (yes, no): (Vec<_>, Vec<_>) = rows.iter().filter(|row| row.language == language).partition(|row| row.yes);
        assert!(yes.len() >= 20 && no.len() >= 20, "{language}");
    }
    assert!(measure("farewells", &rows, ends_in_farewell).holds(90, 1));
}

#[test]
fn farewells_no_list_was_changed_for_are_found_as_well() {
    let rows = labelled(include_str!("../../../fixtures/phrases/farewells-held-out.tsv"), "farewell");
    assert!(measure("held out", &rows, ends_in_farewell).holds(90, 1));
}

#[test]
fn callers_closing_words_are_told_from_others() {
    let rows = labelled(include_str!("../../../fixtures/phrases/closings.tsv"), "closing");
    for language in LANGUAGES {
        assert!(rows.iter().filter(|row| row.language == language).count() >= 15, "{language}");
    }
    assert!(measure("closings", &rows, only_closing).holds(90, 0));
}

#[test]
fn closing_words_only() {
    for text in ["Okay, thank you so much, bye-bye.", "Bye!", "Great, thanks, goodbye", "Thank you.", "Okay"] {
        assert!(only_closing(text, "en"), "{text}");
    }
    for text in ["Oh wait, one more thing", "okay but when", "", "...", "No, don't hang up", "No", "Okay?", "and"] {
        assert!(!only_closing(text, "en"), "{text}");
    }
    assert!(!only_closing("Bye", "xx"));
}

#[test]
fn a_models_goodbye() {
    for text in [
        "You're welcome. Goodbye, have a nice day.",
        "Thanks for calling. Bye!",
        "I have noted that. Have a great day!",
        "Goodbye.",
        "Goodbye Sarah",
        "Thank you. Good day.",
        "We meet at 3 p.m. Goodbye.",
    ] {
        assert!(ends_in_farewell(text, "en"), "{text}");
    }
    for text in [
        "Before we say goodbye, anything else?",
        "Before we say goodbye, I need your name and the number that you would like us to call.",
        "Goodbye is a song by that band.",
        "How can I help you?",
        "Good day.",
        "Good-bye-laws and wrapping paper and goodbye cards.",
        "Goodbye, and the next time that you come along, please do not forget your card.",
        "Bye then, can I ask your name",
        "Goodbye?",
        "\u{201c}Goodbye?\u{201d}",
        "Goodbye. And now the weather.",
        "",
        "?!",
    ] {
        assert!(!ends_in_farewell(text, "en"), "{text}");
    }
    assert!(ends_in_farewell("Au revoir et bonne journée !", "fr"));
    assert!(!ends_in_farewell("Goodbye.", "xx"));
}

#[test]
fn a_greeting_is_a_farewell_only_beside_one() {
    for (language, text, farewell) in [
        ("pt", "Obrigada. Bom dia.", true),
        ("pt", "Bom dia.", false),
        ("pt", "Obrigada por ligar para a loja, bom dia.", false),
        ("hi", "धन्यवाद और नमस्ते", true),
        ("hi", "नमस्ते", false),
        ("hi", "नमस्ते, धन्यवाद जी, मैं रिया हूँ", false),
        ("it", "Arrivederci, ciao!", true),
        ("it", "Ciao, sono Marta", false),
    ] {
        assert_eq!(ends_in_farewell(text, language), farewell, "{text}");
    }
}

#[test]
fn fingerprints_ignore_case_and_punctuation() {
    assert_eq!(fingerprint("Please hold, while..."), fingerprint("please HOLD while"));
    assert_ne!(fingerprint("one"), fingerprint("two"));
    assert_ne!(fingerprint("a bc"), fingerprint("ab c"));
}
