//! The services behind this front door, by every name a request may call them.
//!
//! Built once at start. A handful of services is searched in line; operations stand in the order of their names.

use std::sync::Arc;

use wire::schema::OperationShape;

use crate::metrics::{Metrics, OperationMetrics};
use crate::service::{Description, Service};

/// All services.
pub(crate) struct Directory {
    services: Vec<Bound>,
}

/// One service with what the gateway keeps beside it.
pub(crate) struct Bound {
    pub(crate) service: Arc<dyn Service>,
    pub(crate) description: &'static Description,
    /// Counts of each operation, in the order of the description.
    pub(crate) metrics: Vec<OperationMetrics>,
    /// Counts of requests that named no operation of this service.
    pub(crate) unknown: OperationMetrics,
}

impl Bound {
    fn new(service: Arc<dyn Service>, metrics: &Metrics) -> Self {
        let description = service.describe();
        let count = |operation: &&'static OperationShape| metrics.operation(description.id, operation.name);
        Self {
            metrics: description.shape.operations.iter().map(count).collect(),
            unknown: metrics.operation(description.id, "unknown"),
            description,
            service,
        }
    }

    /// The index of the operation called `name`.
    pub(crate) fn operation(&self, name: &str) -> Option<usize> {
        self.description.shape.operations.binary_search_by(|operation| operation.name.cmp(name)).ok()
    }
}

impl Directory {
    /// Binds `services`.
    ///
    /// # Panics
    /// If two services share a target prefix, since their requests could not be told apart.
    pub(crate) fn new(services: Vec<Arc<dyn Service>>, metrics: &Metrics) -> Self {
        let services: Vec<_> = services.into_iter().map(|service| Bound::new(service, metrics)).collect();
        for (nth, bound) in services.iter().enumerate() {
            let Some(prefix) = bound.description.shape.target_prefix else { continue };
            let twin = services[..nth].iter().any(|other| other.description.shape.target_prefix == Some(prefix));
            assert!(!twin, "two services have the target prefix {prefix}");
        }
        Self { services }
    }

    fn find(&self, is_it: impl Fn(&Description) -> bool) -> Option<&Bound> {
        self.services.iter().find(|bound| is_it(bound.description))
    }

    pub(crate) fn by_target_prefix(&self, prefix: &str) -> Option<&Bound> {
        self.find(|service| service.shape.target_prefix == Some(prefix))
    }

    pub(crate) fn by_signing_name(&self, name: &str) -> Option<&Bound> {
        self.find(|service| service.shape.signing_name == name)
    }

    pub(crate) fn by_api_version(&self, version: &str) -> Option<&Bound> {
        self.find(|service| service.shape.api_version == version)
    }

    /// The service whose queue URLs and the like have this path.
    pub(crate) fn by_path(&self, path: &str) -> Option<&Bound> {
        self.find(|service| service.path_member.is_some() && path.len() > 1)
    }

    /// The service that a label of the host's name means.
    pub(crate) fn by_host(&self, host: &str) -> Option<&Bound> {
        let name = host.split(':').next().unwrap_or_default();
        self.find(|service| name.split('.').any(|label| service.host_labels.contains(&label)))
    }

    /// The one service that has an operation of this name, among those whose own clients send forms: SQS and Data Streams both
    /// have a CreateQueue, and a form that says nothing else is meant for SQS.
    pub(crate) fn by_operation(&self, name: &str) -> Option<&Bound> {
        let takes_forms = |bound: &&Bound| bound.description.shape.xml_namespace.is_some();
        let mut having = self.services.iter().filter(takes_forms).filter(|bound| bound.operation(name).is_some());
        having.next().filter(|_| having.next().is_none())
    }
}
