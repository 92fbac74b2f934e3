//! The clients of one round: they send alone and in batches, receive, delete, give back and purge until the server dies.
//!
//! An answer that breaks off ends its client in silence, since nobody knows then what happened; a refusal is an error.
//! Some bodies are large, so that a second of load fills a log file.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastrand::Rng;
use tokio::task::JoinSet;

use crate::caller::Caller;
use crate::kill::ledger::Ledger;
use crate::kill::survey;
use crate::request::{self, BATCH};

/// The last so many queues are purged.
const PURGED_QUEUES: usize = 2;

/// How many clients of each kind.
const SENDERS: usize = 4;
const BATCHERS: usize = 4;
const CONSUMERS: usize = 5;

/// Bodies of ordinary and of large messages; one single message or batch in `LARGE_ONE_IN` is large.
const BODY_BYTES: Range<usize> = 40..4_000;
const LARGE_BYTES: Range<usize> = 50_000..100_000;
const LARGE_ONE_IN: usize = 12;

/// Leases of consumers: short, so that what they did not delete is soon there again.
const LEASE_SECS: u32 = 1;

/// How long a client may take to notice that its server is dead.
const NOTICE: Duration = Duration::from_secs(30);

/// Why a client ended.
enum End {
    /// Its connection broke off.
    Lost,
    Refused(String),
}

/// The clients under way.
pub(crate) struct Load {
    clients: JoinSet<Result<(), End>>,
}

impl Load {
    /// Starts all clients of a round.
    pub(crate) fn start(address: SocketAddr, urls: &[String], ledger: &Arc<Mutex<Ledger>>, chance: &mut Rng) -> Self {
        let mut clients = JoinSet::new();
        let mut client = || Client {
            caller: Caller::new(address),
            urls: urls.to_vec(),
            ledger: Arc::clone(ledger),
            chance: chance.fork(),
        };
        (0..SENDERS).for_each(|_| drop(clients.spawn(client().send_one_by_one())));
        (0..BATCHERS).for_each(|_| drop(clients.spawn(client().send_batches())));
        (0..CONSUMERS).for_each(|_| drop(clients.spawn(client().consume())));
        clients.spawn(client().purge());
        Self { clients }
    }

    /// Waits until every client has seen the server's end; an error when one of them had been refused something.
    pub(crate) async fn ended(mut self) -> Result<(), String> {
        let all = async {
            while let Some(outcome) = self.clients.join_next().await {
                if let Err(End::Refused(why)) = outcome.map_err(|error| error.to_string())? {
                    return Err(format!("a client was refused: {why}"));
                }
            }
            Ok(())
        };
        tokio::time::timeout(NOTICE, all).await.map_err(|_| "a client hangs although its server is dead".to_owned())?
    }
}

struct Client {
    caller: Caller,
    urls: Vec<String>,
    ledger: Arc<Mutex<Ledger>>,
    chance: Rng,
}

