//! What a definition may name: metrics, lists and segments, as they are at the moment.

use std::collections::BTreeSet;

use crate::api::Call;
use crate::api::error::Problem;
use crate::flow::{Definition, Group, Known, Names};
use crate::id::GroupId;
use crate::json::Fault;
use crate::list;

/// Reads something by what there is; `before` is the definition that is replaced.
pub(super) fn judged<T>(
    call: &Call,
    before: Option<&Definition>,
    read: impl FnOnce(&Known<'_>) -> Result<T, Fault>,
) -> Result<T, Problem> {
    let parts = call.parts();
    let lists = list::all(&parts.store.snapshot()?)?;
    let lists: BTreeSet<GroupId> = lists.into_iter().map(|list| list.id).collect();
    let metric = |given: &str| {
        let found = parts.metrics.find(given)?;
        Some((found.id, found.name.clone()))
    };
    let group = |id: GroupId| match parts.segments.get(id) {
        Some(_) => Some(Group::Segment),
        None => lists.contains(&id).then_some(Group::List),
    };
    let forbidden_triggers = &parts.forbidden_triggers;
    let names = Names { metric: &metric, group: &group, forbidden_triggers };
    Ok(read(&Known { policy: &parts.policy, names: Some(names), before })?)
}
