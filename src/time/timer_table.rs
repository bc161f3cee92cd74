use super::Timestamp;

macro_rules! timer_reasons {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Every timer of a call. A deadline always travels with one of these; at the same instant the one
        /// listed first comes first.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum TimerReason { $($(#[$doc])* $name),+ }

        impl TimerReason {
            /// All of them, in order of precedence.
            pub const ALL: [Self; [$(Self::$name),+].len()] = [$(Self::$name),+];
        }
    };
}

timer_reasons! {
    /// The hang-up request waits for the carrier's answer at most this long; then the socket is closed.
    HangupAnswer,
    /// The hang-up request failed and is sent again.
    HangupRetry,
    /// Nobody confirmed that the line is closed: the record is finished unverified.
    HangupVerify,
    /// The terminal mark did not come back: the estimate stands.
    TerminalMark,
    /// Not before this may a `hangup_call` close the line (1 s after the tool call).
    HangupEarliest,
    /// A `hangup_call` must have decided by now (5 s after the tool call, less what hanging up takes).
    HangupBound,
    /// `max_duration` of the call.
    MaxDuration,
    /// The window of an operator's or a shutdown's ending (8 s).
    ClosingBound,
    /// The agent said goodbye 3 s ago and nobody said anything.
    ModelGoodbye,
    /// The model has been away for 15 s.
    ModelLost,
    /// The model's connection is opened again.
    ModelRetry,
    /// An answer is owed for 4 s: filler.
    OwedFiller,
    /// An answer is owed for 8 s: `response.create`.
    OwedCreate,
    /// An answer is owed for 15 s: the model counts as lost.
    OwedLost,
    /// A response that we want is asked for, unless the server has begun one by itself.
    ResponseWanted,
    /// Neither server nor transcript heard the speech that barged in: a false alarm.
    BargeInFalse,
    /// No mark 1 s after the estimated end of audio: the estimate stands.
    MarkOverdue,
    /// A transcript has not come for 8 s: the verdict is unknown.
    VerdictDue,
    /// A talkspurt has been open for `noise_budget` without a partial transcript: it is charged from now on.
    OpenSpurtCharged,
    /// The time that the caller has asked for is over.
    WaitOver,
    /// The reminder is due.
    Reminder,
    /// No inbound frame for 10 s: the carrier is asked whether the call still exists.
    InboundGap,
    /// The silence deadline.
    Silence,
}

/// All deadlines of a call, at most one for each [`TimerReason`]; setting one again moves it.
#[derive(Clone, Debug)]
pub struct TimerTable {
    due: [Timestamp; TimerReason::ALL.len()],
}

impl Default for TimerTable {
    fn default() -> Self {
        Self { due: [Timestamp::NEVER; TimerReason::ALL.len()] }
    }
}

impl TimerTable {
    /// Sets or moves a timer. [`Timestamp::NEVER`] clears it.
    pub fn set(&mut self, reason: TimerReason, at: Timestamp) {
        self.due[reason as usize] = at;
    }

    /// Clears a timer; nothing happens if it is not set.
    pub fn clear(&mut self, reason: TimerReason) {
        self.set(reason, Timestamp::NEVER);
    }

    /// When this timer is due.
    #[must_use]
    pub fn get(&self, reason: TimerReason) -> Option<Timestamp> {
        Some(self.due[reason as usize]).filter(|at| *at != Timestamp::NEVER)
    }

    /// The timer that is due first.
    #[must_use]
    pub fn next(&self) -> Option<(Timestamp, TimerReason)> {
        let timers = TimerReason::ALL.into_iter().filter_map(|reason| Some((self.get(reason)?, reason)));
        timers.min()
    }

    /// Takes out the first timer that is due at `now`, if any.
    pub fn take_due(&mut self, now: Timestamp) -> Option<TimerReason> {
        let (_, reason) = self.next().filter(|(at, _)| *at <= now)?;
        self.clear(reason);
        Some(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earliest_first_then_in_order_of_precedence() {
        let mut timers = TimerTable::default();
        assert_eq!(timers.next(), None);
        timers.set(TimerReason::Silence, Timestamp::from_millis(5));
        timers.set(TimerReason::HangupBound, Timestamp::from_millis(5));
        timers.set(TimerReason::Reminder, Timestamp::from_millis(9));
        assert_eq!(timers.take_due(Timestamp::from_millis(4)), None);
        assert_eq!(timers.take_due(Timestamp::from_millis(5)), Some(TimerReason::HangupBound));
        assert_eq!(timers.take_due(Timestamp::from_millis(5)), Some(TimerReason::Silence));
        assert_eq!(timers.take_due(Timestamp::from_millis(5)), None);
        timers.set(TimerReason::Reminder, Timestamp::from_millis(20));
        assert_eq!(timers.next(), Some((Timestamp::from_millis(20), TimerReason::Reminder)));
        timers.clear(TimerReason::Reminder);
        assert_eq!(timers.next(), None);
    }
}
