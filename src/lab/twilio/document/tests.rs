use super::*;

const BASE: &str = "https://gate.example.com/twilio/voice";

fn read(inside: &str) -> Document {
    let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>{inside}</Response>\n");
    Document::read(&text, BASE).expect("a document")
}

#[test]
fn a_stream_with_all_that_belongs_to_it() {
    let document = read(
        r#"<Connect action="/after" method="GET"><Stream url="wss://gate.example.com/m" name="front &amp; desk"
           statusCallback="https://gate.example.com/s"><!-- yes --><Parameter name="call_token" value="a&lt;b"/>
           </Stream></Connect><Redirect method="POST">https://gate.example.com/r?a=1&amp;b=2</Redirect>"#,
    );
    assert_eq!(document.complaints, Vec::<String>::new());
    let [Verb::Connect { stream, action: Some(action) }, Verb::Redirect(redirect)] = &document.verbs[..] else {
        panic!("{document:?}")
    };
    assert_eq!(stream.url, "wss://gate.example.com/m");
    assert_eq!(stream.name.as_deref(), Some("front & desk"));
    assert_eq!(stream.parameters, [("call_token".to_owned(), "a<b".to_owned())]);
    assert_eq!(stream.status_callback.as_ref().expect("one").method, Method::POST);
    assert_eq!((action.url.as_str(), &action.method), ("/after", &Method::GET));
    assert_eq!(redirect.url, "https://gate.example.com/r?a=1&b=2");
}

#[test]
fn words_keep_their_entities_and_numbers_their_defaults() {
    let document = read("<Say language='fr-FR'>D&#233;sol&#xe9; &amp; <![CDATA[<adieu>]]></Say><Pause/><Hangup/>");
    assert_eq!(document.complaints, Vec::<String>::new());
    let said = Verb::Say { text: "Désolé & <adieu>".to_owned(), language: Some("fr-FR".to_owned()), times: 1 };
    assert_eq!(document.verbs, [said, Verb::Pause(Duration::from_secs(1)), Verb::Hangup]);
    assert_eq!(document.to_string(), "Say, Pause 1 s, Hangup");
    assert_eq!(read("").to_string(), "(nothing to do)");
}

#[test]
fn what_the_vendor_ignores_is_a_complaint() {
    for (inside, complaint) in [
        ("<Speak>x</Speak>", "<Speak> cannot stand in <Response>"),
        ("<Say colour='red'>x</Say>", "<Say> has no attribute `colour`"),
        ("<say>x</say>", "<say> cannot stand in <Response>"),
        ("<Hangup>now</Hangup>", "<Hangup> has no text"),
        ("<Connect><Say>x</Say></Connect>", "<Say> cannot stand in <Connect>"),
        ("<Connect/>", "<Connect> with 0 <Stream>"),
        ("<Connect><Stream/></Connect>", "<Stream> without url"),
        ("<Redirect method='PUT'>/x</Redirect>", "<Redirect method> cannot be \"PUT\""),
        ("<Pause length='long'/>", "must be a whole number"),
        ("<Pause/><Reject/>", "<Reject> must be the first verb"),
        ("<Connect><Stream url='wss://x'><Parameter name='a'/></Stream></Connect>", "needs a name and a value"),
    ] {
        let found = read(inside).complaints;
        assert!(found.iter().any(|it| it.contains(complaint)), "{inside}: {found:?}");
    }
    let long =
        format!("<Connect><Stream url='wss://x'><Parameter name='a' value='{}'/></Stream></Connect>", "b".repeat(499));
    assert!(read(&long).complaints[0].contains("too long"));
}

#[test]
fn what_is_no_document_says_why() {
    for (text, why) in [
        ("", "no element at all"),
        ("hello", "text outside"),
        ("<Response>", "not closed"),
        ("<Response></Answer>", "at byte"),
        ("<Response/><Response/>", "more than one root"),
        ("<html/>", "expected <Response>"),
        ("<Response>&nbsp;</Response>", "nbsp"),
        ("<!DOCTYPE x><Response/>", "document type"),
        ("<Response a='1' a='2'/>", "uplicate"),
    ] {
        let error = Document::read(text, BASE).expect_err(text);
        assert!(error.contains(why), "{text}: {error}");
    }
    let deep = format!("{}{}", "<Response>".repeat(50), "</Response>".repeat(50));
    assert!(Document::read(&deep, BASE).is_err());
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*") {
        let _ = Document::read(&text, BASE);
        let _ = Document::read(&format!("<Response>{text}</Response>"), BASE);
    }
}
