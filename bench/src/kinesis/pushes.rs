//! SubscribeToShard: how long it takes from writing a put to the push of its records, to one subscriber and to a hundred.
//!
//! A hundred are twenty consumers, which is the most a stream has, on each of five shards; one PutRecords has a record for each
//! shard and so reaches all of them. Every arrival counts, the last of the hundred too, and holds the put's way to the disk. Over
//! HTTP/2 with prior knowledge, as KCL opens it, fifty subscriptions to a connection.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;

use super::requests::{create_stream, delete_stream, put_to_each, shard_name, until_active};
use crate::caller::Caller;
use crate::latency::Latencies;
use crate::long_polls::connect;
use crate::request;

/// Consumers of one stream.
const CONSUMERS_MAX: usize = 20;

/// Subscriptions on one connection.
const PER_CONNECTION: usize = 50;

/// Between two puts, so that each begins with everybody waiting.
const SETTLE: Duration = Duration::from_millis(5);

/// How long one put may take to reach everybody, and how long subscribing may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Subscriptions begin at the latest; a peer that answers before it has looked where that is gets this long.
const BEGIN: Duration = Duration::from_millis(500);

/// Latencies of `puts` puts to so many subscribers, on a stream of their own.
pub(crate) async fn measure(address: SocketAddr, subscribers: usize, puts: usize) -> Result<Latencies, String> {
    let shards = subscribers.div_ceil(CONSUMERS_MAX);
    let failed = |error: io::Error| error.to_string();
    let stream = create_stream(address, shards).await.map_err(failed)?;
    let arns = register(address, &stream, subscribers.min(CONSUMERS_MAX)).await.map_err(failed)?;
    let (mut drivers, mut tasks) = (JoinSet::new(), JoinSet::new());
    let (arrived, mut arrivals) = channel(subscribers);
    let places: Vec<_> = arns.iter().flat_map(|arn| (0..shards).map(move |shard| (arn, shard))).collect();
    for places in places.chunks(PER_CONNECTION) {
        let sender = connect(address, &mut drivers).await?;
        for (arn, shard) in places {
            let body = subscribe(sender.clone(), address, arn, *shard).await?;
            tasks.spawn(watch(body, arrived.clone()));
        }
    }
    tokio::time::sleep(BEGIN).await;
    let subscription = Subscription { stream: stream.clone(), shards, subscribers: places.len() };
    let latencies = subscription.put(address, puts, &mut arrivals).await;
    drop((tasks, drivers));
    delete_stream(address, &stream).await.map_err(failed)?;
    latencies
}

struct Subscription {
    stream: String,
    shards: usize,
    subscribers: usize,
}

impl Subscription {
    async fn put(
        &self,
        address: SocketAddr,
        puts: usize,
        arrivals: &mut Receiver<Arrival>,
    ) -> Result<Latencies, String> {
        let (mut caller, mut latencies) = (Caller::of_kinesis(address), Latencies::default());
        for number in 0..puts {
            tokio::time::sleep(SETTLE).await;
            let body = put_to_each(&self.stream, self.shards, &mark(number));
            let begun = Instant::now();
            let answer = caller.call("PutRecords", &body).await.map_err(|error| error.to_string())?;
            if memchr::memmem::find_iter(answer, "\"SequenceNumber\"").count() != self.shards {
                return Err(format!("a put was not taken whole: {:.300}", String::from_utf8_lossy(answer)));
            }
            for _ in 0..self.subscribers {
                let arrival = tokio::time::timeout(PATIENCE, arrivals.recv()).await;
                let arrival = arrival.map_err(|_| format!("a push did not come within {PATIENCE:?}"))?;
                match arrival.ok_or("every subscription has ended")? {
                    Arrival::Record(mark, at) if mark == number => latencies.record(at - begun),
                    Arrival::Record(mark, _) => return Err(format!("record {mark} came in the place of {number}")),
                    Arrival::End(why) => return Err(why),
                }
            }
        }
        Ok(latencies)
    }
}

/// What a subscription saw.
enum Arrival {
    Record(usize, Instant),
    End(String),
}

fn mark(number: usize) -> String {
    format!("mark-{number:06}")
}

/// Registers consumers, and waits until they can subscribe; their ARNs.
async fn register(address: SocketAddr, stream: &str, count: usize) -> io::Result<Vec<String>> {
    let mut caller = Caller::of_kinesis(address);
    let answer = caller.call("DescribeStream", &format!(r#"{{"StreamName":"{stream}","Limit":1}}"#)).await?;
    let stream_arn = request::members(answer, "StreamARN").first().map(ToString::to_string);
    let stream_arn = stream_arn.ok_or_else(|| io::Error::other("the stream has no StreamARN"))?;
    let mut arns = Vec::new();
    for number in 0..count {
        let body = format!(r#"{{"StreamARN":"{stream_arn}","ConsumerName":"consumer-{number}"}}"#);
        let answer = caller.call("RegisterStreamConsumer", &body).await?;
        let arn = request::members(answer, "ConsumerARN").first().map(ToString::to_string);
        let arn = arn.ok_or_else(|| io::Error::other("the consumer has no ConsumerARN"))?;
        let question = format!(r#"{{"ConsumerARN":"{arn}"}}"#);
        until_active(&mut caller, "DescribeStreamConsumer", &question, "ConsumerStatus").await?;
        arns.push(arn);
    }
    Ok(arns)
}

async fn subscribe(
    mut sender: SendRequest<Full<Bytes>>,
    address: SocketAddr,
    arn: &str,
    shard: usize,
) -> Result<Incoming, String> {
    let shard = shard_name(shard);
    let body = format!(r#"{{"ConsumerARN":"{arn}","ShardId":"{shard}","StartingPosition":{{"Type":"LATEST"}}}}"#);
    let credential = "Credential=000000000000/20261123/us-east-1/kinesis/aws4_request";
    let request = http::Request::post(format!("http://{address}/"))
        .header("x-amz-target", "Kinesis_20131202.SubscribeToShard")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-date", "20261123T000000Z")
        .header("authorization", format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host;x-amz-date, Signature=00"))
        .body(Full::new(Bytes::from(body)))
        .expect("the parts of a request are valid");
    sender.ready().await.map_err(|error| format!("a subscription's connection: {error}"))?;
    let answer = tokio::time::timeout(PATIENCE, sender.send_request(request)).await;
    let answer = answer.map_err(|_| format!("no answer to SubscribeToShard within {PATIENCE:?}"))?;
    let answer = answer.map_err(|error| format!("a subscription: {error}"))?;
    match answer.status().as_u16() {
        200 => Ok(answer.into_body()),
        status => Err(format!("SubscribeToShard was answered with {status}")),
    }
}

/// Tells when each mark arrives, whatever the events are cut into on the way.
async fn watch(mut body: Incoming, arrived: Sender<Arrival>) {
    let (mut seen, mut next) = (Vec::new(), 0);
    let why = loop {
        match body.frame().await {
            Some(Ok(frame)) => seen.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
            Some(Err(error)) => break format!("a subscription broke off: {error}"),
            None => break "a subscription ended".to_owned(),
        }
        let at = Instant::now();
        while memchr::memmem::find(&seen, mark(next).as_bytes()).is_some() {
            seen.clear();
            if arrived.send(Arrival::Record(next, at)).await.is_err() {
                return;
            }
            next += 1;
        }
    };
    // Nobody listens any more when all is measured.
    let _ = arrived.send(Arrival::End(why)).await;
}
