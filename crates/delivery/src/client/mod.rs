//! HTTP and HTTPS: one POST, its challenge answered, its redirects followed, within fifteen seconds.
//!
//! A name is looked up once and the connection goes to an address that was looked at, so that a name which changes its mind between
//! the two reaches nothing that it should not. Connections are kept for the next request to the same receiver. Nobody drives a
//! connection but the request that uses it: no task stands behind one.

mod challenge;
mod connection;
mod pool;

use crate::endpoint::Endpoint;
use crate::limits::{MAIL_SECS_MAX, RECEIVER_SECS_MAX, REDIRECTS_MAX};
use crate::mail::Mail;
use crate::smpp::MessageCenter;
use crate::sms::Sms;
use crate::smtp::MailServer;
use crate::transport::{Answer, Answering, Failed, Post, Transport};
use bytes::Bytes;
use connection::{Connection, Told};
pub use connection::{Dial, Dialing, Stream, tcp};
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderName, HeaderValue, Request};
use http_body_util::Full;
use pool::Pool;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// What a sender over HTTP is given.
#[derive(Clone)]
pub struct HttpOptions {
    /// Which addresses may be reached.
    pub may_reach: MayReach,
    /// Makes connections: [`tcp`], or what a simulation has in its place.
    pub dial: Dial,
    /// Asks the system for the addresses of a name.
    pub look_up: LookUp,
    /// Makes what believes certificates, when it is needed first: reading what the system trusts takes tens of milliseconds.
    pub tls: MakeTls,
    /// Fills bytes with chance, for digest authentication.
    pub chance: Chance,
    /// How long a receiver may take; nothing says otherwise than [`RECEIVER_SECS_MAX`] but tests.
    pub patience: Duration,
    /// Where mail is handed over, if anywhere.
    pub mail: Option<MailServer>,
    /// Where short messages are handed over, if anywhere.
    pub sms: Option<Arc<MessageCenter>>,
    /// Connections that are kept for the next request, some 10 KiB each; no more than [`IDLE_MAX`].
    pub idle_max: usize,
}

/// Makes what believes certificates.
pub type MakeTls = Arc<dyn Fn() -> Result<TlsConnector, String> + Send + Sync>;

/// Finds the addresses of a host and a port; nothing if it has none.
pub type LookUp = Arc<dyn Fn(String, u16) -> LookingUp + Send + Sync>;

/// A lookup under way.
pub type LookingUp = Pin<Box<dyn Future<Output = Option<Vec<SocketAddr>>> + Send>>;

/// Fills bytes with chance.
pub type Chance = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// Says of an address whether it may be reached.
pub type MayReach = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// How long a receiver may take, as AWS has it.
pub const PATIENCE: Duration = Duration::from_secs(RECEIVER_SECS_MAX);

/// Sends over HTTP.
pub struct Http {
    options: HttpOptions,
    connector: OnceLock<Result<TlsConnector, String>>,
    pool: Pool,
}

impl Http {
    /// A sender without connections.
    pub fn new(options: HttpOptions) -> Arc<Self> {
        let pool = Pool::of_at_most(options.idle_max);
        Arc::new(Self { options, connector: OnceLock::new(), pool })
    }

