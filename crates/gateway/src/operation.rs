//! One operation of a service, as the service's crate writes it: its shapes, what must be allowed, what it does.
//!
//! A service has a table of these by name; [`prepared`] makes of one with its input what the gateway calls.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::events::Answered;
use crate::need::Need;
use crate::service::{Answer, Caller, Prepared, Refused};

/// An operation of the service whose state is `S`.
pub trait Operation<S>: 'static {
    /// The generated input.
    type Input: Send + 'static;
    /// The generated output.
    type Output: wire::Write + Send + 'static;
    /// Why the service refuses.
    type Refusal: Into<Refused>;

    /// What must be allowed before it is carried out; see [`Prepared::needs`].
    fn needs(service: &S, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Self::Refusal>;

    /// Carries it out; see [`Prepared::call`].
    fn call(
        service: Arc<S>,
        caller: Caller,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output, Self::Refusal>> + Send;

    /// The output as an answer: with what is held until it is written, if it is of that kind ([`Answered::held`]).
    fn answered(output: Self::Output) -> Answered {
        Answered::whole(output)
    }
}

/// The operation `O` with its input.
pub fn prepared<S, O>(service: &Arc<S>, input: O::Input) -> Box<dyn Prepared>
where
    S: Send + Sync + 'static,
    O: Operation<S>,
{
    Box::new(Call::<S, O> { service: Arc::clone(service), input, operation: PhantomData })
}

struct Call<S, O: Operation<S>> {
    service: Arc<S>,
    input: O::Input,
    operation: PhantomData<fn() -> O>,
}

impl<S: Send + Sync + 'static, O: Operation<S>> Prepared for Call<S, O> {
    fn needs(&self, caller: &Caller) -> Result<Vec<Need>, Refused> {
        O::needs(&self.service, caller, &self.input).map_err(Into::into)
    }

    fn call(self: Box<Self>, caller: Caller) -> Answer {
        Box::pin(async move {
            let output = O::call(self.service, caller, self.input).await.map_err(Into::into)?;
            Ok(O::answered(output))
        })
    }
}
