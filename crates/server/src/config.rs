//! What can be configured: one table, from which the TOML file, the environment and the flags are read alike.
//!
//! A key `http.header_timeout_secs` is the line `header_timeout_secs` under `[http]` in the file, the variable
//! `TIDEWIRE_HTTP_HEADER_TIMEOUT_SECS`, and the flag `--http-header-timeout-secs`. A flag wins over the environment, the
//! environment over the file, the file over the default. A key that nobody knows stops the start, because a mistyped
//! setting that is passed over is found out only by the harm it should have prevented.

mod check;
mod push;
mod toml_file;
mod values;

use crate::audit::Which;
use crate::mode::Mode;
use crate::outgoing::PrivateReceivers;
use crate::root_key::RootKeySource;
use crate::{audit, sms, tls};
use access::{Network, Secret};
use gateway::Rate;
use names::{AccountId, Region};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use values::{
    boolean, count, file, filter_keys, functions_endpoint, limits, listen_address, log_format, log_level, networks,
    public_url, put, seconds, secret, size, verification, whole,
};

/// Everything a server is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) data_dir: PathBuf,
    pub(crate) ephemeral: bool,
    pub(crate) root_key: RootKeySource,
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) public_url: Option<String>,
    pub(crate) limits: sqs::Limits,
    /// What was said of it; else the mode decides.
    pub(crate) auth: Option<Verification>,
    pub(crate) allow_unauthenticated: bool,
    pub(crate) proxies: Vec<Network>,
    pub(crate) log: LogFormat,
    pub(crate) log_level: String,
    pub(crate) header_timeout_secs: u64,
    pub(crate) body_timeout_secs: u64,
    pub(crate) idle_timeout_secs: u64,
    pub(crate) stop_timeout_secs: u64,
    pub(crate) reserve_mib: u64,
    pub(crate) memory_limit: usize,
    pub(crate) resources: Option<PathBuf>,
    pub(crate) organization: Option<PathBuf>,
    pub(crate) s3_notifications: Option<PathBuf>,
    pub(crate) s3_webhook_token: Option<Secret>,
    pub(crate) private_receivers: PrivateReceivers,
    pub(crate) receivers_ca: Option<PathBuf>,
    pub(crate) smtp: Option<Secret>,
    pub(crate) mail_from: String,
    pub(crate) functions: Functions,
    pub(crate) sms: sms::Settings,
    pub(crate) push: push::Settings,
    pub(crate) delivery_log: Option<PathBuf>,
    pub(crate) metered_topics_max: usize,
    pub(crate) metered_queues_max: usize,
    pub(crate) metered_streams_max: usize,
    pub(crate) metered_shards_max: usize,
    pub(crate) sns_filter_keys_max: usize,
    pub(crate) tls: tls::Settings,
    pub(crate) audit: audit::Settings,
    pub(crate) throttle: Throttle,
}

/// How often somebody may ask, in requests a second; 0: as often as they like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Throttle {
    pub(crate) connection_per_sec: u32,
    pub(crate) connection_burst: u32,
    pub(crate) account_per_sec: u32,
    pub(crate) account_burst: u32,
}

impl Throttle {
    /// The rates, of a connection and of an account.
    pub(crate) fn rates(self) -> [Option<Rate>; 2] {
        let rate = |per_sec, burst: u32| {
            (per_sec > 0).then_some(Rate { per_sec, burst: if burst > 0 { burst } else { per_sec } })
        };
        [rate(self.connection_per_sec, self.connection_burst), rate(self.account_per_sec, self.account_burst)]
    }
}

/// How functions are invoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Functions {
    pub(crate) endpoint: Option<String>,
    pub(crate) access_key: String,
    pub(crate) secret: Secret,
}

impl Default for Functions {
    fn default() -> Self {
        Self { endpoint: None, access_key: String::new(), secret: Secret::from("") }
    }
}

