//! Integration tests: one binary, a module a subject.

mod cli;
mod golden;
mod layering;
mod situations;
mod sound;
