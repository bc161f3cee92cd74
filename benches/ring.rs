//! What it costs to hand a frame on: through the ring between socket and tick, and through the history for the model.
//!
//! `cargo bench --bench ring`; one element of the throughput is a frame of 20 ms.

mod kernels;

fn main() {
    kernels::timing::run(kernels::ring::all());
}