/// How much of a request's signature counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verification {
    /// Every request is authenticated and allowed.
    Verify,
    /// Keys that are known are their identities; nothing is checked.
    ParseOnly,
    /// A key is its account; nothing is checked.
    Off,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// One thing that can be set.
pub(crate) struct Key {
    /// Its name, with its section before a dot.
    pub(crate) name: &'static str,
    /// What its value is, as `--help` shows it.
    pub(crate) value: &'static str,
    /// What it does, in one line.
    pub(crate) help: &'static str,
    /// What holds if nobody says anything.
    pub(crate) default: &'static str,
    set: fn(&mut Config, &str) -> Result<(), String>,
}

/// Every key, in the order of `--help`.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "listen",
        value: "HOST:PORT",
        help: "Where all APIs are served; port 0 picks one and prints it",
        default: "127.0.0.1:4566",
        set: |config, text| put(&mut config.listen, listen_address(text)),
    },
    Key {
        name: "data_dir",
        value: "DIR",
        help: "Where everything is kept",
        default: "data",
        set: |config, text| put(&mut config.data_dir, Ok(PathBuf::from(text))),
    },
    Key {
        name: "ephemeral",
        value: "BOOL",
        help: "Keep everything in memory and lose it at the end, for tests",
        default: "false",
        set: |config, text| put(&mut config.ephemeral, boolean(text)),
    },
    Key {
        name: "root_key",
        value: "SOURCE",
        help: "What opens the sealed data folder: file:PATH, env:NAME or passphrase-env:NAME; without it, root.key in the \
               folder, made at the first start",
        default: "",
        set: |config, text| put(&mut config.root_key, RootKeySource::parse(text)),
    },
    Key {
        name: "account",
        value: "DIGITS",
        help: "Account of requests whose access key is not itself a 12-digit account",
        default: "000000000000",
        set: |config, text| put(&mut config.account, AccountId::parse(text).map_err(|error| error.to_string())),
    },
    Key {
        name: "region",
        value: "NAME",
        help: "Region of requests that name none, and the one that queue URLs leave out",
        default: "us-east-1",
        set: |config, text| put(&mut config.region, Region::parse(text).map_err(|error| error.to_string())),
    },
    Key {
        name: "public_url",
        value: "URL",
        help: "What URLs begin with; without it queue URLs with the host that the request named, links in notifications with the server's address",
        default: "",
        set: |config, text| put(&mut config.public_url, public_url(text)),
    },
    Key {
        name: "limits",
        value: "aws|raised",
        help: "aws: AWS's throttles, waits of 60 s after DeleteQueue and PurgeQueue, and 200 filter policies a topic, for tests; \
               raised: none of them",
        default: "raised",
        set: |config, text| put(&mut config.limits, limits(text)),
    },
    Key {
        name: "auth",
        value: "verify|parse-only|off",
        help: "Whether requests must be signed and allowed; without it, verify in serve and parse-only in dev",
        default: "",
        set: |config, text| put(&mut config.auth, verification(text)),
    },
    Key {
        name: "allow_unauthenticated",
        value: "BOOL",
        help: "Listen beyond this machine although auth is not verify",
        default: "false",
        set: |config, text| put(&mut config.allow_unauthenticated, boolean(text)),
    },
    Key {
        name: "log",
        value: "text|json",
        help: "How log lines are written to standard error",
        default: "text",
        set: |config, text| put(&mut config.log, log_format(text)),
    },
    Key {
        name: "log_level",
        value: "FILTER",
        help: "Which log lines are written: error, warn, info, debug, trace, or a filter by module",
        default: "info",
        set: |config, text| put(&mut config.log_level, log_level(text)),
    },
    Key {
        name: "memory_limit",
        value: "SIZE",
        help: "Messages kept in memory beside the disk, e.g. 256MiB; queues may be longer than that",
        default: "16MiB",
        set: |config, text| put(&mut config.memory_limit, size(text)),
    },
    Key {
        name: "resources",
        value: "FILE",
        help: "Queues and streams to have from the start on, declared in .toml, .json, .yaml or ElasticMQ's .conf",
        default: "",
        set: |config, text| put(&mut config.resources, file(text)),
    },
    Key {
        name: "organization",
        value: "FILE",
        help: "Service control policies and resource control policies over accounts, as JSON; with auth = verify",
        default: "",
        set: |config, text| put(&mut config.organization, file(text)),
    },
    Key {
        name: "s3.notifications",
        value: "FILE",
        help: "Which events of which buckets go to which queues, as JSON in the shape of S3's notification configuration",
        default: "",
        set: |config, text| put(&mut config.s3_notifications, file(text)),
    },
    Key {
        name: "s3.webhook_token",
        value: "TEXT",
        help: "The bearer token with which S3 servers report events; a secret, best given as a variable",
        default: "",
        set: |config, text| put(&mut config.s3_webhook_token, Ok((!text.is_empty()).then(|| Secret::from(text)))),
    },
    Key {
        name: "sns.private_receivers",
        value: "all|none|ADDRESSES",
        help: "Which addresses that are not the internet's may get notifications, e.g. 10.0.0.0/8; without it, all in dev and \
               none in serve",
        default: "",
        set: |config, text| put(&mut config.private_receivers, PrivateReceivers::parse(text, networks)),
    },
    Key {
        name: "sns.receivers_ca",
        value: "FILE",
        help: "Who vouches for receivers over HTTPS beside the system's roots, in PEM",
        default: "",
        set: |config, text| put(&mut config.receivers_ca, file(text)),
    },
    Key {
        name: "sns.smtp",
        value: "URL",
        help: "The server that takes mail for subscribers: smtp://HOST, smtps:// or smtp+starttls://, with USER:PASSWORD@ where \
               it wants a login; a secret then",
        default: "",
        set: |config, text| put(&mut config.smtp, Ok((!text.is_empty()).then(|| Secret::from(text)))),
    },
    Key {
        name: "sns.mail_from",
        value: "ADDRESS",
        help: "Whom mail for subscribers is from",
        default: "no-reply@localhost",
        set: |config, text| put(&mut config.mail_from, Ok(text.to_owned())),
    },
    Key {
        name: "sns.functions_endpoint",
        value: "URL",
        help: "Where functions are invoked by Lambda's API, for subscriptions of the protocol lambda",
        default: "",
        set: |config, text| put(&mut config.functions.endpoint, functions_endpoint(text)),
    },
    Key {
        name: "sns.functions_access_key",
        value: "ID",
        help: "The access key with which functions are invoked",
        default: "test",
        set: |config, text| put(&mut config.functions.access_key, Ok(text.to_owned())),
    },
    Key {
        name: "sns.functions_secret_key",
        value: "TEXT",
        help: "Its secret, best given as a variable",
        default: "test",
        set: |config, text| put(&mut config.functions.secret, Ok(Secret::from(text))),
    },
    push::APNS_URL,
    push::APNS_SANDBOX_URL,
    push::FCM_URL,
    push::FCM_TOKEN_URL,
    push::ADM_URL,
    push::ADM_TOKEN_URL,
    Key {
        name: "sns.sms_gateway",
        value: "URL",
        help: "Where short messages go: http:// or https:// to post them to, smpp://SYSTEM_ID:PASSWORD@HOST or smpps:// for a message \
               center; a secret then. Without it nobody gets any, and /_aws/sns/sms-messages shows them",
        default: "",
        set: |config, text| put(&mut config.sms.gateway, secret(text)),
    },
    Key {
        name: "sns.sms_gateway_token",
        value: "TEXT",
        help: "The bearer token that such a URL is posted to with; a secret, best given as a variable",
        default: "",
        set: |config, text| put(&mut config.sms.token, secret(text)),
    },
    Key {
        name: "sns.sms_gateway_sessions",
        value: "N",
        help: "Sessions that a message center may be asked for at one time, each with one message on its way",
        default: "1",
        set: |config, text| put(&mut config.sms.sessions, sms::sessions(text)),
    },
    Key {
        name: "sns.sms_origination_numbers",
        value: "NUMBERS",
        help: "Numbers and short codes that short messages may be from, divided by commas; the first where nobody says which",
        default: "",
        set: |config, text| put(&mut config.sms.origination_numbers, sms::numbers(text)),
    },
    Key {
        name: "sns.sms_sandbox",
        value: "BOOL",
        help: "Whether only numbers that an account has verified get short messages, as in a new account of AWS",
        default: "false",
        set: |config, text| put(&mut config.sms.sandbox, boolean(text)),
    },
    Key {
        name: "sns.sms_part_price",
        value: "USD",
        help: "What a part of a short message costs, for MaxPrice and MonthlySpendLimit",
        default: "0",
        set: |config, text| put(&mut config.sms.part_micros, sms::price(text)),
    },
    Key {
        name: "sns.sms_replies",
        value: "BOOL",
        help: "Whether a session with a message center is bound to hear phones, so that phones opt out by answering STOP",
        default: "false",
        set: |config, text| put(&mut config.sms.listens, boolean(text)),
    },
    Key {
        name: "sns.sms_replies_token",
        value: "TEXT",
        help: "The bearer token with which a gateway posts what phones answer; a secret, best given as a variable",
        default: "",
        set: |config, text| put(&mut config.sms.replies_token, secret(text)),
    },
    Key {
        name: "sns.delivery_log",
        value: "FILE",
        help: "Where delivery status is written for topics that ask for it; without it, sns/deliveries.jsonl in the data folder",
        default: "",
        set: |config, text| put(&mut config.delivery_log, file(text)),
    },
    Key {
        name: "metrics.topics_max",
        value: "N",
        help: "Topics with metrics of their own, first come first served; those of the others are summed up",
        default: "1000",
        set: |config, text| put(&mut config.metered_topics_max, whole(text).map(|number| number as usize)),
    },
    Key {
        name: "metrics.queues_max",
        value: "N",
        help: "Queues with metrics of their own, first come first served; those of the others are summed up",
        default: "1000",
        set: |config, text| put(&mut config.metered_queues_max, whole(text).map(|number| number as usize)),
    },
    Key {
        name: "metrics.streams_max",
        value: "N",
        help: "Streams with metrics of their own, first come first served; those of the others are summed up",
        default: "1000",
        set: |config, text| put(&mut config.metered_streams_max, whole(text).map(|number| number as usize)),
    },
    Key {
        name: "metrics.shards_max",
        value: "N",
        help: "Shards with metrics of their own, of streams for which EnableEnhancedMonitoring asked; others have none",
        default: "1000",
        set: |config, text| put(&mut config.metered_shards_max, whole(text).map(|number| number as usize)),
    },
    Key {
        name: "sns.filter_keys_max",
        value: "N",
        help: "Keys that a filter policy of a subscription may have: AWS takes 5, this server up to 100",
        default: "5",
        set: |config, text| put(&mut config.sns_filter_keys_max, filter_keys(text)),
    },
    Key {
        name: "http.proxies",
        value: "ADDRESSES",
        help: "Proxies whose X-Forwarded headers count, e.g. 10.0.0.0/8, divided by commas",
        default: "",
        set: |config, text| put(&mut config.proxies, networks(text)),
    },
    Key {
        name: "http.header_timeout_secs",
        value: "SECONDS",
        help: "How long a client may take for the head of a request",
        default: "30",
        set: |config, text| put(&mut config.header_timeout_secs, seconds(text)),
    },
    Key {
        name: "http.body_timeout_secs",
        value: "SECONDS",
        help: "How long a client may take for the body of a request",
        default: "60",
        set: |config, text| put(&mut config.body_timeout_secs, seconds(text)),
    },
    Key {
        name: "http.idle_timeout_secs",
        value: "SECONDS",
        help: "How long a connection may stay open without a request",
        default: "120",
        set: |config, text| put(&mut config.idle_timeout_secs, seconds(text)),
    },
    Key {
        name: "http.stop_timeout_secs",
        value: "SECONDS",
        help: "How long requests in flight may take to end when the server stops",
        default: "10",
        set: |config, text| put(&mut config.stop_timeout_secs, seconds(text)),
    },
    Key {
        name: "tls.mode",
        value: "off|auto|required",
        help: "TLS on the same port: none, beside plain HTTP, or nothing else",
        default: "auto",
        set: |config, text| put(&mut config.tls.mode, tls::mode(text)),
    },
    Key {
        name: "tls.cert",
        value: "FILE",
        help: "Chain of certificates in PEM, the server's first; read again when it changes and at SIGHUP",
        default: "",
        set: |config, text| put(&mut config.tls.cert, file(text)),
    },
    Key {
        name: "tls.key",
        value: "FILE",
        help: "Private key of tls.cert, in PEM",
        default: "",
        set: |config, text| put(&mut config.tls.key, file(text)),
    },
    Key {
        name: "tls.names",
        value: "NAMES",
        help: "Hosts and addresses, divided by commas, that the development certificate is for beside this machine",
        default: "",
        set: |config, text| put(&mut config.tls.names, tls::names(text)),
    },
    Key {
        name: "tls.client_auth",
        value: "off|optional|required",
        help: "Whether clients show certificates of their own",
        default: "off",
        set: |config, text| put(&mut config.tls.client_auth, tls::client_auth(text)),
    },
    Key {
        name: "tls.client_ca",
        value: "FILE",
        help: "Whose clients' certificates are good, in PEM",
        default: "",
        set: |config, text| put(&mut config.tls.client_ca, file(text)),
    },
    Key {
        name: "tls.handshake_timeout_secs",
        value: "SECONDS",
        help: "How long a client may take for the handshake",
        default: "10",
        set: |config, text| put(&mut config.tls.handshake_timeout_secs, seconds(text)),
    },
    Key {
        name: "acme.domains",
        value: "NAMES",
        help: "Names, divided by commas, to order a certificate for; port 443 of each must lead here",
        default: "",
        set: |config, text| put(&mut config.tls.acme.domains, tls::names(text)),
    },
    Key {
        name: "acme.contact",
        value: "URL",
        help: "Where the authority writes to, e.g. mailto:ops@example.org",
        default: "",
        set: |config, text| put(&mut config.tls.acme.contact, Ok((!text.is_empty()).then(|| text.to_owned()))),
    },
    Key {
        name: "acme.directory",
        value: "URL",
        help: "The ACME authority; whoever sets acme.domains agrees to its terms of service",
        default: "https://acme-v02.api.letsencrypt.org/directory",
        set: |config, text| put(&mut config.tls.acme.directory, Ok(text.to_owned())),
    },
    Key {
        name: "acme.ca",
        value: "FILE",
        help: "Who vouches for the ACME authority's own server beside the system's roots, in PEM",
        default: "",
        set: |config, text| put(&mut config.tls.acme.ca, file(text)),
    },
    Key {
        name: "throttle.connection_per_sec",
        value: "N",
        help: "Requests a second that one connection may make; 0: no bound",
        default: "0",
        set: |config, text| put(&mut config.throttle.connection_per_sec, count(text)),
    },
    Key {
        name: "throttle.connection_burst",
        value: "N",
        help: "Requests that it may make at once; 0: as many as in a second",
        default: "0",
        set: |config, text| put(&mut config.throttle.connection_burst, count(text)),
    },
    Key {
        name: "throttle.account_per_sec",
        value: "N",
        help: "Requests a second that one account may make over all its connections; 0: no bound",
        default: "0",
        set: |config, text| put(&mut config.throttle.account_per_sec, count(text)),
    },
    Key {
        name: "throttle.account_burst",
        value: "N",
        help: "Requests that it may make at once; 0: as many as in a second",
        default: "0",
        set: |config, text| put(&mut config.throttle.account_burst, count(text)),
    },
    Key {
        name: "audit.events",
        value: "auto|management|all|off",
        help: "Which requests are written down in CloudTrail's form; auto: management in serve, none in dev",
        default: "auto",
        set: |config, text| put(&mut config.audit.events, audit::which(text)),
    },
    Key {
        name: "audit.file",
        value: "FILE",
        help: "Where they are written; without it, audit/audit.jsonl in the data folder",
        default: "",
        set: |config, text| put(&mut config.audit.file, file(text)),
    },
    Key {
        name: "audit.file_size",
        value: "SIZE",
        help: "How long a file of them grows before the next is begun",
        default: "64MiB",
        set: |config, text| put(&mut config.audit.file_bytes_max, size(text)),
    },
    Key {
        name: "audit.files",
        value: "N",
        help: "How many such files are kept, the one being written among them",
        default: "16",
        set: |config, text| put(&mut config.audit.files_max, whole(text).map(|number| (number as usize).max(1))),
    },
    Key {
        name: "journal.reserve_mib",
        value: "MIB",
        help: "Free disk space under which sends are refused, so that deletes still find room",
        default: "128",
        set: |config, text| put(&mut config.reserve_mib, whole(text)),
    },
];

