//! Reading and staging: what a command sees ([`Tx`]) and what a reader sees ([`Snapshot`]).
//!
//! Both read through [`Read`], so that a capability's `rows.rs` has each look-up once. A command
//! sees its own staged point writes, but a scan sees only what earlier commands wrote.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{Bound, ControlFlow};
use std::rc::Rc;

use redb::{
    ReadOnlyTable, ReadTransaction, ReadableTable as _, ReadableTableMetadata as _,
    TableDefinition, TableError, WriteTransaction,
};

use super::codec::{self, Row};
use super::table::{Key, Table};
use super::{DecodeError, StoreError};
use crate::clock::Timestamp;
use crate::id::ulid_number;

type Bytes = &'static [u8];
/// What a scan hands each key and row to, until it breaks.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Which way a scan goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Smallest key first.
    Ascending,
    /// Largest key first.
    Descending,
}

/// Reading rows by key and by range of keys.
pub trait Read {
    /// The bytes under `key`, handed to `with`.
    #[doc(hidden)]
    fn get_bytes<T>(
        &self,
        table: &'static str,
        key: &[u8],
        with: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, StoreError>;

    /// Every pair in the range, handed to `visit` until it breaks.
    #[doc(hidden)]
    fn scan_bytes(
        &self,
        table: &'static str,
        range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError>;

    /// The row under `key`.
    ///
    /// # Errors
    /// Where the file can not be read or the row does not verify.
    fn get<K: Key, V: Row>(&self, table: &Table<K, V>, key: &K) -> Result<Option<V>, StoreError> {
        let found = self.get_bytes(table.name(), &key.to_bytes(), codec::decode::<V>)?;
        found.transpose().map_err(|error| StoreError::Corrupt { table: table.name(), error })
    }

    /// Hands the rows whose keys lie in `range` to `visit`, in `order`, until it breaks.
    ///
    /// # Errors
    /// Where the file can not be read or a row does not verify.
    fn scan<K: Key, V: Row>(
        &self,
        table: &Table<K, V>,
        range: (Bound<K>, Bound<K>),
        order: Order,
        mut visit: impl FnMut(K, V) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut broken = None;
        let range = (range.0.map(|key| key.to_bytes()), range.1.map(|key| key.to_bytes()));
        self.scan_bytes(table.name(), range, order, &mut |key, row| {
            let read = K::from_bytes(key).ok_or(DecodeError::Content);
            match read.and_then(|key| Ok((key, codec::decode::<V>(row)?))) {
                Ok((key, row)) => visit(key, row),
                Err(error) => {
                    broken = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        match broken {
            Some(error) => Err(StoreError::Corrupt { table: table.name(), error }),
            None => Ok(()),
        }
    }

    /// As [`Read::scan`], leaving out rows that do not verify, which are told to the operator: for
    /// loops that must not stand still because of one of them.
    ///
    /// # Errors
    /// Where the file can not be read.
    fn scan_intact<K: Key, V: Row>(
        &self,
        table: &Table<K, V>,
        range: (Bound<K>, Bound<K>),
        order: Order,
        mut visit: impl FnMut(K, V) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let range = (range.0.map(|key| key.to_bytes()), range.1.map(|key| key.to_bytes()));
        self.scan_bytes(table.name(), range, order, &mut |key, row| {
            let read = K::from_bytes(key).ok_or(DecodeError::Content);
            match read.and_then(|key| Ok((key, codec::decode::<V>(row)?))) {
                Ok((key, row)) => visit(key, row),
                Err(error) => {
                    tracing::error!(table = table.name(), %error, "a row is left out");
                    ControlFlow::Continue(())
                }
            }
        })
    }

    /// The first `most` rows of `range` in `order`.
    ///
    /// # Errors
    /// As [`Read::scan`].
    fn page<K: Key, V: Row>(
        &self,
        table: &Table<K, V>,
        range: (Bound<K>, Bound<K>),
        order: Order,
        most: usize,
    ) -> Result<Vec<(K, V)>, StoreError> {
        let mut rows = Vec::new();
        if most == 0 {
            return Ok(rows);
        }
        self.scan(table, range, order, |key, row| {
            rows.push((key, row));
            if rows.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(rows)
    }
}

/// Runs `visit` over a redb range in either direction.
fn walk(
    table: &impl redb::ReadableTable<Bytes, Bytes>,
    range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
    order: Order,
    visit: &mut Visit<'_>,
) -> Result<(), StoreError> {
    let borrowed: (Bound<&[u8]>, Bound<&[u8]>) =
        (range.0.as_ref().map(Vec::as_slice), range.1.as_ref().map(Vec::as_slice));
    let mut pairs = table.range::<&[u8]>(borrowed)?;
    loop {
        let next = match order {
            Order::Ascending => pairs.next(),
            Order::Descending => pairs.next_back(),
        };
        let Some(pair) = next else { return Ok(()) };
        let (key, row) = pair?;
        if visit(key.value(), row.value()).is_break() {
            return Ok(());
        }
    }
}

/// A consistent view for reading.
pub struct Snapshot {
    transaction: ReadTransaction,
    /// The tables that were read from, by name; `None` for one that is not in the file. Finding a
    /// table costs as much as finding a row.
    open: RefCell<Vec<(&'static str, Option<Opened>)>>,
}

type Opened = Rc<ReadOnlyTable<Bytes, Bytes>>;

impl Snapshot {
    pub(super) const fn new(transaction: ReadTransaction) -> Self {
        Self { transaction, open: RefCell::new(Vec::new()) }
    }

    /// How many rows a table has; that costs no walk over them.
    ///
    /// # Errors
    /// Where the file can not be read.
    pub fn number<K: Key, V: Row>(&self, table: &Table<K, V>) -> Result<u64, StoreError> {
        Ok(self.open(table.name())?.map_or(Ok(0), |table| table.len())?)
    }

    /// A table that nothing was written to yet is not in the file: it reads as empty.
    fn open(&self, table: &'static str) -> Result<Option<Opened>, StoreError> {
        let mut open = self.open.borrow_mut();
        if let Some((_, opened)) =
            open.iter().find(|(name, _)| std::ptr::eq(*name, table) || *name == table)
        {
            return Ok(opened.clone());
        }
        let opened = match self.transaction.open_table(TableDefinition::new(table)) {
            Ok(table) => Some(Rc::new(table)),
            Err(TableError::TableDoesNotExist(_)) => None,
            Err(error) => return Err(error.into()),
        };
        open.push((table, opened.clone()));
        Ok(opened)
    }
}

impl Read for Snapshot {
    fn get_bytes<T>(
        &self,
        table: &'static str,
        key: &[u8],
        with: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, StoreError> {
        let Some(table) = self.open(table)? else { return Ok(None) };
        Ok(table.get(key)?.map(|row| with(row.value())))
    }

    fn scan_bytes(
        &self,
        table: &'static str,
        range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        match self.open(table)? {
            Some(table) => walk(&*table, range, order, visit),
            None => Ok(()),
        }
    }
}

/// The tables that the writer's transaction has open, by name.
pub(super) struct OpenTables<'txn> {
    transaction: &'txn WriteTransaction,
    open: RefCell<Vec<(&'static str, redb::Table<'txn, Bytes, Bytes>)>>,
}

impl<'txn> OpenTables<'txn> {
    pub(super) const fn new(transaction: &'txn WriteTransaction) -> Self {
        Self { transaction, open: RefCell::new(Vec::new()) }
    }

    fn with<T>(
        &self,
        name: &'static str,
        run: impl FnOnce(&mut redb::Table<'txn, Bytes, Bytes>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut open = self.open.borrow_mut();
        let place = match open.iter().position(|(of, _)| std::ptr::eq(*of, name) || *of == name) {
            Some(place) => place,
            None => {
                let table = self.transaction.open_table(TableDefinition::new(name))?;
                open.push((name, table));
                open.len() - 1
            }
        };
        run(&mut open[place].1)
    }
}

/// A write that was staged: `None` removes.
struct Staged {
    table: &'static str,
    key: Vec<u8>,
    row: Option<Vec<u8>>,
}

/// What a run of commands shares: ids that only grow, and what to do after the commit.
pub(super) struct Shared {
    pub(super) last_ulid: u128,
    pub(super) after: Vec<Box<dyn FnOnce() + Send>>,
}

/// The transaction as one command sees it.
pub struct Tx<'batch, 'txn> {
    tables: &'batch OpenTables<'txn>,
    shared: &'batch mut Shared,
    now: Timestamp,
    staged: Vec<Staged>,
    places: HashMap<(&'static str, Vec<u8>), usize>,
    after: Vec<Box<dyn FnOnce() + Send>>,
    disk_is_full: bool,
}

impl<'batch, 'txn> Tx<'batch, 'txn> {
    pub(super) fn new(
        tables: &'batch OpenTables<'txn>,
        shared: &'batch mut Shared,
        now: Timestamp,
        disk_is_full: bool,
    ) -> Self {
        Self {
            tables,
            shared,
            now,
            staged: Vec::new(),
            places: HashMap::new(),
            after: Vec::new(),
            disk_is_full,
        }
    }

    /// The moment of this transaction; the same for all its commands.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// A fresh 128-bit number for a ULID-shaped id, larger than every one before it.
    ///
    /// # Errors
    /// Where the system has no randomness to give.
    pub fn ulid(&mut self) -> Result<u128, StoreError> {
        let first_of_this_millisecond = ulid_number(self.now, 0);
        self.shared.last_ulid = if first_of_this_millisecond > self.shared.last_ulid {
            // 64 random bits on top of 16 for counting on within the millisecond.
            first_of_this_millisecond | (u128::from(random_u64()?) << 16)
        } else {
            self.shared.last_ulid.saturating_add(1)
        };
        Ok(self.shared.last_ulid)
    }

    /// Makes every later number larger than `last`, which an earlier process gave out: ids keep
    /// their order over a restart also where the clock was set back meanwhile.
    pub fn ulids_after(&mut self, last: u128) {
        self.shared.last_ulid = self.shared.last_ulid.max(last);
    }

    /// 64 random bits.
    ///
    /// # Errors
    /// Where the system has no randomness to give.
    pub fn random(&mut self) -> Result<u64, StoreError> {
        random_u64()
    }

    /// Refuses a command that adds data while the disk is nearly full.
    ///
    /// # Errors
    /// [`StoreError::Full`].
    pub const fn needs_room(&self) -> Result<(), StoreError> {
        if self.disk_is_full { Err(StoreError::Full) } else { Ok(()) }
    }

    /// Stages a row.
    ///
    /// # Errors
    /// Where the row is larger than a row may be.
    pub fn put<K: Key, V: Row>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
        row: &V,
    ) -> Result<(), StoreError> {
        let bytes = codec::encode(row)
            .map_err(|error| StoreError::Corrupt { table: table.name(), error })?;
        self.stage(table.name(), key.to_bytes(), Some(bytes));
        Ok(())
    }

    /// Stages the removal of a row; removing what is not there is fine.
    pub fn remove<K: Key, V: Row>(&mut self, table: &Table<K, V>, key: &K) {
        self.stage(table.name(), key.to_bytes(), None);
    }

    /// Does `run` once the transaction is on disk; never, if it does not get there.
    pub fn after_commit(&mut self, run: impl FnOnce() + Send + 'static) {
        self.after.push(Box::new(run));
    }

    fn stage(&mut self, table: &'static str, key: Vec<u8>, row: Option<Vec<u8>>) {
        match self.places.get(&(table, key.clone())) {
            Some(&place) => self.staged[place].row = row,
            None => {
                self.places.insert((table, key.clone()), self.staged.len());
                self.staged.push(Staged { table, key, row });
            }
        }
    }

    /// Writes what was staged into the transaction; returns how many bytes that were.
    pub(super) fn apply(self) -> Result<usize, StoreError> {
        let mut bytes = 0;
        for Staged { table, key, row } in self.staged {
            bytes += key.len() + row.as_ref().map_or(0, Vec::len);
            self.tables.with(table, |open| {
                match row {
                    Some(row) => drop(open.insert(key.as_slice(), row.as_slice())?),
                    None => drop(open.remove(key.as_slice())?),
                }
                Ok(())
            })?;
        }
        self.shared.after.extend(self.after);
        Ok(bytes)
    }
}

impl Read for Tx<'_, '_> {
    fn get_bytes<T>(
        &self,
        table: &'static str,
        key: &[u8],
        with: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, StoreError> {
        if let Some(&place) = self.places.get(&(table, key.to_vec())) {
            return Ok(self.staged[place].row.as_deref().map(with));
        }
        self.tables.with(table, |open| Ok(open.get(key)?.map(|row| with(row.value()))))
    }

    fn scan_bytes(
        &self,
        table: &'static str,
        range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.tables.with(table, |open| walk(open, range, order, visit))
    }
}

/// Random bits from the system.
///
/// # Errors
/// Where the system has none to give.
pub(super) fn random_u64() -> Result<u64, StoreError> {
    getrandom::u64().map_err(|error| StoreError::Failed(format!("no randomness: {error}").into()))
}
