//! Rows 7 to 17: the model hangs up, or says goodbye.

use quietline::{
    assistant::{FarewellKind, HangupTool, Intent},
    call::{AnnouncementKind, Cause, Party, Reason},
    model::{ModelRequest, ToolAnswer},
};

use super::{
    checks::Check,
    scenario::{Act, Anchor, Part, Row, row, talk},
};

const FAREWELL: AnnouncementKind = AnnouncementKind::Farewell(FarewellKind::HangupCall);
const SILENCE: AnnouncementKind = AnnouncementKind::Farewell(FarewellKind::Silence);
const WINDOW: std::ops::RangeInclusive<f64> = 1_000.0..=5_000.0;
const GOODBYE: &str = "You're welcome. Goodbye, have a nice day.";

/// The caller asks, is answered, says thanks, and the model hangs up.
fn thanks(number: u32, what: &'static str, parts: &[Part]) -> Row {
    talk(number, what)
        .settings(|s| s.hangup_call = Some(HangupTool::default()))
        .at(Anchor::Stream, 7_000, Act::Say(1_000, -20.0, "Thanks, that's all."))
        .reply(parts)
}

fn short(mut row: Row) -> Row {
    row.lengths = |kind| if matches!(kind, AnnouncementKind::Farewell(FarewellKind::HangupCall)) { 900 } else { 4_000 };
    row
}

pub(super) fn rows() -> Vec<Row> {
    [window(), taken_back(), tools(), goodbyes()].concat()
}

fn window() -> Vec<Row> {
    vec![
        short(thanks(7, "`hangup_call` after \"thanks, that's all\"", &[Part::Tool("hangup_call")]))
            .check(Check::Ends(Reason::HangupCall, Party::Us))
            .check(Check::Closed(Anchor::HangupCall, WINDOW))
            .check(Check::Whole(FAREWELL))
            .check(Check::ClosedAfterMark(0.0..=1_000.0)),
        short(thanks(7, "… the agent says goodbye itself", &[Part::Talk(1_800, GOODBYE), Part::Tool("hangup_call")]))
            .check(Check::Ends(Reason::HangupCall, Party::Us))
            .check(Check::Closed(Anchor::HangupCall, WINDOW))
            .check(Check::AgentWhole(1))
            .check(Check::Unheard(FAREWELL)),
        short(thanks(7, "… after other words", &[Part::Talk(1_500, "You are welcome."), Part::Tool("hangup_call")]))
            .check(Check::Closed(Anchor::HangupCall, WINDOW))
            .check(Check::AgentWhole(1))
            .check(Check::Whole(FAREWELL)),
        thanks(
            7,
            "… with a farewell that does not fit",
            &[Part::Talk(2_500, "You are welcome."), Part::Tool("hangup_call")],
        )
        .check(Check::Closed(Anchor::HangupCall, WINDOW))
        .check(Check::AgentWhole(1)),
        short(thanks(
            8,
            "caller answers \"okay, thank you so much, bye-bye\" in that window",
            &[Part::Tool("hangup_call")],
        ))
        .at(Anchor::HangupCall, 600, Act::Say(1_400, -20.0, "Okay, thank you so much, bye-bye."))
        .check(Check::Ends(Reason::HangupCall, Party::Us))
        .check(Check::TakenBack(0))
        .check(Check::Closed(Anchor::CallerEnd(2), 0.0..=2_000.0))
        .check(Check::Closed(Anchor::HangupCall, WINDOW)),
        short(thanks(8, "… without a transcript", &[Part::Tool("hangup_call")]))
            .settings(|s| s.transcription = false)
            .at(Anchor::HangupCall, 600, Act::Say(1_400, -20.0, "Okay, thank you so much, bye-bye."))
            .check(Check::Ends(Reason::HangupCall, Party::Us))
            .check(Check::TakenBack(0))
            .check(Check::Closed(Anchor::HangupCall, WINDOW)),
    ]
}

