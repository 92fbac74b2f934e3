//! Mail through a server that an operator names: SMTP (RFC 5321) with TLS from the start or by STARTTLS, and a login.
//!
//! One connection for each mail: whoever sends so many that this counts has a relay beside the server. Where the URL has a login, it
//! is told over TLS alone, unless the server is on this machine.

use crate::mail::{Mail, Mailbox};
use crate::stream::{Stream, secured};
use crate::transport::{Answer, Failed};
use base64_simd::STANDARD;
use std::fmt;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The server that takes mail.
#[derive(Clone, PartialEq, Eq)]
pub struct MailServer {
    security: Security,
    host: Box<str>,
    port: u16,
    login: Option<(Box<str>, Box<str>)>,
    /// Whom mail is from.
    pub from: Mailbox,
}

/// When TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    /// With the connection: `smtps`.
    AtOnce,
    /// When both have greeted, or not at all: `smtp+starttls`.
    Upgraded,
    /// If the server offers it: `smtp`.
    IfOffered,
}

/// Bytes of a reply of several lines.
const REPLY_BYTES_MAX: usize = 16 << 10;

impl MailServer {
    /// Reads `smtp://[user:password@]host[:port]`, `smtps://` or `smtp+starttls://`.
    pub fn parse(url: &str, from: &str) -> Result<Self, String> {
        let (scheme, rest) =
            url.split_once("://").ok_or("expected smtp://HOST, smtps://HOST or smtp+starttls://HOST")?;
        let (security, port) = match scheme {
            "smtps" => (Security::AtOnce, 465),
            "smtp+starttls" => (Security::Upgraded, 587),
            "smtp" => (Security::IfOffered, 25),
            other => return Err(format!("{other}:// is none of smtp://, smtps:// and smtp+starttls://")),
        };
        let rest = rest.trim_end_matches('/');
        // A URL of HTTP has all the parts that this one has.
        let parsed = crate::Endpoint::parse(&format!("http://{rest}"));
        let parsed = parsed.map_err(|_| "it is no URL with a host".to_owned())?;
        let named = rest.rsplit('@').next().unwrap_or_default();
        let has_port = named.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let from = Mailbox::parse(from).ok_or_else(|| format!("{from:?} is no address that mail could be from"))?;
        let login = parsed.login().map(|login| (login.user.clone(), login.password.clone()));
        let port = if has_port { parsed.port() } else { port };
        Ok(Self { security, host: parsed.host().into(), port, login, from })
    }

    /// Hands a mail over.
    pub(crate) async fn send(&self, mail: &Mail, tls: Option<&TlsConnector>) -> Result<Answer, Failed> {
        let stream = TcpStream::connect((&*self.host, self.port)).await;
        let stream = stream.map_err(|error| Failed::Unreachable(error.to_string()))?;
        let is_near = stream.peer_addr().is_ok_and(|address| address.ip().is_loopback());
        let mut session = match self.security {
            Security::AtOnce => Session::over(self.shake(Box::new(stream), tls).await?),
            Security::Upgraded | Security::IfOffered => Session::over(Box::new(stream)),
        };
        session.expect(220).await?;
        let mut offers = session.greet(self.from.domain()).await?;
        let mut is_secure = self.security == Security::AtOnce;
        let is_offered = offers.iter().any(|offer| offer == "STARTTLS");
        if !is_secure && (is_offered || self.security == Security::Upgraded) {
            session.ask("STARTTLS", 220).await?;
            session = Session::over(self.shake(session.into_inner(), tls).await?);
            offers = session.greet(self.from.domain()).await?;
            is_secure = true;
        }
        if let Some(login) = &self.login {
            if !is_secure && !is_near {
                return Err(Failed::Unreachable(
                    "the mail server offers no TLS, and a login is not told without".into(),
                ));
            }
            session.log_in(login, &offers).await?;
        }
        session.ask(&format!("MAIL FROM:<{}>", self.from.as_str()), 250).await?;
        session.ask(&format!("RCPT TO:<{}>", mail.to.as_str()), 250).await?;
        session.ask("DATA", 354).await?;
        session.write(&stuffed(&mail.written(&self.from))).await?;
        let said = session.ask(".", 250).await?;
        // It has the mail: how it says goodbye is of no account.
        let _ = session.write("QUIT\r\n").await;
        Ok(Answer { status: 250, body: said })
    }

    async fn shake(&self, stream: Box<dyn Stream>, tls: Option<&TlsConnector>) -> Result<Box<dyn Stream>, Failed> {
        secured("mail server", &self.host, stream, tls).await
    }
}

impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Lines that begin with a dot get one more (RFC 5321, 4.5.2). Ends with a line's end.
fn stuffed(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for line in text.split_inclusive("\r\n") {
        if line.starts_with('.') {
            out.push('.');
        }
        out += line;
    }
    out
}

