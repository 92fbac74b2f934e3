//! Short messages through a message center that an operator names: SMPP 3.4, in the clear or over TLS.
//!
//! Sessions are bound as transmitters when they are needed and kept for the next message, a message at a time on each; as many as the
//! operator says, and whoever finds none waits in line. No task stands behind one: a session that nobody has used for a while is
//! asked whether it is alive before it is used again, one that was idle for long is unbound. A long message goes out in parts, in
//! order, on one session; if one of them fails, all are sent again, under the same reference, so that the phone puts them together.
//!
//! [`MessageCenter::listen`] is bound as a transceiver beside them, for what phones answer; some centers know no receivers.

mod pdu;
mod session;

use crate::limits::{SMPP_ENQUIRE_SECS, SMPP_IDLE_SECS_MAX, SMPP_PROBE_SECS_MAX, SMS_SECS_MAX};
use crate::sms::Sms;
use crate::stream::secured;
use crate::transport::{Answer, Failed};
use session::{Session, Trouble};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Where a message center is, and who the server is to it.
#[derive(Clone, PartialEq, Eq)]
pub struct CenterAddress {
    is_secure: bool,
    host: Box<str>,
    port: u16,
    system_id: Box<str>,
    password: Box<str>,
}

/// The port of SMPP, and of SMPP over TLS.
const PORT: u16 = 2775;
const SECURE_PORT: u16 = 3550;

/// What fits into the fields of a bind, their zeros aside.
const SYSTEM_ID_LEN_MAX: usize = 15;
const PASSWORD_LEN_MAX: usize = 8;

impl CenterAddress {
    /// Reads `smpp://system_id:password@host[:port]` or `smpps://`.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or("expected smpp://SYSTEM_ID:PASSWORD@HOST or smpps://")?;
        let is_secure = match scheme {
            "smpp" => false,
            "smpps" => true,
            other => return Err(format!("{other}:// is neither smpp:// nor smpps://")),
        };
        // A URL of HTTP has all the parts that this one has.
        let rest = rest.trim_end_matches('/');
        let parsed = crate::Endpoint::parse(&format!("http://{rest}"));
        let parsed = parsed.map_err(|_| "it is no URL with a host".to_owned())?;
        let named = rest.rsplit('@').next().unwrap_or_default();
        let has_port = named.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let login = parsed.login().ok_or("it has no SYSTEM_ID:PASSWORD@ before its host")?;
        if login.user.len() > SYSTEM_ID_LEN_MAX || login.password.len() > PASSWORD_LEN_MAX {
            return Err(format!(
                "SMPP takes {SYSTEM_ID_LEN_MAX} characters of a system id and {PASSWORD_LEN_MAX} of a password"
            ));
        }
        let usual = if is_secure { SECURE_PORT } else { PORT };
        Ok(Self {
            is_secure,
            host: parsed.host().into(),
            port: if has_port { parsed.port() } else { usual },
            system_id: login.user.clone(),
            password: login.password.clone(),
        })
    }
}

impl fmt::Debug for CenterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Takes what a phone answers, its number first; says whether it is kept.
pub type Heard = dyn Fn(String, String) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync;

/// Makes what believes the center's certificate, when it is needed.
pub type CenterTls = Arc<dyn Fn() -> Result<TlsConnector, String> + Send + Sync>;

/// A message center.
pub struct MessageCenter {
    address: CenterAddress,
    tls: CenterTls,
    places: Semaphore,
    idle: Mutex<Vec<Session>>,
    patience: Duration,
    /// How long a center may say nothing to whoever listens.
    quiet: Duration,
}

impl MessageCenter {
    /// A center that so many sessions may be bound to at one time.
    pub fn new(address: CenterAddress, sessions: usize, tls: CenterTls) -> Arc<Self> {
        let (patience, quiet) = (Duration::from_secs(SMS_SECS_MAX), Duration::from_secs(SMPP_ENQUIRE_SECS));
        let places = Semaphore::new(sessions.max(1));
        Arc::new(Self { address, tls, places, idle: Mutex::default(), patience, quiet })
    }

    /// Hands a message over, all its parts.
    pub async fn submit(&self, sms: &Sms) -> Result<Answer, Failed> {
        let late = |_| Err(Failed::Late(format!("the message center took more than {} s", self.patience.as_secs())));
        timeout(self.patience, self.hand_over(sms)).await.unwrap_or_else(late)
    }

