//! The operations on applications and their endpoints.

use super::applications::durable;
use super::events::{self, Event};
use super::page::{About, Credentials, Endpoint};
use super::platform::{AppKey, EndpointId, Place};
use super::{attributes, refusals, sending};
use crate::api::{
    self, CreateEndpointResponse, CreatePlatformApplicationInput, CreatePlatformApplicationResponse,
    CreatePlatformEndpointInput, DeleteEndpointInput, DeletePlatformApplicationInput, GetEndpointAttributesInput,
    GetEndpointAttributesResponse, GetPlatformApplicationAttributesInput, GetPlatformApplicationAttributesResponse,
    ListEndpointsByPlatformApplicationInput, ListEndpointsByPlatformApplicationResponse, ListPlatformApplicationsInput,
    ListPlatformApplicationsResponse, PlatformApplication, SetEndpointAttributesInput,
    SetPlatformApplicationAttributesInput,
};
use crate::limits::LISTED;
use crate::needs;
use crate::outbox::Whose;
use crate::page::Token;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::topic::Pairs;
use crate::topic_key::{SubscriptionId, TopicKey};
use access::Secret;
use gateway::{Caller, Need, Operation};
use std::sync::Arc;
use wire::Nothing;

const APPLICATION: &str = "PlatformApplicationArn";
const ENDPOINT: &str = "EndpointArn";

/// An action on the application of an ARN.
fn needs_application(action: &str, arn: &str) -> Result<Vec<Need>, Refusal> {
    let key = AppKey::parse(APPLICATION, arn)?;
    Ok(vec![needs::on_arn(action, key.arn(), key.account)])
}

/// An action on the endpoint of an ARN.
pub(crate) fn needs_endpoint(action: &str, parameter: &str, arn: &str) -> Result<Vec<Need>, Refusal> {
    let (key, id) = AppKey::parse_endpoint(parameter, arn)?;
    Ok(vec![needs::on_arn(action, key.endpoint_arn(id), key.account)])
}

/// Checks the endpoint that a topic's subscription is to be for.
pub(crate) fn check_subscribed(service: &Inner, topic: &TopicKey, arn: &str) -> Result<(), Refusal> {
    let (key, id) = AppKey::parse_endpoint("Endpoint", arn)?;
    let applications = &service.push.applications;
    let is_there = || applications.find(&key).is_some_and(|entry| applications.endpoint(&entry, id).is_some());
    // An account's devices are its own to send to.
    match key.account == topic.account && key.region == topic.region && is_there() {
        true => Ok(()),
        false => Err(Refusal::invalid(format!("Endpoint Reason: Endpoint does not exist for endpoint arn{arn}"))),
    }
}

impl Inner {
    async fn application(&self, caller: &Caller, arn: &str) -> Result<Arc<super::applications::AppEntry>, Refusal> {
        let key = AppKey::parse(APPLICATION, arn)?;
        match key.region == caller.region {
            true => self.push.applications.get(&key).await,
            false => Err(Refusal::invalid(APPLICATION)),
        }
    }

    /// The application of an endpoint's ARN, if there is one, and the endpoint's id.
    fn application_of(
        &self,
        caller: &Caller,
        arn: &str,
    ) -> Result<(Option<Arc<super::applications::AppEntry>>, EndpointId), Refusal> {
        let (key, id) = AppKey::parse_endpoint(ENDPOINT, arn)?;
        Ok((self.push.applications.find(&key).filter(|_| key.region == caller.region), id))
    }

    /// Credentials that no service could have given out are refused where a service would be asked.
    fn check_credentials(&self, about: &About) -> Result<(), Refusal> {
        match self.push.urls.of(about.key.platform).is_none() || sending::can_be(about) {
            true => Ok(()),
            false => Err(refusals::attributes("Platform credentials are invalid")),
        }
    }
}

pub(crate) struct CreatePlatformApplication;

impl Operation<Inner> for CreatePlatformApplication {
    type Input = CreatePlatformApplicationInput;
    type Output = CreatePlatformApplicationResponse;
    type Refusal = Refusal;

