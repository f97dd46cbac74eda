//! Properties of metrics: what the events of a kind have, seen from outside.

use serde_json::{Value, json};

use crate::harness::{Ask, Daemon, Event, ToText as _};

async fn metric(daemon: &Daemon) -> String {
    let path = "/api/metrics?filter=equals(integration.name,%22API%22)&fields[flow]=name";
    daemon.get(path).await["data"][0]["id"].to_text()
}

fn named<'p>(page: &'p Value, name: &str) -> &'p Value {
    let data = page["data"].as_array().expect("data is a list");
    let found = data.iter().find(|one| one["attributes"]["property"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {page}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_metric_has_the_properties_of_its_events() {
    let daemon = Daemon::start().await;
    for (unique, properties) in [
        ("1", r#"{"Brand":"X","Categories":["a","b"],"Nothing":null}"#),
        ("2", r#"{"Brand":"Y","Size":5,"Sold":"2026-09-04"}"#),
    ] {
        let event = Event::of("Ordered").unique(unique).properties(properties);
        daemon.event(event.with("value", "9.5")).await;
    }
    daemon.event(Event::of("Seen").properties(r#"{"Other":1}"#)).await;
    let ordered = daemon.get("/api/metrics").await["data"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["attributes"]["name"] == "Ordered").cloned())
        .expect("it is listed")["id"]
        .to_text();
    let path = format!("/api/metrics/{ordered}/metric-properties");
    let page = daemon.get(&path).await;
    let types: Vec<_> = page["data"]
        .as_array()
        .expect("data is a list")
        .iter()
        .map(|one| {
            let shown = &one["attributes"];
            assert_eq!(shown.get("sample_values"), None);
            (shown["property"].to_text(), shown["inferred_type"].to_text())
        })
        .collect();
    let expected = [
        ("$event_id", "String"),
        ("$value", "Number"),
        ("Brand", "String"),
        ("Categories", "List"),
        ("Size", "Number"),
        ("Sold", "Date"),
    ];
    assert_eq!(types, expected.map(|(name, kind)| (name.to_owned(), kind.to_owned())));
    let with_samples =
        daemon.get(&format!("{path}?additional-fields[metric-property]=sample_values")).await;
    assert_eq!(named(&with_samples, "Brand")["attributes"]["sample_values"], json!(["Y", "X"]));
    let lists = named(&with_samples, "Categories");
    assert_eq!(lists["attributes"]["sample_values"], json!(["a", "b"]));
    assert_eq!(named(&page, "$value")["attributes"]["label"], "Value");

    let id = lists["id"].to_text();
    let one = daemon.get(&format!("/api/metric-properties/{id}?include=metric")).await;
    assert_eq!(one["data"]["attributes"]["label"], "Categories");
    assert_eq!(one["data"]["relationships"]["metric"]["data"]["id"], ordered);
    assert_eq!(one["included"][0]["attributes"]["name"], "Ordered");
    assert_eq!(
        one["data"]["links"]["self"],
        format!("{}/api/metric-properties/{id}/", daemon.base())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_not_found() {
    let daemon = Daemon::start().await;
    daemon.event(Event::of("Seen").properties(r#"{"Brand":"X"}"#)).await;
    let metric = metric(&daemon).await;
    let page = daemon.get(&format!("/api/metrics/{metric}/metric-properties")).await;
    let brand = named(&page, "Brand")["id"].to_text();
    let of_none = format!("4e4f50453031{}", brand.split_at(12).1);
    let other = format!("{}0000000000", brand.split_at(22).0);
    for id in ["nonsense", of_none.as_str(), other.as_str()] {
        daemon.ask(Ask::get(&format!("/api/metric-properties/{id}"))).await.refused(404);
    }
    daemon.ask(Ask::get("/api/metrics/NOPE01/metric-properties")).await.refused(404);
    let wrong = format!("/api/metric-properties/{brand}?fields[metric-property]=lable");
    let refused = daemon.ask(Ask::get(&wrong)).await.refused(400);
    assert_eq!(refused["source"]["parameter"], "fields[metric-property]");
}
