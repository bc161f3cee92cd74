//! Every row of the situations that needs no socket: concrete calls on virtual time, as data.
//!
//! Rows 41 (a second connection for a live call), 42 (the caller hangs up between webhook and stream) and 45 (the process
//! is killed in mid-call) need sockets: `tests/it/live`. Row 48 (voicemail answers) comes with outbound calls.

mod agent;
mod checks;
mod hangup;
mod model;
mod noise;
pub(crate) mod scenario;
mod silence;
mod tools;
mod trouble;

use scenario::Row;

fn table() -> Vec<Row> {
    [silence::rows(), hangup::rows(), agent::rows(), model::rows(), noise::rows(), trouble::rows(), tools::rows()]
        .concat()
}

/// Rows that are played elsewhere.
const ELSEWHERE: [u32; 4] = [41, 42, 45, 48];

#[test]
fn every_row_happens_as_written() {
    let only = std::env::var("SITUATION").ok();
    let mut wrong = Vec::new();
    for row in table() {
        let name = format!("row {}: {}", row.number, row.what);
        if only.as_ref().is_some_and(|only| *only != row.number.to_string()) {
            continue;
        }
        let played = match row.play() {
            Ok(played) => played,
            Err(error) => {
                wrong.push(format!("{name}\n  {error}"));
                continue;
            }
        };
        let mut failed: Vec<String> =
            checks::always(&played).err().map(|error| format!("  {error}")).into_iter().collect();
        for check in &row.checks {
            if let Err(error) = check.of(&row, &played) {
                failed.push(format!("  {}: {error}", check.name()));
            }
        }
        if !failed.is_empty() {
            wrong.push(format!("{name}\n{}\n{}", failed.join("\n"), played.ledger()));
        }
    }
    assert!(wrong.is_empty(), "{} rows are wrong\n\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_row_is_missing() {
    let rows = table();
    for number in 1..=48 {
        let there = rows.iter().any(|row| row.number == number);
        assert_ne!(there, ELSEWHERE.contains(&number), "row {number}");
    }
    assert!(rows.iter().all(|row| !row.checks.is_empty()), "a row without a check");
}
