//! The service as the gateway and the server see it.

use crate::api;
use crate::attribute_table::Attribute;
use crate::attributes::AttributeChanges;
use crate::catalog::{Catalog, QueueEntry, QueueKey};
use crate::limits::{self, Limits};
use crate::machine::{Command, Reply, SqsQueue};
use crate::meters::{Counted, Meters};
use crate::needs::{self, Asking};
use crate::ops;
use crate::pauses::Pauses;
use crate::queue_url::{QueueUrl, queue_url};
use crate::records::FAMILY;
use crate::redrive;
use crate::refusal::Refusal;
use crate::replay;
use crate::sealing::Sealing;
use crate::tags;
use crate::throttle::Throttle;
use engine::{Pending, Recovery, Store, Tally, Unavailable};
use gateway::{Answer, Answered, Caller, Description, Keys, Need, Prepared, Refused, Service, Unprepared};
use names::{AccountId, Instant, QueueName, Region};
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use wire::{Invalid, Problem, Reader, Segment};

engine::recovery! {
    /// What replays SQS's part of the log.
    pub struct SqsRecovery(SqsQueue);
}

/// Amazon SQS.
pub struct Sqs(pub(crate) Arc<Inner>);

/// What operations work on.
pub(crate) struct Inner {
    pub(crate) catalog: Catalog,
    pub(crate) pauses: Pauses,
    pub(crate) throttle: Throttle,
    pub(crate) sealing: Sealing,
    home_region: Region,
}

/// What the service is told by the server's configuration.
#[derive(Debug, Clone)]
pub struct Options {
    /// The region that queue URLs leave out.
    pub home_region: Region,
    /// Which of AWS's limits hold.
    pub limits: Limits,
    /// How many queues have metrics of their own; those of the others are summed up.
    pub metered_queues_max: usize,
    /// Who has the keys of queues with SSE-KMS.
    pub keys: Keys,
}

/// What is to be known of a queue for metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metered {
    /// The account, the region and the name; nothing for what all queues without a meter of their own come to together.
    pub queue: Option<(AccountId, Region, QueueName)>,
    /// What happened to it since the start.
    pub counted: Counted,
    /// ApproximateNumberOfMessagesVisible.
    pub visible: u64,
    /// ApproximateNumberOfMessagesNotVisible.
    pub in_flight: u64,
    /// ApproximateNumberOfMessagesDelayed.
    pub delayed: u64,
    /// When the oldest message was sent, to within a minute; never known of several queues together.
    pub oldest_sent_at: Option<Instant>,
}

/// Messages of all queues together, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Queues.
    pub queues: u64,
    /// Messages ready to be received.
    pub visible: u64,
    /// Messages received and not yet deleted or visible again.
    pub in_flight: u64,
    /// Messages not yet visible for the first time.
    pub delayed: u64,
}

impl Sqs {
    /// What takes SQS's records out of the log.
    pub fn recovery() -> SqsRecovery {
        SqsRecovery(Recovery::new(FAMILY, SqsQueue::unborn))
    }

    /// The service, with the queues that were replayed.
    pub fn new(store: Arc<Store>, recovery: SqsRecovery, options: Options) -> Self {
        let meters = Meters::new(options.metered_queues_max);
        let catalog = Catalog::recovered(store, recovery.0, meters, options.limits);
        let (pauses, throttle) = (Pauses::new(options.limits), Throttle::new(options.limits));
        Self(Arc::new(Inner {
            catalog,
            pauses,
            throttle,
            sealing: Sealing::new(options.keys),
            home_region: options.home_region,
        }))
    }

    /// Counts the messages of all queues.
    pub fn totals(&self) -> Totals {
        let Tally([visible, in_flight, delayed]) = self.0.catalog.store().tally(FAMILY);
        Totals { queues: self.0.catalog.len() as u64, visible, in_flight, delayed }
    }

    /// Removes queues that nobody has used for their idle lifetime, some of them; says whether there may be more.
    pub fn remove_idle(&self) -> bool {
        self.0.catalog.remove_idle()
    }

