//! Delivery policies as AWS was recorded to give them back and refuse them, and the words that users quote of it.
//!
//! Source: yavosh/pail's recording `sns-delivery-policy`; LocalStack's `test_sns.snapshot.json`; re:Post, "AWS SNS Delivery retry
//! policy Total policy retry time cannot be greater than 3600 seconds"; awsdocs/amazon-sns-developer-guide, pull request 5.

use delivery::{EffectivePolicy, Retries, SubscriptionPolicy, TopicPolicy};

const TOPIC: &str = r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":5,"maxDelayTarget":30,"numRetries":10,"numMaxDelayRetries":3,"numNoDelayRetries":1,"numMinDelayRetries":2,"backoffFunction":"exponential"},"disableSubscriptionOverrides":false,"defaultThrottlePolicy":{"maxReceivesPerSecond":5},"defaultRequestPolicy":{"headerContentType":"application/json"}}}"#;

const SUBSCRIPTION: &str = r#"{"healthyRetryPolicy":{"minDelayTarget":2,"maxDelayTarget":4,"numRetries":2,"numMaxDelayRetries":0,"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"},"sicklyRetryPolicy":null,"throttlePolicy":{"maxReceivesPerSecond":1},"requestPolicy":{"headerContentType":"text/plain"},"guaranteed":false}"#;

fn topic(text: &str) -> TopicPolicy {
    TopicPolicy::parse(text).expect(text).expect("a policy")
}

fn subscription(text: &str) -> SubscriptionPolicy {
    SubscriptionPolicy::parse(text, false).expect(text).expect("a policy")
}

/// What a topic is answered whose retries have these members beside sound ones.
fn refused(members: &str) -> String {
    let mut sound = r#""minDelayTarget":20,"maxDelayTarget":20,"numRetries":3"#.to_string();
    for member in members.split(',') {
        let name = member.split(':').next().expect("a member has a name");
        let kept: Vec<&str> = sound.split(',').filter(|member| !member.starts_with(name)).collect();
        sound = kept.join(",");
    }
    let text = format!(
        r#"{{"http":{{"defaultHealthyRetryPolicy":{{{sound}{comma}{members}}}}}}}"#,
        comma = if sound.is_empty() { "" } else { "," }
    );
    TopicPolicy::parse(&text).expect_err(&text).to_string()
}

#[test]
fn a_topics_policy_is_given_back_in_awss_order() {
    let shuffled = r#"{"http": {"defaultRequestPolicy": {"headerContentType": "application/json"},
        "defaultThrottlePolicy": {"maxReceivesPerSecond": 5}, "defaultHealthyRetryPolicy": {"backoffFunction": "exponential",
        "numRetries": 10, "numNoDelayRetries": 1, "numMinDelayRetries": 2, "numMaxDelayRetries": 3, "minDelayTarget": 5,
        "maxDelayTarget": 30}}}"#;
    assert_eq!(topic(shuffled).render(), TOPIC);
    assert_eq!(TopicPolicy::effective(Some(&topic(TOPIC))).render(), TOPIC);
}

#[test]
fn a_topic_without_a_policy_has_the_default() {
    let default = r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":3,"numMaxDelayRetries":0,"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"},"disableSubscriptionOverrides":false,"defaultRequestPolicy":{"headerContentType":"text/plain; charset=UTF-8"}}}"#;
    assert_eq!(TopicPolicy::effective(None).render(), default);
    assert_eq!(TopicPolicy::parse(""), Ok(None));
}

#[test]
fn a_subscription_without_a_policy_has_its_topics() {
    let effective = r#"{"healthyRetryPolicy":{"minDelayTarget":5,"maxDelayTarget":30,"numRetries":10,"numMaxDelayRetries":3,"numNoDelayRetries":1,"numMinDelayRetries":2,"backoffFunction":"exponential"},"sicklyRetryPolicy":null,"throttlePolicy":{"maxReceivesPerSecond":5},"requestPolicy":{"headerContentType":"application/json"},"guaranteed":false}"#;
    assert_eq!(EffectivePolicy::of(Some(&topic(TOPIC)), None).render(), effective);
}

