//! Erasing a person: nothing of them is left in any table of the file, nothing of others is
//! touched, and the receipt can be checked.

mod file;

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use self::file::rows_with;
use crate::harness::{Ask, Daemon, Event, Receiver, Reply, ToText as _, eventually, runs};

const TOPIC: &str = "event:api.viewed_product";
const JOBS: &str = "/api/data-privacy-deletion-jobs";
const IMPORT: &str = "profile-bulk-import-job";
const SUBSCRIBE: &str = "profile-subscription-bulk-create-job";
const SUPPRESS: &str = "profile-suppression-bulk-create-job";
/// What only Ann has.
const HERS: [&str; 5] =
    ["ann@only.example", "formerly@only.example", "+15005550006", "hers-4711", "hers-0815"];

fn viewed(email: &str, number: usize) -> Event {
    let properties = json!({ "secret": if email == HERS[0] { HERS[4] } else { "his" } });
    Event::of("Viewed Product")
        .about(json!({ "email": email }))
        .properties(&properties.to_string())
        .unique(&format!("{email} {number}"))
}

/// The body of a request to erase the person who is named so.
fn request(person: &Value) -> Value {
    let mut data = json!({ "type": "profile" });
    let Value::Object(more) = person.clone() else { panic!("a person is an object") };
    data.as_object_mut().expect("it is one").extend(more);
    json!({ "data": { "type": "data-privacy-deletion-job",
        "attributes": { "profile": { "data": data } } } })
}

/// Asks for an erasure; returns its path.
async fn erase(daemon: &Daemon, person: Value) -> String {
    let answer = daemon.ask(Ask::post(JOBS, request(&person))).await;
    assert_eq!((answer.status, answer.body.as_str()), (202, ""), "as the original has it");
    format!("{JOBS}/{}", answer.header("tidings-job-id").expect("the answer names the receipt"))
}

/// The attributes of a receipt once it is complete.
async fn receipt(daemon: &Daemon, path: &str) -> Value {
    let receipt = eventually("the erasure is complete", async || {
        let shown = daemon.get(path).await["data"]["attributes"].clone();
        (shown["status"] == "complete").then_some(shown)
    })
    .await;
    let left = receipt["remaining"].as_object().expect("it is looked for").clone();
    assert!(left.len() == 5 && left.values().all(|count| *count == 0), "{receipt}");
    receipt
}

async fn erased(daemon: &Daemon, person: Value) -> Value {
    let path = erase(daemon, person).await;
    receipt(daemon, &path).await
}

/// Posts a job and waits for its end.
async fn job(daemon: &Daemon, kind: &str, body: impl ToString) -> String {
    let answer = daemon.ask(Ask::post(&format!("/api/{kind}s"), body)).await;
    answer.expect(202);
    let id = answer.header("tidings-job-id").expect("the answer names the job").to_owned();
    let path = format!("/api/{kind}s/{id}");
    eventually("the job ends", async || {
        let shown = daemon.get(&path).await;
        (!shown["data"]["attributes"]["completed_at"].is_null()).then_some(())
    })
    .await;
    path
}

async fn profile(daemon: &Daemon, email: &str) -> Option<String> {
    let found = daemon.get(&format!("/api/profiles?filter=equals(email,%22{email}%22)")).await;
    found["data"][0]["id"].as_str().map(str::to_owned)
}

async fn ids(daemon: &Daemon, path: &str) -> Vec<String> {
    let found = daemon.get(path).await;
    found["data"].as_array().expect("it is a list").iter().map(|one| one["id"].to_text()).collect()
}

/// A daemon with Ann, who is to be erased, and Bob, who stays.
struct World {
    daemon: Daemon,
    /// Takes everything.
    taken: Receiver,
    /// Answers batches with what it was told of Ann.
    echo: Receiver,
    /// Took nothing yet, and is told in order.
    ordered: Receiver,
    list: String,
    segment: String,
    import: String,
    ann: String,
    bob: String,
    /// Ann's former id.
    former: String,
}

