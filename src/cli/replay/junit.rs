//! JUnit XML: what build servers read. A test case for each recording.

use std::{
    fs, io,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use quick_xml::{
    events::{BytesDecl, BytesText, Event},
    writer::Writer,
};
use quietline::{call::Reason, net::clock};

use super::{Done, Played};

/// Writes the file.
pub(super) fn write(file: &Path, all: &[Done]) -> io::Result<()> {
    fs::write(file, xml(all, clock::unix_ms())?)
}

/// The document, with the attributes that the common schema (Ant's, Jenkins') requires.
fn xml(all: &[Done], unix_ms: u64) -> io::Result<Vec<u8>> {
    let count = |of: fn(&Done) -> bool| all.iter().filter(|done| of(done)).count().to_string();
    let failures = count(|done| done.result.as_ref().is_ok_and(|played| !played.failures.is_empty()));
    let errors = count(|done| done.result.is_err());
    let total = seconds(all.iter().map(played_ms).sum());
    // The schema's date has neither fractions nor a zone.
    let now = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(unix_ms)).to_string();
    let counts = [("tests", all.len().to_string()), ("failures", failures), ("errors", errors), ("time", total)];
    let counts = || counts.iter().map(|(key, value)| (*key, value.as_str()));

    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let suite = [("name", "quietline replay"), ("timestamp", now.trim_end_matches('Z')), ("hostname", "localhost")];
    let suites = writer.create_element("testsuites").with_attribute(("name", "quietline replay"));
    suites.with_attributes(counts()).write_inner_content(|writer| {
        let element = writer.create_element("testsuite").with_attributes(suite).with_attributes(counts());
        let element = element.with_attribute(("skipped", "0"));
        element.write_inner_content(|writer| all.iter().try_for_each(|done| test_case(writer, done)))?;
        Ok(())
    })?;
    let mut xml = writer.into_inner();
    xml.push(b'\n');
    Ok(xml)
}

fn test_case(writer: &mut Writer<Vec<u8>>, done: &Done) -> io::Result<()> {
    let name = allowed(&done.path.file_name().unwrap_or_default().to_string_lossy());
    let folder = done.path.parent().map(|folder| allowed(&folder.to_string_lossy())).filter(|name| !name.is_empty());
    let class = folder.as_deref().unwrap_or(".");
    let time = seconds(played_ms(done));
    let attributes = [("name", name.as_str()), ("classname", class), ("time", &time)];
    let element = writer.create_element("testcase").with_attributes(attributes);
    match &done.result {
        Err(error) => element.write_inner_content(|writer| trouble(writer, "error", "unreadable", error, error)),
        Ok(played) => element.write_inner_content(|writer| {
            if let Some(first) = played.failures.first() {
                let more = played.failures.len() - 1;
                let message = if more == 0 { first.clone() } else { format!("{first} (and {more} more)") };
                trouble(writer, "failure", "unexpected", &message, &played.failures.join("\n"))?;
            }
            text(writer, "system-out", &details(played))
        }),
    }?;
    Ok(())
}

fn trouble(writer: &mut Writer<Vec<u8>>, element: &str, kind: &str, message: &str, all: &str) -> io::Result<()> {
    let message = allowed(message);
    let element = writer.create_element(element).with_attributes([("type", kind), ("message", &message)]);
    element.write_text_content(BytesText::new(&allowed(all)))?;
    Ok(())
}

fn text(writer: &mut Writer<Vec<u8>>, element: &str, content: &str) -> io::Result<()> {
    writer.create_element(element).write_text_content(BytesText::new(&allowed(content)))?;
    Ok(())
}

/// Why the call ended: what one looks up when a test case fails.
fn details(played: &Played) -> String {
    let outcome = &played.outcome;
    let mut lines = vec![format!("ended by {}", outcome.reason.map_or("nothing", Reason::name))];
    lines.extend(
        played.checked.iter().map(|checked| format!("{} {checked}", if checked.met { "met:" } else { "NOT MET:" })),
    );
    lines.extend(played.notes.iter().map(|note| format!("note: {note}")));
    lines.extend(outcome.ledger.iter().map(|entry| format!("{} {}", entry.at, entry.cause)));
    lines.join("\n")
}

/// How long the call was.
fn played_ms(done: &Done) -> f64 {
    done.result.as_ref().ok().and_then(|played| played.outcome.hangup_ms).unwrap_or(0.0)
}

fn seconds(ms: f64) -> String {
    format!("{:.3}", ms / 1e3)
}

/// XML has no place for most control characters, however they are written.
fn allowed(text: &str) -> String {
    let is_allowed = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
    text.chars().map(|c| if is_allowed(c) && !matches!(c, '\u{fffe}' | '\u{ffff}') { c } else { '\u{fffd}' }).collect()
}
