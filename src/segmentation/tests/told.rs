//! Who is told of an entry, and who is not.

use std::time::Duration;

use super::world::{Past, World};
use crate::id::GroupId;
use crate::segment::{SegmentError, SegmentPatch};

const DAY: Duration = Duration::from_secs(86_400);

/// Received at least two mails in the last 30 days, and opened none.
fn unengaged(received: &str, opened: &str) -> String {
    let count = |metric: &str, operator: &str, value: u8| {
        format!(
            r#"{{"conditions":[{{"type":"profile-metric","metric_id":"{metric}",
            "measurement":"count",
            "measurement_filter":{{"type":"numeric","operator":"{operator}","value":{value}}},
            "timeframe_filter":{{"type":"date","operator":"in-the-last","unit":"day",
            "quantity":30}}}}]}}"#
        )
    };
    let (received, opened) =
        (count(received, "greater-than-or-equal", 2), count(opened, "equals", 0));
    format!(r#"{{"condition_groups":[{received},{opened}]}}"#)
}

#[tokio::test]
async fn time_alone_brings_people_in_and_out_and_both_are_told() {
    let mut world = World::new().await;
    let (received, opened) = (world.metric("Received").await, world.metric("Opened").await);
    let segment = world.segment(&unengaged(received.as_str(), opened.as_str())).await;
    world.settle().await;
    let ann = world.person("ann", r#""first_name":"Ann""#).await;
    world.event("ann", Past::just("Opened")).await;
    world.clock.advance(20 * DAY);
    world.event("ann", Past::just("Received")).await;
    world.event("ann", Past::just("Received")).await;
    world.settle().await;
    assert_eq!(world.told(segment), [], "opened twenty days ago");
    world.clock.advance(10 * DAY);
    world.settle().await;
    assert_eq!(world.told(segment), [], "opened thirty days ago to the second");
    world.clock.advance(Duration::from_secs(1));
    world.settle().await;
    assert_eq!(world.told(segment), [(ann, true)], "nothing happened, and that is it");
    world.clock.advance(20 * DAY);
    world.settle().await;
    assert_eq!(world.told(segment), [(ann, true), (ann, false)], "nothing received any more");
    assert_eq!(world.members(segment), []);
    world.end();
}

#[tokio::test]
async fn another_zone_asks_everybody_anew_once_and_tells_nobody() {
    let mut world = World::new().await;
    world.start_in("UTC").await;
    let before = r#"{"condition_groups":[{"conditions":[{"type":"profile-property",
        "property":"properties['seen']",
        "filter":{"type":"date","operator":"before","date":"2026-01-01T00:00:00Z"}}]}]}"#;
    let segment = world.segment(before).await;
    world.settle().await;
    let ann = world.person("ann", r#""properties":{"seen":"2025-12-31T23:30:00"}"#).await;
    world.settle().await;
    assert_eq!(world.members(segment), [ann], "half an hour before, in UTC");
    world.start_in("America/New_York").await;
    assert!(world.is_computed_anew(segment));
    world.settle().await;
    assert_eq!(world.members(segment), [], "past it, in New York");
    world.start_in("America/New_York").await;
    assert!(!world.is_computed_anew(segment));
    world.start_in("UTC").await;
    world.settle().await;
    assert_eq!(world.members(segment), [ann]);
    assert_eq!(world.told(segment), [(ann, true)], "of what ann did, and of nothing else");
    world.end();
}

