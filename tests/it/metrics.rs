//! Metrics and their topics: one of each per kind of event, there as soon as it is
//! (contract: wire.md §1.7, §4.4).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Ask, Daemon, Event, ToText as _, bulk};

fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().expect("data is a list").iter().map(|one| one["id"].to_text()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_party_topics_are_there_from_the_start_and_sorted() {
    let daemon = Daemon::start().await;
    let listed = daemon.get("/api/webhook-topics").await;
    let topics = ids(&listed);
    assert_eq!(topics.len(), 52);
    assert!(topics.is_sorted());
    let own = topics.iter().filter(|topic| topic.starts_with("event:tidings.")).count();
    let first = topics.iter().filter(|topic| topic.starts_with("event:klaviyo.")).count();
    assert_eq!((first, own), (45, 7));
    let sms = "event:klaviyo.sent_sms";
    let link = format!("{}/api/webhook-topics/{sms}/", daemon.base());
    let expected = json!({
        "type": "webhook-topic", "id": sms, "attributes": {}, "links": { "self": link },
    });
    let data = listed["data"].as_array().expect("data is a list");
    assert!(data.contains(&expected));
    for spelt in [sms, "event%3Aklaviyo.sent_sms"] {
        let one = daemon.get(&format!("/api/webhook-topics/{spelt}")).await;
        assert_eq!(one["data"], expected, "{spelt}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_kind_of_event_brings_its_metric_and_its_topic() {
    let daemon = Daemon::start().await;
    daemon.event(Event::of("Größe -- geändert!")).await;
    daemon.event(Event::of("Charge").service("stripe")).await;
    let topics = ids(&daemon.get("/api/webhook-topics").await);
    assert_eq!(topics.len(), 54);
    assert!(topics.contains(&"event:api.größe_geändert".to_owned()));
    assert!(topics.contains(&"event:stripe.charge".to_owned()));
    assert!(topics.is_sorted());

    let own = daemon.get("/api/metrics?filter=equals(integration.name,%22API%22)").await;
    let metric = &own["data"][0];
    assert_eq!(own["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(metric["attributes"]["name"], "Größe -- geändert!");
    assert_eq!(metric["attributes"]["integration"]["key"], "api");
    assert_eq!(metric["attributes"]["created"], "2026-09-04T13:38:55+00:00");
    let one = daemon.get(&format!("/api/metrics/{}", metric["id"].to_text())).await;
    assert_eq!(one["data"], *metric);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_name_is_the_same_metric() {
    let daemon = Daemon::start().await;
    for number in 0..3 {
        daemon.event(Event::of("Seen").unique(&number.to_string())).await;
    }
    assert_eq!(ids(&daemon.get("/api/metrics").await).len(), 53);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_metrics_hold_each_once_in_every_spelling_of_the_cursor() {
    let daemon = Daemon::start().await;
    let events: Vec<_> = (0..400).map(|n| Event::of(&format!("Kind {n}"))).collect();
    daemon.ask(Ask::post("/api/event-bulk-create-jobs", bulk(&events))).await.expect(202);
    for spelling in ["path", "token", "with =", "url"] {
        let mut all = BTreeSet::new();
        let (mut path, mut pages) = ("/api/metrics?fields[metric]=name".to_owned(), 0);
        loop {
            let page = daemon.get(&path).await;
            pages += 1;
            let found = ids(&page);
            assert!(found.len() <= 200);
            for id in found {
                assert!(all.insert(id), "each once");
            }
            assert_eq!(
                page["data"][0]["attributes"].as_object().map(serde_json::Map::len),
                Some(1)
            );
            let Some(next) = page["links"]["next"].as_str() else { break };
            let (_, token) = next.split_once("page%5Bcursor%5D=").expect("it has a cursor");
            let escaped: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
            path = match spelling {
                "path" => next.strip_prefix(&daemon.base()).expect("it is ours").to_owned(),
                "token" => format!("/api/metrics?fields[metric]=name&page[cursor]={token}"),
                "with =" => format!("/api/metrics?fields[metric]=name&page[cursor]=%3D{token}"),
                _ => format!("/api/metrics?fields[metric]=name&page[cursor]={escaped}"),
            };
        }
        assert_eq!((all.len(), pages), (452, 3), "{spelling}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_metric_that_had_a_value_shows_zero_where_one_is_missing() {
    let daemon = Daemon::start().await;
    daemon.webhook("http://127.0.0.1:9/", &["event:api.ordered"]).await;
    let without = daemon.recorded(Event::of("Ordered").unique("1")).await;
    daemon.recorded(Event::of("Ordered").unique("2").with("value", "5.50")).await;
    let after = daemon.recorded(Event::of("Ordered").unique("3")).await;
    let value = async |event: String| {
        let event = daemon.get(&format!("/api/events/{event}")).await;
        event["data"]["attributes"]["event_properties"]["$value"].clone()
    };
    assert_eq!(value(without).await, Value::Null);
    assert_eq!(value(after).await, 0);
}
