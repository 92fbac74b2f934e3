//! Every record of a page of an application, on one screen. Written with `engine::fields`.
//!
//! ```text
//! kind 1 v1     head put        head
//! kind 2 v1     endpoint put    slot 2 │ endpoint
//! kind 3 v1     endpoint gone   slot 2
//! kind 4 v1     closed          (nothing)
//! head          1 │ about       or  2 │ application 16 │ number 4
//! about         id 16 │ account 12 │ region text │ platform 1 │ name text │ created at 8 │ attributes │ credential │ principal
//! credential    length 4 │ bytes; principal the same
//! attributes    count 4 × ( name text │ value text )
//! endpoint      id 16 │ enabled 1 │ token text │ user data text
//! snapshot v1   head │ count 4 × ( slot 2 │ endpoint )
//! ```
//! Platforms are numbered in `platform.rs`. Like all records these are sealed before the log gets them (ADR 0028).

use super::page::{About, Credentials, Endpoint, Head, Page};
use super::platform::{AppKey, EndpointId, Platform};
use crate::records::pairs;
use crate::topic_key::SubscriptionId;
use access::Secret;
use engine::fields::{Fields, put_bytes, put_count, put_instant, put_pairs, put_text};
use engine::{Described, MalformedRecord};
use std::sync::Arc;

/// The family of partitions that are pages of applications.
pub const FAMILY: u8 = 13;

const HEAD_PUT: u8 = 1;
const ENDPOINT_PUT: u8 = 2;
const ENDPOINT_GONE: u8 = 3;
const CLOSED: u8 = 4;
const VERSION: u8 = 1;
pub(super) const SNAPSHOT_VERSION: u8 = 1;

const APPLICATION: u8 = 1;
const FURTHER: u8 = 2;

/// A journaled change of a page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    HeadPut(Head),
    EndpointPut(u16, Endpoint),
    EndpointGone(u16),
    Closed,
}

impl engine::Effect for Effect {
    fn kind(&self) -> u8 {
        match self {
            Self::HeadPut(_) => HEAD_PUT,
            Self::EndpointPut(..) => ENDPOINT_PUT,
            Self::EndpointGone(_) => ENDPOINT_GONE,
            Self::Closed => CLOSED,
        }
    }

    fn version(&self) -> u8 {
        VERSION
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::HeadPut(head) => put_head(head, out),
            Self::EndpointPut(slot, endpoint) => put_endpoint(*slot, endpoint, out),
            Self::EndpointGone(slot) => out.extend(slot.to_be_bytes()),
            Self::Closed => {}
        }
    }

    fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind, version, why };
        if version != VERSION {
            return Err(malformed("a version that this program does not know"));
        }
        let mut fields = Fields::new(payload);
        let effect = match kind {
            HEAD_PUT => head(&mut fields).map(Self::HeadPut),
            ENDPOINT_PUT => endpoint(&mut fields).map(|(slot, endpoint)| Self::EndpointPut(slot, endpoint)),
            ENDPOINT_GONE => fields.array().map(u16::from_be_bytes).map(Self::EndpointGone),
            CLOSED => Some(Self::Closed),
            _ => return Err(malformed("a kind that this program does not know")),
        };
        effect.and_then(|effect| fields.end(effect)).ok_or_else(|| malformed("its fields do not fit its length"))
    }

    fn frees(&self) -> bool {
        matches!(self, Self::EndpointGone(_) | Self::Closed)
    }
}

/// Reads a record of an application, in words without credentials and tokens.
pub fn describe(kind: u8, version: u8, payload: &[u8]) -> Result<Described, MalformedRecord> {
    use engine::Effect as _;
    let said = |what, details| Described { what, time: None, details };
    Ok(match Effect::decode(kind, version, payload)? {
        Effect::HeadPut(Head::Application(about)) => Described {
            time: Some(about.created_at),
            ..said("application-put", vec![("application", about.key.arn())])
        },
        Effect::HeadPut(Head::Further { application, number }) => {
            let details = vec![("application", application.show()), ("number", number.to_string())];
            said("application-page-put", details)
        }
        Effect::EndpointPut(slot, endpoint) => {
            let details = vec![
                ("slot", slot.to_string()),
                ("endpoint", endpoint.id.show()),
                ("enabled", endpoint.is_enabled.to_string()),
            ];
            said("endpoint-put", details)
        }
        Effect::EndpointGone(slot) => said("endpoint-gone", vec![("slot", slot.to_string())]),
        Effect::Closed => said("application-page-closed", Vec::new()),
    })
}

/// The whole state of a page; of one that has not begun there is none.
pub(super) fn put_page(page: &Page, out: &mut Vec<u8>) {
    if let Some(head) = &page.head {
        put_head(head, out);
        put_count(page.endpoints.len(), out);
        page.endpoints.iter().for_each(|(slot, endpoint)| put_endpoint(*slot, endpoint, out));
    }
}

/// Reads what [`put_page`] wrote.
pub(super) fn page(state: &[u8]) -> Option<Page> {
    let mut fields = Fields::new(state);
    let head = Some(head(&mut fields)?);
    let page = Page { head, endpoints: fields.list(endpoint)?, is_closed: false };
    fields.end(page)
}

fn put_head(head: &Head, out: &mut Vec<u8>) {
    match head {
        Head::Application(about) => {
            out.push(APPLICATION);
            put_about(about, out);
        }
        Head::Further { application, number } => {
            out.push(FURTHER);
            out.extend(application.0.to_be_bytes());
            out.extend(number.to_be_bytes());
        }
    }
}