    /// Makes message move tasks proceed, for as long as it is polled.
    pub async fn run_moves(&self) {
        let catalog = &self.0.catalog;
        loop {
            let next = catalog.proceed_moves().await;
            let now = catalog.store().clock().now();
            if next.is_some_and(|next| next <= now) {
                // Requests and couriers that wait for this thread come in between.
                tokio::task::yield_now().await;
                continue;
            }
            let due = async {
                match next {
                    Some(at) => catalog.store().clock().sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = catalog.movers().news() => {}
                () = due => {}
            }
        }
    }

    /// Takes each message move task that is due a step further and says when the next is due: a round of
    /// [`Sqs::run_moves`], and what simulations do in its place.
    pub async fn proceed_moves(&self) -> Option<Instant> {
        self.0.catalog.proceed_moves().await
    }

    /// Deletes every queue of every account, and tells how many, once that is durable.
    pub async fn delete_all(&self) -> Result<usize, Unavailable> {
        let catalog = &self.0.catalog;
        let mut deleted = Vec::new();
        for (account, region, name) in catalog.names() {
            if let Some(entry) = catalog.find(account, &region, name.as_str()) {
                deleted.push(catalog.delete(&entry)?);
            }
        }
        let queues = deleted.len();
        for pending in deleted {
            pending.await?;
        }
        Ok(queues)
    }

    /// What is known of each queue that has a meter, and of all others together, who have what is left of `totals`. Queues at
    /// rest are not woken.
    pub fn metered(&self, totals: Totals) -> Vec<Metered> {
        let catalog = &self.0.catalog;
        let mut left = [totals.visible, totals.in_flight, totals.delayed];
        let mut metered = Vec::new();
        for (QueueKey { account, region, name }, id, counted) in catalog.meters().read() {
            let Some(counts) = catalog.store().peek(id, SqsQueue::counts) else { continue };
            let [visible, in_flight, delayed] =
                [counts.visible, counts.in_flight, counts.delayed].map(|count| count as u64);
            for (left, count) in left.iter_mut().zip([visible, in_flight, delayed]) {
                *left = left.saturating_sub(count);
            }
            let queue = Some((account, region, name));
            let oldest_sent_at = counts.oldest_sent_at;
            metered.push(Metered { queue, counted, visible, in_flight, delayed, oldest_sent_at });
        }
        let [visible, in_flight, delayed] = left;
        let counted = catalog.meters().others();
        metered.push(Metered { queue: None, counted, visible, in_flight, delayed, oldest_sent_at: None });
        metered
    }

    /// Lets time pass in every queue that it changes, so that expired messages of idle ones give their memory back, and lets
    /// go of queues that nobody uses and of data keys that are over.
    pub fn sweep(&self) {
        self.0.catalog.let_go();
        self.0.sealing.let_go(self.0.catalog.store().clock().now());
        self.0.catalog.store().sweep();
    }
}

impl Service for Sqs {
    fn describe(&self) -> &'static Description {
        static DESCRIPTION: Description = Description {
            id: "sqs",
            host_labels: &["sqs", "queue"],
            shape: &api::SERVICE,
            path_member: Some("QueueUrl"),
            body_bytes_max: limits::REQUEST_BYTES_MAX,
            denied: &api::errors::ACCESS_DENIED_EXCEPTION,
            unsigned: needs::UNSIGNED,
            crc32: false,
        };
        &DESCRIPTION
    }

    fn prepare(&self, operation: usize, input: &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared> {
        let name = api::SERVICE.operations[operation].name;
        match ops::TABLE.iter().find(|(known, _)| *known == name) {
            Some((_, prepare)) => prepare(&self.0, input),
            None => {
                let message = format!("This version of tidewire does not implement the operation {name}.");
                Err(Unprepared::Refused(Refusal::unsupported(message).into()))
            }
        }
    }
}

impl Inner {
    /// Changes whose redrive policy is allowed, with the partition that its queue is.
    pub(crate) async fn redirected(
        &self,
        source: &QueueKey,
        changes: AttributeChanges,
    ) -> Result<AttributeChanges, Refusal> {
        let Some(given) = changes.text(Attribute::Redrive).filter(|given| !given.is_empty()) else {
            return Ok(changes);
        };
        let refused = |reason: &str| Refusal::invalid_value(given, "RedrivePolicy", reason);
        let policy = redrive::read(given)?;
        let target = &policy.target;
        if target.region != source.region {
            return Err(refused("Dead-letter target must be in same region as the source."));
        }
        if target.account != source.account {
            return Err(refused("Dead-letter target owner should be same as the source."));
        }
        if target == source {
            return Err(refused("A queue is not its own dead-letter queue."));
        }
        if target.name.is_fifo() != source.name.is_fifo() {
            return Err(refused("Dead-letter queue must be same type of queue as the source.."));
        }
        let missing = || refused("Dead letter target does not exist.");
        let found = self.find(target.account, &target.region, target.name.as_str()).await;
        let entry = found.map_err(|_| missing())?;
        let Reply::Described(about, _) = entry.partition.execute(Command::Describe)?.await? else {
            return Err(missing());
        };
        if !redrive::allows(about.attributes.text(Attribute::RedriveAllow), &source.arn()) {
            return Err(refused("The dead letter target's redrive allow policy does not allow this source queue."));
        }
        let kept = redrive::kept(&policy, entry.partition.id());
        Ok(changes.with_text(Attribute::Redrive, &kept))
    }