#[test]
fn a_subscriptions_own_policy_goes_before_its_topics() {
    let own = subscription(SUBSCRIPTION);
    assert_eq!(own.render(), SUBSCRIPTION);
    assert_eq!(EffectivePolicy::of(Some(&topic(TOPIC)), Some(&own)).render(), SUBSCRIPTION);
    let part = subscription(r#"{"throttlePolicy":{"maxReceivesPerSecond":7}}"#);
    let effective = EffectivePolicy::of(Some(&topic(TOPIC)), Some(&part));
    assert_eq!((effective.max_receives_per_second, effective.retries.count()), (Some(7), 10));
}

#[test]
fn a_topic_may_forbid_its_subscriptions_a_policy() {
    let forbidding = topic(r#"{"http":{"disableSubscriptionOverrides":true}}"#);
    let effective = EffectivePolicy::of(Some(&forbidding), Some(&subscription(SUBSCRIPTION)));
    assert_eq!((effective.retries, effective.max_receives_per_second), (Retries::HTTP, None));
}

#[test]
fn bounds_are_told_as_aws_tells_them() {
    let policy = "http.defaultHealthyRetryPolicy";
    for (members, words) in [
        (r#""numRetries":101"#, format!("{policy}.numRetries must be less than or equal to 100")),
        (r#""minDelayTarget":0"#, format!("{policy}.minDelayTarget must be greater than or equal to 1")),
        (r#""maxDelayTarget":3601"#, format!("{policy}.maxDelayTarget must be less than or equal to 3600")),
        (r#""numNoDelayRetries":-1"#, format!("{policy}.numNoDelayRetries must be greater than or equal to 0")),
        (
            r#""minDelayTarget":3599,"maxDelayTarget":3600"#,
            format!("{policy}: Total policy retry time cannot be greater than 3600 seconds"),
        ),
        (r#""minDelayTarget":21"#, format!("{policy}.maxDelayTarget must be greater than or equal to minDelayTarget")),
        (
            r#""numNoDelayRetries":2,"numMaxDelayRetries":2"#,
            format!(
                "{policy}.numRetries must be greater than or equal to total of numMinDelayRetries, numNoDelayRetries and numMaxDelayRetries"
            ),
        ),
        (r#""numRetries":null"#, format!("{policy}.numRetries must be specified")),
        (r#""numRetries":1.5"#, format!("{policy}.numRetries must be an integer")),
        (
            r#""backoffFunction":"cubic""#,
            format!("{policy}.backoffFunction must be linear, arithmetic, geometric or exponential"),
        ),
        (r#""retries":5"#, "Unexpected JSON member: retries".to_string()),
    ] {
        assert_eq!(refused(members), words, "{members}");
    }
}

#[test]
fn members_of_the_other_kind_of_policy_are_unexpected() {
    let said = |text: &str| TopicPolicy::parse(text).unwrap_err().to_string();
    assert_eq!(said(r#"{"throttlePolicy":{"maxReceivesPerSecond":1}}"#), "Unexpected JSON member: throttlePolicy");
    let said = |text: &str| SubscriptionPolicy::parse(text, false).unwrap_err().to_string();
    assert_eq!(said(TOPIC), "Unexpected JSON member: http");
    assert_eq!(said("{nojson}"), "failed to parse JSON.");
    assert_eq!(said("[]"), "failed to parse JSON.");
    assert_eq!(
        said(r#"{"throttlePolicy":{"maxReceivesPerSecond":0}}"#),
        "throttlePolicy.maxReceivesPerSecond must be greater than or equal to 1"
    );
    assert_eq!(said(&" ".repeat(30 * 1024 + 1)), "Delivery policy is too long");
}

#[test]
fn content_types_beyond_two_are_for_raw_messages() {
    let policy = |kind: &str| format!(r#"{{"requestPolicy":{{"headerContentType":"{kind}"}}}}"#);
    for (kind, envelope, raw) in [
        ("application/json", true, true),
        ("text/plain; charset=UTF-8", true, true),
        ("text/csv", false, true),
        ("application/xml", false, true),
        ("text/bogus", false, false),
        ("text/plain; charset=latin1", false, false),
    ] {
        assert_eq!(SubscriptionPolicy::parse(&policy(kind), false).is_ok(), envelope, "{kind}");
        assert_eq!(SubscriptionPolicy::parse(&policy(kind), true).is_ok(), raw, "{kind}");
    }
}
