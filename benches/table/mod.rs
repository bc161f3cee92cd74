//! The table that ends `cargo bench`.

mod measurements;
mod path;
mod show;

pub(crate) use measurements::Measurements;
pub(crate) use show::Table;
