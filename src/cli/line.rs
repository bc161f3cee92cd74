//! Options that every caller of a gateway has: where it is, and the line's trouble.

use std::time::Duration;

use quietline::lab::{Trouble, twilio::Gateway};

/// Whom to call, and over what line.
#[derive(Debug, clap::Args)]
pub(crate) struct LineArgs {
    /// The gateway; given several times, the next one is tried when one refuses the connection.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) gateway: Vec<Gateway>,
    /// The gateway's public address, as configured there.
    #[arg(long, value_name = "URL", env = "QUIETLINE_PUBLIC_URL", default_value = "https://gate.example.com")]
    pub(crate) public_url: String,
    /// Port of the REST server on loopback, as configured in the gateway; 0: any free one.
    #[arg(long, value_name = "PORT", default_value_t = 9200)]
    pub(crate) rest_port: u16,
    /// The number called.
    #[arg(long, value_name = "NUMBER", default_value = "+13235550123")]
    pub(crate) to: String,
    /// The caller.
    #[arg(long, value_name = "NUMBER", default_value = "+18185550147")]
    pub(crate) from: String,
    /// Caller audio is late by up to this much.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    jitter_ms: u64,
    /// Share of caller audio that is lost, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    loss: f32,
    /// The carrier's clock is this many parts per million fast.
    #[arg(long, value_name = "PPM", default_value_t = 0, allow_hyphen_values = true)]
    clock_ppm: i32,
    /// Marks come back this much late.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    mark_lag_ms: u64,
    /// Share of marks that never come back, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    lost_marks: f32,
}

impl LineArgs {
    /// The line's trouble.
    pub(crate) fn trouble(&self, seed: u64) -> Trouble {
        Trouble {
            seed,
            jitter: Duration::from_millis(self.jitter_ms),
            loss: self.loss,
            clock_ppm: self.clock_ppm,
            mark_lag: Duration::from_millis(self.mark_lag_ms),
            lost_marks: self.lost_marks,
            ..Trouble::default()
        }
    }
}