impl World {
    async fn new() -> Self {
        let daemon = Daemon::start().await;
        let (taken, echo) =
            (Receiver::start().await, Receiver::scripted([Reply::Json("\"hers-0815\"")]).await);
        let ordered = Receiver::scripted([Reply::Status(400), Reply::Status(400)]).await;
        let refusing = Receiver::scripted(std::iter::repeat_n(Reply::Status(400), 20)).await;
        let batch = json!({ "batch": { "max_events": 3, "max_wait_ms": 60_000 } });
        let by_profile = json!({ "ordering": "by-profile", "retry_schedule": ["1h", "1h", "1h"] });
        let soon = json!({ "retry_schedule": ["5s"] });
        daemon.webhook(&taken.url(), &[TOPIC]).await;
        daemon.webhook_with(&echo.url(), &[TOPIC], batch).await;
        daemon.webhook_with(&ordered.url(), &[TOPIC], by_profile).await;
        daemon.webhook_with(&refusing.url(), &[TOPIC], soon).await;
        let body = json!({ "data": { "type": "list", "attributes": { "name": "News" } } });
        let list = daemon.ask(Ask::post("/api/lists", body)).await.expect(201);
        let list = list["data"]["id"].to_text();
        let (bob, ann, former, import) = people(&daemon, &list).await;
        for (email, number) in
            [(HERS[0], 0), ("bob@x.org", 0), (HERS[0], 1), (HERS[0], 2), ("bob@x.org", 1)]
        {
            daemon.event(viewed(email, number)).await;
            ordered.received(if number == 0 && email == HERS[0] { 1 } else { 2 }).await;
        }
        daemon.settled(6, "delivered").await;
        eventually("the refused are given up", async || {
            daemon.advance(Duration::from_secs(5));
            let given_up = daemon.deliveries("equals(state,%22exhausted%22)").await;
            (given_up.len() == 5).then_some(())
        })
        .await;
        let segment = segment(&daemon).await;
        Self { daemon, taken, echo, ordered, list, segment, import, ann, bob, former }
    }
}

/// Makes Bob and Ann, with all that a person can have; returns their ids, Ann's former id, and the
/// path of a job that has an error about each.
async fn people(daemon: &Daemon, list: &str) -> (String, String, String, String) {
    let to_list = json!({ "list": { "data": { "type": "list", "id": list } } });
    let to_lists = json!({ "lists": { "data": [{ "type": "list", "id": list }] } });
    let consent = json!({ "marketing": { "consent": "SUBSCRIBED" } });
    daemon.event(Event::of("Read").about(json!({ "email": HERS[1] }))).await;
    let former = profile(daemon, HERS[1]).await.expect("she was just made");
    for person in [
        json!({ "email": "bob@x.org", "subscriptions": { "email": consent } }),
        json!({ "email": HERS[0], "phone_number": HERS[2],
            "subscriptions": { "email": consent, "sms": consent } }),
    ] {
        let person = json!([{ "type": "profile", "attributes": person }]);
        let body = json!({ "data": { "type": SUBSCRIBE, "relationships": to_list,
            "attributes": { "profiles": { "data": person } } } });
        job(daemon, SUBSCRIBE, body).await;
    }
    let (bob, ann) = (profile(daemon, "bob@x.org").await, profile(daemon, HERS[0]).await);
    let (bob, ann) = (bob.expect("he was made"), ann.expect("she was made"));
    let patch = json!({ "data": { "type": "profile", "id": ann,
        "attributes": { "first_name": HERS[3], "properties": { "plan": HERS[3] } } } });
    daemon.ask(Ask::patch(&format!("/api/profiles/{ann}"), patch)).await.expect(200);
    let merge = json!({ "data": { "type": "profile-merge", "id": ann, "relationships": {
        "profiles": { "data": [{ "type": "profile", "id": former }] } } } });
    daemon.ask(Ask::post("/api/profile-merge", merge)).await.expect(201);
    let unknown = "01GDDKASAP8TKDDA2GRZDSVP4H";
    // Her address is written as JSON may write it.
    let body = format!(
        r#"{{"data":{{"type":"{IMPORT}","attributes":{{"profiles":{{"data":[
        {{"type":"profile","id":"{unknown}","attributes":{{"email":"\u0041nn@only.example"}}}},
        {{"type":"profile","id":"{unknown}","attributes":{{"email":"bob@x.org"}}}}]}}}},
        "relationships":{to_lists}}}}}"#
    );
    let import = job(daemon, IMPORT, body).await;
    let body = json!({ "data": { "type": SUPPRESS, "attributes": {}, "relationships": to_list } });
    job(daemon, SUPPRESS, body).await;
    (bob, ann, former, import)
}

