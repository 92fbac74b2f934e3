//! Pushes on simulated time: how often and when they are tried, what ends them, and whose endpoint is disabled.

use super::ops::{CreatePlatformApplication, CreatePlatformEndpoint, GetEndpointAttributes, SetEndpointAttributes};
use crate::api::{
    CreatePlatformApplicationInput, CreatePlatformEndpointInput, GetEndpointAttributesInput, MessageAttributeValue,
    PublishInput, SetEndpointAttributesInput,
};
use crate::ops::for_tests::Publish;
use crate::outbox::tests::{Bench, DAY, Manner};
use names::Instant;

/// A key on P-256, in PEM: made for these tests.
fn key() -> String {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let chance = aws_lc_rs::rand::SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &chance).unwrap();
    base64_simd::STANDARD.encode_to_string(made.as_ref())
}

/// An endpoint of an application for Apple's devices.
fn endpoint(bench: &Bench) -> String {
    let given = [
        ("PlatformCredential", key()),
        ("PlatformPrincipal", "ABC123DEFG".to_owned()),
        ("ApplePlatformTeamID", "TEAM123456".to_owned()),
        ("ApplePlatformBundleID", "org.example".to_owned()),
    ];
    let attributes = given.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let made = CreatePlatformApplicationInput { name: "a".into(), platform: "APNS".into(), attributes };
    let arn = bench.ask::<CreatePlatformApplication>(made).platform_application_arn.unwrap();
    let asked = CreatePlatformEndpointInput { platform_application_arn: arn, token: "ab".into(), ..Default::default() };
    bench.ask::<CreatePlatformEndpoint>(asked).endpoint_arn.unwrap()
}

fn publish(bench: &Bench, arn: &str, ttl: Option<&str>) {
    let value = |ttl: &str| MessageAttributeValue {
        data_type: "String".into(),
        string_value: Some(ttl.to_owned()),
        ..Default::default()
    };
    let attributes = ttl.map(|ttl| vec![("AWS.SNS.MOBILE.APNS.TTL".to_owned(), value(ttl))]);
    let input = PublishInput {
        target_arn: Some(arn.to_owned()),
        message: "hello".into(),
        message_attributes: attributes,
        ..PublishInput::default()
    };
    bench.ask::<Publish>(input);
    bench.pass(1);
}

fn enabled(bench: &Bench, arn: &str) -> String {
    let shown = bench.ask::<GetEndpointAttributes>(GetEndpointAttributesInput { endpoint_arn: arn.to_owned() });
    shown.attributes.unwrap().into_iter().find(|(name, _)| name == "Enabled").unwrap().1
}

#[test]
fn a_push_is_tried_fifty_times_within_six_hours_and_its_token_is_made_anew_every_fifty_minutes() {
    let manner: Manner = Box::new(|_| Ok(503));
    let bench = Bench::new(vec![("apple", manner)]);
    let arn = endpoint(&bench);
    publish(&bench, &arn, None);
    bench.pass(7 * 3600);
    let got = bench.got("apple");
    assert_eq!(got.len(), 50);
    let last = got.last().unwrap().at.since(got[0].at).as_secs();
    assert!((5 * 3600..7 * 3600).contains(&last), "{last} s");
    assert_eq!(enabled(&bench, &arn), "true");
    let mut tokens: Vec<(Instant, &str)> = Vec::new();
    for one in &got {
        let token = one.header("authorization").unwrap();
        match tokens.last() {
            Some((since, known)) if *known == token => assert!(one.at.since(*since).as_secs() < 3600),
            known => {
                assert!(known.is_none_or(|(since, _)| one.at.since(*since).as_secs() >= 20 * 60), "Apple's least");
                tokens.push((one.at, token));
            }
        }
    }
    assert!(tokens.len() > 3, "{} tokens", tokens.len());
    assert_eq!(got.iter().filter_map(|one| one.header("apns-id")).collect::<std::collections::HashSet<_>>().len(), 1);
}

#[test]
fn nothing_is_sent_after_its_time_to_live_and_what_is_left_of_it_is_told() {
    let manner: Manner = Box::new(|now| Ok(if now < DAY.plus_secs(30) { 503 } else { 200 }));
    let bench = Bench::new(vec![("apple", manner)]);
    let arn = endpoint(&bench);
    publish(&bench, &arn, Some("20"));
    publish(&bench, &arn, Some("0"));
    bench.pass(600);
    let got = bench.got("apple");
    let until = DAY.plus_secs(20).as_secs();
    let told: Vec<&str> = got.iter().filter_map(|one| one.header("apns-expiration")).collect();
    assert!(told.iter().all(|at| *at == "0" || *at == until.to_string()), "{told:?}");
    let late = got.iter().filter(|one| one.header("apns-expiration") != Some("0") && one.at >= DAY.plus_secs(20));
    assert_eq!(late.count(), 0, "of what is too late nothing is sent");
    assert_eq!(
        got.last().unwrap().header("apns-expiration"),
        Some("0"),
        "which Apple knows as once, whenever it comes"
    );
}

#[test]
fn a_device_that_is_gone_is_disabled_unless_its_token_is_another_by_then() {
    let manner: Manner = Box::new(|_| Ok(410));
    let bench = Bench::new(vec![("apple", manner)]);
    let arn = endpoint(&bench);
    publish(&bench, &arn, None);
    bench.pass(1);
    assert_eq!((enabled(&bench, &arn).as_str(), bench.got("apple").len()), ("false", 1));
    let again = ["Enabled", "Token"].map(str::to_owned).into_iter().zip(["true".to_owned(), "cd".to_owned()]).collect();
    bench.ask::<SetEndpointAttributes>(SetEndpointAttributesInput { endpoint_arn: arn.clone(), attributes: again });
    assert_eq!(enabled(&bench, &arn), "true");
    // The answer about the old token comes when there is a new one.
    let key = super::AppKey::parse_endpoint("EndpointArn", &arn).unwrap();
    let entry = bench.inner.push.applications.find(&key.0).unwrap();
    let disable = |known: &mut super::page::Endpoint| {
        known.is_enabled &= &*known.token != "ab";
        Ok(())
    };
    assert!(bench.inner.push.applications.change_endpoint(&entry, key.1, disable).unwrap().is_none());
}