fn head(fields: &mut Fields<'_>) -> Option<Head> {
    match fields.byte()? {
        APPLICATION => about(fields).map(Arc::new).map(Head::Application),
        FURTHER => Some(Head::Further { application: SubscriptionId(fields.u128()?), number: fields.u32()? }),
        _ => None,
    }
}

fn put_about(about: &About, out: &mut Vec<u8>) {
    out.extend(about.id.0.to_be_bytes());
    out.extend(about.key.account.as_str().as_bytes());
    put_text(about.key.region.as_str(), out);
    out.push(about.key.platform as u8);
    put_text(&about.key.name, out);
    put_instant(about.created_at, out);
    put_pairs(pairs(&about.attributes), out);
    put_bytes(about.credentials.credential.expose(), out);
    put_bytes(about.credentials.principal.expose(), out);
}

fn about(fields: &mut Fields<'_>) -> Option<About> {
    Some(About {
        id: SubscriptionId(fields.u128()?),
        key: AppKey {
            account: fields.account()?,
            region: fields.region()?,
            platform: Platform::numbered(fields.byte()?)?,
            name: fields.text()?,
        },
        created_at: fields.instant()?,
        attributes: fields.pairs()?,
        credentials: Credentials {
            credential: Secret::from(fields.bytes()?),
            principal: Secret::from(fields.bytes()?),
        },
    })
}

fn put_endpoint(slot: u16, endpoint: &Endpoint, out: &mut Vec<u8>) {
    out.extend(slot.to_be_bytes());
    out.extend(endpoint.id.0.to_be_bytes());
    out.push(u8::from(endpoint.is_enabled));
    put_text(&endpoint.token, out);
    put_text(&endpoint.user_data, out);
}

fn endpoint(fields: &mut Fields<'_>) -> Option<(u16, Endpoint)> {
    let slot = u16::from_be_bytes(fields.array()?);
    let (id, is_enabled) = (EndpointId(fields.u128()?), fields.flag()?);
    Some((slot, Endpoint { id, is_enabled, token: fields.text()?, user_data: fields.text()? }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::Pairs;
    use engine::{Effect as _, Machine};
    use names::{AccountId, Instant, Region};

    fn about() -> Head {
        let region = Region::parse("eu-west-1").unwrap();
        let key = AppKey { account: AccountId::DEFAULT, region, platform: Platform::Gcm, name: "a".into() };
        let attributes: Pairs = [("Enabled".into(), "true".into())].into();
        let credentials = Credentials { credential: Secret::from("s3cret"), principal: Secret::from("p") };
        let id = SubscriptionId(7);
        Head::Application(Arc::new(About { id, key, created_at: Instant::from_millis(1), attributes, credentials }))
    }

    fn endpoint() -> Endpoint {
        Endpoint { id: EndpointId(9), token: "t".into(), user_data: "u".into(), is_enabled: true }
    }

    #[test]
    fn records_are_what_they_were() {
        let further = Head::Further { application: SubscriptionId(7), number: 3 };
        let rows = [
            (
                Effect::HeadPut(about()),
                "0100000000000000000000000000000007303030303030303030303030\
                 0000000965752d776573742d31080000000161000000000000000100000001\
                 00000007456e61626c65640000000474727565000000067333637265740000000170",
            ),
            (Effect::HeadPut(further), "020000000000000000000000000000000700000003"),
            (Effect::EndpointPut(2, endpoint()), "000200000000000000000000000000000009010000000174000000 0175"),
            (Effect::EndpointGone(2), "0002"),
            (Effect::Closed, ""),
        ];
        for (effect, bytes) in rows {
            let mut out = Vec::new();
            effect.encode(&mut out);
            let hex: String = out.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, bytes.replace([' ', '\n'], ""), "{effect:?}");
            assert_eq!(Effect::decode(effect.kind(), VERSION, &out), Ok(effect.clone()));
            assert!((0..out.len()).all(|length| Effect::decode(effect.kind(), VERSION, &out[..length]).is_err()));
            out.push(0);
            assert!(Effect::decode(effect.kind(), VERSION, &out).is_err());
            assert!(Effect::decode(effect.kind(), 2, &out).is_err());
        }
    }

    #[test]
    fn a_snapshot_is_read_as_it_was_written() {
        let page = Page { head: Some(about()), endpoints: [(3, endpoint())].into(), is_closed: false };
        let mut state = Vec::new();
        page.snapshot(&mut state);
        assert_eq!(Page::restore(SNAPSHOT_VERSION, &state), Ok(page));
        assert!((0..state.len()).all(|length| Page::restore(SNAPSHOT_VERSION, &state[..length]).is_err()));
        assert!(Page::restore(2, &state).is_err());
    }

    #[test]
    fn words_about_records_tell_no_credentials_and_no_tokens() {
        for effect in
            [Effect::HeadPut(about()), Effect::EndpointPut(0, Endpoint { token: "d3vice".into(), ..endpoint() })]
        {
            let mut out = Vec::new();
            effect.encode(&mut out);
            let said = describe(effect.kind(), VERSION, &out).unwrap();
            let all = format!("{} {:?} {effect:?}", said.what, said.details);
            assert!(!all.contains("s3cret") && !all.contains("d3vice"), "{all}");
        }
    }
}
