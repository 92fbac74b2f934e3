//! Short messages as the operator configures them: the gateway that they go to, whom they are from, what phones answer.
//!
//! `sns.sms_gateway` is a URL: of HTTP, to which each message is posted, or of a message center, `smpp://` or `smpps://`. Without one
//! messages go nowhere, and the page `/_aws/sns/sms-messages` shows the latest (`pages.rs`).

pub(crate) mod pages;

use crate::config::Config;
use crate::tls::connector;
use access::Secret;
use delivery::{CenterAddress, Endpoint, MessageCenter};
use sns::{SmsGateway, SmsOptions, Sns};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What can be configured of short messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Settings {
    /// A URL, which may have a login in it.
    pub(crate) gateway: Option<Secret>,
    pub(crate) token: Option<Secret>,
    pub(crate) origination_numbers: Vec<String>,
    pub(crate) sandbox: bool,
    pub(crate) part_micros: u64,
    pub(crate) sessions: usize,
    pub(crate) listens: bool,
    pub(crate) replies_token: Option<Secret>,
}

/// Sessions with a message center: what one lets a customer have, with room.
const SESSIONS_MAX: usize = 64;

/// How long a message center that ended a session, or is not there, is left alone.
const LISTEN_AGAIN: Duration = Duration::from_secs(5);

/// Numbers that messages are from, divided by commas.
pub(crate) fn numbers(text: &str) -> Result<Vec<String>, String> {
    let is_number = |number: &&str| {
        let digits = number.strip_prefix('+').unwrap_or(number);
        (3..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let parts = || text.split(',').map(str::trim).filter(|part| !part.is_empty());
    match parts().find(|part| !is_number(part)) {
        Some(wrong) => Err(format!("{wrong:?} is neither a number such as +15550100 nor a short code")),
        None => Ok(parts().map(str::to_owned).collect()),
    }
}

/// An amount in USD, in millionths.
pub(crate) fn price(text: &str) -> Result<u64, String> {
    sns::usd_micros(text).ok_or_else(|| "expected an amount such as 0.00645".into())
}

/// How many sessions a message center may be asked for.
pub(crate) fn sessions(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=SESSIONS_MAX).contains(&number) => Ok(number),
        _ => Err(format!("expected 1 to {SESSIONS_MAX}")),
    }
}

impl Settings {
    fn url(&self) -> Result<Option<&str>, String> {
        match &self.gateway {
            Some(url) => url.expose_text().map(Some).ok_or_else(|| "sns.sms_gateway is no text".into()),
            None => Ok(None),
        }
    }

    /// What SNS is told, or what is wrong with it. Never the URL: it may have a password.
    pub(crate) fn options(&self) -> Result<SmsOptions, String> {
        let wrong = |why: String| format!("sns.sms_gateway: {why}");
        let gateway = match self.url()? {
            None => SmsGateway::None,
            Some(url) if url.starts_with("smpp") => {
                CenterAddress::parse(url).map_err(wrong)?;
                SmsGateway::Smpp
            }
            Some(url) => {
                let endpoint = Endpoint::parse(url);
                let endpoint = endpoint.map_err(|_| wrong("expected http://, https://, smpp:// or smpps://".into()))?;
                let bearer = self.token.as_ref().and_then(Secret::expose_text).map(|token| format!("Bearer {token}"));
                let authorization = bearer.or_else(|| endpoint.basic());
                SmsGateway::Http(endpoint, authorization.map(|text| Secret::from(text.as_str())))
            }
        };
        let is_http = matches!(gateway, SmsGateway::Http(..));
        if self.token.is_some() && !is_http {
            return Err("sns.sms_gateway_token is for a gateway over HTTP, and sns.sms_gateway is none".into());
        }
        if self.listens && !matches!(gateway, SmsGateway::Smpp) {
            return Err("sns.sms_replies takes a message center: sns.sms_gateway = smpp://… or smpps://…".into());
        }
        let (origination_numbers, sandbox) = (self.origination_numbers.clone(), self.sandbox);
        Ok(SmsOptions { gateway, origination_numbers, sandbox, part_micros: self.part_micros })
    }

    /// The message center, if that is what the gateway is. It was read when the configuration was checked.
    pub(crate) fn center(&self, config: &Config) -> Option<Arc<MessageCenter>> {
        let address = self.url().ok().flatten().and_then(|url| CenterAddress::parse(url).ok())?;
        let authorities = config.receivers_ca.clone();
        let tls = Arc::new(move || {
            let files: Vec<&Path> = authorities.iter().map(PathBuf::as_path).collect();
            connector(&files)
        });
        Some(MessageCenter::new(address, self.sessions, tls))
    }
}

/// Hears what phones answer through a message center, for as long as it is polled.
pub(crate) async fn listen(center: Option<Arc<MessageCenter>>, sns: Arc<Sns>) {
    let Some(center) = center else { return };
    let heard = move |number: String, text: String| {
        let sns = Arc::clone(&sns);
        let kept: std::pin::Pin<Box<dyn Future<Output = bool> + Send>> =
            Box::pin(async move { sns.hear_phone(&number, &text).await });
        kept
    };
    loop {
        let why = center.listen(&heard).await;
        tracing::warn!(%why, "what phones answer is not heard now");
        tokio::time::sleep(LISTEN_AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(url: &str) -> Settings {
        Settings { gateway: Some(Secret::from(url)), ..Settings::default() }
    }

    #[test]
    fn a_gateway_is_a_url_of_http_or_of_a_message_center() {
        assert!(matches!(Settings::default().options().unwrap().gateway, SmsGateway::None));
        assert!(matches!(with("smpp://a:b@h").options().unwrap().gateway, SmsGateway::Smpp));
        let authorization = |settings: &Settings| match settings.options().unwrap().gateway {
            SmsGateway::Http(_, authorization) => {
                authorization.and_then(|secret| secret.expose_text().map(str::to_owned))
            }
            _ => None,
        };
        assert_eq!(authorization(&with("https://a:b@h/sms")).as_deref(), Some("Basic YTpi"));
        let bearer = Settings { token: Some(Secret::from("t")), ..with("https://h/sms") };
        assert_eq!(authorization(&bearer).as_deref(), Some("Bearer t"));
        for url in ["h", "ftp://h", "smpp://secret@", "smpp://h"] {
            let why = with(url).options().err().unwrap();
            assert!(why.starts_with("sns.sms_gateway: ") && !why.contains("secret"), "{why}");
        }
    }

    #[test]
    fn keys_that_nothing_would_come_of_are_refused() {
        let token = Settings { token: Some(Secret::from("t")), ..with("smpp://a:b@h") };
        let listens = Settings { listens: true, ..with("http://h") };
        assert!(token.options().is_err() && listens.options().is_err());
        assert_eq!(numbers("+15550100, 77001").unwrap(), ["+15550100", "77001"]);
        assert!(numbers("me").is_err() && price("much").is_err() && sessions("0").is_err() && sessions("65").is_err());
    }
}
