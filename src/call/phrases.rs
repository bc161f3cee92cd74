//! Words that close a conversation, per language, from the lists in `phrases/`.
//!
//! Text is compared in lower case, letters and digits only, without accents. Where there is doubt, nothing is closed: a
//! farewell missed costs some seconds of silence, one that was none costs the caller the call.

use lists::{Kind, List};
use words::{Gap, Word, Words};

mod lists;
mod words;

/// Longest last sentence of a model's goodbye.
const GOODBYE_WORDS: usize = 12;
/// Most words of a name behind its title.
const NAME_WORDS: usize = 3;

/// The text holds at least one word.
#[must_use]
pub fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// A number that is equal for texts that differ in case, accents and punctuation only.
#[must_use]
pub fn fingerprint(text: &str) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut hasher = std::hash::DefaultHasher::new();
    words::split(text).words.iter().for_each(|word| word.text.hash(&mut hasher));
    hasher.finish()
}

/// Nothing but farewell, thanks and fillers, and no question. `false` for text without words and for languages without
/// a list.
#[must_use]
pub fn only_closing(text: &str, language: &str) -> bool {
    let (Some(list), Words { words, asks, .. }) = (lists::list(language), words::split(text)) else { return false };
    // Up to each word: is it reached by phrases that ask for nothing, and by one that closes among them?
    let mut reached = vec![false; words.len() + 1];
    let mut closed = reached.clone();
    reached[0] = !asks;
    for from in 0..words.len() {
        if !reached[from] {
            continue;
        }
        for (kind, length) in starting_at(list, &words, from).filter(|(kind, _)| kind.asks_nothing()) {
            reached[from + length] = true;
            closed[from + length] |= closed[from] || kind.closes();
        }
    }
    closed[words.len()]
}

/// The last sentence is a farewell: no question, at most 12 words, with a phrase of the language's list at its end
/// or its beginning. `false` for languages without a list.
///
/// A phrase is at the end if nothing leads up to it but a pause, an "and" or closing words ("say goodbye" is none); at
/// the beginning, if in the same way nothing follows but a name ("goodbye cards" is none).
#[must_use]
pub fn ends_in_farewell(text: &str, language: &str) -> bool {
    let Some(list) = lists::list(language) else { return false };
    let split = words::split(text);
    let begin = split.last_sentence();
    let (earlier, sentence) = split.words.split_at(begin);
    if split.asks_last || sentence.is_empty() || sentence.len() > GOODBYE_WORDS {
        return false;
    }
    let found = Found::in_sentence(list, sentence);
    found.is_farewell() || found.either_at_end().any(|from| after_closing(list, earlier, &sentence[..from]))
}

/// The phrases that begin at a word: kind and length.
fn starting_at<'a>(list: &'a List, words: &'a [Word], from: usize) -> impl Iterator<Item = (Kind, usize)> + 'a {
    let rest = &words[from..];
    list.phrases.iter().flat_map(move |phrase| phrase.lengths(rest).map(|length| (phrase.kind, length)))
}

/// A farewell or thanks ends right before, be it in the sentence or in the one before it.
fn after_closing(list: &List, earlier: &[Word], before: &[Word]) -> bool {
    let words = if before.is_empty() { earlier } else { before };
    (0..words.len()).any(|from| {
        starting_at(list, words, from).any(|(kind, length)| {
            matches!(kind, Kind::Farewell | Kind::Ending | Kind::Thanks) && leads_on(list, &words[from + length..])
        })
    })
}

/// No words, or one "and".
fn leads_on(list: &List, words: &[Word]) -> bool {
    words.is_empty() || starting_at(list, words, 0).any(|(kind, length)| kind == Kind::Link && length == words.len())
}

/// What a sentence is made of.
struct Found<'a> {
    sentence: &'a [Word],
    /// Kind, first word, first word behind.
    phrases: Vec<(Kind, usize, usize)>,
}

impl<'a> Found<'a> {
    fn in_sentence(list: &List, sentence: &'a [Word]) -> Self {
        let at = |from| starting_at(list, sentence, from).map(move |(kind, length)| (kind, from, from + length));
        Self { sentence, phrases: (0..sentence.len()).flat_map(at).collect() }
    }

    fn is_farewell(&self) -> bool {
        let (opening, free) = (self.opening(), self.free());
        let (over, finished) = (self.over(), self.finished());
        let farewell = |&(kind, from, to): &(Kind, usize, usize)| match kind {
            Kind::Farewell => (free[from] && finished[to]) || (opening[from] && over[to]),
            Kind::Ending => free[from] && finished[to],
            Kind::Either | Kind::Thanks | Kind::Filler | Kind::Beside => false,
            Kind::Link | Kind::Title | Kind::Question => false,
        };
        self.phrases.iter().all(|(kind, ..)| *kind != Kind::Question) && self.phrases.iter().any(farewell)
    }

    /// Where a greeting or farewell begins with which the sentence ends.
    fn either_at_end(&self) -> impl Iterator<Item = usize> {
        let at_end = |(kind, _, to): &&(Kind, usize, usize)| *kind == Kind::Either && *to == self.sentence.len();
        self.phrases.iter().filter(at_end).map(|(_, from, _)| *from)
    }

    /// Before which words there are none but such as ask for nothing.
    fn opening(&self) -> Vec<bool> {
        let mut opening = vec![false; self.sentence.len() + 1];
        opening[0] = true;
        self.carry_on(&mut opening);
        opening
    }

    /// Before which words something new can begin: at the start, after a pause, an "and", and words that ask for
    /// nothing behind one of these.
    fn free(&self) -> Vec<bool> {
        let mut free: Vec<_> = self.sentence.iter().map(|word| word.before == Gap::Pause).collect();
        free.push(false);
        free[0] = true;
        for (_, _, to) in self.phrases.iter().filter(|(kind, ..)| *kind == Kind::Link) {
            free[*to] = true;
        }
        self.carry_on(&mut free);
        free
    }

    /// From each marked word on over phrases that ask for nothing. The phrases are in the order of their beginnings.
    fn carry_on(&self, marked: &mut [bool]) {
        for (_, from, to) in self.phrases.iter().filter(|(kind, ..)| kind.asks_nothing()) {
            marked[*to] |= marked[*from];
        }
    }

    /// From which words on nothing follows but such as ask for nothing, and a name.
    fn finished(&self) -> Vec<bool> {
        let length = self.sentence.len();
        let mut finished: Vec<_> =
            self.sentence.iter().enumerate().map(|(at, word)| at + 1 == length && word.before == Gap::Pause).collect();
        finished.push(true);
        for (kind, from, to) in self.phrases.iter().rev().filter(|(kind, ..)| kind.asks_nothing()) {
            finished[*from] |= finished[*to] || (*kind == Kind::Title && length - to <= NAME_WORDS);
        }
        finished
    }

    /// Before which words a farewell can be over: as [`Self::finished`], at a pause, an "and", or one last name.
    fn over(&self) -> Vec<bool> {
        let mut over = self.finished();
        for (at, word) in self.sentence.iter().enumerate() {
            let name = at + 1 == self.sentence.len() && word.capital && word.before == Gap::Space;
            over[at] |= word.before == Gap::Pause || name;
        }
        for (_, from, _) in self.phrases.iter().filter(|(kind, ..)| *kind == Kind::Link) {
            over[*from] = true;
        }
        over
    }
}

#[cfg(test)]
mod tests;