    fn needs(_service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        let key = AppKey::new(caller.account, &caller.region, &input.platform, &input.name)?;
        Ok(vec![needs::on_arn("CreatePlatformApplication", key.arn(), key.account)])
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Self::Output, Refusal> {
        let key = AppKey::new(caller.account, &caller.region, &input.platform, &input.name)?;
        let platform = key.platform;
        let mut about = About {
            id: SubscriptionId(service.secret_id(&caller, 0)),
            key,
            created_at: caller.now,
            attributes: Pairs::new(),
            credentials: Credentials { credential: Secret::from(""), principal: Secret::from("") },
        };
        attributes::set(&mut about, &input.attributes)?;
        attributes::check_given(platform, &input.attributes)?;
        service.check_credentials(&about)?;
        let id = about.id;
        let begin = |about: &About| service.outboxes.open(Whose { subscription: id, topic: about.key.outbox() });
        let made = service.push.applications.create(about, begin);
        let (entry, pending) = made.inspect_err(|_| service.close(id))?;
        durable(&service.push.applications, pending).await?;
        Ok(CreatePlatformApplicationResponse { platform_application_arn: Some(entry.arn.to_string()) })
    }
}

pub(crate) struct DeletePlatformApplication;

impl Operation<Inner> for DeletePlatformApplication {
    type Input = DeletePlatformApplicationInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(_service: &Inner, _caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        needs_application("DeletePlatformApplication", &input.platform_application_arn)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let key = AppKey::parse(APPLICATION, &input.platform_application_arn)?;
        if key.region == caller.region {
            service.delete_application(&key)?;
        }
        service.push.applications.settled().await?;
        Ok(Nothing)
    }
}

pub(crate) struct GetPlatformApplicationAttributes;

impl Operation<Inner> for GetPlatformApplicationAttributes {
    type Input = GetPlatformApplicationAttributesInput;
    type Output = GetPlatformApplicationAttributesResponse;
    type Refusal = Refusal;

    fn needs(_service: &Inner, _caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        needs_application("GetPlatformApplicationAttributes", &input.platform_application_arn)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Self::Output, Refusal> {
        let entry = service.application(&caller, &input.platform_application_arn).await?;
        let shown = attributes::shown(&entry.about());
        service.push.applications.settled().await?;
        Ok(GetPlatformApplicationAttributesResponse { attributes: Some(shown) })
    }
}

pub(crate) struct SetPlatformApplicationAttributes;

impl Operation<Inner> for SetPlatformApplicationAttributes {
    type Input = SetPlatformApplicationAttributesInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(_service: &Inner, _caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        needs_application("SetPlatformApplicationAttributes", &input.platform_application_arn)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let entry = service.application(&caller, &input.platform_application_arn).await?;
        let change = |about: &mut About| {
            let before = about.credentials.clone();
            attributes::set(about, &input.attributes)?;
            // Whether those that stay are right was said when they were given.
            if about.credentials == before { Ok(()) } else { service.check_credentials(about) }
        };
        let pending = service.push.applications.change(&entry, change)?;
        durable(&service.push.applications, pending).await.map(|()| Nothing)
    }
}

pub(crate) struct ListPlatformApplications;

impl Operation<Inner> for ListPlatformApplications {
    type Input = ListPlatformApplicationsInput;
    type Output = ListPlatformApplicationsResponse;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, _input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Ok(needs::Asking { service, caller }.anything("ListPlatformApplications"))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Self::Output, Refusal> {
        let token = Token::parse(input.next_token.as_deref())?;
        let after = token.map(|token| after(&caller, &token)).transpose()?;
        let applications = &service.push.applications;
        let mut found = applications.list(caller.account, &caller.region, after.as_ref(), LISTED + 1);
        let more = found.len() > LISTED;
        found.truncate(LISTED);
        let shown = |entry: &Arc<super::applications::AppEntry>| PlatformApplication {
            platform_application_arn: Some(entry.arn.to_string()),
            attributes: Some(attributes::shown(&entry.about())),
        };
        let shown = found.iter().map(shown).collect();
        applications.settled().await?;
        let last = found.last().filter(|_| more);
        let next_token = last.map(|entry| Token { topic: entry.key.outbox().name, number: 0 }.show());
        Ok(ListPlatformApplicationsResponse { platform_applications: Some(shown), next_token })
    }
}

/// Behind which application a listing goes on.
fn after(caller: &Caller, token: &Token) -> Result<AppKey, Refusal> {
    let key = TopicKey { account: caller.account, region: caller.region.clone(), name: token.topic.clone() };
    AppKey::of_outbox(&key).ok_or_else(|| Refusal::invalid("NextToken Reason: it is none that was given out"))
}

pub(crate) struct CreatePlatformEndpoint;

impl Operation<Inner> for CreatePlatformEndpoint {
    type Input = CreatePlatformEndpointInput;
    type Output = CreateEndpointResponse;
    type Refusal = Refusal;

