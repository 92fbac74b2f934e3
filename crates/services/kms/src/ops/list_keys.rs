//! ListKeys: the keys of an account in a region.

use crate::api::{KeyListEntry, ListKeysRequest, ListKeysResponse};
use crate::asked::Asked;
use crate::key::Key;
use crate::key_id::KeyId;
use crate::limits;
use crate::machine::{Command, Reply};
use crate::needs::{Asking, Saying};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct ListKeys;

impl Operation for ListKeys {
    type Input = ListKeysRequest;
    type Output = ListKeysResponse;

    fn needs(asking: &Asking<'_>, _input: &ListKeysRequest) -> Result<Vec<Need>, Refusal> {
        Ok(asking.anything("ListKeys", Saying::default()))
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: ListKeysRequest) -> Result<ListKeysResponse, Refusal> {
        let after = crate::page::after(input.marker.as_deref())?;
        let after = after.map(|id| KeyId::parse(&id).ok_or_else(Refusal::marker)).transpose()?;
        let size = crate::page::size(input.limit, limits::KEYS_PAGE);
        let region = caller.region.clone();
        // Nobody shares keys here, so those of others are none.
        let is_own = input.resource_owners.is_none_or(|owners| owners.iter().any(|owner| owner == "SELF"));
        let mut keys = match service.catalog.ring(caller.account).filter(|_| is_own) {
            Some(ring) => match service.ask(&ring, Command::Keys { region, after, limit: size + 1 }).await? {
                Reply::Keys(keys) => keys,
                other => unreachable!("who asks for keys is answered keys, not {other:?}"),
            },
            None => Vec::new(),
        };
        let more = keys.len() > size;
        keys.truncate(size);
        let next_marker = keys.last().filter(|_| more).map(|last| crate::page::marker(&last.id.to_string()));
        let entry = |key: &Arc<Key>| KeyListEntry { key_id: Some(key.id.to_string()), key_arn: Some(key.arn()) };
        Ok(ListKeysResponse { keys: Some(keys.iter().map(entry).collect()), next_marker, truncated: Some(more) })
    }
}
