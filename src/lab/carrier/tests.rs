//! What several streams in one call, and load, need of a scripted carrier. What one stream needs is tested by every
//! situation.

use super::*;
use crate::{
    audio::{FRAME_SAMPLES, MULAW_SILENCE},
    carrier::Payload,
    codec::mulaw,
};

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn audio(ms: usize) -> CarrierCommand {
    CarrierCommand::Media(Payload::Part { audio: vec![0x10; ms * 8].into(), from: 0, to: ms * 8 })
}

fn mark(number: u32) -> MarkId {
    MarkId { generation: 0, number }
}

/// All news by `now`, without frames.
fn news(carrier: &mut ScriptedCarrier, now: Timestamp) -> Vec<CarrierNews> {
    std::iter::from_fn(|| carrier.poll(now)).filter(|news| !matches!(news, CarrierNews::Media { .. })).collect()
}

fn frames(carrier: &mut ScriptedCarrier, now: Timestamp) -> Vec<(u64, u8)> {
    let frame = |news| {
        let CarrierNews::Media { timestamp_ms, payload } = news else { return None };
        Some((timestamp_ms, payload[0]))
    };
    std::iter::from_fn(|| carrier.poll(now)).filter_map(frame).collect()
}

#[test]
fn what_is_planned_while_waiting_counts_from_the_streams_start() {
    let mut carrier = ScriptedCarrier::waiting(Trouble::default());
    let digit = Digit::new('9').unwrap();
    carrier.press(carrier.start() + Duration::from_millis(500), digit);
    assert_eq!((carrier.next_at(), carrier.poll(at(60_000))), (Timestamp::NEVER, None));
    carrier.open(at(10_000));
    assert_eq!(news(&mut carrier, at(10_499)), [CarrierNews::Started]);
    assert_eq!(news(&mut carrier, at(10_500)), [CarrierNews::Digit(digit)]);
    carrier.hang_up(carrier.start() + Duration::from_secs(1));
    assert_eq!(news(&mut carrier, at(11_000)), [CarrierNews::Stopped]);
}

#[test]
fn a_second_stream_goes_on_in_the_callers_time_and_forgets_what_was_buffered() {
    let mut carrier = ScriptedCarrier::waiting(Trouble::default());
    carrier.say(2000, &[8000; 160]);
    carrier.open(at(0));
    assert_eq!(news(&mut carrier, at(0)), [CarrierNews::Started]);
    carrier.command(at(100), &audio(1000));
    carrier.command(at(100), &CarrierCommand::Mark(mark(1)));
    carrier.detach(at(600));
    assert_eq!(carrier.buffered(at(600)), Duration::ZERO);
    assert_eq!(news(&mut carrier, at(1990)), [], "no stream, no mark, no frame");
    carrier.open(at(1990));
    assert_eq!(news(&mut carrier, at(1990)), [CarrierNews::Started]);
    let got = frames(&mut carrier, at(2039));
    assert_eq!(got, [(155, MULAW_SILENCE), (156 + 20, mulaw::encode(8000))], "time stamps begin anew");
    carrier.command(at(2100), &audio(100));
    let heard = carrier.heard();
    assert_eq!(heard.iter().position(|&code| code != MULAW_SILENCE), Some(800));
    assert!(heard[4800..16_800].iter().all(|&code| code == MULAW_SILENCE), "cut at the stream's end");
    assert_eq!(heard.len(), 17_600);
}

#[test]
fn a_caller_may_leave_while_no_stream_is_open() {
    let mut carrier = ScriptedCarrier::new(at(0), Trouble::default());
    carrier.press(at(150), Digit::new('1').unwrap());
    carrier.hang_up(at(200));
    carrier.detach(at(100));
    assert_eq!(news(&mut carrier, at(300)), [CarrierNews::Stopped], "the digit is lost");
    assert!(carrier.is_over());
    carrier.open(at(300));
    assert_eq!(news(&mut carrier, at(400)), []);
}

#[test]
fn a_broken_connection_ends_the_call_unless_it_goes_on() {
    for goes_on in [false, true] {
        let mut carrier = ScriptedCarrier::new(at(0), Trouble::default());
        if goes_on {
            carrier.go_on_after_breaks();
        }
        carrier.command(at(0), &audio(1000));
        carrier.break_off(at(100));
        assert_eq!(news(&mut carrier, at(100)), [CarrierNews::Started, CarrierNews::Closed]);
        assert_eq!((carrier.is_open(), carrier.is_over()), (false, !goes_on));
        assert_eq!(carrier.buffered(at(100)), Duration::from_millis(900), "what was not heard can still be told");
    }
}

#[test]
fn marks_of_one_name_all_come_back_from_a_clear() {
    let mut carrier = ScriptedCarrier::new(at(0), Trouble::default());
    carrier.command(at(0), &audio(1000));
    for _ in 0..2 {
        carrier.command(at(0), &CarrierCommand::Mark(mark(1)));
    }
    carrier.command(at(100), &CarrierCommand::Clear);
    let echo = CarrierNews::Mark(mark(1));
    assert_eq!(news(&mut carrier, at(5000)), [CarrierNews::Started, echo.clone(), echo]);
}

#[test]
fn more_than_ten_minutes_are_discarded() {
    let mut carrier = ScriptedCarrier::new(at(0), Trouble::default());
    carrier.forget_heard();
    for _ in 0..60 {
        carrier.command(at(0), &audio(10_000));
    }
    assert_eq!(carrier.violation_count(), 0);
    for _ in 0..40 {
        carrier.command(at(0), &audio(20));
    }
    assert_eq!((carrier.violation_count(), carrier.violations().len()), (40, 16));
    assert!(carrier.violations()[0].contains("31931"));
    assert_eq!((carrier.buffered(at(0)), carrier.heard().len()), (Duration::from_secs(600), 0));
}

#[test]
fn a_tape_is_shared_repeated_and_spoken_over() {
    let tape: std::sync::Arc<[u8]> = (0..FRAME_SAMPLES * 2).map(|n| if n < FRAME_SAMPLES { 1 } else { 2 }).collect();
    let mut once = ScriptedCarrier::waiting(Trouble::default());
    once.play_tape(tape.clone(), false);
    once.open(at(0));
    let codes = |frames: Vec<(u64, u8)>| frames.into_iter().map(|(_, code)| code).collect::<Vec<_>>();
    assert_eq!(codes(frames(&mut once, at(60))), [1, 2, MULAW_SILENCE]);
    let mut again = ScriptedCarrier::waiting(Trouble::default());
    again.play_tape(tape, true);
    again.say(20, &[20_000; 160]);
    again.open(at(0));
    let got = codes(frames(&mut again, at(80)));
    assert_eq!((got[0], got[2], got[3]), (1, 1, 2));
    assert_ne!(got[1], 2);
}

#[test]
fn on_any_clock_what_is_sent_together_is_heard_together() {
    for clock_ppm in [-1_000, -299, -1, 0, 7, 123, 1_000] {
        let mut carrier = ScriptedCarrier::new(Timestamp::ZERO, Trouble { clock_ppm, ..Trouble::default() });
        let sent: Vec<u8> = (0..250_u32).flat_map(|n| [n as u8; 16]).collect();
        for part in sent.chunks(161) {
            let audio = Payload::Part { audio: part.into(), from: 0, to: part.len() };
            carrier.command(Timestamp::from_micros(3_354_565), &CarrierCommand::Media(audio));
        }
        assert!(carrier.heard().ends_with(&sent), "{clock_ppm} ppm");
    }
}