impl Key {
    /// The environment variable of this key.
    pub(crate) fn variable(&self) -> String {
        format!("TIDEWIRE_{}", self.name.replace('.', "_").to_ascii_uppercase())
    }

    /// Whether its value is a secret, or becomes one by a slip of the pen: a passphrase where its variable's name should be.
    fn is_secret(&self) -> bool {
        const SECRETS: [&str; 7] = [
            "root_key",
            "s3.webhook_token",
            "sns.smtp",
            "sns.functions_secret_key",
            "sns.sms_gateway",
            "sns.sms_gateway_token",
            "sns.sms_replies_token",
        ];
        SECRETS.contains(&self.name)
    }

    /// The flag of this key, without its dashes.
    pub(crate) fn flag(&self) -> String {
        self.name.replace(['.', '_'], "-")
    }
}

/// Where values come from, in rising order of weight.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    pub(crate) file: Option<PathBuf>,
    /// Variables that begin with `TIDEWIRE_`.
    pub(crate) environment: BTreeMap<String, String>,
    /// Values of flags by the name of their key.
    pub(crate) flags: BTreeMap<&'static str, String>,
}

/// Variables beginning with `TIDEWIRE_` that are not keys: the file's place, and what the test suites hand around.
const OTHER_VARIABLES: &[&str] = &[
    "TIDEWIRE_CONFIG",
    "TIDEWIRE_ENDPOINT",
    "TIDEWIRE_BIN",
    "TIDEWIRE_ROOT_ACCESS_KEY_ID",
    "TIDEWIRE_ROOT_SECRET_ACCESS_KEY",
];

