//! Who says an assistant's fixed phrases.

use super::*;
use crate::tts::Voice;

const KEYS: &[(&str, &str)] = &[("OPENAI_API_KEY", "sk-one"), ("ELEVENLABS_API_KEY", "xi-one")];
const ACCOUNTS: &str = "[openai]\n[elevenlabs]\n[[assistant]]\nname = \"a\"\n";

/// Both voices, as they are shown.
fn shown(config: &Config) -> [String; 2] {
    let assistant = &config.assistants[0];
    [&assistant.voice, &assistant.fallback_voice].map(|voice| voice.as_ref().map(Voice::to_string).unwrap_or_default())
}

fn written(lines: &str) -> Result<Config, ConfigError> {
    parse_with(&format!("{ACCOUNTS}{lines}\n"), KEYS)
}

#[test]
fn without_a_word_about_it_the_account_decides() {
    const OPENAI: &str = "openai marin (gpt-4o-mini-tts)";
    const REALTIME: &str = "openai_realtime marin (gpt-realtime-2.1-mini)";
    const OTHER: &str = "elevenlabs v1 (eleven_flash_v2_5)";
    for (text, voices) in [
        ("", ["", ""]),
        ("[elevenlabs]\n", ["", ""]),
        ("[openai]\n", [OPENAI, REALTIME]),
        ("[openai]\n[[assistant]]\nname = \"a\"\n", [OPENAI, REALTIME]),
        ("[openai]\n[[assistant]]\nname = \"a\"\nfarewell.voice.provider = \"openai_realtime\"\n", [REALTIME, OPENAI]),
        ("[openai]\n[[assistant]]\nname = \"a\"\nfarewell.voice.provider = \"none\"\n", ["", ""]),
        ("[openai]\n[[assistant]]\nname = \"a\"\nfarewell.fallback_voice.provider = \"none\"\n", [OPENAI, ""]),
        ("[elevenlabs]\n[[assistant]]\nname = \"a\"\nfarewell.voice.voice = \"v1\"\n", [OTHER, ""]),
        (
            "[openai]\n[elevenlabs]\n[[assistant]]\nname = \"a\"\nfarewell.voice = { provider = \"elevenlabs\", voice = \"v1\" }\n",
            [OTHER, OPENAI],
        ),
    ] {
        let config = parse_with(text, KEYS).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(shown(&config), voices, "{text}");
    }
    let config = parse_with("[openai]\n[[assistant]]\nname = \"a\"\nmodel.openai.voice = \"cedar\"\n", KEYS).unwrap();
    assert!(shown(&config)[0].starts_with("openai cedar"), "it sounds like the model: {:?}", shown(&config));
}

#[test]
fn every_setting_reaches_its_voice() {
    let config = written(
        "[assistant.farewell.voice]\nprovider = \"openai\"\nvoice = \"coral\"\nmodel = \"m\"\ninstructions = \"Calm.\"\n\
         speed = 1.5\n[assistant.farewell.fallback_voice]\nprovider = \"elevenlabs\"\nvoice = \"v1\"\nmodel = \"e\"\n\
         stability = 0.4\nsimilarity_boost = 1\nstyle = 0\nuse_speaker_boost = false\nspeed = 1.2\n",
    )
    .unwrap();
    let identity = |voice: &Option<Voice>| voice.as_ref().unwrap().identity();
    assert_eq!(identity(&config.assistants[0].voice), "openai\ncoral\nm\n{\"instructions\":\"Calm.\",\"speed\":1.5}");
    assert_eq!(
        identity(&config.assistants[0].fallback_voice),
        "elevenlabs\nv1\ne\n{\"similarity_boost\":1.0,\"speed\":1.2,\"stability\":0.4,\"style\":0.0,\"use_speaker_boost\":false}"
    );
}

