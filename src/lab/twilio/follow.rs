//! Follows a call's documents as the vendor does, verb by verb.

use std::{sync::Arc, time::Duration};

use hyper::Method;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::sleep,
};

use super::{
    call::Call,
    callbacks::Callback,
    document::{Document, Link, Verb},
    events::{CallEvent, EndedBy, Spoken, StreamEnd, Webhook},
    fetch::{Unusable, fetch},
    forms::Form,
};

/// What comes between a call and its document.
#[derive(Debug)]
pub(super) enum Control {
    /// The call is over.
    HangUp(EndedBy),
    /// REST: this document from now on.
    Document(Source),
    /// The stream is over.
    StreamEnded(StreamEnd),
}

/// Where REST says that the new document is.
#[derive(Debug)]
pub(super) enum Source {
    Twiml(String),
    Url(Link),
}

/// Where a call goes on.
pub(super) enum Flow {
    /// With the next verb.
    Next,
    /// With another document.
    Go(Document),
    /// Nowhere.
    End(EndedBy, &'static str),
}

/// The vendor's words when nothing else is left.
const APOLOGY: &str = "We are sorry, an application error has occurred. Goodbye.";
/// How long the vendor's voice takes for a character.
const PER_CHARACTER: Duration = Duration::from_millis(60);
/// Documents of one call: more is a circle.
const MOST_DOCUMENTS: usize = 50;

/// One call's way through its documents.
pub(super) struct Follower {
    pub(super) call: Arc<Call>,
    pub(super) control: UnboundedReceiver<Control>,
    pub(super) callbacks: UnboundedSender<Callback>,
    /// The gateway closed the last stream, and nothing was said or played since.
    pub(super) closed_by_gateway: bool,
}

impl Follower {
    /// From the voice webhook to the end of the call.
    pub(super) async fn run(mut self) {
        let mut flow = if self.call.placed.is_some() {
            self.place().await
        } else {
            match self.call.lab.ring(&self.call.to) {
                Ok(url) => self.fetched(Webhook::Voice, Link { url, method: Method::POST }).await,
                Err(why) => {
                    self.call.warning(11200, why.to_owned());
                    Flow::End(EndedBy::Failure, "failed")
                }
            }
        };
        for _ in 0..MOST_DOCUMENTS {
            flow = match flow {
                Flow::Go(document) => self.play(document).await,
                Flow::Next => Flow::End(self.ended_by_document(), "completed"),
                Flow::End(by, status) => return self.over(by, status).await,
            };
        }
        self.call.violation(format!("more than {MOST_DOCUMENTS} documents in one call: they lead in a circle"));
        self.over(EndedBy::Failure, "failed").await;
    }

    async fn over(&mut self, by: EndedBy, status: &'static str) {
        self.call.end(by, status);
        // A call that vanished is over only when the gateway has closed its stream.
        while by == EndedBy::Vanished && self.call.line().stream.is_some() && self.control.recv().await.is_some() {}
        let by = self.call.line().ended_by.unwrap_or(by);
        self.call.log(CallEvent::Ended(by));
    }

    async fn play(&mut self, document: Document) -> Flow {
        if self.call.faults.leaves_before_stream {
            return Flow::End(EndedBy::Caller, "completed");
        }
        let base = document.base;
        for verb in document.verbs {
            if !matches!(verb, Verb::Reject { .. }) {
                self.call.answer();
            }
            let flow = match verb {
                Verb::Connect { stream, action } => self.connect(&base, stream, action).await,
                Verb::Say { text, language, times } => self.say(text, language, times).await,
                Verb::Pause(time) => {
                    self.closed_by_gateway = false;
                    self.wait(time).await
                }
                Verb::Play(url) => {
                    self.closed_by_gateway = false;
                    self.call.log(CallEvent::Played(url));
                    Flow::Next
                }
                Verb::Hangup => Flow::End(self.ended_by_document(), "completed"),
                Verb::Reject { busy } => Flow::End(EndedBy::Document, if busy { "busy" } else { "no-answer" }),
                Verb::Redirect(link) => self.fetched(Webhook::Redirect, resolved(&base, link)).await,
                Verb::Dial { number, timeout, action } => self.dial(&base, &number, timeout, action).await,
                Verb::Other(name) => {
                    self.call.violation(format!("<{name}>: the lab cannot do that, and goes on with the next verb"));
                    Flow::Next
                }
            };
            match flow {
                Flow::Next => {}
                Flow::Go(_) | Flow::End(..) => return flow,
            }
        }
        Flow::End(self.ended_by_document(), "completed")
    }

