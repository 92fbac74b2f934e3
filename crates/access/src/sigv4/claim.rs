//! What a request says of its signature, before anything is believed.
//!
//! ```text
//! Authorization: AWS4-HMAC-SHA256 Credential=KEY/20261122/eu-west-1/sqs/aws4_request, SignedHeaders=a;b, Signature=HEX
//! X-Amz-Date: 20261122T103000Z, or Date: Sun, 22 Nov 2026 10:30:00 GMT
//! ?X-Amz-Algorithm=…&X-Amz-Credential=…&X-Amz-Date=…&X-Amz-Expires=…&X-Amz-SignedHeaders=…&X-Amz-Signature=…
//! ```
//! Version 4A says `AWS4-ECDSA-P256-SHA256`, leaves the region out of the credential, and has a set of them beside it:
//! `X-Amz-Region-Set: eu-west-1,us-*`, as a signed header or in the query.

use super::Incoming;
use super::asymmetric;
use super::canonical::decode;
use super::fault::Fault;
use crate::limits::{CLOCK_SKEW_SECS, PRESIGNED_SECS_MAX};
use crate::policy::moment;
use names::Instant;
use std::borrow::Cow;

pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
pub(super) const ASYMMETRIC: &str = "AWS4-ECDSA-P256-SHA256";

/// What a signature is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// A key that both sides derive, for one region.
    Shared,
    /// A key pair of which the server has the public half, for a set of regions: version 4A.
    Asymmetric,
}

impl Algorithm {
    fn named(text: &str) -> Result<Self, Fault> {
        [Self::Shared, Self::Asymmetric].into_iter().find(|known| known.name() == text).ok_or(Fault::Algorithm)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Shared => ALGORITHM,
            Self::Asymmetric => ASYMMETRIC,
        }
    }
}

/// The longest signature: two numbers of 33 bytes in DER.
const SIGNATURE_BYTES_MAX: usize = 72;

/// A signature's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signature {
    bytes: [u8; SIGNATURE_BYTES_MAX],
    length: usize,
}

impl Signature {
    /// A MAC of 32 bytes, or two numbers in DER.
    fn read(hex: &str, algorithm: Algorithm) -> Option<Self> {
        let mut bytes = [0; SIGNATURE_BYTES_MAX];
        let length = hex.len() / 2;
        read_hex(hex, bytes.get_mut(..length)?)?;
        (algorithm == Algorithm::Asymmetric || length == 32).then_some(Self { bytes, length })
    }
}

impl AsRef<[u8]> for Signature {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// How the body is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// By its digest, which is in the request or is computed.
    Signed,
    /// Not at all.
    Unsigned,
    /// In chunks with a signature each.
    Chunked {
        /// Whether a signed trailer follows.
        trailer: bool,
    },
    /// In chunks without signatures, and an unsigned trailer.
    UnsignedChunks,
}

impl Payload {
    fn of(digest: Option<&str>) -> Result<Self, Fault> {
        Ok(match digest {
            None => Self::Signed,
            Some("UNSIGNED-PAYLOAD") => Self::Unsigned,
            Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD") => Self::Chunked { trailer: false },
            Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER") => Self::Chunked { trailer: true },
            Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER") => Self::UnsignedChunks,
            Some(hex) if digest_of(hex).is_some() => Self::Signed,
            Some(_) => return Err(Fault::Digest),
        })
    }

    /// Whether the body has to be decoded by [`super::Chunks`].
    pub fn is_streamed(self) -> bool {
        matches!(self, Self::Chunked { .. } | Self::UnsignedChunks)
    }

    /// Whether something of the body is not under a signature, which only TLS makes acceptable.
    pub fn is_unsigned(self) -> bool {
        matches!(self, Self::Unsigned | Self::UnsignedChunks)
    }
}

/// Everything a request says of its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim<'a> {
    pub(super) algorithm: Algorithm,
    credential: Cow<'a, str>,
    /// Where the credential's parts end.
    ends: [usize; 4],
    pub(super) signed_headers: Cow<'a, str>,
    pub(super) signature: Signature,
    /// Where a signature of version 4A is good.
    regions: Option<Cow<'a, str>>,
    pub(super) stamp: Cow<'a, str>,
    signed: Instant,
    /// Seconds that a presigned request is good for.
    pub(super) expires: Option<u64>,
    token: Option<Cow<'a, str>>,
    payload: Payload,
    /// What `x-amz-content-sha256` says.
    pub(super) digest: Option<Cow<'a, str>>,
}

impl<'a> Claim<'a> {
    /// Takes a request's signature apart.
    pub fn read(request: &Incoming<'a>) -> Result<Self, Fault> {
        let mut headers = request.values("authorization");
        let header = headers.next();
        let presigned = request.query.contains("X-Amz-Signature=") || request.query.contains("X-Amz-Credential=");
        match header {
            Some(_) if headers.next().is_some() || presigned => Err(Fault::Twice),
            Some(header) => Self::in_header(request, std::str::from_utf8(header).map_err(|_| Fault::Algorithm)?.trim()),
            None if presigned => Self::in_query(request),
            None => Err(Fault::Missing),
        }
    }

