//! What an account keeps in a region, as a machine: its lease tables, the tokens of its transactions, and the latest of its metrics.
//!
//! All tables of an account and region are one partition, so that a transaction over several of them is one decision and one block of
//! the log. Items are written whole: an effect says what an item is, never how it came to be, so replay knows no expression. Ids
//! and the moment come inside the command.

use crate::limits;
use crate::metric::{Latest, Series, Sink};
use crate::read::{Page, Read};
use crate::records::{self, Effect};
use crate::refusal::Refusal;
use crate::table::{About, Entries, Table};
use crate::table_change::TableChange;
use crate::value::Item;
use crate::write::{Change, Unwritten, Write};
use engine::{Decision, Machine, MalformedRecord, Tally};
use names::{AccountId, Instant, Position, Region};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Whose it is, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RoomKey {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
}

/// All that one account keeps in one region.
#[derive(Debug, Clone, Default)]
pub(crate) struct Room {
    /// None before its first record.
    pub(crate) key: Option<RoomKey>,
    /// The number of the next table.
    pub(crate) next_table: u32,
    pub(crate) tables: BTreeMap<Box<str>, Table>,
    /// The tables' names by their numbers, by which records name them.
    names: BTreeMap<u32, Box<str>>,
    /// Memory that the tables take.
    tables_weight: u64,
    /// Transactions that were carried out of late, by what their callers call them.
    pub(crate) tokens: BTreeMap<Box<str>, Token>,
    pub(crate) metrics: Sink,
}

/// That a transaction was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// A digest of what it asked for.
    pub(crate) fingerprint: [u8; 32],
    pub(crate) at: Instant,
}

/// What may be asked.
pub(crate) enum Command {
    /// Begins the room, before anything else.
    Open(RoomKey),
    /// Makes a table; its number is the room's to say.
    Create(Box<About>),
    Change {
        table: Box<str>,
        change: TableChange,
    },
    Delete(Box<str>),
    Describe(Box<str>),
    List,
    Get {
        table: Box<str>,
        key: Item,
    },
    Read(Box<Read>),
    /// One write, or a transaction of several: all of them or none.
    Write(Vec<Write>, Option<Transaction>),
    PutMetrics(Vec<(Series, Latest)>),
    /// Makes an end of everything, as LocalStack's reset does.
    Clear,
}

impl Command {
    /// Whether the room may be larger afterwards.
    pub(crate) fn may_grow(&self) -> bool {
        match self {
            Self::Create(_) | Self::Change { .. } | Self::PutMetrics(_) => true,
            Self::Write(writes, _) => writes.iter().any(Write::may_grow),
            _ => false,
        }
    }
}

/// What makes writes one.
pub(crate) struct Transaction {
    /// What its caller calls it, so that it is carried out once however often it is sent.
    pub(crate) token: Option<(Box<str>, [u8; 32])>,
}

/// What is answered.
#[derive(Debug)]
pub(crate) enum Reply {
    Done,
    Table(Shown),
    Tables(Vec<Box<str>>),
    Item(Option<Arc<Item>>),
    Page(Page),
    Written(Vec<Change>),
    /// Why each of a transaction's writes was not done, if it was its fault.
    Cancelled(Vec<Option<Unwritten>>),
    /// A transaction that was carried out before.
    Again,
    Refused(Refusal),
}

/// A table as it is described.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) about: Arc<About>,
    pub(crate) items: u64,
    pub(crate) bytes: u64,
    /// Items and bytes of each index.
    pub(crate) indexes: Vec<(u64, u64)>,
}

impl Room {
    /// A room with these tables.
    pub(crate) fn of_tables(key: RoomKey, next_table: u32, tables: BTreeMap<Box<str>, Table>) -> Self {
        let names = tables.iter().map(|(name, table)| (table.about.number, name.clone())).collect();
        let tables_weight = tables.values().map(Table::weight).sum();
        Self { key: Some(key), next_table, tables, names, tables_weight, ..Self::default() }
    }

