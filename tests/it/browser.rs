//! A real browser for tests of pages: Chromium by its driver, both on loopback, with a profile of its own.

use std::{
    fs,
    net::TcpListener,
    panic::{AssertUnwindSafe, resume_unwind},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use fantoccini::{Client, ClientBuilder, wd::WebDriverCompatibleCommand};
use futures_util::FutureExt;
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};

/// What keeps Chromium from the network, from asking, and from a sandbox that containers do not allow.
const FLAGS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
];

/// What to do where there is none.
const HOW: &str = "no chromedriver: apt-get install chromium chromium-driver";

/// A browser with one page.
pub(crate) struct Browser {
    /// The page.
    pub(crate) client: Client,
    downloads: PathBuf,
}

/// The driver's process. Killed when all is over, after it has ended its browser.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Browser {
    /// Runs a test in a browser with a window of this size, in pixels, and ends the browser whatever the test does.
    ///
    /// If there is no Chromium here this is told and the test is skipped; with `CI=true` it fails.
    pub(crate) async fn with(name: &str, size: (u32, u32), test: impl AsyncFnOnce(&Browser)) {
        let Some((driver, port)) = driver() else { return };
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("browser-{name}"));
        let _ = fs::remove_dir_all(&folder);
        let downloads = folder.join("downloads");
        fs::create_dir_all(&downloads).unwrap();
        let capabilities = capabilities(&folder.join("profile"), &downloads, size);
        for _ in 0..100 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("the driver starts Chromium");
        let browser = Self { client, downloads };
        let done = AssertUnwindSafe(test(&browser)).catch_unwind().await;
        let closed = browser.client.clone().close().await;
        drop(driver);
        if let Err(panic) = done {
            resume_unwind(panic);
        }
        closed.unwrap();
    }

    /// Runs a script in the page; its `return` is the value.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until a script returns something true; 20 s at most.
    pub(crate) async fn until(&self, script: &str) -> Value {
        for _ in 0..400 {
            let value = self.run(script).await;
            if !matches!(value, Value::Null | Value::Bool(false)) {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("this did not come true: {script}");
    }

    /// What the console has said since it was asked last, errors and warnings.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self.client.issue_cmd(ConsoleLog).await.unwrap();
        let entries = log.as_array().cloned().unwrap_or_default();
        let bad =
            entries.into_iter().filter(|entry| ["SEVERE", "WARNING"].iter().any(|level| entry["level"] == *level));
        bad.map(|entry| entry["message"].to_string()).collect()
    }

    /// A file that is being downloaded, once it is there; 20 s at most.
    pub(crate) async fn downloaded(&self, name: &str) -> Vec<u8> {
        let file = self.downloads.join(name);
        for _ in 0..400 {
            if let Ok(bytes) = fs::read(&file)
                && !bytes.is_empty()
            {
                return bytes;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} was not downloaded", file.display());
    }
}

/// A driver and its port.
fn driver() -> Option<(Driver, u16)> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new("chromedriver");
    command.arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null());
    match command.spawn() {
        Ok(child) => Some((Driver(child), port)),
        Err(_) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{HOW}");
            #[allow(clippy::print_stderr)]
            {
                eprintln!("skipped, {HOW}");
            }
            None
        }
    }
}

fn capabilities(profile: &Path, downloads: &Path, (width, height): (u32, u32)) -> Value {
    let mut flags: Vec<_> = FLAGS.iter().map(|&flag| flag.to_owned()).collect();
    flags.push(format!("--user-data-dir={}", profile.display()));
    flags.push(format!("--window-size={width},{height}"));
    json!({
        "browserName": "chrome",
        "goog:loggingPrefs": { "browser": "ALL" },
        "goog:chromeOptions": {
            "args": flags,
            "prefs": { "download.default_directory": downloads, "download.prompt_for_download": false },
        },
    })
}

/// Chromium's own command: what the console has said.
#[derive(Debug)]
struct ConsoleLog;

impl WebDriverCompatibleCommand for ConsoleLog {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}
