//! What of a topic's messages each subscription wants: filter policies (ADR 0039).
//!
//! A policy is checked when it is set, compiled when the topic's view is made or changed, and held in an index with those of all other
//! subscriptions, so a publish costs by those whom it passes to. It holds from the moment at which the change is decided. A policy that
//! is kept and cannot be compiled lets nothing pass: without a filter a receiver would get what its owner refused.

use crate::attributes::{FILTER_POLICY, FILTER_POLICY_SCOPE};
use crate::topic::{Pairs, Subscription};
use filter::{Filter, Index, Limits, Refused, Scope};

/// The scope of a subscription's policy, whether it has one or not.
pub(crate) fn scope(attributes: &Pairs) -> Scope {
    attributes.get(FILTER_POLICY_SCOPE).and_then(|scope| Scope::parse(scope).ok()).unwrap_or_default()
}

/// The filter that a subscription's attributes are, if they are one.
pub(crate) fn compiled(attributes: &Pairs, limits: &Limits) -> Result<Option<Filter>, Refused> {
    match attributes.get(FILTER_POLICY) {
        Some(policy) => Filter::compile(policy, scope(attributes), limits),
        None => Ok(None),
    }
}

/// Whether a policy asks for nothing, so that setting it takes the filter away.
pub(crate) fn is_empty(policy: &str) -> bool {
    matches!(Filter::compile(policy, Scope::MessageBody, &Limits::LIFTED), Ok(None))
}

/// What a subscription's policy takes in memory, as it was written and compiled; nothing if it has none.
pub(crate) fn bytes(attributes: &Pairs, filter: Option<&Filter>) -> Option<usize> {
    let text = attributes.get(FILTER_POLICY)?;
    Some(text.len() + filter.map_or(0, Filter::bytes))
}

/// Puts a subscription into the index of its topic, or changes its place there; what its policy takes.
pub(crate) fn put(filters: &mut Index, number: u64, subscription: &Subscription) -> Option<usize> {
    // Whatever the limits are today: it was within those of its time.
    match compiled(&subscription.attributes, &Limits::LIFTED) {
        Ok(filter) => {
            let bytes = bytes(&subscription.attributes, filter.as_ref());
            filters.insert(number, filter);
            bytes
        }
        Err(why) => {
            let id = subscription.id.show();
            tracing::error!(subscription = %id, %why, "a filter policy cannot be read: the subscription gets nothing");
            filters.remove(number);
            bytes(&subscription.attributes, None)
        }
    }
}

#[cfg(test)]
#[path = "filtering_tests.rs"]
mod tests;
