//! GetQueueAttributes: what a queue is set to and how many messages it has.

use crate::api::enums::queue_attribute_name::ALL;
use crate::api::{GetQueueAttributesRequest, GetQueueAttributesResult};
use crate::attribute_table::{Attribute, Kind, Queues, Row, Shown, TABLE};
use crate::machine::{About, Command, Reply};
use crate::meters::Counted;
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::replay;
use crate::service::{Inner, Operation};
use gateway::{Caller, Need};
use names::Instant;
use queue::{Counts, Within};
use std::sync::Arc;

pub(crate) struct GetQueueAttributes;

impl Operation for GetQueueAttributes {
    type Input = GetQueueAttributesRequest;
    type Output = GetQueueAttributesResult;

    fn needs(asking: &Asking<'_>, input: &GetQueueAttributesRequest) -> Result<Vec<Need>, Refusal> {
        asking.at("getqueueattributes", &input.queue_url)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: GetQueueAttributesRequest,
    ) -> Result<GetQueueAttributesResult, Refusal> {
        let place = service.place(&caller, &input.queue_url).await?;
        let wanted = input.attribute_names.unwrap_or_default();
        let entry = &place.queue;
        let is_known = |name: &&String| *name == ALL || Row::named(name, entry.key.name.is_fifo()).is_some();
        if let Some(unknown) = wanted.iter().find(|name| !is_known(name)) {
            return Err(Refusal::unknown_attribute(unknown));
        }
        let Reply::Described(about, mut counts) = entry.partition.execute(Command::Describe)?.await? else {
            return Err(Refusal::queue_does_not_exist());
        };
        if let Some(id) = place.within {
            counts = match entry.ask(queue::Command::Within(id, Within::Count)).await? {
                queue::Reply::Counted(counts) => counts,
                other => unreachable!("a count is answered with one, not with {other:?}"),
            };
        }
        let now = (entry.meter.own(), caller.now);
        let rows = TABLE.iter().filter(|row| is_wanted(row, &wanted, &about));
        let attributes: Vec<_> =
            rows.filter_map(|row| Some((row.name.to_owned(), show(row, &about, &counts, &now)?))).collect();
        Ok(GetQueueAttributesResult { attributes: (!attributes.is_empty()).then_some(attributes) })
    }
}

fn is_wanted(row: &Row, wanted: &[String], about: &About) -> bool {
    let belongs_to_all = match (row.shown, &row.kind) {
        (Shown::Always, _) => true,
        // Of a queue with a KMS key, though it may be what it is by default.
        (Shown::WhereSet, Kind::Kept(Attribute::KmsReuse, _)) => about.attributes.is_set(Attribute::KmsKey),
        (Shown::WhereSet, Kind::Kept(attribute, _)) => about.attributes.is_set(*attribute),
        (Shown::WhereSet, _) | (Shown::ByName, _) => false,
    };
    let has = row.of == Queues::All || about.attributes.is(Attribute::Fifo);
    has && wanted.iter().any(|wanted| wanted == row.name || (wanted == ALL && belongs_to_all))
}

/// An attribute that is not set and has no default is not shown.
fn show(row: &Row, about: &About, counts: &Counts, (counted, now): &(Option<Counted>, Instant)) -> Option<String> {
    match &row.kind {
        Kind::Kept(Attribute::Replay, _) => {
            about.attributes.text(Attribute::Replay).map(|kept| replay::shown(kept, counts.replay))
        }
        Kind::Kept(attribute, _) => about.attributes.shown(*attribute),
        Kind::Reported(report) => Some(report(about, counts)),
        Kind::Metered(report) => report(*counted, counts, *now),
    }
}
