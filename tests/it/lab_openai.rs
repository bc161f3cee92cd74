//! The stand-in for OpenAI, on its sockets.

mod client;
mod command;
mod errors;
mod faults;
mod speaking;
mod turns;

use quietline::{
    audio::SampleRate,
    codec::mulaw,
    lab::{
        openai::{OpenAiConfig, OpenAiLab},
        voices::speech,
    },
};

/// Something to say, and the silence that ends the turn.
fn said(text: &str) -> Vec<u8> {
    let mut codes = vec![0xff; 8 * 400];
    codes.extend(speech(text, SampleRate::TELEPHONE).into_iter().map(mulaw::encode));
    codes.extend([0xff; 8 * 700]);
    codes
}

fn start(config: OpenAiConfig) -> OpenAiLab {
    OpenAiLab::start(config).unwrap()
}

fn assert_clean(lab: &OpenAiLab) {
    assert_eq!(lab.violations(), Vec::<String>::new());
}
