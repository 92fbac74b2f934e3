//! What each operation of mobile push has to be allowed: its action, on the ARN that it names, by whose account that is.

use super::ops::*;
use crate::api::{
    CreatePlatformApplicationInput, CreatePlatformEndpointInput, DeleteEndpointInput, DeletePlatformApplicationInput,
    GetEndpointAttributesInput, GetPlatformApplicationAttributesInput, ListEndpointsByPlatformApplicationInput,
    ListPlatformApplicationsInput, PublishInput, SetEndpointAttributesInput, SetPlatformApplicationAttributesInput,
};
use crate::house::House;
use crate::ops::for_tests::Publish;
use crate::refusal::Refusal;
use crate::service::Inner;
use gateway::{Caller, Operation};
use names::{AccountId, Instant, Region};

const APPLICATION: &str = "arn:aws:sns:eu-west-1:111122223333:app/GCM/my.app";
const ENDPOINT: &str = "arn:aws:sns:eu-west-1:111122223333:endpoint/GCM/my.app/00112233-4455-4677-8899-aabbccddeeff";

/// What an operation needs of a caller of the usual account in the region of these ARNs: action, resource and owner.
fn needs<O: Operation<Inner, Refusal = Refusal>>(input: &O::Input) -> Result<(String, String, String), Refusal> {
    let house = House::new();
    let caller = Caller::for_test(AccountId::DEFAULT, Region::parse("eu-west-1").unwrap(), Instant::EPOCH);
    let needs = O::needs(&house.inner, &caller, input)?;
    let [need] = &needs[..] else { panic!("{} needs", needs.len()) };
    assert!(need.policy.is_none() && !need.granted, "policies of identities alone say it");
    let owner = need.owner.map(|owner| owner.to_string()).unwrap_or_default();
    Ok((need.action.as_str().to_owned(), need.resource.to_string(), owner))
}

fn on(action: &str, resource: &str) -> (String, String, String) {
    let owner = if resource == "*" { AccountId::DEFAULT.as_str() } else { "111122223333" };
    (action.to_owned(), resource.to_owned(), owner.to_owned())
}

fn asked<O: Operation<Inner, Refusal = Refusal>>(input: &O::Input) -> (String, String, String) {
    needs::<O>(input).unwrap()
}

#[test]
fn what_is_done_to_an_application_needs_its_arn() {
    let arn = || APPLICATION.to_owned();
    let get = GetPlatformApplicationAttributesInput { platform_application_arn: arn() };
    assert_eq!(
        asked::<GetPlatformApplicationAttributes>(&get),
        on("sns:GetPlatformApplicationAttributes", APPLICATION)
    );
    let set = SetPlatformApplicationAttributesInput { platform_application_arn: arn(), attributes: Vec::new() };
    assert_eq!(
        asked::<SetPlatformApplicationAttributes>(&set),
        on("sns:SetPlatformApplicationAttributes", APPLICATION)
    );
    let delete = DeletePlatformApplicationInput { platform_application_arn: arn() };
    assert_eq!(asked::<DeletePlatformApplication>(&delete), on("sns:DeletePlatformApplication", APPLICATION));
    let list = ListEndpointsByPlatformApplicationInput { platform_application_arn: arn(), next_token: None };
    assert_eq!(
        asked::<ListEndpointsByPlatformApplication>(&list),
        on("sns:ListEndpointsByPlatformApplication", APPLICATION)
    );
    let create = CreatePlatformEndpointInput { platform_application_arn: arn(), ..Default::default() };
    assert_eq!(asked::<CreatePlatformEndpoint>(&create), on("sns:CreatePlatformEndpoint", APPLICATION));
}

#[test]
fn what_is_done_to_an_endpoint_needs_its_arn() {
    let arn = || ENDPOINT.to_owned();
    let get = GetEndpointAttributesInput { endpoint_arn: arn() };
    assert_eq!(asked::<GetEndpointAttributes>(&get), on("sns:GetEndpointAttributes", ENDPOINT));
    let set = SetEndpointAttributesInput { endpoint_arn: arn(), attributes: Vec::new() };
    assert_eq!(asked::<SetEndpointAttributes>(&set), on("sns:SetEndpointAttributes", ENDPOINT));
    let delete = DeleteEndpointInput { endpoint_arn: arn() };
    assert_eq!(asked::<DeleteEndpoint>(&delete), on("sns:DeleteEndpoint", ENDPOINT));
    let publish = PublishInput { target_arn: Some(arn()), message: "m".into(), ..PublishInput::default() };
    assert_eq!(asked::<Publish>(&publish), on("sns:Publish", ENDPOINT));
}

#[test]
fn what_names_no_application_yet_needs_the_one_that_it_makes_or_any() {
    let make = CreatePlatformApplicationInput { name: "my.app".into(), platform: "GCM".into(), attributes: Vec::new() };
    let (action, resource, owner) = needs::<CreatePlatformApplication>(&make).unwrap();
    assert_eq!(action, "sns:CreatePlatformApplication");
    assert_eq!(resource, APPLICATION.replace("111122223333", AccountId::DEFAULT.as_str()), "the caller's own");
    assert_eq!(owner, AccountId::DEFAULT.as_str());
    let list = ListPlatformApplicationsInput { next_token: None };
    assert_eq!(asked::<ListPlatformApplications>(&list), on("sns:ListPlatformApplications", "*"));
}

#[test]
fn what_is_no_arn_of_either_is_refused_before_policies_are_asked() {
    for wrong in ["", "x", "arn:aws:sns:eu-west-1:111122223333:t", ENDPOINT] {
        let get = GetPlatformApplicationAttributesInput { platform_application_arn: wrong.into() };
        assert!(needs::<GetPlatformApplicationAttributes>(&get).is_err(), "{wrong}");
    }
    for wrong in ["", "x", "arn:aws:sns:eu-west-1:111122223333:t", APPLICATION] {
        let delete = DeleteEndpointInput { endpoint_arn: wrong.into() };
        assert!(needs::<DeleteEndpoint>(&delete).is_err(), "{wrong}");
    }
}
