//! What G.711 costs: decoding, once and more for every frame, and encoding, for what is mixed or resampled; both laws.
//!
//! `cargo bench --bench codec`; one element of the throughput is a frame of 20 ms.

mod kernels;

fn main() {
    kernels::timing::run(kernels::codec::all());
}
