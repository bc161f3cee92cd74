//! A server as `quietline serve` starts it, and the lab's account.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use quietline::{
    api,
    config::Config,
    desk::{Local, Office},
    lab::{
        openai::OpenAiConfig,
        twilio::{Gateway as Address, Lab, LabConfig},
    },
    live::{
        Gateway, Remote, Setup,
        setup::{Api, Outside},
    },
    net::{client::Client, listen},
    wire::{ExchangeEvent, HttpRequest, Method},
};
use serde_json::Value;
use tokio::sync::mpsc;

pub(super) const ACCOUNT: &str = "AC0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c";
pub(super) const TOKEN: &str = "a-token-of-the-tests";
pub(super) const PUBLIC_URL: &str = "https://desk.example.com";

/// A running server, and how it is asked.
pub(super) struct Server {
    pub(super) addr: SocketAddr,
    gateway: Option<Gateway>,
    office: Option<Office>,
    client: Client,
    token: String,
}

/// A folder of its own, and an address.
pub(super) fn place() -> (PathBuf, SocketAddr, impl Sized) {
    static PLACES: AtomicU32 = AtomicU32::new(0);
    let number = PLACES.fetch_add(1, Ordering::Relaxed);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("desk-{}-{number}", process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let (reserved, addr) = listen::reserve().unwrap();
    (folder, addr, reserved)
}

/// The lab's account with these settings.
pub(super) async fn account(addr: SocketAddr, change: impl FnOnce(&mut LabConfig)) -> Lab {
    let mut config = LabConfig::new(ACCOUNT.parse().unwrap(), TOKEN, PUBLIC_URL, Address(addr));
    change(&mut config);
    Lab::start(config).await.unwrap()
}

impl Server {
    /// Starts it with this configuration besides what it needs.
    pub(super) async fn start(folder: &Path, addr: SocketAddr, more: &str) -> Self {
        Self::start_as(folder, addr, PUBLIC_URL, more).await
    }

    /// … under another address.
    pub(super) async fn start_as(folder: &Path, addr: SocketAddr, public_url: &str, more: &str) -> Self {
        let store = folder.join("quietline.db");
        let text = format!(
            "[server]\nlisten = \"{addr}\"\npublic_url = \"{public_url}\"\nshards = 1\n[store]\npath = {:?}\n[voices]\ncache_dir = {:?}\n{more}",
            store,
            folder.join("voices")
        );
        let env = |name: &str| (name == "LAB_KEY").then(|| OpenAiConfig::KEY.to_owned());
        let config = Config::parse(&text, Path::new("quietline.toml"), &env);
        let config = config.unwrap_or_else(|error| panic!("{error}"));
        tokio::task::spawn_blocking(move || {
            let (finished, calls) = mpsc::unbounded_channel();
            let remote = Remote::default();
            let office = Office::open(&config, remote.clone(), calls).unwrap();
            let api = Api { routes: api::routes(office.desk().clone()), runtime: office.runtime().clone() };
            let texting = Some(office.texting());
            let outside = Outside { remote, api: Some(api), texting, finished: Some(finished) };
            let gateway = Gateway::start(Setup { outside, ..Setup::of(&config).unwrap() }, None).unwrap();
            office.answer(gateway.addr()).unwrap();
            let local = Local::read(&Local::path(&config.store.choice).unwrap()).unwrap();
            (gateway, office, local.token)
        })
        .await
        .map(|(gateway, office, token)| Self {
            addr,
            gateway: Some(gateway),
            office: Some(office),
            client: Client::new().unwrap(),
            token,
        })
        .unwrap()
    }

    pub(super) async fn stop(mut self) {
        let (gateway, office) = (self.gateway.take(), self.office.take());
        tokio::task::spawn_blocking(move || {
            drop(gateway);
            drop(office);
        })
        .await
        .unwrap();
    }

    /// Asks with this token; status and answer.
    pub(super) async fn ask_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&'static str, &str)],
    ) -> (u16, Value) {
        let mut all: Vec<_> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        all.push(("authorization", format!("Bearer {token}")));
        if body.is_some() {
            all.push(("content-type", "application/json".to_owned()));
        }
        let request = HttpRequest {
            method,
            url: format!("http://{}/api/v1{path}", self.addr),
            headers: all,
            body: body.map_or_else(Vec::new, |body| body.to_string().into_bytes()),
            timeout: Duration::from_secs(30),
        };
        match self.client.run(request).await {
            ExchangeEvent::Answer { status, body } if body.is_empty() => (status, Value::Null),
            ExchangeEvent::Answer { status, body } => (status, serde_json::from_slice(&body).unwrap()),
            ExchangeEvent::Failed(failure) => panic!("{path}: {failure}"),
        }
    }

    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.ask_as(&self.token, method, path, body, &[]).await
    }

    /// Asks for what must work.
    pub(super) async fn done(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let (status, answer) = self.ask(method, path, body).await;
        assert!((200..300).contains(&status), "{method:?} {path}: {status} {answer}");
        answer
    }

    pub(super) fn own_token(&self) -> &str {
        &self.token
    }
}
