//! One bound connection to a message center: requests and their answers, and what the center asks meanwhile.

use super::Heard;
use super::pdu::{self, HEADER_BYTES, Pdu};
use crate::stream::Stream;
use crate::transport::Failed;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::{Instant, timeout};

/// A session. Nobody drives it but whoever has it, so what the center asks is answered when it is used next.
pub(super) struct Session {
    stream: BufReader<Box<dyn Stream>>,
    sequence: u32,
    /// When the other end last said something.
    pub(super) used_at: Instant,
}

/// Whether a session is to be used again after what went wrong.
pub(super) enum Trouble {
    /// The center answered, and the session goes on.
    Refused(Failed),
    /// The session is over.
    Broken(Failed),
}

impl Trouble {
    pub(super) fn into_failed(self) -> Failed {
        let (Self::Refused(failed) | Self::Broken(failed)) = self;
        failed
    }
}

impl Session {
    /// One that is not bound yet.
    pub(super) fn over(stream: Box<dyn Stream>) -> Self {
        Self { stream: BufReader::new(stream), sequence: 0, used_at: Instant::now() }
    }

    /// Binds. A login that is refused is the operator's to mend: messages wait for it.
    pub(super) async fn bind(
        stream: Box<dyn Stream>,
        command: u32,
        (system_id, password): (&str, &str),
    ) -> Result<Self, Failed> {
        let mut session = Self::over(stream);
        match session.ask(command, pdu::bind(system_id, password)).await {
            Ok(_) => Ok(session),
            Err(trouble) => Err(Failed::Unreachable(trouble.into_failed().to_string())),
        }
    }

    /// How long nobody has used it.
    pub(super) fn idle(&self) -> Duration {
        self.used_at.elapsed()
    }

    /// Asks, and gives the body of the answer.
    pub(super) async fn ask(&mut self, command: u32, body: Vec<u8>) -> Result<Vec<u8>, Trouble> {
        let sequence = self.send(command, body).await.map_err(Trouble::Broken)?;
        loop {
            let got = self.receive().await.map_err(Trouble::Broken)?;
            if !got.is_response() {
                self.serve(&got).await.map_err(Trouble::Broken)?;
                continue;
            }
            if got.sequence != sequence {
                // Late, of a request that nobody waits for any more.
                continue;
            }
            return match (got.command, got.status) {
                (answer, pdu::OK) if answer == command | pdu::RESPONSE => Ok(got.body),
                (pdu::GENERIC_NACK, _) | (_, pdu::OK) => {
                    Err(Trouble::Broken(Failed::Broken("the message center does not know what it was asked".into())))
                }
                (_, status) => Err(Trouble::Refused(match pdu::reason(status) {
                    (why, true) => Failed::Forbidden(why),
                    (why, false) => Failed::Unreachable(why),
                })),
            };
        }
    }

    /// Asks whether the other end is still there.
    pub(super) async fn is_alive(&mut self, patience: Duration) -> bool {
        matches!(timeout(patience, self.ask(pdu::ENQUIRE_LINK, Vec::new())).await, Ok(Ok(_)))
    }

    /// Says goodbye; how that is taken is of no account.
    pub(super) async fn unbind(mut self, patience: Duration) {
        let _ = timeout(patience, self.ask(pdu::UNBIND, Vec::new())).await;
    }

    /// Sends a request, whose answer may come between others.
    pub(super) async fn send(&mut self, command: u32, body: Vec<u8>) -> Result<u32, Failed> {
        // Within what the specification allows.
        self.sequence = self.sequence % 0x7fff_ffff + 1;
        let request = Pdu::request(command, self.sequence, body);
        self.write(&request).await?;
        Ok(self.sequence)
    }

    /// Answers what the center asks of its own accord.
    pub(super) async fn serve(&mut self, asked: &Pdu) -> Result<(), Failed> {
        let answer = match asked.command {
            pdu::ENQUIRE_LINK => asked.answered(pdu::OK, Vec::new()),
            // A transmitter gets none; one that comes all the same is to come to a receiver.
            pdu::DELIVER_SM => asked.answered(pdu::TRY_LATER, vec![0]),
            pdu::UNBIND => {
                self.write(&asked.answered(pdu::OK, Vec::new())).await?;
                return Err(Failed::Broken("the message center ends the session".into()));
            }
            _ => Pdu { command: pdu::GENERIC_NACK, ..asked.answered(pdu::INVALID_COMMAND, Vec::new()) },
        };
        self.write(&answer).await
    }

    /// Takes what a phone answers, and says so when it is kept.
    pub(super) async fn take(&mut self, asked: &Pdu, heard: &Heard) -> Result<(), Failed> {
        let kept = match pdu::delivered(&asked.body) {
            Some((from, text)) => heard(from, text).await,
            // A receipt, or half a message: coming again would not make it another.
            None => true,
        };
        self.write(&asked.answered(if kept { pdu::OK } else { pdu::TRY_LATER }, vec![0])).await
    }

    /// The next PDU. Whoever gives up waiting for it has no session any more.
    pub(super) async fn receive(&mut self) -> Result<Pdu, Failed> {
        let gone = |error: std::io::Error| Failed::Broken(format!("the message center is gone: {error}"));
        let mut head = [0; HEADER_BYTES];
        self.stream.read_exact(&mut head).await.map_err(gone)?;
        let garbage = || Failed::Broken("what the message center says is no SMPP".into());
        let (length, mut pdu) = Pdu::head(&head).ok_or_else(garbage)?;
        pdu.body = vec![0; length];
        self.stream.read_exact(&mut pdu.body).await.map_err(gone)?;
        self.used_at = Instant::now();
        Ok(pdu)
    }

    pub(super) async fn write(&mut self, pdu: &Pdu) -> Result<(), Failed> {
        let gone = |error: std::io::Error| Failed::Broken(format!("the message center is gone: {error}"));
        self.stream.get_mut().write_all(&pdu.encode()).await.map_err(gone)?;
        self.stream.get_mut().flush().await.map_err(gone)
    }
}