    async fn hand_over(&self, sms: &Sms) -> Result<Answer, Failed> {
        let _place = self.places.acquire().await.map_err(|_| Failed::Unreachable("the server stops".into()))?;
        let bodies = pdu::submits(sms);
        if let Some(mut kept) = self.kept().await {
            match send_all(&mut kept, &bodies).await {
                // A kept session may have ended meanwhile, which shows when it is used.
                Err(Trouble::Broken(_)) => {}
                done => return self.keep(kept, done),
            }
        }
        let mut fresh = self.bind(pdu::BIND_TRANSMITTER).await?;
        let done = send_all(&mut fresh, &bodies).await;
        self.keep(fresh, done)
    }

    /// A session that was used before and is alive.
    async fn kept(&self) -> Option<Session> {
        loop {
            let mut session = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            let probe = Duration::from_secs(SMPP_PROBE_SECS_MAX);
            match session.idle().as_secs() {
                0..SMPP_PROBE_SECS_MAX => return Some(session),
                SMPP_IDLE_SECS_MAX.. => session.unbind(probe).await,
                _ if session.is_alive(probe).await => return Some(session),
                _ => {}
            }
        }
    }

    fn keep(&self, session: Session, done: Result<Answer, Trouble>) -> Result<Answer, Failed> {
        if !matches!(done, Err(Trouble::Broken(_))) {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        }
        done.map_err(Trouble::into_failed)
    }

    async fn bind(&self, command: u32) -> Result<Session, Failed> {
        let CenterAddress { is_secure, host, port, system_id, password } = &self.address;
        let stream = TcpStream::connect((&**host, *port)).await;
        let stream = stream.map_err(|error| Failed::Unreachable(format!("the message center: {error}")))?;
        // Parts are small, and each waits for its answer.
        let _ = stream.set_nodelay(true);
        let stream = match is_secure {
            true => {
                let tls = (self.tls)().map_err(Failed::Unreachable)?;
                secured("message center", host, Box::new(stream), Some(&tls)).await?
            }
            false => Box::new(stream),
        };
        Session::bind(stream, command, (system_id, password)).await
    }

    /// Receives what phones answer until the session ends, and tells why it did. The center is told that an answer was taken when
    /// `heard` has kept it, and to bring it again if it could not.
    pub async fn listen(&self, heard: &Heard) -> Failed {
        let bound = timeout(self.patience, self.bind(pdu::BIND_TRANSCEIVER)).await;
        let mut session = match bound {
            Ok(Ok(session)) => session,
            Ok(Err(failed)) => return failed,
            Err(_) => return Failed::Late("the message center does not answer a bind".into()),
        };
        loop {
            // The answer to a question that was left open counts as well as any other sign of life.
            let got = match timeout(self.quiet, session.receive()).await {
                Ok(got) => got,
                Err(_) => match session.send(pdu::ENQUIRE_LINK, Vec::new()).await {
                    Ok(_) => timeout(self.quiet, session.receive()).await.unwrap_or_else(|_| {
                        Err(Failed::Late("the message center does not say that it is there".into()))
                    }),
                    Err(failed) => Err(failed),
                },
            };
            match got {
                Ok(asked) if !asked.is_response() => {
                    let served = match asked.command {
                        pdu::DELIVER_SM => session.take(&asked, heard).await,
                        _ => session.serve(&asked).await,
                    };
                    if let Err(failed) = served {
                        return failed;
                    }
                }
                Ok(_) => {}
                Err(failed) => return failed,
            }
        }
    }
}

async fn send_all(session: &mut Session, bodies: &[Vec<u8>]) -> Result<Answer, Trouble> {
    let mut ids = Vec::with_capacity(bodies.len());
    for body in bodies {
        let answer = session.ask(pdu::SUBMIT_SM, body.clone()).await?;
        let id: Vec<u8> = answer.into_iter().take_while(|byte| *byte != 0).collect();
        ids.push(String::from_utf8_lossy(&id).into_owned());
    }
    Ok(Answer { status: 200, body: ids.join(",") })
}

#[cfg(test)]
mod tests;