    fn needs(_service: &Inner, _caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        needs_application("CreatePlatformEndpoint", &input.platform_application_arn)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Self::Output, Refusal> {
        let entry = service.application(&caller, &input.platform_application_arn).await?;
        let wrong = |name: &'static str| move |why| Refusal::invalid(format!("{name} Reason: {why}"));
        attributes::check_token(entry.key.platform, &input.token).map_err(wrong("Token"))?;
        let user_data = input.custom_user_data.unwrap_or_default();
        attributes::check_user_data(&user_data).map_err(wrong("CustomUserData"))?;
        let chance = EndpointId(service.secret_id(&caller, 0));
        let mut asked =
            Endpoint { id: chance, token: input.token.into(), user_data: user_data.into(), is_enabled: true };
        attributes::set_endpoint(entry.key.platform, &mut asked, &input.attributes.unwrap_or_default())?;
        let (id, pending) = service.push.applications.create_endpoint(&entry, asked)?;
        let is_new = pending.is_some();
        durable(&service.push.applications, pending).await?;
        if is_new {
            events::tell(&service, &caller, &entry.about(), &Event::Created { endpoint: id }).await;
        }
        Ok(CreateEndpointResponse { endpoint_arn: Some(entry.key.endpoint_arn(id)) })
    }
}

pub(crate) struct DeleteEndpoint;

impl Operation<Inner> for DeleteEndpoint {
    type Input = DeleteEndpointInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(_service: &Inner, _caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        needs_endpoint("DeleteEndpoint", ENDPOINT, &input.endpoint_arn)
    }

    /// Of an endpoint that is gone it is no error ("This action is idempotent").
    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let applications = &service.push.applications;
        let (Some(entry), id) = service.application_of(&caller, &input.endpoint_arn)? else {
            applications.settled().await?;
            return Ok(Nothing);
        };
        let pending = applications.delete_endpoint(&entry, id)?;
        let was_there = pending.is_some();
        durable(applications, pending).await?;
        if was_there {
            events::tell(&service, &caller, &entry.about(), &Event::Deleted { endpoint: id }).await;
        }
        Ok(Nothing)
    }
}

pub(crate) struct GetEndpointAttributes;

impl Operation<Inner> for GetEndpointAttributes {
    type Input = GetEndpointAttributesInput;
    type Output = GetEndpointAttributesResponse;
    type Refusal = Refusal;

    fn needs(_service: &Inner, _caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        needs_endpoint("GetEndpointAttributes", ENDPOINT, &input.endpoint_arn)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Self::Output, Refusal> {
        let (entry, id) = service.application_of(&caller, &input.endpoint_arn)?;
        let applications = &service.push.applications;
        let endpoint = entry.and_then(|entry| applications.endpoint(&entry, id));
        applications.settled().await?;
        let endpoint = endpoint.ok_or_else(refusals::no_endpoint)?;
        Ok(GetEndpointAttributesResponse { attributes: Some(attributes::shown_endpoint(&endpoint)) })
    }
}

pub(crate) struct SetEndpointAttributes;

impl Operation<Inner> for SetEndpointAttributes {
    type Input = SetEndpointAttributesInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(_service: &Inner, _caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        needs_endpoint("SetEndpointAttributes", ENDPOINT, &input.endpoint_arn)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let applications = &service.push.applications;
        let (Some(entry), id) = service.application_of(&caller, &input.endpoint_arn)? else {
            applications.settled().await?;
            return Err(refusals::no_endpoint());
        };
        if input.attributes.is_empty() {
            return Err(refusals::no_attributes());
        }
        let change =
            |endpoint: &mut Endpoint| attributes::set_endpoint(entry.key.platform, endpoint, &input.attributes);
        let pending = applications.change_endpoint(&entry, id, change)?;
        let is_changed = pending.is_some();
        durable(applications, pending).await?;
        if is_changed {
            events::tell(&service, &caller, &entry.about(), &Event::Updated { endpoint: id }).await;
        }
        Ok(Nothing)
    }
}

pub(crate) struct ListEndpointsByPlatformApplication;

impl Operation<Inner> for ListEndpointsByPlatformApplication {
    type Input = ListEndpointsByPlatformApplicationInput;
    type Output = ListEndpointsByPlatformApplicationResponse;
    type Refusal = Refusal;

    fn needs(_service: &Inner, _caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        needs_application("ListEndpointsByPlatformApplication", &input.platform_application_arn)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Self::Output, Refusal> {
        let entry = service.application(&caller, &input.platform_application_arn).await?;
        let token = Token::parse(input.next_token.as_deref())?;
        let wrong = || Refusal::invalid("NextToken Reason: it is none that was given out");
        let after = token.map(|token| u32::try_from(token.number).map(Place).map_err(|_| wrong())).transpose()?;
        let applications = &service.push.applications;
        let mut found = applications.endpoints(&entry, after, LISTED + 1);
        let more = found.len() > LISTED;
        found.truncate(LISTED);
        applications.settled().await?;
        let last = found.last().filter(|_| more);
        let next_token = last.map(|(place, _)| Token { topic: entry.key.name.clone(), number: place.0.into() }.show());
        let shown = |(_, endpoint): &(Place, Endpoint)| api::Endpoint {
            endpoint_arn: Some(entry.key.endpoint_arn(endpoint.id)),
            attributes: Some(attributes::shown_endpoint(endpoint)),
        };
        let endpoints = Some(found.iter().map(shown).collect());
        Ok(ListEndpointsByPlatformApplicationResponse { endpoints, next_token })
    }
}