    /// Memory that all of it takes, about.
    pub(crate) fn weight(&self) -> u64 {
        let (tokens, metrics) = (self.tokens.len() * limits::TOKEN_BYTES, self.metrics.bytes());
        self.tables_weight + (limits::TABLE_BASE_BYTES + tokens + metrics) as u64
    }

    fn table(&self, name: &str) -> Result<&Table, Refusal> {
        self.tables.get(name).ok_or_else(|| Refusal::no_such_table(name))
    }

    fn table_of_items(&self, name: &str) -> Result<&Table, Refusal> {
        self.tables.get(name).ok_or_else(Refusal::no_table)
    }

    fn bytes(&self) -> u64 {
        self.tables.values().map(|table| table.bytes).sum()
    }

    fn create(&self, mut about: About) -> Result<Decision<Effect, Reply>, Refusal> {
        if self.tables.contains_key(&about.name) {
            return Err(Refusal::in_use(format!("Table already exists: {}", about.name)));
        }
        if self.tables.len() >= limits::TABLES_MAX {
            let most = limits::TABLES_MAX;
            return Err(Refusal::limit(format!("An account has {most} tables in a region at the most.")));
        }
        about.number = self.next_table;
        self.check_room(signed(about.weight()))?;
        let about = Arc::new(about);
        let shown = Table::new(Arc::clone(&about)).show();
        Ok(Decision::change(vec![Effect::TablePut(about)], Reply::Table(shown)))
    }

    fn change(&self, name: &str, change: TableChange) -> Result<Decision<Effect, Reply>, Refusal> {
        let table = self.table(name)?;
        let about = Arc::new(change.of(&table.about)?);
        if about == table.about {
            return Ok(Decision::answer(Reply::Table(table.show())));
        }
        let (indexes, weight) = table.sizes_as(&about);
        self.check_room(signed(weight) - signed(table.weight()))?;
        let shown = Shown { about: Arc::clone(&about), indexes, ..table.show() };
        Ok(Decision::change(vec![Effect::TablePut(about)], Reply::Table(shown)))
    }

    fn delete(&self, name: &str) -> Result<Decision<Effect, Reply>, Refusal> {
        let table = self.table(name)?;
        if table.about.deletion_protected {
            return Err(Refusal::validation(
                "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
            ));
        }
        Ok(Decision::change(vec![Effect::TableGone(table.about.number)], Reply::Table(table.show())))
    }

    /// One write, whose refusal is the answer.
    fn write(&self, write: &Write) -> Result<Decision<Effect, Reply>, Refusal> {
        let table = self.table_of_items(&write.table)?;
        let change = match write.evaluate(table) {
            Ok(change) => change,
            Err(Unwritten::Invalid(refusal)) => return Err(refusal),
            Err(Unwritten::Failed(item)) => {
                return Err(Refusal::condition_failed(item.as_deref().filter(|_| write.shows_item)));
            }
        };
        self.check_room(change.growth(table))?;
        let effects = effects_of(table, &change).into_iter().collect();
        Ok(Decision::change(effects, Reply::Written(vec![change])))
    }

