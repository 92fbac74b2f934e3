//! A letter for an endpoint, brought to its push service: with what proves who sends, what the platform wants, and what its answer
//! means for the endpoint.
//!
//! Access tokens are an application's: one is made when the first letter wants it, and used until shortly before its end or until the
//! service refuses it, which is answered once with a new one. An endpoint whose device is gone is disabled, if its token is still the one
//! that was refused. Source: Developer Guide, "Using Amazon SNS for mobile push"; for the services, crate `delivery`, `push/`.

use super::applications::AppEntry;
use super::limits::{ACCESS_PAUSE_SECS, ACCESS_SECS_DEFAULT, ACCESS_SPARE_SECS, APNS_TOKEN_SECS};
use super::page::{About, Credentials, Endpoint};
use super::platform::{AppKey, Platform};
use super::refusals::{APPLICATION_DISABLED, ENDPOINT_DISABLED};
use super::{attributes, events, payload};
use crate::outbox::Hands;
use crate::receivers::Notice;
use crate::service::Inner;
use crate::topic_key::SubscriptionId;
use access::Secret;
use delivery::push::{Certificate, Fault, Judged, adm, apns, fcm};
use delivery::{Answer, Failed, InvalidEndpoint};
use names::Instant;
use serde_json::{Map, Value};
use std::sync::Arc;

const NO_ENDPOINT: &str = "Endpoint does not exist";
const BAD_CREDENTIALS: &str = "Platform application credentials are not valid";
const TOO_LATE: &str = "Its time to live was over before it could be sent";

/// What a message is sent with.
struct Access {
    granted: Granted,
    until: Instant,
    /// What it was made of.
    of: Credentials,
}

/// An application's access, and what came of asking for it where that failed.
#[derive(Default)]
pub(crate) struct Accesses {
    kept: Option<Access>,
    failed: Option<(Instant, Credentials, NoAccess)>,
}

#[derive(Clone)]
enum Granted {
    Certificate(Arc<Certificate>),
    Token(Arc<Secret>),
    Account(Arc<fcm::Account>, Arc<Secret>),
}

/// One letter on its way.
struct Sending<'a> {
    inner: &'a Inner,
    hands: &'a Hands,
    entry: Arc<AppEntry>,
    about: Arc<About>,
    endpoint: Endpoint,
    members: &'a Map<String, Value>,
    id: u128,
    published_at: Instant,
    now: Instant,
}

/// Why there is no access: what the letter's attempt comes to.
type NoAccess = Result<Answer, Failed>;

/// The endpoint of a letter: that of a direct publish, or the subscribed one.
pub(crate) fn target<'a>(members: &'a Map<String, Value>, subscribed: &'a str) -> &'a str {
    members.get("TargetArn").and_then(Value::as_str).unwrap_or(subscribed)
}

/// Brings a letter to an endpoint, once.
pub(crate) async fn deliver(
    inner: &Inner,
    hands: &Hands,
    subscribed: &str,
    notice: &Notice<'_>,
    now: Instant,
) -> Result<Answer, Failed> {
    let forbidden = |why: &str| Err(Failed::Forbidden(why.to_owned()));
    let members = notice.members();
    let Ok((key, id)) = AppKey::parse_endpoint("TargetArn", target(&members, subscribed)) else {
        return forbidden(NO_ENDPOINT);
    };
    let applications = &inner.push.applications;
    let Some(entry) = applications.find(&key) else { return forbidden(NO_ENDPOINT) };
    let Some(endpoint) = applications.endpoint(&entry, id) else { return forbidden(NO_ENDPOINT) };
    let about = entry.about();
    if !attributes::is_enabled(&about) {
        return forbidden(APPLICATION_DISABLED);
    }
    if !endpoint.is_enabled {
        return forbidden(ENDPOINT_DISABLED);
    }
    let (id, published_at) = (notice.id(), notice.message.sent_at);
    let sending = Sending { inner, hands, entry, about, endpoint, members: &members, id, published_at, now };
    let answer = sending.send().await?;
    match judged(key.platform, &answer) {
        None => inner.push.messages.note(target(&members, subscribed), id, &members),
        Some(judged) if judged.disables => sending.disable().await,
        Some(_) => {}
    }
    Ok(answer)
}

