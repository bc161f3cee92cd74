//! The stand-ins for the vendors' voices, on their sockets.

use std::time::{Duration, Instant};

use quietline::{
    audio::{Dbfs, SampleRate},
    codec::mulaw,
    lab::voices::{Desk, SpeechFault, VoicesLab, speech},
};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::time::timeout;

const RACHEL: &str = "21m00Tcm4TlvDq8ikWAM";
const TEXT: &str = "Goodbye, and thank you for calling.";

fn keys() -> [String; 1] {
    ["key".to_owned()]
}

fn client() -> Client {
    // Some process-wide provider has to be chosen; that it was chosen already is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().unwrap()
}

struct OpenAi(VoicesLab, Client);

impl OpenAi {
    fn start() -> Self {
        Self(VoicesLab::start(Desk::openai(&keys()), 0).unwrap(), client())
    }

    async fn post(&self, key: &str, body: Value) -> reqwest::Result<Response> {
        let url = format!("{}/audio/speech", self.0.base_url());
        self.1.post(url).header("authorization", format!("Bearer {key}")).body(body.to_string()).send().await
    }

    async fn say(&self) -> reqwest::Result<Response> {
        self.post("key", Self::body()).await
    }

    fn body() -> Value {
        json!({"model": "gpt-4o-mini-tts", "voice": "marin", "input": TEXT, "response_format": "pcm", "speed": 1.0})
    }

    /// What is said with this fault.
    async fn with(&self, fault: SpeechFault) -> Vec<i16> {
        self.0.desk().next_requests(1, fault);
        let bytes = self.say().await.unwrap().bytes().await.unwrap();
        bytes.as_chunks::<2>().0.iter().map(|two| i16::from_le_bytes(*two)).collect()
    }
}

struct ElevenLabs(VoicesLab, Client);

impl ElevenLabs {
    fn start() -> Self {
        Self(VoicesLab::start(Desk::elevenlabs(&keys()), 0).unwrap(), client())
    }

    async fn post(&self, path: &str, body: Value) -> Response {
        let url = format!("{}/v1/text-to-speech/{path}", self.0.base_url());
        self.1.post(url).header("xi-api-key", "key").body(body.to_string()).send().await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.0.base_url());
        let text = self.1.get(url).header("xi-api-key", "key").send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

async fn error(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn openai_speaks_raw_pcm() {
    let lab = OpenAi::start();
    let response = lab.say().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers().contains_key("x-request-id"));
    assert!(response.content_length().is_none(), "chunked");
    let bytes = response.bytes().await.unwrap();
    let expected: Vec<u8> = speech(TEXT, SampleRate::WIDE).into_iter().flat_map(i16::to_le_bytes).collect();
    assert_eq!(bytes, expected);
    let requests = lab.0.desk().requests();
    assert_eq!((requests.len(), requests[0].text.as_str(), requests[0].voice.as_str()), (1, TEXT, "marin"));
    assert_eq!(lab.0.desk().violations(), Vec::<String>::new());
}

#[tokio::test]
async fn openai_refuses_in_its_shape() {
    let lab = OpenAi::start();
    let (status, body) = error(lab.post("wrong", OpenAi::body()).await.unwrap()).await;
    assert_eq!((status, &body["error"]["code"]), (401, &json!("invalid_api_key")));
    let changed = |name: &str, value: Value| {
        let mut body = OpenAi::body();
        body[name] = value;
        body
    };
    for (body, expected) in [
        (changed("response_format", json!("mp3")), 400),
        (changed("response_format", json!("ulaw")), 400),
        (changed("model", json!("gpt-9-tts")), 404),
        (changed("voice", json!("nobody")), 400),
        (changed("input", json!("")), 400),
        (changed("bogus", json!(1)), 400),
        (json!({"model": "tts-1", "voice": "marin", "input": "x", "response_format": "pcm"}), 400),
    ] {
        let (status, answer) = error(lab.post("key", body.clone()).await.unwrap()).await;
        assert_eq!(status, expected, "{body}: {answer}");
        assert!(answer["error"]["message"].is_string());
    }
    // Two of them broke the schema.
    assert_eq!(lab.0.desk().violations().len(), 2, "{:?}", lab.0.desk().violations());
    lab.0.desk().next_requests(1, SpeechFault::Status(429));
    let response = lab.say().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(error(response).await.0, 429);
    lab.0.desk().always(Some(SpeechFault::Status(500)));
    assert_eq!(lab.say().await.unwrap().status(), 500);
    assert_eq!(lab.say().await.unwrap().status(), 500);
    lab.0.desk().always(None);
    assert_eq!(lab.say().await.unwrap().status(), 200);
}

#[tokio::test]
async fn what_is_wrong_with_the_sound() {
    let lab = OpenAi::start();
    let level = |samples: &[i16]| Dbfs::of(samples).db();
    let plain = speech(TEXT, SampleRate::WIDE);
    assert!(lab.with(SpeechFault::Loud).await.iter().filter(|s| s.unsigned_abs() >= 32_767).count() > 1000);
    assert!(level(&lab.with(SpeechFault::Quiet).await) < -55.0);
    assert_eq!(level(&lab.with(SpeechFault::OnlySilence).await), Dbfs::SILENCE.db());
    let led = lab.with(SpeechFault::LeadingSilence(Duration::from_secs(3))).await;
    assert_eq!((&led[..72_000], &led[72_000..]), (&[0; 72_000][..], &plain[..]));
    assert_eq!(lab.with(SpeechFault::Long(Duration::from_secs(70))).await.len(), 70 * 24_000);
    assert_eq!(lab.with(SpeechFault::OddChunks).await, plain);
    assert_eq!(lab.with(SpeechFault::Empty).await, Vec::<i16>::new());
    lab.0.desk().next_requests(1, SpeechFault::Header);
    assert!(lab.say().await.unwrap().bytes().await.unwrap().starts_with(b"RIFF"));
    lab.0.desk().next_requests(1, SpeechFault::ErrorBody);
    let response = lab.say().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.unwrap().starts_with(b"{"));
}

