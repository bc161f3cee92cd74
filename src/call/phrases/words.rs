//! Text as words, and what stands between them.

/// Short for a title or a form of address: the full stop behind it ends no sentence.
const ABBREVIATIONS: [&str; 17] =
    ["mr", "mrs", "ms", "dr", "dra", "prof", "st", "hr", "fr", "sr", "sra", "srta", "mme", "mlle", "sig", "dott", "डॉ"];

/// What stands before a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// The end of a sentence, or the beginning of the text.
    Sentence,
    /// A comma, a dash, a bracket.
    Pause,
    /// White space only.
    Space,
    /// Anything else, such as a hyphen, a quotation mark or a colon.
    Joined,
}

/// A word in the form in which words are compared.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) before: Gap,
    /// Written with a capital letter, as a name is.
    pub(super) capital: bool,
}

/// A text's words.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) words: Vec<Word>,
    /// There is a question mark in the text.
    pub(super) asks: bool,
    /// There is a question mark in or right behind the last sentence.
    pub(super) asks_last: bool,
}

impl Words {
    /// Where the last sentence begins.
    pub(super) fn last_sentence(&self) -> usize {
        self.words.iter().rposition(|word| word.before == Gap::Sentence).unwrap_or(0)
    }
}

/// Lower case, without accents and apostrophes, split at everything that is part of no word. A word of one letter keeps
/// its accent: it is all that tells "and" from "is" in Italian and Portuguese.
pub(super) fn split(text: &str) -> Words {
    let mut split = Words::default();
    let (mut raw, mut gap) = (String::new(), String::new());
    let mut chars = text.chars().filter(|c| !is_dropped(*c)).peekable();
    while let Some(c) = chars.next() {
        if !is_of_word(c) {
            gap.push(c);
            continue;
        }
        raw.push(c);
        if chars.peek().is_none_or(|next| !is_of_word(*next)) {
            split.push(&std::mem::take(&mut raw), &std::mem::take(&mut gap));
        }
    }
    split.ask(&gap);
    split
}

impl Words {
    fn push(&mut self, raw: &str, gap: &str) {
        let first = raw.chars().next().unwrap_or(' ');
        let before = match self.words.last() {
            None => Gap::Sentence,
            Some(last) => between(&last.text, gap, first),
        };
        if before == Gap::Sentence {
            self.asks |= gap.contains(is_question_mark);
            self.asks_last = gap.contains('\u{bf}');
        } else {
            self.ask(gap);
        }
        self.words.push(Word { text: comparable(raw), before, capital: first.is_uppercase() });
    }

    fn ask(&mut self, gap: &str) {
        let asks = gap.contains(is_question_mark);
        self.asks |= asks;
        self.asks_last |= asks;
    }
}

fn is_question_mark(c: char) -> bool {
    matches!(c, '?' | '\u{bf}' | '\u{61f}' | '\u{ff1f}')
}

/// What the characters between two words amount to.
fn between(last: &str, gap: &str, next: char) -> Gap {
    if gap.contains(['!', '?', '\u{61f}', '\u{ff1f}', '\u{ff01}', ';', '\n', '\u{964}', '\u{965}', '\u{3002}']) {
        return Gap::Sentence;
    }
    let pauses = gap.contains([',', '\u{60c}', '\u{2013}', '\u{2014}', '(', ')'])
        || (gap.contains('-') && gap.contains(char::is_whitespace));
    if gap.contains('\u{2026}') || gap.contains("..") {
        return if next.is_lowercase() { Gap::Pause } else { Gap::Sentence };
    }
    if gap.contains('.') && gap.contains(char::is_whitespace) {
        return if ABBREVIATIONS.contains(&last) {
            Gap::Space
        } else if last.chars().count() == 1 && !last.chars().all(char::is_numeric) {
            Gap::Pause // an initial, or the end of "p.m."
        } else {
            Gap::Sentence
        };
    }
    if pauses {
        Gap::Pause
    } else if gap.chars().all(char::is_whitespace) {
        Gap::Space
    } else {
        Gap::Joined
    }
}

/// Letters, digits and the signs that belong to them: accents of their own and, in Devanagari, nukta and virama, which
/// are no letters to Unicode.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\u{300}'..='\u{36f}' | '\u{93c}' | '\u{94d}')
}

