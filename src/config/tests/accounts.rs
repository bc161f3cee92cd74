//! The account and its secrets, from variables and files; none of them is ever shown.

use secrecy::ExposeSecret;

use super::*;
use crate::carrier::twilio::signature::{Body, Verifier};

const PUBLIC: &str = "[server]\npublic_url = \"https://voice.example.com\"\n";
const WITH_TOKEN: &[(&str, &str)] =
    &[("TWILIO_AUTH_TOKEN", TOKEN), ("OTHER_TOKEN", "ffffeeeeddddccccbbbbaaaa99998888")];

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("quietline-config-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn account(lines: &str) -> Result<Config, ConfigError> {
    parse_with(&format!("{PUBLIC}[twilio]\naccount_sid = \"{SID}\"\n{lines}\n"), WITH_TOKEN)
}

fn refusal(lines: &str) -> String {
    account(lines).expect_err(lines).to_string()
}

/// A secret as the configuration has it.
fn password(config: &Config) -> &str {
    config.twilio.as_ref().unwrap().rest.password.expose_secret()
}

#[test]
fn a_token_of_the_environment_signs_and_opens_rest() {
    let config = account("auth_token_env = \"TWILIO_AUTH_TOKEN\"").unwrap();
    let twilio = config.twilio.as_ref().unwrap();
    assert_eq!((twilio.account.as_str(), twilio.rest.user.as_str()), (SID, SID));
    assert_eq!(twilio.rest.base_url, "https://api.twilio.com");
    assert_eq!(password(&config), TOKEN);
    assert_eq!(twilio.key_sources[0].source.to_string(), "TWILIO_AUTH_TOKEN");
    assert_eq!(twilio.keys.len(), 1);
    // The key is the token's: it knows the signature made with it.
    let verifier = Verifier::new(twilio.keys.clone());
    assert!(verifier.verify("https://a.example/", Body::None, "AAAA").is_err());
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn rotation_shared_keys_and_an_api_key() {
    let folder = Folder::new("rotation");
    let key = folder.file("shared", b"shared-key-of-the-webhook\n");
    let secret = folder.file("secret", b"  api-key-secret \r\n");
    let config = account(&format!(
        "auth_token_env = [\"TWILIO_AUTH_TOKEN\", \"OTHER_TOKEN\"]\nshared_key_file = \"{key}\"\n[twilio.rest]\n\
         base_url = \"https://api.dublin.ie1.twilio.com/\"\napi_key_sid = \"SK0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c\"\n\
         api_key_secret_file = \"{secret}\"\n"
    ))
    .unwrap();
    let twilio = config.twilio.as_ref().unwrap();
    let shared: Vec<_> = twilio.key_sources.iter().map(|source| source.is_shared).collect();
    assert_eq!((twilio.keys.len(), shared), (3, vec![false, false, true]));
    assert_eq!(twilio.rest.user, "SK0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c");
    assert_eq!(
        (password(&config), twilio.rest.base_url.as_str()),
        ("api-key-secret", "https://api.dublin.ie1.twilio.com")
    );
    assert_eq!(twilio.rest.password_source, SecretSource::File(secret.into()));
}

#[test]
fn what_is_wrong_with_a_secret_is_named_by_variable_or_file() {
    let folder = Folder::new("wrong");
    let (empty, long) = (folder.file("empty", b" \n"), folder.file("long", &[b'x'; 5_000]));
    let lines = folder.file("lines", b"one\ntwo\n");
    let binary = folder.file("binary", &[0xff, 0xfe]);
    let file = |path: &str| format!("auth_token_file = \"{path}\"");
    for (written, message) in [
        ("auth_token_env = \"NOT_SET\"".to_owned(), "the environment variable NOT_SET is not set"),
        (file("/no/such/file"), "the secret's file /no/such/file cannot be read"),
        (file(&empty), "empty is empty"),
        (file(&long), "longer than 4096 bytes"),
        (file(&lines), "several lines"),
        (file(&binary), "holds no text"),
        (file("secret"), "not the path of a secret's file"),
        ("auth_token_env = []".to_owned(), "the list is empty"),
        ("".to_owned(), "the auth token is missing"),
        ("auth_token_env = \"TWILIO_AUTH_TOKEN\"\nrest.api_key_sid = \"SK12\"".to_owned(), "SK and 32 hexadecimal"),
        (
            "auth_token_env = \"TWILIO_AUTH_TOKEN\"\nrest.api_key_secret_env = \"OTHER_TOKEN\"".to_owned(),
            "api_key_sid is missing",
        ),
        (
            "auth_token_env = \"TWILIO_AUTH_TOKEN\"\n[twilio.rest]\napi_key_sid = \"SK0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c\"\n\
             api_key_secret_env = [\"OTHER_TOKEN\", \"TWILIO_AUTH_TOKEN\"]"
                .to_owned(),
            "an API key has one secret",
        ),
        ("shared_key_env = \"OTHER_TOKEN\"".to_owned(), "calls cannot be ended without access to REST"),
        ("auth_token_env = \"TWILIO_AUTH_TOKEN\"\nrest.base_url = \"http://api.example.com\"".to_owned(), "plain http"),
        (
            "auth_token_env = \"TWILIO_AUTH_TOKEN\"\nrest.base_url = \"https://a.example/b\"".to_owned(),
            "end with the host",
        ),
    ] {
        let told = refusal(&written);
        assert!(told.contains(message), "{written}: {told}");
    }
    let nothing = parse_with(
        &format!("{PUBLIC}[twilio]\naccount_sid = \"{SID}\"\nauth_token_env = \"TWILIO_AUTH_TOKEN\"\n"),
        &[("TWILIO_AUTH_TOKEN", "")],
    );
    assert!(nothing.unwrap_err().to_string().contains("variable TWILIO_AUTH_TOKEN is empty"));
}

#[test]
fn a_secret_is_never_shown_wherever_it_was_put() {
    for written in [
        format!("auth_token = \"{TOKEN}\""),
        format!("auth_tokne = \"{TOKEN}\""),
        format!("auth_token_env = \"{TOKEN}\""),
        format!("auth_token_env = [\"TWILIO_AUTH_TOKEN\", \"{TOKEN}\"]"),
        format!("auth_token_file = \"{TOKEN}\""),
        format!("auth_token_env = {TOKEN}"),
        format!("auth_token_env = \"{TOKEN}"),
        format!("auth_token_env = {{ value = \"{TOKEN}\" }}"),
        format!("shared_key = \"{TOKEN}\""),
        format!("rest = \"{TOKEN}\""),
        format!("rest.api_key_sid = \"{TOKEN}\""),
        format!("rest.password = \"{TOKEN}\""),
        format!("account = \"{TOKEN}\""),
        format!("rest.base_url = \"https://user:{TOKEN}@api.twilio.com\""),
        format!("[[assistant]]\nname = \"a\"\nmodel = {{ provider = \"{TOKEN}\" }}"),
        format!("[[assistant]]\nname = \"a\"\ndetector = \"{TOKEN}\""),
        format!("\"{TOKEN}\" = 1"),
    ] {
        let error = account(&written).expect_err(&written);
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(!shown.contains(TOKEN) && !shown.contains(&TOKEN[..10]), "{written}: {shown}");
        }
    }
    let told = refusal(&format!("auth_token = \"{TOKEN}\""));
    assert!(told.contains("auth_token_env = \"TWILIO_AUTH_TOKEN\"") && told.contains("must not stand in this file"));
    assert!(told.ends_with("^^^^^^^^^^") && told.contains("5 | auth_token …"), "{told}");

    let config = account("auth_token_env = \"TWILIO_AUTH_TOKEN\"").unwrap();
    let shown = format!("{config:?} {config:#?}");
    assert!(!shown.contains(TOKEN), "{shown}");
}

