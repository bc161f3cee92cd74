//! How much faster than the telephone a recorded call is replayed.
//!
//! `cargo bench --bench replay`; one element of the throughput is a frame of 20 ms.

mod kernels;

fn main() {
    kernels::timing::run(kernels::replay::all());
}
