//! Receivers over HTTP on a network of their own, which the seed moves: what they get, and how they answer it.
//!
//! The product's own client over HTTP speaks to them, through connections that are no sockets. Each has a manner at a time: it takes what
//! it gets, fails, asks for time, refuses, says nothing, talks nonsense, hangs up, leads elsewhere or in circles, or is not there. One more
//! stands where redirects lead and takes everything.

use super::SUBSCRIBED_RECEIVERS;
use crate::link::{Break, End, Link};
use crate::trace::Trace;
use delivery::{Dial, Dialing, LookUp, Stream};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::task::JoinHandle;

/// How a receiver does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Well,
    Fails,
    IsBusy,
    Refuses,
    SaysNothing,
    TalksNonsense,
    HangsUp,
    LeadsElsewhere,
    LeadsInCircles,
    IsNotThere,
}

const MANNERS: [Manner; 14] = [
    Manner::Well,
    Manner::Well,
    Manner::Well,
    Manner::Well,
    Manner::Well,
    Manner::Fails,
    Manner::IsBusy,
    Manner::Refuses,
    Manner::SaysNothing,
    Manner::TalksNonsense,
    Manner::HangsUp,
    Manner::LeadsElsewhere,
    Manner::LeadsInCircles,
    Manner::IsNotThere,
];

/// A request that a receiver got whole.
#[derive(Debug, Clone)]
pub(crate) struct Posted {
    pub(crate) slot: Option<usize>,
    headers: Headers,
    pub(crate) body: Vec<u8>,
    /// The status that it was answered with; none if it was not, or not in HTTP.
    pub(crate) answered: Option<u16>,
    pub(crate) is_redirected: bool,
    /// Its connection had been used before.
    pub(crate) is_kept: bool,
    /// When its last byte was sent, and by which process.
    pub(crate) sent: u64,
    pub(crate) process: u64,
}

impl Posted {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// All receivers, and the connections to them.
pub(crate) struct Receivers {
    state: Mutex<State>,
    /// The server's clock, in milliseconds.
    wall: Arc<AtomicU64>,
    process: AtomicU64,
    trace: Arc<Trace>,
}

struct State {
    manners: [Manner; SUBSCRIBED_RECEIVERS + 1],
    lines: Vec<Line>,
    posted: Vec<Posted>,
}

struct Line {
    link: Link,
    receiver: JoinHandle<()>,
}

impl Receivers {
    pub(crate) fn new(trace: Arc<Trace>) -> Arc<Self> {
        let state = State { manners: [Manner::Well; SUBSCRIBED_RECEIVERS + 1], lines: Vec::new(), posted: Vec::new() };
        Arc::new(Self { state: Mutex::new(state), wall: Arc::default(), process: AtomicU64::new(0), trace })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server's clock shows this.
    pub(crate) fn time_is(&self, wall: u64) {
        self.wall.store(wall, Ordering::Relaxed);
    }

    /// Another process serves: what the last one had under way is lost.
    pub(crate) fn next_process(&self) {
        self.process.fetch_add(1, Ordering::Relaxed);
        for line in self.state().lines.drain(..) {
            line.link.break_off(Break::Reset);
            line.receiver.abort();
        }
    }

    /// What they got since this was asked last.
    pub(crate) fn take_posted(&self) -> Vec<Posted> {
        std::mem::take(&mut self.state().posted)
    }

    /// One of them does otherwise from now on.
    pub(crate) fn change_manner(&self, chance: &mut fastrand::Rng) {
        let receiver = chance.usize(..SUBSCRIBED_RECEIVERS);
        let manner = MANNERS[chance.usize(..MANNERS.len())];
        self.trace.note(format_args!("receiver {receiver}: {manner:?}"));
        self.state().manners[receiver] = manner;
    }

    /// All do well from now on.
    pub(crate) fn recover(&self) {
        self.state().manners = [Manner::Well; SUBSCRIBED_RECEIVERS + 1];
    }

    /// All bytes travel at once, both ways.
    pub(crate) fn hurry(&self) {
        let mut state = self.state();
        state.lines.retain(|line| !line.receiver.is_finished() || line.link.has_answer());
        for line in &state.lines {
            line.link.deliver_up(usize::MAX);
            line.link.deliver_down(usize::MAX);
        }
    }

    /// Some bytes travel one way, on some connection.
    pub(crate) fn move_some(&self, chance: &mut fastrand::Rng) {
        let state = self.state();
        let (most, is_up) = (chance.usize(1..=600), chance.bool());
        let Some(line) = state.lines.get(chance.usize(..state.lines.len().max(1))) else { return };
        match is_up {
            true => line.link.deliver_up(most),
            false => line.link.deliver_down(most),
        };
    }

    /// Some connection breaks.
    pub(crate) fn break_some(&self, chance: &mut fastrand::Rng) {
        let state = self.state();
        let how = if chance.bool() { Break::Quietly } else { Break::Reset };
        if let Some(line) = state.lines.get(chance.usize(..state.lines.len().max(1))) {
            self.trace.note(format_args!("a connection to a receiver breaks: {how:?}"));
            line.link.break_off(how);
        }
    }

    /// Finds the addresses of `receiver-0.example` and so on.
    pub(crate) fn look_up() -> LookUp {
        Arc::new(|host, port| {
            let number = host.strip_prefix("receiver-").and_then(|rest| rest.split('.').next()?.parse::<u8>().ok());
            let address = number.map(|number| SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, number)), port));
            Box::pin(async move { address.map(|address| vec![address]) })
        })
    }

    /// Makes connections to them.
    pub(crate) fn dial(self: &Arc<Self>) -> Dial {
        let receivers = Arc::clone(self);
        Arc::new(move |addresses| -> Dialing {
            let made = receivers.connect(&addresses);
            Box::pin(async move { made })
        })
    }

    fn connect(self: &Arc<Self>, addresses: &[SocketAddr]) -> io::Result<Box<dyn Stream>> {
        let number = addresses.first().and_then(|address| match address.ip() {
            IpAddr::V4(address) => Some(usize::from(address.octets()[3])),
            IpAddr::V6(_) => None,
        });
        let number = number.filter(|number| *number <= SUBSCRIBED_RECEIVERS).ok_or(io::ErrorKind::HostUnreachable)?;
        let mut state = self.state();
        self.trace.note(format_args!("a connection to receiver {number}"));
        if state.manners[number] == Manner::IsNotThere {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (link, end) = Link::new(usize::MAX);
        let sent = Arc::<AtomicU64>::default();
        let stream = Dated { end: link.client_end(), wall: Arc::clone(&self.wall), sent: Arc::clone(&sent) };
        let line =
            Receiving { receivers: Arc::clone(self), number, sent, process: self.process.load(Ordering::Relaxed) };
        state.lines.push(Line { link, receiver: tokio::spawn(line.run(end)) });
        Ok(Box::new(stream))
    }
}