    async fn deliver(&self, post: Post) -> Result<Answer, Failed> {
        let mut endpoint = post.endpoint.clone();
        for _ in 0..=REDIRECTS_MAX {
            let told = self.ask(&endpoint, &post).await?;
            // What proves who we are goes to nobody else.
            let is_proof = |(name, _): &(&'static str, String)| *name == "authorization";
            let leads = matches!(told.answer.status, 301 | 302 | 307 | 308) && !post.headers.iter().any(is_proof);
            let next = told.location.as_deref().filter(|_| leads);
            match next.and_then(|location| endpoint.redirected(location)) {
                Some(next) => endpoint = next,
                None => return Ok(told.answer),
            }
        }
        Err(Failed::Forbidden(format!("it redirects more than {REDIRECTS_MAX} times")))
    }

    /// Asks one receiver, and once more with a login if it wants one.
    async fn ask(&self, endpoint: &Endpoint, post: &Post) -> Result<Told, Failed> {
        let told = self.exchange(endpoint, post, None).await?;
        let (401, Some(login)) = (told.answer.status, endpoint.login()) else { return Ok(told) };
        let challenges: Vec<&str> = told.challenges.iter().map(String::as_str).collect();
        let mut cnonce = [0; 16];
        (self.options.chance)(&mut cnonce);
        match challenge::answer(&challenges, login, endpoint.target(), &cnonce) {
            Some(authorization) => self.exchange(endpoint, post, Some(&authorization)).await,
            None => Ok(told),
        }
    }

    async fn exchange(&self, endpoint: &Endpoint, post: &Post, authorization: Option<&str>) -> Result<Told, Failed> {
        let request = || request(endpoint, post, authorization);
        // Before each use of a kept connection: what an operator forbids is forbidden from then on, and addresses change.
        if let Some(mut kept) = self.pool.take(endpoint)
            && let Ok(told) = kept.exchange(request()?).await
        {
            self.pool.put(endpoint, kept);
            return Ok(told);
        }
        // A kept connection may have been closed meanwhile, which shows when it is used: a receiver that got it twice gets the same.
        let mut fresh = self.connect(endpoint, post.is_operators).await?;
        let told = fresh.exchange(request()?).await?;
        self.pool.put(endpoint, fresh);
        Ok(told)
    }

    async fn connect(&self, endpoint: &Endpoint, is_operators: bool) -> Result<Connection, Failed> {
        let addresses = self.addresses(endpoint, is_operators).await?;
        let tls = if endpoint.is_secure() { Some(self.connector()?) } else { None };
        connection::connect(endpoint, (self.options.dial)(addresses), tls).await
    }

    fn connector(&self) -> Result<&TlsConnector, Failed> {
        let made = self.connector.get_or_init(|| (self.options.tls)());
        made.as_ref().map_err(|why| Failed::Unreachable(why.clone()))
    }

    async fn hand_over(&self, mail: &Mail) -> Result<Answer, Failed> {
        let server = self.options.mail.as_ref();
        let server = server.ok_or_else(|| Failed::Unreachable("no mail server is configured".into()))?;
        server.send(mail, self.connector().ok()).await
    }

    /// The addresses of a receiver, those that may be reached.
    async fn addresses(&self, endpoint: &Endpoint, is_operators: bool) -> Result<Vec<SocketAddr>, Failed> {
        let found = (self.options.look_up)(endpoint.host().to_owned(), endpoint.port()).await;
        let found = found.ok_or_else(|| Failed::Unreachable("its name has no address".into()))?;
        let (mut reachable, mut forbidden) = (Vec::new(), false);
        for address in found {
            match is_operators || (self.options.may_reach)(address.ip()) {
                true => reachable.push(address),
                false => forbidden = true,
            }
        }
        match (reachable.is_empty(), forbidden) {
            (false, _) => Ok(reachable),
            (true, true) => {
                Err(Failed::Forbidden("its address is a private one, which the server may not send to".into()))
            }
            (true, false) => Err(Failed::Unreachable("its name has no address".into())),
        }
    }
}

fn request(endpoint: &Endpoint, post: &Post, authorization: Option<&str>) -> Result<Request<Full<Bytes>>, Failed> {
    let unfit = |what: &str| Failed::Forbidden(format!("its {what} cannot be sent"));
    let mut request = Request::post(endpoint.target()).body(Full::new(post.body.clone())).map_err(|_| unfit("URL"))?;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::try_from(endpoint.authority()).map_err(|_| unfit("host"))?);
    for (name, value) in &post.headers {
        headers.insert(HeaderName::from_static(name), HeaderValue::try_from(value).map_err(|_| unfit("headers"))?);
    }
    if let Some(authorization) = authorization {
        let mut value = HeaderValue::try_from(authorization).map_err(|_| unfit("login"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(request)
}

/// What a shared sender is to those who deliver.
impl Transport for Arc<Http> {
    fn post(&self, post: Post) -> Answering {
        let http = Arc::clone(self);
        Box::pin(async move {
            let patience = http.options.patience;
            let late = |_| Err(Failed::Late(format!("it did not answer within {} s", patience.as_secs())));
            timeout(patience, http.deliver(post)).await.unwrap_or_else(late)
        })
    }

    fn mail(&self, mail: Mail) -> Answering {
        let http = Arc::clone(self);
        Box::pin(async move {
            let late = |_| Err(Failed::Late(format!("the mail server took more than {MAIL_SECS_MAX} s")));
            timeout(Duration::from_secs(MAIL_SECS_MAX), http.hand_over(&mail)).await.unwrap_or_else(late)
        })
    }

    fn sms(&self, sms: Sms) -> Answering {
        let center = self.options.sms.clone();
        Box::pin(async move {
            let center = center.ok_or_else(|| Failed::Unreachable("no message center is configured".into()))?;
            center.submit(&sms).await
        })
    }
}