    /// Changes whose replay goes into a queue that is there and may take it, with the partition that it is.
    pub(crate) async fn replayed_into(
        &self,
        source: &QueueKey,
        changes: AttributeChanges,
    ) -> Result<AttributeChanges, Refusal> {
        let Some(given) = changes.text(Attribute::Replay).filter(|given| !given.is_empty()) else {
            return Ok(changes);
        };
        let asked = replay::read(given)?;
        let into = &asked.into;
        if into.account != source.account || into.region != source.region {
            return Err(replay::refused(given, "The queue must be of the same account and region."));
        }
        if into.name.is_fifo() != source.name.is_fifo() {
            return Err(replay::refused(given, "The queue must be of the same type as this one."));
        }
        let found = self.find(into.account, &into.region, into.name.as_str()).await;
        let entry = found.map_err(|_| replay::refused(given, "The queue does not exist."))?;
        let kept = replay::kept(&asked, entry.partition.id());
        Ok(changes.with_text(Attribute::Replay, &kept))
    }

    /// The queue of a URL, in the caller's account and region unless the URL says another.
    pub(crate) async fn queue_at(&self, caller: &Caller, url: &QueueUrl) -> Result<Arc<QueueEntry>, Refusal> {
        let account = url.account.unwrap_or(caller.account);
        self.find(account, url.region.as_ref().unwrap_or(&caller.region), url.name.as_str()).await
    }

    /// The queue of this name in an account and region.
    pub(crate) async fn find(
        &self,
        account: AccountId,
        region: &Region,
        name: &str,
    ) -> Result<Arc<QueueEntry>, Refusal> {
        match self.catalog.find(account, region, name) {
            Some(entry) => Ok(entry),
            None => {
                self.catalog.settled().await?;
                Err(Refusal::queue_does_not_exist())
            }
        }
    }

    /// The caller's queue of the ARN that a parameter gives.
    pub(crate) async fn find_arn(
        &self,
        caller: &Caller,
        arn: &str,
        parameter: &str,
    ) -> Result<Arc<QueueEntry>, Refusal> {
        let key = redrive::key_of_callers(caller, arn, parameter)?;
        let found = self.find(key.account, &key.region, key.name.as_str()).await;
        found.map_err(|_| Refusal::resource_not_found(parameter))
    }

    /// The URL of a queue as the caller can use it.
    pub(crate) fn url_of(&self, caller: &Caller, entry: &QueueEntry) -> String {
        self.url(caller, &entry.key.region, &entry.key.account, &entry.key.name)
    }

    /// The same, of a queue that nobody has to ask.
    pub(crate) fn url(&self, caller: &Caller, region: &Region, account: &AccountId, name: &QueueName) -> String {
        let region = (*region != self.home_region).then_some(region);
        queue_url(&caller.base_url().to_string(), region, account, name)
    }
}

impl QueueEntry {
    /// Asks the queue machine. A deleted queue does not exist.
    pub(crate) async fn ask(&self, command: queue::Command) -> Result<queue::Reply, Refusal> {
        Self::answer(self.begin(command)?).await
    }

    /// The same, whose place among the queue's commands is decided and which may not be durable yet.
    pub(crate) fn begin(&self, command: queue::Command) -> Result<Pending<SqsQueue>, Refusal> {
        Ok(self.partition.execute(Command::Messages(command))?)
    }

    /// The answer to what was begun, when it is durable.
    pub(crate) async fn answer(pending: Pending<SqsQueue>) -> Result<queue::Reply, Refusal> {
        match pending.await? {
            Reply::Messages(reply) => Ok(reply),
            Reply::Gone => Err(Refusal::queue_does_not_exist()),
            other => unreachable!("a command about messages is answered about messages, not by {other:?}"),
        }
    }
}

/// One operation: its shapes, and what it does.
pub(crate) trait Operation: 'static {
    /// The generated input.
    type Input: wire::Read + Send;
    /// The generated output.
    type Output: wire::Write + Send;

