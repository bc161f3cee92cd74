//! What mixing costs: nothing much for one source at full level, and the ramps and the limiter for two.
//!
//! `cargo bench --bench mix`; one element of the throughput is a frame of 20 ms.

mod kernels;

fn main() {
    kernels::timing::run(kernels::mix::all());
}