fn taken_back() -> Vec<Row> {
    vec![
        short(thanks(9, "caller says \"oh wait, one more thing\" in that window", &[Part::Tool("hangup_call")]))
            .at(Anchor::HangupCall, 600, Act::Say(1_300, -20.0, "Oh wait, one more thing."))
            .reply(&[Part::Talk(1_000, "Yes?")])
            .check(Check::Ends(Reason::Silence, Party::Us))
            .check(Check::TakenBack(1))
            .check(Check::Answers(vec![ToolAnswer::TakenBack]))
            .check(Check::ModelGot(2))
            .check(Check::AgentWhole(1)),
        short(thanks(9, "… without a transcript, for 1.6 s", &[Part::Tool("hangup_call")]))
            .settings(|s| s.transcription = false)
            .at(Anchor::HangupCall, 600, Act::Say(1_600, -20.0, "Oh wait, one more thing, please."))
            .reply(&[Part::Talk(1_000, "Yes?")])
            .check(Check::Ends(Reason::Silence, Party::Us))
            .check(Check::TakenBack(1))
            .check(Check::Answers(vec![ToolAnswer::TakenBack])),
        short(thanks(9, "… or presses a key", &[Part::Tool("hangup_call")]))
            .at(Anchor::HangupCall, 600, Act::Key('1'))
            .reply(&[Part::Talk(1_000, "One.")])
            .check(Check::Ends(Reason::Silence, Party::Us))
            .check(Check::TakenBack(1))
            .check(Check::Answers(vec![ToolAnswer::TakenBack])),
        short(thanks(9, "… and the window cannot be taken back", &[Part::Tool("hangup_call")]))
            .settings(|s| s.hangup_call = Some(HangupTool { cancellable: false }))
            .at(Anchor::HangupCall, 600, Act::Say(1_300, -20.0, "Oh wait, one more thing."))
            .check(Check::Ends(Reason::HangupCall, Party::Us))
            .check(Check::TakenBack(0))
            .check(Check::Closed(Anchor::HangupCall, WINDOW)),
        short(talk(10, "`hangup_call` while the caller is mid-sentence, still talking at 5 s"))
            .settings(|s| s.hangup_call = Some(HangupTool::default()))
            .at(Anchor::Stream, 8_000, Act::Say(9_000, -20.0, "And then I went there and so on."))
            .at(Anchor::Stream, 10_000, Act::Speaks(vec![Part::Tool("hangup_call")]))
            .reply(&[Part::Talk(1_000, "Aha.")])
            .reply(&[Part::Talk(1_000, "I see.")])
            .check(Check::Ends(Reason::Silence, Party::Us))
            .check(Check::TakenBack(1))
            .check(Check::EntryAt("taken back", 0, is_taken_back, Anchor::Stream, 14_000.0..=15_200.0))
            .check(Check::Answers(vec![ToolAnswer::TakenBack]))
            .check(Check::ModelGot(1))
            .check(Check::AgentWhole(2)),
        short(talk(10, "… who stops in time"))
            .settings(|s| s.hangup_call = Some(HangupTool::default()))
            .at(Anchor::Stream, 8_000, Act::Say(3_500, -20.0, "Thank you, bye."))
            .at(Anchor::Stream, 10_000, Act::Speaks(vec![Part::Tool("hangup_call")]))
            .check(Check::Ends(Reason::HangupCall, Party::Us))
            .check(Check::TakenBack(0))
            .check(Check::Closed(Anchor::CallerEnd(1), 0.0..=3_700.0)),
    ]
}

fn tools() -> Vec<Row> {
    let with_lookup = |row: Row| row.settings(|s| s.intents = vec![Intent { name: "lookup".into(), ends_call: false }]);
    vec![
        with_lookup(short(thanks(
            11,
            "`hangup_call` while another tool runs",
            &[Part::Tool("lookup"), Part::Tool("hangup_call")],
        )))
        .intent(3_000)
        .check(Check::Ends(Reason::HangupCall, Party::Us))
        .check(Check::Closed(Anchor::HangupCall, WINDOW))
        .check(Check::Entries("the tool's result", |c| matches!(c, Cause::ToolEnded { result: Ok(()) }), 1..=1))
        .check(Check::Answers(vec![ToolAnswer::Result { ok: true }, ToolAnswer::HungUp]))
        .check(Check::Asked("a response", |r| *r == ModelRequest::CreateResponse, 0..=0)),
        with_lookup(short(thanks(
            11,
            "… that takes longer than the window",
            &[Part::Tool("lookup"), Part::Tool("hangup_call")],
        )))
        .intent(20_000)
        .check(Check::Ends(Reason::HangupCall, Party::Us))
        .check(Check::Closed(Anchor::HangupCall, WINDOW)),
        short(thanks(12, "`hangup_call` called 300 times", &[Part::Talk(500, "Yes.")]))
            .at(Anchor::Agent(1), 200, Act::Calls("hangup_call", 300, 1))
            .check(Check::Ends(Reason::HangupCall, Party::Us))
            .check(Check::Entries("the window opens", |c| matches!(c, Cause::EndingBegan(Reason::HangupCall)), 1..=1))
            .check(Check::Closed(Anchor::HangupCall, WINDOW))
            .check(Check::Asked("the calls are answered", |r| matches!(r, ModelRequest::ToolOutput { .. }), 300..=300)),
        short(row(13, "`hangup_call` before the caller ever spoke"))
            .settings(|s| s.hangup_call = Some(HangupTool::default()))
            .at(Anchor::Stream, 500, Act::Speaks(vec![Part::Talk(800, "Hello."), Part::Tool("hangup_call")]))
            .check(Check::Ends(Reason::Silence, Party::Us))
            .check(Check::Answers(vec![ToolAnswer::CallerHasNotSpoken]))
            .check(Check::Unheard(FAREWELL)),
        short(thanks(14, "`hangup_call` in an incomplete response", &[Part::CutOffTool("hangup_call")]))
            .reply(&[Part::Talk(1_000, "Sorry.")])
            .check(Check::Ends(Reason::Silence, Party::Us))
            .check(Check::Answers(Vec::new()))
            .check(Check::Unheard(FAREWELL)),
        short(thanks(14, "… and in a cancelled one", &[Part::Talk(20_000, "Well, let me think.")]))
            .at(Anchor::Agent(1), 1_000, Act::Say(1_000, -20.0, "Never mind."))
            .at(Anchor::BargeIn, 100, Act::Calls("hangup_call", 1, 1))
            .reply(&[Part::Talk(1_000, "All right.")])
            .check(Check::Ends(Reason::Silence, Party::Us))
            .check(Check::Answers(Vec::new()))
            .check(Check::Unheard(FAREWELL)),
    ]
}

