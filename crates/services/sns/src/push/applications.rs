//! Which applications there are, on which pages their endpoints stand, and which token is whose.
//!
//! All that changes an application goes through its lock, under which tokens are looked up: what a page then decides was right. In memory
//! stand for an endpoint its token's digest and its place, some 40 bytes; the endpoint itself is on its page, which rests as bytes when
//! nobody uses it. What is seen may not be durable yet: whoever tells of it waits for that.

use super::limits::{APPLICATIONS_MAX, PAGE_ENDPOINTS, PAGES_MAX};
use super::page::{About, Command, Endpoint, Head, Page, Reply};
use super::platform::{AppKey, EndpointId, Place, Platform};
use super::records::FAMILY;
use super::refusals;
use super::sending::Accesses;
use crate::refusal::Refusal;
use crate::topic_key::SubscriptionId;
use engine::{Partition, Pending, Recovery, Store, Unavailable};
use names::{AccountId, PartitionId, Region};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// All applications of a server.
pub(crate) struct Applications {
    store: Arc<Store>,
    by_key: RwLock<ByKey>,
    /// The ordinal of the next page. Locked last of all.
    next: Mutex<u64>,
}

#[derive(Default)]
struct ByKey(BTreeMap<AppKey, Arc<AppEntry>>);

/// One application.
pub(crate) struct AppEntry {
    pub(crate) key: AppKey,
    pub(crate) arn: Arc<str>,
    pub(crate) id: SubscriptionId,
    state: Mutex<State>,
    /// What requests in its name are sent with; whoever makes it anew holds the others up.
    pub(crate) access: tokio::sync::Mutex<Accesses>,
}

struct State {
    about: Arc<About>,
    pages: BTreeMap<u32, PartitionId>,
    /// Pages that have room.
    roomy: BTreeSet<u32>,
    tokens: HashMap<TokenDigest, Place>,
    is_gone: bool,
}

type TokenDigest = [u8; 16];

fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token)[..16].try_into().expect("a digest of SHA-256 has 32 bytes")
}

/// A page as replay left it.
struct Found {
    partition: PartitionId,
    head: Head,
    tokens: Vec<(u16, TokenDigest)>,
}

impl Applications {
    /// The applications that replay left. Pages of none are closed: a crash came between the first page's end and theirs.
    pub(crate) fn recovered(store: Arc<Store>, recovery: Recovery<Page>) -> Self {
        let next = recovery.next_ordinal();
        let mut found = Vec::new();
        recovery.look(|partition, page| {
            if let Some(head) = page.head() {
                let tokens = page.endpoints.iter().map(|(slot, endpoint)| (*slot, digest(&endpoint.token))).collect();
                found.push(Found { partition, head: head.clone(), tokens });
            }
        });
        recovery.finish(&store);
        let mut by_key = ByKey::default();
        let mut by_id = HashMap::new();
        for one in &found {
            if let Head::Application(about) = &one.head {
                let entry = AppEntry::new(Arc::clone(about));
                entry.state().add(0, one);
                by_id.insert(entry.id, Arc::clone(&entry));
                by_key.0.insert(entry.key.clone(), entry);
            }
        }
        for one in &found {
            let Head::Further { application, number } = one.head else { continue };
            match by_id.get(&application) {
                Some(entry) => entry.state().add(number, one),
                None => close(&store, one.partition),
            }
        }
        Self { store, by_key: RwLock::new(by_key), next: Mutex::new(next) }
    }

    pub(crate) fn find(&self, key: &AppKey) -> Option<Arc<AppEntry>> {
        self.by_key.read().unwrap_or_else(PoisonError::into_inner).0.get(key).map(Arc::clone)
    }

    /// Every one there is.
    pub(crate) fn all(&self) -> Vec<Arc<AppEntry>> {
        self.by_key.read().unwrap_or_else(PoisonError::into_inner).0.values().map(Arc::clone).collect()
    }

    /// The application of a key; that there is none is told once its end is durable.
    pub(crate) async fn get(&self, key: &AppKey) -> Result<Arc<AppEntry>, Refusal> {
        match self.find(key) {
            Some(entry) => Ok(entry),
            None => {
                self.settled().await?;
                Err(refusals::no_application())
            }
        }
    }

