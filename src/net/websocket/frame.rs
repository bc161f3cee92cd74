//! Frames of RFC 6455, read and written in place.

use std::io::Cursor;
use std::ops::Range;

use tokio_tungstenite::tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};

/// Longest payload of a control frame.
const CONTROL_MAX: u64 = 125;

/// Which side of a connection we are: a client masks what it sends, a server must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Server,
    Client,
}

/// Why a connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Not what the protocol allows.
    Protocol,
    /// Longer than is read.
    TooLong,
    /// Text that is no UTF-8.
    NotText,
}

impl Fault {
    /// The close code that tells the peer.
    pub(super) const fn code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::NotText => 1007,
            Self::TooLong => 1009,
        }
    }
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Binary,
    Continuation,
    Close,
    Ping,
    Pong,
}

/// A frame whose payload is there, unmasked, at `payload`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) last: bool,
    pub(super) payload: Range<usize>,
}

/// What the front of some bytes is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Front {
    /// A whole frame; the next one begins behind its payload.
    Frame(Frame),
    /// The beginning of one that is so long, header included; 0 while that is not known.
    Part(usize),
}

/// Reads the frame at the front of `bytes[from..]` and unmasks it in place. `limit` is the longest payload.
pub(super) fn read(bytes: &mut [u8], from: usize, role: Role, limit: usize) -> Result<Front, Fault> {
    let (front, mask) = look(bytes, from, role, limit)?;
    if let (Front::Frame(frame), Some(mask)) = (&front, mask) {
        apply_mask(&mut bytes[frame.payload.clone()], mask);
    }
    Ok(front)
}

/// How long the frame at the front of `bytes[from..]` is, header included, if it is not whole.
pub(super) fn missing(bytes: &[u8], from: usize, role: Role, limit: usize) -> Option<usize> {
    match look(bytes, from, role, limit) {
        Ok((Front::Part(length), _)) => Some(length),
        Ok((Front::Frame(_), _)) | Err(_) => None,
    }
}

/// Reads it and leaves it masked.
fn look(bytes: &[u8], from: usize, role: Role, limit: usize) -> Result<(Front, Option<[u8; 4]>), Fault> {
    let mut cursor = Cursor::new(&bytes[from..]);
    let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(|_| Fault::Protocol)? else {
        return Ok((Front::Part(0), None));
    };
    let head = cursor.position() as usize;
    let masked = header.mask.is_some();
    if header.rsv1 || header.rsv2 || header.rsv3 || masked != (role == Role::Server) {
        return Err(Fault::Protocol);
    }
    let kind = match header.opcode {
        OpCode::Data(Data::Text) => Kind::Text,
        OpCode::Data(Data::Binary) => Kind::Binary,
        OpCode::Data(Data::Continue) => Kind::Continuation,
        OpCode::Control(Control::Close) => Kind::Close,
        OpCode::Control(Control::Ping) => Kind::Ping,
        OpCode::Control(Control::Pong) => Kind::Pong,
        OpCode::Data(Data::Reserved(_)) | OpCode::Control(Control::Reserved(_)) => return Err(Fault::Protocol),
    };
    let is_control = matches!(kind, Kind::Close | Kind::Ping | Kind::Pong);
    if is_control && (length > CONTROL_MAX || !header.is_final) {
        return Err(Fault::Protocol);
    }
    let length = usize::try_from(length).ok().filter(|length| *length <= limit).ok_or(Fault::TooLong)?;
    let payload = from + head..from + head + length;
    if payload.end > bytes.len() {
        return Ok((Front::Part(head + length), None));
    }
    Ok((Front::Frame(Frame { kind, last: header.is_final, payload }), header.mask))
}

/// Appends a whole message as one frame.
pub(super) fn write(out: &mut Vec<u8>, kind: Kind, payload: &[u8], role: Role) {
    let opcode = match kind {
        Kind::Text => OpCode::Data(Data::Text),
        Kind::Binary => OpCode::Data(Data::Binary),
        Kind::Continuation => OpCode::Data(Data::Continue),
        Kind::Close => OpCode::Control(Control::Close),
        Kind::Ping => OpCode::Control(Control::Ping),
        Kind::Pong => OpCode::Control(Control::Pong),
    };
    // Nobody but the peer may be able to foretell it: RFC 6455, section 5.3.
    let mask = (role == Role::Client).then(rand::random);
    let header = FrameHeader { is_final: true, opcode, mask, ..FrameHeader::default() };
    header.format(payload.len() as u64, out).expect("memory takes every write");
    let at = out.len();
    out.extend_from_slice(payload);
    if let Some(mask) = mask {
        apply_mask(&mut out[at..], mask);
    }
}

/// Masks, or unmasks. In words: byte by byte it would cost more than everything else here.
fn apply_mask(bytes: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 1 << 20;

    fn peer(role: Role) -> Role {
        if role == Role::Server { Role::Client } else { Role::Server }
    }

    #[test]
    fn a_masked_text_of_the_specification_is_read() {
        // RFC 6455, section 5.7.
        let mut bytes = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        let Ok(Front::Frame(frame)) = read(&mut bytes, 0, Role::Server, LIMIT) else { panic!("no frame") };
        assert_eq!((frame.kind, frame.last, &bytes[frame.payload]), (Kind::Text, true, &b"Hello"[..]));
    }

    #[test]
    fn what_the_protocol_forbids_is_refused() {
        let wrong: [(&[u8], Role, Fault); 8] = [
            (&[0x81, 0x01, b'a'], Role::Server, Fault::Protocol),
            (&[0x81, 0x81, 0, 0, 0, 0, b'a'], Role::Client, Fault::Protocol),
            (&[0xc1, 0x01, b'a'], Role::Client, Fault::Protocol),
            (&[0x83, 0x00], Role::Client, Fault::Protocol),
            (&[0x8b, 0x00], Role::Client, Fault::Protocol),
            (&[0x09, 0x00], Role::Client, Fault::Protocol),
            (&[0x88, 0x7e, 0x00, 0x7e], Role::Client, Fault::Protocol),
            (&[0x81, 0x7f, 0xff, 0, 0, 0, 0, 0, 0, 0], Role::Client, Fault::TooLong),
        ];
        for (bytes, role, fault) in wrong {
            assert_eq!(read(&mut bytes.to_vec(), 0, role, LIMIT), Err(fault), "{bytes:02x?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_whatever_its_length(
            length in prop_oneof![0..200usize, 65_530..65_545usize],
            before in 0..20usize,
            cut in 1..14usize,
            client in any::<bool>(),
        ) {
            let role = if client { Role::Client } else { Role::Server };
            let payload: Vec<u8> = (0..length).map(|n| n.to_le_bytes()[0]).collect();
            let mut out = vec![0; before];
            write(&mut out, Kind::Binary, &payload, role);
            let short = out.len().saturating_sub(cut).max(before);
            let part = read(&mut out[..short], before, peer(role), LIMIT);
            let whole = out.len() - before;
            prop_assert!(matches!(part, Ok(Front::Part(n)) if n == 0 || n == whole));
            let Ok(Front::Frame(frame)) = read(&mut out, before, peer(role), LIMIT) else { panic!("no frame") };
            prop_assert_eq!((frame.kind, frame.last, frame.payload.end), (Kind::Binary, true, out.len()));
            prop_assert_eq!(&out[frame.payload], &payload);
            prop_assert_eq!(read(&mut out.clone(), before, role, LIMIT), Err(Fault::Protocol));
        }
    }
}
