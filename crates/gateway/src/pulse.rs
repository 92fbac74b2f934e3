//! When to give up on a connection: one slow timer per connection, which no request touches.
//!
//! hyper's own header timeout makes and registers a timer for every request. Here the stream counts its bytes and the
//! requests count themselves; a [`Watch`] looks a few times per timeout whether anything went on. It cuts off who never
//! begins, who sends a head byte by byte, who stands idle, and who does not take the reply. A stream of events that waits
//! for its source is something going on; one that waits for its client is not.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::limits::{LOOKS_PER_TIMEOUT, Limits};

/// What happens on one connection, as counts that only grow (but for the requests in flight).
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    received: AtomicU64,
    sent: AtomicU64,
    requests: AtomicU64,
    in_flight: AtomicU32,
    multiplexed: AtomicBool,
    /// Streams of events.
    streams: AtomicU32,
    /// Of these, the ones that gave an event and were not asked for the next: their client does not take it.
    stalled: AtomicU32,
    /// Whether the client left no room for what was to be written last.
    blocked: AtomicBool,
}

impl Pulse {
    /// Marks a request whose head has arrived. It is in flight until the mark is dropped.
    pub(crate) fn request(&self, version: http::Version) -> InFlight<'_> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        if version == http::Version::HTTP_2 {
            self.multiplexed.store(true, Ordering::Relaxed);
        }
        InFlight(self)
    }

    /// Whether a stream of events has nothing to send, rather than nobody to take it.
    fn awaits_events(&self) -> bool {
        let [streams, stalled] = [&self.streams, &self.stalled].map(|count| count.load(Ordering::Relaxed));
        streams > stalled && !self.blocked.load(Ordering::Relaxed)
    }

    /// Requests whose heads have arrived so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

/// A request between its head and its reply.
pub(crate) struct InFlight<'a>(&'a Pulse);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream of events, as long as it lasts.
pub(crate) struct Streaming {
    pulse: Arc<Pulse>,
    stalled: bool,
}

impl Streaming {
    pub(crate) fn begin(pulse: &Arc<Pulse>) -> Self {
        pulse.streams.fetch_add(1, Ordering::Relaxed);
        Self { pulse: Arc::clone(pulse), stalled: false }
    }

