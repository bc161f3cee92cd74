//! Every timer of a call, in both halves: it is polled with its reason, and handling it acts and clears or moves it.

use std::time::Duration;

use quietline::{
    assistant::{FarewellKind, HangupTool, Reminder},
    call::{AnnouncementKind, Cause, EndedBy, Reason, Verdict},
    carrier::{CallRequest, CarrierCommand},
    lab::{Moment, Rest},
    model::ModelRequest,
    time::{TimerReason, Timestamp},
};

use crate::situations::scenario::{Act, Anchor, Hears, Part, Played, Row, row, talk};

/// What a timer must bring about at the very instant it is due.
type Acts = fn(&Played, Timestamp) -> bool;

#[test]
fn every_timer_is_polled_and_acts() {
    let table = table();
    for reason in TimerReason::ALL {
        assert!(table.iter().any(|(listed, ..)| *listed == reason), "no row for {reason:?}");
    }
    let mut wrong = Vec::new();
    for (reason, row, acts) in &table {
        let played = row.play().unwrap_or_else(|error| panic!("{reason:?}: {error}"));
        let fired: Vec<_> = played.fired.iter().filter(|fired| fired.reason == *reason).collect();
        let failure = if fired.is_empty() {
            "it is never polled"
        } else if !fired.iter().any(|fired| acts(&played, fired.at)) {
            "it does not act"
        } else if !fired.iter().all(|fired| fired.cleared) {
            "it is polled again for the same instant"
        } else {
            continue;
        };
        let due: Vec<_> = fired.iter().map(|fired| fired.at.as_millis_f64()).collect();
        wrong.push(format!("{reason:?}: {failure} (due at {due:?})\n{}", played.ledger()));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn table() -> Vec<(TimerReason, Row, Acts)> {
    [of_the_hangup(), of_endings(), of_the_model(), of_the_caller()].concat()
}

fn of_the_hangup() -> Vec<(TimerReason, Row, Acts)> {
    let silent = || talk(0, "REST is silent").trouble(|t| t.rest = Rest::Silent);
    let fails = Rest::FailsUntil(Duration::from_millis(100), Timestamp::from_millis(60_000));
    let mut unsaid = silent();
    unsaid.missing = Some(AnnouncementKind::Farewell(FarewellKind::Silence));
    vec![
        (TimerReason::HangupAnswer, silent(), |played, at| asked_carrier(played, at, CallRequest::CloseStream)),
        (TimerReason::HangupRetry, talk(0, "REST fails").trouble(|t| t.rest = fails), |played, at| {
            asked_carrier(played, at, CallRequest::Hangup)
        }),
        (TimerReason::HangupVerify, silent(), |played, at| {
            entered(played, at, |c| matches!(c, Cause::LineClosed { verified: false, .. }))
        }),
        (TimerReason::TerminalMark, unsaid, |played, at| asked_carrier(played, at, CallRequest::Hangup)),
    ]
}

fn of_endings() -> Vec<(TimerReason, Row, Acts)> {
    let hangup = |parts: &[Part]| {
        talk(0, "hang-up").settings(|s| s.hangup_call = Some(HangupTool::default())).at(
            Anchor::Stream,
            8_000,
            Act::Speaks(parts.to_vec()),
        )
    };
    let mut short = hangup(&[Part::Tool("hangup_call")]);
    short.lengths = |_| 400;
    let held = hangup(&[Part::Tool("hangup_call")]).at(Anchor::Stream, 9_000, Act::Say(9_000, -20.0, "Bye."));
    let drained =
        talk(0, "drain").trouble(|t| t.lost_marks = 1.0).at(Anchor::Stream, 8_000, Act::Drain).settings(|_| ());
    let mut drained = drained;
    drained.lengths = |_| 7_000;
    let short_call = talk(0, "long").settings(|s| {
        s.max_duration = quietline::assistant::MaxDuration::with_bounds(
            Duration::from_secs(20),
            (Duration::from_secs(1), Duration::from_secs(60)),
        )
        .expect("within the bounds given");
    });
    let said = [Part::Talk(1_000, "Goodbye.")];
    vec![
        (TimerReason::HangupEarliest, short, |played, at| asked_carrier(played, at, CallRequest::Hangup)),
        (TimerReason::HangupBound, held, |played, at| entered(played, at, |c| matches!(c, Cause::TakenBack { .. }))),
        (TimerReason::ClosingBound, drained, |played, at| asked_carrier(played, at, CallRequest::Hangup)),
        (TimerReason::MaxDuration, short_call, |played, at| begun(played, at, Reason::MaxDuration)),
        (TimerReason::ModelGoodbye, hangup(&said), |played, at| begun(played, at, Reason::ModelGoodbye)),
        (TimerReason::Silence, talk(0, "DTX").at(Anchor::Stream, 6_000, Act::NoFrames(600_000)), |played, at| {
            begun(played, at, Reason::Silence)
        }),
    ]
}

fn of_the_model() -> Vec<(TimerReason, Row, Acts)> {
    let question = || row(0, "no answer").at(Anchor::Stream, 1_000, Act::Say(1_500, -20.0, "Is anybody there?"));
    let gone = || talk(0, "model gone").at(Anchor::Stream, 8_000, Act::Lost(None));
    vec![
        (TimerReason::ModelLost, gone(), |played, at| begun(played, at, Reason::ModelLost)),
        (TimerReason::ModelRetry, gone(), |played, at| asked_model(played, at, ModelRequest::Connect)),
        (TimerReason::OwedFiller, question().settings(|s| s.filler = true), |played, at| {
            entered(played, at, |c| matches!(c, Cause::Announced { kind: AnnouncementKind::Filler, .. }))
        }),
        (TimerReason::OwedCreate, question(), |played, at| asked_model(played, at, ModelRequest::CreateResponse)),
        (TimerReason::OwedLost, question(), |played, at| entered(played, at, |c| matches!(c, Cause::ModelAway))),
        (TimerReason::ResponseWanted, talk(0, "a key").at(Anchor::Stream, 8_000, Act::Key('1')), |played, at| {
            asked_model(played, at, ModelRequest::CreateResponse)
        }),
        (
            TimerReason::BargeInFalse,
            row(0, "cough")
                .hears(Hears::NoTurns)
                .at(Anchor::Stream, 1_000, Act::Speaks(vec![Part::Talk(6_000, "Let me see.")]))
                .at(Anchor::Agent(0), 1_500, Act::Say(340, -20.0, "")),
            |played, at| entered(played, at, |c| matches!(c, Cause::BargeInFalse)),
        ),
        (TimerReason::MarkOverdue, talk(0, "no marks").trouble(|t| t.lost_marks = 1.0), |played, at| {
            entered(played, at, |c| matches!(c, Cause::AgentSilent { by: EndedBy::Estimate, .. }))
        }),
    ]
}

fn of_the_caller() -> Vec<(TimerReason, Row, Acts)> {
    let reminder = talk(0, "reminder").settings(|s| s.reminder = Some(Reminder { after: Duration::from_secs(20) }));
    vec![
        (TimerReason::VerdictDue, talk(0, "no transcript").hears(Hears::NoTranscripts), |played, at| {
            entered(played, at, |c| matches!(c, Cause::Verdict { verdict: Verdict::Unknown, .. }))
        }),
        (
            TimerReason::OpenSpurtCharged,
            talk(0, "hum").hears(Hears::NoTranscripts).at(Anchor::Stream, 8_000, Act::Say(600_000, -30.0, "")),
            |played, at| entered(played, at, |c| matches!(c, Cause::Charged { .. })),
        ),
        (
            TimerReason::WaitOver,
            talk(0, "wait").settings(|s| s.wait_for_caller = true).reply(&[]).at(
                Anchor::Stream,
                8_000,
                Act::Speaks(vec![Part::With("wait_for_caller", r#"{"seconds":20}"#)]),
            ),
            |played, at| entered(played, at, |c| *c == Cause::WaitEnded { early: false }),
        ),
        (TimerReason::Reminder, reminder, |played, at| {
            entered(played, at, |c| matches!(c, Cause::Announced { kind: AnnouncementKind::Reminder, .. }))
        }),
        (TimerReason::InboundGap, talk(0, "DTX").at(Anchor::Stream, 6_000, Act::NoFrames(600_000)), |played, at| {
            asked_carrier(played, at, CallRequest::FetchStatus)
        }),
    ]
}

fn entered(played: &Played, at: Timestamp, like: impl Fn(&Cause) -> bool) -> bool {
    played.entries(like).any(|entry| entry.at == at)
}

fn begun(played: &Played, at: Timestamp, reason: Reason) -> bool {
    entered(played, at, |cause| *cause == Cause::EndingBegan(reason))
}

fn asked_carrier(played: &Played, at: Timestamp, request: CallRequest) -> bool {
    played.world.moments.contains(&(at, Moment::ToCarrier(CarrierCommand::Request(request))))
}

fn asked_model(played: &Played, at: Timestamp, request: ModelRequest) -> bool {
    played.world.model.log.contains(&(at, request))
}
