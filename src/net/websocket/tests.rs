//! Our sockets against a library's, over a pipe, both ways round.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{
    Message as Theirs,
    protocol::{
        CloseFrame, Role as TheirRole, WebSocketConfig,
        frame::{
            Frame,
            coding::{CloseCode, Data, OpCode},
        },
    },
};

use super::{Incoming, Message, WebSocket, frame::Role};

const LIMIT: usize = 1 << 20;

async fn pair(role: Role) -> (WebSocket<DuplexStream>, WebSocketStream<DuplexStream>) {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let their_role = if role == Role::Server { TheirRole::Client } else { TheirRole::Server };
    let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
    let peer = WebSocketStream::from_raw_socket(theirs, their_role, Some(config)).await;
    (WebSocket::new(ours, role, LIMIT, &[]), peer)
}

fn closed(clean: bool, code: Option<u16>, reason: &str) -> Option<Message> {
    Some(Message::Closed { clean, code, reason: reason.into() })
}

#[tokio::test]
async fn messages_of_any_length_go_both_ways() {
    for role in [Role::Server, Role::Client] {
        let (mut ours, mut theirs) = pair(role).await;
        for length in [0, 1, 125, 126, 127, 400, 65_535, 65_536, 200_000, LIMIT] {
            let text = "µ".repeat(length / 2);
            let (sent, got) = tokio::join!(theirs.send(Theirs::text(text.clone())), ours.next());
            sent.unwrap();
            assert_eq!(got, Some(Message::Text(text.clone())), "{length} bytes to the {role:?}");
            let (sent, got) = tokio::join!(ours.send_now(&text), theirs.next());
            assert!(sent && got.unwrap().unwrap() == Theirs::text(text), "{length} bytes from the {role:?}");
        }
        theirs.send(Theirs::binary(vec![1, 2, 3])).await.unwrap();
        assert_eq!(ours.next().await, Some(Message::Binary(3)));
    }
}

#[tokio::test]
async fn a_burst_is_read_at_once_and_what_is_not_taken_stays() {
    let (mut ours, mut theirs) = pair(Role::Server).await;
    for n in 0..20 {
        theirs.feed(Theirs::text(n.to_string())).await.unwrap();
    }
    theirs.flush().await.unwrap();
    let mut context = Context::from_waker(Waker::noop());
    let mut received = ours.receive(&mut context);
    for n in 0..7 {
        assert_eq!(received.next(), Some(Incoming::Text(&n.to_string())));
    }
    ours.done(received, &mut context);
    let mut received = ours.receive(&mut context);
    for n in 7..20 {
        assert_eq!(received.next(), Some(Incoming::Text(&n.to_string())));
    }
    assert_eq!(received.next(), None);
    ours.done(received, &mut context);
}

