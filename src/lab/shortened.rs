//! What is quoted in complaints.

/// Errors quote the whole value, which may be a payload.
pub(in crate::lab) fn shortened(text: &str) -> String {
    const MOST: usize = 200;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let (head, tail) = (text.chars().take(MOST / 2), text.chars().rev().take(MOST / 2).collect::<Vec<_>>());
    format!("{} … {}", head.collect::<String>(), tail.into_iter().rev().collect::<String>())
}
