//! Who did it: CloudTrail's `userIdentity` element.

use access::{Caller, Kind};
use gateway::Event;
use names::Instant;
use serde_json::{Map, Value, json};

/// The element. Somebody whom we did not believe is `Unknown`, with the key that was named.
pub(super) fn element(event: &Event) -> Value {
    let mut element = Map::new();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            element.insert(name.to_owned(), value.into());
        }
    };
    let key = event.access_key.as_deref().map(str::to_owned);
    let Some(caller) = event.asker.as_ref().map(|asker| &asker.caller) else {
        put("type", Some("Unknown".into()));
        put("accessKeyId", key);
        return element.into();
    };
    let account = caller.account().map(|account| account.to_string());
    let last = caller.name().rsplit('/').next().unwrap_or_default().to_owned();
    match caller.kind() {
        Kind::Service => {
            put("type", Some("AWSService".into()));
            put("invokedBy", Some(caller.name().to_owned()));
            return element.into();
        }
        Kind::Anonymous => {
            put("type", Some("AWSAccount".into()));
            put("principalId", Some("anonymous".into()));
            put("accountId", Some("anonymous".into()));
            return element.into();
        }
        _ => {}
    }
    put("type", Some(kind(caller.kind()).into()));
    put("principalId", principal(caller, &last));
    put("arn", Some(caller.name().to_owned()));
    put("accountId", account.clone());
    put("accessKeyId", key);
    put("userName", matches!(caller.kind(), Kind::User).then_some(last));
    if caller.kind() == Kind::Session {
        element.insert("sessionContext".into(), session(event, caller, account.as_deref()));
    }
    element.into()
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Root => "Root",
        Kind::User => "IAMUser",
        Kind::Role => "Role",
        Kind::Session => "AssumedRole",
        Kind::FederatedUser => "FederatedUser",
        Kind::TokenBearer => "WebIdentityUser",
        Kind::Service => "AWSService",
        Kind::Anonymous => "AWSAccount",
    }
}

fn principal(caller: &Caller, last: &str) -> Option<String> {
    match (caller.kind(), caller.unique_id()) {
        (Kind::Root, _) => caller.account().map(|account| account.to_string()),
        (Kind::Session, Some(id)) => Some(format!("{id}:{last}")),
        (Kind::FederatedUser, _) => caller.account().map(|account| format!("{account}:{last}")),
        (_, id) => id.map(str::to_owned),
    }
}

/// What a session is of, and since when.
fn session(event: &Event, caller: &Caller, account: Option<&str>) -> Value {
    let role = caller.role().unwrap_or_default();
    let since = event.asker.as_ref().and_then(|asker| asker.session_since).map(moment_of);
    let by_two_factors = event.asker.as_ref().is_some_and(|asker| asker.by_two_factors);
    json!({
        "sessionIssuer": {
            "type": "Role",
            "principalId": caller.unique_id(),
            "arn": role,
            "accountId": account,
            "userName": role.rsplit('/').next(),
        },
        "attributes": { "creationDate": since, "mfaAuthenticated": by_two_factors.to_string() },
    })
}

/// A moment in the form of all of CloudTrail: whole seconds of UTC.
pub(super) fn moment_of(moment: Instant) -> String {
    let text = crate::tools::moment::show(moment);
    format!("{}Z", text.get(..19).unwrap_or(&text))
}
