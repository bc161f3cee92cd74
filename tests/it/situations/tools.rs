//! Rows 49 to 51: the caller asks for time, is put through, or waits for a tool that has words of its own.

use quietline::{
    assistant::Intent,
    call::{AnnouncementKind, Cause, Party, Reason},
    carrier::{CallRequest, CarrierCommand},
    lab::Moment,
    model::ToolAnswer,
    silence::PauseName,
};

use super::{
    checks::Check,
    scenario::{Act, Anchor, Hears, Part, Row, talk},
};

const MINUTE: &str = r#"{"seconds":60}"#;

fn waited(cause: &Cause) -> bool {
    matches!(cause, Cause::WaitBegan { .. })
}

fn over(cause: &Cause) -> bool {
    matches!(cause, Cause::WaitEnded { early: false })
}

fn back(cause: &Cause) -> bool {
    matches!(cause, Cause::WaitEnded { early: true })
}

fn holds(cause: &Cause) -> bool {
    *cause == Cause::Paused(PauseName::Wait)
}

fn reminded(cause: &Cause) -> bool {
    matches!(cause, Cause::Announced { kind: AnnouncementKind::Reminder, .. })
}

/// The caller wants to get a card; the agent waits.
fn wait(what: &'static str, arguments: &'static str) -> Row {
    talk(49, what)
        .settings(|s| s.wait_for_caller = true)
        .at(Anchor::Stream, 7_000, Act::Say(1_500, -20.0, "Hold on, I'm getting my card."))
        .reply(&[Part::Talk(1_000, "Take your time."), Part::With("wait_for_caller", arguments)])
}

/// The caller wants a person.
fn transfer(what: &'static str, parts: &[Part]) -> Row {
    talk(50, what)
        .settings(|s| s.transfers = vec!["billing".into(), "sales".into()])
        .at(Anchor::Stream, 7_000, Act::Say(1_500, -20.0, "Please put me through to sales."))
        .reply(parts)
}

