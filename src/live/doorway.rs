//! A new media connection until its `start`: nobody knows yet whose it is.

use std::sync::Arc;
use std::time::Duration;

use super::{
    gateway::Front,
    model_link::ModelLink,
    setup::{Assistant, NewCall},
    shard::{NewStream, ToShard},
    supervisor::Admission,
};
use crate::{
    carrier::{
        CallId, Parties,
        twilio::{CallSid, Event, StreamSid, decode, token::PARAMETER},
    },
    net::{
        clock,
        websocket::{Accepted, Message, Socket},
    },
};

/// `start` must have come by then.
const START: Duration = Duration::from_secs(10);
/// Messages before `start`: `connected`, and a few that we do not know.
const MESSAGES: usize = 8;
/// A call is over this long after its longest length, or something is wrong with us.
const GRACE: Duration = Duration::from_secs(120);

/// Who has come in.
struct Arrived {
    call: CallSid,
    stream: StreamSid,
    nonce: ([u8; 16], u64),
    resumed: u8,
    returned: bool,
    assistant: Arc<Assistant>,
    parties: Parties,
}

/// Waits for the connection's `start`, checks its token, and hands it to the shard of its call.
pub(super) async fn enter(front: Arc<Front>, shard: usize, accepted: Accepted) {
    let Some(mut socket) = accepted.socket().await else { return };
    match tokio::time::timeout(START, arrival(&front, &mut socket)).await {
        Ok(Ok(arrived)) => admit(&front, shard, socket, arrived).await,
        Ok(Err(why)) => refuse(&front, socket, &why).await,
        Err(_) => refuse(&front, socket, "no `start` within 10 s").await,
    }
}

async fn arrival(front: &Front, socket: &mut Socket) -> Result<Arrived, String> {
    let mut audio = Vec::new();
    for _ in 0..MESSAGES {
        let text = match socket.next().await {
            Some(Message::Text(text)) => text,
            Some(Message::Binary(_) | Message::Closed { .. }) | None => {
                return Err("the connection ended before `start`".to_owned());
            }
        };
        match decode(&text, None, &mut audio) {
            Ok(Event::Connected | Event::Unknown) => {}
            Ok(Event::Start(start)) => {
                let twilio = front.twilio().ok_or("no account is configured")?;
                if start.account != twilio.access.account() {
                    return Err("it belongs to another account".to_owned());
                }
                let token = start.parameter(PARAMETER);
                let now_s = clock::unix_ms() / 1000;
                let claim = twilio.tokens.read(token, start.account, start.call, now_s);
                let claim = claim.map_err(|refused| refused.to_string())?;
                let assistant =
                    front.directory.with_key(&claim.assistant).ok_or("its assistant does not exist here")?;
                return Ok(Arrived {
                    call: start.call,
                    stream: start.stream,
                    nonce: (claim.nonce, claim.expires_s),
                    resumed: claim.resumed,
                    returned: claim.returned,
                    assistant,
                    parties: claim.parties,
                });
            }
            Ok(Event::Media { .. } | Event::Digit(_) | Event::Mark(_) | Event::ForeignMark | Event::Stop) => {
                return Err("something else came before `start`".to_owned());
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    Err("too many messages before `start`".to_owned())
}

async fn admit(front: &Front, shard: usize, socket: Socket, arrived: Arrived) {
    let Arrived { call: sid, stream, nonce, resumed, returned, assistant, parties } = arrived;
    let call = CallId::new(sid.as_str());
    let until = clock::now() + assistant.settings.max_duration.get() + GRACE;
    let (shard, message) = match front.supervisor.admit(&call, nonce, shard, until, resumed) {
        Admission::New(ahead) => {
            let opened = match ahead {
                Some(ahead) => ahead.claim().await,
                None => None,
            };
            let model = opened.unwrap_or_else(|| {
                ModelLink::new(
                    (assistant.model)(&NewCall { call: call.clone(), resumed, returned }),
                    front.slow.clone(),
                )
            });
            (
                shard,
                ToShard::Open(Box::new(NewStream {
                    call,
                    sid,
                    stream,
                    resumed,
                    returned,
                    assistant,
                    parties,
                    model,
                    socket,
                })),
            )
        }
        Admission::Adopt(shard) => (shard, ToShard::Adopt { call, stream, socket: Box::new(socket) }),
        Admission::Refused(why) => return refuse(front, socket, why).await,
    };
    if let Err(back) = front.tell(shard, message) {
        // The shard is gone or drowning: the carrier's redirect tries again.
        tracing::error!(shard, "a stream could not be handed to its shard");
        match back {
            ToShard::Open(stream) => {
                front.supervisor.lost(&stream.call);
                close(stream.socket, "no room").await;
            }
            ToShard::Adopt { socket, .. } => close(*socket, "no room").await,
            ToShard::Exchange { .. }
            | ToShard::Answer { .. }
            | ToShard::Operator { .. }
            | ToShard::Drain
            | ToShard::Drop(_) => {}
        }
    }
}

async fn refuse(front: &Front, socket: Socket, why: &str) {
    tracing::warn!(why, "a media stream was refused");
    front.supervisor.count(|census| census.refused_streams += 1);
    close(socket, "refused").await;
}

/// Closes a connection that belongs to no call.
pub(super) async fn close(socket: Socket, reason: &'static str) {
    // Policy violation: it is not that something was wrong with its messages.
    socket.close_now(1008, reason).await;
}
