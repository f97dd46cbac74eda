//! Segments over the API: made, computed, followed, explained, changed, deleted; and that entering
//! and leaving arrive at a webhook.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Ask, Daemon, Event, Receiver, ToText as _, bulk, eventually};

const DAY: Duration = Duration::from_secs(86_400);
const ENTERED: &str = "event:tidings.segment_entered";
const LEFT: &str = "event:tidings.segment_left";

fn definition(groups: &[Value]) -> Value {
    let groups: Vec<_> = groups.iter().map(|group| json!({ "conditions": [group] })).collect();
    json!({ "condition_groups": groups })
}

fn plan(plan: &str) -> Value {
    json!({ "type": "profile-property", "property": "properties['plan']",
        "filter": { "type": "string", "operator": "equals", "value": plan } })
}

/// How often somebody did something in the last thirty days.
fn count(metric: &str, operator: &str, value: u32) -> Value {
    json!({ "type": "profile-metric", "metric_id": metric, "measurement": "count",
        "measurement_filter": { "type": "numeric", "operator": operator, "value": value },
        "timeframe_filter": {
            "type": "date", "operator": "in-the-last", "unit": "day", "quantity": 30 } })
}

fn within(group: &str) -> Value {
    json!({ "type": "profile-group-membership", "is_member": true, "group_ids": [group] })
}

fn document(attributes: Value) -> Value {
    json!({ "data": { "type": "segment", "attributes": attributes } })
}

fn patch(id: &str, attributes: Value) -> Value {
    json!({ "data": { "type": "segment", "id": id, "attributes": attributes } })
}

async fn segment(daemon: &Daemon, name: &str, groups: &[Value]) -> String {
    let body = document(json!({ "name": name, "definition": definition(groups) }));
    let made = daemon.ask(Ask::post("/api/segments", body)).await.expect(201);
    assert_eq!(made["data"]["attributes"]["is_processing"], true);
    let id = made["data"]["id"].to_text();
    computed(daemon, &id).await;
    id
}

async fn computed(daemon: &Daemon, id: &str) {
    let path = format!("/api/segments/{id}");
    eventually("the segment is computed", async || {
        let now = daemon.get(&path).await;
        (now["data"]["attributes"]["is_processing"] == false).then_some(())
    })
    .await;
}

async fn emails(daemon: &Daemon, id: &str) -> Vec<String> {
    let members = daemon.get(&format!("/api/segments/{id}/profiles?page%5Bsize%5D=100")).await;
    let members = members["data"].as_array().expect("members are a list").clone();
    let mut emails: Vec<_> =
        members.iter().map(|member| member["attributes"]["email"].to_text()).collect();
    emails.sort();
    emails
}

async fn becomes(daemon: &Daemon, id: &str, expected: &[&str]) {
    eventually(&format!("{expected:?} are the members"), async || {
        (emails(daemon, id).await == expected).then_some(())
    })
    .await;
}

/// An event of the person, whose plan it sets too.
fn of(email: &str, metric: &str, plan: &str) -> Event {
    Event::of(metric).about(json!({ "email": email, "properties": { "plan": plan } }))
}

/// The id of the metric of this name.
async fn metric(daemon: &Daemon, name: &str) -> String {
    let metrics = daemon.get("/api/metrics").await;
    let metrics = metrics["data"].as_array().expect("metrics are a list").clone();
    let named = metrics.iter().find(|metric| metric["attributes"]["name"] == name);
    named.unwrap_or_else(|| panic!("no metric {name}"))["id"].to_text()
}

