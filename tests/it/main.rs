//! Integration tests: one binary, a module a subject.

mod layering;
mod situations;
mod property;
