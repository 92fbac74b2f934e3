//! Sentences about filter policies of accounts.

use super::*;
use crate::api::{SetSubscriptionAttributesInput, UnsubscribeInput};
use crate::house::{House, queue};
use crate::ops::for_tests::{SetSubscriptionAttributes, Unsubscribe};

/// A policy that takes some 200 KB, and as much again compiled.
fn large() -> String {
    format!(r#"{{"a":["{}"]}}"#, "x".repeat(200_000))
}

#[test]
fn what_an_account_has_in_filter_policies_has_a_bound_in_bytes() {
    let house = House::new();
    let topics = ["one", "two"].map(|name| house.topic(name, &[]));
    let subscribe = |topic: &str, name: &str, policy: &str| {
        house.subscribe(topic, ("sqs", &queue(name)), &[("FilterPolicy", policy)])
    };
    let policy = large();
    let mut kept = Vec::new();
    let refusal = loop {
        match subscribe(&topics[kept.len() % 2], &format!("q{}", kept.len()), &policy) {
            Ok(arn) => kept.push(arn),
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(kept.len(), FILTER_POLICIES_BYTES_MAX / 400_000, "in all topics together");
    assert_eq!(refusal.error.query_code, "FilterPolicyLimitExceeded");
    // What is there already is there, and what it is replaced by takes its place.
    assert_eq!(subscribe(&topics[0], "q0", &policy).unwrap(), kept[0]);
    let set = |arn: &str, value: &str| {
        let (subscription_arn, attribute_name) = (arn.to_owned(), "FilterPolicy".to_owned());
        let attribute_value = Some(value.to_owned());
        house.ask::<SetSubscriptionAttributes>(SetSubscriptionAttributesInput {
            subscription_arn,
            attribute_name,
            attribute_value,
        })
    };
    assert!(set(&kept[0], &policy.replace('x', "y")).is_ok());
    let without = subscribe(&topics[0], "none", "").unwrap();
    assert_eq!(set(&without, &policy).unwrap_err().error.query_code, "FilterPolicyLimitExceeded");
    // Room comes back with the policy, with its subscription, with its topic.
    set(&kept[0], "").unwrap();
    assert!(set(&without, &policy).is_ok() && set(&kept[0], &policy).is_err());
    house.ask::<Unsubscribe>(UnsubscribeInput { subscription_arn: kept[1].clone() }).unwrap();
    assert!(set(&kept[0], &policy).is_ok() && subscribe(&topics[1], "more", &policy).is_err());
}

#[test]
fn where_awss_limits_hold_an_account_has_ten_thousand_in_a_region() {
    let (policies, region) = (Policies::default(), Region::parse("us-east-1").unwrap());
    let other = Region::parse("eu-west-1").unwrap();
    let wanted = |region, replaced| Wanted { owner: AccountId::DEFAULT, region, bytes: 1, replaced };
    (0..FILTER_POLICIES_OF_ACCOUNT_MAX).for_each(|_| policies.add(AccountId::DEFAULT, &region, 1));
    assert!(policies.promise(&wanted(&region, None), true).is_err());
    assert!(policies.promise(&wanted(&region, None), false).is_ok());
    assert!(policies.promise(&wanted(&region, Some(1)), true).is_ok(), "one in place of another");
    assert!(policies.promise(&wanted(&other, None), true).is_ok());
    policies.remove(AccountId::DEFAULT, &region, 1);
    let promised = policies.promise(&wanted(&region, None), true).ok();
    assert!(promised.is_some() && policies.promise(&wanted(&region, None), true).is_err(), "it is promised");
    drop(promised);
    assert!(policies.promise(&wanted(&region, None), true).is_ok());
}
