//! Aggregates of metrics: counts, sums and people, by time and by property, seen from outside.

use serde_json::{Value, json};

use crate::harness::{Ask, Daemon, Event, ToText as _};

const PATH: &str = "/api/metric-aggregates";

/// A shop's orders on three days of Berlin, one of them an hour before midnight of UTC.
async fn shop() -> (Daemon, String) {
    let daemon = Daemon::start().await;
    for (number, (time, person, brand, value)) in [
        ("2026-09-01T08:00:00Z", "a", "X", "10"),
        ("2026-09-01T09:00:00Z", "a", "Y", "5.5"),
        ("2026-09-01T23:00:00Z", "b", "X", "1"),
        ("2026-09-03T12:00:00Z", "a", "X", "2"),
        ("2026-09-09T12:00:00Z", "b", "X", "100"),
    ]
    .into_iter()
    .enumerate()
    {
        let event = Event::of("Ordered")
            .about(json!({ "external_id": person }))
            .properties(&format!(r#"{{"Brand":"{brand}"}}"#))
            .unique(&number.to_string())
            .with("time", &format!("\"{time}\""));
        daemon.event(event.with("value", value).with("value_currency", "\"EUR\"")).await;
    }
    let path = "/api/metrics?filter=equals(integration.name,%22API%22)";
    let metric = daemon.get(path).await["data"][0]["id"].to_text();
    (daemon, metric)
}

fn question(metric: &str, more: Value) -> Value {
    let mut attributes = json!({
        "metric_id": metric,
        "measurements": ["count", "sum_value", "unique"],
        "filter": [
            "greater-or-equal(datetime,2026-09-01T00:00:00)",
            "less-than(datetime,2026-09-04T00:00:00)",
        ],
    });
    if let (Some(attributes), Value::Object(more)) = (attributes.as_object_mut(), more) {
        attributes.extend(more);
    }
    json!({ "data": { "type": "metric-aggregate", "attributes": attributes } })
}

async fn answer(daemon: &Daemon, metric: &str, more: Value) -> Value {
    let answer = daemon.ask(Ask::post(PATH, question(metric, more))).await.expect(200);
    assert_eq!(answer["data"]["type"], "metric-aggregate");
    assert!(answer["data"]["links"]["self"].is_string() && answer["links"]["self"].is_string());
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_counted_by_the_days_of_a_zone() {
    let (daemon, metric) = shop().await;
    let utc = answer(&daemon, &metric, json!({})).await["data"]["attributes"].clone();
    let days = ["01", "02", "03"].map(|day| format!("2026-09-{day}T00:00:00+00:00"));
    assert_eq!(utc["dates"], json!(days));
    let row = json!({ "dimensions": [], "measurements": {
        "count": [3, 0, 1], "sum_value": [16.5, 0.0, 2.0], "unique": [2, 0, 1],
    } });
    assert_eq!(utc["data"], json!([row]));
    let berlin = answer(&daemon, &metric, json!({ "timezone": "Europe/Berlin" })).await;
    let berlin = berlin["data"]["attributes"].clone();
    assert_eq!(berlin["dates"][0], "2026-08-31T22:00:00+00:00");
    assert_eq!(berlin["data"][0]["measurements"]["count"], json!([2, 1, 1]));
    let month = answer(&daemon, &metric, json!({ "interval": "month" })).await;
    assert_eq!(month["data"]["attributes"]["data"][0]["measurements"]["unique"], json!([2]));
    let hours = answer(&daemon, &metric, json!({ "interval": "hour" })).await;
    assert_eq!(hours["data"]["attributes"]["dates"].as_array().map(Vec::len), Some(72));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_grouped_filtered_sorted_and_paged_by_their_properties() {
    let (daemon, metric) = shop().await;
    let rows = async |more: Value| {
        let answer = answer(&daemon, &metric, more).await;
        let rows = answer["data"]["attributes"]["data"].as_array().expect("there are rows");
        rows.iter()
            .map(|row| (row["dimensions"].to_string(), row["measurements"]["count"].to_string()))
            .collect::<Vec<_>>()
    };
    let row = |name: &str, counts: &str| (name.to_owned(), counts.to_owned());
    let (x, y) = (row(r#"["X"]"#, "[2,0,1]"), row(r#"["Y"]"#, "[1,0,0]"));
    assert_eq!(rows(json!({ "by": ["Brand"] })).await, [x.clone(), y.clone()]);
    for sort in ["-Brand", "count", "sum_value", "unique"] {
        let sorted = rows(json!({ "by": ["Brand"], "sort": sort })).await;
        assert_eq!(sorted, [y.clone(), x.clone()], "{sort}");
    }
    let currency = rows(json!({ "by": ["$value_currency", "Brand"], "sort": "Brand" })).await;
    assert_eq!(currency[0], row(r#"["EUR","X"]"#, "[2,0,1]"));
    let mut filter = question("", json!({}))["data"]["attributes"]["filter"].clone();
    filter.as_array_mut().expect("it is a list").push("equals(Brand,\"Y\")".into());
    assert_eq!(rows(json!({ "filter": filter })).await, [row("[]", "[1,0,0]")]);

    let paged = json!({ "by": ["Brand"], "page_size": 1 });
    let first = answer(&daemon, &metric, paged.clone()).await;
    let next = first["links"]["next"].to_text();
    let (_, token) = next.split_once("page%5Bcursor%5D=").expect("it has a cursor");
    for cursor in [token, next.as_str()] {
        let mut more = paged.clone();
        more["page_cursor"] = cursor.into();
        assert_eq!(rows(more).await, std::slice::from_ref(&y));
    }
    let link = next.strip_prefix(&daemon.base()).expect("links are absolute");
    let followed = daemon.ask(Ask::post(link, question(&metric, paged))).await.expect(200);
    assert_eq!(followed["data"]["attributes"]["data"][0]["dimensions"], json!(["Y"]));
    assert_eq!(followed["links"]["next"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_happened_there_are_zeros_or_no_rows() {
    let (daemon, metric) = shop().await;
    let quiet = json!(["greater-than(datetime,2020-01-01),less-than(datetime,2020-01-03)"]);
    let none = answer(&daemon, &metric, json!({ "filter": quiet })).await;
    let rows = &none["data"]["attributes"]["data"];
    assert_eq!(rows[0]["measurements"]["count"], json!([0, 0]));
    let none = answer(&daemon, &metric, json!({ "filter": quiet, "by": ["Brand"] })).await;
    assert_eq!(none["data"]["attributes"]["data"], json!([]));
    let path = format!("{PATH}?fields[metric-aggregate]=dates");
    let dates = daemon.ask(Ask::post(&path, question(&metric, json!({})))).await.expect(200);
    let shown = dates["data"]["attributes"].as_object().expect("it is an object");
    assert_eq!(shown.keys().collect::<Vec<_>>(), ["dates"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_named() {
    let (daemon, metric) = shop().await;
    for (field, value, told) in [
        ("metric_id", json!("NOPE01"), "no metric"),
        ("timezone", json!("Berlin"), "IANA"),
        ("filter", json!([]), "needs a time"),
        ("sort", json!("Brnad"), "there are count"),
        ("interval", json!("year"), "there are hour"),
    ] {
        let asked = question(&metric, json!({ field: value }));
        let refused = daemon.ask(Ask::post(PATH, asked)).await.refused(400);
        assert_eq!(refused["source"]["pointer"], format!("/data/attributes/{field}"));
        assert!(refused["detail"].to_text().contains(told), "{refused}");
    }
}
