//! The thread on which the desk runs: apart from calls, and from what calls wait for.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{self, Handle};
use tokio::sync::{mpsc, oneshot, watch};

use super::{Desk, DeskError, Local, hooks, local, records};
use crate::{
    config::{Config, StoreChoice},
    live::{FinishedCall, Remote, SetupError, Texting},
    net::{
        client::{Client, ClientError},
        clock,
    },
    store::{self, Location, Store, StoreError},
};

/// Records that are too old are looked for this often.
const FORGET: Duration = Duration::from_secs(3_600);
const DAY_MS: i64 = 86_400_000;

/// The desk cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    /// The store.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// An assistant of the file.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The desk itself.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// A thread, or a file.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// No HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// The desk at work: keeps records, sends webhooks, follows what is published.
pub struct Office {
    desk: Desk,
    runtime: Handle,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    /// For the command line on this machine.
    token: String,
    /// Where it finds that.
    access: Option<PathBuf>,
}

impl Location {
    /// Where the configuration wants the store.
    #[must_use]
    pub fn of(choice: &StoreChoice) -> Self {
        match choice {
            StoreChoice::Sqlite(path) => Self::Sqlite(path.clone()),
            StoreChoice::Postgres(url) => Self::Postgres(url.clone()),
        }
    }
}

impl Office {
    /// Opens the store and the desk. `calls` brings what is over; when it closes, the last records are written.
    ///
    /// # Errors
    ///
    /// [`OfficeError`].
    pub fn open(
        config: &Config,
        remote: Remote,
        calls: mpsc::UnboundedReceiver<Box<FinishedCall>>,
    ) -> Result<Self, OfficeError> {
        let (stop, stopped) = watch::channel(false);
        let (opened, ready) = oneshot::channel();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let location = Location::of(&config.store.choice);
        let (client, for_hooks) = (Client::new()?, Client::new()?);
        let thread = std::thread::Builder::new().name("desk".into()).spawn(move || {
            runtime.block_on(async move {
                let store = match store::open(&location).await {
                    Ok(store) => store,
                    Err(error) => return drop(opened.send(Err(error))),
                };
                let (told, desk) = oneshot::channel();
                if opened.send(Ok((Arc::clone(&store), told))).is_err() {
                    return;
                }
                // Nobody makes the desk: then there is nothing to do.
                let Ok(desk) = desk.await else { return };
                work(desk, for_hooks, calls, stopped).await;
                store.close().await;
            });
        })?;
        let (store, told) = ready.blocking_recv().map_err(|_| io::Error::other("the desk's thread has ended"))??;
        let token = local::secret().map_err(|error| io::Error::other(error.to_string()))?;
        let desk = Desk::new(store, remote, client, config, &token)?;
        if told.send(desk.clone()).is_err() {
            return Err(io::Error::other("the desk's thread has ended").into());
        }
        let access = Local::path(&config.store.choice);
        Ok(Self { desk, runtime: handle, stop, thread: Some(thread), token, access })
    }

    /// The desk itself.
    #[must_use]
    pub const fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Who answers texts, for the gateway.
    #[must_use]
    pub fn texting(&self) -> Texting {
        Texting { desk: Arc::new(self.desk.texts.clone()), runtime: self.runtime.clone() }
    }

    /// Where its work runs.
    #[must_use]
    pub const fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Has the gateway, which listens there, answer by what is published, and lets the command line on this machine in.
    ///
    /// # Errors
    ///
    /// If the store does not answer, or its folder cannot be written.
    pub fn answer(&self, listens: SocketAddr) -> Result<(), OfficeError> {
        self.runtime.block_on(self.desk.take_up_entered())?;
        self.runtime.block_on(self.desk.refresh())?;
        if let Some(path) = &self.access {
            Local::at(listens, &self.token).write(path)?;
        }
        Ok(())
    }

    /// Stops; the last records are written. The gateway must have stopped before.
    pub fn close(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.send_replace(true);
        // Another server may have put its own there.
        if let Some(path) = self.access.take()
            && Local::read(&path).is_ok_and(|local| local.token == self.token)
        {
            let _ = std::fs::remove_file(path);
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the desk's thread ended in a panic");
        }
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        self.end();
    }
}

async fn work(
    desk: Desk,
    client: Client,
    calls: mpsc::UnboundedReceiver<Box<FinishedCall>>,
    stopped: watch::Receiver<bool>,
) {
    let store = Arc::clone(&desk.store);
    let keeping = tokio::spawn(records::keep(Arc::clone(&store), records::Wanted::of(&desk.facts), calls));
    tokio::spawn(desk.clone().follow(stopped.clone()));
    if let Some(unanswered) = desk.remote.unanswered() {
        tokio::spawn(desk.clone().keep_unanswered(unanswered, stopped.clone()));
    }
    tokio::spawn(desk.texts.clone().follow(stopped.clone()));
    if let Some(webhook) = desk.facts.webhook.clone() {
        tokio::spawn(hooks::deliver(Arc::clone(&store), client, webhook, stopped.clone()));
    }
    if desk.facts.keep_calls_days > 0 {
        tokio::spawn(forget(Arc::clone(&store), i64::from(desk.facts.keep_calls_days)));
    }
    // The gateway's end closes the channel, and with that this ends.
    let _ = keeping.await;
    let mut stopped = stopped;
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn forget(store: Arc<dyn Store>, days: i64) {
    let mut every = tokio::time::interval(FORGET);
    loop {
        every.tick().await;
        match store.forget_calls(clock::unix_ms() as i64 - days * DAY_MS).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, days, "records of calls were old enough to be forgotten"),
            Err(error) => tracing::error!(%error, "old records of calls cannot be taken away"),
        }
    }
}
