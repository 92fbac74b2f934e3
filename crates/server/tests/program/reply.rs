//! The client library `tidewire-reply` against the real server: requests find their replies, whoever goes away meanwhile.

use crate::server::Server;
use std::time::Duration;
use tidewire_reply::{Endpoint, Error, Requester, Responder};

const PATIENCE: Duration = Duration::from_secs(120);

fn run<T>(work: impl AsyncFnOnce(Endpoint) -> T) -> T {
    let server = Server::start(&["dev", "--ephemeral", "--listen", "127.0.0.1:0"]);
    let endpoint = Endpoint::parse(&format!("http://{}", server.address)).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let outcome = runtime.block_on(work(endpoint));
    drop(runtime);
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    outcome
}

async fn serve(endpoint: &Endpoint, queue: &str) {
    let responder = Responder::new(endpoint, queue).await.unwrap();
    tokio::spawn(async move { responder.serve(async |body: &str| format!("re: {body}")).await });
}

#[test]
fn every_request_of_many_at_once_gets_its_own_reply() {
    run(async |endpoint| {
        serve(&endpoint, "jobs").await;
        let requester = std::sync::Arc::new(Requester::new(&endpoint).await.unwrap());
        let asked: Vec<_> = (0..50)
            .map(|number| {
                let requester = std::sync::Arc::clone(&requester);
                tokio::spawn(async move { requester.request("jobs", &number.to_string(), PATIENCE).await })
            })
            .collect();
        for (number, reply) in asked.into_iter().enumerate() {
            assert_eq!(reply.await.unwrap(), Ok(format!("re: {number}")));
        }
    });
}

#[test]
fn a_server_that_knows_no_virtual_queues_is_asked_with_a_queue_for_each_request() {
    run(async |endpoint| {
        serve(&endpoint, "jobs").await;
        let requester = Requester::with_a_queue_each(&endpoint);
        assert_eq!(requester.request("jobs", "x", PATIENCE).await, Ok("re: x".to_owned()));
    });
}

#[test]
fn a_request_that_nobody_answers_times_out_and_the_late_reply_harms_nobody() {
    run(async |endpoint| {
        let responder = Responder::new(&endpoint, "jobs").await.unwrap();
        let requester = Requester::with_a_queue_each(&endpoint);
        let late = requester.request("jobs", "late", Duration::from_millis(300)).await;
        assert_eq!(late, Err(Error::TimedOut));
        let request = responder.next(PATIENCE).await.unwrap().unwrap();
        assert_eq!((request.body(), request.reply_to().is_some()), ("late", true));
        responder.reply(&request, "nobody hears this").await.unwrap();
        assert!(responder.next(Duration::ZERO).await.unwrap().is_none(), "the request is done with");
    });
}

#[test]
fn whoever_is_not_there_is_told() {
    run(async |endpoint| {
        let requester = Requester::new(&endpoint).await.unwrap();
        let error = requester.request("nowhere", "x", PATIENCE).await.unwrap_err();
        assert!(error.is("QueueDoesNotExist"), "{error}");
    });
    let nobody = Endpoint::parse("http://127.0.0.1:1").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let refused = runtime.block_on(Requester::new(&nobody));
    assert!(matches!(refused.err(), Some(Error::Connection(_))));
}
