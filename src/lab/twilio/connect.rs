//! `<Connect><Stream>`: the document waits until the stream has ended.

use super::{
    callbacks::Callback,
    document::{Link, StreamNoun},
    events::{CallEvent, StreamEnd, Webhook},
    follow::{Control, Flow, Follower, resolved},
    forms::{Form, StreamStatus},
    messages::Messages,
    stream::Stream,
    wire::{self, NoStream, Upgraded},
};
use crate::{
    carrier::twilio::StreamSid,
    lab::{checks::Checks, socket::Wire},
};

impl Follower {
    /// Opens the stream and waits for its end.
    pub(super) async fn connect(&mut self, base: &str, noun: StreamNoun, action: Option<Link>) -> Flow {
        self.closed_by_gateway = false;
        let sid = self.call.lab.stream_sid();
        let parameters = self.parameters(&noun);
        {
            let mut state = self.call.state();
            state.parameters.clone_from(&noun.parameters);
            state.stream_url = Some(noun.url.clone());
        }
        let opened = match problem(&noun.url) {
            Some((code, what)) => Err((code, what.to_owned())),
            None => match self.handshake(&noun.url).await {
                Ok(Ok(wire)) => Ok(wire),
                Ok(Err(why)) => Err((why.code(), why.to_string())),
                Err(flow) => return flow,
            },
        };
        let wire = match opened {
            Ok(wire) => wire,
            Err((code, what)) => {
                self.call.warning(code, format!("stream {}: {what}", noun.url));
                self.stream_status(&noun, sid, StreamStatus::Error(code, what));
                return Flow::Next;
            }
        };
        let now = self.call.lab.clock.now();
        self.call.state().stream.get_or_insert(now);
        let messages = Messages::new(self.call.account(), self.call.sid, sid);
        {
            let mut line = self.call.line();
            if line.ended_by.is_none() {
                let checks = Checks::every(self.call.lab.config.check_every);
                line.open(now, Stream::new(wire, messages, parameters, &self.call.faults, checks, now));
            }
        }
        self.stream_status(&noun, sid, StreamStatus::Started);
        self.until_over(base, &noun, sid, action).await
    }

    async fn until_over(&mut self, base: &str, noun: &StreamNoun, sid: StreamSid, action: Option<Link>) -> Flow {
        loop {
            let control = self.control.recv().await;
            if let Some(Control::StreamEnded(end)) = &control {
                let error = self.broken(end);
                self.stream_status(noun, sid, error.unwrap_or(StreamStatus::Stopped));
                if *end == StreamEnd::Stopped {
                    // Whoever stopped it says how the call goes on.
                    continue;
                }
                self.closed_by_gateway = matches!(end, StreamEnd::Closed(_));
                return match action {
                    Some(link) => self.fetched(Webhook::Action, resolved(base, link)).await,
                    None => Flow::Next,
                };
            }
            if let Some(flow) = self.interrupted(control).await {
                return flow;
            }
        }
    }

    /// Whether the vendor takes this for an error.
    fn broken(&self, end: &StreamEnd) -> Option<StreamStatus> {
        let what = match end {
            StreamEnd::Closed(None | Some(1000 | 1001 | 1005)) | StreamEnd::Stopped | StreamEnd::BrokenOnPurpose => {
                return None;
            }
            StreamEnd::Closed(Some(code)) => format!("closed with code {code}"),
            StreamEnd::Broken(how) => how.clone(),
        };
        self.call.warning(31921, format!("the stream was closed unexpectedly: {what}"));
        Some(StreamStatus::Error(31921, "Stream - WebSocket - Close Error".to_owned()))
    }

    /// The inner error: why there is no stream; the outer one: what came between.
    async fn handshake(&mut self, url: &str) -> Result<Result<Wire, NoStream>, Flow> {
        let call = self.call.clone();
        let signature = call.faults.stream_signature.of(&call.lab.config.auth_token, url, &Form::new());
        let opening = wire::open(&call.lab.network, url, signature);
        tokio::pin!(opening);
        let opened = loop {
            tokio::select! {
                biased;
                control = self.control.recv() => if let Some(flow) = self.interrupted(control).await {
                    return Err(flow);
                },
                opened = &mut opening => break opened,
            }
        };
        let answer = match &opened {
            Ok(_) => Ok(101),
            Err(NoStream::Status(status)) => Ok(*status),
            Err(why) => Err(why.to_string()),
        };
        call.log(CallEvent::Handshake { url: url.to_owned(), answer });
        Ok(opened.map(Upgraded::into_wire))
    }

    /// As the document says, or as a fault would have it.
    fn parameters(&self, noun: &StreamNoun) -> Vec<(String, String)> {
        let faults = &self.call.faults.parameters;
        let replaced =
            noun.parameters.iter().filter_map(|(name, value)| match faults.iter().find(|(faulty, _)| faulty == name) {
                Some((_, instead)) => instead.clone().map(|value| (name.clone(), value)),
                None => Some((name.clone(), value.clone())),
            });
        replaced.collect()
    }

    fn stream_status(&self, noun: &StreamNoun, sid: StreamSid, status: StreamStatus) {
        let Some(link) = &noun.status_callback else { return };
        let at = super::clock::WallTime::now();
        let form = status.form(self.call.account(), self.call.sid, sid, noun.name.as_deref(), at);
        // Nobody is left to send it when the lab is going down.
        let _ = self.callbacks.send(Callback { webhook: Webhook::StreamStatus, link: link.clone(), form });
    }
}

/// What the vendor has against a stream's address, with its number.
fn problem(url: &str) -> Option<(u32, &'static str)> {
    if !url.starts_with("wss://") {
        return Some((31922, "the address must begin with wss://"));
    }
    if url.contains('?') {
        return Some((31920, "the address has a query string, which is not passed on: use <Parameter>"));
    }
    if url.contains('#') || url.contains(char::is_whitespace) {
        return Some((31923, "the address is malformed"));
    }
    None
}