const SALES: Part = Part::With("transfer_call", r#"{"to":"sales"}"#);

fn dialled(request: CallRequest) -> fn(&super::scenario::Played, &Row) -> Result<(), String> {
    match request {
        CallRequest::Dial { say: false, .. } => |played, _| asked(played, CallRequest::Dial { to: 1, say: false }),
        _ => |played, _| asked(played, CallRequest::Dial { to: 1, say: true }),
    }
}

fn asked(played: &super::scenario::Played, request: CallRequest) -> Result<(), String> {
    let command = Moment::ToCarrier(CarrierCommand::Request(request));
    let times = played.world.moments.iter().filter(|(_, moment)| *moment == command).count();
    if times == 1 { Ok(()) } else { Err(format!("{request:?} {times} times")) }
}

pub(super) fn rows() -> Vec<Row> {
    [waits(), bounds(), transfers(), refused(), fillers()].concat()
}

fn waits() -> Vec<Row> {
    vec![
        wait("the caller needs a minute and does not come back", MINUTE)
            .check(Check::Answers(vec![ToolAnswer::Waiting]))
            .check(Check::Entries("the window is held", holds, 1..=2))
            .check(Check::Entries("reminded", reminded, 1..=1))
            .check(Check::That("the reminder comes at the end of the minute", |played, _| {
                let began = played.nth(0, waited).ok_or("no wait")?;
                super::checks::within(played.nth(0, reminded).ok_or("no reminder")? - began, &(60_000.0..=60_100.0))
            }))
            .check(Check::That("a whole window follows the reminder", |played, _| {
                let spoken = played.nth(0, |c| matches!(c, Cause::AnnouncementEnded { .. })).ok_or("no reminder")?;
                let deadline = played.moment(Anchor::Deadline).ok_or("no deadline")?;
                // What ran before the wait began belongs to it: the agent's own end starts the window.
                super::checks::within(deadline - spoken, &(29_000.0..=30_100.0))
            }))
            .check(Check::Ends(Reason::Silence, Party::Us)),
        wait("… and comes back after 20 s", MINUTE)
            .at(Anchor::Stream, 30_000, Act::Say(1_200, -20.0, "Here it is, four two one."))
            .reply(&[Part::Talk(1_500, "Thank you.")])
            .check(Check::Entries("back", back, 1..=1))
            .check(Check::Entries("no reminder", reminded, 0..=0))
            .check(Check::GoodbyeHeardAfterAgent(2, 30_000.0..=30_100.0)),
        wait("… rustles with paper, which has no words", MINUTE)
            .at(Anchor::Stream, 30_000, Act::Say(600, -24.0, ""))
            .check(Check::Entries("not back", back, 0..=0))
            .check(Check::Entries("the time is over", over, 1..=1)),
        wait("… presses a key", MINUTE)
            .at(Anchor::Stream, 30_000, Act::Key('1'))
            .reply(&[Part::Talk(1_500, "Thank you.")])
            .check(Check::Entries("back", back, 1..=1))
            .check(Check::Entries("no reminder", reminded, 0..=0)),
        wait("… without a transcript any speech is a return", MINUTE)
            .hears(Hears::NoTranscripts)
            .at(Anchor::Stream, 30_000, Act::Say(1_200, -20.0, "Here it is."))
            .reply(&[Part::Talk(1_500, "Thank you.")])
            .check(Check::Entries("back", back, 1..=1)),
        wait("… hangs up", MINUTE)
            .at(Anchor::Stream, 40_000, Act::HangUp)
            .check(Check::Ends(Reason::CallerHungUp, Party::Caller)),
    ]
}

fn bounds() -> Vec<Row> {
    vec![
        wait("… for longer than may be", r#"{"seconds":600}"#)
            .reply(&[Part::Talk(1_000, "I am here.")])
            .check(Check::Answers(vec![ToolAnswer::WrongWait]))
            .check(Check::Entries("no wait", waited, 0..=0))
            .check(Check::GoodbyeHeardAfterAgent(2, 30_000.0..=30_100.0)),
        wait("… the tool is off", MINUTE)
            .settings(|s| s.wait_for_caller = false)
            .reply(&[Part::Talk(1_000, "I am here.")])
            .check(Check::Answers(vec![ToolAnswer::NoSuchTool])),
        wait("… 180 s, and once more: they are one wait", r#"{"seconds":180}"#)
            .at(Anchor::Stream, 60_000, Act::Speaks(vec![Part::With("wait_for_caller", r#"{"seconds":180}"#)]))
            .check(Check::Entries("two begin", waited, 2..=2))
            .check(Check::That("180 s in all", |played, _| {
                let began = played.nth(0, waited).ok_or("no wait")?;
                super::checks::within(played.nth(0, over).ok_or("it is not over")? - began, &(180_000.0..=180_100.0))
            })),
        wait("… the longest call ends it all the same", MINUTE)
            .settings(|s| {
                let bounds = (std::time::Duration::from_secs(10), std::time::Duration::from_secs(60));
                s.max_duration = quietline::assistant::MaxDuration::with_bounds(bounds.1, bounds).expect("a length");
            })
            .check(Check::Ends(Reason::MaxDuration, Party::Us)),
    ]
}

fn transfers() -> Vec<Row> {
    vec![
        transfer("the agent says so and puts the caller through", &[Part::Talk(2_000, "One moment, please."), SALES])
            .check(Check::Ends(Reason::Transferred, Party::Us))
            .check(Check::AgentWhole(1))
            .check(Check::That("the carrier says nothing", dialled(CallRequest::Dial { to: 1, say: false })))
            .check(Check::Answers(vec![ToolAnswer::Transferred])),
        transfer("… without a word: the carrier says it", &[SALES])
            .check(Check::Ends(Reason::Transferred, Party::Us))
            .check(Check::That("the carrier says it", dialled(CallRequest::Dial { to: 1, say: true }))),
        transfer("… the caller talks into it: nothing is cut", &[Part::Talk(2_000, "One moment, please."), SALES])
            .at(Anchor::Agent(1), 500, Act::Say(1_500, -20.0, "Thank you very much."))
            .check(Check::AgentWhole(1))
            .check(Check::Ends(Reason::Transferred, Party::Us)),
        transfer("… the caller hangs up meanwhile", &[Part::Talk(2_000, "One moment, please."), SALES])
            .at(Anchor::Agent(1), 500, Act::HangUp)
            .check(Check::Entries("nobody is called", |c| matches!(c, Cause::TransferAsked { .. }), 0..=0)),
        transfer("… the carrier refuses: the agent goes on", &[Part::Talk(2_000, "One moment, please."), SALES])
            .trouble(|t| {
                let until = quietline::time::Timestamp::from_millis(25_000);
                t.rest = quietline::lab::Rest::FailsUntil(std::time::Duration::from_millis(100), until);
            })
            .reply(&[Part::Talk(2_000, "I am sorry, nobody is there.")])
            .check(Check::Entries("it failed", |c| *c == Cause::TransferFailed, 1..=1))
            .check(Check::Answers(vec![ToolAnswer::TransferFailed]))
            .check(Check::AgentWhole(2))
            .check(Check::GoodbyeHeardAfterAgent(2, 30_000.0..=30_100.0))
            .check(Check::Ends(Reason::Silence, Party::Us)),
        transfer("… the carrier never answers", &[SALES])
            .trouble(|t| t.rest = quietline::lab::Rest::Silent)
            .reply(&[Part::Talk(2_000, "I am sorry, nobody is there.")])
            .check(Check::Entries("it failed", |c| *c == Cause::TransferFailed, 1..=1))
            .check(Check::AgentWhole(1)),
    ]
}

fn refused() -> Vec<Row> {
    let sorry: &[Part] = &[Part::Talk(1_000, "I can't do that.")];
    vec![
        transfer("… to somebody who is not configured", &[Part::With("transfer_call", r#"{"to":"+15550100"}"#)])
            .reply(sorry)
            .check(Check::Answers(vec![ToolAnswer::WrongTransfer]))
            .check(Check::Ends(Reason::Silence, Party::Us)),
        transfer("… the tool is off", &[SALES])
            .settings(|s| s.transfers.clear())
            .reply(sorry)
            .check(Check::Answers(vec![ToolAnswer::NoSuchTool])),
    ]
}

/// The agent looks something up for 9 s, without a word.
fn look_up(what: &'static str) -> Row {
    let mut row = talk(51, what)
        .settings(|s| {
            s.filler = true;
            s.intents.push(Intent { name: "look_up".into(), ends_call: false });
        })
        .intent(9_000)
        .at(Anchor::Stream, 7_000, Act::Say(1_500, -20.0, "When is the next free slot?"))
        .reply(&[Part::Tool("look_up")])
        .reply(&[Part::Talk(1_500, "Tomorrow at nine.")]);
    row.fillers = true;
    row
}

fn own(cause: &Cause) -> bool {
    matches!(cause, Cause::Announced { kind: AnnouncementKind::IntentFiller(_), .. })
}

fn common(cause: &Cause) -> bool {
    matches!(cause, Cause::Announced { kind: AnnouncementKind::Filler, .. })
}

fn fillers() -> Vec<Row> {
    let mut silent = look_up("… and without such words the common ones after 4 s");
    silent.fillers = false;
    vec![
        look_up("a slow tool says its own words at once")
            .check(Check::Entries("its own words", own, 1..=1))
            .check(Check::Entries("no others", common, 0..=0))
            .check(Check::EntryAt("at once", 0, own, Anchor::Tool(0), 0.0..=60.0))
            .check(Check::AgentWhole(1)),
        silent.check(Check::Entries("none of its own", own, 0..=0)).check(Check::EntryAt(
            "the common ones",
            0,
            common,
            Anchor::Tool(0),
            4_000.0..=4_060.0,
        )),
        look_up("… over which the caller speaks")
            .at(Anchor::Tool(0), 300, Act::Say(1_500, -20.0, "Or the one after that."))
            .check(Check::Entries("its own words", own, 1..=1)),
    ]
}
