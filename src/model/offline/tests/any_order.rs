//! Whatever it is asked, in whatever order: it keeps to what a session may expect of a model.

use std::time::Duration;

use proptest::prelude::*;

use super::super::*;
use crate::{carrier::Digit, model::ToolAnswer};

#[derive(Clone, Debug)]
enum Step {
    Ask(ModelRequest),
    Append(usize, u8),
    Words(String),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let request = prop_oneof![
        2 => Just(ModelRequest::Connect),
        6 => Just(ModelRequest::CreateResponse),
        1 => Just(ModelRequest::Commit),
        3 => (0u32..6).prop_map(|id| ModelRequest::Cancel(ResponseId(id))),
        1 => (0u32..6).prop_map(|id| ModelRequest::Truncate { item: ItemId(id), heard_ms: 100 }),
        1 => Just(ModelRequest::ToolOutput { call: ToolCallId(0), answer: ToolAnswer::NoSuchTool }),
        2 => proptest::sample::select(vec!['9', '1', '#'])
            .prop_map(|key| ModelRequest::Note(Note::Digit(Digit::new(key).expect("a key")))),
        1 => Just(ModelRequest::Note(Note::CallerIsBack { silent: Duration::ZERO, heard: Duration::ZERO })),
        1 => Just(ModelRequest::Close),
    ];
    prop_oneof![
        4 => request.prop_map(Step::Ask),
        6 => (0usize..20_000, any::<u8>()).prop_map(|(length, code)| Step::Append(length, code)),
        1 => ".{0,30}".prop_map(Step::Words),
        4 => (0u64..3_000).prop_map(Step::Wait),
    ]
}

/// Holds what is told against the contract.
#[derive(Default)]
struct Watch {
    ready: bool,
    active: Option<ResponseId>,
    next: u32,
    events: usize,
}

impl Watch {
    fn see(&mut self, event: &ModelEvent<'_>) {
        self.events += 1;
        match event {
            ModelEvent::Ready => (self.ready, self.active) = (true, None),
            ModelEvent::Lost => self.ready = false,
            ModelEvent::ResponseCreated { response } => {
                assert!(self.ready && self.active.is_none() && response.0 >= self.next);
                (self.active, self.next) = (Some(*response), response.0 + 1);
            }
            ModelEvent::Audio { response, payload, .. } => {
                assert!(self.active == Some(*response) && !payload.is_empty());
            }
            ModelEvent::ItemDone { response, .. } | ModelEvent::ToolCall { response, .. } => {
                assert_eq!(self.active, Some(*response));
            }
            ModelEvent::ResponseDone { response, .. } => assert_eq!(self.active.take(), Some(*response)),
            ModelEvent::SpeechStarted { .. }
            | ModelEvent::Committed
            | ModelEvent::InputPartial { .. }
            | ModelEvent::InputTranscript { .. }
            | ModelEvent::InputTranscriptFailed { .. } => assert!(self.ready),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn it_keeps_to_the_contract(behaviour in 0usize..4, resumed: bool, steps in prop::collection::vec(step(), 1..60)) {
        let behaviour = Behaviour::ALL[behaviour];
        let mut model = if resumed { Offline::resumed(behaviour) } else { Offline::new(behaviour) };
        let (mut now, mut watch) = (Timestamp::ZERO, Watch::default());
        for step in steps {
            match step {
                Step::Ask(request) => model.handle_command(now, &ModelCommand::Request(request)),
                Step::Append(length, code) => {
                    let noise: Vec<u8> = (0..length).map(|n| code.wrapping_mul(n as u8 ^ 0x55)).collect();
                    model.handle_command(now, &ModelCommand::Append(&noise));
                }
                Step::Words(text) => model.hear_words(now, &text),
                Step::Wait(ms) => now += Duration::from_millis(ms),
            }
            if step_is_close(&model) {
                watch.active = None;
            }
            while let Some(event) = model.poll_event(now) {
                watch.see(&event);
            }
            prop_assert!(model.poll_timeout() > now, "something is due, and is not told");
        }
        prop_assert!(watch.events < 20_000);
    }
}

/// After a close nothing is told of what was under way.
fn step_is_close(model: &Offline) -> bool {
    !model.connected
}