#[tokio::test]
async fn what_is_wrong_with_the_line() {
    let lab = OpenAi::start();
    let desk = lab.0.desk();
    desk.next_requests(1, SpeechFault::SlowFirstByte(Duration::from_millis(600)));
    let asked = Instant::now();
    let mut response = lab.say().await.unwrap();
    response.chunk().await.unwrap();
    assert!(asked.elapsed() >= Duration::from_millis(600));
    desk.next_requests(1, SpeechFault::CutAfter(10_000));
    assert!(lab.say().await.unwrap().bytes().await.is_err());
    desk.next_requests(1, SpeechFault::StallAfter(10_000));
    let mut response = lab.say().await.unwrap();
    let mut got = 0;
    while let Ok(Ok(Some(chunk))) = timeout(Duration::from_millis(500), response.chunk()).await {
        got += chunk.len();
    }
    assert_eq!(got, 10_000);
    desk.next_requests(1, SpeechFault::NoAnswer);
    assert!(timeout(Duration::from_millis(300), lab.say()).await.is_err());
    lab.0.down();
    assert!(lab.say().await.is_err_and(|error| error.is_connect()));
    lab.0.up().unwrap();
    assert_eq!(lab.say().await.unwrap().status(), 200);
}

#[tokio::test]
async fn elevenlabs_speaks_raw_mulaw() {
    let lab = ElevenLabs::start();
    let body = json!({"text": TEXT, "model_id": "eleven_flash_v2_5", "language_code": "en",
                      "voice_settings": {"stability": 0.5, "similarity_boost": 0.75}});
    let response = lab.post(&format!("{RACHEL}/stream?output_format=ulaw_8000"), body).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["character-cost"], TEXT.len().to_string().as_str());
    for header in ["request-id", "current-concurrent-requests", "maximum-concurrent-requests"] {
        assert!(response.headers().contains_key(header), "{header}");
    }
    let expected: Vec<u8> = speech(TEXT, SampleRate::TELEPHONE).into_iter().map(mulaw::encode).collect();
    assert_eq!(response.bytes().await.unwrap(), expected);
    assert_eq!(lab.0.desk().violations(), Vec::<String>::new());
}

#[tokio::test]
async fn elevenlabs_refuses_in_its_shape() {
    let lab = ElevenLabs::start();
    let text = json!({"text": TEXT});
    let stream = format!("{RACHEL}/stream?output_format=ulaw_8000");
    for (path, body, status, name) in [
        (format!("{RACHEL}/stream"), text.clone(), 400, "unsupported_output_format"),
        ("nobody/stream?output_format=ulaw_8000".to_owned(), text.clone(), 404, "voice_not_found"),
        (stream.clone(), json!({"text": "x".repeat(10_001)}), 400, "max_character_limit_exceeded"),
        (stream.clone(), json!({"text": "x", "model_id": "eleven_zero"}), 400, "model_not_found"),
    ] {
        let (got, body) = error(lab.post(&path, body).await).await;
        assert_eq!((got, &body["detail"]["status"]), (status, &json!(name)));
    }
    let (status, body) = error(lab.post(&stream, json!({"model_id": "eleven_v3"})).await).await;
    assert_eq!((status, body["detail"].is_array()), (422, true), "{body}");
    let (status, _) = error(lab.post(&format!("{RACHEL}/stream?output_format=gsm"), text.clone()).await).await;
    assert_eq!(status, 422);
    for (fault, status, name) in [
        (SpeechFault::Quota, 401, "quota_exceeded"),
        (SpeechFault::TooMany, 429, "too_many_concurrent_requests"),
        (SpeechFault::Busy, 429, "system_busy"),
        (SpeechFault::Status(401), 401, "invalid_api_key"),
    ] {
        lab.0.desk().next_requests(1, fault);
        let (got, body) = error(lab.post(&stream, text.clone()).await).await;
        assert_eq!((got, &body["detail"]["status"]), (status, &json!(name)));
    }
    assert_eq!(lab.0.desk().violations().len(), 2, "{:?}", lab.0.desk().violations());
}

#[tokio::test]
async fn elevenlabs_lists_its_voices_page_by_page() {
    let lab = ElevenLabs::start();
    let mut found = Vec::new();
    let mut path = "/v2/voices?page_size=2".to_owned();
    loop {
        let page = lab.get(&path).await;
        assert_eq!(page["total_count"], 3);
        found.extend(page["voices"].as_array().unwrap().clone());
        if page["has_more"] == false {
            break;
        }
        path = format!("/v2/voices?page_size=2&next_page_token={}", page["next_page_token"].as_str().unwrap());
    }
    assert_eq!(json!(found), lab.get("/v1/voices").await["voices"]);
    assert_eq!(lab.get("/v2/voices?search=rach").await["voices"][0]["voice_id"], RACHEL);
    assert_eq!(lab.get("/v1/models").await[0]["model_id"], "eleven_flash_v2_5");
    assert_eq!(lab.0.desk().violations(), Vec::<String>::new());
}
