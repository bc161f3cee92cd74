//! Assistants as documents: one truth with the file, mistakes by their field, and what publishing says.

use serde_json::json;

use super::*;

fn context() -> Context {
    parse_with("[openai]\napi_key_env = \"OPENAI_API_KEY\"\n", &[("OPENAI_API_KEY", "sk-example")]).unwrap().context()
}

fn read(document: &serde_json::Value) -> Result<Definition, Vec<FieldProblem>> {
    Definition::from_json(document, &context())
}

#[test]
fn mistakes_are_told_by_their_field() {
    let problems = |document| -> Vec<_> {
        let problems = read(&document).expect_err("refused");
        problems.into_iter().map(|problem| (problem.path, problem.message)).collect()
    };
    for (document, path, message) in [
        (json!({"name": "a", "silence_timeout_s": 61}), "silence_timeout_s", "outside 30..=60"),
        (json!({"name": "a", "farewell": {"voice": {"provider": "x"}}}), "farewell.voice.provider", "x"),
        (json!({"name": "a", "farewell": {"silence": ""}}), "farewell.silence", "1 to 500"),
        (json!({"name": "a", "channels": ["call", "fax"]}), "channels[1]", "call and text"),
        (json!({"name": "a", "numbers": ["+15550000001"]}), "numbers[0]", "assigned"),
        (json!({"name": "a", "zzz": 1}), "zzz", "unknown key"),
        (json!({"name": "a", "audio_channel": "batch"}), "audio_channel", "realtime"),
        (json!({"name": "a", "system_message": "x", "instructions": "y"}), "instructions", "older name"),
        (json!({"name": "a", "system_message": "{{hangup}}"}), "system_message", "hangup_instructions"),
        (json!({"name": "a", "intents": [{"name": "b", "description": "c"}]}), "intents[0]", "url"),
        (
            json!({"name": "a", "intents": [{"name": "b", "description": "c", "prompt": "d"},
                                            {"name": "hangup_call", "description": "c", "prompt": "d"}]}),
            "intents[1].name",
            "built-in",
        ),
        (
            json!({"name": "a", "intents": [{"name": "b", "description": "c", "url": "https://a.example/",
                                             "headers": {"Host": "x"}}]}),
            "intents[0].headers.Host",
            "set by the connection",
        ),
        (json!({"name": "a", "outbound": {"machine": "message"}}), "outbound", "write message"),
        (json!({"name": "a", "outbound": {"machine": "beep"}}), "outbound.machine", "\"end\" or \"message\""),
        (json!({"name": "a", "outbound": {"message": "Hello"}}), "outbound.message", "machine = \"message\""),
        (json!({"name": "a", "outbound": {"max_per_hour": 1001}}), "outbound.max_per_hour", "outside 0..=1000"),
        (json!({"name": "a", "channels": ["call", null]}), "channels[1]", "null"),
        (json!([]), "", "an object"),
    ] {
        let told = problems(document.clone());
        assert!(
            told.iter().any(|(at, text)| at == path && text.contains(message)),
            "{document}: expected {path:?} {message:?}, told {told:?}"
        );
    }
    assert!(problems(json!({})).iter().any(|(_, message)| message.contains("name is missing")));
}

#[test]
fn a_document_is_the_same_as_a_table_of_the_file() {
    let document = json!({"name": "a", "language": "de", "silence_timeout_s": 45, "reminder": null,
        "system_message": "Hallo", "tools": {"hangup_call": {"confirm": false}}, "greeting": {"interruptible": false}});
    let definition = read(&document).unwrap();
    assert!(definition.json().get("reminder").is_none());
    let text = "name = \"a\"\nlanguage = \"de\"\nsilence_timeout_s = 45\nsystem_message = \"Hallo\"\n\
                greeting = { interruptible = false }\n[tools.hangup_call]\nconfirm = false\n";
    let of_file = Definition::from_toml(text, Path::new("assistant.toml"), &context()).unwrap();
    assert_eq!((definition.assistant(), definition.json()), (of_file.assistant(), of_file.json()));
    let wrong = Definition::from_toml("name = \"a\"\nsilence_timeout_s = 5\n", Path::new("assistant.toml"), &context());
    assert!(wrong.unwrap_err().to_string().starts_with("assistant.toml:2:21"));
}

