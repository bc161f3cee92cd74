use proptest::prelude::*;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use serde_json::Value;

use super::json;
use crate::carrier::twilio::twiml::{
    Connect, MAX_PARAMETER, MAX_SAY, Parameter, Problem, Setting, Twiml, TwimlError, hang_up, say_and_hang_up,
};

/// An element as a reader that is not our writer sees it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn attribute(&self, name: &str) -> &str {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_else(|| panic!("{name} of {self:?}"))
    }
}

fn read_back(document: &Twiml) -> Element {
    assert!(
        document.as_str().starts_with(r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#),
        "{}",
        document.as_str()
    );
    let mut reader = Reader::from_str(document.as_str());
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().expect("we write XML") {
            Event::Start(start) => open.push(element(&start)),
            Event::Empty(start) => {
                let element = element(&start);
                open.last_mut().expect("a parent").children.push(element);
            }
            Event::End(_) => {
                let done = open.pop().expect("it was opened");
                open.last_mut().expect("a parent").children.push(done);
            }
            Event::Text(text) => open.last_mut().expect("a parent").text.push_str(&text.xml10_content()),
            Event::GeneralRef(name) => {
                let escaped = format!("&{};", &*name);
                let plain = quick_xml::escape::unescape(&escaped).expect("a known entity").into_owned();
                open.last_mut().expect("a parent").text.push_str(&plain);
            }
            Event::Decl(_) => {}
            Event::Eof => break,
            other @ (Event::CData(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_)) => panic!("{other:?}"),
        }
    }
    let mut root = open.pop().expect("the document");
    assert!(open.is_empty() && root.children.len() == 1, "one root, closed");
    root.children.remove(0)
}

fn element(start: &BytesStart<'_>) -> Element {
    let attributes = start.attributes().map(|attribute| {
        let attribute = attribute.expect("a whole attribute");
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).expect("escaped").into_owned();
        (attribute.key.as_ref().to_owned(), value)
    });
    Element { name: start.name().as_ref().to_owned(), attributes: attributes.collect(), ..Element::default() }
}

fn check_grammar(element: &Element, grammar: &Value) {
    let rule = &grammar["voice"][&element.name];
    assert!(rule.is_object(), "no such verb: {}", element.name);
    for (name, value) in &element.attributes {
        let known = rule["attributes"].as_array().is_some_and(|all| all.iter().any(|known| known == name));
        assert!(known, "{} has no attribute {name}", element.name);
        if let Some(values) = grammar["attributeValues"][format!("{}.{name}", element.name)].as_array() {
            assert!(values.iter().any(|known| known == value), "{}.{name} = {value}", element.name);
        }
    }
    assert!(element.text.is_empty() || rule["text"] == true, "{} has no text", element.name);
    for child in &element.children {
        let nested = match element.name.as_str() {
            "Connect" => child.name == "Stream",
            "Stream" => child.name == "Parameter",
            _ => rule["children"].as_array().is_some_and(|all| all.iter().any(|known| *known == child.name)),
        };
        assert!(nested, "{} in {}", child.name, element.name);
        check_grammar(child, grammar);
    }
}

fn setting<'a>(key: &'a str, value: &'a str) -> Setting<'a> {
    Setting { key, value }
}

fn connect<'a>() -> Connect<'a> {
    Connect {
        stream: setting("public_url", "wss://gate.example.com/twilio/media"),
        name: setting("line.name", "front desk"),
        status_callback: setting("public_url", "https://gate.example.com/twilio/stream-status"),
        parameters: &[Parameter { name: "call_token", value: "k3J<&\">'" }, Parameter { name: "line", value: "" }],
        resume: setting("resume_url", "https://gate.example.com/twilio/resume?a=1&b=%20"),
    }
}

#[test]
fn the_answer_connects_and_then_resumes() {
    let document = connect().document().expect("a document");
    let root = read_back(&document);
    check_grammar(&root, &json("twiml-grammar.json"));
    let [verb, redirect] = &root.children[..] else { panic!("{root:?}") };
    assert_eq!((verb.name.as_str(), redirect.name.as_str()), ("Connect", "Redirect"));
    let [stream] = &verb.children[..] else { panic!("{verb:?}") };
    assert_eq!(stream.attribute("url"), "wss://gate.example.com/twilio/media");
    assert_eq!(stream.attribute("name"), "front desk");
    assert_eq!(stream.attribute("statusCallback"), "https://gate.example.com/twilio/stream-status");
    let parameters: Vec<_> =
        stream.children.iter().map(|child| (child.attribute("name"), child.attribute("value"))).collect();
    assert_eq!(parameters, [("call_token", "k3J<&\">'"), ("line", "")]);
    assert_eq!(redirect.text, "https://gate.example.com/twilio/resume?a=1&b=%20");
    assert_eq!(redirect.attribute("method"), "POST");
}