impl Client {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("no client panics")
    }

    async fn call(&mut self, operation: &str, body: &str) -> Result<Vec<u8>, End> {
        let answer = self.caller.ask(operation, body).await.map_err(|_| End::Lost)?;
        if answer.status == 200 {
            return Ok(answer.body.to_vec());
        }
        let start = &answer.body[..answer.body.len().min(300)];
        Err(End::Refused(format!("{operation}: {} {}", answer.status, String::from_utf8_lossy(start))))
    }

    fn any_queue(&mut self) -> usize {
        self.chance.usize(..self.urls.len())
    }

    fn body_bytes(&mut self) -> usize {
        if self.chance.usize(..LARGE_ONE_IN) == 0 {
            self.chance.usize(LARGE_BYTES)
        } else {
            self.chance.usize(BODY_BYTES)
        }
    }

    async fn send_one_by_one(mut self) -> Result<(), End> {
        loop {
            let (queue, bytes) = (self.any_queue(), self.body_bytes());
            let delay = if self.chance.usize(..20) == 0 { r#","DelaySeconds":1"# } else { "" };
            let number = self.ledger().sending(queue);
            let (queue_url, body) = (&self.urls[queue], survey::body(number, bytes));
            let body = format!(r#"{{"QueueUrl":"{queue_url}","MessageBody":"{body}"{delay}}}"#);
            let answer = self.call("SendMessage", &body).await?;
            self.note_sent(&[number], &answer)?;
        }
    }

    async fn send_batches(mut self) -> Result<(), End> {
        loop {
            let (queue, bytes) = (self.any_queue(), self.body_bytes());
            let numbers: Vec<u64> = (0..BATCH).map(|_| self.ledger().sending(queue)).collect();
            let entry = |(id, &number): (usize, &u64)| {
                format!(r#"{{"Id":"{id}","MessageBody":"{}"}}"#, survey::body(number, bytes))
            };
            let entries: Vec<String> = numbers.iter().enumerate().map(entry).collect();
            let body = format!(r#"{{"QueueUrl":"{}","Entries":[{}]}}"#, self.urls[queue], entries.join(","));
            let answer = self.call("SendMessageBatch", &body).await?;
            self.note_sent(&numbers, &answer)?;
        }
    }

    /// The entries of an answer stand in the order of the request's.
    fn note_sent(&mut self, numbers: &[u64], answer: &[u8]) -> Result<(), End> {
        let ids = request::members(answer, "MessageId");
        if ids.len() != numbers.len() {
            return Err(End::Refused(format!("{} of {} sent: {:.300}", ids.len(), numbers.len(), text(answer))));
        }
        let mut ledger = self.ledger();
        numbers.iter().zip(ids).for_each(|(&number, id)| ledger.acknowledged(number, id));
        Ok(())
    }

    async fn consume(mut self) -> Result<(), End> {
        loop {
            let queue = self.any_queue();
            let queue_url = self.urls[queue].clone();
            let receive = format!(
                r#"{{"QueueUrl":"{queue_url}","MaxNumberOfMessages":{BATCH},"VisibilityTimeout":{LEASE_SECS}}}"#
            );
            let answer = self.call("ReceiveMessage", &receive).await?;
            let found = survey::messages(&answer, queue);
            let leased: Vec<(u64, String)> = found
                .into_iter()
                .filter_map(|message| Some((message.number?, message.receipt_handle)))
                .filter(|(number, _)| !Ledger::keeps(*number))
                .collect();
            match self.chance.usize(..10) {
                0..4 => self.delete_one_by_one(&queue_url, &leased).await?,
                4..8 if !leased.is_empty() => self.delete_together(&queue_url, &leased).await?,
                8 if !leased.is_empty() => self.give_back(&queue_url, &leased).await?,
                _ => {}
            }
        }
    }

    async fn delete_one_by_one(&mut self, queue_url: &str, leased: &[(u64, String)]) -> Result<(), End> {
        for (number, handle) in leased {
            self.ledger().deleting(*number);
            self.call("DeleteMessage", &request::delete_message(queue_url, handle)).await?;
            self.ledger().deleted(*number);
        }
        Ok(())
    }

    async fn delete_together(&mut self, queue_url: &str, leased: &[(u64, String)]) -> Result<(), End> {
        let handles: Vec<String> = leased.iter().map(|(_, handle)| handle.clone()).collect();
        leased.iter().for_each(|(number, _)| self.ledger().deleting(*number));
        let answer = self.call("DeleteMessageBatch", &request::delete_message_batch(queue_url, &handles)).await?;
        survey::all_done(&answer, leased.len()).map_err(End::Refused)?;
        leased.iter().for_each(|(number, _)| self.ledger().deleted(*number));
        Ok(())
    }

    async fn give_back(&mut self, queue_url: &str, leased: &[(u64, String)]) -> Result<(), End> {
        let handles: Vec<&str> = leased.iter().map(|(_, handle)| handle.as_str()).collect();
        let answer = self.call("ChangeMessageVisibilityBatch", &survey::give_back(queue_url, &handles)).await?;
        // A lease that has run out meanwhile cannot be given back, and AWS says so of its entry.
        let _ = answer;
        Ok(())
    }

    async fn purge(mut self) -> Result<(), End> {
        loop {
            tokio::time::sleep(Duration::from_millis(self.chance.u64(100..2_000))).await;
            let queue = self.urls.len() - 1 - self.chance.usize(..PURGED_QUEUES);
            let taken = self.ledger().purging(queue);
            let body = request::of_queue(&self.urls[queue]);
            self.call("PurgeQueue", &body).await?;
            self.ledger().purged(queue, &taken);
        }
    }
}

fn text(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer).into_owned()
}