    /// Makes an application, or finds the same one. `begin` is called before its record is decided, for what has to stand before it.
    pub(crate) fn create(
        &self,
        about: About,
        begin: impl FnOnce(&About) -> Result<(), Unavailable>,
    ) -> Result<(Arc<AppEntry>, Option<Pending<Page>>), Refusal> {
        let mut by_key = self.by_key.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = by_key.0.get(&about.key) {
            let known = entry.about();
            let is_same = known.attributes == about.attributes && known.credentials == about.credentials;
            return if is_same { Ok((Arc::clone(entry), None)) } else { Err(refusals::other_application()) };
        }
        let of_account = by_key.of(about.key.account, &about.key.region, None).take(APPLICATIONS_MAX).count();
        if of_account >= APPLICATIONS_MAX {
            return Err(Refusal::invalid("Name Reason: this account has as many applications as it may"));
        }
        begin(&about)?;
        let about = Arc::new(about);
        let head = Head::Application(Arc::clone(&about));
        let (partition, pending) = self.begin(head.clone())?;
        let entry = AppEntry::new(about);
        entry.state().add(0, &Found { partition, head, tokens: Vec::new() });
        by_key.0.insert(entry.key.clone(), Arc::clone(&entry));
        Ok((entry, Some(pending)))
    }