    /// Several writes, all or none.
    fn transact(
        &self,
        now: Instant,
        writes: &[Write],
        transaction: Transaction,
    ) -> Result<Decision<Effect, Reply>, Refusal> {
        if let Some((token, fingerprint)) = &transaction.token
            && let Some(known) = self.tokens.get(token).filter(|known| known.is_fresh(now))
        {
            return match known.fingerprint == *fingerprint {
                true => Ok(Decision::answer(Reply::Again)),
                false => Err(Refusal::other_transaction()),
            };
        }
        if transaction.token.is_some() && !self.has_room_for_a_token(now) {
            return Err(Refusal::too_many_tokens());
        }
        let mut seen = BTreeSet::new();
        let mut outcomes = Vec::new();
        for write in writes {
            let table = self.table_of_items(&write.table)?;
            if let Ok(place) = write.place(table)
                && !seen.insert((table.about.number, place))
            {
                return Err(Refusal::validation("Transaction request cannot include multiple operations on one item"));
            }
            outcomes.push(write.evaluate(table).map(|change| (table, change)));
        }
        if outcomes.iter().any(Result::is_err) {
            return Ok(Decision::answer(Reply::Cancelled(outcomes.into_iter().map(Result::err).collect())));
        }
        let done: Vec<(&Table, Change)> = outcomes.into_iter().flatten().collect();
        if done.iter().map(|(_, change)| change.written()).sum::<usize>() > limits::TRANSACTION_BYTES_MAX {
            return Err(Refusal::large_transaction());
        }
        self.check_room(done.iter().map(|(table, change)| change.growth(table)).sum())?;
        let mut effects: Vec<_> = done.iter().filter_map(|(table, change)| effects_of(table, change)).collect();
        if let Some((token, fingerprint)) = transaction.token {
            effects.push(Effect::TokenNoted(token, Token { fingerprint, at: now }));
        }
        Ok(Decision::change(effects, Reply::Written(done.into_iter().map(|(_, change)| change).collect())))
    }

    fn check_room(&self, growth: i64) -> Result<(), Refusal> {
        match growth > 0 && self.tables_weight.saturating_add_signed(growth) > limits::ACCOUNT_BYTES_MAX {
            true => Err(Refusal::full()),
            false => Ok(()),
        }
    }

    fn put_metrics(&self, data: Vec<(Series, Latest)>) -> Decision<Effect, Reply> {
        let effects = if data.is_empty() { Vec::new() } else { vec![Effect::MetricsPut(data)] };
        Decision::change(effects, Reply::Done)
    }

    fn decide_on(&self, now: Instant, command: Command) -> Result<Decision<Effect, Reply>, Refusal> {
        let answer = |reply| Ok(Decision::answer(reply));
        match command {
            Command::Open(_) if self.key.is_some() => answer(Reply::Done),
            Command::Open(key) => Ok(Decision::change(vec![Effect::Opened(key)], Reply::Done)),
            Command::Create(about) => self.create(*about),
            Command::Change { table, change } => self.change(&table, change),
            Command::Delete(name) => self.delete(&name),
            Command::Describe(name) => answer(Reply::Table(self.table(&name)?.show())),
            Command::List => answer(Reply::Tables(self.tables.keys().cloned().collect())),
            Command::Get { table, key } => {
                let table = self.table_of_items(&table)?;
                crate::key::check_key(&table.about.key, &key)?;
                let place = crate::key::place_of(&table.about.key, &key);
                answer(Reply::Item(place.and_then(|place| table.items.get(&place).map(Arc::clone))))
            }
            Command::Read(read) => answer(Reply::Page(read.page(self.table_of_items(&read.table)?)?)),
            Command::Write(writes, Some(transaction)) => self.transact(now, &writes, transaction),
            Command::Write(writes, None) => {
                let only = writes.first().expect("whoever writes says what");
                self.write(only)
            }
            Command::PutMetrics(data) => Ok(self.put_metrics(data)),
            Command::Clear => {
                let tables = self.tables.keys().cloned().collect();
                Ok(Decision::change(vec![Effect::Cleared], Reply::Tables(tables)))
            }
        }
    }