    fn ended_by_document(&self) -> EndedBy {
        if self.closed_by_gateway { EndedBy::Stream } else { EndedBy::Document }
    }

    async fn say(&mut self, text: String, language: Option<String>, times: u32) -> Flow {
        self.closed_by_gateway = false;
        let duration = PER_CHARACTER * text.chars().count() as u32 * times;
        self.call.log(CallEvent::Spoke(Spoken { text, language, duration }));
        self.wait(duration).await
    }

    /// Time passes, unless something comes between.
    pub(super) async fn wait(&mut self, time: Duration) -> Flow {
        let until = sleep(time);
        tokio::pin!(until);
        loop {
            tokio::select! {
                biased;
                control = self.control.recv() => if let Some(flow) = self.interrupted(control).await {
                    return flow;
                },
                () = &mut until => return Flow::Next,
            }
        }
    }

    /// Asks for a document; failing that, the number's fallback, and then the vendor's apology.
    pub(super) async fn fetched(&mut self, webhook: Webhook, link: Link) -> Flow {
        self.fetched_with(webhook, link, Form::new()).await
    }

    /// … with more fields than are common.
    pub(super) async fn fetched_with(&mut self, webhook: Webhook, link: Link, extra: Form) -> Flow {
        let mut asked = (webhook, link, None::<Unusable>);
        loop {
            let answer = {
                let call = Arc::clone(&self.call);
                let asking = fetch(&call, asked.0, &asked.1, asked.2.as_ref(), &extra);
                tokio::pin!(asking);
                loop {
                    tokio::select! {
                        biased;
                        control = self.control.recv() => {
                            if let Some(flow) = Box::pin(self.interrupted(control)).await {
                                return flow;
                            }
                        }
                        answer = &mut asking => break answer,
                    }
                }
            };
            let unusable = match answer {
                Ok(document) => return Flow::Go(document),
                Err(unusable) => unusable,
            };
            self.call.warning(unusable.code, unusable.what.clone());
            let fallback = self.call.lab.config.fallback_url.clone().filter(|_| asked.0 != Webhook::Fallback);
            let Some(url) = fallback else { break };
            asked = (Webhook::Fallback, Link { url, method: Method::POST }, Some(unusable));
        }
        self.call.answer();
        match self.say(APOLOGY.to_owned(), Some("en-US".to_owned()), 1).await {
            Flow::Next => Flow::End(EndedBy::Failure, "completed"),
            flow @ (Flow::Go(_) | Flow::End(..)) => flow,
        }
    }

    /// What a control means for whatever is under way; `None`: nothing.
    pub(super) async fn interrupted(&mut self, control: Option<Control>) -> Option<Flow> {
        match control {
            Some(Control::HangUp(by)) => Some(Flow::End(by, "completed")),
            None => Some(Flow::End(EndedBy::Lab, "completed")),
            Some(Control::Document(Source::Url(link))) => Some(Box::pin(self.fetched(Webhook::Url, link)).await),
            Some(Control::Document(Source::Twiml(text))) => Some(self.given(&text).await),
            Some(Control::StreamEnded(_)) => None,
        }
    }

    /// A document that came along with a request to REST.
    pub(super) async fn given(&mut self, text: &str) -> Flow {
        match Document::read(text, &self.call.lab.config.public_url) {
            Ok(document) => {
                super::fetch::took(&self.call, &document);
                Flow::Go(document)
            }
            Err(why) => {
                self.call.warning(12100, why.clone());
                self.call.violation(format!("12100: the TwiML given to REST is no document, {why}"));
                match Box::pin(self.say(APOLOGY.to_owned(), Some("en-US".to_owned()), 1)).await {
                    Flow::Next => Flow::End(EndedBy::Failure, "completed"),
                    flow @ (Flow::Go(_) | Flow::End(..)) => flow,
                }
            }
        }
    }
}

/// A link of a document as an absolute address.
pub(super) fn resolved(base: &str, link: Link) -> Link {
    Link { url: super::network::joined(base, &link.url), ..link }
}
