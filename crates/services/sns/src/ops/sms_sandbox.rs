//! The sandbox of short messages: GetSMSSandboxAccountStatus, CreateSMSSandboxPhoneNumber, VerifySMSSandboxPhoneNumber,
//! DeleteSMSSandboxPhoneNumber, ListSMSSandboxPhoneNumbers.
//!
//! Whether there is one is the operator's word (`sns.sms_sandbox`); numbers can be verified either way, as in AWS.

use crate::api::{
    CreateSMSSandboxPhoneNumberInput, CreateSMSSandboxPhoneNumberResult, DeleteSMSSandboxPhoneNumberInput,
    DeleteSMSSandboxPhoneNumberResult, GetSMSSandboxAccountStatusInput, GetSMSSandboxAccountStatusResult,
    ListSMSSandboxPhoneNumbersInput, ListSMSSandboxPhoneNumbersResult, SMSSandboxPhoneNumber,
    VerifySMSSandboxPhoneNumberInput, VerifySMSSandboxPhoneNumberResult, enums,
};
use crate::needs::Asking;
use crate::ops::sms::{behind, cut, place};
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::sms::{Command, Number, PASSWORD_DIGITS, SANDBOX_LISTED, publish_text};
use gateway::{Caller, Need, Operation};
use std::sync::Arc;

pub(crate) struct GetSMSSandboxAccountStatus;

impl Operation<Inner> for GetSMSSandboxAccountStatus {
    type Input = GetSMSSandboxAccountStatusInput;
    type Output = GetSMSSandboxAccountStatusResult;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, _input: &GetSMSSandboxAccountStatusInput) -> Result<Vec<Need>, Refusal> {
        Ok(Asking { service, caller }.anything("GetSMSSandboxAccountStatus"))
    }

    async fn call(
        service: Arc<Inner>,
        _caller: Caller,
        _input: GetSMSSandboxAccountStatusInput,
    ) -> Result<GetSMSSandboxAccountStatusResult, Refusal> {
        Ok(GetSMSSandboxAccountStatusResult { is_in_sandbox: service.messages.options.sandbox })
    }
}

pub(crate) struct CreateSMSSandboxPhoneNumber;

impl Operation<Inner> for CreateSMSSandboxPhoneNumber {
    type Input = CreateSMSSandboxPhoneNumberInput;
    type Output = CreateSMSSandboxPhoneNumberResult;
    type Refusal = Refusal;

    fn needs(
        service: &Inner,
        caller: &Caller,
        _input: &CreateSMSSandboxPhoneNumberInput,
    ) -> Result<Vec<Need>, Refusal> {
        Ok(Asking { service, caller }.anything("CreateSMSSandboxPhoneNumber"))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: CreateSMSSandboxPhoneNumberInput,
    ) -> Result<CreateSMSSandboxPhoneNumberResult, Refusal> {
        let number = Number::of_parameter(&input.phone_number)?;
        let password = password(&service);
        let command = Command::Test(number.clone(), password.as_str().into());
        service.messages.accounts.ask(&place(&caller), command).await?;
        // A crash between the two leaves a number that nobody can verify before it is asked for again.
        let text = question(input.language_code.as_deref(), &password);
        publish_text(&service, &caller, &number, &text).await?;
        Ok(CreateSMSSandboxPhoneNumberResult {})
    }
}

/// A one-time password of digits by chance.
fn password(service: &Inner) -> String {
    let bytes = service.secret();
    let number = u64::from_be_bytes(bytes[..8].try_into().expect("a secret has 32 bytes"));
    let digits = PASSWORD_DIGITS as usize;
    format!("{:0digits$}", number % 10_u64.pow(PASSWORD_DIGITS))
}