#[test]
fn hanging_up_can_be_configured_in_three_ways() {
    let publication = |document| read(&document).unwrap().publication();
    let hangs_up = |document: serde_json::Value| read(&document).unwrap().assistant().settings.hangup_enabled();
    assert!(!hangs_up(json!({"name": "a"})));
    // As a method.
    assert!(hangs_up(json!({"name": "a", "tools": {"hangup_call": {}}})));
    // In the system message.
    let by_message = json!({"name": "a", "api_access": true, "system_message": "Be kind. {{hangup_instructions}}"});
    assert!(hangs_up(by_message.clone()));
    let told = publication(by_message);
    assert!(told.errors.is_empty() && told.notes[0].contains("switched hangup_call on"), "{told:?}");
    // As a prompt of an intent.
    let by_intent = json!({"name": "a", "api_access": true, "intents": [{"name": "bye", "description": "At the end.",
        "prompt": "Say goodbye.", "ends_call": true, "api_access": true}]});
    assert!(hangs_up(by_intent.clone()));
    assert!(publication(by_intent).notes[0].contains("ends the call"));
    // Words only.
    let told = publication(json!({"name": "a", "api_access": true, "system_message": "Hang up when they say bye."}));
    assert!(told.warnings.iter().any(|warning| warning.contains("cannot end a call")), "{told:?}");
}

#[test]
fn publishing_for_calls_needs_every_switch() {
    let errors = |document| {
        let told = read(&document).unwrap().publication();
        told.errors.into_iter().map(|problem| problem.path).collect::<Vec<_>>()
    };
    let intent = |access: bool, required: bool| {
        json!({"name": "book", "description": "Books.", "url": "https://a.example/", "api_access": access,
               "required": required})
    };
    let with = |api_access: bool, intent: serde_json::Value| json!({"name": "a", "api_access": api_access, "intents": [intent]});
    assert_eq!(errors(with(false, intent(true, true))), ["api_access"]);
    assert_eq!(errors(with(true, intent(false, true))), ["intents[0].api_access"]);
    assert_eq!(errors(with(true, intent(true, true))), [""; 0]);
    assert_eq!(errors(json!({"name": "a", "channels": ["text"]})), [""; 0], "only calls need it");
    let optional = read(&with(true, intent(false, false))).unwrap();
    assert!(optional.publication().errors.is_empty() && optional.publication().warnings[0].contains("not offered"));
    assert!(optional.assistant().settings.intents.is_empty(), "only what is switched on is offered");
    assert_eq!(
        errors(json!({"name": "a", "api_access": true, "system_message": "Use {{intent:book}}."})),
        ["system_message"]
    );
}

#[test]
fn store_webhook_and_secrets_are_told_whose_fault_they_are() {
    for (text, env, told) in [
        (
            "[store]\npath = \"a.db\"\ndatabase_url_env = \"D\"\n",
            &[("D", "postgres://u@h/d")][..],
            "leave one of them out",
        ),
        ("[store]\ndatabase_url_env = \"D\"\n", &[("D", "mysql://u:sesame@h/d")], "postgres://"),
        (
            "[webhook]\nurl = \"nowhere\"\nsecret_env = \"W\"\n",
            &[("W", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
            "no address",
        ),
        ("[webhook]\nurl = \"https://a.example/\"\nsecret_env = \"W\"\n", &[("W", "sesame")], "whsec_"),
        ("[webhook]\nurl = \"https://a.example/\"\n", &[], "secret is missing"),
        ("[secrets.crm]\n", &[], "where the secret is"),
        ("[intents]\nallow = [\"10.0.0.0/33\"]\n", &[], "not a network"),
    ] {
        let error = parse_with(text, env).expect_err(text).to_string();
        assert!(error.contains(told) && !error.contains("sesame"), "{text}: {error}");
    }
    let config = parse_with("", &[("STATE_DIRECTORY", "/var/lib/quietline:/other")]).unwrap();
    assert!(
        matches!(config.store.choice, StoreChoice::Sqlite(path) if path == Path::new("/var/lib/quietline/quietline.db"))
    );
}
