//! Accounts with vendors of models and voices.

use super::*;

const KEYS: &[(&str, &str)] = &[("OPENAI_API_KEY", "sk-one"), ("ELEVENLABS_API_KEY", "xi-one"), ("OTHER", "sk-two")];

fn header(request: &crate::wire::HttpRequest, name: &str) -> String {
    let found = request.headers.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value.clone()).unwrap_or_default()
}

fn openai(config: &Config) -> crate::wire::HttpRequest {
    let access = &config.openai.as_ref().expect("an account").access;
    access.http(crate::wire::Method::Get, "/models", None, Duration::from_secs(1))
}

#[test]
fn an_empty_table_takes_the_usual_variable() {
    let config = parse_with("[openai]\n[elevenlabs]\n", KEYS).unwrap();
    let request = openai(&config);
    assert_eq!(request.url, "https://api.openai.com/v1/models");
    assert_eq!(header(&request, "Authorization"), "Bearer sk-one");
    assert_eq!(config.openai.as_ref().unwrap().key_source.to_string(), "OPENAI_API_KEY");
    assert_eq!(config.elevenlabs.as_ref().unwrap().access.base_url(), "https://api.elevenlabs.io");
    let shown = format!("{config:?}");
    assert!(!shown.contains("sk-one") && !shown.contains("xi-one"), "{shown}");
}

#[test]
fn everything_can_be_written() {
    let config = parse_with(
        "[openai]\nbase_url = \"https://acme.openai.azure.com/openai/v1/\"\napi_key_env = \"OTHER\"\n\
         auth = \"api-key\"\norganization = \"org-1\"\nproject = \"proj_1\"\n\
         [elevenlabs]\nbase_url = \"https://api.eu.residency.elevenlabs.io\"\n",
        KEYS,
    )
    .unwrap();
    let request = openai(&config);
    assert_eq!(request.url, "https://acme.openai.azure.com/openai/v1/models");
    assert_eq!(header(&request, "api-key"), "sk-two");
    assert_eq!(
        (header(&request, "OpenAI-Organization"), header(&request, "OpenAI-Project")),
        ("org-1".into(), "proj_1".into())
    );
    assert_eq!(config.elevenlabs.unwrap().access.base_url(), "https://api.eu.residency.elevenlabs.io");
}

#[test]
fn what_is_wrong_is_named() {
    for (text, message) in [
        ("[openai]", "quietline.toml:1:1: the key is missing: the environment variable OPENAI_API_KEY is not set"),
        ("[elevenlabs]", "quietline.toml:1:1: the key is missing: the environment variable ELEVENLABS_API_KEY is not"),
        ("[openai]\napi_key_env = \"NO\"", "quietline.toml:2:15: the environment variable NO is not set"),
        ("[openai]\napi_key_env = \"sk-1\"", "not the name of an environment variable"),
        ("[openai]\napi_key_file = \"/no/such\"", "cannot be read"),
        ("[openai]\napi_key = \"sk-1\"", "api_key_env = \"OPENAI_API_KEY\""),
    ] {
        let told = refused(text);
        assert!(told.contains(message), "{told}");
    }
    for (line, message) in [
        ("base_url = \"api.openai.com\"", "quietline.toml:2:12: base_url is not a server's address"),
        ("auth = \"basic\"", "there are bearer and api-key"),
        ("organization = \"\"", "organization is no id"),
        ("project = \"a b\"", "project is no id"),
        ("api_key_env = [\"OTHER\", \"OPENAI_API_KEY\"]", "an account has one key"),
        ("key = 1", "unknown key `key`; known here: `base_url`, `api_key_env`, `api_key_file`, `auth`, `organization`"),
    ] {
        let told = parse_with(&format!("[openai]\n{line}\n"), KEYS).expect_err(line).to_string();
        assert!(told.contains(message), "{told}");
    }
    let odd = parse_with("[openai]\n", &[("OPENAI_API_KEY", "sk-ключ")]).unwrap_err().to_string();
    assert!(odd.contains("OPENAI_API_KEY holds letters that no key has") && !odd.contains("ключ"), "{odd}");
}

#[test]
fn without_a_file_the_environment_makes_them() {
    let load = |variables: &'static [(&str, &str)]| {
        Config::load_or(None, &env(variables), Path::new("there/is/no/quietline.toml"))
    };
    let config = load(&[
        ("OPENAI_API_KEY", "sk-one"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1"),
        ("ELEVENLABS_API_KEY", "xi-one"),
        ("ELEVENLABS_BASE_URL", "http://127.0.0.1:8"),
    ])
    .unwrap();
    assert_eq!(openai(&config).url, "http://127.0.0.1:9/v1/models");
    let elevenlabs = config.elevenlabs.unwrap().access;
    let request = elevenlabs.http(crate::wire::Method::Get, "/v2/voices", None, Duration::from_secs(1));
    assert_eq!(
        (request.url.as_str(), header(&request, "xi-api-key")),
        ("http://127.0.0.1:8/v2/voices", "xi-one".into())
    );
    let nothing = load(&[("OPENAI_API_KEY", " ")]).unwrap();
    assert!(nothing.openai.is_none() && nothing.elevenlabs.is_none());
    let told = load(&[("OPENAI_API_KEY", "sk-1"), ("OPENAI_BASE_URL", "here")]).unwrap_err().to_string();
    assert!(told.starts_with("OPENAI_BASE_URL: not a server's address"), "{told}");
}

#[test]
fn with_a_file_the_environments_keys_are_left_alone_and_it_says_so() {
    let config = parse_with("[openai]\n", KEYS).unwrap();
    assert!(config.openai.is_some() && config.elevenlabs.is_none());
    let warned = config.warnings.iter().any(|it| it.contains("ELEVENLABS_API_KEY is set, but quietline.toml has no"));
    assert!(warned, "{:?}", config.warnings);
}

#[test]
fn a_key_that_travels_unencrypted_is_told() {
    for (url, far) in [
        ("http://127.0.0.1:9100/v1", false),
        ("http://localhost:9100/v1", false),
        ("http://[::1]:9100/v1", false),
        ("https://api.openai.com/v1", false),
        ("http://192.168.0.7:9100/v1", true),
        ("http://model.internal/v1", true),
    ] {
        let config = parse_with(&format!("[openai]\nbase_url = \"{url}\"\n"), KEYS).unwrap();
        assert_eq!(config.warnings.iter().any(|it| it.contains("unencrypted")), far, "{url}: {:?}", config.warnings);
    }
}
