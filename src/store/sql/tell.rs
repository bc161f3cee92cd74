use sqlx::{Postgres, Transaction, postgres::PgNotification};
use tokio::sync::broadcast;

use crate::store::{Change, Id, Subject};

/// The channel of PostgreSQL on which processes tell each other.
pub(super) const CHANNEL: &str = "quietline";

/// So many changes wait for a slow listener.
const WAITING: usize = 1_024;

/// PostgreSQL takes payloads below 8,000 bytes.
const MAX_PAYLOAD: usize = 7_999;

/// Tells listeners what has changed.
#[derive(Clone, Debug)]
pub(super) struct Teller {
    listeners: broadcast::Sender<Change>,
    /// This process's name between processes.
    process: String,
}

impl Teller {
    pub(super) fn new() -> Self {
        Self { listeners: broadcast::Sender::new(WAITING), process: Id::new("ps").to_string() }
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<Change> {
        self.listeners.subscribe()
    }

    /// Tells this process. That nobody listens is no fault.
    pub(super) fn tell(&self, changes: Vec<Change>) {
        for change in changes {
            let _ = self.listeners.send(change);
        }
    }

    /// Something may have changed, nobody knows what.
    pub(super) fn tell_all(&self) {
        self.tell(Subject::ALL.map(Change::any).to_vec());
    }

    /// Tells other processes, once the transaction is lasting.
    pub(super) async fn notify(&self, tx: &mut Transaction<'_, Postgres>, changes: &[Change]) -> sqlx::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let payloads: Vec<String> = changes.iter().map(|change| self.payload(change)).collect();
        let query = sqlx::query("SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload");
        query.bind(CHANNEL).bind(payloads).execute(&mut **tx).await?;
        Ok(())
    }

    /// What another process told; our own was told already.
    pub(super) fn heard(&self, notification: &PgNotification) {
        if let Some((process, change)) = parsed(notification.payload())
            && process != self.process
        {
            self.tell(vec![change]);
        }
    }

    /// `PROCESS:SUBJECT:ID`, without the id if that would be too long.
    fn payload(&self, change: &Change) -> String {
        let head = format!("{}:{}:", self.process, change.subject.name());
        let id = if head.len() + change.id.len() > MAX_PAYLOAD { "" } else { &change.id };
        head + id
    }
}

/// What a notification says, and whose it is. `None`: somebody else uses our channel.
fn parsed(payload: &str) -> Option<(&str, Change)> {
    let mut parts = payload.splitn(3, ':');
    let (process, subject, id) = (parts.next()?, parts.next()?, parts.next()?);
    let subject = Subject::ALL.into_iter().find(|candidate| candidate.name() == subject)?;
    Some((process, Change { subject, id: id.to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_come_back_as_changes() {
        let teller = Teller::new();
        for id in ["as_1", "file:a:b", ""] {
            let change = Change { subject: Subject::Setting, id: id.to_owned() };
            let payload = teller.payload(&change);
            assert_eq!(parsed(&payload), Some((teller.process.as_str(), change)));
        }
        assert_eq!(parsed("ps_1:weather:x"), None);
        assert_eq!(parsed("hello"), None);
    }

    #[test]
    fn an_id_too_long_for_a_payload_asks_to_read_all() {
        let teller = Teller::new();
        let payload = teller.payload(&Change { subject: Subject::Call, id: "x".repeat(MAX_PAYLOAD) });
        assert_eq!(parsed(&payload), Some((teller.process.as_str(), Change::any(Subject::Call))));
    }
}