    fn in_header(request: &Incoming<'a>, header: &'a str) -> Result<Self, Fault> {
        let (algorithm, fields) = header.split_once(' ').ok_or(Fault::Algorithm)?;
        let algorithm = Algorithm::named(algorithm)?;
        let field = |name: &'static str| {
            let mut found = fields.split(',').filter_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
            match (found.next(), found.next()) {
                (Some(value), None) if !value.is_empty() => Ok(value),
                (Some(_), Some(_)) => Err(Fault::Twice),
                _ => Err(Fault::Part(name)),
            }
        };
        let stamp = match (request.header("x-amz-date"), request.header("date")) {
            (Some(stamp), _) => stamp.into(),
            (None, Some(date)) => stamp_of(date),
            (None, None) => return Err(Fault::Undated),
        };
        let token = request.header("x-amz-security-token").map(Cow::Borrowed);
        let regions = request.header("x-amz-region-set").map(Cow::Borrowed);
        Self::checked(Parts {
            algorithm,
            regions,
            credential: field("Credential")?.into(),
            signed_headers: field("SignedHeaders")?.into(),
            signature: field("Signature")?,
            stamp,
            expires: None,
            token,
            digest: request.header("x-amz-content-sha256").map(Cow::Borrowed),
        })
    }

    fn in_query(request: &Incoming<'a>) -> Result<Self, Fault> {
        let value = |name: &'static str| {
            let mut found = request.query.split('&').filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            match (found.next(), found.next()) {
                (Some(_), Some(_)) => Err(Fault::Twice),
                (found, _) => Ok(found.map(decode).filter(|value| !value.is_empty())),
            }
        };
        let needed = |name| value(name)?.ok_or(Fault::Part(name));
        let algorithm = Algorithm::named(&needed("X-Amz-Algorithm")?)?;
        let seconds = needed("X-Amz-Expires")?.parse().ok();
        let expires = seconds.filter(|seconds| (1..=PRESIGNED_SECS_MAX).contains(seconds)).ok_or(Fault::Expires)?;
        Self::checked(Parts {
            algorithm,
            regions: value("X-Amz-Region-Set")?,
            credential: needed("X-Amz-Credential")?,
            signed_headers: needed("X-Amz-SignedHeaders")?,
            signature: &needed("X-Amz-Signature")?,
            stamp: needed("X-Amz-Date")?,
            expires: Some(expires),
            token: value("X-Amz-Security-Token")?,
            digest: match value("X-Amz-Content-Sha256")? {
                None => request.header("x-amz-content-sha256").map(Cow::Borrowed),
                in_query => in_query,
            },
        })
    }

    fn checked(parts: Parts<'a, '_>) -> Result<Self, Fault> {
        let Parts { algorithm, regions, credential, signed_headers, signature, stamp, expires, token, digest } = parts;
        let has_region = algorithm == Algorithm::Shared;
        let ends = ends(&credential, has_region);
        let ends = ends.ok_or_else(|| Fault::Credential { credential: credential.to_string(), has_region })?;
        let signed = parse_stamp(&stamp).ok_or_else(|| Fault::Date(stamp.to_string()))?;
        let regions = match algorithm {
            Algorithm::Shared => None,
            Algorithm::Asymmetric => Some(regions.ok_or(Fault::Part("X-Amz-Region-Set"))?),
        };
        // A signature of the wrong form is only a wrong signature.
        let signature = Signature::read(signature, algorithm).ok_or(Fault::Mismatch)?;
        let payload = Payload::of(digest.as_deref())?;
        if algorithm == Algorithm::Asymmetric && payload.is_streamed() {
            return Err(Fault::Digest);
        }
        let mut claim = Self {
            algorithm,
            credential,
            ends,
            signed_headers,
            signature,
            regions,
            stamp,
            signed,
            expires,
            token,
            payload,
            digest,
        };
        if claim.service() == "s3" && claim.expires.is_some() && claim.digest.is_none() {
            // Who presigns for S3 does not know the body yet.
            (claim.payload, claim.digest) = (Payload::Unsigned, Some("UNSIGNED-PAYLOAD".into()));
        }
        let term = &claim.credential[claim.ends[3] + 1..];
        if term != "aws4_request" {
            return Err(Fault::Terminator(term.to_owned()));
        }
        if claim.date() != &claim.stamp[..8] {
            return Err(Fault::ScopeDate { scope: claim.date().to_owned(), request: claim.stamp.to_string() });
        }
        Ok(claim)
    }

    /// The key that is said to have signed.
    pub fn access_key(&self) -> &str {
        &self.credential[..self.ends[0]]
    }

    /// `20261122`.
    pub fn date(&self) -> &str {
        self.part(0)
    }

    /// The region of the scope; one of version 4A has none, and is good where it [covers](Claim::covers) the region.
    pub fn region(&self) -> Option<&str> {
        (self.algorithm == Algorithm::Shared).then(|| self.part(1))
    }

    /// Whether the signature is good in a region.
    pub fn covers(&self, region: &str) -> bool {
        match &self.regions {
            Some(regions) => asymmetric::covers(regions, region),
            None => self.part(1) == region,
        }
    }

    /// The only region that the signature is good in, if there is one.
    pub fn only_region(&self) -> Option<&str> {
        match &self.regions {
            Some(regions) => Some(regions.trim()).filter(|region| !region.contains([',', '*'])),
            None => self.region(),
        }
    }

    /// The service of the scope. It has to be the one that the request is for: [`Claim::is_for`].
    pub fn service(&self) -> &str {
        self.part(2)
    }

    /// The session token, which has to be the key's.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Whether the header is among those that are signed.
    pub fn signs(&self, header: &str) -> bool {
        self.signed_headers.split(';').any(|signed| signed.eq_ignore_ascii_case(header))
    }

    /// How the body is signed.
    pub fn payload(&self) -> Payload {
        self.payload
    }

    /// Refuses a signature made for another service, which could otherwise be replayed.
    pub fn is_for(&self, service: &str) -> Result<(), Fault> {
        if self.service() == service { Ok(()) } else { Err(Fault::ScopeService { wanted: service.to_owned() }) }
    }

    /// Date, region, service and terminator, as they are signed.
    pub(super) fn scope(&self) -> &str {
        &self.credential[self.ends[0] + 1..]
    }

    fn part(&self, place: usize) -> &str {
        &self.credential[self.ends[place] + 1..self.ends[place + 1]]
    }

    /// Whether the request was signed now, or presigned and not over.
    pub(super) fn check_time(&self, now: Instant) -> Result<(), Fault> {
        let latest = now.plus_secs(CLOCK_SKEW_SECS);
        if self.signed > latest {
            return Err(Fault::NotYet { signed: self.signed, latest });
        }
        let lasting = self.expires.unwrap_or(CLOCK_SKEW_SECS);
        let earliest = now.minus_millis(lasting * 1000);
        if self.signed < earliest { Err(Fault::Expired { signed: self.signed, earliest }) } else { Ok(()) }
    }
}

