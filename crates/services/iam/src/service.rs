//! Both services as the gateway and the server see them.
//!
//! IAM and STS are two front doors of one state (ADR 0024). An operation is read, checked against the model's constraints, asked
//! what it needs, and then decided as a plan by the one partition of identities; its reply waits until the disk has what it
//! saw. What changed makes identities anew before the reply leaves.

use crate::api;
use crate::at::{At, Outcome};
use crate::authority::Identities;
use crate::ids::Dice;
use crate::keyring::{self, Keyring};
use crate::limits;
use crate::machine::{Plan, Replied};
use crate::ops;
use crate::provider_keys::ProviderKeys;
use crate::records::{Change, Effect, FAMILY};
use crate::refusal::Refusal;
use crate::session::Kind;
use crate::state::Realm;
use crate::web::Documents;
use access::sigv4::Keys;
use engine::{Partition, Pending, Recovery, Store};
use gateway::{Actions, Answer, Answered, Caller, Description, Need, Prepared, Refused, Service, Unprepared};
use names::PartitionId;
use seal::{RootKey, RootKeyError};
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use wire::schema::OperationShape;
use wire::{Invalid, Reader, Write, constraints};

/// Bytes that nobody can guess, into the whole slice.
pub type Chance = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

engine::recovery! {
    /// What replays the log's part of identities.
    pub struct IamRecovery(Realm);
}

/// What the services are told by the server.
pub struct Options {
    /// What the key of this state is wrapped with.
    pub root: Arc<dyn RootKey>,
    /// Where ids, secrets and nonces come from.
    pub chance: Chance,
    /// The gateway's signing keys, which are told when an access key changes.
    pub signing_keys: Arc<Keys>,
    /// What fetches the documents of OpenID Connect providers.
    pub documents: Arc<dyn Documents>,
    /// The partition of AWS that ARNs of identities are of: `aws`, `aws-cn` and so on.
    pub arn_partition: &'static str,
}

/// AWS IAM, and what knows who is behind a key.
pub struct Iam(pub(crate) Arc<Inner>);

/// AWS STS.
pub struct Sts(Arc<Inner>);

/// What operations work on.
pub(crate) struct Inner {
    pub(crate) partition: Arc<Partition<Realm>>,
    pub(crate) keyring: Keyring,
    pub(crate) identities: Identities,
    pub(crate) signing_keys: Arc<Keys>,
    pub(crate) documents: Arc<dyn Documents>,
    pub(crate) provider_keys: ProviderKeys,
    pub(crate) arn_partition: &'static str,
    chance: Chance,
}

/// Why the services cannot begin.
#[derive(Debug)]
pub enum NotBegun {
    /// The root key does not open what was sealed before.
    RootKey(RootKeyError),
    /// The log takes nothing.
    Stopped,
}

impl fmt::Display for NotBegun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RootKey(error) => write!(f, "the keys of identities cannot be opened: {error}"),
            Self::Stopped => f.write_str("the log takes no records"),
        }
    }
}

impl std::error::Error for NotBegun {}

impl Iam {
    /// What takes the records of identities out of the log.
    pub fn recovery() -> IamRecovery {
        IamRecovery(Recovery::new(FAMILY, Realm::default))
    }

    /// Both services, with the identities that were replayed.
    pub fn begin(store: &Store, recovery: IamRecovery, options: Options) -> Result<(Self, Sts), NotBegun> {
        recovery.finish(store);
        let id = PartitionId::of_family(FAMILY, 1);
        let partition = store.partition::<Realm>(id);
        let partition = partition.unwrap_or_else(|| Partition::new(store, id, Realm::default()));
        let keyring = keyring_of(&partition, &options)?;
        let Options { chance, signing_keys, documents, arn_partition, .. } = options;
        let identities = Identities::default();
        let provider_keys = ProviderKeys::default();
        let inner =
            Inner { partition, keyring, identities, signing_keys, documents, provider_keys, chance, arn_partition };
        let inner = Arc::new(inner);
        Ok((Self(Arc::clone(&inner)), Sts(inner)))
    }
}

/// The keyring that is kept, or a new one. It stands in the log before anything that is sealed with it.
fn keyring_of(partition: &Partition<Realm>, options: &Options) -> Result<Keyring, NotBegun> {
    let kept = partition.inspect(|realm| realm.keyring.clone()).flatten();
    let wrapped = match kept {
        Some(wrapped) => wrapped,
        None => {
            let (mut key, mut nonce) = ([0; 32], [0; 12]);
            (options.chance)(&mut key);
            (options.chance)(&mut nonce);
            let wrapped = keyring::make(&*options.root, &key, nonce).map_err(NotBegun::RootKey)?;
            let effect = Effect::KeyringMade(wrapped.clone());
            let plan: Plan = Box::new(move |_, _| Ok((vec![effect], Box::new(wire::Nothing))));
            drop(partition.execute(plan).map_err(|_| NotBegun::Stopped)?);
            wrapped
        }
    };
    Keyring::open(&*options.root, &wrapped).map_err(NotBegun::RootKey)
}