/// A conversation with a mail server.
struct Session(BufReader<Box<dyn Stream>>);

impl Session {
    fn over(stream: Box<dyn Stream>) -> Self {
        Self(BufReader::new(stream))
    }

    /// What it was over. Nothing that was said in the clear is taken for said in secret.
    fn into_inner(self) -> Box<dyn Stream> {
        self.0.into_inner()
    }

    async fn write(&mut self, text: &str) -> Result<(), Failed> {
        let broken = |error: std::io::Error| Failed::Broken(format!("the mail server is gone: {error}"));
        self.0.get_mut().write_all(text.as_bytes()).await.map_err(broken)?;
        self.0.get_mut().flush().await.map_err(broken)
    }

    /// Asks, and takes no answer but one of this code.
    async fn ask(&mut self, command: &str, code: u16) -> Result<String, Failed> {
        self.write(&format!("{command}\r\n")).await?;
        self.expect(code).await
    }

    async fn expect(&mut self, code: u16) -> Result<String, Failed> {
        let (given, lines) = self.reply().await?;
        let said = lines.join(" ");
        // 251 is a 250 that goes on to somebody else.
        match given {
            _ if given == code || (code == 250 && given == 251) => Ok(said),
            500..=599 => Err(Failed::Forbidden(format!("the mail server refuses: {given} {said}"))),
            _ => Err(Failed::Broken(format!("the mail server says {given} {said}"))),
        }
    }

    /// A reply: its code, and the text of its lines.
    async fn reply(&mut self) -> Result<(u16, Vec<String>), Failed> {
        let (mut lines, mut bytes) = (Vec::new(), 0);
        loop {
            let mut line = Vec::new();
            let mut limited = tokio::io::AsyncReadExt::take(&mut self.0, REPLY_BYTES_MAX as u64);
            let read = limited.read_until(b'\n', &mut line).await;
            bytes += read.map_err(|error| Failed::Broken(format!("the mail server is gone: {error}")))?;
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let code = line.get(..3).and_then(|code| code.parse().ok());
            let (Some(code), true) = (code, bytes <= REPLY_BYTES_MAX) else {
                return Err(Failed::Broken("the mail server's answer is none of SMTP".into()));
            };
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok((code, lines));
            }
        }
    }

    /// Says who we are, and learns what the server offers.
    async fn greet(&mut self, domain: &str) -> Result<Vec<String>, Failed> {
        self.write(&format!("EHLO {domain}\r\n")).await?;
        match self.reply().await? {
            (250, lines) => Ok(lines.into_iter().skip(1).map(|line| line.to_ascii_uppercase()).collect()),
            // One that speaks the first version of the protocol.
            _ => self.ask(&format!("HELO {domain}"), 250).await.map(|_| Vec::new()),
        }
    }

    async fn log_in(&mut self, (user, password): &(Box<str>, Box<str>), offers: &[String]) -> Result<(), Failed> {
        let ways = offers.iter().find_map(|offer| offer.strip_prefix("AUTH ")).unwrap_or_default();
        if ways.split(' ').any(|way| way == "PLAIN") {
            let both = STANDARD.encode_to_string(format!("\0{user}\0{password}"));
            return self.told(&format!("AUTH PLAIN {both}"), 235).await;
        }
        self.told("AUTH LOGIN", 334).await?;
        self.told(&STANDARD.encode_to_string(user.as_bytes()), 334).await?;
        self.told(&STANDARD.encode_to_string(password.as_bytes()), 235).await
    }

    /// A refused login is the operator's to mend, and mail waits for it.
    async fn told(&mut self, text: &str, code: u16) -> Result<(), Failed> {
        match self.ask(text, code).await {
            Err(Failed::Forbidden(_)) => Err(Failed::Unreachable("the mail server does not take the login".into())),
            other => other.map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_a_url_and_shown_without_its_login() {
        let server = MailServer::parse("smtps://me:secret@mail.example.org", "sns@example.org").unwrap();
        assert_eq!((server.port, format!("{server:?}").as_str()), (465, "mail.example.org:465"));
        let server = MailServer::parse("smtp://localhost:1025/", "sns@example.org").unwrap();
        assert_eq!((server.port, server.security, server.login), (1025, Security::IfOffered, None));
        assert_eq!(MailServer::parse("smtp+starttls://h", "a@b").unwrap().port, 587);
        assert!(MailServer::parse("imap://h", "a@b").is_err() && MailServer::parse("smtp://h", "nobody").is_err());
        assert!(MailServer::parse("h", "a@b").is_err() && MailServer::parse("smtp://", "a@b").is_err());
    }

    #[test]
    fn a_line_that_is_a_dot_does_not_end_a_mail() {
        assert_eq!(stuffed("a\r\n.\r\n..b\r\n"), "a\r\n..\r\n...b\r\n");
    }
}
