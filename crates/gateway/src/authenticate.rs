//! Who sent a request: the stage between receiving it and reading it.
//!
//! Where signatures are verified, what leaves this stage is an [`Identity`] whose secret has signed the method, the raw path
//! and query, the headers that have a meaning, and the body; or the identity of nobody known, for the operations that may
//! come unsigned. Every refusal is a [`Fault`] of `access::sigv4` in the words of the request's protocol. The bytes of head
//! and body are read where they lie.

use std::net::IpAddr;
use std::sync::Arc;

use access::Secret;
use access::sigv4::{Chunks, Claim, Fault, Incoming, Keys, SigningKey};
use bytes::Bytes;
use http::header::HOST;
use http::request::Parts;
use names::{Instant, Region};

use crate::credential::Scope;
use crate::errors;
use crate::identity::{Authority, Identity};
use crate::protocol::Protocol;
use crate::route::{self, Place, Target};
use crate::service::Refused;
use crate::throttle::WrongCurves;

/// What a signature was found to prove.
pub(crate) struct Proof {
    /// Who signed.
    pub(crate) identity: Arc<Identity>,
    /// The data of a body that came in signed chunks.
    pub(crate) body: Option<Bytes>,
    /// Where the request is for, of one whose scope does not say: a signature of version 4A.
    pub(crate) region: Option<Region>,
}

/// What requests are authenticated against.
pub(crate) struct Door<'a> {
    pub(crate) authority: &'a dyn Authority,
    pub(crate) keys: &'a Keys,
    pub(crate) now: Instant,
    /// The region of requests that name none.
    pub(crate) default_region: &'a Region,
    /// Whether the request came over TLS.
    pub(crate) secure: bool,
    /// Where it came from.
    pub(crate) source: Option<IpAddr>,
    /// Who was wrong there before, and a moment in monotonic nanoseconds.
    pub(crate) wrong_curves: &'a WrongCurves,
    pub(crate) now_nanos: u64,
}

impl Door<'_> {
    /// Finds out who signed a request; nobody if it has no signature. The scope is what the request was routed by.
    pub(crate) fn verify(&self, head: &Parts, body: &[u8], scope: Option<&Scope<'_>>) -> Result<Option<Proof>, Fault> {
        let headers = headers(head);
        let request = Incoming {
            method: head.method.as_str(),
            path: head.uri.path(),
            query: route::query(head),
            headers: &headers,
            body,
        };
        let claim = match Claim::read(&request) {
            Err(Fault::Missing) => return Ok(None),
            claim => claim?,
        };
        if !scope.is_some_and(|scope| is_of(scope, &claim)) {
            return Err(Fault::Twice);
        }
        if claim.payload().is_unsigned() && !self.secure {
            return Err(Fault::UnsignedPayload);
        }
        let identity = self.authority.identity(claim.access_key(), claim.token(), self.now)?;
        if route::is_form_instead(head) && !claim.signs("content-type") {
            return Err(Fault::Unsigned("content-type".into()));
        }
        let region = self.region(&claim)?;
        let key = self.check(&request, &claim, &identity.secret)?;
        let body = match claim.payload().is_streamed() {
            true => Some(Chunks::new(&claim, &key).decode(body)?.into()),
            false => None,
        };
        Ok(Some(Proof { identity, body, region }))
    }

    /// Checks the signature itself. One of version 4A is dear to check, and from where too many were wrong it is not.
    fn check(&self, request: &Incoming<'_>, claim: &Claim<'_>, secret: &Secret) -> Result<Arc<SigningKey>, Fault> {
        let is_dear = claim.region().is_none();
        if is_dear && !self.wrong_curves.may_try(self.source, claim.access_key(), self.now_nanos) {
            return Err(Fault::TooManyWrong);
        }
        let checked = self.keys.verify(request, claim, self.now, secret);
        if is_dear && matches!(checked, Err(Fault::Mismatch)) {
            self.wrong_curves.note(self.source, claim.access_key(), self.now_nanos);
        }
        checked
    }

    /// The region of a request whose scope has none: the only one that its signature is good in, else ours, if it is good there.
    fn region(&self, claim: &Claim<'_>) -> Result<Option<Region>, Fault> {
        if claim.region().is_some() {
            return Ok(None);
        }
        match claim.only_region().and_then(|region| Region::parse(region).ok()) {
            Some(only) => Ok(Some(only)),
            None if claim.covers(self.default_region.as_str()) => Ok(Some(self.default_region.clone())),
            None => Err(Fault::Region(self.default_region.to_string())),
        }
    }
}

/// Whether the scope that the request was routed by, which is read leniently, is the one that was signed.
fn is_of(scope: &Scope<'_>, claim: &Claim<'_>) -> bool {
    scope.access_key == claim.access_key()
        && scope.region.as_deref() == claim.region()
        && scope.service == claim.service()
}

/// Who a request comes from: who signed it for this service, or nobody known if the operation may come unsigned.
pub(crate) fn admit(
    proof: Option<Proof>,
    scope: Option<&Scope<'_>>,
    target: Target<'_>,
    nobody: &Arc<Identity>,
) -> Result<Arc<Identity>, Fault> {
    let service = target.bound.description;
    match (proof, scope) {
        (Some(proof), Some(scope)) => {
            let is_ours = |name: &str| name == service.shape.signing_name || service.host_labels.contains(&name);
            let wanted = || Fault::ScopeService { wanted: service.shape.signing_name.to_owned() };
            if is_ours(&scope.service) { Ok(proof.identity) } else { Err(wanted()) }
        }
        _ if service.unsigned.contains(&target.shape().name) => Ok(Arc::clone(nobody)),
        _ => Err(Fault::Missing),
    }
}

/// All headers, the host among them also where HTTP/2 has it elsewhere.
fn headers(head: &Parts) -> Vec<(&str, &[u8])> {
    let mut headers = Vec::with_capacity(head.headers.len() + 1);
    headers.extend(head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    if let Some(authority) = head.uri.authority().filter(|_| !head.headers.contains_key(HOST)) {
        headers.push(("host", authority.as_str().as_bytes()));
    }
    headers
}

/// A fault of the signature as the request's protocol says it. Services that speak the query protocol too keep its statuses.
pub(crate) fn refused(fault: &Fault, place: &Place<'_>) -> Refused {
    let was_query = place.bound.is_none_or(|bound| bound.description.shape.query_compatible);
    let (error, message) = match place.protocol == Protocol::Query || was_query {
        true => (fault.in_query().code, fault.in_query().message),
        false => (fault.in_json().code, fault.in_json().message),
    };
    Refused::new(errors::of_signature(error), message)
}
