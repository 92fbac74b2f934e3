//! Settings of short messages, opt-outs and origination numbers: SetSMSAttributes, GetSMSAttributes, CheckIfPhoneNumberIsOptedOut,
//! ListPhoneNumbersOptedOut, OptInPhoneNumber, ListOriginationNumbers.

use crate::api::{
    CheckIfPhoneNumberIsOptedOutInput, CheckIfPhoneNumberIsOptedOutResponse, GetSMSAttributesInput,
    GetSMSAttributesResponse, ListOriginationNumbersRequest, ListOriginationNumbersResult,
    ListPhoneNumbersOptedOutInput, ListPhoneNumbersOptedOutResponse, OptInPhoneNumberInput, OptInPhoneNumberResponse,
    PhoneNumberInformation, SetSMSAttributesInput, SetSMSAttributesResponse, enums,
};
use crate::needs::Asking;
use crate::page::Token;
use crate::records::pairs;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::sms::{self, Command, Number, OPTED_OUT_LISTED, ORIGINATION_LISTED, Place};
use gateway::{Caller, Need, Operation};
use std::sync::Arc;

/// Whose settings a request is about.
pub(super) fn place(caller: &Caller) -> Place {
    Place { account: caller.account, region: caller.region.clone() }
}

/// The first of what was found behind a token, and where the others go on.
pub(super) fn cut<T>(mut found: Vec<T>, most: usize, named: impl Fn(&T) -> &str) -> (Vec<T>, Option<String>) {
    let more = found.len() > most;
    found.truncate(most);
    let last = found.last().filter(|_| more);
    let next = last.map(|last| Token { topic: named(last).into(), number: 0 }.show());
    (found, next)
}

/// What a listing goes on behind; nothing is before all.
pub(super) fn behind(token: Option<&str>) -> Result<String, Refusal> {
    Ok(Token::parse(token)?.map(|token| token.topic.into_string()).unwrap_or_default())
}

pub(crate) struct SetSMSAttributes;

impl Operation<Inner> for SetSMSAttributes {
    type Input = SetSMSAttributesInput;
    type Output = SetSMSAttributesResponse;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, _input: &SetSMSAttributesInput) -> Result<Vec<Need>, Refusal> {
        Ok(Asking { service, caller }.anything("SetSMSAttributes"))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: SetSMSAttributesInput,
    ) -> Result<SetSMSAttributesResponse, Refusal> {
        sms::check(&input.attributes)?;
        service.messages.accounts.ask(&place(&caller), Command::Set(input.attributes)).await?;
        Ok(SetSMSAttributesResponse {})
    }
}

pub(crate) struct GetSMSAttributes;

impl Operation<Inner> for GetSMSAttributes {
    type Input = GetSMSAttributesInput;
    type Output = GetSMSAttributesResponse;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, _input: &GetSMSAttributesInput) -> Result<Vec<Need>, Refusal> {
        Ok(Asking { service, caller }.anything("GetSMSAttributes"))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: GetSMSAttributesInput,
    ) -> Result<GetSMSAttributesResponse, Refusal> {
        let asked = input.attributes.filter(|names| !names.is_empty());
        let is_asked = |name: &str| asked.as_ref().is_none_or(|names| names.iter().any(|asked| asked == name));
        let shown = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let settings = service.messages.accounts.told(&place(&caller), |account| Arc::clone(&account.settings)).await?;
        let attributes = pairs(&settings).filter(|(name, _)| is_asked(name)).map(shown).collect();
        Ok(GetSMSAttributesResponse { attributes: Some(attributes) })
    }
}

pub(crate) struct CheckIfPhoneNumberIsOptedOut;

impl Operation<Inner> for CheckIfPhoneNumberIsOptedOut {
    type Input = CheckIfPhoneNumberIsOptedOutInput;
    type Output = CheckIfPhoneNumberIsOptedOutResponse;
    type Refusal = Refusal;