    /// A page that begins.
    fn begin(&self, head: Head) -> Result<(PartitionId, Pending<Page>), Unavailable> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let id = PartitionId::of_family(FAMILY, *next);
        let pending = Partition::new(&self.store, id, Page::default()).execute(Command::Put(head))?;
        // One that could not be made leaves its place to the next.
        *next += 1;
        Ok((id, pending))
    }

    /// Deletes an application with its endpoints; whether there was one. Its name is free as soon as that is decided.
    pub(crate) fn delete(&self, key: &AppKey) -> Result<Option<Arc<AppEntry>>, Unavailable> {
        let mut by_key = self.by_key.write().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = by_key.0.get(key).map(Arc::clone) else { return Ok(None) };
        let mut state = entry.state();
        let mut pages = std::mem::take(&mut state.pages).into_values();
        // The first goes first: what is left of the others the next start finds to be nobody's.
        if let Some(first) = pages.next() {
            drop(self.partition(first)?.execute(Command::Close)?);
        }
        pages.for_each(|page| close(&self.store, page));
        state.is_gone = true;
        (state.tokens, state.roomy) = (HashMap::new(), BTreeSet::new());
        drop(state);
        by_key.0.remove(key);
        Ok(Some(entry))
    }

    /// Applications of an account in a region behind one, in order, `limit` at most.
    pub(crate) fn list(
        &self,
        account: AccountId,
        region: &Region,
        after: Option<&AppKey>,
        limit: usize,
    ) -> Vec<Arc<AppEntry>> {
        let by_key = self.by_key.read().unwrap_or_else(PoisonError::into_inner);
        by_key.of(account, region, after).take(limit).map(Arc::clone).collect()
    }

    /// Waits until everything that was decided up to now is durable.
    pub(crate) async fn settled(&self) -> Result<(), Unavailable> {
        let upto = self.store.journal().last();
        self.store.journal().when_durable(upto).await.map_err(|_| Unavailable::Stopped)
    }

    fn partition(&self, id: PartitionId) -> Result<Arc<Partition<Page>>, Unavailable> {
        self.store.partition(id).ok_or(Unavailable::Broken)
    }

    /// Changes what an application is.
    pub(crate) fn change(
        &self,
        entry: &AppEntry,
        change: impl FnOnce(&mut About) -> Result<(), Refusal>,
    ) -> Result<Option<Pending<Page>>, Refusal> {
        let mut state = entry.live()?;
        let mut after = About::clone(&state.about);
        change(&mut after)?;
        if after == *state.about {
            return Ok(None);
        }
        let after = Arc::new(after);
        let first = *state.pages.get(&0).ok_or(Unavailable::Broken)?;
        let pending = self.partition(first)?.execute(Command::Put(Head::Application(Arc::clone(&after))))?;
        state.about = after;
        Ok(Some(pending))
    }

    /// An endpoint, as it is now.
    pub(crate) fn endpoint(&self, entry: &AppEntry, id: EndpointId) -> Option<Endpoint> {
        let partition = *entry.state().pages.get(&id.place().page())?;
        let found = |page: &Page| page.endpoints.get(&id.place().slot()).filter(|one| one.id == id).cloned();
        self.partition(partition).ok()?.inspect(found).flatten()
    }

    /// Makes an endpoint, or finds the same one: a token is one endpoint's.
    pub(crate) fn create_endpoint(
        &self,
        entry: &AppEntry,
        asked: Endpoint,
    ) -> Result<(EndpointId, Option<Pending<Page>>), Refusal> {
        let mut state = entry.live()?;
        if let Some(known) = self.by_token(&state, &asked.token) {
            let is_same = known.user_data == asked.user_data && known.is_enabled == asked.is_enabled;
            let other = || refusals::other_endpoint(&entry.key.endpoint_arn(known.id));
            return if is_same { Ok((known.id, None)) } else { Err(other()) };
        }
        let (number, partition) = self.roomy_page(entry, &mut state)?;
        let partition = self.partition(partition)?;
        let slot = partition.inspect(Page::free_slot).flatten().ok_or(Unavailable::Broken)?;
        let place = Place::new(number, slot);
        let endpoint = Endpoint { id: EndpointId::at(place, asked.id.0), ..asked };
        let (id, token) = (endpoint.id, digest(&endpoint.token));
        let pending = partition.execute(Command::PutEndpoint(slot, endpoint))?;
        state.tokens.insert(token, place);
        if partition.inspect(Page::free_slot).flatten().is_none() {
            state.roomy.remove(&number);
        }
        Ok((id, Some(pending)))
    }

    fn by_token(&self, state: &State, token: &str) -> Option<Endpoint> {
        let place = *state.tokens.get(&digest(token))?;
        let partition = self.partition(*state.pages.get(&place.page())?).ok()?;
        partition.inspect(|page| page.endpoints.get(&place.slot()).cloned()).flatten()
    }

    /// A page with room, a new one if there is none.
    fn roomy_page(&self, entry: &AppEntry, state: &mut State) -> Result<(u32, PartitionId), Refusal> {
        if let Some(number) = state.roomy.first() {
            return Ok((*number, *state.pages.get(number).ok_or(Unavailable::Broken)?));
        }
        let number = state.pages.last_key_value().map_or(0, |(last, _)| last + 1);
        if number >= PAGES_MAX {
            return Err(Refusal::invalid(
                "PlatformApplicationArn Reason: the application has as many endpoints as it may",
            ));
        }
        let (partition, pending) = self.begin(Head::Further { application: entry.id, number })?;
        // The endpoint's record stands behind it.
        drop(pending);
        state.pages.insert(number, partition);
        state.roomy.insert(number);
        Ok((number, partition))
    }

    /// Changes an endpoint; nothing to wait for if it was so before.
    pub(crate) fn change_endpoint(
        &self,
        entry: &AppEntry,
        id: EndpointId,
        change: impl FnOnce(&mut Endpoint) -> Result<(), Refusal>,
    ) -> Result<Option<Pending<Page>>, Refusal> {
        let mut state = entry.live()?;
        let (place, partition) = self.place_of(&state, id)?;
        let known = partition.inspect(|page| page.endpoints.get(&place.slot()).cloned()).flatten();
        let known = known.filter(|known| known.id == id).ok_or_else(refusals::no_endpoint)?;
        let mut after = known.clone();
        change(&mut after)?;
        if after == known {
            return Ok(None);
        }
        if after.token != known.token
            && let Some(other) = self.by_token(&state, &after.token)
        {
            return Err(refusals::other_endpoint(&entry.key.endpoint_arn(other.id)));
        }
        let token = digest(&after.token);
        let pending = partition.execute(Command::PutEndpoint(place.slot(), after))?;
        state.tokens.remove(&digest(&known.token));
        state.tokens.insert(token, place);
        Ok(Some(pending))
    }

    fn place_of(&self, state: &State, id: EndpointId) -> Result<(Place, Arc<Partition<Page>>), Refusal> {
        let place = id.place();
        let partition = *state.pages.get(&place.page()).ok_or_else(refusals::no_endpoint)?;
        Ok((place, self.partition(partition)?))
    }

    /// Deletes an endpoint; nothing to wait for if there is none.
    pub(crate) fn delete_endpoint(&self, entry: &AppEntry, id: EndpointId) -> Result<Option<Pending<Page>>, Refusal> {
        let mut state = entry.live()?;
        let Ok((place, partition)) = self.place_of(&state, id) else { return Ok(None) };
        let known = partition.inspect(|page| page.endpoints.get(&place.slot()).cloned()).flatten();
        let Some(known) = known.filter(|known| known.id == id) else { return Ok(None) };
        let pending = partition.execute(Command::RemoveEndpoint(place.slot()))?;
        state.tokens.remove(&digest(&known.token));
        state.roomy.insert(place.page());
        Ok(Some(pending))
    }

    /// Endpoints of an application behind a place, in order, `limit` at most.
    pub(crate) fn endpoints(&self, entry: &AppEntry, after: Option<Place>, limit: usize) -> Vec<(Place, Endpoint)> {
        let first = after.map_or(Place(0), |after| Place(after.0.saturating_add(1)));
        let pages: Vec<(u32, PartitionId)> =
            entry.state().pages.range(first.page()..).map(|(number, id)| (*number, *id)).collect();
        let mut found = Vec::new();
        for (number, partition) in pages {
            if found.len() >= limit {
                break;
            }
            let from = if number == first.page() { first.slot() } else { 0 };
            let piece = |page: &Page| {
                let shown = |(slot, endpoint): (&u16, &Endpoint)| (Place::new(number, *slot), endpoint.clone());
                page.endpoints.range(from..).take(limit - found.len()).map(shown).collect::<Vec<_>>()
            };
            let piece = self.partition(partition).ok().and_then(|partition| partition.inspect(piece));
            found.extend(piece.unwrap_or_default());
        }
        found
    }
}

