//! Attributes of applications and endpoints: which there are, and what they may be.
//!
//! Source: API reference of SetPlatformApplicationAttributes and SetEndpointAttributes; AWS's refusals as clients quote them.

use super::limits::{APPLE_TOKEN_LEN_MAX, CREDENTIAL_BYTES_MAX, TOKEN_BYTES_MAX, USER_DATA_BYTES_MAX};
use super::page::{About, Endpoint};
use super::platform::{AppKey, Platform};
use super::refusals;
use crate::refusal::Refusal;
use crate::topic::Pairs;
use crate::topic_key::TopicKey;
use access::Secret;
use names::Arn;

pub(crate) const ENABLED: &str = "Enabled";
pub(crate) const TEAM_ID: &str = "ApplePlatformTeamID";
pub(crate) const BUNDLE_ID: &str = "ApplePlatformBundleID";
pub(crate) const CREDENTIAL: &str = "PlatformCredential";
pub(crate) const PRINCIPAL: &str = "PlatformPrincipal";
const TOKEN: &str = "Token";
const USER_DATA: &str = "CustomUserData";
const SUCCESS_ROLE: &str = "SuccessFeedbackRoleArn";
const FAILURE_ROLE: &str = "FailureFeedbackRoleArn";
const SAMPLE_RATE: &str = "SuccessFeedbackSampleRate";
/// Attributes that name a topic for an application's events.
const EVENTS: &[&str] =
    &["EventEndpointCreated", "EventEndpointDeleted", "EventEndpointUpdated", "EventDeliveryFailure"];

/// Sets attributes of an application. An empty value takes one away that may be away.
pub(crate) fn set(about: &mut About, given: &[(String, String)]) -> Result<(), Refusal> {
    if given.is_empty() {
        return Err(refusals::no_attributes());
    }
    for (name, value) in given {
        check(&about.key, name, value)?;
        match name.as_str() {
            CREDENTIAL => about.credentials.credential = Secret::from(value.as_str()),
            PRINCIPAL => about.credentials.principal = Secret::from(value.as_str()),
            name if value.is_empty() => _ = about.attributes.remove(name),
            name => _ = about.attributes.insert(name.into(), value.as_str().into()),
        }
    }
    Ok(())
}

fn check(key: &AppKey, name: &str, value: &str) -> Result<(), Refusal> {
    let wrong = |why: &str| Err(refusals::value(name, why));
    match name {
        CREDENTIAL if value.is_empty() => wrong("cannot be empty"),
        CREDENTIAL | PRINCIPAL if value.len() > CREDENTIAL_BYTES_MAX => wrong("is too long"),
        CREDENTIAL | PRINCIPAL => Ok(()),
        ENABLED if matches!(value, "true" | "false") => Ok(()),
        ENABLED => wrong("must be true or false"),
        SUCCESS_ROLE | FAILURE_ROLE | SAMPLE_RATE if value.is_empty() => Ok(()),
        SUCCESS_ROLE | FAILURE_ROLE => {
            match Arn::parse(value).is_ok_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/")) {
                true => Ok(()),
                false => wrong("must be the ARN of a role"),
            }
        }
        SAMPLE_RATE if value.parse::<u8>().is_ok_and(|rate| rate <= 100) => Ok(()),
        SAMPLE_RATE => wrong(&format!("{value} value provided is not an integer between 0-100")),
        TEAM_ID | BUNDLE_ID if !key.platform.is_apples() => Err(unknown(name)),
        TEAM_ID | BUNDLE_ID if value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte)) => {
            Ok(())
        }
        TEAM_ID | BUNDLE_ID => wrong("must be of letters, digits, hyphens and periods"),
        name if EVENTS.contains(&name) => match value.is_empty() || events_topic(key, value).is_some() {
            true => Ok(()),
            false => wrong("must be the ARN of a topic of the application's account and region"),
        },
        name => Err(unknown(name)),
    }
}

fn unknown(name: &str) -> Refusal {
    refusals::attributes(format!("Invalid attribute name: {name}"))
}

