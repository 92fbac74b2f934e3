//! OpenID Connect providers.

use super::{need, tagging};
use crate::api::iam::operations::{
    AddClientIDToOpenIDConnectProvider, CreateOpenIDConnectProvider, DeleteOpenIDConnectProvider,
    GetOpenIDConnectProvider, ListOpenIDConnectProviders, RemoveClientIDFromOpenIDConnectProvider,
    UpdateOpenIDConnectProviderThumbprint,
};
use crate::api::iam::{
    AddClientIDToOpenIDConnectProviderRequest, CreateOpenIDConnectProviderRequest, CreateOpenIDConnectProviderResponse,
    DeleteOpenIDConnectProviderRequest, GetOpenIDConnectProviderRequest, GetOpenIDConnectProviderResponse,
    ListOpenIDConnectProvidersRequest, ListOpenIDConnectProvidersResponse, OpenIDConnectProviderListEntry,
    RemoveClientIDFromOpenIDConnectProviderRequest, UpdateOpenIDConnectProviderThumbprintRequest,
};
use crate::at::{At, Outcome};
use crate::limits;
use crate::records::Change;
use crate::refusal::Refusal;
use crate::service::{Done, Operation};
use crate::shown;
use crate::state::Provider;
use gateway::Need;
use wire::Nothing;

fn put(provider: Provider) -> Vec<Change> {
    vec![Change::ProviderPut(Box::new(provider))]
}

/// What stands behind the scheme, as ARNs name a provider.
pub(crate) fn bare_url(url: &str) -> Result<&str, Refusal> {
    let invalid = || Refusal::invalid("Invalid Open ID Connect Provider URL");
    let bare = url.strip_prefix("https://").ok_or_else(invalid)?.trim_end_matches('/');
    let is_good = |letter: char| letter.is_ascii_graphic() && !"?#@\\\"<>".contains(letter);
    if bare.is_empty() || !bare.chars().all(is_good) { Err(invalid()) } else { Ok(bare) }
}

pub(crate) fn check_thumbprints(count: usize) -> Result<(), Refusal> {
    match count {
        count if count > limits::THUMBPRINTS_MAX => {
            Err(Refusal::invalid_input("Thumbprint list must contain fewer than 5 entries."))
        }
        _ => Ok(()),
    }
}

pub(crate) fn check_client_ids(count: usize) -> Result<(), Refusal> {
    let most = limits::CLIENT_IDS_MAX;
    match count > most {
        true => Err(Refusal::limit(format!("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {most}"))),
        false => Ok(()),
    }
}

fn texts(texts: Vec<String>) -> Vec<Box<str>> {
    texts.into_iter().map(Into::into).collect()
}

impl Operation for CreateOpenIDConnectProvider {
    fn needs(at: &At<'_>, input: &CreateOpenIDConnectProviderRequest) -> Result<Vec<Need>, Refusal> {
        let arn = at.owner().arn("iam", format_args!("oidc-provider/{}", bare_url(&input.url)?));
        Ok(vec![tagging::with_request_tags(need::<Self>(at, arn), input.tags.as_deref().unwrap_or_default())])
    }

    fn decide(at: &At<'_>, input: CreateOpenIDConnectProviderRequest) -> Done<Self> {
        let url = bare_url(&input.url)?;
        let thumbprints = input.thumbprint_list.unwrap_or_default();
        let client_ids = input.client_id_list.unwrap_or_default();
        check_thumbprints(thumbprints.len())?;
        check_client_ids(client_ids.len())?;
        if at.home().providers.contains_key(url) {
            return Err(Refusal::exists(format!("Provider with url https://{url} already exists.")));
        }
        if at.home().providers.len() >= limits::PROVIDERS_MAX {
            let most = limits::PROVIDERS_MAX;
            return Err(Refusal::limit(format!("Cannot exceed quota for OpenIdConnectProvidersPerAccount: {most}")));
        }
        let provider = Provider {
            url: url.into(),
            created_at: at.now,
            client_ids: texts(client_ids),
            thumbprints: texts(thumbprints),
            tags: tagging::parse(input.tags.unwrap_or_default())?,
        };
        let response = CreateOpenIDConnectProviderResponse {
            open_id_connect_provider_arn: Some(provider.arn(at.owner())),
            tags: shown::tags(&provider.tags),
        };
        at.change(put(provider), response)
    }
}