    /// An event was made, and has yet to be taken.
    pub(crate) fn given(&mut self) {
        if !std::mem::replace(&mut self.stalled, true) {
            self.pulse.stalled.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The connection asks for the next event, so it has room for it.
    pub(crate) fn asked(&mut self) {
        if std::mem::replace(&mut self.stalled, false) {
            self.pulse.stalled.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.asked();
        self.pulse.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What to do with a connection after a look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Leave,
    /// Nothing is under way: close as the protocol closes.
    Close,
    /// A head that does not end, or a close that does not come: drop the stream.
    Cut,
}

/// The looks taken at one connection.
pub(crate) struct Watch {
    head_read: Duration,
    idle: Duration,
    quiet_since: Instant,
    seen: Seen,
    closing: bool,
}

/// The counts at the last look that found something going on.
#[derive(Default, PartialEq, Eq)]
struct Seen {
    received: u64,
    sent: u64,
    requests: u64,
}

impl Watch {
    pub(crate) fn new(limits: &Limits, now: Instant) -> Self {
        Self { head_read: limits.head_read, idle: limits.idle, quiet_since: now, seen: Seen::default(), closing: false }
    }

    /// The time between two looks.
    pub(crate) fn pause(&self) -> Duration {
        self.head_read.min(self.idle) / LOOKS_PER_TIMEOUT
    }

    /// Looks at the counts.
    pub(crate) fn look(&mut self, pulse: &Pulse, now: Instant) -> Verdict {
        let [received, sent, requests] =
            [&pulse.received, &pulse.sent, &pulse.requests].map(|count| count.load(Ordering::Relaxed));
        let busy = pulse.in_flight.load(Ordering::Relaxed) > 0 || pulse.awaits_events();
        if busy || requests != self.seen.requests || sent != self.seen.sent {
            self.seen = Seen { received, sent, requests };
            self.quiet_since = now;
            return Verdict::Leave;
        }
        // On HTTP/2 bytes without a request are pings and window updates; on HTTP/1 they are the beginning of a head.
        let head_begun = received != self.seen.received && !pulse.multiplexed.load(Ordering::Relaxed);
        let patience = if head_begun { self.head_read } else { self.idle };
        match now.duration_since(self.quiet_since) >= patience {
            false => Verdict::Leave,
            true if head_begun || std::mem::replace(&mut self.closing, true) => Verdict::Cut,
            true => Verdict::Close,
        }
    }
}

/// A stream that counts its bytes.
pub(crate) struct Counted<S> {
    pub(crate) stream: S,
    pub(crate) pulse: Arc<Pulse>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let poll = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.pulse.received.fetch_add((buf.filled().len() - before) as u64, Ordering::Relaxed);
        poll
    }
}

impl<S> Counted<S> {
    fn count_sent(&self, poll: Poll<std::io::Result<usize>>) -> Poll<std::io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &poll {
            self.pulse.sent.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
        self.pulse.blocked.store(poll.is_pending(), Ordering::Relaxed);
        poll
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.count_sent(poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.count_sent(poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_flush(cx);
        // TLS takes bytes before the socket has room for them.
        self.pulse.blocked.store(poll.is_pending(), Ordering::Relaxed);
        poll
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One step a second: what happened before the look, and the verdict.
    fn check(version: http::Version, steps: &[(&str, Verdict)]) {
        let limits = Limits { head_read: Duration::from_secs(2), idle: Duration::from_secs(4), ..Limits::default() };
        let pulse = Arc::new(Pulse::default());
        let mut streams = Vec::new();
        let mut now = Instant::now();
        let mut watch = Watch::new(&limits, now);
        let mut running = Vec::new();
        for (nth, (event, expected)) in steps.iter().enumerate() {
            match *event {
                "bytes" => drop(pulse.received.fetch_add(1, Ordering::Relaxed)),
                "begin" => running.push(pulse.request(version)),
                "end" => drop(running.pop()),
                "sent" => drop(pulse.sent.fetch_add(1, Ordering::Relaxed)),
                "stream" => streams.push(Streaming::begin(&pulse)),
                "given" => streams[0].given(),
                "asked" => streams[0].asked(),
                "gone" => drop(streams.pop()),
                "blocked" => pulse.blocked.store(true, Ordering::Relaxed),
                nothing => assert_eq!(nothing, "-"),
            }
            now += Duration::from_secs(1);
            assert_eq!(watch.look(&pulse, now), *expected, "step {nth}: {event}");
        }
    }

    use Verdict::{Close, Cut, Leave};
    const H1: http::Version = http::Version::HTTP_11;
    const H2: http::Version = http::Version::HTTP_2;

    #[test]
    fn who_sends_nothing_is_closed_and_then_cut() {
        check(H1, &[("-", Leave), ("-", Leave), ("-", Leave), ("-", Close), ("-", Cut)]);
    }

    #[test]
    fn a_head_sent_byte_by_byte_is_cut() {
        check(H1, &[("bytes", Leave), ("bytes", Cut)]);
    }

    #[test]
    fn a_running_request_is_left_alone_however_long_it_takes() {
        check(
            H1,
            &[("begin", Leave), ("-", Leave), ("-", Leave), ("-", Leave), ("-", Leave), ("end", Leave), ("-", Leave)],
        );
    }

    #[test]
    fn a_reply_that_is_still_being_taken_keeps_the_connection() {
        check(
            H1,
            &[("begin", Leave), ("end", Leave), ("sent", Leave), ("sent", Leave), ("sent", Leave), ("sent", Leave)],
        );
    }

    #[test]
    fn a_stream_that_waits_for_its_source_is_left_alone() {
        for version in [H1, H2] {
            let quiet = [("-", Leave); 8];
            check(version, &[&[("stream", Leave), ("given", Leave), ("asked", Leave)], &quiet[..]].concat());
            check(version, &[&[("stream", Leave), ("stream", Leave), ("given", Leave)], &quiet[..]].concat());
        }
    }

    #[test]
    fn a_stream_whose_client_takes_nothing_is_given_up_when_a_connection_without_requests_would_be() {
        let end = [("-", Leave), ("-", Leave), ("-", Leave), ("-", Close), ("-", Cut)];
        for (begun, cause) in [("stream", "given"), ("stream", "blocked")] {
            check(H1, &[&[(begun, Leave), (cause, Leave)], &end[1..]].concat());
            check(H2, &[&[(begun, Leave), (cause, Leave)], &end[1..]].concat());
        }
        let slow = [("given", Leave), ("-", Leave), ("sent", Leave), ("-", Leave), ("-", Leave), ("sent", Leave)];
        check(H1, &[&[("stream", Leave)], &slow[..], &slow[1..]].concat());
        check(H1, &[&[("stream", Leave), ("given", Leave), ("gone", Leave)], &end[2..]].concat());
    }

    #[test]
    fn pings_on_http2_are_no_slow_head() {
        check(H2, &[("begin", Leave), ("end", Leave), ("bytes", Leave), ("bytes", Leave), ("bytes", Close)]);
    }
}
