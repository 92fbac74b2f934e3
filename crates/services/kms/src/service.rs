//! The service as the gateway and the server see it.

use crate::api;
use crate::asked::{Asked, Meant};
use crate::catalog::Catalog;
use crate::change::Change;
use crate::cryptography;
use crate::key::{Key, KeyPolicy, MadeBy, Material, MultiRegion, Origin, Rotation, State, Tags};
use crate::key_id::{KeyId, Reference, Target};
use crate::limits::{self, DAY_MILLIS};
use crate::machine::{Command, Kept, Keyring, Place, Reply};
use crate::needs::{Asking, missing};
use crate::ops;
use crate::records::FAMILY;
use crate::refusal::Refusal;
use crate::slow::{Elsewhere, Slow};
use crate::spec::{KeySpec, Usage};
use crate::vault::{self, Vault};
use engine::{Partition, Recovery, Store, Unavailable};
use gateway::{Answer, Answered, Caller, Description, Need, Prepared, Refused, Service, Unprepared};
use names::{AccountId, Region};
use seal::{RootKey, Secret};
use std::cell::RefCell;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use wire::{Reader, constraints};

engine::recovery! {
    /// What replays KMS's part of the log.
    pub struct KmsRecovery(Keyring);
}

/// AWS KMS.
pub struct Kms(pub(crate) Arc<Inner>);

/// What operations work on.
pub(crate) struct Inner {
    pub(crate) catalog: Catalog,
    pub(crate) vault: Vault,
    pub(crate) slow: Slow,
    /// Keys of an account in a region.
    keys_max: usize,
}

/// Services that have a managed key in each account and region, made when it is first used.
pub(crate) const MANAGED: &[&str] = &["kinesis", "kinesisvideo", "firehose", "lambda", "sns", "sqs"];

impl Kms {
    /// What takes KMS's records out of the log.
    pub fn recovery() -> KmsRecovery {
        KmsRecovery(Recovery::new(FAMILY, Keyring::unborn))
    }

    /// The service, with the keys that were replayed. `root` is what seals their material; what takes long is done `elsewhere`.
    pub fn new(store: Arc<Store>, recovery: KmsRecovery, root: Arc<dyn RootKey>, elsewhere: Elsewhere) -> Self {
        Self::with_room(limits::KEYS_MAX, store, recovery, root, elsewhere)
    }

    /// The same with room for this many keys of an account in a region.
    fn with_room(
        keys_max: usize,
        store: Arc<Store>,
        recovery: KmsRecovery,
        root: Arc<dyn RootKey>,
        elsewhere: Elsewhere,
    ) -> Self {
        let (catalog, vault) = (Catalog::recovered(store, recovery.0), Vault::new(root));
        Self(Arc::new(Inner { catalog, vault, slow: Slow::new(elsewhere), keys_max }))
    }

    /// Ends keys whose time is over and gives new material to those that are due for rotation. To be called every minute or so.
    pub fn tend(&self) {
        for (_, ring) in self.0.catalog.rings() {
            self.0.tend(&ring);
        }
    }
}

impl Kms {
    /// Ends every key of every account, and tells how many, once that is durable.
    pub async fn delete_all(&self) -> Result<usize, Unavailable> {
        let mut keys = 0;
        for (account, ring) in self.0.catalog.rings() {
            if let Reply::Buried(ids) = ring.execute(Command::Clear)?.await? {
                self.0.forget(account, &ids);
                keys += ids.len();
            }
        }
        Ok(keys)
    }
}

impl Service for Kms {
    fn describe(&self) -> &'static Description {
        static DESCRIPTION: Description = Description {
            id: "kms",
            host_labels: &["kms"],
            shape: &api::SERVICE,
            path_member: None,
            body_bytes_max: limits::REQUEST_BYTES_MAX,
            denied: &api::errors::ACCESS_DENIED_EXCEPTION,
            unsigned: &[],
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

/// What a key that is to be made is like.
pub(crate) struct Wanted {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) description: Box<str>,
    pub(crate) spec: KeySpec,
    pub(crate) usage: Usage,
    pub(crate) origin: Origin,
    pub(crate) policy: KeyPolicy,
    pub(crate) tags: Tags,
    pub(crate) is_multi_region: bool,
    /// The service whose managed key it is.
    pub(crate) managed: Option<&'static str>,
}

impl Inner {
    /// Asks the keys of an account.
    pub(crate) async fn ask(&self, ring: &Partition<Keyring>, command: Command) -> Result<Reply, Refusal> {
        match ring.execute(command)?.await? {
            Reply::Refused(refusal) => Err(refusal),
            reply => Ok(reply),
        }
    }

