//! Kernels under callgrind: counted, recorded, compared.

mod comparison;
mod count;
mod record;

pub(crate) use comparison::Comparison;
pub(crate) use count::{COUNTING, CountError, Counted, count};
pub(crate) use record::Record;

/// What decides how many instructions a kernel takes, besides its source.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Conditions {
    /// The processor that valgrind shows, by what the code asks of it. Counts of two are not compared.
    pub(crate) path: String,
    /// As it names itself. Counts of two are compared: they differ by little.
    pub(crate) compiler: String,
}
