//! A load's numbers for people.

use std::io::{self, Write};

use quietline::lab::load::{LATEST_LOAD_MS, Latency, LoadReport, Mechanics, ONSET_MS, ServerUse, Spread};

/// Writes everything, the rules last.
pub(super) fn write(report: &LoadReport, broken: &[String], validate: u32, out: &mut dyn Write) -> io::Result<()> {
    calls(report, out)?;
    goodbyes(report, out)?;
    if let Some(latency) = &report.latency {
        added(latency, out)?;
    }
    streams(report, validate, out)?;
    if let Some(server) = &report.server {
        used(server, out)?;
    }
    let load = &report.load;
    let us = load.us_per_frame.map_or(String::new(), |us| format!(", {us:.1} µs a frame"));
    let core = load.core_share.map_or("–".to_owned(), |share| format!("{:.0} % of a core{us}", share * 100.0));
    let on_time = if load.late_p99_ms <= LATEST_LOAD_MS { "yes" } else { "NO, the numbers are void" };
    writeln!(
        out,
        "load itself       {core}, late {:.2} / {:.2} / {:.1} ms (median, p99, max)\n\
         the load itself was on time: {on_time}\n",
        load.late_p50_ms, load.late_p99_ms, load.late_max_ms,
    )?;
    for rule in broken {
        writeln!(out, "BROKEN: {rule}")?;
    }
    if broken.is_empty() {
        writeln!(out, "every rule holds")?;
    }
    Ok(())
}

fn calls(report: &LoadReport, out: &mut dyn Write) -> io::Result<()> {
    let calls = &report.calls;
    writeln!(
        out,
        "calls             {} dialled, {} up, at most {} at once, in {:.1} s",
        calls.dialled, calls.up, calls.most_at_once, report.seconds
    )?;
    for (why, count) in &calls.refused {
        writeln!(out, "  without stream  {count} × {why}")?;
    }
    for (by, count) in &calls.ended_by {
        writeln!(out, "  ended by        {by}: {count}")?;
    }
    if calls.unended + calls.overdue > 0 {
        writeln!(out, "  not ended       {} did not end, {} were overdue", calls.unended, calls.overdue)?;
    }
    Ok(())
}

fn goodbyes(report: &LoadReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nms                {:>7} {:>9} {:>9} {:>9} {:>9} {:>9}", "n", "min", "p50", "p95", "p99", "max")?;
    spread(out, "onset error", report.onset_ms)?;
    spread(out, "  after playout", report.onset_after_played_ms)?;
    if let Some(mechanics) = &report.mechanics {
        spread(out, "mechanics error", mechanics.error_ms)?;
    }
    if let Some(answers) = &report.answers {
        spread(out, "answer", Some(answers.total_ms))?;
        spread(out, "  ours", Some(answers.ours_ms))?;
        spread(out, "  the model's", Some(answers.model_ms))?;
    }
    spread(out, "goodbye to end", report.goodbye_to_end_ms)?;
    spread(out, "webhook", report.webhook_ms)?;
    spread(out, "handshake", report.handshake_ms)?;
    spread(out, "first audio", report.first_audio_ms)?;
    let within = report.onset_after_played_ms.is_none_or(|onset| onset.p99 <= ONSET_MS && report.early == 0);
    writeln!(
        out,
        "\nonset             {} early, {} late, {} without goodbye; p99 after playout at most {ONSET_MS} ms, none early: {}",
        report.early,
        report.late,
        report.without_goodbye,
        if within { "yes" } else { "no" },
    )?;
    if let Some(Mechanics { early, missing, reasons, .. }) = &report.mechanics {
        let reasons: Vec<_> = reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        writeln!(out, "records           {early} early, {missing} missing; ended by {}", reasons.join(", "))?;
    }
    writeln!(out, "goodbye cut off   {} calls, at most {} ms unheard", report.cut_off, report.unheard_max_ms)
}

fn spread(out: &mut dyn Write, name: &str, spread: Option<Spread>) -> io::Result<()> {
    let Some(Spread { count, min, p50, p95, p99, max }) = spread else {
        return writeln!(out, "  {name:<15} {:>7}", 0);
    };
    writeln!(out, "  {name:<15} {count:>7} {min:>9.1} {p50:>9.1} {p95:>9.1} {p99:>9.1} {max:>9.1}")
}

/// Time that the gateway adds.
fn added(latency: &Latency, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nadded ms          {:>7} {:>9} {:>9} {:>9} {:>9} {:>9}", "n", "min", "p50", "p95", "p99", "max")?;
    for (name, of) in [
        ("caller to model", latency.to_model_ms),
        ("model to caller", latency.to_caller_ms),
        ("both", latency.added_ms),
        ("round trip", latency.round_trip_ms),
    ] {
        spread(out, name, of)?;
    }
    let Latency { tones, lost, unmatched, .. } = latency;
    writeln!(out, "tones             {tones} said, {lost} did not come back; {unmatched} connections not told apart\n")
}

fn streams(report: &LoadReport, validate: u32, out: &mut dyn Write) -> io::Result<()> {
    let (voice, list) = (&report.voice, |values: Option<&[u64]>| match values {
        None => "–".to_owned(),
        Some(values) => values.iter().map(u64::to_string).collect::<Vec<_>>().join(" / "),
    });
    writeln!(out, "underruns         {} in {} calls", voice.underruns, voice.underrun_calls)?;
    writeln!(out, "lead              {} ms (min, 1 %, median, max)", list(voice.lead_ms.as_ref().map(|it| &it[..])))?;
    let bytes = list(voice.bytes_per_message.as_ref().map(|it| &it[..]));
    writeln!(out, "audio a message   {bytes} bytes (min, median, max)")?;
    let checked = if validate == 1 { "each checked".to_owned() } else { format!("audio: 1 of {validate} checked") };
    writeln!(out, "messages          {} to the gateway, {} from it, {checked}", report.sent, report.received)?;
    writeln!(out, "violations        {}", report.violations)?;
    for (call, what) in &report.violation_examples {
        writeln!(out, "  {call}: {what}")?;
    }
    Ok(())
}

fn used(server: &ServerUse, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "gateway's CPU     {:.1} µs a frame, {:.0} % of a core (full load, {:.0} s)",
        server.us_per_frame,
        server.core_share * 100.0,
        server.measured_s
    )?;
    writeln!(
        out,
        "gateway's memory  {} KiB before, {} KiB at full load: {:.0} KiB a call",
        server.rss_before_kib, server.rss_full_kib, server.rss_per_call_kib
    )
}