#[test]
fn mistakes_are_told_with_line_and_bounds() {
    for (line, message) in [
        ("voice = { provider = \"google\" }", "no provider of voices is called \"google\"; there are openai"),
        ("voice = { voice = \"x\" }", "voice.provider is missing"),
        ("voice = { provider = \"elevenlabs\" }", "voice.voice is missing: ElevenLabs needs a voice's id"),
        ("voice = { provider = \"openai\", speed = 4.1 }", "voice.speed = 4.1 is outside 0.25..=4"),
        ("voice = { provider = \"openai_realtime\", speed = 1.6 }", "voice.speed = 1.6 is outside 0.25..=1.5"),
        (
            "fallback_voice = { provider = \"elevenlabs\", voice = \"v\", speed = 0.6 }",
            "fallback_voice.speed = 0.6 is outside 0.7..=1.2",
        ),
        ("voice = { provider = \"elevenlabs\", voice = \"v\", stability = 1.1 }", "stability = 1.1 is outside 0..=1"),
        ("voice = { provider = \"openai\", style = 0.5 }", "voice.style is a setting of elevenlabs, not of openai"),
        (
            "voice = { provider = \"elevenlabs\", voice = \"v\", instructions = \"x\" }",
            "voice.instructions is a setting of openai",
        ),
        (
            "voice = { provider = \"openai\", voice = \"nova\", model = \"tts-1\", instructions = \"x\" }",
            "tts-1 takes none",
        ),
        ("voice = { provider = \"openai\", voice = \"marin\", model = \"tts-1-hd\" }", "tts-1-hd has no marin"),
        ("voice = { provider = \"openai\", voice = \" \" }", "voice.voice has 1 characters"),
        ("voice = { provider = \"openai\", key = \"x\" }", "unknown key `key`; known here: `provider`, `voice`"),
        ("voice = \"marin\"", "expected a table: { provider = \"openai\", voice = \"marin\" }"),
    ] {
        let told = written(&format!("farewell.{line}")).expect_err(line).to_string();
        assert!(told.starts_with("quietline.toml:5:") && told.contains(message), "{line}: {told}");
        assert_eq!(told.matches("quietline.toml").count(), 1, "{told}");
    }
    let told = refused("[[assistant]]\nname = \"a\"\nfarewell.voice = { provider = \"openai\" }\n");
    assert!(told.contains("there is no account with OpenAI: write a table [openai]"), "{told}");
    let told = refused("[[assistant]]\nname = \"a\"\nfarewell.voice = { provider = \"elevenlabs\", voice = \"v\" }\n");
    assert!(told.contains("there is no account with ElevenLabs"), "{told}");
    let text = "[elevenlabs]\n[[assistant]]\nname = \"a\"\nfarewell.fallback_voice.voice = \"v\"\n";
    let told = parse_with(text, KEYS).unwrap_err().to_string();
    assert!(told.contains("fallback_voice stands in for a voice, and there is none"), "{told}");
    assert!(refused("[voices]\ncache_max_mb = 0\n").contains("cache_max_mb = 0 is outside 1..=10000"));
    assert!(refused("[voices]\ncache_dir = \"\"\n").contains("cache_dir is empty"));
}

#[test]
fn a_text_of_ones_own_is_no_trouble_where_a_voice_can_say_it() {
    let texts = "farewell.hangup_call = \"Tschüss.\"\nreminder = { after_s = 10, text = \"Hallo?\" }\n";
    let warned = |config: &Config| config.warnings.iter().filter(|it| it.contains("no voice to say it")).count();
    assert_eq!(warned(&written(texts).unwrap()), 0);
    let silent = parse(&format!("[[assistant]]\nname = \"a\"\n{texts}")).unwrap();
    assert_eq!(warned(&silent), 2, "{:?}", silent.warnings);
}

#[test]
fn the_cache_lies_where_caches_lie() {
    let folder = |text: &str, variables| parse_with(text, variables).unwrap().voices.cache_dir;
    assert_eq!(folder("", &[]), None);
    assert_eq!(folder("", &[("HOME", "/srv/q")]), Some("/srv/q/.cache/quietline/voices".into()));
    assert_eq!(folder("", &[("HOME", "/h"), ("XDG_CACHE_HOME", "/c")]), Some("/c/quietline/voices".into()));
    assert_eq!(
        folder("", &[("HOME", "/h"), ("CACHE_DIRECTORY", "/var/cache/q:/x")]),
        Some("/var/cache/q/voices".into())
    );
    assert_eq!(folder("", &[("XDG_CACHE_HOME", "here")]), None, "relative paths are not taken");
    assert_eq!(folder("[voices]\ncache_dir = \"v\"\n", &[("HOME", "/h")]), Some("v".into()));
}
