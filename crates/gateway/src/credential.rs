//! Whom a request claims to come from: the credential scope of SigV4.
//!
//! `AKID/20261122/eu-central-1/sqs/aws4_request`, in the Authorization header or in the query field X-Amz-Credential.
//! **It identifies, it does not authenticate**: it is read leniently, to route by it and for servers that verify nothing, and
//! an account or key read here is a claim. Nothing of an odd or missing scope is an error; defaults stand in. Where
//! signatures are verified, [`crate::authenticate`] refuses a request whose signed scope is not this one.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use names::AccountId;
use wire::query::Form;

/// The parts of a scope that the gateway uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope<'a> {
    pub(crate) access_key: Cow<'a, str>,
    /// Absent from the multi-region scopes of SigV4a.
    pub(crate) region: Option<Cow<'a, str>>,
    pub(crate) service: Cow<'a, str>,
    /// The session token that came beside it.
    pub(crate) token: Option<Cow<'a, str>>,
}

/// The scope that the request carries, in its header or else in its query string.
pub(crate) fn scope<'a>(headers: &'a HeaderMap, query: &'a str) -> Option<Scope<'a>> {
    match headers.get(AUTHORIZATION) {
        Some(header) => {
            let token = headers.get("x-amz-security-token").and_then(|token| token.to_str().ok());
            Some(Scope { token: token.map(Cow::from), ..in_header(header.to_str().ok()?)? })
        }
        None if query.is_empty() => None,
        None => {
            let form = Form::parse(query.as_bytes(), b"").ok()?;
            let token = form.get("X-Amz-Security-Token").map(|token| token.to_owned().into());
            Some(Scope { token, ..in_query(form.get("X-Amz-Credential")?)? })
        }
    }
}

fn in_header(header: &str) -> Option<Scope<'_>> {
    let (algorithm, fields) = header.split_once(' ')?;
    if !algorithm.starts_with("AWS4-") {
        return None;
    }
    let credential = fields.split([',', ' ']).find_map(|field| field.strip_prefix("Credential="))?;
    let (access_key, region, service) = parts(credential)?;
    Some(Scope { access_key: access_key.into(), region: region.map(Cow::from), service: service.into(), token: None })
}

fn in_query(credential: &str) -> Option<Scope<'static>> {
    let (access_key, region, service) = parts(credential)?;
    Some(Scope {
        access_key: access_key.to_owned().into(),
        region: region.map(|region| region.to_owned().into()),
        service: service.to_owned().into(),
        token: None,
    })
}

/// Key, region and service. A SigV4a scope has no region; the date, eight digits, tells which part is missing.
fn parts(credential: &str) -> Option<(&str, Option<&str>, &str)> {
    let (rest, service) = credential.strip_suffix("/aws4_request")?.rsplit_once('/')?;
    let (before, last) = rest.rsplit_once('/')?;
    if is_date(last) {
        return Some((before, None, service));
    }
    let (access_key, _date) = before.rsplit_once('/')?;
    Some((access_key, Some(last), service))
}

fn is_date(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The account an access key acts in: a key of twelve digits names it, any other gets `default`.
pub(crate) fn account(access_key: &str, default: AccountId) -> AccountId {
    AccountId::parse(access_key).unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(header: &str) -> Option<(String, Option<String>, String)> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, header.parse().unwrap());
        scope(&headers, "").map(owned)
    }

    fn owned(scope: Scope<'_>) -> (String, Option<String>, String) {
        (scope.access_key.into(), scope.region.map(Into::into), scope.service.into())
    }

    fn parts(key: &str, region: Option<&str>, service: &str) -> Option<(String, Option<String>, String)> {
        Some((key.into(), region.map(Into::into), service.into()))
    }

    #[test]
    fn the_scope_is_read_from_the_authorization_header() {
        let signed = "SignedHeaders=host;x-amz-date, Signature=00";
        for (header, expected) in [
            (
                format!("AWS4-HMAC-SHA256 Credential=AKID/20261122/eu-central-1/sqs/aws4_request, {signed}"),
                parts("AKID", Some("eu-central-1"), "sqs"),
            ),
            (
                format!("AWS4-HMAC-SHA256 Credential=AKID/20261122/us-east-1/sqs/aws4_request,{signed}"),
                parts("AKID", Some("us-east-1"), "sqs"),
            ),
            (
                format!("AWS4-HMAC-SHA256 {signed}, Credential=123456789012/20261122//sqs/aws4_request"),
                parts("123456789012", Some(""), "sqs"),
            ),
            (
                format!("AWS4-HMAC-SHA256 Credential=a/b/c/20261122/r/sns/aws4_request, {signed}"),
                parts("a/b/c", Some("r"), "sns"),
            ),
            (
                format!("AWS4-ECDSA-P256-SHA256 Credential=AKID/20261122/sts/aws4_request, {signed}"),
                parts("AKID", None, "sts"),
            ),
            (format!("AWS4-HMAC-SHA256 Credential=AKID, {signed}"), None),
            ("AWS4-HMAC-SHA256".into(), None),
            ("AWS AKID:signature".into(), None),
            ("Bearer token".into(), None),
            (String::new(), None),
        ] {
            assert_eq!(seen(&header), expected, "{header}");
        }
    }

    #[test]
    fn the_scope_is_read_from_a_presigned_query() {
        let query = "Action=ListQueues&X-Amz-Credential=AKID%2F20261122%2Feu-west-1%2Fsqs%2Faws4_request";
        assert_eq!(scope(&HeaderMap::new(), query).map(owned), parts("AKID", Some("eu-west-1"), "sqs"));
        assert_eq!(scope(&HeaderMap::new(), "Action=ListQueues"), None);
    }

    #[test]
    fn a_key_of_twelve_digits_is_the_account() {
        let default = AccountId::DEFAULT;
        assert_eq!(account("123456789012", default).as_str(), "123456789012");
        assert_eq!(account("AKIAIOSFODNN7EXAMPLE", default), default);
        assert_eq!(account("", default), default);
    }
}
