//! The documented example: it loads, and it is complete.

use super::*;
use crate::assistant::{FarewellKind, Greeting, HangupTool, Settings};
use crate::model::openai::TurnDetection;

const EXAMPLE: &str = include_str!("../../../fixtures/quietline.example.toml");
const SECRETS: &[(&str, &str)] = &[
    ("TWILIO_AUTH_TOKEN", TOKEN),
    ("TWILIO_SHARED_KEY", "shared"),
    ("OPENAI_API_KEY", "sk-example"),
    ("ELEVENLABS_API_KEY", "xi-example"),
];

/// Every table of the file, as one more key can be written into it.
const TABLES: &[&str] = &[
    "{}",
    "[server]\n{}",
    "[twilio]\n{}",
    "[twilio.rest]\n{}",
    "[openai]\n{}",
    "[elevenlabs]\n{}",
    "[voices]\n{}",
    "[capture]\n{}",
    "[io]\n{}",
    "[store]\n{}",
    "[webhook]\n{}",
    "[secrets.crm]\n{}",
    "[intents]\n{}",
    "[limits]\n{}",
    "[limits.silence_timeout_s]\n{}",
    "[[assistant]]\n{}",
    "[[assistant]]\n[assistant.greeting]\n{}",
    "[[assistant]]\n[assistant.reminder]\n{}",
    "[[assistant]]\n[assistant.farewell]\n{}",
    "[[assistant]]\n[assistant.farewell.voice]\n{}",
    "[[assistant]]\n[assistant.farewell.fallback_voice]\n{}",
    "[[assistant]]\n[assistant.text]\n{}",
    "[[assistant]]\n[assistant.tools]\n{}",
    "[[assistant]]\n[assistant.tools.hangup_call]\n{}",
    "[[assistant]]\n[assistant.tools.wait_for_caller]\n{}",
    "[[assistant]]\n[assistant.tools.transfer_call]\n{}",
    "[[assistant]]\n[assistant.tools.send_text]\n{}",
    "[[assistant]]\n[[assistant.intents]]\n{}",
    "[[assistant]]\n[[assistant.intents]]\n[assistant.intents.answer]\n{}",
    "[[assistant]]\n[assistant.model]\n{}",
    "[[assistant]]\n[assistant.model.openai]\n{}",
    "[[assistant]]\n[assistant.model.openai.transcription]\n{}",
    "[[assistant]]\n[assistant.model.openai.turn_detection]\n{}",
];

/// The example with its optional lines taken in.
fn complete() -> String {
    let optional =
        |line: &str| line.starts_with('#') && line[1..].starts_with(|c: char| c.is_ascii_lowercase() || c == '[');
    let lines = EXAMPLE.lines().map(|line| if optional(line) { &line[1..] } else { line });
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_example_loads_as_it_is_and_says_the_defaults() {
    let config = parse_with(EXAMPLE, SECRETS).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.warnings, [""; 0]);
    let nothing = parse("").unwrap();
    assert_eq!((config.limits, config.server.listen), (nothing.limits, nothing.server.listen));
    let assistant = &config.assistants[0];
    let tools = Settings {
        greeting: Some(Greeting { interruptible: true }),
        hangup_call: Some(HangupTool::default()),
        ..Settings::default()
    };
    assert_eq!(assistant.settings, tools);
    assert!(FarewellKind::ALL.into_iter().all(|kind| assistant.farewells.is_default(kind)));
    assert_eq!(
        *assistant,
        Assistant {
            name: "front desk".into(),
            farewells: assistant.farewells.clone(),
            // The example has accounts.
            voice: assistant.voice.clone(),
            fallback_voice: assistant.fallback_voice.clone(),
            ..nothing.assistants[0].clone()
        }
    );
}

#[test]
fn the_example_loads_with_every_optional_line() {
    let folder = std::env::temp_dir().join(format!("quietline-example-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for name in [
        "twilio_auth_token",
        "twilio_shared_key",
        "twilio_api_key_secret",
        "openai_api_key",
        "elevenlabs_api_key",
        "crm_token",
    ] {
        std::fs::write(folder.join(name), "secret\n").unwrap();
    }
    std::fs::write(folder.join("database_url"), "postgres://u:p@127.0.0.1/q\n").unwrap();
    std::fs::write(folder.join("webhook_secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let text = complete().replace("/run/secrets", folder.to_str().unwrap());
    let text = text.replace("provider = \"offline\"", "provider = \"openai\"");
    // Of these pairs a file has one each.
    let pairs = [
        "api_key_secret_env = \"TWILIO_API_KEY_SECRET\"\n",
        "api_key_env = \"OPENAI_API_KEY\"\n",
        "api_key_env = \"ELEVENLABS_API_KEY\"\n",
        "path = \"/var/lib/quietline/quietline.db\"\n",
        "database_url_env = \"DATABASE_URL\"\n",
        "secret_env = \"QUIETLINE_WEBHOOK_SECRET\"\n",
        "env = \"CRM_TOKEN\"\n",
    ];
    let text = pairs.iter().fold(text, |text, line| text.replace(line, ""));
    let config = parse_with(&text, SECRETS);
    std::fs::remove_dir_all(&folder).unwrap();
    let config = config.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.warnings, [""; 0]);
    assert_eq!(config.twilio.unwrap().keys.len(), 4);
    let settings = config.assistants[0].model.openai().expect("openai was chosen");
    assert!(settings.instructions.contains("Acme") && settings.max_output_tokens.is_some());
    assert_eq!(settings.turn_detection, TurnDetection::default());
    assert!(config.assistants[0].settings.reminder.is_some() && config.server.shards.is_some());
    assert!(matches!(config.store.choice, StoreChoice::Postgres(_)) && config.webhook.is_some());
    assert_eq!(config.secrets.keys().collect::<Vec<_>>(), ["crm"]);
    let intents: Vec<_> = config.assistants[0].intents.iter().map(|intent| intent.name.as_str()).collect();
    assert_eq!(intents, ["book_slot", "closing_words"]);
    let usual = parse("[capture]\nfolder = \"/var/lib/quietline/captures\"\n").unwrap().capture;
    assert!(config.capture.is_some() && config.capture == usual);
    let voices = [&config.assistants[0].voice, &config.assistants[0].fallback_voice];
    let voices = voices.map(|voice| voice.as_ref().map(crate::tts::Voice::to_string).unwrap_or_default());
    assert_eq!(voices, ["openai marin (gpt-4o-mini-tts)", "elevenlabs 21m00Tcm4TlvDq8ikWAM (eleven_flash_v2_5)"]);
}

#[test]
fn the_example_has_every_key() {
    let text = complete();
    let mut keys = 0;
    for table in TABLES {
        let told = refused(&table.replace("{}", "zzz = 1\n"));
        let known = told.lines().next().unwrap().split("known here: ").nth(1).unwrap_or_else(|| panic!("{told}"));
        // An older name is known, and not recommended.
        for key in known.split(", ").map(|key| key.trim_matches('`')).filter(|key| *key != "instructions") {
            let stands = text.lines().any(|line| {
                let line = line.trim();
                let header = line.trim_matches(['[', ']']);
                line.starts_with(&format!("{key} = "))
                    || line.contains(&format!("{{ {key} = "))
                    || line.contains(&format!(", {key} = "))
                    || (line.starts_with('[') && header.split('.').any(|part| part == key))
            });
            assert!(stands, "{key} of {table:?} is missing from the example");
            keys += 1;
        }
    }
    assert!(keys >= 45, "{keys}");
}
