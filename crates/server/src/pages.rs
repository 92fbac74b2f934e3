//! The pages of the server's own: health, readiness, metrics, and those LocalStack's users look for.

use crate::clock::SystemClock;
use crate::localstack::{self, LocalStack};
use crate::s3::{self, Ingress};
use crate::signing_key::Signing;
use crate::sms::{self, pages::SmsPages};
use engine::Store;
use gateway::{Asked, Page, Stopping};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// The services that answer, for LocalStack's health page.
const SERVICES: &[&str] = &["cloudwatch", "dynamodb", "iam", "kinesis", "kms", "sns", "sqs", "sts"];

/// What the pages are made from.
pub(crate) struct ServerPages {
    store: Arc<Store>,
    clock: Arc<SystemClock>,
    signing: Arc<Signing>,
    /// What the gateway gives in return for the pages.
    wired: OnceLock<Wired>,
}

struct Wired {
    registry: Registry,
    stopping: Stopping,
    localstack: LocalStack,
    s3: Option<Ingress>,
    sms: SmsPages,
    /// Bytes of the last page of metrics: the next one is about as long.
    metrics_bytes: AtomicUsize,
}

impl gateway::Pages for ServerPages {
    fn page(&self, path: &str, _query: &str) -> Option<Page> {
        Some(match path {
            "/healthz" | "/health" => self.health(),
            "/readyz" => self.readiness(),
            // With ten thousand queues it takes some milliseconds, which requests of the same thread shall not wait for.
            "/metrics" => tokio::task::block_in_place(|| self.metrics()),
            "/_localstack/health" => self.localstack_health(),
            "/_localstack/info" => self.localstack_info(),
            _ => return None,
        })
    }

    fn claims(&self, path: &str) -> bool {
        localstack::has(path) || s3::has(path) || sms::pages::has(path) || sns::is_certificate_path(path)
    }

    fn answer<'a>(&'a self, asked: Asked<'a>) -> Pin<Box<dyn Future<Output = Page> + Send + 'a>> {
        Box::pin(async move {
            if sns::is_certificate_path(asked.path) {
                return self.certificate(asked.path).await;
            }
            match self.wired.get() {
                Some(Wired { s3, .. }) if s3::has(asked.path) => match s3 {
                    Some(ingress) => ingress.answer(&asked).await,
                    None => Page::text(404, "This server has no s3.notifications.\n"),
                },
                Some(wired) if sms::pages::has(asked.path) => wired.sms.answer(&asked).await,
                Some(wired) => wired.localstack.answer(asked).await,
                None => Page::text(503, "starting\n"),
            }
        })
    }
}

impl ServerPages {
    /// Pages about a store; metrics and readiness come with [`ServerPages::wire_up`].
    pub(crate) fn new(store: Arc<Store>, clock: Arc<SystemClock>, signing: Arc<Signing>) -> Self {
        Self { store, clock, signing, wired: OnceLock::new() }
    }

    /// Tells the pages what to count, and whose front door they stand at. Called once, before anything is served.
    pub(crate) fn wire_up(&self, registry: Registry, localstack: LocalStack, s3: Option<Ingress>, sms: SmsPages) {
        let stopping = localstack.gateway.stopping();
        let first = self
            .wired
            .set(Wired { registry, stopping, localstack, s3, sms, metrics_bytes: AtomicUsize::new(0) })
            .is_ok();
        assert!(first, "the pages are wired up once");
    }

    /// Whether the process can do its work at all. A stopped log is for ever, so whoever watches should restart us.
    fn health(&self) -> Page {
        match self.store.journal().is_stopped() {
            false => Page::text(200, "ok\n"),
            true => Page::text(503, "the log has stopped after an error of the disk\n"),
        }
    }

    /// Whether new requests should be sent here. Pages are served only after the replay.
    fn readiness(&self) -> Page {
        match self.wired.get() {
            Some(wired) if !wired.stopping.is_set() => self.health(),
            _ => Page::text(503, "stopping\n"),
        }
    }

    fn metrics(&self) -> Page {
        let Some(wired) = self.wired.get() else { return Page::text(503, "starting\n") };
        let before = wired.metrics_bytes.load(Ordering::Relaxed);
        let mut text = String::with_capacity(before + before / 16);
        match encode(&mut text, &wired.registry) {
            Ok(()) => {
                wired.metrics_bytes.store(text.len(), Ordering::Relaxed);
                let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                Page { status: 200, content_type, body: text.into() }
            }
            Err(error) => Page::text(500, format!("{error}\n")),
        }
    }

    /// The certificate that messages of SNS name, by its name.
    /// Read from a file the first time, which no request shall wait for.
    async fn certificate(&self, path: &str) -> Page {
        match self.signing.certificate(path).await {
            Some(pem) => {
                Page { status: 200, content_type: "application/x-pem-file", body: pem.as_bytes().to_vec().into() }
            }
            None => Page::text(404, "There is no such certificate.\n"),
        }
    }

    /// LocalStack's own form: what its clients wait for is that a service's state is `available` or `running`.
    fn localstack_health(&self) -> Page {
        let services: Vec<_> = SERVICES.iter().map(|name| format!("\"{name}\": \"running\"")).collect();
        let body = format!(
            "{{\"services\": {{{}}}, \"edition\": \"tidewire\", \"version\": \"{}\"}}\n",
            services.join(", "),
            env!("CARGO_PKG_VERSION")
        );
        Page::json(200, body)
    }

    fn localstack_info(&self) -> Page {
        let body = format!(
            "{{\"version\": \"{}\", \"edition\": \"tidewire\", \"is_license_activated\": false, \"uptime\": {}}}\n",
            env!("CARGO_PKG_VERSION"),
            self.clock.uptime().as_secs()
        );
        Page::json(200, body)
    }
}
