//! Who is erased leaves nothing that waits for those who follow, also where nobody follows.

use std::collections::BTreeSet;

use super::world::{Past, World};
use crate::erasure;
use crate::id::ProfileId;
use crate::profile;
use crate::segment::{self, Backfill};
use crate::store::StoreError;

const EVERYBODY: &str = r#"{"condition_groups":[{"conditions":[{"type":"profile-property",
    "property":"properties['n']","filter":{"type":"existence","operator":"is-set"}}]}]}"#;

#[tokio::test]
async fn an_erased_person_leaves_no_trace_for_followers() {
    let mut world = World::new().await;
    let (gone, stays) = (world.segment(EVERYBODY).await, world.segment(EVERYBODY).await);
    let list = world.list().await;
    let ann = world.person("ann", r#""properties":{"n":1}"#).await;
    let bob = world.person("bob", r#""properties":{"n":1}"#).await;
    let former = world.person("old", r#""properties":{"n":1}"#).await;
    world.event("old", Past::just("Read")).await;
    world.settle().await;
    assert_eq!(world.members(gone).len(), 3);

    world.clock.advance(std::time::Duration::from_secs(1));
    world.person("ann", r#""properties":{"n":2}"#).await;
    world.person("bob", r#""properties":{"n":2}"#).await;
    world.on_list(list, ann, true).await;
    world.delete(gone).await;
    world.merge(former, ann).await;
    let stands = Backfill { cursor: Some(ann), evaluated: 1, total: 3 };
    let put = world.store.commit(move |tx| segment::put_backfill(tx, stays, stands)).await;
    put.unwrap_or_else(|error: StoreError| panic!("{error}"));
    let people = |ids: &[ProfileId]| -> BTreeSet<_> { ids.iter().copied().collect() };
    let before = profile::traces(&world.store.snapshot().unwrap(), &people(&[ann, former]), 99);
    assert!(before.unwrap().len() > 3);

    let receipt = world.erase(ann).await;
    let snapshot = world.store.snapshot().unwrap();
    let receipt = erasure::get(&snapshot, receipt).unwrap().unwrap();
    assert_eq!(people(&receipt.trail.people), people(&[ann, former]));
    // The list, the segment that stays, and twice the one that is being removed.
    assert_eq!(receipt.erased.memberships, 4);
    let left = erasure::remaining(&snapshot, &receipt.trail).unwrap();
    assert_eq!(left, erasure::Remaining::default());
    let before_ann = ProfileId::from_u128(ann.as_u128() - 1);
    let stands = segment::backfill(&snapshot, stays).unwrap().unwrap();
    assert_eq!(stands.cursor, Some(before_ann));
    let of_bob = profile::traces(&snapshot, &people(&[bob]), 99).unwrap();
    assert!(!of_bob.is_empty(), "others' are left to those who follow");
    drop(snapshot);
    world.settle().await;
    assert_eq!(world.members(stays), [bob]);
    world.end();
}