/// How a phone is told its password.
fn question(language: Option<&str>, password: &str) -> String {
    use enums::language_code_string as languages;
    match language.unwrap_or(languages::EN_US) {
        languages::DE_DE => format!("Ihr Bestätigungscode lautet {password}"),
        languages::ES_419 | languages::ES_ES => format!("Su código de verificación es {password}"),
        languages::FR_CA | languages::FR_FR => format!("Votre code de vérification est {password}"),
        languages::IT_IT => format!("Il tuo codice di verifica è {password}"),
        languages::JA_JP => format!("確認コードは {password} です"),
        languages::PT_BR => format!("Seu código de verificação é {password}"),
        languages::KR_KR => format!("인증 코드는 {password} 입니다"),
        languages::ZH_CN => format!("您的验证码是 {password}"),
        languages::ZH_TW => format!("您的驗證碼是 {password}"),
        _ => format!("Your verification code is {password}"),
    }
}

pub(crate) struct VerifySMSSandboxPhoneNumber;

impl Operation<Inner> for VerifySMSSandboxPhoneNumber {
    type Input = VerifySMSSandboxPhoneNumberInput;
    type Output = VerifySMSSandboxPhoneNumberResult;
    type Refusal = Refusal;

    fn needs(
        service: &Inner,
        caller: &Caller,
        _input: &VerifySMSSandboxPhoneNumberInput,
    ) -> Result<Vec<Need>, Refusal> {
        Ok(Asking { service, caller }.anything("VerifySMSSandboxPhoneNumber"))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: VerifySMSSandboxPhoneNumberInput,
    ) -> Result<VerifySMSSandboxPhoneNumberResult, Refusal> {
        let number = Number::of_parameter(&input.phone_number)?;
        let command = Command::Verify(number, input.one_time_password.into());
        service.messages.accounts.ask(&place(&caller), command).await?;
        Ok(VerifySMSSandboxPhoneNumberResult {})
    }
}

pub(crate) struct DeleteSMSSandboxPhoneNumber;

impl Operation<Inner> for DeleteSMSSandboxPhoneNumber {
    type Input = DeleteSMSSandboxPhoneNumberInput;
    type Output = DeleteSMSSandboxPhoneNumberResult;
    type Refusal = Refusal;

    fn needs(
        service: &Inner,
        caller: &Caller,
        _input: &DeleteSMSSandboxPhoneNumberInput,
    ) -> Result<Vec<Need>, Refusal> {
        Ok(Asking { service, caller }.anything("DeleteSMSSandboxPhoneNumber"))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: DeleteSMSSandboxPhoneNumberInput,
    ) -> Result<DeleteSMSSandboxPhoneNumberResult, Refusal> {
        let number = Number::of_parameter(&input.phone_number)?;
        service.messages.accounts.ask(&place(&caller), Command::Forget(number)).await?;
        Ok(DeleteSMSSandboxPhoneNumberResult {})
    }
}

pub(crate) struct ListSMSSandboxPhoneNumbers;

impl Operation<Inner> for ListSMSSandboxPhoneNumbers {
    type Input = ListSMSSandboxPhoneNumbersInput;
    type Output = ListSMSSandboxPhoneNumbersResult;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, _input: &ListSMSSandboxPhoneNumbersInput) -> Result<Vec<Need>, Refusal> {
        Ok(Asking { service, caller }.anything("ListSMSSandboxPhoneNumbers"))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: ListSMSSandboxPhoneNumbersInput,
    ) -> Result<ListSMSSandboxPhoneNumbersResult, Refusal> {
        let after = behind(input.next_token.as_deref())?;
        let most = input.max_results.and_then(|most| usize::try_from(most).ok()).unwrap_or(SANDBOX_LISTED);
        let found = service.messages.accounts.told(&place(&caller), |account| account.tested_behind(&after)).await?;
        let (found, next_token) = cut(found, most, |(number, _)| number.as_str());
        let shown = |(number, is_verified): (Number, bool)| SMSSandboxPhoneNumber {
            phone_number: Some(number.as_str().to_owned()),
            status: Some(if is_verified { "Verified" } else { "Pending" }.to_owned()),
        };
        Ok(ListSMSSandboxPhoneNumbersResult { phone_numbers: found.into_iter().map(shown).collect(), next_token })
    }
}
