//! The table of flows.
//!
//! The definition is kept as the JSON that the API shows, with the values of its headers, which may
//! be tokens; so it lies in the row sealed, together with the secrets that its webhooks are signed
//! with, under the flow's id.

use std::ops::{Bound, ControlFlow};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::{Zeroize as _, Zeroizing};

use super::document::For;
use super::parse::Known;
use super::{Definition, Flow, Status};
use crate::clock::Timestamp;
use crate::egress::Policy;
use crate::id::{ActionId, FlowId};
use crate::secret::Secret;
use crate::store::{Order, Read, Row, StoreError, Table, Tx, pack, unpack};
use crate::vault::Vault;
use crate::webhook::Secrets;

const FLOWS: Table<FlowId, FlowRow> = Table::new("flows");
/// The last number that was given to an action: a number is never given twice.
const FLOW_ACTIONS_LAST: Table<(), LastRow> = Table::new("flow_actions_last");
/// Flows that were deleted and still have runs.
const FLOWS_LEAVING: Table<FlowId, ()> = Table::new("flows_leaving");

/// The first number of an action: those of the original have nine digits too.
const FIRST_ACTION: u64 = 100_000_000;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct FlowRow {
    name: String,
    status: u8,
    created_micros: i64,
    updated_micros: i64,
    revision: u32,
    sealed: Vec<u8>,
}

impl Row for FlowRow {
    const SCHEMA: u8 = 1;
}

/// Wiped when it is dropped.
#[derive(Serialize, Deserialize)]
struct SealedRow {
    definition: String,
    secret: String,
}

impl Row for SealedRow {
    const SCHEMA: u8 = 1;
}

impl Drop for SealedRow {
    fn drop(&mut self) {
        self.definition.zeroize();
        self.secret.zeroize();
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct LastRow(u64);

impl Row for LastRow {
    const SCHEMA: u8 = 1;
}

/// The numbers stand in the file; they never change.
const STATUSES: [(Status, u8); 3] = [(Status::Draft, 1), (Status::Manual, 2), (Status::Live, 3)];

fn context(id: FlowId) -> Vec<u8> {
    format!("flow:{id}").into_bytes()
}

fn failed(id: FlowId, why: &dyn std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("flow {id}: {why}").into())
}

/// Every flow. One that can not be read any more is left out, and told to the operator: the others
/// go on.
pub(super) fn all(
    from: &impl Read,
    vault: &Vault,
    policy: &Policy,
) -> Result<Vec<Flow>, StoreError> {
    let everything = (Bound::Unbounded, Bound::Unbounded);
    let mut flows = Vec::new();
    from.scan_intact(&FLOWS, everything, Order::Ascending, |id, row| {
        match flow(id, row, vault, policy) {
            Ok(flow) => flows.push(flow),
            Err(error) => tracing::error!(flow.id = %id, %error, "a flow is left out"),
        }
        ControlFlow::Continue(())
    })?;
    Ok(flows)
}

fn flow(id: FlowId, row: FlowRow, vault: &Vault, policy: &Policy) -> Result<Flow, StoreError> {
    let packed = vault.open(&context(id), &row.sealed).map_err(|error| failed(id, &error))?;
    let mut sealed: SealedRow = unpack(&packed).map_err(|error| failed(id, &error))?;
    let raw: &RawValue =
        serde_json::from_str(&sealed.definition).map_err(|error| failed(id, &error))?;
    let known = Known { policy, names: None, before: None };
    let definition = Definition::parse(raw, "", &known).map_err(|fault| failed(id, &fault))?;
    let status = STATUSES.iter().find(|(_, number)| *number == row.status);
    Ok(Flow {
        id,
        name: row.name,
        status: status.map_or(Status::Draft, |(status, _)| *status),
        definition,
        secrets: Secrets::new(Secret::new(std::mem::take(&mut sealed.secret))),
        created: Timestamp::from_micros(row.created_micros),
        updated: Timestamp::from_micros(row.updated_micros),
        revision: row.revision,
    })
}

pub(super) fn put(tx: &mut Tx<'_, '_>, flow: &Flow, vault: &Vault) -> Result<(), StoreError> {
    let id = flow.id;
    let sealed = SealedRow {
        definition: flow.definition.json_for(For::Row).to_string(),
        secret: flow.secrets.current.expose().to_owned(),
    };
    let packed = Zeroizing::new(pack(&sealed).map_err(|error| failed(id, &error))?);
    let row = FlowRow {
        name: flow.name.clone(),
        status: STATUSES.iter().find(|(it, _)| *it == flow.status).map_or(0, |(_, number)| *number),
        created_micros: flow.created.micros(),
        updated_micros: flow.updated.micros(),
        revision: flow.revision,
        sealed: vault.seal(&context(id), &packed).map_err(|error| failed(id, &error))?,
    };
    tx.put(&FLOWS, &id, &row)
}

/// How often the flow was changed; `None` where there is no such flow.
///
/// # Errors
/// Where the store can not be read.
pub fn revision(from: &impl Read, id: FlowId) -> Result<Option<u32>, StoreError> {
    Ok(from.get(&FLOWS, &id)?.map(|row| row.revision))
}

/// Removes a flow; its runs are removed later, bit by bit.
pub(super) fn remove(tx: &mut Tx<'_, '_>, id: FlowId) -> Result<(), StoreError> {
    tx.remove(&FLOWS, &id);
    tx.put(&FLOWS_LEAVING, &id, &())
}

/// A flow that was deleted and still has runs.
///
/// # Errors
/// Where the store can not be read.
pub fn leaving(from: &impl Read) -> Result<Option<FlowId>, StoreError> {
    let everything = (Bound::Unbounded, Bound::Unbounded);
    let first = from.page(&FLOWS_LEAVING, everything, Order::Ascending, 1)?;
    Ok(first.first().map(|(id, ())| *id))
}

/// Nothing of the deleted flow is left.
pub fn left(tx: &mut Tx<'_, '_>, id: FlowId) {
    tx.remove(&FLOWS_LEAVING, &id);
}

/// An id that no flow has, nor one that is being removed.
pub(super) fn new_id(tx: &mut Tx<'_, '_>) -> Result<FlowId, StoreError> {
    loop {
        let id = FlowId::from_random(tx.random()?);
        if tx.get(&FLOWS, &id)?.is_none() && tx.get(&FLOWS_LEAVING, &id)?.is_none() {
            return Ok(id);
        }
    }
}

/// The next number for an action.
pub(super) fn next_action(tx: &mut Tx<'_, '_>) -> Result<ActionId, StoreError> {
    let last = tx.get(&FLOW_ACTIONS_LAST, &())?.map_or(FIRST_ACTION, |LastRow(last)| last);
    let next = last + 1;
    tx.put(&FLOW_ACTIONS_LAST, &(), &LastRow(next))?;
    Ok(ActionId::from_u64(next))
}
