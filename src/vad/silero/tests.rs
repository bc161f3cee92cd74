use super::{
    net::{score, score_baseline},
    *,
};
use crate::codec::mulaw;

/// A recording and what the reference says of each of its chunks (`weights/export.py probs`).
type Reference = (&'static str, &'static [u8], &'static [u8]);

macro_rules! reference {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!("../../../fixtures/", $name, ".caller.ulaw")),
            include_bytes!(concat!("../../../tests/data/silero/", $name, ".caller.f32")),
        )
    };
}

const REFERENCES: [Reference; 4] = [
    reference!("call-silence"),
    reference!("call-hold-music"),
    reference!("call-quiet-caller"),
    reference!("call-double-talk"),
];

fn numbers(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
}

fn frames(codes: &[u8]) -> Vec<Frame> {
    let samples: Vec<i16> = codes.iter().map(|&code| mulaw::decode(code)).collect();
    samples.as_chunks::<FRAME_SAMPLES>().0.to_vec()
}

#[test]
fn every_chunk_is_within_1e_4_of_the_reference() {
    for (name, codes, reference) in REFERENCES {
        let reference = numbers(reference);
        let mut silero = Silero::new();
        // The look-back at the start has nothing to look back on: the very first chunk is scored like the others.
        let ours: Vec<f32> = frames(codes)
            .iter()
            .filter_map(|frame| {
                silero.hear(frame, true);
                silero.probability()
            })
            .collect();
        assert_eq!(ours.len(), reference.len(), "{name}");
        let worst = ours.iter().zip(&reference).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-4, "{name}: {worst}");
    }
}

#[test]
fn a_machine_without_fma_scores_the_same_within_1e_5() {
    let (_, codes, _) = REFERENCES[0];
    let (mut with, mut without) = ([Chunk::EMPTY], [Chunk::EMPTY]);
    let mut scratch = Scratch::new(1);
    let samples: Vec<f32> = codes.iter().map(|&code| f32::from(mulaw::decode(code)) / 32768.0).collect();
    for new in samples.chunks_exact(CHUNK_SAMPLES).take(500) {
        for chunk in [&mut with[0], &mut without[0]] {
            chunk.samples.copy_within(CHUNK_SAMPLES.., 0);
            chunk.samples[CONTEXT_SAMPLES..].copy_from_slice(new);
        }
        score(&NETWORK, &mut with, &mut scratch);
        score_baseline(&NETWORK, &mut without, &mut scratch);
        let (with, without) = (with[0].probability, without[0].probability);
        assert!((with - without).abs() < 1e-5, "{with} {without}");
    }
}

#[test]
fn a_batch_gives_the_same_bits_as_a_call_alone() {
    let calls: Vec<Vec<Frame>> =
        REFERENCES.iter().flat_map(|(_, codes, _)| codes.chunks_exact(24_000).take(10).map(frames)).collect();
    let mut alone: Vec<Silero> = calls.iter().map(|_| Silero::new()).collect();
    let mut together: Vec<Silero> = calls.iter().map(|_| Silero::new()).collect();
    // Room for all but two.
    let mut batch = Batch::new(calls.len() - 2);
    let mut scored = 0;
    for n in 0..calls[0].len() {
        batch.clear();
        for (call, silero) in calls.iter().zip(&mut together) {
            silero.hear(&call[n], true);
            silero.offer(&mut batch);
        }
        batch.run();
        for ((call, alone), silero) in calls.iter().zip(&mut alone).zip(&mut together) {
            silero.collect(&batch);
            alone.hear(&call[n], true);
            let (expected, found) = (alone.probability(), silero.probability());
            assert_eq!(expected.map(f32::to_bits), found.map(f32::to_bits), "frame {n}");
            scored += usize::from(found.is_some());
        }
    }
    assert_eq!(scored, calls.len() * (3 * 8_000 / CHUNK_SAMPLES));
}

#[test]
fn a_chunk_that_nobody_gave_back_is_scored_alone() {
    let (_, codes, _) = REFERENCES[0];
    let (mut silero, mut other, mut batch) = (Silero::new(), Silero::new(), Batch::new(1));
    for frame in frames(&codes[..16_000]) {
        batch.clear();
        silero.hear(&frame, true);
        silero.offer(&mut batch);
        other.hear(&frame, true);
        assert_eq!(silero.probability(), other.probability());
    }
}

#[test]
fn when_scoring_begins_the_last_256_ms_are_looked_back_on() {
    let (_, codes, _) = REFERENCES[0];
    let frames = frames(codes);
    // The first words begin at 1.980 s.
    for begin in 108..116 {
        let (mut late, mut always) = (Silero::new(), Silero::new());
        let mut last = (0.0, 0.0);
        for (n, frame) in frames[..begin + 4].iter().enumerate() {
            late.hear(frame, n < 50 || n >= begin);
            always.hear(frame, true);
            last = (late.probability().unwrap_or(last.0), always.probability().unwrap_or(last.1));
        }
        assert!(last.0 > 0.5 && last.1 > 0.5, "frame {begin}: {last:?}");
    }
}