impl Config {
    /// Reads all sources. The error names the key, where it stood, and what is wrong with it.
    pub(crate) fn read(mode: Mode, sources: &Sources) -> Result<Self, String> {
        let mut config = Self::defaults();
        if let Some(path) = &sources.file {
            for (name, value) in toml_file::read(path)? {
                config.set(&name, &value).map_err(|why| format!("{}: {why}", path.display()))?;
            }
        }
        for (variable, value) in &sources.environment {
            if OTHER_VARIABLES.contains(&variable.as_str()) {
                continue;
            }
            let key = KEYS.iter().find(|key| key.variable() == *variable);
            let key = key.ok_or_else(|| unknown("variable", variable, KEYS.iter().map(Key::variable)))?;
            config.set(key.name, value).map_err(|why| format!("{variable}: {why}"))?;
        }
        for (name, value) in &sources.flags {
            config.set(name, value).map_err(|why| format!("command line: {why}"))?;
        }
        config.check(mode)?;
        Ok(config)
    }

    fn defaults() -> Self {
        let mut config = Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data_dir: PathBuf::new(),
            ephemeral: false,
            root_key: RootKeySource::default(),
            account: AccountId::DEFAULT,
            region: Region::parse("us-east-1").expect("the default region is a region"),
            public_url: None,
            limits: sqs::Limits::default(),
            auth: None,
            allow_unauthenticated: false,
            proxies: Vec::new(),
            log: LogFormat::Text,
            log_level: String::new(),
            header_timeout_secs: 0,
            body_timeout_secs: 0,
            idle_timeout_secs: 0,
            stop_timeout_secs: 0,
            reserve_mib: 0,
            memory_limit: 0,
            resources: None,
            organization: None,
            s3_notifications: None,
            s3_webhook_token: None,
            private_receivers: PrivateReceivers::default(),
            receivers_ca: None,
            smtp: None,
            mail_from: String::new(),
            functions: Functions::default(),
            sms: sms::Settings::default(),
            push: push::Settings::default(),
            delivery_log: None,
            metered_topics_max: 0,
            metered_queues_max: 0,
            metered_streams_max: 0,
            metered_shards_max: 0,
            sns_filter_keys_max: 0,
            tls: tls::Settings::default(),
            audit: audit::Settings::default(),
            throttle: Throttle::default(),
        };
        for key in KEYS {
            (key.set)(&mut config, key.default).expect("every default is a value its key takes");
        }
        config
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let key = KEYS.iter().find(|key| key.name == name);
        let key = key.ok_or_else(|| unknown("key", name, KEYS.iter().map(|key| key.name.to_string())))?;
        (key.set)(self, value).map_err(|why| match key.is_secret() {
            true => format!("{name}: {why}"),
            false => format!("{name} = {value:?}: {why}"),
        })
    }

    /// Whether the port speaks TLS. A development certificate needs a folder for its authority.
    pub(crate) fn has_tls(&self) -> bool {
        self.tls.mode != tls::Mode::Off && !(self.ephemeral && self.tls.is_development())
    }

    /// Where the audit log is written, and whether all events are; nothing where none is kept.
    pub(crate) fn audit_log(&self, mode: Mode) -> Option<(PathBuf, bool)> {
        let all = match (self.audit.events, mode) {
            (Which::Off, _) | (Which::Auto, Mode::Dev) => return None,
            (Which::Auto | Which::Management, _) => false,
            (Which::All, _) => true,
        };
        let in_folder = (!self.ephemeral).then(|| self.data_dir.join("audit").join("audit.jsonl"));
        self.audit.file.clone().or(in_folder).map(|path| (path, all))
    }

    /// How much of a signature counts: what was said, else what is right for the mode.
    pub(crate) fn auth(&self, mode: Mode) -> Verification {
        self.auth.unwrap_or(match mode {
            Mode::Serve => Verification::Verify,
            Mode::Dev => Verification::ParseOnly,
        })
    }
}

impl Verification {
    /// As it is configured.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::ParseOnly => "parse-only",
            Self::Off => "off",
        }
    }
}

/// The sentence for a name that nobody knows, with the nearest one that somebody does.
pub(crate) fn unknown(what: &str, name: &str, known: impl Iterator<Item = String>) -> String {
    /// Below this likeness a suggestion misleads more than it helps.
    const LIKENESS_MIN: f64 = 0.75;
    let likeness = |candidate: &String| strsim::jaro_winkler(name, candidate);
    let nearest = known.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match nearest.filter(|nearest| likeness(nearest) >= LIKENESS_MIN) {
        Some(nearest) => format!("unknown {what} {name}; did you mean {nearest}?"),
        None => format!("unknown {what} {name}"),
    }
}

#[cfg(test)]
mod tests;