impl Operation for GetOpenIDConnectProvider {
    fn needs(at: &At<'_>, input: &GetOpenIDConnectProviderRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![tagging::need_of_provider::<Self>(at, &input.open_id_connect_provider_arn)])
    }

    fn decide(at: &At<'_>, input: GetOpenIDConnectProviderRequest) -> Done<Self> {
        let provider = at.provider(&input.open_id_connect_provider_arn)?;
        let strings = |texts: &[Box<str>]| Some(texts.iter().map(ToString::to_string).collect());
        Outcome::read(GetOpenIDConnectProviderResponse {
            url: Some(provider.url.to_string()),
            client_id_list: strings(&provider.client_ids),
            thumbprint_list: strings(&provider.thumbprints),
            create_date: Some(shown::moment(provider.created_at)),
            tags: shown::tags(&provider.tags),
        })
    }
}

impl Operation for ListOpenIDConnectProviders {
    fn needs(at: &At<'_>, _input: &ListOpenIDConnectProvidersRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need::<Self>(at, "*")])
    }

    fn decide(at: &At<'_>, _input: ListOpenIDConnectProvidersRequest) -> Done<Self> {
        let entry = |provider: &Provider| OpenIDConnectProviderListEntry { arn: Some(provider.arn(at.owner())) };
        let list = at.home().providers.values().map(entry).collect();
        Outcome::read(ListOpenIDConnectProvidersResponse { open_id_connect_provider_list: Some(list) })
    }
}

impl Operation for UpdateOpenIDConnectProviderThumbprint {
    fn needs(at: &At<'_>, input: &UpdateOpenIDConnectProviderThumbprintRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![tagging::need_of_provider::<Self>(at, &input.open_id_connect_provider_arn)])
    }

    fn decide(at: &At<'_>, input: UpdateOpenIDConnectProviderThumbprintRequest) -> Done<Self> {
        let provider = at.provider(&input.open_id_connect_provider_arn)?;
        check_thumbprints(input.thumbprint_list.len())?;
        let thumbprints = texts(input.thumbprint_list);
        at.change(put(Provider { thumbprints, ..provider.clone() }), Nothing)
    }
}

impl Operation for AddClientIDToOpenIDConnectProvider {
    fn needs(at: &At<'_>, input: &AddClientIDToOpenIDConnectProviderRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![tagging::need_of_provider::<Self>(at, &input.open_id_connect_provider_arn)])
    }

    fn decide(at: &At<'_>, input: AddClientIDToOpenIDConnectProviderRequest) -> Done<Self> {
        let mut provider = at.provider(&input.open_id_connect_provider_arn)?.clone();
        if !provider.client_ids.iter().any(|known| **known == *input.client_id) {
            provider.client_ids.push(input.client_id.into());
        }
        check_client_ids(provider.client_ids.len())?;
        at.change(put(provider), Nothing)
    }
}

impl Operation for RemoveClientIDFromOpenIDConnectProvider {
    fn needs(at: &At<'_>, input: &RemoveClientIDFromOpenIDConnectProviderRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![tagging::need_of_provider::<Self>(at, &input.open_id_connect_provider_arn)])
    }

    fn decide(at: &At<'_>, input: RemoveClientIDFromOpenIDConnectProviderRequest) -> Done<Self> {
        let mut provider = at.provider(&input.open_id_connect_provider_arn)?.clone();
        provider.client_ids.retain(|known| **known != *input.client_id);
        at.change(put(provider), Nothing)
    }
}

impl Operation for DeleteOpenIDConnectProvider {
    fn needs(at: &At<'_>, input: &DeleteOpenIDConnectProviderRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![tagging::need_of_provider::<Self>(at, &input.open_id_connect_provider_arn)])
    }

    /// AWS's is idempotent, and so is this.
    fn decide(at: &At<'_>, input: DeleteOpenIDConnectProviderRequest) -> Done<Self> {
        match at.provider(&input.open_id_connect_provider_arn) {
            Ok(provider) => at.change(vec![Change::ProviderRemoved(provider.url.clone())], Nothing),
            Err(_) => Outcome::read(Nothing),
        }
    }
}
