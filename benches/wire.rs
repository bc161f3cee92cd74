//! What the messages cost that come and go with every frame: text to values, values to text.
//!
//! `cargo bench --bench wire`; one element of the throughput is a frame of 20 ms.

mod kernels;

fn main() {
    kernels::timing::run(kernels::wire::all());
}
