//! Whether what was said is what should have been said.

/// Equal but for case, punctuation, quotation marks and spaces.
pub(super) fn is_said(text: &str, transcript: &str) -> bool {
    heard(text).eq(heard(transcript))
}

/// What can be heard of a text: its letters and digits, in lower case.
fn heard(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::is_said;

    #[test]
    fn case_punctuation_spaces_and_quotes_are_not_heard() {
        let text = "I haven't heard from you, disconnecting the call now. Thank you for your time.";
        for said in [
            text,
            "i haven\u{2019}t heard from you \u{2014} disconnecting the call now! Thank you for your time",
            "\u{201c}I haven't heard from you, disconnecting the call now.\u{201d}\nThank you for your time. ",
        ] {
            assert!(is_said(text, said), "{said}");
        }
        for other in ["", "Thank you for your time.", &format!("Sure! {text}"), &format!("{text} Goodbye.")] {
            assert!(!is_said(text, other), "{other}");
        }
        assert!(is_said("Auf Wiederhören, Straße 7", "auf wiederhören straße 7."));
        assert!(!is_said("Straße 7", "Straße 8"));
    }
}