fn goodbyes() -> Vec<Row> {
    let says_goodbye = |number, what| thanks(number, what, &[Part::Talk(2_000, GOODBYE)]);
    vec![
        says_goodbye(15, "tool not configured, model says \"goodbye, have a nice day\"")
            .settings(|s| s.hangup_call = None)
            .check(Check::Ends(Reason::Silence, Party::Us))
            .check(Check::GoodbyeHeardAfterAgent(1, 30_000.0..=30_020.0)),
        thanks(15, "… and invents the tool", &[Part::Talk(2_000, GOODBYE), Part::Tool("hangup_call")])
            .settings(|s| s.hangup_call = None)
            .check(Check::Ends(Reason::Silence, Party::Us))
            .check(Check::Answers(vec![ToolAnswer::NoSuchTool]))
            .check(Check::GoodbyeHeardAfterAgent(1, 30_000.0..=30_020.0)),
        says_goodbye(16, "tool configured, model says goodbye without calling it")
            .check(Check::Ends(Reason::ModelGoodbye, Party::Us))
            .check(Check::EntryAt("begun", 0, is_model_goodbye, Anchor::AgentEnd(1), 3_000.0..=3_020.0))
            .check(Check::Closed(Anchor::AgentEnd(1), 3_000.0..=4_000.0))
            .check(Check::Unheard(FAREWELL))
            .check(Check::Unheard(SILENCE)),
        says_goodbye(16, "… taken back by a caller's word")
            .at(Anchor::AgentEnd(1), 1_000, Act::Say(400, -20.0, "Oh."))
            .reply(&[Part::Talk(1_000, "Yes?")])
            .check(Check::Ends(Reason::Silence, Party::Us))
            .check(Check::Entries("taken back", is_taken_back, 1..=1))
            .check(Check::GoodbyeHeardAfterAgent(2, 30_000.0..=30_020.0)),
        says_goodbye(16, "… the next one not by 500 ms")
            .at(Anchor::AgentEnd(1), 1_000, Act::Say(400, -20.0, "Oh."))
            .reply(&[Part::Talk(1_000, "Goodbye then.")])
            .at(Anchor::AgentEnd(2), 1_000, Act::Say(500, -20.0, "Bye."))
            .check(Check::Ends(Reason::ModelGoodbye, Party::Us))
            .check(Check::Entries("taken back", is_taken_back, 1..=1)),
        says_goodbye(16, "… but by 1,500 ms")
            .at(Anchor::AgentEnd(1), 1_000, Act::Say(400, -20.0, "Oh."))
            .reply(&[Part::Talk(1_000, "Goodbye then.")])
            .at(Anchor::AgentEnd(2), 1_000, Act::Say(1_600, -20.0, "No, what about Sunday?"))
            .reply(&[Part::Talk(1_000, "Closed.")])
            .check(Check::Ends(Reason::Silence, Party::Us))
            .check(Check::Entries("taken back", is_taken_back, 2..=2)),
        thanks(
            17,
            "model says \"before we say goodbye, anything else?\"",
            &[Part::Talk(2_000, "Before we say goodbye, anything else?")],
        )
        .check(Check::Ends(Reason::Silence, Party::Us))
        .check(Check::Entries("armed", |c| matches!(c, Cause::GoodbyeHeard), 0..=0))
        .check(Check::GoodbyeHeardAfterAgent(1, 30_000.0..=30_020.0)),
    ]
}

fn is_taken_back(cause: &Cause) -> bool {
    matches!(cause, Cause::TakenBack { .. })
}

fn is_model_goodbye(cause: &Cause) -> bool {
    matches!(cause, Cause::EndingBegan(Reason::ModelGoodbye))
}
