//! Each mistake is named with its line, its column, a caret, and what would be right.

use super::*;

const HEAD: &str = "[[assistant]]\nname = \"a\"\n";

/// With these lines in an assistant: place and message of each mistake.
fn in_assistant(lines: &str) -> Vec<(String, String)> {
    let error = parse(&format!("{HEAD}{lines}\n")).expect_err(lines);
    error.problems().iter().map(|problem| (problem.place().to_owned(), problem.message().to_owned())).collect()
}

fn one(lines: &str) -> String {
    let all = in_assistant(lines);
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(all[0].0.starts_with("quietline.toml:3:"), "{all:?}");
    all[0].1.clone()
}

#[test]
fn a_value_out_of_range_is_shown_with_line_column_caret_and_bounds() {
    let printed = refused("[[assistant]]\nname = \"a\"\nsilence_timeout_s = 61 # too long\n");
    let expected = "quietline.toml:3:21: silence_timeout_s = 61 is outside 30..=60 s; the server's [limits] may widen this\n  \
                    |\n3 | silence_timeout_s = 61 # too long\n  |                     ^^";
    assert_eq!(printed, expected);
}

#[test]
fn every_bound_is_told() {
    for (line, message) in [
        ("silence_timeout_s = 29.9", "silence_timeout_s = 29.9 is outside 30..=60 s"),
        ("min_speech_ms = 59", "min_speech_ms = 59 is outside 60..=400 ms"),
        ("hangover_ms = 801", "hangover_ms = 801 is outside 100..=800 ms"),
        ("barge_in_min_ms = 0", "barge_in_min_ms = 0 is outside 120..=600 ms"),
        ("noise_budget_s = -1", "noise_budget_s = -1 is outside 0..=300 s"),
        ("level_floor_db = 5.9", "level_floor_db = 5.9 is outside 6..=30 dB"),
        ("max_duration_s = 1e300", "is outside 60..=14400 s"),
        ("min_speech_ms = nan", "min_speech_ms = NaN is outside 60..=400 ms"),
        ("hangover_ms = -inf", "hangover_ms = -inf is outside"),
        ("reminder = { after_s = 26 }", "reminder.after_s = 26 is outside 5..=25 s"),
        ("reminder = { text = \"Hello?\" }", "after_s is missing"),
        ("language = \"klingon\"", "not a language: expected en, de, es, fr, hi, it, pt, or any"),
        ("language = \"nl\"", "with its region, such as nl-NL"),
        ("detector = \"crystal\"", "there are cascade, silero, webrtc, energy"),
        ("model = { provider = \"parrot\" }", "there are openai and offline"),
        ("model = { provider = \"openai\" }", "write a table [openai]"),
        ("model.openai.speed = 1.6", "speed = 1.6 is outside 0.25..=1.5"),
        ("model.openai.voice = \" \"", "voice has 1 characters"),
        ("model.openai.encoding = \"opus\"", "there are pcm (24 kHz) and mulaw (8 kHz)"),
        ("model.openai.max_output_tokens = 0", "max_output_tokens = 0 is outside 1..=4096"),
        ("model.openai.noise_reduction = \"all\"", "there are near_field and far_field"),
        ("model.openai.turn_detection.kind = \"ear\"", "there are server_vad and semantic_vad"),
        ("model.openai.turn_detection.threshold = 2", "turn_detection.threshold = 2 is outside 0..=1"),
        ("model.openai.turn_detection.eagerness = \"very\"", "there are low, medium, high and auto"),
        ("model.openai.turn_detection.silence_duration_ms = 0.5", "(whole numbers only)"),
        ("instructions = \"\"", "system_message has 0 characters: expected 1 to 32000"),
        ("model = { behaviour = \"sing\" }", "there are talk, fail, stall, echo"),
        ("numbers = [\"5551234\"]", "not a telephone number"),
        ("numbers = [\"+0123456789\"]", "not a telephone number"),
        ("numbers = [\"+1234567890123456\"]", "not a telephone number"),
        ("farewell.silence = \"  \"", "expected 1 to 500"),
        ("farewell.silence = \"a\\u0007b\"", "control characters"),
    ] {
        let told = one(line);
        assert!(told.contains(message), "{line}: {told}");
    }
    assert!(one(&format!("farewell.drain = \"{}\"", "x".repeat(501))).contains("farewell.drain has 501 characters"));
}