/// A segment of those who viewed something lately, so with timers.
async fn segment(daemon: &Daemon) -> String {
    let metrics = daemon.get("/api/metrics").await;
    let metrics = metrics["data"].as_array().expect("metrics are a list").clone();
    let viewed = metrics.iter().find(|metric| metric["attributes"]["name"] == "Viewed Product");
    let condition = json!({ "type": "profile-metric", "measurement": "count",
        "metric_id": viewed.expect("it was recorded")["id"],
        "measurement_filter": { "type": "numeric", "operator": "greater-than", "value": 0 },
        "timeframe_filter": { "type": "date", "operator": "in-the-last", "unit": "day",
            "quantity": 30 } });
    let definition = json!({ "condition_groups": [{ "conditions": [condition] }] });
    let body = json!({ "data": { "type": "segment",
        "attributes": { "name": "Viewers", "definition": definition } } });
    let made = daemon.ask(Ask::post("/api/segments", body)).await.expect(201);
    let id = made["data"]["id"].to_text();
    let members = format!("/api/segments/{id}/relationships/profiles");
    eventually("both are in it", async || (ids(daemon, &members).await.len() == 2).then_some(()))
        .await;
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_row_of_the_file_has_anything_of_an_erased_person() {
    let mut world = World::new().await;
    world.daemon.stop().await;
    // What a run of a flow sent her, and what it could not.
    let left = runs::leave(&world.daemon, (&world.ann, None), HERS[4], HERS[3]).await;
    let file = world.daemon.config().data_dir.join("tidings.redb");
    for (text, table) in [(HERS[4], "delivery_requests"), (HERS[3], "deliveries")] {
        assert!(rows_with(&file, text.as_bytes(), true).contains(&table.to_owned()), "{text}");
    }
    world.daemon.restart().await;
    world.daemon.settled(1, "cancelled").await;
    let receipt = erased(&world.daemon, json!({ "attributes": { "email": "ANN@only.example" } }));
    let receipt = receipt.await;
    let mut people = vec![world.ann.clone(), world.former.clone()];
    people.sort();
    let mut shown: Vec<_> = receipt["profile_ids"]
        .as_array()
        .expect("it is a list")
        .iter()
        .map(Value::to_text)
        .collect();
    shown.sort();
    assert_eq!(shown, people);
    let count = &receipt["erased"];
    assert_eq!((&count["profile_count"], &count["membership_count"]), (&2.into(), &2.into()));
    // Three to each of three endpoints, a part of two batches, and two of the run.
    assert_eq!(count["delivery_count"], 13);
    world.daemon.stop().await;
    for id in [left.request, left.parked] {
        let found = rows_with(&file, &id.as_u128().to_be_bytes(), false);
        assert!(found.is_empty(), "{id} in {found:?}");
    }
    for text in HERS.iter().copied().chain(people.iter().map(String::as_str)) {
        let found = rows_with(&file, text.to_lowercase().as_bytes(), true);
        assert!(found.is_empty(), "{text} in {found:?}");
    }
    for id in &people {
        let number: tidings::id::ProfileId = id.parse().expect("it is an id");
        let number = number.as_u128();
        for bytes in [number.to_be_bytes(), number.to_le_bytes()] {
            let mut found = rows_with(&file, &bytes, false);
            found.retain(|table| table != "erasures");
            assert!(found.is_empty(), "{id} in {found:?}");
        }
    }
    // The look finds what is there: Bob is.
    let bob: tidings::id::ProfileId = world.bob.parse().expect("it is an id");
    let tables = rows_with(&file, &bob.as_u128().to_be_bytes(), false);
    assert!(["profiles", "events_by_profile"].iter().all(|one| tables.contains(&(*one).into())));
    assert!(rows_with(&file, b"bob@x.org", true).contains(&"job_errors".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_are_empty_and_others_lose_nothing() {
    let World { daemon, taken, echo, ordered, list, segment, import, ann, bob, former } =
        World::new().await;
    let path = erase(&daemon, json!({ "id": former })).await;
    let receipt = receipt(&daemon, &path).await;
    for id in [&ann, &former] {
        daemon.ask(Ask::get(&format!("/api/profiles/{id}"))).await.refused(404);
        let events = format!("/api/events?filter=equals(profile_id,%22{id}%22)");
        assert_eq!(ids(&daemon, &events).await, Vec::<String>::new());
    }
    assert_eq!((profile(&daemon, HERS[0]).await, profile(&daemon, HERS[1]).await), (None, None));
    for group in [format!("lists/{list}"), format!("segments/{segment}")] {
        let members = format!("/api/{group}/relationships/profiles");
        assert_eq!(ids(&daemon, &members).await, [bob.as_str()]);
    }
    let errors = daemon.get(&format!("{import}/import-errors")).await;
    let kept = |place: usize| errors["data"][place]["attributes"]["original_payload"].clone();
    assert_eq!(kept(0), Value::Null);
    assert_eq!(kept(1)["attributes"]["email"], "bob@x.org");
    let id = path.rsplit('/').next().expect("a path has parts");
    let digests = receipt["identifier_digests"].as_array().expect("it is a list");
    for text in [HERS[0], HERS[1], HERS[2]] {
        let digest = Sha256::digest(format!("{id}:{text}"));
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(digests.iter().any(|one| one["sha256"] == digest), "{text}: {digests:?}");
    }
    assert_eq!(digests.len(), 3);

    let left = daemon.deliveries("").await;
    assert_eq!(left.len(), 8, "two to each of three endpoints, and two batches");
    eventually("Bob's are delivered", async || {
        daemon.advance(Duration::from_secs(600));
        daemon.deliveries("equals(state,%22scheduled%22)").await.is_empty().then_some(())
    })
    .await;
    assert_eq!(daemon.deliveries("equals(state,%22exhausted%22)").await.len(), 2);
    assert_eq!(taken.count(), 5, "as before");
    let told: Vec<_> = ordered.recorded().iter().skip(2).map(|one| one.unique_id()).collect();
    assert_eq!(told, ["bob@x.org 0", "bob@x.org 1"]);
    let batches = echo.received(2).await;
    let last = batches[1].json();
    assert_eq!(last["data"].as_array().expect("it is a list").len(), 1);
    assert_eq!(batches[1].unique_id(), "bob@x.org 1");
    for delivery in daemon.deliveries("").await {
        let path = format!("/api/deliveries/{}", delivery["id"].to_text());
        let whole = daemon.get(&path).await.to_string();
        assert!(!whole.contains(HERS[4]) && !whole.contains(&ann), "{whole}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_the_middle_loses_no_step() {
    let mut daemon = Daemon::start().await;
    let down = Receiver::scripted(std::iter::repeat_n(Reply::Status(400), 4_000)).await;
    daemon.webhook(&down.url(), &[TOPIC]).await;
    let (ann, bob) = ("ann@x.org", "bob@x.org");
    for number in 0..10 {
        let events: Vec<_> = (0..120).map(|event| viewed(ann, number * 120 + event)).collect();
        daemon
            .ask(Ask::post("/api/event-bulk-create-jobs", crate::harness::bulk(&events)))
            .await
            .expect(202);
        daemon.event(viewed(bob, number)).await;
    }
    let id = profile(&daemon, ann).await.expect("she was made");
    let path = erase(&daemon, json!({ "id": id })).await;
    let mut restarts = 0;
    while daemon.get(&path).await["data"]["attributes"]["status"] != "complete" && restarts < 5 {
        restarts += 1;
        daemon.restart().await;
    }
    assert!(restarts > 1, "the erasure was over before it was interrupted");
    let shown = receipt(&daemon, &path).await;
    assert_eq!(shown["erased"]["event_count"], 1_200);
    assert_eq!(shown["erased"]["delivery_count"], 1_200);
    assert_eq!(daemon.deliveries("").await.len(), 10);
    // Who turns up under her address is somebody new, and her id is nobody's.
    daemon.event(viewed(ann, 0)).await;
    assert_ne!(profile(&daemon, ann).await, Some(id.clone()));
    let stray = Event::of("Read").about(json!({})).profile(&id);
    let refused = daemon.ask(Ask::post("/api/events", stray.document())).await.refused(400);
    assert_eq!(refused["source"]["pointer"], "/data/attributes/profile/data/id");
    let again = erased(&daemon, json!({ "id": id })).await;
    assert_eq!((&again["erased"]["event_count"], &again["profile_ids"]), (&0.into(), &json!([id])));
    assert_eq!(ids(&daemon, JOBS).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_is_under_way_leaves_nothing_behind() {
    let mut daemon = Daemon::start().await;
    let slow = Receiver::start().await;
    let own = json!({ "ordering": "by-profile" });
    daemon.webhook_with(&slow.url(), &[TOPIC], own).await;
    slow.hold();
    daemon.event(viewed(HERS[0], 0)).await;
    daemon.event(viewed(HERS[0], 1)).await;
    slow.received(1).await;
    let id = profile(&daemon, HERS[0]).await.expect("she was made");
    let receipt = erased(&daemon, json!({ "attributes": { "email": HERS[0] } })).await;
    assert_eq!(receipt["erased"]["delivery_count"], 2);
    slow.release();
    daemon.event(viewed("bob@x.org", 0)).await;
    slow.received(2).await;
    daemon.settled(1, "delivered").await;
    daemon.stop().await;
    let number: tidings::id::ProfileId = id.parse().expect("it is an id");
    let file = daemon.config().data_dir.join("tidings.redb");
    let found = rows_with(&file, &number.as_u128().to_be_bytes(), false);
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(slow.recorded()[1].unique_id(), "bob@x.org 0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_unknown_is_erased_at_once_and_faults_have_pointers() {
    let daemon = Daemon::start().await;
    let told = Receiver::start().await;
    daemon.webhook(&told.url(), &[TOPIC]).await;
    daemon.event(viewed("bob@x.org", 0)).await;
    told.received(1).await;
    let unknown = erased(&daemon, json!({ "attributes": { "email": "nobody@x.org" } })).await;
    assert_eq!(unknown["identifier_digests"].as_array().expect("it is a list").len(), 1);
    let nobody = erased(&daemon, json!({ "id": "00000000000000000000000000" })).await;
    for receipt in [unknown, nobody] {
        let erased = receipt["erased"].as_object().expect("it is one");
        assert!(erased.values().all(|count| *count == 0), "{receipt}");
    }
    assert_eq!(daemon.deliveries("").await.len(), 1);
    const PERSON: &str = "/data/attributes/profile/data";
    for (person, pointer) in [
        (json!({}), PERSON.to_owned()),
        (json!({ "id": "nobody" }), format!("{PERSON}/id")),
        (json!({ "type": "person", "id": "x" }), format!("{PERSON}/type")),
        (json!({ "attributes": { "email": "a@b.c", "external_id": "1" } }), PERSON.to_owned()),
        (json!({ "attributes": { "mail": "a@b.c" } }), format!("{PERSON}/attributes/mail")),
        (json!({ "attributes": { "email": 7 } }), format!("{PERSON}/attributes/email")),
    ] {
        let refused = daemon.ask(Ask::post(JOBS, request(&person))).await.refused(400);
        assert_eq!(refused["source"]["pointer"], pointer, "{person}");
    }
    daemon.ask(Ask::get(&format!("{JOBS}/01GDDKASAP8TKDDA2GRZDSVP4H"))).await.refused(404);
    daemon.ask(Ask::get(&format!("{JOBS}?page[cursor]=x"))).await.refused(400);
}
