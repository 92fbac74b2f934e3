//! Access keys: CreateAccessKey, ListAccessKeys, UpdateAccessKey, DeleteAccessKey, GetAccessKeyLastUsed.
//!
//! A secret is shown once, in the reply that makes it; what is kept is sealed.

use super::entity;
use crate::api::iam::operations::{
    CreateAccessKey, DeleteAccessKey, GetAccessKeyLastUsed, ListAccessKeys, UpdateAccessKey,
};
use crate::api::iam::{
    self, AccessKeyLastUsed, CreateAccessKeyRequest, CreateAccessKeyResponse, DeleteAccessKeyRequest,
    GetAccessKeyLastUsedRequest, GetAccessKeyLastUsedResponse, ListAccessKeysRequest, ListAccessKeysResponse,
    UpdateAccessKeyRequest,
};
use crate::at::{At, Outcome};
use crate::limits::KEYS_PER_USER_MAX;
use crate::pages::{Wanted, page};
use crate::records::Change;
use crate::refusal::Refusal;
use crate::service::{Done, Operation};
use crate::shown;
use crate::state::{AccessKey, Entity};
use gateway::Need;
use wire::Nothing;

impl Operation for CreateAccessKey {
    fn needs(at: &At<'_>, input: &CreateAccessKeyRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![entity::need_of_user::<Self>(at, input.user_name.as_deref())])
    }

    fn decide(at: &At<'_>, input: CreateAccessKeyRequest) -> Done<Self> {
        let user = at.named_or_asking(input.user_name.as_deref())?;
        let id = user.map(|user| &*user.id);
        if at.home().keys_of(id).count() >= KEYS_PER_USER_MAX {
            return Err(Refusal::limit(format!("Cannot exceed quota for AccessKeysPerUser: {KEYS_PER_USER_MAX}")));
        }
        let (key, secret) = AccessKey::made(at.account(), id, at.now, at.dice, at.keyring);
        let shown = iam::AccessKey {
            user_name: user.map(|user| user.name.to_string()).unwrap_or_default(),
            access_key_id: key.id.to_string(),
            status: shown::status(true),
            secret_access_key: secret,
            create_date: Some(shown::moment(at.now)),
        };
        at.change(vec![Change::KeyPut(Box::new(key))], CreateAccessKeyResponse { access_key: shown })
    }
}

/// The key of this id, if it is this user's.
fn key_of<'a>(at: &At<'a>, user: Option<&Entity>, id: &str) -> Result<&'a AccessKey, Refusal> {
    let found = at.home().keys.get(id).filter(|key| key.user.as_deref() == user.map(|user| &*user.id));
    found.ok_or_else(|| Refusal::no_such(format!("The Access Key with id {id} cannot be found.")))
}

impl Operation for ListAccessKeys {
    fn needs(at: &At<'_>, input: &ListAccessKeysRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![entity::need_of_user::<Self>(at, input.user_name.as_deref())])
    }

    fn decide(at: &At<'_>, input: ListAccessKeysRequest) -> Done<Self> {
        let user = at.named_or_asking(input.user_name.as_deref())?;
        let keys = at.home().keys_of(user.map(|user| &*user.id));
        let wanted = Wanted { marker: input.marker.as_deref(), max_items: input.max_items };
        let page = page(keys, |key| key.id.to_string(), &wanted)?;
        let page = page.map(|key| shown::key(user.map(|user| &*user.name), key));
        let is_truncated = page.is_truncated();
        Outcome::read(ListAccessKeysResponse { access_key_metadata: page.items, is_truncated, marker: page.marker })
    }
}

impl Operation for UpdateAccessKey {
    fn needs(at: &At<'_>, input: &UpdateAccessKeyRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![entity::need_of_user::<Self>(at, input.user_name.as_deref())])
    }

    fn decide(at: &At<'_>, input: UpdateAccessKeyRequest) -> Done<Self> {
        let user = at.named_or_asking(input.user_name.as_deref())?;
        let key = key_of(at, user, &input.access_key_id)?;
        let is_active = input.status == iam::enums::status_type::ACTIVE;
        at.change(vec![Change::KeyPut(Box::new(AccessKey { is_active, ..key.clone() }))], Nothing)
    }
}

impl Operation for DeleteAccessKey {
    fn needs(at: &At<'_>, input: &DeleteAccessKeyRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![entity::need_of_user::<Self>(at, input.user_name.as_deref())])
    }

    fn decide(at: &At<'_>, input: DeleteAccessKeyRequest) -> Done<Self> {
        let user = at.named_or_asking(input.user_name.as_deref())?;
        let key = key_of(at, user, &input.access_key_id)?;
        at.change(vec![Change::KeyRemoved(key.id.clone())], Nothing)
    }
}

impl Operation for GetAccessKeyLastUsed {
    fn needs(at: &At<'_>, input: &GetAccessKeyLastUsedRequest) -> Result<Vec<Need>, Refusal> {
        let user = at.home().keys.get(&*input.access_key_id).and_then(|key| key.user.as_deref());
        let user = user.and_then(|user| at.home().entity_by_id(user));
        Ok(vec![match user {
            Some(user) => entity::need_of_user::<Self>(at, Some(&user.name)),
            None => super::need::<Self>(at, "*"),
        }])
    }

    fn decide(at: &At<'_>, input: GetAccessKeyLastUsedRequest) -> Done<Self> {
        let id = &*input.access_key_id;
        let missing = || Refusal::no_such(format!("The Access Key with id {id} cannot be found."));
        let key = at.home().keys.get(id).ok_or_else(missing)?;
        let user = key.user.as_deref().and_then(|user| at.home().entity_by_id(user));
        let used = key.last_used.as_ref();
        let known = |text: Option<&str>| text.unwrap_or("N/A").to_owned();
        let last = AccessKeyLastUsed {
            last_used_date: used.map(|used| shown::moment(used.at)),
            service_name: known(used.map(|used| &*used.service)),
            region: known(used.map(|used| &*used.region)),
        };
        let user_name = user.map(|user| user.name.to_string());
        Outcome::read(GetAccessKeyLastUsedResponse { user_name, access_key_last_used: Some(last) })
    }
}