/// Apostrophes, and the invisible joiners of Devanagari.
fn is_dropped(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}' | '\u{2bc}' | '`' | '\u{b4}' | '\u{200c}' | '\u{200d}')
}

fn comparable(raw: &str) -> String {
    let lower = raw.to_lowercase();
    let mut folded = String::with_capacity(lower.len());
    lower.chars().for_each(|c| fold(c, &mut folded));
    if folded.chars().nth(1).is_some() { folded } else { lower }
}

/// Without accents, nukta, and the difference between the two signs of a nasal vowel, which are often left out.
fn fold(c: char, word: &mut String) {
    let folded = match c {
        'à'..='å' => 'a',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ò'..='ö' => 'o',
        'ù'..='ü' => 'u',
        'ç' => 'c',
        'ñ' => 'n',
        'ß' => return word.push_str("ss"),
        'œ' => return word.push_str("oe"),
        '\u{300}'..='\u{36f}' | '\u{93c}' => return,
        '\u{901}' => '\u{902}',
        '\u{958}' => 'क',
        '\u{959}' => 'ख',
        '\u{95a}' => 'ग',
        '\u{95b}' => 'ज',
        '\u{95c}' => 'ड',
        '\u{95d}' => 'ढ',
        '\u{95e}' => 'फ',
        '\u{95f}' => 'य',
        other => other,
    };
    word.push(folded);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        split(text).words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_of_every_script() {
        assert_eq!(texts("D\u{2019}accord, l'au-revoir\u{a0}!"), ["daccord", "lau", "revoir"]);
        assert_eq!(texts("\u{a1}Adiós! adio\u{301}s GRÜSSE Grüße"), ["adios", "adios", "grusse", "grusse"]);
        // Vowel signs, virama, nukta in either encoding, joiners, both nasal signs.
        assert_eq!(texts("नमस्ते।शुक्रिया"), ["नमस्ते", "शुक्रिया"]);
        assert_eq!(texts("\u{95e}ोन फ\u{93c}ोन फोन"), ["फोन", "फोन", "फोन"]);
        assert_eq!(texts("हूँ हूं स्\u{200d}ते"), ["हूं", "हूं", "स्ते"]);
        assert_eq!(texts("È tutto e è"), ["è", "tutto", "e", "è"]);
        assert!(texts(" … ¿? ' ").is_empty());
    }

    #[test]
    fn what_ends_a_sentence() {
        for (text, begins) in [
            ("It is nine. Goodbye", 3),
            ("Is it? Goodbye", 2),
            ("ठीक है। अलविदा।", 2),
            ("Dr. Klein, Mr. Fox", 0),
            ("at 9.30 or acme.com", 0),
            ("Well\u{2026} goodbye", 0),
            ("Well\u{2026} Goodbye", 1),
            ("\u{bf}Algo más? \u{a1}Adiós!", 2),
            ("one\ntwo", 1),
        ] {
            assert_eq!(split(text).last_sentence(), begins, "{text}");
        }
    }

    #[test]
    fn what_stands_before_a_word() {
        let gaps = |text: &str| -> Vec<Gap> { split(text).words.iter().map(|word| word.before).collect() };
        let (first, last) = (Gap::Sentence, |text: &str| gaps(text)[1]);
        assert_eq!(gaps("a b"), [first, Gap::Space]);
        for (text, gap) in [
            ("bye-law", Gap::Joined),
            ("say: bye", Gap::Joined),
            ("say \u{201c}bye\u{201d}", Gap::Joined),
            ("yes - bye", Gap::Pause),
            ("yes \u{2013} bye", Gap::Pause),
            ("yes, bye", Gap::Pause),
            ("m. bye", Gap::Pause),
            ("yes. \"Bye\"", Gap::Sentence),
        ] {
            assert_eq!(last(text), gap, "{text}");
        }
    }

    #[test]
    fn who_asks() {
        for (text, asks, asks_last) in [
            ("Anything else?", true, true),
            ("Anything else? Bye.", true, false),
            ("\u{bf}Algo más? Adiós.", true, false),
            ("Adiós. \u{bf}Algo más", true, true),
            ("Bien, \u{bf}algo más", true, true),
            ("Bye\u{ff1f}", true, true),
            ("\"Bye?\" ", true, true),
            ("Bye!", false, false),
        ] {
            let split = split(text);
            assert_eq!((split.asks, split.asks_last), (asks, asks_last), "{text}");
        }
    }
}
