//! How long a text is: the network sends it in segments, and each costs.

/// Most characters of a text that Twilio takes.
pub const MAX_TEXT: usize = 1_600;
/// Code units of a text in one segment, and of each segment of a longer one: GSM 03.38.
const GSM: (usize, usize) = (160, 153);
/// … and in UTF-16, which one other character makes of the whole text.
const WIDE: (usize, usize) = (70, 67);
/// Characters of the GSM alphabet beyond ASCII's letters and digits.
const PLAIN: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";
/// … that take two places.
const ESCAPED: &str = "\u{c}^{}\\[~]|€";

/// How many segments the network makes of a text; 0 for an empty one.
#[must_use]
pub fn segments(text: &str) -> usize {
    let gsm = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => Some(1),
        c if PLAIN.contains(c) => Some(1),
        c if ESCAPED.contains(c) => Some(2),
        _ => None,
    };
    let ((whole, part), widths): (_, Vec<usize>) = match text.chars().map(gsm).collect::<Option<Vec<_>>>() {
        Some(widths) => (GSM, widths),
        None => (WIDE, text.chars().map(char::len_utf16).collect()),
    };
    let units: usize = widths.iter().sum();
    if units <= whole {
        return usize::from(units > 0);
    }
    // A character of two units is not torn apart.
    let (mut count, mut used) = (1, 0);
    for width in widths {
        if used + width > part {
            count += 1;
            used = 0;
        }
        used += width;
    }
    count
}

/// The text, or as many whole words of it as fit into so many segments, with … behind them.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    let fits = |text: &str| segments(text) <= most.max(1) && text.chars().count() <= MAX_TEXT;
    let text = text.trim();
    if fits(text) {
        return text.to_owned();
    }
    let shortened = |end: usize| format!("{}…", text[..end].trim_end());
    let ends: Vec<_> = text.char_indices().map(|(at, _)| at).collect();
    // More characters never need fewer segments.
    let last = ends.partition_point(|&end| fits(&shortened(end))).saturating_sub(1);
    let end = ends.get(last).copied().unwrap_or(0);
    let word = text[..end].rfind(char::is_whitespace).filter(|&at| at > end / 2);
    let at_word = if text[end..].starts_with(char::is_whitespace) { Some(end) } else { word };
    shortened(at_word.unwrap_or(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_as_the_network_makes_them() {
        let of = |c: &str, count: usize| segments(&c.repeat(count));
        assert_eq!(
            (of("a", 0), of("a", 1), of("a", 160), of("a", 161), of("a", 306), of("a", 307)),
            (0, 1, 1, 2, 2, 3)
        );
        assert_eq!((of("€", 80), of("€", 81)), (1, 2), "two places each");
        assert_eq!((of("…", 70), of("…", 71), of("…", 134), of("…", 135)), (1, 2, 2, 3));
        assert_eq!((of("😀", 35), of("😀", 36), of("😀", 66), of("😀", 67)), (1, 2, 2, 3), "none is torn apart");
    }

    #[test]
    fn what_is_too_long_ends_with_a_word() {
        assert_eq!(cut(" short ", 1), "short");
        let long = "seven letters ".repeat(200);
        let cut_off = cut(&long, 2);
        assert!(segments(&cut_off) == 2 && cut_off.ends_with("letters…") | cut_off.ends_with("seven…"), "{cut_off}");
        let unbroken = cut(&"ä".repeat(5_000), 10);
        assert!(segments(&unbroken) <= 10 && unbroken.ends_with('…'));
    }

    proptest::proptest! {
        #[test]
        fn it_always_fits(text: String, most in 1_usize..12) {
            let fitting = cut(&text, most);
            proptest::prop_assert!(segments(&fitting) <= most);
            proptest::prop_assert!(fitting.chars().count() <= MAX_TEXT);
        }
    }
}