    /// The key that a request names in any of the four ways. One of AWS's own aliases gets its key now.
    pub(crate) async fn key(&self, caller: &Asked, text: &str) -> Result<Kept, Refusal> {
        let reference = caller.reference(text)?;
        self.find(caller, &reference).await
    }

    pub(crate) async fn find(&self, caller: &Caller, reference: &Reference) -> Result<Kept, Refusal> {
        let found = match self.catalog.ring(reference.account) {
            Some(ring) => {
                let find = Command::Find(caller.region.clone(), reference.target.clone());
                self.ask(&ring, find).await
            }
            None => {
                self.catalog.settled().await?;
                Err(missing(caller, reference))
            }
        };
        match found {
            Ok(Reply::Key(kept)) => Ok(kept),
            Ok(other) => unreachable!("who asks for a key is answered a key, not {other:?}"),
            Err(_) if self.is_lazy(reference) => self.make_managed(reference, &caller.region).await,
            Err(refusal) => Err(refusal),
        }
    }

    /// The key of a ciphertext in the caller's region.
    pub(crate) async fn key_of(&self, caller: &Caller, blob: &[u8]) -> Result<(Kept, u32), Refusal> {
        let head = crate::blob::head(blob).ok_or_else(Refusal::ciphertext)?;
        let (account, id) = self.catalog.owner(&head.key).ok_or_else(Refusal::ciphertext)?;
        let kept = self.find(caller, &Reference { account, target: Target::Key(id) }).await;
        Ok((kept.map_err(|_| Refusal::ciphertext())?, head.material))
    }

    /// Where the key is that a request names by id or ARN, for those who change it.
    pub(crate) async fn place(&self, caller: &Caller, text: &str) -> Result<(Arc<Partition<Keyring>>, Place), Refusal> {
        let (account, id) = Reference::of_key(text, caller.account, &caller.region)?;
        match self.catalog.ring(account) {
            Some(ring) => Ok((ring, (caller.region.clone(), id))),
            None => {
                self.catalog.settled().await?;
                Err(Refusal::no_key(&id.arn(&caller.region, account)))
            }
        }
    }

    /// The key that a request names by id or ARN.
    pub(crate) async fn own_key(&self, caller: &Caller, text: &str) -> Result<Kept, Refusal> {
        let (account, id) = Reference::of_key(text, caller.account, &caller.region)?;
        self.find(caller, &Reference { account, target: Target::Key(id) }).await
    }

    /// Changes the key that a request names by id or ARN. AWS's managed keys are nobody's to change.
    pub(crate) async fn change(&self, caller: &Caller, text: &str, change: Change) -> Result<Kept, Refusal> {
        let before = self.own_key(caller, text).await?;
        if before.key.is_managed {
            let message = format!("{} is managed by AWS and cannot be changed.", before.key.arn());
            return Err(Refusal::access_denied(message));
        }
        let (ring, place) = self.place(caller, text).await?;
        let forgets = matches!(change, Change::Disable | Change::ScheduleDeletion { .. } | Change::DropMaterial(_));
        match self.ask(&ring, Command::Change { place, change: Box::new(change) }).await? {
            Reply::Key(kept) => {
                if forgets {
                    self.vault.forget(kept.key.account, kept.key.id);
                }
                Ok(kept)
            }
            other => unreachable!("who changes a key is answered the key, not {other:?}"),
        }
    }

    /// Whether a reference is one of AWS's own aliases, whose key is made when it is first used.
    pub(crate) fn is_lazy(&self, reference: &Reference) -> bool {
        matches!(&reference.target, Target::Alias(alias) if managed_service(alias).is_some())
    }

