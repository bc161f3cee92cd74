//! A model's session that is opened while the carrier connects: configured and ready when the call begins.
//!
//! It lives in the slow world until the call's stream is there. Time stands still for it at the call's zero.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::model_link::ModelLink;
use crate::{
    model::{Model, ModelCommand, ModelRequest},
    net::clock,
    time::Timestamp,
};

/// Given up when it is dropped: the session is closed.
pub(super) struct Ahead {
    claim: oneshot::Sender<oneshot::Sender<ModelLink>>,
}

impl Ahead {
    /// Begins to open the model's session.
    pub(super) fn new(model: Box<dyn Model>, slow: &Handle) -> Self {
        let mut link = ModelLink::new(model, slow.clone());
        let (claim, mut claimed) = oneshot::channel();
        slow.spawn(async move {
            link.open_ahead();
            let claimed = std::future::poll_fn(|context| {
                // A claim is answered between two messages: none is lost.
                let claimed = Pin::new(&mut claimed).poll(context);
                if claimed.is_pending() {
                    attend(&mut link, context);
                }
                claimed
            });
            match claimed.await {
                Ok(to) => {
                    let to: oneshot::Sender<ModelLink> = to;
                    if let Err(link) = to.send(link) {
                        close(link).await;
                    }
                }
                Err(_) => close(link).await,
            }
        });
        Self { claim }
    }

    /// The model with its session, however far it has come. `None` if a fault of ours has taken it.
    pub(super) async fn claim(self) -> Option<ModelLink> {
        let (to, link) = oneshot::channel();
        self.claim.send(to).ok()?;
        link.await.ok()
    }
}

/// Messages before others have their turn.
const BURST: usize = 64;

fn attend(link: &mut ModelLink, context: &mut Context<'_>) {
    link.flush(clock::now(), Timestamp::ZERO, context);
    for _ in 0..BURST {
        if !link.hear(Timestamp::ZERO, context) {
            return;
        }
        link.flush(clock::now(), Timestamp::ZERO, context);
    }
    context.waker().wake_by_ref();
}

async fn close(mut link: ModelLink) {
    link.command(Timestamp::ZERO, &ModelCommand::Request(ModelRequest::Close));
    std::future::poll_fn(|context| {
        link.flush(clock::now(), Timestamp::ZERO, context);
        if link.is_parted() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