    fn needs(
        service: &Inner,
        caller: &Caller,
        _input: &CheckIfPhoneNumberIsOptedOutInput,
    ) -> Result<Vec<Need>, Refusal> {
        Ok(Asking { service, caller }.anything("CheckIfPhoneNumberIsOptedOut"))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: CheckIfPhoneNumberIsOptedOutInput,
    ) -> Result<CheckIfPhoneNumberIsOptedOutResponse, Refusal> {
        let number = Number::of_parameter(&input.phone_number)?;
        let is_out =
            service.messages.accounts.told(&place(&caller), |account| account.opted_out.contains_key(&number)).await?;
        Ok(CheckIfPhoneNumberIsOptedOutResponse { is_opted_out: Some(is_out) })
    }
}

pub(crate) struct ListPhoneNumbersOptedOut;

impl Operation<Inner> for ListPhoneNumbersOptedOut {
    type Input = ListPhoneNumbersOptedOutInput;
    type Output = ListPhoneNumbersOptedOutResponse;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, _input: &ListPhoneNumbersOptedOutInput) -> Result<Vec<Need>, Refusal> {
        Ok(Asking { service, caller }.anything("ListPhoneNumbersOptedOut"))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: ListPhoneNumbersOptedOutInput,
    ) -> Result<ListPhoneNumbersOptedOutResponse, Refusal> {
        let after = behind(input.next_token.as_deref())?;
        let found = service
            .messages
            .accounts
            .told(&place(&caller), |account| account.opted_out_behind(&after, OPTED_OUT_LISTED + 1))
            .await?;
        let (numbers, next_token) = cut(found, OPTED_OUT_LISTED, String::as_str);
        Ok(ListPhoneNumbersOptedOutResponse { phone_numbers: Some(numbers), next_token })
    }
}

pub(crate) struct OptInPhoneNumber;

impl Operation<Inner> for OptInPhoneNumber {
    type Input = OptInPhoneNumberInput;
    type Output = OptInPhoneNumberResponse;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, _input: &OptInPhoneNumberInput) -> Result<Vec<Need>, Refusal> {
        Ok(Asking { service, caller }.anything("OptInPhoneNumber"))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: OptInPhoneNumberInput,
    ) -> Result<OptInPhoneNumberResponse, Refusal> {
        let number = Number::of_parameter(&input.phone_number)?;
        service.messages.accounts.ask(&place(&caller), Command::OptIn(number)).await?;
        Ok(OptInPhoneNumberResponse {})
    }
}

pub(crate) struct ListOriginationNumbers;

impl Operation<Inner> for ListOriginationNumbers {
    type Input = ListOriginationNumbersRequest;
    type Output = ListOriginationNumbersResult;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, _input: &ListOriginationNumbersRequest) -> Result<Vec<Need>, Refusal> {
        Ok(Asking { service, caller }.anything("ListOriginationNumbers"))
    }

    /// The operator's, in the order of their digits: every account sends from them.
    async fn call(
        service: Arc<Inner>,
        _caller: Caller,
        input: ListOriginationNumbersRequest,
    ) -> Result<ListOriginationNumbersResult, Refusal> {
        let after = behind(input.next_token.as_deref())?;
        let most = input.max_results.and_then(|most| usize::try_from(most).ok()).unwrap_or(ORIGINATION_LISTED);
        let mut found: Vec<String> = service.messages.options.origination_numbers.clone();
        found.sort_unstable();
        found.retain(|number| *number > after);
        let (numbers, next_token) = cut(found, most, String::as_str);
        let shown = |number| PhoneNumberInformation {
            phone_number: Some(number),
            status: Some("Active".to_owned()),
            number_capabilities: Some(vec![enums::number_capability::SMS.to_owned()]),
            ..PhoneNumberInformation::default()
        };
        let phone_numbers = Some(numbers.into_iter().map(shown).collect());
        Ok(ListOriginationNumbersResult { next_token, phone_numbers })
    }
}
