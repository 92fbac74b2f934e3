//! GetCallerIdentity, GetAccessKeyInfo, DecodeAuthorizationMessage: who asks, whose a key is, and why one was refused.

use super::session_need;
use crate::api::sts::operations::{DecodeAuthorizationMessage, GetAccessKeyInfo, GetCallerIdentity};
use crate::api::sts::{
    DecodeAuthorizationMessageRequest, GetAccessKeyInfoRequest, GetAccessKeyInfoResponse, GetCallerIdentityRequest,
    GetCallerIdentityResponse,
};
use crate::at::{At, Outcome};
use crate::ids::account_of;
use crate::refusal::Refusal;
use crate::service::{Done, Operation};
use access::{Caller, Kind};
use gateway::Need;
use names::AccountId;

/// A caller's unique id as STS shows it: a session's is its role's and its name.
pub(crate) fn user_id(caller: &Caller, account: AccountId) -> String {
    let id = caller.unique_id().unwrap_or(account.as_str());
    match caller.kind() {
        Kind::Session => format!("{id}:{}", caller.name().rsplit('/').next().unwrap_or_default()),
        _ => id.to_owned(),
    }
}

impl Operation for GetCallerIdentity {
    /// Whoever proved a key may ask who he is, whatever policies say.
    fn needs(_at: &At<'_>, _input: &GetCallerIdentityRequest) -> Result<Vec<Need>, Refusal> {
        Ok(Vec::new())
    }

    fn decide(at: &At<'_>, _input: GetCallerIdentityRequest) -> Done<Self> {
        let caller = &at.caller.identity.caller;
        Outcome::read(GetCallerIdentityResponse {
            user_id: Some(user_id(caller, at.account())),
            account: Some(at.account().to_string()),
            arn: Some(caller.name().to_owned()),
        })
    }
}

impl Operation for GetAccessKeyInfo {
    fn needs(at: &At<'_>, _input: &GetAccessKeyInfoRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![session_need("GetAccessKeyInfo", "*", at.account())])
    }

    /// A key tells its account; of one that does not, the state may know it.
    fn decide(at: &At<'_>, input: GetAccessKeyInfoRequest) -> Done<Self> {
        let id = input.access_key_id;
        let known =
            at.realm.owners.get(&*id).copied().or_else(|| account_of(&id)).or_else(|| AccountId::parse(&id).ok());
        let account = known.ok_or_else(|| Refusal::invalid(format!("Invalid Access Key ID: {id}")))?;
        Outcome::read(GetAccessKeyInfoResponse { account: Some(account.to_string()) })
    }
}

impl Operation for DecodeAuthorizationMessage {
    fn needs(at: &At<'_>, _input: &DecodeAuthorizationMessageRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![session_need("DecodeAuthorizationMessage", "*", at.account())])
    }

    /// The services that are here say in plain words why they refuse; none gives out a message that were to be decoded, so
    /// whatever comes is none of this server's.
    fn decide(_at: &At<'_>, _input: DecodeAuthorizationMessageRequest) -> Done<Self> {
        let error = &crate::api::sts::errors::INVALID_AUTHORIZATION_MESSAGE_EXCEPTION;
        Err(Refusal::new(error, "Message is not valid"))
    }
}