fn judged(platform: Platform, answer: &Answer) -> Option<Judged> {
    match platform {
        Platform::Adm => adm::judged(answer),
        Platform::Gcm => fcm::judged(answer),
        _ => apns::judged(answer),
    }
}

/// FailureType and FailureMessage of an attempt that was the last.
pub(crate) fn failure(platform: Platform, status: Option<u16>, said: &str) -> (&'static str, String) {
    let fault = match (status, said) {
        (Some(status), _) => judged(platform, &Answer { status, body: said.to_owned() }).map(|judged| judged.fault),
        (None, ENDPOINT_DISABLED) => return ("EndpointDisabled", ENDPOINT_DISABLED.to_owned()),
        (None, APPLICATION_DISABLED) => return ("PlatformApplicationDisabled", APPLICATION_DISABLED.to_owned()),
        (None, NO_ENDPOINT) => return ("EndpointNotFound", NO_ENDPOINT.to_owned()),
        (None, TOO_LATE) => return ("TimeToLiveExpired", TOO_LATE.to_owned()),
        (None, BAD_CREDENTIALS) => Some(Fault::Credentials),
        (None, _) => Some(Fault::Unavailable),
    };
    let fault = fault.unwrap_or(Fault::Unexpected);
    (fault.name(), fault.message(platform.name()))
}