    /// Changes the state: all that replay does.
    pub(crate) fn take(&mut self, effect: &Effect) {
        match effect {
            Effect::Opened(key) => self.key = Some(key.clone()),
            Effect::TablePut(about) => {
                self.next_table = self.next_table.max(about.number + 1);
                if !self.tables.contains_key(&about.name) {
                    let table = Table::new(Arc::clone(about));
                    self.tables_weight += table.weight();
                    self.names.insert(about.number, about.name.clone());
                    self.tables.insert(about.name.clone(), table);
                }
                self.change_table(about.number, |table| table.describe_anew(Arc::clone(about)));
            }
            Effect::TableGone(number) => {
                let gone = self.names.remove(number).and_then(|name| self.tables.remove(&name));
                self.tables_weight -= gone.map_or(0, |table| table.weight());
            }
            Effect::ItemPut(number, item) => self.change_table(*number, |table| {
                if let Some(place) = crate::key::place_of(&table.about.key, item) {
                    table.put(place, Arc::clone(item));
                }
            }),
            Effect::ItemGone(number, key) => self.change_table(*number, |table| {
                if let Some(place) = crate::key::place_of(&table.about.key, key) {
                    table.remove(&place);
                }
            }),
            Effect::TokenNoted(token, noted) => self.note_token(token, noted),
            Effect::MetricsPut(data) => self.metrics.take(data),
            Effect::Cleared => {
                self.tables.clear();
                self.names.clear();
                self.tables_weight = 0;
                self.tokens.clear();
                self.metrics = Sink::default();
            }
        }
    }

    /// Changes the table of a number, if it is there, and counts what it takes from then on.
    fn change_table(&mut self, number: u32, change: impl FnOnce(&mut Table)) {
        let named = self.names.get(&number).and_then(|name| self.tables.get_mut(name));
        if let Some(table) = named {
            let before = table.weight();
            change(table);
            self.tables_weight = self.tables_weight - before + table.weight();
        }
    }

    fn has_room_for_a_token(&self, now: Instant) -> bool {
        let fresh = || self.tokens.values().filter(|known| known.is_fresh(now)).count();
        self.tokens.len() < limits::TOKENS_MAX || fresh() < limits::TOKENS_MAX
    }

    fn note_token(&mut self, token: &str, noted: &Token) {
        self.tokens.retain(|_, known| known.is_fresh(noted.at));
        self.tokens.insert(token.into(), noted.clone());
    }
}

/// A weight as a difference of weights.
fn signed(weight: u64) -> i64 {
    i64::try_from(weight).unwrap_or(i64::MAX)
}

impl Token {
    fn is_fresh(&self, now: Instant) -> bool {
        now < self.at.plus_millis(limits::TOKEN_MILLIS)
    }
}

impl Table {
    fn show(&self) -> Shown {
        let (items, bytes) = (self.items.len() as u64, self.bytes);
        Shown {
            about: Arc::clone(&self.about),
            items,
            bytes,
            indexes: self.indexes.iter().map(Entries::sizes).collect(),
        }
    }
}

/// How a change is kept; not at all if it changes nothing.
fn effects_of(table: &Table, change: &Change) -> Option<Effect> {
    let number = table.about.number;
    match (&change.before, &change.after) {
        _ if !change.is_change() => None,
        (_, Some(after)) => Some(Effect::ItemPut(number, Arc::clone(after))),
        (Some(before), None) => Some(Effect::ItemGone(number, crate::key::key_of(&table.about.key, before))),
        (None, None) => None,
    }
}

impl Machine for Room {
    type Command = Command;
    type Effect = Effect;
    type Reply = Reply;
    type Content = ();

    const SNAPSHOT_VERSION: u8 = records::VERSION;

    fn decide(&self, now: Instant, command: Command) -> Decision<Effect, Reply> {
        self.decide_on(now, command).unwrap_or_else(|refusal| Decision::answer(Reply::Refused(refusal)))
    }

    fn apply(&mut self, _at: Position, effect: &Effect, _gone: &mut Vec<u64>) {
        self.take(effect);
    }

    fn tally(&self) -> Tally {
        let items = self.tables.values().map(|table| table.items.len() as u64).sum();
        Tally([self.tables.len() as u64, items, self.bytes()])
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        records::put_room(self, out);
    }

    fn restore(version: u8, state: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind: 0, version, why };
        if version != records::VERSION {
            return Err(malformed("a snapshot's version that this program does not know"));
        }
        records::room(state).ok_or_else(|| malformed("a snapshot of lease tables does not fit its length"))
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
