//! The `quietline` command.
#![forbid(unsafe_code)]

fn main() {}
