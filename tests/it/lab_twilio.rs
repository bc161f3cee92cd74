//! The stand-in for Twilio, against a gateway of a few lines.

mod command;
mod documents;
mod gateway;
mod load;
mod rest;
mod streams;

use std::{sync::Arc, time::Duration};

use quietline::lab::twilio::{CallEvent, CallReport, Dial, Lab, LabCall, LabConfig};
use tokio::time::timeout;

use gateway::{ACCOUNT, Gateway, PATIENCE, PUBLIC, TOKEN};

fn config(gateway: &Gateway) -> LabConfig {
    let address = quietline::lab::twilio::Gateway(gateway.address);
    LabConfig::new(ACCOUNT.parse().unwrap(), TOKEN, PUBLIC, address)
}

async fn lab(gateway: &Gateway) -> Lab {
    Lab::start(config(gateway)).await.unwrap()
}

fn dial() -> Dial {
    Dial::new("+13235550123", "+18185550147")
}

async fn finished(call: &LabCall) -> Arc<CallReport> {
    let report = timeout(PATIENCE, call.finished()).await;
    report.unwrap_or_else(|_| panic!("the call goes on: {:#?}", call.events()))
}

/// Waits for something in the call's record.
async fn wait_for(call: &LabCall, what: &str, fits: impl Fn(&CallEvent) -> bool) -> CallEvent {
    let found = timeout(PATIENCE, call.wait_for(fits)).await.ok().flatten();
    found.unwrap_or_else(|| panic!("no {what}: {:#?}", call.events())).1
}

/// No violations and no warnings.
fn assert_clean(report: &CallReport) {
    assert_eq!(report.violations, Vec::<String>::new(), "{:#?}", report.events);
    assert_eq!(report.warnings, Vec::new(), "{:#?}", report.events);
}

/// Numbers of the vendor's warnings.
fn warnings(report: &CallReport) -> Vec<u32> {
    report.warnings.iter().map(|(code, _)| *code).collect()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
