//! Jobs on many people: what they do, what they refuse, and that a stop in the middle neither loses
//! nor doubles anybody.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Ask, Daemon, Receiver, ToText as _, eventually};

const IMPORT: &str = "profile-bulk-import-job";

/// A body of this kind about these people.
fn document(kind: &str, people: &[Value]) -> Value {
    json!({ "data": { "type": kind, "attributes": { "profiles": { "data": people } } } })
}

fn of_email(email: &str) -> Value {
    json!({ "type": "profile", "attributes": { "email": email } })
}

async fn list(daemon: &Daemon, name: &str) -> String {
    let body = json!({ "data": { "type": "list", "attributes": { "name": name } } });
    daemon.ask(Ask::post("/api/lists", body)).await.expect(201)["data"]["id"].to_text()
}

fn onto(mut document: Value, lists: &[&str]) -> Value {
    let data: Vec<_> = lists.iter().map(|id| json!({ "type": "list", "id": id })).collect();
    document["data"]["relationships"] = json!({ "lists": { "data": data } });
    document
}

/// Posts a job and returns its path.
async fn post(daemon: &Daemon, kind: &str, body: Value) -> String {
    let answer = daemon.ask(Ask::post(&format!("/api/{kind}s"), body)).await;
    answer.expect(202);
    let id = answer.header("tidings-job-id").expect("the answer names the job").to_owned();
    format!("/api/{kind}s/{id}")
}

/// The attributes of a job once it has ended.
async fn ended(daemon: &Daemon, path: &str) -> Value {
    eventually("the job ends", async || {
        let shown = daemon.get(path).await["data"]["attributes"].clone();
        (!shown["completed_at"].is_null()).then_some(shown)
    })
    .await
}

