//! What hearing costs: every detector on a silent line, words, noise and a conversation, and the network with 1, 8 and 32
//! calls at once.
//!
//! `cargo bench --bench vad`; one element of the throughput is a frame of 20 ms.

mod kernels;

fn main() {
    kernels::timing::run(kernels::vad::all());
}
