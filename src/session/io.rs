use crate::{
    assistant::Settings,
    audio::Encoding,
    call::{AnnouncementKind, LedgerEntry, SaidBy, ToolFault},
    carrier::{CallRequest, CarrierCommand, CarrierEvent},
    mix::Announcement,
    model::{ModelCommand, ModelEvent, ModelRequest, ModelTraits, ToolCallId},
};

/// What a session is made of.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// The assistant's settings.
    pub settings: Settings,
    /// What the model's provider can do.
    pub model: ModelTraits,
    /// How audio travels between us and the model.
    pub encoding: Encoding,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// From the carrier.
    Carrier(CarrierEvent<'a>),
    /// From the model.
    Model(ModelEvent<'a>),
    /// An intent has answered; the driver keeps the text for the model.
    ToolDone {
        /// The call.
        call: ToolCallId,
        /// It worked, or why not.
        result: Result<(), ToolFault>,
    },
    /// An announcement is ready to be played. A later one takes the place of an earlier, unless that is sounding.
    Rendered {
        /// Which.
        kind: AnnouncementKind,
        /// Who says it: [`SaidBy::Voice`], [`SaidBy::OtherVoice`] or [`SaidBy::Builtin`].
        by: SaidBy,
        /// The audio.
        announcement: Announcement,
    },
    /// The operator ends the call.
    Operator,
    /// The server stops.
    Drain,
}

/// An intent to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolRequest {
    /// The call.
    pub call: ToolCallId,
    /// The intent's name.
    pub name: String,
    /// Arguments, JSON text.
    pub arguments: String,
}

/// Something to be done, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output<'a> {
    /// For the carrier.
    Carrier(CarrierCommand),
    /// For the model.
    Model(ModelCommand<'a>),
    /// An intent to be run.
    RunTool(ToolRequest),
    /// An entry for the call record.
    Ledger(LedgerEntry),
}

/// An output that waits. Caller audio does not: it is fetched from the media, once there is nothing else.
#[derive(Debug)]
pub(super) enum Queued {
    /// So many of the media's commands for the carrier, which wait there.
    Outbound(usize),
    Carrier(CallRequest),
    Model(ModelRequest),
    Tool(ToolRequest),
    Ledger(LedgerEntry),
}