#[test]
fn without_a_file_the_environment_makes_the_account() {
    let load = |variables: &'static [(&str, &str)]| {
        Config::load_or(None, &env(variables), Path::new("there/is/no/quietline.toml"))
    };
    let config = load(&[
        ("TWILIO_ACCOUNT_SID", SID),
        ("TWILIO_AUTH_TOKEN", TOKEN),
        (PUBLIC_URL, "https://voice.example.com/"),
        (LISTEN, "0.0.0.0:9000"),
    ])
    .unwrap();
    assert_eq!((config.file.as_ref(), config.server.listen.port()), (None, 9000));
    assert_eq!(config.server.public_url.as_str(), "https://voice.example.com");
    assert_eq!((password(&config), config.assistants[0].name.as_str()), (TOKEN, "demo"));

    let regional = load(&[
        ("TWILIO_ACCOUNT_SID", SID),
        ("TWILIO_AUTH_TOKEN", TOKEN),
        ("TWILIO_API_BASE_URL", "http://127.0.0.1:9999"),
        (PUBLIC_URL, "http://127.0.0.1:8080"),
    ])
    .unwrap();
    assert_eq!(regional.twilio.unwrap().rest.base_url, "http://127.0.0.1:9999");

    let nothing = load(&[("TWILIO_ACCOUNT_SID", ""), (LISTEN, " ")]).unwrap();
    assert!(nothing.twilio.is_none() && nothing.warnings[0].contains("no call can come in"), "{:?}", nothing.warnings);
    assert_eq!(nothing.server.public_url.as_str(), "http://127.0.0.1:8080");

    let told = |variables| load(variables).unwrap_err().to_string();
    assert!(told(&[("TWILIO_ACCOUNT_SID", SID)]).starts_with("TWILIO_AUTH_TOKEN: not set, but TWILIO_ACCOUNT_SID is"));
    assert!(told(&[("TWILIO_AUTH_TOKEN", TOKEN)]).starts_with("TWILIO_ACCOUNT_SID: not set"));
    assert!(
        told(&[("TWILIO_ACCOUNT_SID", TOKEN), ("TWILIO_AUTH_TOKEN", TOKEN)]).contains("TWILIO_ACCOUNT_SID: not a SID")
    );
    assert!(told(&[("TWILIO_ACCOUNT_SID", SID), ("TWILIO_AUTH_TOKEN", TOKEN)]).contains("public_url is missing"));
    assert!(told(&[(LISTEN, "here")]).starts_with("QUIETLINE_LISTEN: listen is not an address"));
    assert!(
        told(&[(PUBLIC_URL, "voice.example.com")]).starts_with("QUIETLINE_PUBLIC_URL: public_url expected https://")
    );
}

#[test]
fn with_a_file_the_environments_account_is_left_alone_and_it_says_so() {
    let config = parse_with(PUBLIC, &[("TWILIO_ACCOUNT_SID", SID), ("TWILIO_AUTH_TOKEN", TOKEN)]).unwrap();
    assert!(config.twilio.is_none());
    assert!(config.warnings[0].contains("TWILIO_ACCOUNT_SID is set, but quietline.toml has no [twilio]"));
}

#[test]
fn the_environment_stands_above_the_file() {
    let text = "[server]\nlisten = \"127.0.0.1:1\"\npublic_url = \"https://a.example\"\n";
    let config = parse_with(text, &[(LISTEN, "[::1]:2"), (PUBLIC_URL, "https://b.example/x")]).unwrap();
    assert_eq!((config.server.listen.port(), config.server.public_url.prefix()), (2, "/x"));
}
