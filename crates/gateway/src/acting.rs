//! Operations that AWS services ask for in a customer's name: S3 that tells a queue of an event, and the like.
//!
//! Such a principal signs nothing and comes through no connection; the server says who it is, and that is believed. All the
//! rest is what happens to a request: decoded, allowed by policies where policies are in force, carried out. The same words
//! refuse it.

use std::sync::Arc;

use http::uri::PathAndQuery;
use names::Region;

use crate::codec::Input;
use crate::errors;
use crate::gateway::{Gateway, allow, call, decode};
use crate::identity::{Auth, Identity};
use crate::request_id::RequestId;
use crate::route::Target;
use crate::service::{Base, Caller, Refused};

impl Gateway {
    /// Has `service` carry `operation` out for `identity`. `input` is JSON, as the awsJson protocol has it. Returns once the
    /// operation has been answered with success, which for what changes something is once that is durable.
    ///
    /// A service or operation that there is not is refused as in a request.
    pub async fn act(
        &self,
        identity: Arc<Identity>,
        region: &Region,
        (service, operation): (&str, &str),
        input: &[u8],
    ) -> Result<(), Refused> {
        let bound = self.directory().by_signing_name(service);
        let target = bound.and_then(|bound| Some(Target { bound, operation: bound.operation(operation)? }));
        let unknown = || Refused::new(&errors::UNKNOWN_OPERATION, format!("{service} has no operation {operation}."));
        let target = target.ok_or_else(unknown)?;
        let caller = self.acting(identity, region);
        let prepared = decode(target, &Input::Json(input), None)?;
        allow(target, &*prepared, &caller, None)?;
        call(target, prepared, caller).await.map(drop)
    }

    /// The caller that a principal is who signs nothing: for a service that acts without being asked.
    pub fn acting(&self, identity: Arc<Identity>, region: &Region) -> Caller {
        let surroundings = self.surroundings();
        let home = self.home_url();
        Caller {
            account: identity.caller.account().unwrap_or(self.default_account()),
            region: region.clone(),
            access_key: None,
            request_id: RequestId::from_random(surroundings.random()),
            now: surroundings.now(),
            identity,
            source: None,
            secure: true,
            agent: None,
            via: None,
            enforced: matches!(self.auth(), Auth::Verify(_)),
            organization: self.organization(),
            refuser: None,
            trace_header: None,
            wait_millis: None,
            stopping: self.stopping(),
            base: Base::Public(Arc::clone(&home)),
            link_base: Base::Public(home),
            path: PathAndQuery::from_static("/"),
        }
    }
}
