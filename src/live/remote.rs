//! A gateway as those see it who run it: the API, the desk.

use std::sync::{Arc, OnceLock, Weak};

use tokio::sync::mpsc;

use super::{
    Census,
    gateway::{Front, Phase},
    outbound::UnansweredCall,
    setup::{Assistant, TwilioSetup},
    supervisor::LiveCall,
};
use crate::{carrier::CallId, voices::Workshop};

/// A way to the gateway. It leads nowhere before the gateway has started, and after it has stopped; then there are no
/// calls, and nothing is done.
#[derive(Clone, Debug, Default)]
pub struct Remote {
    front: Arc<OnceLock<Weak<Front>>>,
    unanswered: Arc<OnceLock<mpsc::UnboundedSender<UnansweredCall>>>,
}

impl Remote {
    /// The gateway has started.
    pub(super) fn connect(&self, front: &Arc<Front>) {
        // A second gateway with the same remote would be a mistake of whoever starts it: the first one stays.
        let _ = self.front.set(Arc::downgrade(front));
    }

    fn front(&self) -> Option<Arc<Front>> {
        self.front.get().and_then(Weak::upgrade)
    }

    /// These answer from now on; calls under way keep what they began with. Phrases of new ones are rendered.
    pub fn install(&self, assistants: Vec<Arc<Assistant>>) {
        if let Some(front) = self.front() {
            front.install(assistants);
        }
    }

    /// All that answer now.
    #[must_use]
    pub fn assistants(&self) -> Vec<Arc<Assistant>> {
        self.front().map_or_else(Vec::new, |front| front.directory.all())
    }

    /// Who answers this number: the one that has it, else the one that takes every number.
    #[must_use]
    pub fn for_number(&self, number: &str) -> Option<Arc<Assistant>> {
        self.front()?.directory.for_number(number)
    }

    /// Requests of this account are taken from now on.
    ///
    /// # Errors
    ///
    /// If the addresses cannot stand in a document for the carrier.
    pub fn use_twilio(&self, account: TwilioSetup) -> Result<(), super::GatewayError> {
        self.front().map_or(Ok(()), |front| front.use_twilio(account))
    }

    /// Calls are taken: it runs, and does not drain.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.front().is_some_and(|front| *front.phase.borrow() == Phase::Running)
    }

    /// How many calls there are, and were.
    #[must_use]
    pub fn census(&self) -> Census {
        self.front().map_or_else(Census::default, |front| front.supervisor.census())
    }

    /// Calls with a stream.
    #[must_use]
    pub fn live_calls(&self) -> Vec<LiveCall> {
        self.front().map_or_else(Vec::new, |front| front.supervisor.live())
    }

    /// Ends a call with the operator's farewell. `false` if there is none of this id.
    #[must_use]
    pub fn end_call(&self, call: &CallId) -> bool {
        self.front().is_some_and(|front| front.end_call(call))
    }

    /// Brings calls that we placed and that no person answered, each perhaps more than once. Only the first one who asks gets
    /// them.
    #[must_use]
    pub fn unanswered(&self) -> Option<mpsc::UnboundedReceiver<UnansweredCall>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.unanswered.set(sender).is_ok().then_some(receiver)
    }

    /// No person has answered a call of ours.
    pub(super) fn tell_unanswered(&self, call: UnansweredCall) {
        if let Some(sender) = self.unanswered.get() {
            // Nobody keeps records any more.
            let _ = sender.send(call);
        }
    }

    /// Where phrases are rendered.
    #[must_use]
    pub fn workshop(&self) -> Option<Workshop> {
        self.front().map(|front| front.workshop.clone())
    }
}
