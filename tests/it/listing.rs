//! Listings of deliveries: every filter finds what it says and nothing else, and pages go on where
//! they were while deliveries arrive. What has the index made or not is for the tests beside it.

use std::time::Duration;

use serde_json::{Value, json};
use tidings::config::Config;

use crate::harness::{Ask, Daemon, Event, Receiver, Reply, ToText as _, webhook_patch};

const TOPIC: &str = "event:api.viewed_product";
const OTHER: &str = "event:api.other";

/// The ids of all deliveries that a filter lets through, by pages of `size`.
async fn listed(daemon: &Daemon, filter: &str, size: usize) -> Vec<String> {
    let mut ids = Vec::new();
    let mut path = first_page(filter, size);
    loop {
        let (page, next) = page(daemon, &path).await;
        ids.extend(page);
        let Some(next) = next else { return ids };
        path = next;
    }
}

fn first_page(filter: &str, size: usize) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("page[size]", &size.to_string());
    if !filter.is_empty() {
        query.append_pair("filter", filter);
    }
    format!("/api/deliveries?{}", query.finish())
}

async fn page(daemon: &Daemon, path: &str) -> (Vec<String>, Option<String>) {
    let page = daemon.get(path).await;
    let data = page["data"].as_array().expect("data is a list");
    let ids = data.iter().map(|one| one["id"].to_text()).collect();
    let next = page["links"]["next"].as_str().map(|next| next.replace(&daemon.base(), ""));
    (ids, next)
}

/// Deliveries of all kinds, and what is to be known of each.
struct Mixture {
    daemon: Daemon,
    webhooks: [String; 3],
    all: Vec<Value>,
    _receivers: [Receiver; 3],
}

/// A webhook that refuses with several statuses, one that takes everything, one that is paused.
async fn mixture() -> Mixture {
    let one_retry = |config: &mut Config| {
        config.delivery.retry_schedule = vec![Duration::from_secs(5)];
        config.delivery.concurrency = 1;
    };
    let daemon = Daemon::start_with(one_retry).await;
    let script = [500, 404, 500, 200, 404, 500].map(Reply::Status);
    let receivers =
        [Receiver::scripted(script).await, Receiver::start().await, Receiver::start().await];
    let bad = daemon.webhook(&receivers[0].url(), &[TOPIC]).await;
    let good = daemon.webhook(&receivers[1].url(), &[TOPIC, OTHER]).await;
    let paused = daemon.webhook(&receivers[2].url(), &[OTHER]).await;
    let path = format!("/api/webhooks/{paused}");
    let patch = webhook_patch(&paused, json!({ "paused": true }));
    daemon.ask(Ask::patch(&path, patch)).await.expect(200);
    for number in 0..3 {
        daemon.event(event("Viewed Product", number)).await;
        daemon.advance(Duration::from_millis(10));
    }
    daemon.settled(3, "delivered").await;
    receivers[0].received(3).await;
    daemon.advance(Duration::from_secs(6));
    // One was taken, two were refused twice.
    receivers[0].received(6).await;
    for number in 3..6 {
        daemon.event(event("Other", number)).await;
        daemon.advance(Duration::from_millis(10));
    }
    daemon.settled(7, "delivered").await;
    daemon.settled(2, "exhausted").await;
    let waiting = daemon.deliveries("equals(state,%22scheduled%22)").await;
    assert_eq!(waiting.len(), 3);
    let cancel = format!("/api/deliveries/{}/cancel", waiting[1]["id"].to_text());
    daemon.ask(Ask::new("POST", &cancel)).await.expect(200);
    let all = daemon.deliveries("").await;
    Mixture { daemon, webhooks: [bad, good, paused], all, _receivers: receivers }
}

fn event(metric: &str, number: usize) -> Event {
    let person = format!("p{}@example.org", number % 2);
    Event::of(metric).about(json!({ "email": person })).unique(&number.to_string())
}

impl Mixture {
    /// Holds a filter against what is to be known of each delivery, in pages of several sizes.
    async fn assert_lists(&self, filter: &str, wants: impl Fn(&Value, &Value) -> bool) -> usize {
        let wanted = self.all.iter().filter(|one| wants(&one["attributes"], &one["relationships"]));
        let expected: Vec<_> = wanted.map(|one| one["id"].to_text()).collect();
        for size in [1, 2, 100] {
            assert_eq!(listed(&self.daemon, filter, size).await, expected, "{filter}");
        }
        expected.len()
    }

