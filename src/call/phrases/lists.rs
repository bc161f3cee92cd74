//! The lists of the languages: `*.txt` in this folder.
//!
//! A line is a kind and a phrase; `#` begins a comment. In a phrase, `a|b` is one word or the other and `[a|b]` may be
//! left out. A `*` below counts as closing words (`only_closing`).
//!
//! | kind | phrase |
//! |---|---|
//! | `farewell` * | said when leaving, at the beginning or the end of a sentence |
//! | `ending` * | said when leaving, at the end of a sentence only |
//! | `either` * | greeting or farewell: a farewell only right after one, or after thanks |
//! | `thanks` *, `filler` * | may stand beside a farewell without asking for anything |
//! | `beside` | as `filler`, but says nothing alone ("I", "no") |
//! | `link` | as `beside`; what follows is begun anew ("and") |
//! | `title` | comes before a name ("Mr") |
//! | `question` | makes a question of its sentence, with or without a question mark |

use std::sync::LazyLock;

use super::words::{self, Word};

/// Longest phrase of a list, in words.
pub(super) const PHRASE_WORDS: usize = 8;

/// What a phrase is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Farewell,
    Ending,
    Either,
    Thanks,
    Filler,
    Beside,
    Link,
    Title,
    Question,
}

impl Kind {
    fn named(name: &str) -> Option<Self> {
        const NAMES: [(&str, Kind); 9] = [
            ("farewell", Kind::Farewell),
            ("ending", Kind::Ending),
            ("either", Kind::Either),
            ("thanks", Kind::Thanks),
            ("filler", Kind::Filler),
            ("beside", Kind::Beside),
            ("link", Kind::Link),
            ("title", Kind::Title),
            ("question", Kind::Question),
        ];
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    /// Farewell, thanks or filler: closes a conversation or may stand beside what does.
    pub(super) fn closes(self) -> bool {
        match self {
            Self::Farewell | Self::Ending | Self::Either | Self::Thanks | Self::Filler => true,
            Self::Beside | Self::Link | Self::Title | Self::Question => false,
        }
    }

    /// Asks for nothing, wherever it stands.
    pub(super) fn asks_nothing(self) -> bool {
        match self {
            Self::Farewell | Self::Ending | Self::Either | Self::Thanks | Self::Filler => true,
            Self::Beside | Self::Link | Self::Title => true,
            Self::Question => false,
        }
    }
}

/// One word of a phrase.
#[derive(Debug)]
struct Slot {
    words: Vec<String>,
    optional: bool,
}

/// A line of a list.
#[derive(Debug)]
pub(super) struct Phrase {
    pub(super) kind: Kind,
    slots: Vec<Slot>,
}

impl Phrase {
    /// Reads a line that is no comment.
    fn read(line: &str) -> Result<Self, String> {
        let (kind, phrase) = line.split_once(' ').unwrap_or((line, ""));
        let kind = Kind::named(kind).ok_or_else(|| format!("{line}: no such kind"))?;
        let slots: Vec<_> = phrase.split_whitespace().map(Slot::read).collect();
        if slots.iter().all(|slot| slot.optional) {
            return Err(format!("{line}: may be empty"));
        }
        if slots.iter().any(|slot| slot.words.is_empty()) {
            return Err(format!("{line}: a word that is none, or two without |"));
        }
        if slots.len() > PHRASE_WORDS {
            return Err(format!("{line}: more than {PHRASE_WORDS} words"));
        }
        Ok(Self { kind, slots })
    }

