//! Every service's part of the replay, in one place: what opens a store, checks one or repairs one needs all of them.

use engine::{Recover, Store};
use iam::{Iam, IamRecovery};
use kinesis::{Kinesis, KinesisRecovery};
use kms::{Kms, KmsRecovery};
use leases::{Leases, LeasesRecovery};
use names::Instant;
use sns::{Sns, SnsRecovery};
use sqs::{Sqs, SqsRecovery};

/// Nothing replayed yet, or what was.
pub(crate) struct Recoveries {
    pub(crate) sqs: SqsRecovery,
    pub(crate) iam: IamRecovery,
    pub(crate) kms: KmsRecovery,
    pub(crate) kinesis: KinesisRecovery,
    pub(crate) sns: SnsRecovery,
    pub(crate) leases: LeasesRecovery,
}

impl Recoveries {
    pub(crate) fn new() -> Self {
        Self {
            sqs: Sqs::recovery(),
            iam: Iam::recovery(),
            kms: Kms::recovery(),
            kinesis: Kinesis::recovery(),
            sns: Sns::recovery(),
            leases: Leases::recovery(),
        }
    }

    /// A part for each family of partitions.
    pub(crate) fn parts(&mut self) -> [&mut dyn Recover; 13] {
        let [streams, shards, queues, groups] = self.kinesis.parts();
        let [topics, deliveries, archives, messages, applications] = self.sns.parts();
        [
            &mut self.sqs,
            &mut self.iam,
            &mut self.kms,
            &mut self.leases,
            streams,
            shards,
            queues,
            groups,
            topics,
            deliveries,
            archives,
            messages,
            applications,
        ]
    }

    /// The latest moment that the store knows of; its clock must not be behind it.
    pub(crate) fn latest(&self) -> Instant {
        let of_identities = self.iam.latest().max(self.kms.latest());
        let of_streams = self.kinesis.latest().max(self.leases.latest());
        self.sqs.latest().max(of_identities).max(of_streams).max(self.sns.latest())
    }

    /// Gives all partitions to the store, without services that ask them anything: for tools.
    pub(crate) fn finish(self, store: &Store) {
        self.sqs.finish(store);
        self.iam.finish(store);
        self.kms.finish(store);
        self.kinesis.finish(store);
        self.sns.finish(store);
        self.leases.finish(store);
    }
}