impl Inner {
    /// Chance for one operation.
    pub(crate) fn dice(&self) -> Dice {
        self.dice_for(1)
    }

    /// Chance for several operations.
    pub(crate) fn dice_for(&self, operations: usize) -> Dice {
        let mut bytes = vec![0; Dice::BYTES * operations];
        (self.chance)(&mut bytes);
        Dice::new(bytes)
    }

    /// Looks at the state as it is.
    pub(crate) fn look<T>(&self, caller: &Caller, look: impl FnOnce(&At<'_>) -> T) -> Result<T, Refusal> {
        let dice = Dice::new(Vec::new());
        let looked = self.partition.inspect(|realm| {
            look(&At {
                realm,
                caller,
                now: caller.now,
                dice: &dice,
                keyring: &self.keyring,
                partition: self.arn_partition,
            })
        });
        looked.ok_or_else(Refusal::internal)
    }

    /// What an operation needs, if the key that asks may reach it at all.
    pub(crate) fn needs(
        &self,
        caller: &Caller,
        operation: &OperationShape,
        needs: impl FnOnce(&At<'_>) -> Result<Vec<Need>, Refusal>,
    ) -> Result<Vec<Need>, Refused> {
        let needs = self.look(caller, |at| {
            check_session(at, operation.name)?;
            needs(at)
        });
        Ok(needs.flatten()?)
    }

    /// Has a plan decided, and makes identities anew if it changed something.
    pub(crate) fn execute(&self, plan: Plan) -> Result<Pending<Realm>, Refusal> {
        let pending = self.partition.execute(plan)?;
        pending.is(|reply| {
            if let Ok(Replied { is_change: true, keys, .. }) = reply {
                self.identities.changed();
                keys.iter().for_each(|key| self.signing_keys.forget(key));
            }
            true
        });
        Ok(pending)
    }

    /// Decides, and waits for the disk.
    pub(crate) async fn ask<O: Write + Send + 'static>(
        self: &Arc<Self>,
        caller: Caller,
        decide: impl FnOnce(&At<'_>) -> Result<Outcome<O>, Refusal> + Send + 'static,
    ) -> Result<Box<dyn Write + Send>, Refusal> {
        let (dice, service) = (self.dice(), Arc::clone(self));
        let plan: Plan = Box::new(move |realm, now| {
            let at = At {
                realm,
                caller: &caller,
                now,
                dice: &dice,
                keyring: &service.keyring,
                partition: service.arn_partition,
            };
            let Outcome { effects, output } = decide(&at)?;
            Ok((effects, Box::new(output)))
        });
        let pending = self.execute(plan)?;
        pending.await?.map(|replied| replied.output)
    }

    /// Looks, and waits until what was seen is durable: what is made of it may then be told.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        caller: Caller,
        look: impl FnOnce(&At<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let seen = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&seen);
        let looked = self.ask(caller, move |at| {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(look(at)?);
            Outcome::read(wire::Nothing)
        });
        drop(looked.await?);
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        seen.ok_or_else(Refusal::internal)
    }

    /// Deletes every identity of every account, durably; says of how many accounts.
    async fn wipe(&self) -> Result<usize, engine::Unavailable> {
        let count = Arc::new(AtomicUsize::new(0));
        let told = Arc::clone(&count);
        let plan: Plan = Box::new(move |realm, _| {
            told.store(realm.accounts.len(), Ordering::Relaxed);
            Ok((wiping(realm), Box::new(wire::Nothing)))
        });
        let pending = self.partition.execute(plan)?;
        self.identities.changed();
        pending.await?.map_err(|_| engine::Unavailable::Broken)?;
        Ok(count.load(Ordering::Relaxed))
    }
}

/// What deletes all that there is at the moment at which it is decided.
fn wiping(realm: &Realm) -> Vec<Effect> {
    realm.accounts.keys().map(|account| Effect::Of(*account, Change::Wiped)).collect()
}

impl Iam {
    /// Deletes every identity of every account, and tells of how many accounts, once that is durable.
    pub async fn delete_all(&self) -> Result<usize, engine::Unavailable> {
        self.0.wipe().await
    }
}

impl Service for Iam {
    fn describe(&self) -> &'static Description {
        static DESCRIPTION: Description = Description {
            id: "iam",
            host_labels: &["iam"],
            shape: &api::iam::SERVICE,
            path_member: None,
            body_bytes_max: limits::REQUEST_BYTES_MAX,
            denied: &api::iam::errors::ACCESS_DENIED_EXCEPTION,
            unsigned: &[],
            crc32: false,
        };
        &DESCRIPTION
    }