/// A claim that is not checked yet.
struct Parts<'a, 's> {
    algorithm: Algorithm,
    regions: Option<Cow<'a, str>>,
    credential: Cow<'a, str>,
    signed_headers: Cow<'a, str>,
    signature: &'s str,
    stamp: Cow<'a, str>,
    expires: Option<u64>,
    token: Option<Cow<'a, str>>,
    digest: Option<Cow<'a, str>>,
}

/// Where the parts of a credential end: the last four slashes, since old keys may have slashes of their own. Where no region is
/// in it, none ends where the date does.
fn ends(credential: &str, has_region: bool) -> Option<[usize; 4]> {
    let mut ends = [0; 4];
    let mut rest = credential;
    for place in (0..4).rev() {
        if place == 1 && !has_region {
            ends[1] = ends[2];
            continue;
        }
        ends[place] = rest.rfind('/')?;
        rest = &rest[..ends[place]];
    }
    (ends[0] > 0).then_some(ends)
}

/// `20261122T103000Z`.
fn parse_stamp(text: &str) -> Option<Instant> {
    let plain = text.len() == 16 && text.is_ascii() && &text[8..9] == "T" && text.ends_with('Z');
    if !plain {
        return None;
    }
    let part = |from: usize, to: usize| &text[from..to];
    let written =
        format!("{}-{}-{}T{}:{}:{}Z", part(0, 4), part(4, 6), part(6, 8), part(9, 11), part(11, 13), part(13, 15));
    u64::try_from(moment::parse(&written)?).ok().map(Instant::from_millis)
}

/// What is signed of a `Date` header, which HTTP writes as `Sun, 22 Nov 2026 10:30:00 GMT` (RFC 9110, section 5.6.7). One in
/// another form is taken as it is, and then has to be a stamp.
fn stamp_of(date: &str) -> Cow<'_, str> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let parts: Vec<&str> = date.split_ascii_whitespace().collect();
    let [_, day, month, year, time, "GMT"] = parts[..] else { return date.into() };
    match MONTHS.iter().zip(1..).find(|(name, _)| **name == month) {
        Some((_, month)) => format!("{year}{month:02}{day}T{}Z", time.replace(':', "")).into(),
        None => date.into(),
    }
}

/// Writes `20261122T103000Z`.
pub fn stamp(moment: Instant) -> String {
    moment::write(moment.as_millis()).replace(['-', ':'], "")
}

/// 64 lower-case hexadecimal digits as bytes.
pub(super) fn digest_of(hex: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    read_hex(hex, &mut digest)?;
    Some(digest)
}

/// Fills bytes with lower-case hexadecimal digits, two for each.
fn read_hex(hex: &str, bytes: &mut [u8]) -> Option<()> {
    if hex.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(())
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}
