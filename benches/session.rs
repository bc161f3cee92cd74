//! What a whole call costs, spread over its frames: made, spoken, fallen silent, told goodbye, hung up.
//!
//! `cargo bench --bench session`; one element of the throughput is a frame of 20 ms.

mod kernels;

fn main() {
    kernels::timing::run(kernels::session::all());
}