#[tokio::test]
async fn what_comes_byte_by_byte_is_put_together() {
    let (stream, mut peer) = tokio::io::duplex(64);
    let mut ours = WebSocket::new(stream, Role::Client, LIMIT, &[0x81]);
    let writing = async {
        for byte in [0x05, b'H', b'e', b'l', b'l', b'o', 0x89, 0x01, b'x', 0x81, 0x00] {
            peer.write_all(&[byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let (_, first) = tokio::join!(writing, ours.next());
    assert_eq!((first, ours.next().await), (Some(Message::Text("Hello".into())), Some(Message::Text(String::new()))));
    let mut pong = [0; 7];
    peer.read_exact(&mut pong).await.unwrap();
    assert_eq!((pong[0], pong[1], pong[6] ^ pong[2]), (0x8a, 0x81, b'x'), "a masked pong with the ping's payload");
}

#[tokio::test]
async fn a_message_in_pieces_is_one_with_pings_in_between() {
    let (mut ours, mut theirs) = pair(Role::Server).await;
    let piece = |text: &'static str, data, last| Theirs::Frame(Frame::message(text, OpCode::Data(data), last));
    theirs.send(piece("one ", Data::Text, false)).await.unwrap();
    theirs.send(Theirs::Ping("hello".into())).await.unwrap();
    theirs.send(piece("two ", Data::Continue, false)).await.unwrap();
    theirs.send(piece("three", Data::Continue, true)).await.unwrap();
    theirs.send(Theirs::text("four")).await.unwrap();
    assert_eq!(ours.next().await, Some(Message::Text("one two three".into())));
    assert_eq!(ours.next().await, Some(Message::Text("four".into())));
    assert_eq!(theirs.next().await.unwrap().unwrap(), Theirs::Pong("hello".into()));
}

#[tokio::test]
async fn either_side_closes_politely() {
    for role in [Role::Server, Role::Client] {
        let (mut ours, mut theirs) = pair(role).await;
        let frame = CloseFrame { code: CloseCode::Away, reason: "bye".into() };
        theirs.send(Theirs::Close(Some(frame))).await.unwrap();
        assert_eq!(ours.next().await, closed(true, Some(1001), "bye"));
        assert!(matches!(theirs.next().await, Some(Ok(Theirs::Close(Some(frame)))) if frame.code == CloseCode::Away));

        let (ours, mut theirs) = pair(role).await;
        let closing = tokio::spawn(ours.close_now(1008, "refused"));
        let Some(Ok(Theirs::Close(Some(frame)))) = theirs.next().await else { panic!("no close from the {role:?}") };
        assert_eq!((frame.code, frame.reason.as_str()), (CloseCode::Policy, "refused"));
        while let Some(Ok(_)) = theirs.next().await {}
        drop(theirs);
        closing.await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_closed_first_hangs_up_when_it_is_answered() {
    let (mut ours, mut theirs) = pair(Role::Server).await;
    // It answers by itself, and waits for the line to be closed.
    let peer = tokio::spawn(async move { while theirs.next().await.is_some() {} });
    // No time passes: what ends it is the answer.
    let now = crate::net::clock::now();
    poll_fn(|context| if ours.finish(now, context) { Poll::Ready(()) } else { Poll::Pending }).await;
    peer.await.unwrap();
}

#[tokio::test]
async fn a_peer_that_is_gone_or_wrong_is_told_apart() {
    let (mut ours, theirs) = pair(Role::Server).await;
    drop(theirs);
    assert_eq!((ours.next().await, ours.next().await), (closed(false, None, ""), None));

    let (mut ours, mut theirs) = pair(Role::Server).await;
    let sent = tokio::spawn(async move {
        let _ = theirs.send(Theirs::text("x".repeat(LIMIT + 1))).await;
        theirs
    });
    assert_eq!(ours.next().await, closed(false, None, ""));
    let said = sent.await.unwrap().next().await;
    assert!(matches!(said, Some(Ok(Theirs::Close(Some(frame)))) if frame.code == CloseCode::Size));

    for (bytes, code) in [(&[0x81, 0x02, 0xc3, 0x28][..], 1007), (&[0x80, 0x01, b'x'][..], 1002)] {
        let (stream, mut peer) = tokio::io::duplex(64);
        let mut ours = WebSocket::new(stream, Role::Client, LIMIT, bytes);
        assert_eq!((ours.next().await, ours.next().await), (closed(false, None, ""), None));
        let mut said = Vec::new();
        peer.read_to_end(&mut said).await.unwrap();
        assert_eq!(u16::from_be_bytes([said[6] ^ said[2], said[7] ^ said[3]]), code);
    }
}

#[tokio::test]
async fn a_peer_that_does_not_read_holds_nobody_up() {
    let (stream, peer) = tokio::io::duplex(1024);
    let mut ours = WebSocket::new(stream, Role::Server, LIMIT, &[]);
    let mut context = Context::from_waker(Waker::noop());
    let text = "x".repeat(60_000);
    let mut sent = 0;
    while ours.flush(&mut context) {
        ours.send(&text);
        sent += 1;
        assert!(sent < 100, "it should count as broken by now");
    }
    assert!(sent > 60, "minutes of audio may wait");
    drop(peer);
    // Its end is waited for, but not for ever.
    let (stream, _peer) = tokio::io::duplex(1024);
    let mut ours = WebSocket::new(stream, Role::Server, LIMIT, &[]);
    let now = crate::net::clock::now();
    assert!(!ours.finish(now, &mut context));
    assert!(ours.finish(now + Duration::from_secs(2), &mut context));
}

#[tokio::test]
async fn any_bytes_end_in_messages_or_an_end() {
    for seed in 0..2_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut bytes: Vec<u8> = (0..random.usize(0..300)).map(|_| random.u8(..)).collect();
        if let Some(first) = bytes.first_mut() {
            *first &= 0x8f;
        }
        let role = if random.bool() { Role::Server } else { Role::Client };
        let (stream, peer) = tokio::io::duplex(4096);
        drop(peer);
        let mut ours = WebSocket::new(stream, role, LIMIT, &bytes);
        let mut last = None;
        while let Some(message) = ours.next().await {
            last = Some(message);
        }
        assert!(matches!(last, Some(Message::Closed { .. })), "seed {seed}");
    }
}