    /// The policy that the key of one of AWS's own aliases has.
    pub(crate) fn policy_to_be(&self, reference: &Reference, region: &Region) -> Option<KeyPolicy> {
        let Target::Alias(alias) = &reference.target else { return None };
        let service = managed_service(alias)?;
        Some(KeyPolicy::of_service(reference.account, region.arn_partition(), region, service))
    }

    async fn make_managed(&self, reference: &Reference, region: &Region) -> Result<Kept, Refusal> {
        let Target::Alias(alias) = &reference.target else { return Err(Refusal::internal()) };
        let service = managed_service(alias).ok_or_else(Refusal::internal)?;
        let partition = region.arn_partition();
        self.make(Wanted {
            account: reference.account,
            region: region.clone(),
            description: format!(
                "Default key that protects my {} data when no other key is defined",
                service.to_uppercase()
            )
            .into(),
            spec: KeySpec::Symmetric,
            usage: Usage::Encrypt,
            origin: Origin::Made,
            policy: KeyPolicy::of_service(reference.account, partition, region, service),
            tags: Vec::new(),
            is_multi_region: false,
            managed: Some(service),
        })
        .await
    }

    /// Makes a key. Of two who make the same managed key at once both get the first one's.
    pub(crate) async fn make(&self, wanted: Wanted) -> Result<Kept, Refusal> {
        let Wanted { account, region, description, spec, usage, origin, policy, tags, is_multi_region, managed } =
            wanted;
        // Before its material is made, which may take seconds. Of a managed key there may already be the first one's.
        let ring = self.catalog.ring(account).filter(|_| managed.is_none());
        ring.and_then(|ring| ring.inspect(|ring| ring.check_room(&region, self.keys_max))).transpose()?;
        let id = KeyId::from_chance(self.vault.chance(), is_multi_region);
        let now = self.catalog.now();
        let is_made = origin == Origin::Made;
        let materials = match is_made {
            true => {
                let plain = self.making(account, spec, move || cryptography::make(spec)).await?;
                vec![self.material(account, id, 1, &plain, MadeBy::Creation)?]
            }
            false => Vec::new(),
        };
        let days = limits::MANAGED_ROTATION_DAYS;
        let rotation = managed.map(|_| Rotation { days, next_at: now.plus_millis(u64::from(days) * DAY_MILLIS) });
        let key = Key {
            id,
            account,
            created_at: now,
            description,
            spec,
            usage,
            origin,
            is_managed: managed.is_some(),
            state: if is_made { State::Enabled } else { State::PendingImport },
            policy,
            tags,
            materials: materials.into_iter().map(|material| Material { made_at: now, ..material }).collect(),
            rotation,
            multi_region: is_multi_region.then(|| MultiRegion { primary: region.clone(), replicas: Vec::new() }),
            region,
        };
        // Before the key can be found, so that no ciphertext of it is ever of nobody's key.
        self.catalog.note(account, id);
        let ring = self.catalog.ring_or_new(account);
        let alias = managed.map(|service| format!("alias/aws/{service}").into());
        let made =
            self.ask(&ring, Command::Create { account, key: Box::new(key), alias, keys_max: self.keys_max }).await;
        // Where there was no room for it, or the first one's is there, nobody's ciphertext names this one.
        self.catalog.forget_gone(account, &[id]);
        match made? {
            Reply::Key(kept) => Ok(kept),
            other => unreachable!("who makes a key is answered the key, not {other:?}"),
        }
    }

    /// Material of a key, sealed.
    pub(crate) fn material(
        &self,
        account: AccountId,
        id: KeyId,
        number: u32,
        plain: &Secret,
        by: MadeBy,
    ) -> Result<Material, Refusal> {
        Ok(Material {
            number,
            identity: vault::identity(id, plain),
            made_at: self.catalog.now(),
            by,
            sealed: Some(self.vault.seal(account, id, number, plain)?),
            valid_to: None,
            description: None,
        })
    }

    /// New material for a key, to be given to [`Change::Rotate`]. Of those that are rotated none is slow to make.
    pub(crate) fn next_material(&self, key: &Key, by: MadeBy) -> Result<Material, Refusal> {
        self.material(key.account, key.id, key.next_material(), &cryptography::make(key.spec)?, by)
    }