#[test]
fn farewell_and_apology_are_spoken_and_end_the_call() {
    let text = "Sch\u{f6}nen Tag & <b>bis bald</b>!\nWir sagen \"Auf Wiedersehen\".";
    let said = say_and_hang_up(setting("farewell.silence", text), setting("language", "de-DE")).expect("a document");
    let root = read_back(&said);
    check_grammar(&root, &json("twiml-grammar.json"));
    let [say, end] = &root.children[..] else { panic!("{root:?}") };
    assert_eq!((say.name.as_str(), say.attribute("language"), say.text.as_str()), ("Say", "de-DE", text));
    assert_eq!((end.name.as_str(), end.children.len()), ("Hangup", 0));
}

#[test]
fn hanging_up_is_one_verb() {
    let document = hang_up();
    assert_eq!(document.as_str(), r#"<?xml version="1.0" encoding="UTF-8"?><Response><Hangup/></Response>"#);
    check_grammar(&read_back(&document), &json("twiml-grammar.json"));
}

#[test]
fn documents_and_parameters_hide_what_they_hold() {
    let shown = format!("{:?} {:?}", connect(), connect().document().expect("a document"));
    assert!(shown.contains("Parameter(call_token)") && !shown.contains("k3J"), "{shown}");
}

#[test]
fn addresses_that_the_carrier_would_refuse_name_the_setting() {
    let stream = |value| Connect { stream: setting("public_url", value), ..connect() }.document();
    for (value, problem) in [
        ("ws://gate.example.com/m", Problem::Scheme("wss://")),
        ("https://gate.example.com/m", Problem::Scheme("wss://")),
        ("/twilio/media", Problem::Scheme("wss://")),
        ("", Problem::Scheme("wss://")),
        ("wss://", Problem::Scheme("wss://")),
        ("wss://:443/m", Problem::Scheme("wss://")),
        ("wss://gate.example.com/m?token=1", Problem::Query),
        ("wss://gate.example.com/m#rc=2", Problem::Query),
        ("wss://me:secret@gate.example.com/m", Problem::UserInfo),
        ("wss://gate.example.com/m x", Problem::Characters),
        ("wss://g\u{e4}te.example.com/m", Problem::Characters),
    ] {
        assert_eq!(stream(value), Err(TwimlError { key: "public_url".into(), problem }), "{value}");
    }
    let error = Connect { resume: setting("resume_url", "/resume"), ..connect() }.document().expect_err("relative");
    assert_eq!(
        error.to_string(),
        "the setting `resume_url` cannot be used with Twilio: it must make an absolute address that begins with \
         https:// and a host"
    );
}

#[test]
fn parameters_stay_under_the_vendors_limit() {
    let longest = "\u{e4}".repeat(MAX_PARAMETER - 1 - "line".len());
    let with = |value: &str| Connect { parameters: &[Parameter { name: "line", value }], ..connect() }.document();
    assert!(with(&longest).is_ok());
    let problem = Problem::TooLong { length: 500, most: 499 };
    assert_eq!(with(&format!("{longest}x")), Err(TwimlError { key: "line".into(), problem }));
    assert_eq!(with("a\u{0}"), Err(TwimlError { key: "line".into(), problem: Problem::Control }));
    let nameless = Connect { parameters: &[Parameter { name: "", value: "x" }], ..connect() }.document();
    assert!(nameless.is_err());
}

#[test]
fn texts_and_languages_that_cannot_be_spoken_name_the_setting() {
    let say = |text: &str, language: &str| {
        say_and_hang_up(setting("farewell.silence", text), setting("language", language))
            .map_err(|error| (error.key, error.problem))
    };
    let text = "farewell.silence".to_owned();
    assert_eq!(say(" \n", "en-US"), Err((text.clone(), Problem::Empty)));
    assert_eq!(say("bye\u{1b}", "en-US"), Err((text.clone(), Problem::Control)));
    assert_eq!(say("bye\u{ffff}", "en-US"), Err((text.clone(), Problem::Control)));
    let problem = Problem::TooLong { length: MAX_SAY + 1, most: MAX_SAY };
    assert_eq!(say(&"x".repeat(MAX_SAY + 1), "en-US"), Err((text, problem)));
    for language in ["", "e", "en_US", "en US", "en\"", "x-very-long-language-tag"] {
        assert_eq!(say("bye", language), Err(("language".to_owned(), Problem::Language)), "{language}");
    }
    assert!(say("bye", "en").is_ok());
}

proptest! {
    /// Whatever an operator writes is spoken as written, or refused.
    #[test]
    fn any_text_is_read_back_or_refused(text: String) {
        if let Ok(document) = say_and_hang_up(setting("farewell.silence", &text), setting("language", "en-US")) {
            prop_assert_eq!(&read_back(&document).children[0].text, &text);
        }
    }

    #[test]
    fn any_parameter_is_read_back_or_refused(name: String, value: String) {
        let parameters = [Parameter { name: &name, value: &value }];
        if let Ok(document) = (Connect { parameters: &parameters, ..connect() }).document() {
            let stream = &read_back(&document).children[0].children[0];
            let read = (stream.children[0].attribute("name"), stream.children[0].attribute("value"));
            prop_assert_eq!(read, (name.as_str(), value.as_str()));
        }
    }
}
