//! What whoever keeps a record is told of a request: who asked for what, and no more of any text than has its place there.

use std::sync::{Arc, Mutex};

use gateway::{Audit, Description, Event, Interest, Outcome, Told};
use wire::schema::OperationShape;

use crate::raw::{ask, request};
use crate::toy::House;

/// Keeps all events.
#[derive(Default)]
pub(crate) struct Keeper(pub(crate) Mutex<Vec<Event>>);

impl Audit for Keeper {
    fn interest(&self, _: &'static Description, _: &'static OperationShape) -> Interest {
        Interest::All
    }

    fn note(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

/// The bound of each text that a client chooses beside its input.
const TEXT_BYTES_MAX: usize = 1024;

fn json(agent: &str, body: &str) -> Vec<u8> {
    let lines = [
        "x-amz-target: ToyService.Echo",
        &format!("user-agent: {agent}"),
        &format!(
            "authorization: AWS4-HMAC-SHA256 Credential={}/20261122/eu-west-1/toy/aws4_request, Signature=0",
            "K".repeat(agent.len())
        ),
    ];
    request("POST /", &lines, body)
}

#[tokio::test]
async fn an_event_keeps_who_asked_for_what_and_cuts_what_a_client_says_of_itself() {
    let keeper = Arc::new(Keeper::default());
    let house = House::audited(Some(Arc::<Keeper>::clone(&keeper)), |_| {});
    let (short, long) = ("sdk/1", "x".repeat(20_000));
    for (agent, body) in [(short, r#"{"Text":"tea"}"#), (&long, r#"{"Text":"tea"}"#), (short, r#"{"Count":1}"#)] {
        ask(&house, json(agent, body)).await;
    }
    let events = keeper.0.lock().unwrap();
    let [first, cut, refused] = &events[..] else { panic!("{events:?}") };
    let asker = first.asker.as_ref().unwrap();
    assert_eq!((asker.account.as_str(), asker.region.as_str()), ("000000000000", "eu-west-1"));
    assert!(asker.session_since.is_none() && !asker.by_two_factors);
    assert_eq!((first.user_agent.as_deref(), first.access_key.as_deref()), (Some(short), Some("KKKKK")));
    assert_eq!(first.host.as_deref(), Some("localhost:4566"));
    assert_eq!(first.input, Some(Told::Struct(vec![("Text", Told::Text("tea".into()))])));
    assert!(matches!(&first.outcome, Outcome::Done(Some(_))));
    for text in [&cut.user_agent, &cut.access_key] {
        assert_eq!(text.as_deref().map(str::len), Some(TEXT_BYTES_MAX));
    }
    assert!(matches!(&refused.outcome, Outcome::Refused(_)));
}

#[tokio::test]
async fn an_event_counts_the_memory_that_it_takes() {
    let keeper = Arc::new(Keeper::default());
    let house = House::audited(Some(Arc::<Keeper>::clone(&keeper)), |_| {});
    for text in [10, 10_000] {
        ask(&house, json("a", &format!(r#"{{"Text":"{}"}}"#, "x".repeat(text)))).await;
    }
    let events = keeper.0.lock().unwrap();
    let [small, large] = &events[..] else { panic!("{events:?}") };
    // The text stands in the input and in the output.
    assert_eq!(large.bytes() - small.bytes(), 2 * 9_990);
}
