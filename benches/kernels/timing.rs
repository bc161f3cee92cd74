//! Kernels measured by time.

use std::time::Duration;

use criterion::{BatchSize, Criterion, SamplingMode, Throughput};

use super::Kernel;

/// Times the kernels of a bench. A throughput of 1 element is one frame of 20 ms of one call.
///
/// Short: all benches together are to take minutes, and what a busy machine adds does not go away by waiting.
pub(crate) fn run(kernels: Vec<Kernel>) {
    let criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30)
        .nresamples(20_000);
    let mut criterion = criterion.configure_from_args();
    for kernel in kernels {
        time(&mut criterion, &kernel);
    }
    criterion.final_summary();
}

fn time(criterion: &mut Criterion, kernel: &Kernel) {
    let (stage, what) = kernel.name.split_once('/').expect("a kernel's name begins with its stage");
    let mut group = criterion.benchmark_group(stage);
    // A run is many frames: there is no need of ever more iterations to see it.
    group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(kernel.frames as u64));
    group.bench_function(what, |bencher| {
        if kernel.fresh {
            bencher.iter_batched_ref(|| kernel.start(), |run| run(), BatchSize::PerIteration);
        } else {
            let mut run = kernel.start();
            bencher.iter(&mut run);
        }
    });
    group.finish();
}