    /// How many words the phrase takes at the beginning of these, in every way it can.
    pub(super) fn lengths<'a>(&'a self, words: &'a [Word]) -> impl Iterator<Item = usize> + 'a {
        let mut reached = 1_u32; // bit n: the slots so far can take n words
        for slot in &self.slots {
            let mut next = if slot.optional { reached } else { 0 };
            for (taken, word) in words.iter().enumerate().take(PHRASE_WORDS) {
                if reached & (1 << taken) != 0 && slot.words.contains(&word.text) {
                    next |= 1 << (taken + 1);
                }
            }
            reached = next;
            if reached == 0 {
                break;
            }
        }
        (1..=PHRASE_WORDS).filter(move |length| reached & (1 << length) != 0)
    }
}

impl Slot {
    /// `a`, `a|b` or `[a|b]`; no words if one of them is not exactly one.
    fn read(text: &str) -> Self {
        let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        let words: Option<Vec<_>> = inner.unwrap_or(text).split('|').map(one_word).collect();
        Self { words: words.unwrap_or_default(), optional: inner.is_some() }
    }
}

fn one_word(text: &str) -> Option<String> {
    if text.contains(['[', ']']) {
        return None;
    }
    let mut words = words::split(text).words.into_iter();
    words.next().filter(|_| words.next().is_none()).map(|word| word.text)
}

/// A language's phrases.
#[derive(Debug)]
pub(super) struct List {
    language: &'static str,
    pub(super) phrases: Vec<Phrase>,
}

const FILES: [(&str, &str); 7] = [
    ("en", include_str!("en.txt")),
    ("de", include_str!("de.txt")),
    ("es", include_str!("es.txt")),
    ("fr", include_str!("fr.txt")),
    ("hi", include_str!("hi.txt")),
    ("it", include_str!("it.txt")),
    ("pt", include_str!("pt.txt")),
];

/// A line that cannot be read is left out; a test holds that there is none.
static LISTS: LazyLock<Vec<List>> = LazyLock::new(|| {
    FILES.map(|(language, text)| List { language, phrases: lines(text).filter_map(Result::ok).collect() }).into()
});

fn lines(text: &str) -> impl Iterator<Item = Result<Phrase, String>> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(Phrase::read)
}

/// The language's list, if there is one.
pub(super) fn list(language: &str) -> Option<&'static List> {
    LISTS.iter().find(|list| list.language == language)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every way to say a phrase.
    fn spelt_out(phrase: &Phrase) -> BTreeSet<String> {
        let mut ways = vec![String::new()];
        for slot in &phrase.slots {
            let with = ways.iter().flat_map(|way| slot.words.iter().map(move |word| format!("{way} {word}")));
            let with: Vec<_> = with.collect();
            ways = if slot.optional { ways.into_iter().chain(with).collect() } else { with };
        }
        ways.into_iter().collect()
    }

    #[test]
    fn every_line_of_every_list_is_right() {
        let mut wrong = Vec::new();
        for (language, text) in FILES {
            let mut seen = BTreeSet::new();
            for (line, phrase) in text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).zip(lines(text)) {
                match phrase {
                    Err(error) => wrong.push(format!("{language}: {error}")),
                    Ok(phrase) => {
                        for way in spelt_out(&phrase) {
                            if !seen.insert((phrase.kind, way.clone())) {
                                wrong.push(format!("{language}: {line}: twice:{way}"));
                            }
                        }
                    }
                }
            }
            for kind in [Kind::Farewell, Kind::Ending, Kind::Either, Kind::Thanks, Kind::Filler, Kind::Question] {
                assert!(seen.iter().any(|(seen, _)| *seen == kind), "{language} has no {kind:?}");
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_wrong_line_is_told() {
        for (line, error) in [
            ("goodbye", "no such kind"),
            ("Farewell bye", "no such kind"),
            ("farewell", "may be empty"),
            ("farewell [bye]", "may be empty"),
            ("farewell bye|", "a word that is none"),
            ("farewell [bye now", "a word that is none"),
            ("farewell bye-bye", "two without |"),
            ("farewell a b c d e f g h i", "more than 8 words"),
        ] {
            let told = Phrase::read(line).unwrap_err();
            assert!(told.contains(error), "{line}: {told}");
        }
    }

    #[test]
    fn a_phrase_takes_words_in_every_way_it_can() {
        let phrase = Phrase::read("farewell bye [for] [now|then]").unwrap();
        for (text, lengths) in [
            ("bye", vec![1]),
            ("bye for now", vec![1, 2, 3]),
            ("bye then now", vec![1, 2]),
            ("now bye", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(phrase.lengths(&words::split(text).words).collect::<Vec<_>>(), lengths, "{text}");
        }
    }
}