    /// Lets go of what is kept beside the machine of keys of which something ended.
    fn forget(&self, account: AccountId, ids: &[KeyId]) {
        ids.iter().for_each(|id| self.vault.forget(account, *id));
        self.catalog.forget_gone(account, ids);
    }

    fn tend(&self, ring: &Arc<Partition<Keyring>>) {
        let now = self.catalog.now();
        let due = |ring: &Keyring| {
            let ends = ring.keys.values().any(|kept| kept.key.changes_at().is_some_and(|at| at <= now));
            let rotates = |key: &Key| {
                let is_first = key.multi_region.is_none() || key.is_primary();
                is_first && key.state == State::Enabled && key.rotation.is_some_and(|rotation| rotation.next_at <= now)
            };
            let keys = ring.keys.values().filter(|kept| rotates(&kept.key)).map(|kept| Arc::clone(&kept.key));
            (ring.account, ends, keys.collect::<Vec<_>>())
        };
        let Some((account, ends, keys)) = ring.inspect(due) else { return };
        if let Some(buried) = ends.then(|| ring.execute(Command::Bury).ok()).flatten() {
            buried.is(|reply| {
                if let Reply::Buried(ids) = reply {
                    self.forget(account, ids);
                }
                true
            });
        }
        for key in keys {
            // A log that takes nothing more, or a key that was changed meanwhile: the next minute looks again.
            let Ok(material) = self.next_material(&key, MadeBy::Automatic) else { continue };
            let place = (key.region.clone(), key.id);
            let _ = ring.execute(Command::Change { place, change: Box::new(Change::Rotate(material)) });
        }
    }
}

/// The service whose managed key an alias names.
fn managed_service(alias: &str) -> Option<&'static str> {
    let name = alias.strip_prefix("alias/aws/")?;
    MANAGED.iter().find(|known| **known == name).copied()
}

/// One operation: its shapes, and what it does.
pub(crate) trait Operation: 'static {
    /// The generated input.
    type Input: wire::Read + wire::Write + Send;
    /// The generated output.
    type Output: wire::Write + Send;

    /// What must be allowed before it is carried out.
    fn needs(asking: &Asking<'_>, input: &Self::Input) -> Result<Vec<Need>, Refusal>;

    /// Carries the operation out.
    fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output, Refusal>> + Send;
}

/// Reads an operation's input. The signature of the entries of `ops::TABLE`.
pub(crate) type Prepare = fn(&Arc<Inner>, &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared>;

/// Reads the input of `O`, and checks it by the model's rules.
pub(crate) fn prepare<O: Operation>(
    service: &Arc<Inner>,
    reader: &mut dyn Reader,
) -> Result<Box<dyn Prepared>, Unprepared>
where
    O::Input: 'static,
{
    let refused = |sentence: String| Unprepared::Refused(Refusal::validation(sentence).into());
    let input = match <O::Input as wire::Read>::read(reader) {
        Ok(input) => input,
        Err(invalid) => return Err(constraints::missing(&invalid).map_or(Unprepared::Malformed(invalid), refused)),
    };
    match constraints::sentence(&input) {
        Some(sentence) => Err(refused(sentence)),
        None => Ok(Box::new(Call::<O> {
            service: Arc::clone(service),
            input,
            meant: RefCell::default(),
            operation: PhantomData,
        })),
    }
}

struct Call<O: Operation> {
    service: Arc<Inner>,
    input: O::Input,
    /// What the aliases of the input stood for when it was asked.
    meant: RefCell<Meant>,
    operation: PhantomData<fn() -> O>,
}

impl<O: Operation> Prepared for Call<O>
where
    O::Input: 'static,
{
    fn needs(&self, caller: &Caller) -> Result<Vec<Need>, Refused> {
        let asking = Asking::new(&self.service, caller);
        let needs = O::needs(&asking, &self.input)?;
        self.meant.replace(asking.meant.into_inner());
        Ok(needs)
    }

    fn call(self: Box<Self>, caller: Caller) -> Answer {
        Box::pin(async move {
            let caller = Asked::new(caller, self.meant.into_inner());
            let output = O::call(self.service, caller, self.input).await?;
            Ok(Answered::whole(output))
        })
    }
}

#[cfg(test)]
mod tests;