    fn prepare(&self, operation: usize, input: &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared> {
        prepare_by(ops::IAM, api::iam::SERVICE.operations[operation], &self.0, input)
    }
}

impl Service for Sts {
    fn describe(&self) -> &'static Description {
        static DESCRIPTION: Description = Description {
            id: "sts",
            host_labels: &["sts"],
            shape: &api::sts::SERVICE,
            path_member: None,
            body_bytes_max: limits::REQUEST_BYTES_MAX,
            denied: &api::sts::errors::ACCESS_DENIED_EXCEPTION,
            unsigned: &["AssumeRoleWithWebIdentity"],
            crc32: false,
        };
        &DESCRIPTION
    }

    fn prepare(&self, operation: usize, input: &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared> {
        prepare_by(ops::STS, api::sts::SERVICE.operations[operation], &self.0, input)
    }
}

fn prepare_by(
    table: &[(&str, Prepare)],
    operation: &OperationShape,
    service: &Arc<Inner>,
    input: &mut dyn Reader,
) -> Result<Box<dyn Prepared>, Unprepared> {
    match table.iter().find(|(known, _)| *known == operation.name) {
        Some((_, prepare)) => prepare(service, input),
        None => Err(Unprepared::Refused(Refusal::not_implemented(operation.name).into())),
    }
}

/// One operation: what it is about, and what it does. Implemented by the generated name of the operation.
pub(crate) trait Operation: wire::Operation<Input: Write, Output: 'static> {
    /// What must be allowed; most operations need the action of their own name.
    fn needs(at: &At<'_>, input: &Self::Input) -> Result<Vec<Need>, Refusal>;

    /// What it changes and answers.
    fn decide(at: &At<'_>, input: Self::Input) -> Done<Self>;
}

/// What came of an operation.
pub(crate) type Done<O> = Result<Outcome<<O as wire::Operation>::Output>, Refusal>;

/// The actions that operations need.
pub(crate) static ACTIONS: LazyLock<[Actions; 2]> = LazyLock::new(|| {
    let extra = ["PassRole", "TagSession", "SetSourceIdentity"];
    let names = |operations: &'static [&'static OperationShape]| operations.iter().map(|operation| operation.name);
    [
        Actions::new("iam", names(api::iam::SERVICE.operations).chain(extra)),
        Actions::new("sts", names(api::sts::SERVICE.operations).chain(extra)),
    ]
});

/// Reads an operation's input. The signature of the entries of the tables in `ops`.
pub(crate) type Prepare = fn(&Arc<Inner>, &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared>;

/// Reads the input of an operation, and checks it against the model's constraints.
pub(crate) fn input<I: wire::Read + Write>(reader: &mut dyn Reader) -> Result<I, Unprepared> {
    let worded = |invalid: Invalid| match constraints::missing(&invalid) {
        Some(message) => Unprepared::Refused(Refusal::invalid(message).into()),
        None => Unprepared::Malformed(invalid),
    };
    let input = I::read(reader).map_err(worded)?;
    match constraints::sentence(&input) {
        Some(message) => Err(Unprepared::Refused(Refusal::invalid(message).into())),
        None => Ok(input),
    }
}

/// Reads the input of `O`.
pub(crate) fn prepare<O: Operation + 'static>(
    service: &Arc<Inner>,
    reader: &mut dyn Reader,
) -> Result<Box<dyn Prepared>, Unprepared> {
    let input = input::<O::Input>(reader)?;
    Ok(Box::new(Call::<O> { service: Arc::clone(service), input, operation: PhantomData }))
}

/// What a temporary key never reaches, whatever policies say (API reference of STS): one of GetSessionToken without a second
/// factor no operation of IAM, and of STS AssumeRole and GetCallerIdentity alone; one of GetFederationToken none of IAM, and of
/// STS GetCallerIdentity alone.
fn check_session(at: &At<'_>, operation: &str) -> Result<(), Refusal> {
    let Some(session) = at.session() else { return Ok(()) };
    let reached: &[&str] = match session.kind {
        Kind::Role | Kind::Nobody => return Ok(()),
        Kind::User | Kind::Root => &["AssumeRole", "GetCallerIdentity"],
        Kind::Federated | Kind::FederatedByRoot => &["GetCallerIdentity"],
    };
    if api::iam::SERVICE.operation(operation).is_some() {
        return Err(Refusal::invalid_token());
    }
    match reached.contains(&operation) {
        true => Ok(()),
        false => Err(Refusal::denied(format!("Cannot call {operation} with session credentials"))),
    }
}

struct Call<O: Operation> {
    service: Arc<Inner>,
    input: O::Input,
    operation: PhantomData<fn() -> O>,
}

impl<O: Operation + 'static> Prepared for Call<O> {
    fn needs(&self, caller: &Caller) -> Result<Vec<Need>, Refused> {
        self.service.needs(caller, O::SHAPE, |at| O::needs(at, &self.input))
    }

    fn call(self: Box<Self>, caller: Caller) -> Answer {
        Box::pin(async move {
            let Self { service, input, .. } = *self;
            let output = service.ask(caller, move |at| O::decide(at, input)).await?;
            Ok(Answered::Whole(output))
        })
    }
}
