//! tidewire's own operations: what waits and what became of what was delivered, as operators are shown it.

use super::*;
use crate::native::for_tests::{
    Attempt, DescribeDeliveries, DescribeDeliveriesInput, ListAttempts, ListAttemptsInput, ListDeliveries,
    ListDeliveriesInput,
};

impl Bench {
    /// What is shown of the topic's subscriptions, by their hosts; and their ARNs.
    fn described(&self) -> Vec<(String, i64, i64, Option<Attempt>)> {
        let input = DescribeDeliveriesInput { topic_arn: self.topic.clone(), ..Default::default() };
        let answer = self.ask::<DescribeDeliveries>(input);
        let shown = answer.subscriptions.into_iter();
        shown.map(|one| (one.endpoint, one.waiting, one.set_aside, one.last_failure)).collect()
    }

    fn arn_of(&self, host: &str) -> String {
        let input = DescribeDeliveriesInput { topic_arn: self.topic.clone(), ..Default::default() };
        let answer = self.ask::<DescribeDeliveries>(input);
        let endpoint = format!("http://{host}/");
        let found = answer.subscriptions.into_iter().find(|one| one.endpoint == endpoint);
        found.and_then(|one| one.subscription_arn).expect("there is such a subscription, and it is confirmed")
    }

    fn attempts(&self, host: &str, ended_only: bool) -> Vec<Attempt> {
        let input = ListAttemptsInput { subscription_arn: self.arn_of(host), ended_only: Some(ended_only) };
        self.ask::<ListAttempts>(input).attempts
    }
}

#[test]
fn what_waits_is_shown_with_its_attempts_its_next_moment_and_why_it_failed() {
    let down_until = DAY.plus_secs(30);
    let down: Manner = Box::new(move |at| if at > DAY && at < down_until { Ok(503) } else { Ok(200) });
    let bench = Bench::new(vec![("down", down)]);
    bench.subscribe("down", &[]);
    bench.clock.advance_millis(1000);
    (0..20).for_each(|nth| bench.publish(&format!("m{nth}")));
    bench.tasks.run();
    let [(endpoint, waiting, set_aside, failure)] = &bench.described()[..] else { panic!("there is one") };
    assert_eq!((endpoint.as_str(), waiting + set_aside), ("http://down/", 20));
    let failure = failure.as_ref().expect("it was tried");
    assert_eq!((failure.outcome.as_str(), failure.status_code, failure.number), ("retried", Some(503), 1));
    assert_eq!(failure.response.as_deref(), Some("said"));

    // In pieces of seven, each letter once and in the order of their publishing.
    let arn = bench.arn_of("down");
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let input = ListDeliveriesInput { subscription_arn: arn.clone(), max_results: Some(7), next_token: token };
        let answer = bench.ask::<ListDeliveries>(input);
        assert!(answer.deliveries.len() <= 7);
        found.extend(answer.deliveries);
        token = answer.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(found.len(), 20);
    let tried = &found[0];
    assert_eq!((tried.attempts, tried.r#type.as_str()), (1, "Notification"));
    assert!(tried.next_attempt_timestamp.is_some_and(|at| at > tried.published_timestamp));
    assert_eq!(tried.last_attempt.as_ref().and_then(|last| last.status_code), Some(503));
    let (before, looked) = (bench.got("down").len(), bench.described());
    bench.tasks.run();
    assert_eq!((bench.got("down").len(), bench.described()), (before, looked), "looking is no attempt");

    bench.pass(60);
    assert_eq!(bench.described()[0].1 + bench.described()[0].2, 0, "all has arrived");
    let ended = bench.attempts("down", true);
    assert!(ended.len() >= 16 && ended.iter().all(|one| one.outcome == "delivered" && one.number > 0));
    assert!(bench.attempts("down", false).iter().any(|one| one.outcome == "retried") || ended.len() == 32);
    assert!(ended.is_sorted_by(|newer, older| newer.timestamp >= older.timestamp), "the newest comes first");
}

#[test]
fn what_was_given_up_says_whether_the_dead_letter_queue_has_it() {
    let refuses = || -> Manner { Box::new(|at| if at > DAY { Ok(404) } else { Ok(200) }) };
    let bench = Bench::new(vec![("kept", refuses()), ("lost", refuses())]);
    bench.subscribe("kept", &[("RedrivePolicy", DEAD)]);
    bench.subscribe("lost", &[]);
    bench.clock.advance_millis(1000);
    bench.publish("m");
    bench.tasks.run();
    for (host, outcome) in [("kept", "dead-lettered"), ("lost", "failed")] {
        let [attempt] = &bench.attempts(host, true)[..] else { panic!("{host} was tried once") };
        assert_eq!((attempt.outcome.as_str(), attempt.status_code), (outcome, Some(404)), "{host}");
    }
    let counted = bench.inner.status.counts().0;
    assert_eq!((counted[0].1.failed, counted[0].1.redriven), (2, 1), "both are failures, and one is kept");
}

#[test]
fn a_subscription_that_is_not_confirmed_keeps_its_arn_to_itself() {
    let bench = Bench::new(vec![("one", Box::new(|_| Ok(200)))]);
    bench.ask::<Subscribe>(SubscribeInput {
        topic_arn: bench.topic.clone(),
        protocol: "http".into(),
        endpoint: Some("http://one/".into()),
        ..SubscribeInput::default()
    });
    let input = DescribeDeliveriesInput { topic_arn: bench.topic.clone(), ..Default::default() };
    let answer = bench.ask::<DescribeDeliveries>(input);
    assert_eq!((answer.subscriptions[0].subscription_arn.as_deref(), answer.subscriptions[0].waiting), (None, 1));
}
