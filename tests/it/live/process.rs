//! The program itself, as its operator runs it: killed, stopped, wrongly configured.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use quietline::{
    carrier::twilio::AccountSid,
    lab::twilio::{CallEvent, Dial, EndedBy, Gateway, Lab, LabConfig},
    net::listen,
};

use super::room::{ACCOUNT, PUBLIC_URL, TOKEN};

/// A gateway of its own process; killed when dropped.
struct Server {
    child: Child,
    addr: SocketAddr,
}

impl Server {
    /// Starts one whose REST is there; `extra` goes into its configuration.
    fn start(name: &str, rest: &str, limits: &str) -> Self {
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
        let file = folder.join(format!("{name}.toml"));
        let config = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\npublic_url = \"{PUBLIC_URL}\"\nshards = 1\n\
             [store]\npath = {:?}\n[twilio]\naccount_sid = \"{ACCOUNT}\"\nauth_token_env = \"TWILIO_AUTH_TOKEN\"\n\
             [twilio.rest]\nbase_url = \"{rest}\"\n[limits]\n{limits}\n\
             [[assistant]]\nname = \"desk\"\ngreeting = {{ interruptible = true }}\n",
            folder.join(format!("{name}-{}.db", std::process::id())),
        );
        std::fs::write(&file, config).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_quietline"))
            .args(["serve", "--config", file.to_str().unwrap()])
            .env("TWILIO_AUTH_TOKEN", TOKEN)
            .env_remove("QUIETLINE_LISTEN")
            .env_remove("QUIETLINE_PUBLIC_URL")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let addr = first.trim().rsplit_once("http://").unwrap_or_else(|| panic!("{first:?}")).1.parse().unwrap();
        Self { child, addr }
    }

    /// `kill -9`.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What it logged; it must have ended.
    fn log(&mut self) -> String {
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A lab whose REST is at an address that is known beforehand, in front of these gateways.
async fn lab(rest: SocketAddr, gateways: Vec<SocketAddr>) -> Lab {
    let account: AccountSid = ACCOUNT.parse().unwrap();
    let mut config = LabConfig::new(account, TOKEN, PUBLIC_URL, Gateway(gateways[0]));
    config.gateways = gateways.into_iter().map(Gateway).collect();
    config.rest_port = rest.port();
    Lab::start(config).await.unwrap()
}

fn rest() -> SocketAddr {
    // Freed again at once: the lab binds it without sharing.
    listen::reserve().unwrap().1
}

fn dial() -> Dial {
    Dial::new("+15550200000", "+15550000001")
}

async fn hears_the_greeting(call: &quietline::lab::twilio::LabCall) {
    let heard = call.wait_for(|event| matches!(event, CallEvent::AudioBegan)).await;
    assert!(heard.is_some(), "{:#?}", call.events());
}

fn streams(call: &quietline::lab::twilio::LabCall) -> usize {
    call.events().iter().filter(|(_, event)| matches!(event, CallEvent::StreamStarted(_))).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_process_is_killed_is_resumed_by_another() {
    let rest = rest();
    let url = format!("http://{rest}");
    let (mut one, two) = (Server::start("resume-1", &url, ""), Server::start("resume-2", &url, ""));
    let lab = lab(rest, vec![one.addr, two.addr]).await;
    let call = lab.dial(dial());
    hears_the_greeting(&call).await;
    one.kill();
    // Another stream, and words on it: "Sorry, we were cut off for a moment."
    let again = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            let events = call.events();
            let second = events.iter().rposition(|(_, event)| matches!(event, CallEvent::StreamStarted(_)));
            let heard =
                second.is_some_and(|at| events[at..].iter().any(|(_, event)| matches!(event, CallEvent::AudioBegan)));
            if streams(&call) == 2 && heard {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert!(again.await.is_ok(), "{:#?}", call.events());
    call.hang_up();
    let report = call.finished().await;
    assert_eq!(report.violations, [""; 0]);
    drop(two);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_leaves_no_caller_without_a_word() {
    // Another node is there, but has no room: it apologizes.
    let rest = rest();
    let url = format!("http://{rest}");
    let (mut one, two) = (Server::start("apology-1", &url, ""), Server::start("apology-2", &url, "max_calls = 1"));
    let lab_two = lab(self::rest(), vec![two.addr]).await;
    let busy = lab_two.dial(dial());
    hears_the_greeting(&busy).await;
    let lab = lab(rest, vec![one.addr, two.addr]).await;
    let call = lab.dial(dial());
    hears_the_greeting(&call).await;
    one.kill();
    let report = call.finished().await;
    let [spoken] = &report.spoken[..] else { panic!("{:#?}", report.events) };
    assert!(spoken.text.contains("technical problem"), "{spoken:?}");
    assert_eq!(report.ended_by, EndedBy::Document);
    busy.hang_up();
    busy.finished().await;

    // Nobody is there any more: the carrier says so in its own words.
    let mut alone = Server::start("alone", &url, "");
    let lab = self::lab(self::rest(), vec![alone.addr]).await;
    let call = lab.dial(dial());
    hears_the_greeting(&call).await;
    alone.kill();
    let report = call.finished().await;
    let words = report.spoken.iter().any(|spoken| spoken.text.contains("error"));
    assert!(words, "{:#?}", report.events);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_stop_it_says_goodbye_and_ends_with_code_0() {
    let rest = rest();
    let mut server = Server::start("stop", &format!("http://{rest}"), "drain_s = 1");
    let lab = lab(rest, vec![server.addr]).await;
    let call = lab.dial(dial());
    hears_the_greeting(&call).await;
    let stopped = Command::new("kill").args(["-TERM", &server.child.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    let report = call.finished().await;
    assert_eq!((report.ended_by, report.unheard_ms), (EndedBy::Rest, 0), "{:#?}", report.events);
    let child = &mut server.child;
    let code = tokio::task::block_in_place(|| child.wait()).unwrap();
    let log = server.log();
    assert!(code.success(), "{code} {log}");
    assert!(!log.contains("ERROR"), "{log}");
    assert!(log.contains("drain"), "{log}");
    for number in ["+15550200000", "+15550000001", TOKEN] {
        assert!(!log.contains(number), "{number} is in the log: {log}");
    }
}

#[test]
fn a_wrong_configuration_stops_the_start_with_its_place() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("wrong.toml");
    std::fs::write(&file, "[server]\nlisten = \"127.0.0.1:0\"\n[limits]\nmax_callz = 3\n").unwrap();
    for command in [&["serve", "--config"][..], &["check-config"]] {
        let run = Command::new(env!("CARGO_BIN_EXE_quietline")).args(command).arg(&file).output().unwrap();
        assert_eq!(run.status.code(), Some(2), "{run:?}");
        let text = String::from_utf8(run.stderr).unwrap();
        assert!(text.contains("wrong.toml") && text.contains('4') && text.contains("max_callz"), "{text}");
    }
}
