//! Integration tests: one binary, a module a subject.

// A test that cannot go on panics, and looks only at what it is about.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod any_order;
mod audit;
mod browser;
mod captures;
mod cli;
mod desk;
mod echo;
mod golden;
mod hangup;
mod lab_openai;
mod lab_twilio;
mod lab_voices;
mod layering;
mod live;
mod property;
mod replay;
mod report;
mod situations;
mod sound;
mod store;
mod timers;
mod voices;
