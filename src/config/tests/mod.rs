//! What is read, what is refused, and that no secret is ever shown.

mod accounts;
mod captures;
mod definitions;
mod example;
mod mistakes;
mod urls;
mod vendors;
mod voices;

use std::path::Path;

use super::*;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const SID: &str = "AC0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c";

/// An environment of these variables.
fn env(variables: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
    move |name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

fn parse_with(text: &str, variables: &'static [(&'static str, &'static str)]) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("quietline.toml"), &env(variables))
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    parse_with(text, &[])
}

/// The mistakes, as they are printed.
fn refused(text: &str) -> String {
    parse(text).expect_err("refused").to_string()
}

#[test]
fn nothing_written_is_a_demo_on_this_machine() {
    let config = parse("").unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.limits.max_calls, 200);
    let [assistant] = &config.assistants[..] else { panic!("{config:?}") };
    assert_eq!((assistant.name.as_str(), &assistant.model), ("demo", &ModelChoice::default()));
    assert!(assistant.settings.hangup_call.is_some() && assistant.settings.greeting.is_some());
    assert!(assistant.settings.check().is_ok());
}

#[test]
fn an_assistant_says_only_what_it_was_told_to() {
    let config = parse("[[assistant]]\nname = \"a\"\n[assistant.tools.hangup_call]\nenabled = false\n").unwrap();
    let settings = &config.assistants[0].settings;
    assert_eq!((settings.greeting, settings.hangup_call, settings.reminder), (None, None, None));
    let config = parse(
        "[[assistant]]\nname = \"a\"\ngreeting = { interruptible = false }\n[assistant.tools.hangup_call]\ncancellable = false\nconfirm = false\n",
    );
    let assistant = &config.unwrap().assistants[0];
    assert_eq!(assistant.settings.greeting.map(|greeting| greeting.interruptible), Some(false));
    assert_eq!(assistant.settings.hangup_call.map(|tool| tool.cancellable), Some(false));
    assert!(!assistant.hangup_confirm);
}

#[test]
fn a_number_finds_its_assistant() {
    let config = parse(
        "[[assistant]]\nname = \"rest\"\n[[assistant]]\nname = \"own\"\nnumbers = [\"+15550000001\"]\n\
         model.behaviour = \"echo\"\n",
    )
    .unwrap();
    let name = |number| config.assistant_for(number).map(|assistant| assistant.name.as_str());
    assert_eq!((name("+15550000001"), name("+15550000002"), name("")), (Some("own"), Some("rest"), Some("rest")));
    assert_eq!(config.assistants[1].model, ModelChoice::Offline(crate::model::offline::Behaviour::Echo));
    let config = parse("[[assistant]]\nname = \"own\"\nnumbers = [\"+15550000001\"]\n").unwrap();
    assert!(config.assistant_for("+15550000002").is_none());
}

#[test]
fn a_text_without_a_recording_is_warned_about_with_what_will_be_heard() {
    let config = parse(
        "[[assistant]]\nname = \"a\"\nlanguage = \"de\"\nreminder = { after_s = 10, text = \"Hallo?\" }\n\
         [assistant.farewell]\nsilence = \"Auf Wiederhören.\"\nhangup_call = \"Tschüss.\"\n",
    )
    .unwrap();
    let assistant = &config.assistants[0];
    let silence = crate::assistant::FarewellKind::Silence;
    assert_eq!(
        (assistant.farewells.text(silence), assistant.farewells.is_default(silence)),
        ("Auf Wiederhören.", false)
    );
    assert_eq!((assistant.farewells.language(), assistant.settings.language.as_str()), ("de-DE", "de"));
    assert_eq!(assistant.reminder_text, "Hallo?");
    let warned = |words: &[&str]| config.warnings.iter().any(|warning| words.iter().all(|word| warning.contains(word)));
    assert!(warned(&["farewell.silence", "the carrier's own voice will speak it"]), "{:?}", config.warnings);
    assert!(warned(&["farewell.hangup_call", "nothing will be said"]), "{:?}", config.warnings);
    assert!(warned(&["reminder.text", "no reminder will be heard"]), "{:?}", config.warnings);
    assert!(warned(&["5 of its farewells", "de-DE"]), "{:?}", config.warnings);
}

#[test]
fn a_language_without_its_region_is_given_the_usual_one() {
    for (written, code, tag) in [("hi", "hi", "hi-IN"), ("pt", "pt", "pt-BR"), ("pt-PT", "pt", "pt-PT")] {
        let config = parse(&format!("[[assistant]]\nname = \"a\"\nlanguage = \"{written}\"\n")).unwrap();
        let assistant = &config.assistants[0];
        assert_eq!((assistant.settings.language.as_str(), assistant.farewells.language()), (code, tag));
    }
}
