//! Times, keys and faults as they are typed.

use std::time::Duration;

use quietline::{
    carrier::{Digit, is_e164},
    lab::twilio::{Callee, RestFault},
};

/// `5s`, `1200ms`, or seconds without unit.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time: expected seconds or milliseconds, such as 5s or 1200ms");
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1e-3),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let value: f64 = number.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(value * unit).map_err(|_| wrong())
}

/// `5s:9`
pub(super) fn digit(text: &str) -> Result<(Duration, Digit), String> {
    let wrong = || format!("{text:?}: expected a time and a key 0-9, *, # or A-D, such as 5s:9");
    let (at, key) = text.rsplit_once(':').ok_or_else(wrong)?;
    let mut keys = key.chars();
    match (keys.next().and_then(Digit::new), keys.next()) {
        (Some(digit), None) => Ok((duration(at)?, digit)),
        _ => Err(wrong()),
    }
}

/// `5s:7s`
pub(super) fn stretch(text: &str) -> Result<(Duration, Duration), String> {
    let (from, to) = text.split_once(':').ok_or_else(|| format!("{text:?}: expected two times, such as 5s:7s"))?;
    let (from, to) = (duration(from)?, duration(to)?);
    if from < to { Ok((from, to)) } else { Err(format!("{text:?}: the stretch must end after it begins")) }
}

/// `+15551234567=human`
pub(super) fn callee(text: &str) -> Result<(String, Callee), String> {
    let (number, who) = text.split_once('=').ok_or("expected a number and who is there, such as +15551234567=human")?;
    if !is_e164(number) {
        return Err(format!("{number:?} is no number: expected + and 7 to 15 digits, such as +15551234567"));
    }
    let rings = Duration::from_secs(2);
    let callee = match who {
        "human" => Callee::Answers { rings, talks: Duration::from_secs(600) },
        "machine" => Callee::Machine { rings, greets: Duration::from_secs(4) },
        "busy" => Callee::Busy,
        "no-answer" => Callee::NoAnswer,
        "fails" => Callee::Fails,
        other => return Err(format!("{other:?}: expected human, machine, busy, no-answer or fails")),
    };
    Ok((number.to_owned(), callee))
}

/// `500`, `3s`, `silent`.
pub(super) fn rest_fault(text: &str) -> Result<RestFault, String> {
    if text == "silent" {
        return Ok(RestFault::Silent);
    }
    match text.parse::<u16>() {
        Ok(status @ 400..=599) => Ok(RestFault::Status(status)),
        Ok(_) => Err(format!("{text:?}: a status must be 400 to 599")),
        Err(_) => duration(text)
            .map(RestFault::Slow)
            .map_err(|_| format!("{text:?}: expected a status such as 500, a delay such as 3s, or silent")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keys_and_faults_as_they_are_typed() {
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("1200ms"), duration("1.2"));
        assert_eq!(digit("5s:#").expect("a key"), (Duration::from_secs(5), Digit::new('#').expect("a key")));
        assert_eq!(stretch("5s:7s"), Ok((Duration::from_secs(5), Duration::from_secs(7))));
        assert_eq!(rest_fault("500"), Ok(RestFault::Status(500)));
        assert_eq!(rest_fault("3s"), Ok(RestFault::Slow(Duration::from_secs(3))));
        for wrong in ["", "s", "-1s", "5s:", "never"] {
            assert!(duration(wrong).is_err() && rest_fault(wrong).is_err(), "{wrong}");
            assert!(digit(wrong).is_err() && stretch(wrong).is_err(), "{wrong}");
        }
        assert!(digit("5s:x").is_err() && digit("5s:12").is_err());
        assert!(stretch("7s:5s").is_err() && rest_fault("200").is_err());
    }
}