async fn count(daemon: &Daemon, list: &str) -> u64 {
    let path = format!("/api/lists/{list}?additional-fields[list]=profile_count");
    let shown = daemon.get(&path).await["data"]["attributes"]["profile_count"].clone();
    shown.as_u64().expect("it is a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_takes_whom_it_can_and_tells_of_the_others() {
    let daemon = Daemon::start().await;
    let (one, two) = (list(&daemon, "one").await, list(&daemon, "two").await);
    let people = [
        json!({ "type": "profile", "attributes":
            { "email": "ann@x.org", "first_name": "Ann", "properties": { "plan": "pro" } } }),
        of_email("nobody"),
        json!({ "type": "profile", "attributes": { "first_name": "Who" } }),
        json!({ "type": "profile", "id": "01GDDKASAP8TKDDA2GRZDSVP4H", "attributes": {} }),
        of_email("bob@x.org"),
        of_email("ANN@x.org"),
    ];
    let body = onto(document(IMPORT, &people), &[&one, &two]);
    let answer = daemon.ask(Ask::post("/api/profile-bulk-import-jobs", body)).await.expect(202);
    let (id, shown) = (answer["data"]["id"].to_text(), &answer["data"]["attributes"]);
    assert_eq!((&shown["status"], &shown["total_count"]), (&"queued".into(), &6.into()));
    let path = format!("/api/profile-bulk-import-jobs/{id}");
    assert_eq!(answer["data"]["links"]["self"], format!("{}{path}/", daemon.base()));

    let shown = ended(&daemon, &path).await;
    assert_eq!(shown["status"], "complete");
    assert_eq!((&shown["completed_count"], &shown["failed_count"]), (&3.into(), &3.into()));
    assert_eq!(shown["started_at"], "2026-09-04T13:38:55+00:00");
    assert_eq!((count(&daemon, &one).await, count(&daemon, &two).await), (2, 2));
    let members = daemon.get(&format!("/api/lists/{one}/profiles")).await;
    let ann = &members["data"][0]["attributes"];
    assert_eq!((&ann["first_name"], &ann["properties"]["plan"]), (&"Ann".into(), &"pro".into()));

    let whole = daemon.get(&path).await;
    let related = whole["data"]["relationships"]["import-errors"]["links"]["related"].to_text();
    let related = related.strip_prefix(&daemon.base()).expect("it is ours").to_owned();
    let mut errors = Vec::new();
    let mut next = Some(format!("{}?page[size]=2", related.trim_end_matches('/')));
    while let Some(path) = next {
        let page = daemon.get(&path).await;
        errors.extend(page["data"].as_array().expect("data is a list").clone());
        let link = page["links"]["next"].as_str().map(str::to_owned);
        next = link.map(|link| link.strip_prefix(&daemon.base()).expect("ours").to_owned());
    }
    let pointers: Vec<_> =
        errors.iter().map(|error| error["attributes"]["source"]["pointer"].to_text()).collect();
    const AT: &str = "/data/attributes/profiles/data";
    let expected =
        [format!("{AT}/1/attributes/email"), format!("{AT}/2/attributes"), format!("{AT}/3/id")];
    assert_eq!(pointers, expected);
    assert_eq!(errors[0]["attributes"]["original_payload"], people[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_the_middle_of_a_job_neither_loses_nor_doubles_anybody() {
    const PEOPLE: usize = 3_000;
    let (mut daemon, told) = (Daemon::start().await, Receiver::start().await);
    let list = list(&daemon, "n").await;
    let in_batches = json!({ "batch": { "max_events": 100, "max_wait_ms": 1_000 } });
    let topics = ["event:klaviyo.subscribed_to_list"];
    daemon.webhook_with(&told.url(), &topics, in_batches).await;
    let people: Vec<Value> =
        (0..PEOPLE).map(|number| of_email(&format!("p{number}@x.org"))).collect();
    let path = post(&daemon, IMPORT, onto(document(IMPORT, &people), &[&list])).await;
    let mut restarts = 0;
    let shown = loop {
        let shown = daemon.get(&path).await["data"]["attributes"].clone();
        if !shown["completed_at"].is_null() {
            break shown;
        }
        if restarts < 4 {
            restarts += 1;
            daemon.restart().await;
        }
    };
    assert!(restarts > 1, "the job was not over before it was interrupted");
    assert_eq!(shown["completed_count"], PEOPLE);
    assert_eq!(shown["failed_count"], 0);
    assert_eq!(count(&daemon, &list).await, PEOPLE as u64);
    let mut of = Vec::new();
    eventually("all are told of", async || {
        daemon.advance(Duration::from_secs(1));
        of = told
            .recorded()
            .iter()
            .flat_map(|one| one.json()["data"].as_array().expect("it is a list").clone())
            .map(|one| one["external_id"].to_text())
            .collect();
        of.sort();
        of.dedup();
        (of.len() >= PEOPLE).then_some(())
    })
    .await;
    assert_eq!(of.len(), PEOPLE, "each joined once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_and_members_are_suppressed_and_released() {
    const CREATE: &str = "profile-suppression-bulk-create-job";
    const DELETE: &str = "profile-suppression-bulk-delete-job";
    let (daemon, told) = (Daemon::start().await, Receiver::start().await);
    let topics = [
        "event:klaviyo.manually_suppressed_from_email_marketing",
        "event:klaviyo.manually_unsuppressed_from_email_marketing",
    ];
    daemon.webhook(&told.url(), &topics).await;
    let list = list(&daemon, "n").await;
    let without_mail =
        json!({ "type": "profile", "attributes": { "phone_number": "+15005550006" } });
    let people = [of_email("ann@x.org"), of_email("bob@x.org"), without_mail];
    let import = post(&daemon, IMPORT, onto(document(IMPORT, &people), &[&list])).await;
    ended(&daemon, &import).await;

    let stranger = document(CREATE, &[of_email("ann@x.org"), of_email("new@x.org")]);
    let shown = ended(&daemon, &post(&daemon, CREATE, stranger.clone()).await).await;
    assert_eq!((&shown["completed_count"], &shown["skipped_count"]), (&2.into(), &0.into()));
    assert!(shown.get("failed_count").is_none(), "not in the contract");
    let again = ended(&daemon, &post(&daemon, CREATE, stranger).await).await;
    assert_eq!((&again["completed_count"], &again["skipped_count"]), (&0.into(), &2.into()));

    let of_list = |kind: &str| {
        json!({ "data": { "type": kind, "attributes": {}, "relationships":
            { "list": { "data": { "type": "list", "id": list } } } } })
    };
    let path = post(&daemon, CREATE, of_list(CREATE)).await;
    let shown = ended(&daemon, &path).await;
    assert_eq!(shown["total_count"], 3);
    assert_eq!((&shown["completed_count"], &shown["skipped_count"]), (&1.into(), &2.into()));
    let related = &daemon.get(&path).await["data"]["relationships"]["lists"]["data"];
    assert_eq!(*related, json!([{ "type": "list", "id": list }]));

    let path = format!("/api/lists/{list}/profiles?additional-fields[profile]=subscriptions");
    let members = daemon.get(&path).await;
    let email = &members["data"][0]["attributes"]["subscriptions"]["email"]["marketing"];
    assert_eq!(email["can_receive_email_marketing"], false);
    assert_eq!(email["suppression"][0]["reason"], "USER_SUPPRESSED");

    let shown = ended(&daemon, &post(&daemon, DELETE, of_list(DELETE)).await).await;
    assert_eq!((&shown["completed_count"], &shown["skipped_count"]), (&2.into(), &1.into()));
    let unknown = document(DELETE, &[of_email("stranger@x.org"), of_email("new@x.org")]);
    let shown = ended(&daemon, &post(&daemon, DELETE, unknown).await).await;
    assert_eq!((&shown["completed_count"], &shown["skipped_count"]), (&1.into(), &1.into()));
    let mut seen: Vec<_> =
        told.received(6).await.iter().map(|one| one.json()["data"][0]["topic"].to_text()).collect();
    seen.sort();
    assert_eq!(seen, [vec![topics[0]; 3], vec![topics[1]; 3]].concat());
    let listed = daemon.get(&format!("/api/{CREATE}s?page[size]=2")).await;
    assert_eq!(listed["data"].as_array().expect("it is a list").len(), 2);
    assert!(listed["links"]["next"].is_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_requests_are_refused_whole() {
    let daemon = Daemon::start().await;
    let list = list(&daemon, "n").await;
    let create = "profile-suppression-bulk-create-job";
    let subscribe = "profile-subscription-bulk-create-job";
    let unsubscribe = "profile-subscription-bulk-delete-job";
    let many = |count: usize| vec![of_email("a@x.org"); count];
    let reference = |kind: &str| json!({ "data": { "type": kind, "id": list } });
    let related = |document: Value, relationships: Value| {
        let mut document = document;
        document["data"]["relationships"] = relationships;
        document
    };
    let empty = |kind: &str| json!({ "data": { "type": kind, "attributes": {} } });
    const PEOPLE_AT: &str = "/data/attributes/profiles/data";
    for (kind, body, pointer) in [
        (IMPORT, document(create, &many(1)), "/data/type"),
        (IMPORT, document(IMPORT, &[]), PEOPLE_AT),
        (IMPORT, document(IMPORT, &many(10_001)), PEOPLE_AT),
        (IMPORT, empty(IMPORT), "/data/attributes/profiles"),
        (IMPORT, onto(document(IMPORT, &many(1)), &["x"]), "/data/relationships/lists/data/0/id"),
        (create, empty(create), "/data/attributes/profiles"),
        (create, document(create, &many(101)), PEOPLE_AT),
        (
            create,
            document(create, &[of_email("a@x.org"), of_email("nobody")]),
            "/data/attributes/profiles/data/1/attributes/email",
        ),
        (
            create,
            related(document(create, &many(1)), json!({ "list": reference("list") })),
            "/data/attributes/profiles",
        ),
        (
            create,
            related(
                empty(create),
                json!({ "list": reference("list"), "segment": reference("segment") }),
            ),
            "/data/relationships",
        ),
        (
            create,
            related(empty(create), json!({ "list": reference("segment") })),
            "/data/relationships/list/data/type",
        ),
        (subscribe, document(subscribe, &many(1_001)), PEOPLE_AT),
        (
            subscribe,
            document(subscribe, &many(1)),
            "/data/attributes/profiles/data/0/attributes/subscriptions",
        ),
        (unsubscribe, document(unsubscribe, &many(101)), PEOPLE_AT),
    ] {
        let refused = daemon.ask(Ask::post(&format!("/api/{kind}s"), body)).await.refused(400);
        assert_eq!(refused["source"]["pointer"], pointer, "{kind}: {}", refused["detail"]);
    }
    let no_list = onto(document(IMPORT, &many(1)), &["AAAAAA"]);
    let refused = daemon.ask(Ask::post(&format!("/api/{IMPORT}s"), no_list)).await.refused(404);
    assert_eq!(refused["source"]["pointer"], "/data/relationships/lists/data");
    let no_segment = related(
        empty(create),
        json!({ "segment": { "data": { "type": "segment", "id": "AAAAAA" } } }),
    );
    daemon.ask(Ask::post(&format!("/api/{create}s"), no_segment)).await.refused(404);
    let suppression = post(&daemon, create, document(create, &many(1))).await;
    let under_another_kind = suppression.replace(create, IMPORT);
    daemon.ask(Ask::get(&under_another_kind)).await.refused(404);
    daemon.ask(Ask::get(&format!("/api/{IMPORT}s/x"))).await.refused(404);
    assert_eq!(daemon.get(&format!("/api/{IMPORT}s")).await["data"], json!([]));
}