/// The mail events that come from a mail system have the service of the original.
fn mail(email: &str, name: &str) -> Event {
    Event::of(name).service("klaviyo").about(json!({ "email": email }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_segment_is_made_read_changed_and_deleted() {
    let daemon = Daemon::start().await;
    daemon.event(of("ann@example.com", "Ordered", "pro")).await;
    daemon.event(of("bob@example.com", "Ordered", "free")).await;
    let id = segment(&daemon, "Pros", &[plan("pro")]).await;
    assert_eq!(emails(&daemon, &id).await, ["ann@example.com"]);
    let path = format!("/api/segments/{id}");

    let read = daemon.get(&format!("{path}?additional-fields%5Bsegment%5D=profile_count")).await;
    let attributes = &read["data"]["attributes"];
    assert_eq!(attributes["profile_count"], 1);
    assert_eq!(attributes["definition"], definition(&[plan("pro")]));
    assert_eq!(
        (&attributes["is_active"], &attributes["is_starred"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(attributes["progress"], Value::Null);

    let change = json!({ "name": "Free", "definition": definition(&[plan("free")]),
        "is_starred": true });
    let changed = daemon.ask(Ask::patch(&path, patch(&id, change))).await.expect(200);
    assert_eq!(changed["data"]["attributes"]["name"], "Free");
    becomes(&daemon, &id, &["bob@example.com"]).await;

    segment(&daemon, "Another", &[plan("pro")]).await;
    let listed = |query: &str| format!("/api/segments?{query}");
    for (query, expected) in [
        ("sort=name", vec!["Another", "Free"]),
        ("sort=-name", vec!["Free", "Another"]),
        ("filter=equals(is_starred,true)", vec!["Free"]),
        ("filter=any(name,[%22Another%22,%22None%22])", vec!["Another"]),
        ("filter=equals(name,['Another'])", vec!["Another"]),
        ("filter=equals(is_active,false)", vec![]),
    ] {
        let found = daemon.get(&listed(query)).await;
        let names: Vec<_> = found["data"]
            .as_array()
            .expect("segments are a list")
            .iter()
            .map(|segment| segment["attributes"]["name"].to_text())
            .collect();
        assert_eq!(names, expected, "{query}");
    }
    let first = daemon.get(&listed("sort=name&page%5Bsize%5D=1")).await;
    let next = first["links"]["next"].to_text();
    // A whole link is a cursor too.
    let cursor = url::form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>();
    let second = listed(&format!("sort=name&page%5Bsize%5D=1&page%5Bcursor%5D={cursor}"));
    assert_eq!(daemon.get(&second).await["data"][0]["attributes"]["name"], "Free");

    let bob = daemon.get("/api/profiles?filter=equals(email,%22bob@example.com%22)").await;
    let profile = bob["data"][0]["id"].to_text();
    let of_person = daemon.get(&format!("/api/profiles/{profile}/segments")).await;
    assert_eq!(of_person["data"][0]["id"], id);
    let ids = daemon.get(&format!("{path}/relationships/profiles")).await;
    assert_eq!(ids["data"], json!([{ "type": "profile", "id": profile }]));

    daemon.ask(Ask::delete(&path)).await.expect(204);
    daemon.ask(Ask::get(&path)).await.refused(404);
    daemon.ask(Ask::get(&format!("{path}/profiles"))).await.refused(404);
    let of_person = daemon.get(&format!("/api/profiles/{profile}/segments")).await;
    assert_eq!(of_person["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_pointed_at_and_changes_nothing() {
    let daemon = Daemon::start().await;
    let id = segment(&daemon, "Pros", &[plan("pro")]).await;
    const AT: &str = "/data/attributes/definition/condition_groups/0/conditions/0";
    let predictive = json!({ "type": "profile-predictive-analytics", "dimension": "x" });
    for (condition, pointer) in [
        (count("NoSuch", "equals", 0), format!("{AT}/metric_id")),
        (within("NoSuch"), format!("{AT}/group_ids/0")),
        (within(&id), "/data/attributes/definition".to_owned()),
        (predictive, format!("{AT}/type")),
    ] {
        let body = patch(&id, json!({ "definition": definition(&[condition]) }));
        let refused = daemon.ask(Ask::patch(&format!("/api/segments/{id}"), body)).await;
        assert_eq!(refused.refused(400)["source"]["pointer"], pointer);
    }
    let now = daemon.get(&format!("/api/segments/{id}")).await;
    assert_eq!(now["data"]["attributes"]["definition"], definition(&[plan("pro")]));
    for (path, parameter) in [
        ("/api/segments?sort=colour", "sort"),
        ("/api/segments?filter=contains(name,%22x%22)", "filter"),
        ("/api/segments?filter=equals(name,['x','y'])", "filter"),
        ("/api/segments?page%5Bsize%5D=11", "page[size]"),
        ("/api/segments?page%5Bcursor%5D=nonsense", "page[cursor]"),
        ("/api/segments?fields%5Bsegment%5D=colour", "fields[segment]"),
    ] {
        let refused = daemon.ask(Ask::get(path)).await.refused(400);
        assert_eq!(refused["source"]["parameter"], parameter, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn use_1_joining_a_list_and_entering_a_segment_arrive_at_a_webhook() {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let list = json!({ "data": { "type": "list", "attributes": { "name": "News" } } });
    let list = daemon.ask(Ask::post("/api/lists", list)).await.expect(201)["data"]["id"].to_text();
    let id = segment(&daemon, "On the list", &[within(&list), plan("pro")]).await;
    let topics = ["event:klaviyo.subscribed_to_list", ENTERED, LEFT];
    daemon.webhook(&receiver.url(), &topics).await;
    daemon.event(of("ann@example.com", "Ordered", "pro")).await;
    let ann = daemon.get("/api/profiles?filter=equals(email,%22ann@example.com%22)").await;
    let ann = json!({ "data": [{ "type": "profile", "id": ann["data"][0]["id"] }] });
    let members = format!("/api/lists/{list}/relationships/profiles");
    daemon.ask(Ask::post(&members, &ann)).await.expect(204);
    let told = receiver.received(2).await;
    let topic = |place: usize| told[place].json()["data"][0]["topic"].clone();
    assert_eq!((topic(0), topic(1)), (json!(topics[0]), json!(ENTERED)));
    let entered = &told[1].json()["data"][0]["payload"]["data"]["attributes"]["event_properties"];
    assert_eq!(entered["segment_id"], id);
    assert_eq!(entered["segment_name"], "On the list");
    daemon.event(of("ann@example.com", "Ordered", "free")).await;
    assert_eq!(receiver.received(3).await[2].json()["data"][0]["topic"], LEFT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn use_2_who_opens_nothing_for_thirty_days_enters_without_an_event() {
    let (mut daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    let (received, opened) =
        (metric(&daemon, "Received Email").await, metric(&daemon, "Opened Email").await);
    let unengaged = [count(&received, "greater-than-or-equal", 2), count(&opened, "equals", 0)];
    let id = segment(&daemon, "Unengaged", &unengaged).await;
    daemon.webhook(&receiver.url(), &[ENTERED, LEFT]).await;
    daemon.event(mail("ann@example.com", "Opened Email")).await;
    daemon.advance(15 * DAY);
    for unique in ["one", "two"] {
        daemon.event(mail("ann@example.com", "Received Email").unique(unique)).await;
    }
    becomes(&daemon, &id, &[]).await;
    // A timer is kept over a restart.
    daemon.restart().await;
    daemon.advance(15 * DAY + Duration::from_secs(1));
    becomes(&daemon, &id, &["ann@example.com"]).await;
    assert_eq!(receiver.received(1).await[0].json()["data"][0]["topic"], ENTERED);

    let ann = daemon.get("/api/profiles?filter=equals(email,%22ann@example.com%22)").await;
    let ann = ann["data"][0]["id"].to_text();
    let asked = format!("/api/segments/{id}/explanation?filter=equals(profile_id,%22{ann}%22)");
    let explained = daemon.get(&asked).await["data"]["attributes"].clone();
    assert_eq!((&explained["is_member"], &explained["holds"]), (&json!(true), &json!(true)));
    assert!(explained["holds_until"].is_string(), "{explained}");
    let reason = &explained["condition_groups"][1]["conditions"][0]["reason"];
    assert!(reason.is_string(), "{explained}");

    daemon.event(mail("ann@example.com", "Opened Email").unique("three")).await;
    assert_eq!(receiver.received(2).await[1].json()["data"][0]["topic"], LEFT);
    becomes(&daemon, &id, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_computation_goes_on_after_a_restart() {
    let mut daemon = Daemon::start().await;
    let people: Vec<_> = (0..1_000)
        .map(|number| of(&format!("p{number:04}@example.com"), "Ordered", "pro"))
        .collect();
    for some in people.chunks(500) {
        let body = bulk(some);
        daemon.ask(Ask::post("/api/event-bulk-create-jobs", body)).await.expect(202);
    }
    let body = document(json!({ "name": "All", "definition": definition(&[plan("pro")]) }));
    let made = daemon.ask(Ask::post("/api/segments", body)).await.expect(201);
    let id = made["data"]["id"].to_text();
    let progress = &made["data"]["attributes"]["progress"];
    assert_eq!(progress, &json!({ "evaluated_count": 0, "total_count": 1_000 }));
    daemon.restart().await;
    computed(&daemon, &id).await;
    let path = format!("/api/segments/{id}?additional-fields%5Bsegment%5D=profile_count");
    let now = daemon.get(&path).await;
    assert_eq!(now["data"]["attributes"]["profile_count"], 1_000);
}