#[tokio::test]
async fn a_definition_and_its_change_tell_nobody() {
    let world = World::new().await;
    let plan = |plan: &str| {
        format!(
            r#"{{"condition_groups":[{{"conditions":[{{"type":"profile-property",
            "property":"properties['plan']",
            "filter":{{"type":"string","operator":"equals","value":"{plan}"}}}}]}}]}}"#
        )
    };
    let ann = world.person("ann", r#""properties":{"plan":"pro"}"#).await;
    let segment = world.segment(&plan("pro")).await;
    world.settle().await;
    assert_eq!(world.members(segment), [ann]);
    assert_eq!(world.told(segment), []);
    world.change(segment, &format!(r#"{{"definition":{}}}"#, plan("free"))).await.unwrap();
    world.settle().await;
    assert_eq!(world.members(segment), []);
    assert_eq!(world.told(segment), []);
    world.person("ann", r#""properties":{"plan":"free"}"#).await;
    world.settle().await;
    assert_eq!(world.told(segment), [(ann, true)]);
    world.delete(segment).await;
    world.settle().await;
    assert_eq!(world.members(segment), []);
    world.end();
}

#[tokio::test]
async fn a_segment_can_stand_on_another_but_not_on_itself() {
    let mut world = World::new().await;
    let named = r#"{"condition_groups":[{"conditions":[{"type":"profile-property",
        "property":"first_name","filter":{"type":"existence","operator":"is-set"}}]}]}"#;
    let within = |group: &str, is_member: bool| {
        format!(
            r#"{{"condition_groups":[{{"conditions":[{{"type":"profile-group-membership",
            "is_member":{is_member},"group_ids":["{group}"]}}]}}]}}"#
        )
    };
    let inner = world.segment(named).await;
    let outer = world.segment(&within(inner.as_str(), false)).await;
    world.settle().await;
    world.event("ann", Past::just("Opened")).await;
    world.settle().await;
    let ann = world.members(outer)[0];
    world.person("ann", r#""first_name":"Ann""#).await;
    world.settle().await;
    assert_eq!((world.members(inner), world.members(outer)), (vec![ann], vec![]));
    assert_eq!(world.told(outer), [(ann, true), (ann, false)]);
    let circle = format!(r#"{{"definition":{}}}"#, within(outer.as_str(), true));
    assert!(world.change(inner, &circle).await.unwrap_err().contains("depends on this one"));
    world.delete(inner).await;
    world.settle().await;
    assert_eq!(world.members(outer), [ann], "nobody belongs to what is not there");
    world.end();
}

#[tokio::test]
async fn two_changes_of_one_commit_make_no_circle() {
    let world = World::new().await;
    let anybody = r#"{"condition_groups":[{"conditions":[{"type":"profile-property",
        "property":"first_name","filter":{"type":"existence","operator":"is-set"}}]}]}"#;
    let (one, other) = (world.segment(anybody).await, world.segment(anybody).await);
    let naming = |id: GroupId, named: GroupId| {
        let body = format!(
            r#"{{"data":{{"type":"segment","id":"{id}","attributes":{{"definition":
            {{"condition_groups":[{{"conditions":[{{"type":"profile-group-membership",
            "is_member":false,"group_ids":["{named}"]}}]}}]}}}}}}}}"#
        );
        SegmentPatch::parse(body.as_bytes(), id.as_str()).unwrap()
    };
    let (first, second) = (naming(one, other), naming(other, one));
    let segments = world.segments.clone();
    let changed = world.store.commit(move |tx| {
        segments.change(tx, one, first, 0)?;
        segments.change(tx, other, second, 0)
    });
    assert!(matches!(changed.await, Err(SegmentError::Fault(_))));
    world.settle().await;
    world.end();
}

#[tokio::test]
async fn a_change_in_the_middle_of_a_round_passes_nobody_by() {
    let world = World::new().await;
    let named = |name: &str| {
        format!(
            r#"{{"condition_groups":[{{"conditions":[{{"type":"profile-property",
            "property":"first_name",
            "filter":{{"type":"string","operator":"equals","value":"{name}"}}}}]}}]}}"#
        )
    };
    let segment = world.segment(&named("Bob")).await;
    let ann = world.person("ann", r#""first_name":"Ann""#).await;
    let seen = world.segments.view();
    world.change(segment, &format!(r#"{{"definition":{}}}"#, named("Ann"))).await.unwrap();
    world.round_with(&seen).await;
    world.settle().await;
    assert_eq!(world.members(segment), [ann]);
    world.end();
}