    async fn assert_lists_everything(&self) {
        let [bad, good, paused] = &self.webhooks;
        let equals = |field: &str, value: &str| format!("equals({field},\"{value}\")");
        assert_eq!(self.assert_lists("", |_, _| true).await, 12);
        for webhook in &self.webhooks {
            let filter = equals("webhook_id", webhook);
            let of = |_: &Value, to: &Value| to["webhook"]["data"]["id"] == *webhook;
            assert!(self.assert_lists(&filter, of).await > 0);
        }
        for state in ["scheduled", "delivered", "exhausted", "cancelled"] {
            let found =
                self.assert_lists(&equals("state", state), |one, _| one["state"] == state).await;
            assert!(found > 0, "{state}");
        }
        assert_eq!(self.assert_lists(&equals("state", "parked"), |_, _| false).await, 0);
        let ended = "any(state,[\"exhausted\",\"cancelled\"])";
        let is_ended = |one: &Value| one["state"] == "exhausted" || one["state"] == "cancelled";
        self.assert_lists(ended, |one, _| is_ended(one)).await;
        for status in [200, 404, 500] {
            let filter = equals("status", &status.to_string());
            self.assert_lists(&filter, |one, _| one["last_status"] == status).await;
        }
        let newest = &self.all[0];
        for (field, name) in [("event_id", "event"), ("profile_id", "profile")] {
            let id = &newest["relationships"][name]["data"]["id"];
            let filter = equals(field, id.as_str().expect("ids are text"));
            let of = |_: &Value, to: &Value| to[name]["data"]["id"] == *id;
            assert!(self.assert_lists(&filter, of).await > 1);
            let filter = format!("{filter},{}", equals("webhook_id", good));
            let of = |_: &Value, to: &Value| {
                to[name]["data"]["id"] == *id && to["webhook"]["data"]["id"] == **good
            };
            assert!(self.assert_lists(&filter, of).await > 0);
        }
        let filter = format!("{},{}", equals("webhook_id", bad), equals("state", "exhausted"));
        self.assert_lists(&filter, |one, to| {
            one["state"] == "exhausted" && to["webhook"]["data"]["id"] == **bad
        })
        .await;
        let filter = format!("{},{ended}", equals("webhook_id", paused));
        self.assert_lists(&filter, |one, to| {
            is_ended(one) && to["webhook"]["data"]["id"] == **paused
        })
        .await;
        self.assert_lists_by_time().await;
    }

    async fn assert_lists_by_time(&self) {
        let at = self.all[5]["attributes"]["created_at"].to_text();
        let created = |one: &Value| one["created_at"].to_text();
        let term = |operator: &str| format!("{operator}(created_at,{at})");
        let both = format!("{},{}", term("greater-or-equal"), term("less-or-equal"));
        let later = self.assert_lists(&term("greater-than"), |one, _| created(one) > at).await;
        let since = self.assert_lists(&term("greater-or-equal"), |one, _| created(one) >= at).await;
        let earlier = self.assert_lists(&term("less-than"), |one, _| created(one) < at).await;
        let until = self.assert_lists(&term("less-or-equal"), |one, _| created(one) <= at).await;
        let then = self.assert_lists(&both, |one, _| created(one) == at).await;
        assert_eq!((later + then, earlier + then), (since, until));
        assert!(then > 0 && later > 0 && earlier > 0);
        let filter = format!("equals(state,\"delivered\"),{}", term("less-than"));
        self.assert_lists(&filter, |one, _| one["state"] == "delivered" && created(one) < at).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_filter_finds_what_it_says_also_after_a_restart() {
    let mut mixture = mixture().await;
    mixture.assert_lists_everything().await;
    mixture.daemon.restart().await;
    mixture.assert_lists_everything().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_go_on_while_deliveries_arrive() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let webhook = daemon.webhook(&receiver.url(), &[TOPIC]).await;
    for number in 0..30 {
        daemon.event(event("Viewed Product", number)).await;
    }
    let filter = format!("equals(webhook_id,\"{webhook}\")");
    let before = listed(&daemon, &filter, 100).await;
    assert_eq!(before.len(), 30);
    let (mut ids, mut path, mut number) = (Vec::new(), first_page(&filter, 4), 30);
    loop {
        let (found, next) = page(&daemon, &path).await;
        ids.extend(found);
        for _ in 0..5 {
            daemon.event(event("Viewed Product", number)).await;
            number += 1;
        }
        let Some(next) = next else { break };
        path = next;
    }
    assert_eq!(ids, before, "each once, and none that came later");
    daemon.settled(number, "delivered").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_shows_the_fields_that_are_asked_for() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    daemon.webhook(&receiver.url(), &[TOPIC]).await;
    daemon.event(event("Viewed Product", 0)).await;
    let one = daemon.get("/api/deliveries?fields%5Bdelivery%5D=state,due_at").await;
    let shown = one["data"][0]["attributes"].as_object().expect("attributes are an object");
    assert_eq!(shown.keys().collect::<Vec<_>>(), ["state", "due_at"]);
    let id = one["data"][0]["id"].to_text();
    let one = daemon.get(&format!("/api/deliveries/{id}?fields%5Bdelivery%5D=summary")).await;
    assert_eq!(one["data"]["attributes"].as_object().map(serde_json::Map::len), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_filter_is_named() {
    let daemon = Daemon::start().await;
    for (query, parameter, told) in [
        ("filter=equals(topic,x)", "filter", "event_id, profile_id, state"),
        ("filter=equals(state,lost)", "filter", "parked"),
        ("filter=any(state,[])", "filter", "takes a list"),
        ("filter=equals(webhook_id,x)", "filter", "26 characters"),
        ("filter=equals(status,5xx)", "filter", "503"),
        ("filter=less-than(created_at,soon)", "filter", "RFC 3339"),
        ("filter=equals(state", "filter", "operator(field,value)"),
        ("page%5Bsize%5D=0", "page[size]", "1 to 100"),
        ("page%5Bcursor%5D=eA", "page[cursor]", "not a cursor"),
        ("fields%5Bdelivery%5D=secret", "fields[delivery]", "last_status"),
        ("sort=created_at", "sort", "this call takes"),
    ] {
        let refused = daemon.ask(Ask::get(&format!("/api/deliveries?{query}"))).await.refused(400);
        assert_eq!(refused["source"]["parameter"], parameter, "{query}");
        let detail = refused["detail"].to_text();
        assert!(detail.contains(told), "{query}: {detail}");
    }
}