#[test]
fn both_bounds_are_allowed() {
    for line in [
        "silence_timeout_s = 30",
        "silence_timeout_s = 60.0",
        "min_speech_ms = 400",
        "noise_budget_s = 0",
        "level_floor_db = 30",
        "max_duration_s = 14400",
        "reminder = { after_s = 25 }",
        "language = \"nl-NL\"",
    ] {
        assert!(parse(&format!("{HEAD}{line}")).is_ok(), "{line}");
    }
}

#[test]
fn limits_widen_bounds_and_the_line_is_still_told() {
    let limits = "[limits]\nsilence_timeout_s = { min = 5, max = 120 }\n[[assistant]]\nname = \"a\"\n";
    let config = parse(&format!("{limits}silence_timeout_s = 5")).unwrap();
    assert_eq!(config.assistants[0].settings.silence_timeout.get(), Duration::from_secs(5));
    assert_eq!(config.limits.silence_timeout, (Duration::from_secs(5), Duration::from_secs(120)));
    let told = refused(&format!("{limits}silence_timeout_s = 121"));
    assert!(told.starts_with("quietline.toml:5:21: silence_timeout_s = 121 is outside 5..=120 s"), "{told}");
    let narrowed = refused("[limits]\nsilence_timeout_s = { max = 45 }\nmax_duration_s = { min = 0 }\n");
    assert!(narrowed.contains("limits.silence_timeout_s.max = 45 is outside 60..=3600 s"), "{narrowed}");
    assert!(narrowed.contains("limits.max_duration_s.min = 0 is outside 10..=60 s"), "{narrowed}");
}

#[test]
fn numbers_of_the_server_are_whole_and_bounded() {
    for (line, message) in [
        ("[limits]\nmax_calls = 0", "max_calls = 0 is outside 1..=100000"),
        ("[limits]\nmax_calls = 1.5", "(whole numbers only)"),
        ("[limits]\ndrain_s = 3601", "drain_s = 3601 is outside 0..=3600 s"),
        ("[server]\nshards = 257", "shards = 257 is outside 1..=256"),
        ("[server]\nlisten = \"8080\"", "127.0.0.1:8080"),
        ("[server]\ncall_records = \"\"", "call_records is empty"),
    ] {
        let told = refused(line);
        assert!(told.starts_with("quietline.toml:2:") && told.contains(message), "{told}");
    }
}

#[test]
fn an_unknown_key_is_refused_with_the_known_ones() {
    for (text, place) in [
        ("[sever]\nlisten = \"\"", "quietline.toml:1:2: unknown key `sever`; known here: `server`"),
        ("[server]\nlisen = 1", "quietline.toml:2:1: unknown key `lisen`; known here: `listen`"),
        ("[limits]\nsilence_timeout_s = { mn = 3 }", "quietline.toml:2:23: unknown key `mn`; known here: `min`, `max`"),
        ("[[assistant]]\nname = \"a\"\nsilence_timeout = 30", "quietline.toml:3:1: unknown key `silence_timeout`"),
        ("[[assistant]]\ngreeting = { words = \"Hi\" }", "quietline.toml:2:14: unknown key `words`"),
        ("[[assistant]]\n[assistant.tools.hang_up]\n", "unknown key `hang_up`; known here: `hangup_call`"),
        ("[[assistant]]\n[assistant.tools.hangup_call]\non = true", "quietline.toml:3:1: unknown key `on`"),
        ("[[assistant]]\n[assistant.farewell]\nbye = \"\"", "quietline.toml:3:1: unknown key `bye`"),
        ("[[assistant]]\n[assistant.model]\nkey = \"\"", "quietline.toml:3:1: unknown key `key`"),
        ("[twilio.rest]\nurl = \"\"", "quietline.toml:2:1: unknown key `url`"),
    ] {
        let told = refused(text);
        assert!(told.contains(place), "{told}");
    }
}

