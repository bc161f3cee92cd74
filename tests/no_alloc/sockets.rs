//! From socket to socket: a real gateway between two stand-ins, whose shard is watched.

use std::{sync::Arc, time::Duration};

use quietline::{
    assistant::Settings,
    audio::Encoding,
    carrier::twilio::{Access, AccountSid, signature::Key},
    lab::{
        openai::{OpenAiConfig, OpenAiLab},
        twilio::{Dial, Gateway as Address, Lab, LabConfig},
    },
    live::{
        Gateway, Setup,
        setup::{Assistant, NewCall, TwilioSetup},
    },
    model::{
        Model,
        openai::{self, Access as OpenAiAccess, Auth, OpenAi},
    },
    net::listen,
    vad::Detector,
    voices::Cache,
};

use super::{shard_counts, this_is_the_shard, watch_shard};

const ACCOUNT: &str = "AC0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c";
const TOKEN: &str = "a-token-of-the-tests";
const PUBLIC_URL: &str = "https://gate.example.com";
const CALLS: usize = 4;
/// Buffers have grown by then.
const WARM_UP: Duration = Duration::from_secs(4);
const WATCHED: Duration = Duration::from_secs(3);

/// The caller's audio goes to a model that sends it back, so that all four ways are used: 50 frames a second each.
async fn calls(encoding: Encoding) -> (u64, u64, u64) {
    let (_reserved, addr) = listen::reserve().unwrap();
    let account: AccountSid = ACCOUNT.parse().unwrap();
    let lab = Lab::start(LabConfig::new(account, TOKEN, PUBLIC_URL, Address(addr))).await.unwrap();
    let server = OpenAiLab::start(OpenAiConfig::mirror()).unwrap();
    let access = OpenAiAccess::new(&server.base_url(), OpenAiConfig::KEY.into(), Auth::Bearer).unwrap();
    let session = Arc::new(openai::Settings { encoding, ..openai::Settings::new(Arc::new(access)) });
    let model = Arc::new(move |_: &NewCall| -> Box<dyn Model> {
        // Models are made where their calls are.
        this_is_the_shard();
        Box::new(OpenAi::new(Arc::clone(&session)))
    });
    let settings = Settings { transcription: false, ..Settings::default() };
    let assistant = Assistant::builtin("echo", "+15550000000", settings, Detector::Cascade, model).unwrap();
    let setup = Setup {
        listen: addr,
        public_url: PUBLIC_URL.into(),
        shards: 1,
        max_calls: CALLS,
        drain: Duration::ZERO,
        twilio: Some(TwilioSetup {
            access: Access::new(account, &lab.rest_url(), ACCOUNT, TOKEN),
            keys: vec![Key::auth_token(TOKEN).unwrap()],
        }),
        assistants: vec![Arc::new(assistant)],
        cache: Arc::new(Cache::in_memory()),
        call_records: None,
        capture: None,
        io: Default::default(),
        page: String::new(),
        outside: Default::default(),
    };
    let gateway = Gateway::start(setup, None).unwrap();
    let lines: Vec<_> = (0..CALLS).map(|_| lab.dial(Dial::new("+15550000000", "+15550000001"))).collect();
    tokio::time::sleep(WARM_UP).await;
    let heard = || lines.iter().map(|line| line.counts().media_received).sum::<u64>();
    let before = heard();
    watch_shard(true);
    tokio::time::sleep(WATCHED).await;
    watch_shard(false);
    let (allocations, frees) = shard_counts();
    let frames = heard() - before;
    tokio::task::spawn_blocking(move || gateway.stop()).await.unwrap();
    lab.stop().await;
    server.stop().await;
    (allocations, frees, frames)
}

#[test]
fn a_frame_goes_from_socket_to_socket_without_an_allocation() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for encoding in [Encoding::Mulaw, Encoding::Pcm24k] {
        let (allocations, frees, frames) = runtime.block_on(calls(encoding));
        assert!(frames > 100, "{encoding:?}: only {frames} frames came back");
        assert_eq!((allocations, frees), (0, 0), "{encoding:?}, in {frames} frames of {CALLS} calls");
    }
}
