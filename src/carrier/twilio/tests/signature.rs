use proptest::prelude::*;
use serde_json::Value;

use super::{json, text};
use crate::carrier::twilio::signature::{Body, EmptyKey, HEADER, Key, Refused, Verifier};

fn token(token: &str) -> Key {
    Key::auth_token(token).expect("a key")
}

fn shared(secret: &str) -> Key {
    Key::shared(secret).expect("a key")
}

fn key(vector: &Value) -> Key {
    let secret = text(vector, "auth_token");
    match text(vector, "algorithm") {
        "HMAC_SHA1" => token(secret),
        "HMAC_SHA256" => shared(secret),
        other => panic!("{other}"),
    }
}

fn body(vector: &Value) -> Body<'_> {
    match (vector["form_body"].as_str(), vector["raw_body"].as_str()) {
        (Some(form), _) => Body::Form(form.as_bytes()),
        (None, Some(json)) => Body::Json(json.as_bytes()),
        (None, None) => Body::None,
    }
}

fn verify(vector: &Value, keys: Vec<Key>) -> Result<(), Refused> {
    Verifier::new(keys).verify(text(vector, "url"), body(vector), text(vector, "signature"))
}

#[test]
fn signatures_of_the_vectors_are_judged_as_the_vendors_libraries_do() {
    let vectors = json("signatures.json");
    let vectors = vectors["vectors"].as_array().expect("a list");
    assert_eq!(vectors.len(), 19);
    for vector in vectors {
        let verdict = verify(vector, vec![key(vector)]);
        assert_eq!(verdict.is_ok(), vector["valid"], "{}: {verdict:?}", vector["name"]);
    }
    let changed = vectors.iter().find(|vector| vector["name"] == "JSON body changed").expect("it is there");
    assert_eq!(verify(changed, vec![key(changed)]), Err(Refused::OtherBody));
}

#[test]
fn webhooks_of_the_vectors_are_signed() {
    let file = json("webhooks.json");
    let verifier = Verifier::new(vec![token(text(&file, "auth_token"))]);
    let requests = file["requests"].as_array().expect("a list");
    assert_eq!(requests.len(), 16);
    for request in requests {
        let (url, form) = (text(request, "url"), text(request, "body"));
        let signature = text(&request["headers"], HEADER);
        assert_eq!(verifier.verify(url, Body::Form(form.as_bytes()), signature), Ok(()), "{}", request["name"]);
        let elsewhere = format!("{url}/");
        let refused = verifier.verify(&elsewhere, Body::Form(form.as_bytes()), signature);
        assert_eq!(refused, Err(Refused::NotSigned), "{}", request["name"]);
        let more = format!("{form}&Extra=");
        let refused = verifier.verify(url, Body::Form(more.as_bytes()), signature);
        assert_eq!(refused, Err(Refused::NotSigned), "a field without value counts");
    }
}

#[test]
fn either_of_two_keys_may_have_signed() {
    let vectors = json("signatures.json");
    for vector in vectors["vectors"].as_array().expect("a list").iter().filter(|vector| vector["valid"] == true) {
        let (old, other) = (key(vector), token("another"));
        assert_eq!(verify(vector, vec![old.clone(), other.clone()]), Ok(()));
        assert_eq!(verify(vector, vec![other.clone(), old]), Ok(()));
        assert_eq!(verify(vector, vec![other]), Err(Refused::NotSigned));
        assert_eq!(verify(vector, Vec::new()), Err(Refused::NotSigned), "no key, no entry");
    }
}

#[test]
fn the_configured_key_decides_the_algorithm() {
    let vectors = json("signatures.json");
    for vector in vectors["vectors"].as_array().expect("a list") {
        let secret = text(vector, "auth_token");
        let swapped = match text(vector, "algorithm") {
            "HMAC_SHA1" => shared(secret),
            _ => token(secret),
        };
        assert_eq!(verify(vector, vec![swapped]), Err(Refused::NotSigned), "{}", vector["name"]);
    }
}

#[test]
fn a_handshake_is_signed_over_its_wss_address() {
    let verifier = Verifier::new(vec![token("fedcba9876543210fedcba9876543210")]);
    let verify = |url: &str| verifier.verify(url, Body::None, "D+zgy2ZA5e6cmZvV4CelRO+5jyY=");
    assert_eq!(verify("wss://gate.example.com/twilio/media"), Ok(()));
    assert_eq!(verify("wss://gate.example.com:8443/twilio/media"), Ok(()), "signed without its port");
    assert_eq!(verify("wss://gate.example.com/twilio/media#rc=2"), Ok(()), "a fragment is not signed");
    assert_eq!(verify("wss://gate.example.com/twilio/media?x=1"), Err(Refused::NotSigned));
    assert_eq!(verify("wss://gate.example.com/twilio"), Err(Refused::NotSigned));
}

#[test]
fn json_needs_its_hash_in_the_address() {
    let verifier = Verifier::new(vec![token("fedcba9876543210fedcba9876543210")]);
    let url = "https://gate.example.com/twilio/voice?CallSid=CA0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c&From=%2B18185550147";
    assert_eq!(verifier.verify(url, Body::None, "wDioU6wLgIgBSPQwHWdNM30Ibfs="), Ok(()));
    assert_eq!(verifier.verify(url, Body::Json(b"{}"), "wDioU6wLgIgBSPQwHWdNM30Ibfs="), Err(Refused::OtherBody));
}

#[test]
fn a_header_that_is_no_base64_is_no_signature() {
    let verifier = Verifier::new(vec![token("12345")]);
    for header in ["-", "0/KCTR6DLpKmkAf8muzZqo1nDgQ", "\u{e9}"] {
        let refused = verifier.verify("https://mycompany.com/", Body::None, header);
        assert_eq!(refused, Err(Refused::NotASignature), "{header}");
    }
    // Too short to be one: nothing matches it, not even in part.
    for header in ["", "0/KC"] {
        assert_eq!(verifier.verify("https://mycompany.com/", Body::None, header), Err(Refused::NotSigned));
    }
}

#[test]
fn an_empty_key_is_refused() {
    assert_eq!(Key::auth_token("").err(), Some(EmptyKey));
    assert_eq!(Key::shared("").err(), Some(EmptyKey));
}

#[test]
fn no_key_is_shown() {
    let verifier = Verifier::new(vec![token("hidden"), shared("hidden")]);
    let shown = format!("{verifier:?}");
    assert!(shown.contains("REDACTED") && !shown.contains("hidden") && !shown.contains("104"), "{shown}");
}

proptest! {
    #[test]
    fn any_request_is_signed_or_refused(url: String, body: Vec<u8>, signature: String) {
        let verifier = Verifier::new(vec![token("a"), shared("b")]);
        for body in [Body::None, Body::Form(&body), Body::Json(&body)] {
            prop_assert!(verifier.verify(&url, body, &signature).is_err());
        }
    }
}
