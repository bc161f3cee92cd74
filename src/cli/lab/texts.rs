//! `quietline lab twilio --text`: somebody writes to a gateway.

use std::{io::Write, time::Duration};

use quietline::lab::twilio::Lab;

use crate::cli::line::LineArgs;

/// An answer that is not in the webhook's own is waited for.
const BY_REST: Duration = Duration::from_secs(60);

/// Writes, and prints what is answered. `true` if the gateway did nothing wrong.
pub(super) async fn written(
    lab: &Lab,
    number: Option<&String>,
    line: &LineArgs,
    body: &str,
    out: &mut dyn Write,
) -> Result<bool, String> {
    let text = |error: std::io::Error| error.to_string();
    let to = number.unwrap_or(&line.to);
    writeln!(out, "{} > {to}  {body}", line.from).map_err(text)?;
    let outcome = lab.text(&line.from, to, body).await;
    let status = outcome.status.map_err(|why| format!("the text did not reach the gateway: {why}"))?;
    writeln!(out, "webhook          {status} after {:.3} s", outcome.took.as_secs_f64()).map_err(text)?;
    if outcome.replies.is_empty() && status == 200 {
        writeln!(out, "no answer in it: waiting for one by REST …").and_then(|()| out.flush()).map_err(text)?;
        let until = tokio::time::sleep(BY_REST);
        tokio::pin!(until);
        while lab.texts_to(&line.from).is_empty() {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
                () = &mut until => break,
                interrupt = tokio::signal::ctrl_c() => return interrupt.map_err(text).and(Err("interrupted".to_owned())),
            }
        }
    }
    let sent = lab.texts_to(&line.from);
    for reply in &sent {
        let how = if reply.by_rest { "  (by REST)" } else { "" };
        writeln!(out, "{} < {}  {}{how}", reply.to, reply.from, reply.body).map_err(text)?;
    }
    if sent.is_empty() {
        writeln!(out, "no answer").map_err(text)?;
    }
    // What becomes of it is told a moment later.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let complaints = lab.complaints();
    for complaint in &complaints {
        writeln!(out, "  {complaint}").map_err(text)?;
    }
    Ok(status == 200 && complaints.is_empty())
}