fn close(store: &Store, partition: PartitionId) {
    if let Some(page) = store.partition::<Page>(partition)
        && let Err(error) = page.execute(Command::Close).map(drop)
    {
        tracing::warn!(%error, "a page of an application that is gone is kept until the next start");
    }
}

/// Waits for a change, if there is one to wait for, and else for all that was seen.
pub(crate) async fn durable(applications: &Applications, pending: Option<Pending<Page>>) -> Result<(), Refusal> {
    match pending {
        None => Ok(applications.settled().await?),
        Some(pending) => match pending.await? {
            Reply::Done => Ok(()),
            Reply::Gone => Err(refusals::no_application()),
        },
    }
}

impl AppEntry {
    fn new(about: Arc<About>) -> Arc<Self> {
        let (key, id, arn) = (about.key.clone(), about.id, about.key.arn().into());
        let state =
            State { about, pages: BTreeMap::new(), roomy: BTreeSet::new(), tokens: HashMap::new(), is_gone: false };
        Arc::new(Self { key, arn, id, state: Mutex::new(state), access: tokio::sync::Mutex::default() })
    }

    /// What it is now.
    pub(crate) fn about(&self) -> Arc<About> {
        Arc::clone(&self.state().about)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self) -> Result<MutexGuard<'_, State>, Refusal> {
        let state = self.state();
        if state.is_gone { Err(refusals::no_application()) } else { Ok(state) }
    }
}

impl State {
    fn add(&mut self, number: u32, found: &Found) {
        self.pages.insert(number, found.partition);
        if found.tokens.len() < usize::from(PAGE_ENDPOINTS) {
            self.roomy.insert(number);
        }
        self.tokens.extend(found.tokens.iter().map(|(slot, token)| (*token, Place::new(number, *slot))));
    }
}

impl ByKey {
    fn of<'a>(
        &'a self,
        account: AccountId,
        region: &'a Region,
        after: Option<&AppKey>,
    ) -> impl Iterator<Item = &'a Arc<AppEntry>> + use<'a> {
        let least = AppKey { account, region: region.clone(), platform: Platform::Adm, name: "".into() };
        let from = after.map_or(Bound::Included(least), |after| Bound::Excluded(after.clone()));
        let behind = self.0.range((from, Bound::Unbounded));
        behind.take_while(move |(key, _)| key.account == account && key.region == *region).map(|(_, entry)| entry)
    }
}
