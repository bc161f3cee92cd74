//! What an operator does next: shown under `/`, and printed when the server starts without an account.

use crate::config::Config;

const STEPS: &[(&str, &str)] = &[
    ("Hear it", "quietline demo --listen"),
    ("Let a stand-in for Twilio call it; that prints what to start this server with", "quietline lab twilio --wait"),
    ("Make this machine reachable with TLS, for instance by a tunnel", "cloudflared tunnel --url http://{listen}"),
    (
        "Name the accounts and the public address (without a key for the model the offline agent answers), and start again",
        "export TWILIO_ACCOUNT_SID=AC… TWILIO_AUTH_TOKEN=… OPENAI_API_KEY=sk-… QUIETLINE_PUBLIC_URL=https://…\nquietline serve",
    ),
    ("Hear the goodbye as callers will", "quietline say \"Goodbye, and thank you for calling.\""),
    ("In Twilio's console, under the number, set \"A call comes in\" to Webhook, POST", "{public}/twilio/voice"),
    ("… and \"Call status changes\" to", "{public}/twilio/status"),
    ("Call the number. To change how it answers, write a quietline.toml and look at it with", "quietline check-config"),
];

/// The steps as plain text.
#[must_use]
pub fn text(config: &Config) -> String {
    let steps = STEPS.iter().enumerate().map(|(number, (what, command))| {
        let command = filled(command, config).replace('\n', "\n       ");
        format!("  {}. {what}:\n       {command}\n", number + 1)
    });
    steps.collect()
}

/// A page with the steps and the state of things.
pub(super) fn html(config: &Config) -> String {
    let steps = STEPS
        .iter()
        .map(|(what, command)| format!("<li>{}<pre>{}</pre></li>", escaped(what), escaped(&filled(command, config))));
    let state = if config.twilio.is_some() {
        "Twilio is configured: signed webhooks are answered."
    } else {
        "No Twilio account is configured: every webhook is refused. What to do next:"
    };
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>quietline</title><style>body{{font:16px/1.5 sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;\
         color:#222}}pre{{background:#f3f4f6;padding:.6rem;border-radius:6px;overflow-x:auto}}</style>\
         <h1>quietline runs</h1><p>{state}</p><ol>{}</ol><p><a href=\"healthz\">health</a> · <a href=\"readyz\">ready</a></p></html>",
        steps.collect::<String>()
    )
}

fn filled(text: &str, config: &Config) -> String {
    let local = config.server.public_url.is_loopback();
    let public = if local { "https://YOUR-ADDRESS" } else { config.server.public_url.as_str() };
    text.replace("{listen}", &config.server.listen.to_string()).replace("{public}", public.trim_end_matches('/'))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