impl Sending<'_> {
    fn platform(&self) -> Platform {
        self.about.key.platform
    }

    async fn send(&self) -> Result<Answer, Failed> {
        let ttl = self.ttl_left()?;
        let Some(url) = self.inner.push.urls.of(self.platform()) else {
            return Ok(Answer { status: 200, body: String::new() });
        };
        let access = match self.access(None).await {
            Ok(access) => access,
            Err(outcome) => return outcome,
        };
        let answer = self.ask(url, ttl, &access).await?;
        if !judged(self.platform(), &answer).is_some_and(|judged| judged.renews) {
            return Ok(answer);
        }
        match self.access(Some(&access)).await {
            Ok(access) => self.ask(url, ttl, &access).await,
            Err(outcome) => outcome,
        }
    }

    async fn ask(&self, url: &str, ttl: Option<u64>, access: &Granted) -> Result<Answer, Failed> {
        let text = self.text("Message").unwrap_or_default();
        let is_own = self.text("MessageStructure") == Some("json");
        let payload = payload::of(self.platform(), text, is_own);
        let device = &*self.endpoint.token;
        let unfit = |_: InvalidEndpoint| Failed::Forbidden("the address of its service is no URL".into());
        let shown = |token: &Secret| token.expose_text().unwrap_or_default().to_owned();
        match access {
            Granted::Account(account, token) => {
                let message = fcm::message(&payload, device, ttl);
                let post = account.post(url, &message, &shown(token)).map_err(unfit)?;
                self.hands.transport.post(post).await
            }
            Granted::Token(token) if self.platform() == Platform::Adm => {
                let post = adm::post(url, device, &payload, ttl, &shown(token)).map_err(unfit)?;
                self.hands.transport.post(post).await
            }
            Granted::Token(token) => self.to_apple(url, &payload, ttl, Ok(&shown(token))).await,
            Granted::Certificate(certificate) => self.to_apple(url, &payload, ttl, Err(Arc::clone(certificate))).await,
        }
    }

    async fn to_apple(
        &self,
        url: &str,
        payload: &str,
        ttl: Option<u64>,
        access: Result<&str, Arc<Certificate>>,
    ) -> Result<Answer, Failed> {
        let own = |name: &str| self.attribute(&format!("AWS.SNS.MOBILE.APNS.{name}"));
        let bundle = self.about.attributes.get(attributes::BUNDLE_ID).map(|bundle| &**bundle);
        let options = apns::Options {
            topic: own("TOPIC").or(bundle),
            push_type: own("PUSH_TYPE"),
            priority: own("PRIORITY"),
            collapse_id: own("COLLAPSE_ID"),
            expires_at_secs: ttl.map(|secs| if secs == 0 { 0 } else { self.now.as_secs() + secs }),
            is_voip: self.platform().is_voip(),
            // Of this notification to this device, so that one that comes twice is known to be the same.
            id: SubscriptionId(self.id ^ self.endpoint.id.0).show(),
        };
        let unfit = |_: InvalidEndpoint| Failed::Forbidden("the address of its service is no URL".into());
        let push = apns::push(url, &self.endpoint.token, payload, &options, access).map_err(unfit)?;
        self.hands.pushes.push(push).await
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str)
    }

    /// The text of a message attribute.
    fn attribute(&self, name: &str) -> Option<&str> {
        self.members.get("MessageAttributes")?.get(name)?.get("Value")?.as_str()
    }

    /// Seconds for which the service may still try; nothing if nobody says.
    fn ttl_left(&self) -> Result<Option<u64>, Failed> {
        let of = |name: &str| self.attribute(&format!("AWS.SNS.MOBILE.{name}.TTL")).and_then(|ttl| ttl.parse().ok());
        let given: Option<u64> = match self.platform() {
            Platform::Gcm => of("FCM").or_else(|| of("GCM")),
            platform => of(platform.name()),
        };
        let dwell = self.now.since(self.published_at).as_secs();
        match given {
            None => Ok(None),
            // "Try once", but for Amazon's service, which has no such thing: the message is dropped.
            Some(0) if self.platform() != Platform::Adm => Ok(Some(0)),
            Some(ttl) if ttl > dwell => Ok(Some(ttl - dwell)),
            Some(_) => Err(Failed::Forbidden(TOO_LATE.to_owned())),
        }
    }

    /// What requests are sent with; another one than `refused`.
    async fn access(&self, refused: Option<&Granted>) -> Result<Granted, NoAccess> {
        let mut accesses = self.entry.access.lock().await;
        let is_good = |access: &Access| {
            access.of == self.about.credentials
                && access.until > self.now
                && refused.is_none_or(|refused| !refused.is(&access.granted))
        };
        if let Some(access) = accesses.kept.as_ref().filter(|access| is_good(access)) {
            return Ok(access.granted.clone());
        }
        // Whoever waited while another one asked in vain does not ask once more, or those behind it would wait for ever.
        if let Some((until, of, outcome)) = &accesses.failed
            && *until > self.inner.outboxes.now()
            && *of == self.about.credentials
        {
            return Err(outcome.clone());
        }
        let of = self.about.credentials.clone();
        match self.granted().await {
            Ok((granted, secs)) => {
                let access = Access { granted: granted.clone(), until: self.now.plus_secs(secs), of };
                *accesses = Accesses { kept: Some(access), failed: None };
                Ok(granted)
            }
            Err(outcome) => {
                let until = self.inner.outboxes.now().plus_secs(ACCESS_PAUSE_SECS);
                accesses.failed = Some((until, of, outcome.clone()));
                Err(outcome)
            }
        }
    }

    /// Access, and the seconds for which it counts.
    async fn granted(&self) -> Result<(Granted, u64), NoAccess> {
        let refused = || Err(Failed::Forbidden(BAD_CREDENTIALS.to_owned()));
        let urls = &self.inner.push.urls;
        let token = |token: String| Arc::new(Secret::from(token));
        match self.platform() {
            Platform::Gcm => {
                let account = fcm::Account::read(self.credential()).map_err(|_| refused())?;
                let grant = account.grant(&urls.fcm_token, self.now.as_secs()).map_err(|_| refused())?;
                let answer = self.hands.transport.post(grant).await.map_err(Err)?;
                let (given, secs) = self.grant_of(answer, fcm::granted)?;
                Ok((Granted::Account(Arc::new(account), token(given)), secs))
            }
            Platform::Adm => {
                let grant = adm::grant(&urls.adm_token, self.principal(), self.credential()).map_err(|_| refused())?;
                let answer = self.hands.transport.post(grant).await.map_err(Err)?;
                let (given, secs) = self.grant_of(answer, adm::granted)?;
                Ok((Granted::Token(token(given)), secs))
            }
            _ => match read_apples(&self.about).map_err(|()| refused())? {
                apns::Credentials::Certificate(certificate) => Ok((Granted::Certificate(certificate), APNS_TOKEN_SECS)),
                apns::Credentials::Tokens(key) => {
                    let made = key.token(self.now.as_secs()).map_err(|_| refused())?;
                    Ok((Granted::Token(token(made)), APNS_TOKEN_SECS))
                }
            },
        }
    }

    /// The token of an answer. What refuses to give one refuses the credentials, unless it is to be asked later.
    fn grant_of(
        &self,
        answer: Answer,
        read: impl Fn(&Answer) -> Option<(String, u64)>,
    ) -> Result<(String, u64), NoAccess> {
        match (answer.status, read(&answer)) {
            (200, Some((token, secs))) => {
                let secs = if secs == 0 { ACCESS_SECS_DEFAULT } else { secs };
                Ok((token, secs.saturating_sub(ACCESS_SPARE_SECS).max(1)))
            }
            (429 | 500..=599, _) => Err(Ok(answer)),
            (200, None) => Err(Err(Failed::Broken("its token service gives no token".into()))),
            // What it says of the credentials is nobody's business but theirs who sent them.
            _ => Err(Err(Failed::Forbidden(BAD_CREDENTIALS.to_owned()))),
        }
    }

    fn credential(&self) -> &str {
        self.about.credentials.credential.expose_text().unwrap_or_default()
    }

    fn principal(&self) -> &str {
        self.about.credentials.principal.expose_text().unwrap_or_default()
    }

    /// Nothing more is sent to a device that is gone, until its owner says otherwise.
    async fn disable(&self) {
        let Self { inner, entry, endpoint, .. } = self;
        let token = &endpoint.token;
        let disable = |known: &mut Endpoint| {
            known.is_enabled &= known.token != *token;
            Ok(())
        };
        let changed = inner.push.applications.change_endpoint(entry, endpoint.id, disable);
        // Nobody waits for it: a crash that forgets it has the letter sent once more, and refused again.
        if let Ok(Some(_)) = changed {
            let caller = events::caller(self.hands, &self.about);
            let event = events::Event::Updated { endpoint: endpoint.id };
            events::tell(inner, &caller, &self.about, &event).await;
        }
    }
}

impl Granted {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Certificate(one), Self::Certificate(other)) => Arc::ptr_eq(one, other),
            (Self::Token(one) | Self::Account(_, one), Self::Token(other) | Self::Account(_, other)) => {
                Arc::ptr_eq(one, other)
            }
            _ => false,
        }
    }
}

fn read_apples(about: &About) -> Result<apns::Credentials, ()> {
    let Credentials { credential, principal } = &about.credentials;
    let (credential, principal) = (credential.expose_text().ok_or(())?, principal.expose_text().ok_or(())?);
    let team = about.attributes.get(attributes::TEAM_ID).map(|team| &**team);
    apns::Credentials::read(credential, principal, team).map_err(|_| ())
}

/// Whether credentials can be such as their service gives out. They are asked for where they are used.
pub(crate) fn can_be(about: &About) -> bool {
    let Credentials { credential, principal } = &about.credentials;
    match about.key.platform {
        Platform::Gcm => credential.expose_text().is_some_and(|text| fcm::Account::read(text).is_ok()),
        Platform::Adm => !credential.is_empty() && !principal.is_empty(),
        _ => read_apples(about).is_ok(),
    }
}
