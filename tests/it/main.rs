//! Integration tests: one binary, a module a subject.

mod cli;
mod golden;
mod layering;
mod property;
mod situations;
mod sound;
