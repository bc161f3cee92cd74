//! What a call's tick costs: in each of its states, and on a shard, alone (hot) and one of a thousand (cold).
//!
//! `cargo bench --bench tick`; one element of the throughput is a frame of 20 ms.

mod kernels;

fn main() {
    let mut kernels = kernels::tick::all();
    kernels.extend(kernels::shard::all("tick/hot", 1));
    kernels.extend(kernels::shard::all("tick/cold", 1_000));
    kernels::timing::run(kernels);
}