#[test]
fn a_wrong_type_and_a_slip_of_the_pen_are_shown_where_they_are() {
    for (text, message) in [
        ("[assistant]\nname = \"a\"", "[[assistant]], with two brackets"),
        ("[[assistant]]\nname = 5", "quietline.toml:2:8: "),
        ("[[assistant]]\ngreeting = true", "expected a table: { interruptible = true }"),
        ("[[assistant]]\nfiller = \"yes\"", "not a text, expected a boolean"),
        ("[[assistant]]\nmin_speech_ms = \"120\"", "not a text, expected a number"),
        ("[server\n", "quietline.toml:1:8: "),
        ("a = 1\na = 2\n", "quietline.toml:2:1: "),
    ] {
        let told = refused(text);
        assert!(told.contains(message), "{told}");
    }
}

#[test]
fn every_mistake_is_told_at_once() {
    let error = parse("[server]\nlisten = \"x\"\nshards = 0\n[[assistant]]\nmin_speech_ms = 1\nhangover_ms = 1\n");
    let error = error.unwrap_err();
    assert_eq!(error.problems().len(), 5, "{error}");
    assert_eq!(error.to_string().split("\n\n").count(), 5);
}

#[test]
fn a_number_a_name_and_the_rest_have_one_assistant_each() {
    let told = refused(
        "[[assistant]]\nname = \"a\"\nnumbers = [\"+15550000001\"]\n\
         [[assistant]]\nname = \"b\"\nnumbers = [\"+15550000002\", \"+15550000001\"]\n",
    );
    assert!(told.contains(":6:28: +15550000001 is claimed twice, by \"a\" and \"b\""), "{told}");
    let told = refused("[[assistant]]\nname = \"a\"\n[[assistant]]\nname = \"b\"\n");
    assert!(told.contains(":4:8: \"a\" and \"b\" both take every number"), "{told}");
    let told = refused("[[assistant]]\nname = \"a\"\nnumbers = [\"+15550000001\"]\n[[assistant]]\nname = \"a\"\n");
    assert!(told.contains(":5:8: two assistants are called \"a\""), "{told}");
    assert!(refused("[[assistant]]\nnumbers = []\n").contains(":1:1: name is missing"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let load = |path: &Path| Config::load(Some(path), &env(&[])).unwrap_err().to_string();
    assert!(load(&folder.join("no-such.toml")).contains("no-such.toml: the configuration cannot be read: "));
    assert!(load(&folder.join("fixtures/call-silence.caller.ulaw")).contains("no text (UTF-8)"));
    let variable = env(&[(CONFIG, "missing/quietline.toml")]);
    let told = Config::load(None, &variable).unwrap_err().to_string();
    assert!(told.starts_with("missing/quietline.toml: "), "{told}");
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "([a-z_.]{1,12}( = |=)?[\\[\\]{}\"0-9a-z, \\-é]{0,12}\n|\\PC{0,40}\n|\\[\\[?(server|twilio|assistant)\\]?\\]\n){0,8}") {
        if let Err(error) = parse(&text) {
            proptest::prop_assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn how_sockets_are_served_has_bounds_too() {
    for (line, message) in [
        ("drain_ms = 0.4", "drain_ms = 0.4 is outside 0.5..=2 ms, and not 0 (whenever something comes)"),
        ("drain_ms = -1", "drain_ms = -1 is outside"),
        ("drain_from_calls = 0", "drain_from_calls = 0 is outside 1..=100000"),
        ("append_ms = 120", "append_ms = 120 is outside 20..=100"),
        ("append_ms = 50", "append_ms = 50 is no multiple of 20"),
        ("message_ms = 20", "unknown key `message_ms`"),
    ] {
        let printed = refused(&format!("[io]\n{line}\n{HEAD}"));
        assert!(printed.starts_with("quietline.toml:2:") && printed.contains(message), "{printed}");
    }
    let io = parse(&format!("[io]\ndrain_ms = 0\nappend_ms = 60\n{HEAD}")).expect("a configuration").io;
    assert_eq!((io.drain, io.drain_from_calls, io.append_ms), (Duration::ZERO, 16, 60));
}