    /// What must be allowed before it is carried out.
    fn needs(asking: &Asking<'_>, input: &Self::Input) -> Result<Vec<Need>, Refusal>;

    /// Carries the operation out.
    fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output, Refusal>> + Send;
}

/// Reads an operation's input. The signature of the entries of `ops::TABLE`.
pub(crate) type Prepare = fn(&Arc<Inner>, &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared>;

/// Reads the input of `O`.
pub(crate) fn prepare<O: Operation>(
    service: &Arc<Inner>,
    reader: &mut dyn Reader,
) -> Result<Box<dyn Prepared>, Unprepared>
where
    O::Input: 'static,
{
    let input = match <O::Input as wire::Read>::read(reader) {
        // An entry whose text is none fails alone: AWS takes such halves of characters and finds them when it checks the entry.
        Err(invalid) if is_of_an_entry(&invalid) && reader.start_again_with_stand_ins() => {
            <O::Input as wire::Read>::read(reader)
        }
        read => read,
    };
    let input = input.map_err(|invalid| unprepared(&invalid, reader))?;
    Ok(Box::new(Call::<O> { service: Arc::clone(service), input, operation: PhantomData }))
}

/// SQS has words of its own for a parameter that is missing and for text that is none; all other mistakes are the protocol's.
fn unprepared(invalid: &Invalid, reader: &mut dyn Reader) -> Unprepared {
    match invalid.problem() {
        Problem::LoneSurrogate { unit } => {
            return match place_in_a_message(invalid) {
                Some(place) => Unprepared::Refused(Refusal::invalid_character((*unit).into(), &place).into()),
                None => Unprepared::Malformed(invalid.clone()),
            };
        }
        Problem::Missing { .. } => {}
        _ => return Unprepared::Malformed(invalid.clone()),
    }
    // A member of the input itself is missed only at the input's end, and what follows there is the worse mistake.
    let at_the_end = invalid.path().segments().count() == 1;
    match if at_the_end { reader.finish() } else { Ok(()) } {
        Ok(()) => Unprepared::Refused(missing(invalid).into()),
        Err(broken) => Unprepared::Malformed(broken),
    }
}

/// Whether half a character was found in a message of a batch.
fn is_of_an_entry(invalid: &Invalid) -> bool {
    let is_entry = |segment: &&Segment| matches!(segment, Segment::Member(member) if member.name == "Entries");
    let is_half = matches!(invalid.problem(), Problem::LoneSurrogate { .. });
    is_half && place_in_a_message(invalid).is_some() && invalid.path().segments().any(|segment| is_entry(&segment))
}

/// Where it was found in what a message carries, whose characters SQS checks itself.
fn place_in_a_message(invalid: &Invalid) -> Option<String> {
    let (mut kind, mut name) = ("message attribute", None);
    for segment in invalid.path().segments() {
        match segment {
            Segment::Member(member) if member.name == "MessageBody" => return Some("message body".to_owned()),
            Segment::Member(member) if member.name == "MessageSystemAttributes" => kind = "message system attribute",
            Segment::Member(member) if member.name == "StringValue" => {
                return Some(format!("{kind} '{}' value", name?));
            }
            Segment::Key(key) => name = Some(key),
            _ => {}
        }
    }
    None
}

/// A form cannot say that a list is empty, so AWS words some lists that are missing as it words empty ones.
fn missing(invalid: &Invalid) -> Refusal {
    let Problem::Missing { member } = invalid.problem() else { unreachable!("only what is missing is worded here") };
    match member.name {
        "Tags" | "Actions" => Refusal::missing(member.name),
        "TagKeys" => tags::key_length(),
        "AWSAccountIds" => Refusal::unverified_accounts(&[]),
        _ => Refusal::missing(&invalid.path().query()),
    }
}

struct Call<O: Operation> {
    service: Arc<Inner>,
    input: O::Input,
    operation: PhantomData<fn() -> O>,
}

impl<O: Operation> Prepared for Call<O>
where
    O::Input: 'static,
{
    fn needs(&self, caller: &Caller) -> Result<Vec<Need>, Refused> {
        Ok(O::needs(&Asking { service: &self.service, caller }, &self.input)?)
    }

    fn call(self: Box<Self>, caller: Caller) -> Answer {
        Box::pin(async move {
            let output = O::call(self.service, caller, self.input).await?;
            Ok(Answered::whole(output))
        })
    }
}