/// The topic that an application's events go to: one of the same owner, in whose name it is published to.
pub(crate) fn events_topic(key: &AppKey, arn: &str) -> Option<TopicKey> {
    let topic = TopicKey::parse("TopicArn", arn).ok()?;
    (topic.account == key.account && topic.region == key.region).then_some(topic)
}

/// Whether an application that is made was given what proves who sends.
pub(crate) fn check_given(platform: Platform, given: &[(String, String)]) -> Result<(), Refusal> {
    let has = |name: &str| given.iter().any(|(known, _)| known == name);
    match (has(CREDENTIAL), has(PRINCIPAL)) {
        (true, false) if platform != Platform::Gcm => {
            Err(refusals::attributes("PlatformCredential attribute provided without PlatformPrincipal"))
        }
        (false, true) => Err(refusals::attributes("PlatformPrincipal attribute provided without PlatformCredential")),
        (false, false) => Err(refusals::value(CREDENTIAL, "cannot be empty")),
        _ => Ok(()),
    }
}

/// What GetPlatformApplicationAttributes shows: never what proves who sends.
pub(crate) fn shown(about: &About) -> Vec<(String, String)> {
    let mut shown = vec![(ENABLED.to_owned(), is_enabled(about).to_string())];
    let others = about.attributes.iter().filter(|(name, _)| ***name != *ENABLED);
    shown.extend(others.map(|(name, value)| (name.to_string(), value.to_string())));
    shown
}

pub(crate) fn is_enabled(about: &About) -> bool {
    about.attributes.get(ENABLED).is_none_or(|value| &**value == "true")
}

/// The attributes of feedback as a topic has them.
pub(crate) fn feedback(about: &About) -> Pairs {
    let names = [SUCCESS_ROLE, FAILURE_ROLE, SAMPLE_RATE];
    let of = |name: &str| Some((format!("Application{name}").into(), about.attributes.get(name)?.clone()));
    names.into_iter().filter_map(of).collect()
}

/// Sets attributes of an endpoint.
pub(crate) fn set_endpoint(
    platform: Platform,
    endpoint: &mut Endpoint,
    given: &[(String, String)],
) -> Result<(), Refusal> {
    for (name, value) in given {
        match name.as_str() {
            TOKEN => {
                check_token(platform, value).map_err(|why| refusals::value(TOKEN, why))?;
                endpoint.token = value.as_str().into();
            }
            USER_DATA => {
                check_user_data(value).map_err(|why| refusals::value(USER_DATA, why))?;
                endpoint.user_data = value.as_str().into();
            }
            ENABLED => match value.to_ascii_lowercase().as_str() {
                "true" => endpoint.is_enabled = true,
                "false" => endpoint.is_enabled = false,
                _ => return Err(refusals::value(ENABLED, "must be true or false")),
            },
            name => return Err(unknown(name)),
        }
    }
    Ok(())
}

/// What is wrong with a device's token.
pub(crate) fn check_token(platform: Platform, token: &str) -> Result<(), &'static str> {
    let is_apples =
        |token: &str| token.len() <= APPLE_TOKEN_LEN_MAX && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    if token.is_empty() {
        Err("cannot be empty")
    } else if token.len() > TOKEN_BYTES_MAX {
        Err("must be at most 8192 bytes long in UTF-8 encoding")
    } else if platform.is_apples() && !is_apples(token) {
        Err("iOS device tokens must be no more than 400 hexadecimal characters")
    } else {
        Ok(())
    }
}

/// What is wrong with an owner's data beside an endpoint.
pub(crate) fn check_user_data(data: &str) -> Result<(), &'static str> {
    match data.len() > USER_DATA_BYTES_MAX {
        true => Err("must be at most 2048 bytes long in UTF-8 encoding"),
        false => Ok(()),
    }
}

/// What GetEndpointAttributes shows.
pub(crate) fn shown_endpoint(endpoint: &Endpoint) -> Vec<(String, String)> {
    let mut shown =
        vec![(ENABLED.to_owned(), endpoint.is_enabled.to_string()), (TOKEN.to_owned(), endpoint.token.to_string())];
    if !endpoint.user_data.is_empty() {
        shown.push((USER_DATA.to_owned(), endpoint.user_data.to_string()));
    }
    shown
}
