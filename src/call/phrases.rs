//! Words that close a conversation, per language, from the lists in `phrases/`.
//!
//! A list has three kinds of lines: `farewell PHRASE` (said when leaving), `thanks PHRASE` and `filler PHRASE` (may
//! stand beside a farewell without asking for anything). Text is compared in lower case, letters and digits only.

use std::sync::LazyLock;

/// Longest last sentence of a model's goodbye.
const GOODBYE_WORDS: usize = 12;
/// Longest phrase of a list.
const PHRASE_WORDS: usize = 6;

struct Phrases {
    language: &'static str,
    farewells: Vec<Vec<String>>,
    /// Farewells, thanks and fillers, longest first.
    closing: Vec<Vec<String>>,
}

static LISTS: LazyLock<Vec<Phrases>> = LazyLock::new(|| {
    let files = [
        ("en", include_str!("phrases/en.txt")),
        ("de", include_str!("phrases/de.txt")),
        ("es", include_str!("phrases/es.txt")),
        ("fr", include_str!("phrases/fr.txt")),
        ("it", include_str!("phrases/it.txt")),
        ("pt", include_str!("phrases/pt.txt")),
    ];
    files.map(|(language, text)| parse(language, text)).into()
});

fn parse(language: &'static str, text: &str) -> Phrases {
    let mut list = Phrases { language, farewells: Vec::new(), closing: Vec::new() };
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (kind, phrase) = line.split_once(' ').unwrap_or((line, ""));
        let phrase = words(phrase);
        if kind == "farewell" {
            list.farewells.push(phrase.clone());
        }
        list.closing.push(phrase);
    }
    list.closing.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
    list
}

fn list(language: &str) -> Option<&'static Phrases> {
    LISTS.iter().find(|list| list.language == language)
}

/// Lower-case words, apostrophes dropped, everything else that is no letter or digit a gap.
fn words(text: &str) -> Vec<String> {
    let text = text.replace(['\'', '\u{2019}'], "").to_lowercase();
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

/// The text holds at least one word.
#[must_use]
pub fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// A number that is equal for texts that differ in case and punctuation only.
#[must_use]
pub fn fingerprint(text: &str) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut hasher = std::hash::DefaultHasher::new();
    words(text).hash(&mut hasher);
    hasher.finish()
}

/// Nothing but farewell, thanks and fillers. `false` for text without words and for languages without a list.
#[must_use]
pub fn only_closing(text: &str, language: &str) -> bool {
    let (Some(list), words) = (list(language), words(text)) else { return false };
    let mut rest = words.as_slice();
    while !rest.is_empty() {
        let Some(phrase) = list.closing.iter().find(|phrase| rest.starts_with(phrase)) else { return false };
        rest = &rest[phrase.len()..];
    }
    !words.is_empty()
}

/// The last sentence is a farewell: no question, at most 12 words, with a phrase of the language's list at its end
/// or its beginning. `false` for languages without a list.
#[must_use]
pub fn ends_in_farewell(text: &str, language: &str) -> bool {
    let Some(list) = list(language) else { return false };
    let text = text.trim();
    if text.ends_with(['?', '\u{61f}']) {
        return false;
    }
    let sentence = text
        .trim_end_matches(['.', '!', '\u{2026}', '"', ' '])
        .rsplit(['.', '!', '?', '\u{2026}', ';', '\n'])
        .find(|sentence| has_words(sentence))
        .unwrap_or("");
    let sentence = words(sentence);
    if sentence.is_empty() || sentence.len() > GOODBYE_WORDS {
        return false;
    }
    debug_assert!(list.farewells.iter().all(|phrase| phrase.len() <= PHRASE_WORDS));
    list.farewells.iter().any(|phrase| {
        sentence.ends_with(phrase) || (sentence.starts_with(phrase) && !mentions_only(&sentence, phrase.len()))
    })
}

/// A farewell word at the start of a sentence that goes on about something else ("goodbye is what she said").
fn mentions_only(sentence: &[String], phrase: usize) -> bool {
    sentence
        .get(phrase)
        .is_some_and(|next| matches!(next.as_str(), "is" | "was" | "means" | "ist" | "heisst" | "es" | "est"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_words_only() {
        for text in ["Okay, thank you so much, bye-bye.", "Bye!", "Great, thanks, goodbye", "Thank you."] {
            assert!(only_closing(text, "en"), "{text}");
        }
        for text in ["Oh wait, one more thing", "okay but when", "", "...", "No, don't hang up"] {
            assert!(!only_closing(text, "en"), "{text}");
        }
        assert!(only_closing("Vielen Dank, tschüss!", "de"));
        assert!(only_closing("Merci, au revoir", "fr"));
        assert!(!only_closing("Bye", "xx"));
    }

    #[test]
    fn a_models_goodbye() {
        for text in [
            "You're welcome. Goodbye, have a nice day.",
            "Thanks for calling. Bye!",
            "I have noted that. Have a great day!",
            "Goodbye.",
        ] {
            assert!(ends_in_farewell(text, "en"), "{text}");
        }
        for text in [
            "Before we say goodbye, anything else?",
            "Before we say goodbye, I need your name and the number that you would like us to call.",
            "Goodbye is a song by that band.",
            "How can I help you?",
            "",
        ] {
            assert!(!ends_in_farewell(text, "en"), "{text}");
        }
        assert!(ends_in_farewell("Au revoir et bonne journée !", "fr"));
        assert!(!ends_in_farewell("Goodbye.", "xx"));
    }

    #[test]
    fn fingerprints_ignore_case_and_punctuation() {
        assert_eq!(fingerprint("Please hold, while..."), fingerprint("please HOLD while"));
        assert_ne!(fingerprint("one"), fingerprint("two"));
    }
}