/// The server's end of a connection, which notes when it is written to.
struct Dated {
    end: End,
    wall: Arc<AtomicU64>,
    sent: Arc<AtomicU64>,
}

impl AsyncRead for Dated {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_read(context, out)
    }
}

impl AsyncWrite for Dated {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.sent.store(self.wall.load(Ordering::Relaxed), Ordering::Relaxed);
        Pin::new(&mut self.end).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_shutdown(context)
    }
}

/// One connection, as its receiver has it.
struct Receiving {
    receivers: Arc<Receivers>,
    number: usize,
    sent: Arc<AtomicU64>,
    process: u64,
}

impl Receiving {
    async fn run(self, mut end: End) {
        let (mut buffer, mut is_kept) = (Vec::new(), false);
        loop {
            let Some((path, headers, body)) = take_request(&mut buffer) else {
                match end.read_buf(&mut buffer).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => continue,
                }
            };
            let slot = path.split_once("of=").and_then(|(_, slot)| slot.parse().ok());
            let manner = self.receivers.state().manners[self.number];
            let answer = answer(manner, slot);
            let status = answer.as_ref().and_then(|(status, _)| *status);
            self.receivers.trace.note(format_args!("receiver {} gets {path} and answers {status:?}", self.number));
            let posted = Posted {
                slot,
                headers,
                body,
                answered: status,
                is_redirected: status == Some(307),
                is_kept,
                sent: self.sent.load(Ordering::Relaxed),
                process: self.process,
            };
            self.receivers.state().posted.push(posted);
            match (answer, manner) {
                (_, Manner::HangsUp) => return,
                (Some((_, bytes)), _) if end.write_all(&bytes).await.is_err() => return,
                _ => is_kept = true,
            }
        }
    }
}

/// The bytes of an answer, and its status if it is one.
fn answer(manner: Manner, slot: Option<usize>) -> Option<(Option<u16>, Vec<u8>)> {
    let of = slot.unwrap_or_default();
    let (status, location) = match manner {
        Manner::Well | Manner::IsNotThere => (200, None),
        Manner::Fails => (500, None),
        Manner::IsBusy => (429, None),
        Manner::Refuses => (404, None),
        Manner::LeadsElsewhere => {
            (307, Some(format!("http://receiver-{SUBSCRIBED_RECEIVERS}.example/elsewhere?of={of}")))
        }
        Manner::LeadsInCircles => (307, Some(format!("/again?of={of}"))),
        Manner::TalksNonsense => return Some((None, b"I AM NO WEB SERVER\r\n\r\n".to_vec())),
        Manner::SaysNothing | Manner::HangsUp => return None,
    };
    let location = location.map(|location| format!("location: {location}\r\n")).unwrap_or_default();
    Some((Some(status), format!("HTTP/1.1 {status} so\r\n{location}content-length: 2\r\n\r\nso").into_bytes()))
}

/// Names in lower case, and values.
type Headers = Vec<(String, String)>;

/// The first whole request in a buffer: its path, its headers, its body.
fn take_request(buffer: &mut Vec<u8>) -> Option<(String, Headers, Vec<u8>)> {
    let end = buffer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: Headers = lines.filter_map(header).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, length)| length.parse::<usize>().ok()).unwrap_or(0);
    let (from, to) = (end + 4, end + 4 + length);
    let body = buffer.get(from..to)?.to_vec();
    buffer.drain(..to);
    Some((path, headers, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_when_it_is_whole_and_what_follows_stays() {
        let mut buffer = b"POST /in?of=9 HTTP/1.1\r\nHost: x\r\ncontent-length: 3\r\n\r\nab".to_vec();
        assert_eq!(take_request(&mut buffer), None);
        buffer.extend(b"cPOST");
        let (path, headers, body) = take_request(&mut buffer).expect("it is whole");
        assert_eq!(
            (path.as_str(), headers[0].0.as_str(), &*body, &*buffer),
            ("/in?of=9", "host", &b"abc"[..], &b"POST"[..])
        );
    }
}
