//! ListAliases: the names of keys, and those of AWS that have no key yet.

use crate::api::{AliasListEntry, ListAliasesRequest, ListAliasesResponse};
use crate::asked::Asked;
use crate::describe::timestamp;
use crate::key_id::{KeyId, Reference};
use crate::limits;
use crate::machine::{Alias, Command, Reply, alias_arn};
use crate::needs::{Asking, Saying};
use crate::page::page;
use crate::refusal::Refusal;
use crate::service::{Inner, MANAGED, Operation};
use gateway::{Caller, Need};
use std::sync::Arc;

pub(crate) struct ListAliases;

impl Operation for ListAliases {
    type Input = ListAliasesRequest;
    type Output = ListAliasesResponse;

    fn needs(asking: &Asking<'_>, _input: &ListAliasesRequest) -> Result<Vec<Need>, Refusal> {
        Ok(asking.anything("ListAliases", Saying::default()))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: ListAliasesRequest,
    ) -> Result<ListAliasesResponse, Refusal> {
        let of = match input.key_id.as_deref() {
            Some(text) => Some(own(&service, &caller, text).await?),
            None => None,
        };
        let mut entries = match service.catalog.ring(caller.account) {
            Some(ring) => match service.ask(&ring, Command::Aliases { region: caller.region.clone(), of }).await? {
                Reply::Aliases(aliases) => {
                    aliases.iter().map(|(name, alias)| entry(&caller, name, Some(alias))).collect()
                }
                other => unreachable!("who asks for aliases is answered aliases, not {other:?}"),
            },
            None => Vec::new(),
        };
        if of.is_none() {
            let names = MANAGED.iter().map(|managed| format!("alias/aws/{managed}"));
            let unused: Vec<_> =
                names.filter(|name| entries.iter().all(|known| known.alias_name.as_ref() != Some(name))).collect();
            entries.extend(unused.iter().map(|name| entry(&caller, name, None)));
            entries.sort_by(|one, other| one.alias_name.cmp(&other.alias_name));
        }
        let name = |entry: &AliasListEntry| entry.alias_name.clone().unwrap_or_default();
        let page = page(entries, name, input.limit, limits::PAGE, input.marker.as_deref())?;
        Ok(ListAliasesResponse {
            truncated: page.truncated(),
            aliases: Some(page.items),
            next_marker: page.next_marker,
        })
    }
}

/// The key whose aliases are wanted. Of another account's keys nobody learns whether they are there.
async fn own(service: &Inner, caller: &Caller, text: &str) -> Result<KeyId, Refusal> {
    let (account, id) = Reference::of_key(text, caller.account, &caller.region)?;
    match account == caller.account {
        true => Ok(service.own_key(caller, text).await?.key.id),
        false => Err(Refusal::no_key(&id.arn(&caller.region, account))),
    }
}

fn entry(caller: &Caller, name: &str, alias: Option<&Alias>) -> AliasListEntry {
    AliasListEntry {
        alias_name: Some(name.to_owned()),
        alias_arn: Some(alias_arn(&caller.region, caller.account, name)),
        target_key_id: alias.map(|alias| alias.target.to_string()),
        creation_date: alias.map(|alias| timestamp(alias.created_at)),
        last_updated_date: alias.map(|alias| timestamp(alias.changed_at)),
    }
}
