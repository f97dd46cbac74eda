//! What ordered webhooks promise: of one key nothing overtakes, and a blocked key is seen.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Daemon, Event, Receiver, Recorded, Reply, eventually};

const TOPIC: &str = "event:api.viewed_product";

fn viewed(profile: usize, number: usize) -> Event {
    Event::of("Viewed Product")
        .about(json!({ "external_id": format!("p{profile}") }))
        .unique(&format!("{profile}-{number:03}"))
}

/// Every fourth request fails, as long as there are any to come.
fn shaky(requests: usize) -> impl Iterator<Item = Reply> {
    (0..requests).map(|number| Reply::Status(if number % 4 == 1 { 400 } else { 200 }))
}

/// The accepted deliveries, by profile, as numbers in the order of arrival.
fn accepted(all: &[Recorded]) -> HashMap<String, Vec<String>> {
    let mut by_profile: HashMap<String, Vec<String>> = HashMap::new();
    for one in all.iter().filter(|one| matches!(one.reply, Reply::Status(200))) {
        let unique = one.unique_id();
        let (profile, number) = unique.split_once('-').expect("they have two parts");
        by_profile.entry(profile.to_owned()).or_default().push(number.to_owned());
    }
    by_profile
}

/// Moves time until everything has arrived.
async fn drive(daemon: &Daemon) {
    eventually("everything is delivered", async || {
        daemon.advance(Duration::from_secs(6));
        let page = daemon.deliveries("equals(state,%22scheduled%22)").await;
        page.is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_one_profile_nothing_overtakes() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::scripted(shaky(60)).await);
    let own = json!({ "ordering": "by-profile", "concurrency": 8 });
    daemon.webhook_with(&receiver.url(), &[TOPIC], own).await;
    for number in 0..12 {
        for profile in 0..6 {
            daemon.event(viewed(profile, number)).await;
        }
    }
    drive(&daemon).await;
    let by_profile = accepted(&receiver.recorded());
    assert_eq!(by_profile.values().map(Vec::len).sum::<usize>(), 72);
    for (profile, numbers) in by_profile {
        assert!(numbers.is_sorted(), "profile {profile}: {numbers:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_one_profile_nothing_overtakes_over_a_restart_either() {
    let (mut daemon, receiver) = (Daemon::start().await, Receiver::scripted(shaky(40)).await);
    let own = json!({ "ordering": "by-profile", "concurrency": 8 });
    daemon.webhook_with(&receiver.url(), &[TOPIC], own).await;
    for number in 0..10 {
        for profile in 0..4 {
            daemon.event(viewed(profile, number)).await;
        }
        if number % 3 == 1 {
            daemon.restart().await;
        }
    }
    drive(&daemon).await;
    let by_profile = accepted(&receiver.recorded());
    assert_eq!(by_profile.values().map(Vec::len).sum::<usize>(), 40);
    for (profile, numbers) in by_profile {
        assert!(numbers.is_sorted(), "profile {profile}: {numbers:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strictly_one_after_the_other() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::scripted(shaky(30)).await);
    daemon.webhook_with(&receiver.url(), &[TOPIC], json!({ "ordering": "strict" })).await;
    for number in 0..30 {
        daemon.event(viewed(0, number)).await;
    }
    drive(&daemon).await;
    let by_profile = accepted(&receiver.recorded());
    assert_eq!(by_profile["0"].len(), 30);
    assert!(by_profile["0"].is_sorted());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_profile_blocks_no_other_and_is_seen() {
    let script = [Reply::Status(400)];
    let (daemon, receiver) = (Daemon::start().await, Receiver::scripted(script).await);
    let own = json!({ "ordering": "by-profile" });
    let webhook = daemon.webhook_with(&receiver.url(), &[TOPIC], own).await;
    daemon.event(viewed(1, 0)).await;
    daemon.attempted(1).await;
    for number in 1..4 {
        daemon.event(viewed(1, number)).await;
        daemon.event(viewed(2, number)).await;
    }
    daemon.settled(3, "delivered").await;
    let blocked = eventually("the blocked profile is seen", async || {
        let now = daemon.webhook_now(&webhook).await;
        (now["blocked_profiles"] == 1).then_some(now)
    })
    .await;
    assert_eq!(blocked["blocked_profiles"], 1);
    let behind = daemon.deliveries("equals(state,%22scheduled%22)").await;
    let phases: Vec<_> = behind.iter().map(|one| one["attributes"]["phase"].clone()).collect();
    assert_eq!(phases, ["behind", "behind", "behind", "due"]);
    drive(&daemon).await;
    assert_eq!(daemon.webhook_now(&webhook).await["blocked_profiles"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_that_blocks_for_too_long_is_parked() {
    let script = std::iter::repeat_n(Reply::Status(400), 4);
    let (daemon, receiver) = (Daemon::start().await, Receiver::scripted(script).await);
    let own = json!({ "ordering": "strict", "park_after": "2m" });
    daemon.webhook_with(&receiver.url(), &[TOPIC], own).await;
    daemon.event(viewed(1, 0)).await;
    daemon.event(viewed(1, 1)).await;
    drive(&daemon).await;
    daemon.settled(1, "parked").await;
    daemon.settled(1, "delivered").await;
    assert_eq!(receiver.recorded().last().map(Recorded::unique_id).as_deref(), Some("1-001"));
}
