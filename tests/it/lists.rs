//! Lists and their members, from outside: every call, every refusal, and what is told of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Answer, Ask, Daemon, Event, Receiver, ToText as _};

/// The body of `POST /api/lists`.
fn named(name: &str) -> Value {
    json!({ "data": { "type": "list", "attributes": { "name": name } } })
}

async fn list(daemon: &Daemon, name: &str) -> String {
    let made = daemon.ask(Ask::post("/api/lists", named(name))).await;
    made.expect(201)["data"]["id"].to_text()
}

/// Makes a person by an event and returns their id.
async fn person(daemon: &Daemon, email: &str) -> String {
    daemon.event(Event::of("Seen").about(json!({ "email": email })).unique(email)).await;
    let newest = daemon.deliveries("").await.into_iter().next().expect("somebody listens");
    let event = newest["relationships"]["event"]["data"]["id"].to_text();
    daemon.get(&format!("/api/events/{event}/profile")).await["data"]["id"].to_text()
}

fn members(ids: &[&str]) -> Value {
    let data: Vec<_> = ids.iter().map(|id| json!({ "type": "profile", "id": id })).collect();
    json!({ "data": data })
}

async fn add(daemon: &Daemon, list: &str, ids: &[&str]) -> Answer {
    let path = format!("/api/lists/{list}/relationships/profiles");
    daemon.ask(Ask::post(&path, members(ids))).await
}

async fn remove(daemon: &Daemon, list: &str, ids: &[&str]) -> Answer {
    let path = format!("/api/lists/{list}/relationships/profiles");
    daemon.ask(Ask::delete(&path).json(members(ids))).await
}

/// The ids of what a listing shows.
fn ids(document: &Value) -> Vec<String> {
    let data = document["data"].as_array().expect("data is a list");
    data.iter().map(|one| one["id"].to_text()).collect()
}

/// A daemon and a receiver of an event that everybody is made by.
async fn daemon() -> (Daemon, Receiver) {
    let (daemon, receiver) = (Daemon::start().await, Receiver::start().await);
    daemon.webhook(&receiver.url(), &["event:api.seen"]).await;
    (daemon, receiver)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_made_read_changed_and_deleted() {
    let daemon = Daemon::start().await;
    let made = daemon.ask(Ask::post("/api/lists", named("Newsletter"))).await.expect(201);
    let shown = &made["data"]["attributes"];
    assert_eq!(shown["name"], "Newsletter");
    assert_eq!(shown["opt_in_process"], "single_opt_in");
    assert_eq!(shown["created"], "2026-09-04T13:38:55+00:00");
    assert!(shown.get("profile_count").is_none(), "only where it is asked for");
    let id = made["data"]["id"].to_text();
    let path = format!("/api/lists/{id}");
    let related = made["data"]["relationships"]["profiles"]["links"]["related"].to_text();
    assert_eq!(related, format!("{}{path}/profiles/", daemon.base()));

    daemon.advance(Duration::from_secs(60));
    let attributes = json!({ "name": "Letter", "opt_in_process": "double_opt_in" });
    let patch = json!({ "data": { "type": "list", "id": id, "attributes": attributes } });
    let changed = daemon.ask(Ask::patch(&path, patch)).await.expect(200);
    assert_eq!(changed["data"]["attributes"]["name"], "Letter");
    assert_eq!(changed["data"]["attributes"]["updated"], "2026-09-04T13:39:55+00:00");
    let counted = daemon.get(&format!("{path}?additional-fields[list]=profile_count")).await;
    assert_eq!(counted["data"]["attributes"]["profile_count"], 0);
    let narrow = daemon.get(&format!("{path}?fields[list]=name&include=tags,flow-triggers")).await;
    assert_eq!(narrow["data"]["attributes"], json!({ "name": "Letter" }));

    assert_eq!(daemon.ask(Ask::delete(&path)).await.status, 204);
    for gone in [Ask::get(&path), Ask::delete(&path), Ask::get(&format!("{path}/profiles"))] {
        daemon.ask(gone).await.refused(404);
    }
    assert_eq!(ids(&daemon.get("/api/lists").await), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_filtered_sorted_and_paged() {
    let daemon = Daemon::start().await;
    let mut made = Vec::new();
    for name in ["c", "a", "b"] {
        made.push(list(&daemon, name).await);
        daemon.advance(Duration::from_secs(1));
    }
    let (c, a, b) = (&made[0], &made[1], &made[2]);
    for (query, expected) in [
        ("", vec![c, a, b]),
        ("sort=-created", vec![b, a, c]),
        ("sort=name", vec![a, b, c]),
        ("sort=-name", vec![c, b, a]),
        ("sort=updated", vec![c, a, b]),
        ("filter=equals(name,\"b\")", vec![b]),
        ("filter=equals(name,['b'])", vec![b]),
        ("filter=any(name,[\"b\",\"c\",\"d\"])&sort=name", vec![b, c]),
        ("filter=greater-than(created,2026-09-04T13:38:55Z)", vec![a, b]),
        ("filter=greater-than(updated,2026-09-04T13:38:56Z)", vec![b]),
    ] {
        let expected: Vec<&String> = expected;
        let path = format!("/api/lists?{query}");
        let answer = daemon.ask(Ask::get(&path.replace('"', "%22"))).await;
        let found = ids(&answer.expect(200));
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    let by_id = daemon.get(&format!("/api/lists?filter=any(id,[%22{a}%22,%22{b}%22])")).await;
    assert_eq!(ids(&by_id).len(), 2);

    let mut seen = Vec::new();
    let mut path = "/api/lists?sort=-name&page[size]=2".to_owned();
    loop {
        let page = daemon.get(&path).await;
        seen.extend(ids(&page));
        let Some(next) = page["links"]["next"].as_str() else { break };
        path = next.strip_prefix(&daemon.base()).expect("it is ours").to_owned();
    }
    assert_eq!(seen.iter().collect::<Vec<_>>(), [c, b, a]);
    for (query, parameter) in [
        ("page[size]=11", "page[size]"),
        ("sort=size", "sort"),
        ("filter=equals(size,1)", "filter"),
        ("filter=equals(name,['a','b'])", "filter"),
        ("filter=equals(name,[])", "filter"),
        ("filter=contains(name,%22a%22)", "filter"),
        ("fields[list]=size", "fields[list]"),
        ("include=members", "include"),
        ("page[cursor]=eA", "page[cursor]"),
        ("colour=red", "colour"),
    ] {
        let refused = daemon.ask(Ask::get(&format!("/api/lists?{query}"))).await.refused(400);
        assert_eq!(refused["source"]["parameter"], parameter, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_join_and_leave_and_it_is_told() {
    let (daemon, _receiver) = daemon().await;
    let told = Receiver::start().await;
    let topics = ["event:klaviyo.subscribed_to_list", "event:klaviyo.unsubscribed_from_list"];
    daemon.webhook(&told.url(), &topics).await;
    let list = list(&daemon, "Newsletter").await;
    let (ann, bob) = (person(&daemon, "ann@x.org").await, person(&daemon, "bob@x.org").await);

    let unknown = "01GDDKASAP8TKDDA2GRZDSVP4H";
    let refused = add(&daemon, &list, &[&ann, unknown]).await.refused(404);
    assert_eq!(refused["source"]["pointer"], "/data/1/id");
    let path = format!("/api/lists/{list}/profiles");
    assert_eq!(ids(&daemon.get(&path).await).len(), 0, "all or none");

    assert_eq!(add(&daemon, &list, &[&ann]).await.status, 204);
    daemon.advance(Duration::from_secs(60));
    assert_eq!(add(&daemon, &list, &[&bob, &ann, &bob]).await.status, 204);
    let page = daemon.get(&path).await;
    assert_eq!(ids(&page), [ann.clone(), bob.clone()], "who was on it stays since when they were");
    let shown = &page["data"][0]["attributes"];
    assert_eq!(shown["joined_group_at"], "2026-09-04T13:38:55+00:00");
    assert_eq!(shown["email"], "ann@x.org");
    let counted = format!("/api/lists/{list}?additional-fields[list]=profile_count");
    assert_eq!(daemon.get(&counted).await["data"]["attributes"]["profile_count"], 2);
    assert_eq!(ids(&daemon.get(&format!("/api/profiles/{bob}/lists")).await), vec![list.clone()]);
    let related = daemon.get(&format!("/api/profiles/{bob}/relationships/lists")).await;
    assert_eq!(related["data"], json!([{ "type": "list", "id": list }]));

    assert_eq!(remove(&daemon, &list, &[&ann]).await.status, 204);
    assert_eq!(remove(&daemon, &list, &[&ann]).await.status, 204, "once is enough");
    let ids_only = daemon.get(&format!("/api/lists/{list}/relationships/profiles")).await;
    assert_eq!(ids_only["data"], json!([{ "type": "profile", "id": bob }]));

    let mut seen = Vec::new();
    for delivery in told.received(3).await {
        let data = delivery.json()["data"][0].clone();
        let properties = &data["payload"]["data"]["attributes"]["event_properties"];
        assert_eq!(properties["List"], "Newsletter");
        assert_eq!(properties["list_id"], list.as_str());
        let of = &data["payload"]["data"]["relationships"]["profile"]["data"]["id"];
        seen.push((data["topic"].to_text(), of.to_text()));
    }
    seen.sort();
    let expected = [
        (topics[0].to_owned(), ann.clone()),
        (topics[0].to_owned(), bob.clone()),
        (topics[1].to_owned(), ann.clone()),
    ];
    let mut expected = expected.to_vec();
    expected.sort();
    assert_eq!(seen, expected);
    daemon.settled(0, "scheduled").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_are_filtered_sorted_and_paged() {
    let (daemon, _receiver) = daemon().await;
    let list = list(&daemon, "n").await;
    let mut people = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let id = person(&daemon, &format!("{name}@x.org")).await;
        add(&daemon, &list, &[&id]).await.expect(204);
        people.push(id);
        daemon.advance(Duration::from_secs(10));
    }
    let stranger = person(&daemon, "e@x.org").await;
    let wanted = |places: &[usize]| -> Vec<String> {
        places.iter().map(|place| people[*place].clone()).collect()
    };
    for (query, places) in [
        ("", &[0, 1, 2, 3][..]),
        ("sort=joined_group_at", &[0, 1, 2, 3]),
        ("sort=-joined_group_at", &[3, 2, 1, 0]),
        ("filter=equals(email,%22B@x.org%22)", &[1]),
        ("filter=equals(email,['B@x.org'])", &[1]),
        ("filter=any(email,[%22d@x.org%22,%22a@x.org%22,%22e@x.org%22])", &[0, 3]),
        ("sort=-joined_group_at&filter=any(email,[%22d@x.org%22,%22a@x.org%22])", &[3, 0]),
        ("filter=equals(phone_number,%22%2B15005550006%22)", &[]),
        ("filter=equals(push_token,%22x%22)", &[]),
        ("filter=equals(_kx,%22x%22)", &[]),
        ("filter=greater-than(joined_group_at,2026-09-04T13:38:55Z)", &[1, 2, 3]),
        ("filter=greater-or-equal(joined_group_at,2026-09-04T13:39:05Z)", &[1, 2, 3]),
        (
            "filter=greater-than(joined_group_at,2026-09-04T13:38:55Z),\
             less-than(joined_group_at,2026-09-04T13:39:25Z)",
            &[1, 2],
        ),
        ("filter=less-or-equal(joined_group_at,2026-09-04T13:38:55Z)", &[0]),
        (
            "filter=equals(email,%22a@x.org%22),greater-than(joined_group_at,2026-09-04T13:39:00Z)",
            &[],
        ),
    ] {
        for (kind, size) in [("profiles", 100), ("relationships/profiles", 1)] {
            let mut seen = Vec::new();
            let mut path = format!("/api/lists/{list}/{kind}?page[size]={size}&{query}");
            loop {
                let page = daemon.get(path.trim_end_matches('&')).await;
                seen.extend(ids(&page));
                let Some(next) = page["links"]["next"].as_str() else { break };
                path = next.strip_prefix(&daemon.base()).expect("it is ours").to_owned();
            }
            assert_eq!(seen, wanted(places), "{kind} {query}");
        }
    }
    let path = format!("/api/lists/{list}/profiles?additional-fields[profile]=subscriptions");
    let with = daemon.get(&format!("{path}&fields[profile]=email,joined_group_at")).await;
    let shown = &with["data"][0]["attributes"];
    assert_eq!(shown["subscriptions"]["email"]["marketing"]["consent"], "NEVER_SUBSCRIBED");
    assert!(shown.get("created").is_none() && shown["joined_group_at"].is_string());
    assert!(!ids(&with).contains(&stranger));
    for (query, parameter) in [
        ("sort=email", "sort"),
        ("filter=equals(first_name,%22a%22)", "filter"),
        ("filter=equals(joined_group_at,2026-09-04T13:38:55Z)", "filter"),
        ("filter=greater-than(joined_group_at,%22soon%22)", "filter"),
        ("page[size]=101", "page[size]"),
        ("page[cursor]=eA", "page[cursor]"),
        ("fields[profile]=age", "fields[profile]"),
    ] {
        let path = format!("/api/lists/{list}/profiles?{query}");
        let refused = daemon.ask(Ask::get(&path)).await.refused(400);
        assert_eq!(refused["source"]["parameter"], parameter, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_lists_and_members_are_refused() {
    let (daemon, _receiver) = daemon().await;
    let id = list(&daemon, "n").await;
    let path = format!("/api/lists/{id}");
    let members_path = format!("{path}/relationships/profiles");
    let typed = |kind: &str| json!({ "data": { "type": kind, "attributes": { "name": "n" } } });
    for (ask, pointer) in [
        (Ask::post("/api/lists", typed("segment")), "/data/type"),
        (Ask::post("/api/lists", named("")), "/data/attributes/name"),
        (Ask::post("/api/lists", json!({ "data": { "type": "list" } })), "/data/attributes"),
        (
            Ask::patch(
                &path,
                json!({ "data": { "type": "list", "id": "AAAAAA", "attributes": {} } }),
            ),
            "/data/id",
        ),
        (Ask::post(&members_path, json!({ "data": [] })), "/data"),
        (Ask::post(&members_path, members(&["nobody"])), "/data/0/id"),
        (
            Ask::delete(&members_path).json(json!({ "data": [{ "type": "list", "id": id }] })),
            "/data/0/type",
        ),
    ] {
        let refused = daemon.ask(ask.clone()).await.refused(400);
        assert_eq!(refused["source"]["pointer"], pointer, "{ask:?}");
    }
    let nobody = members(&["01GDDKASAP8TKDDA2GRZDSVP4H"]);
    for ask in [
        Ask::get("/api/lists/AAAAAA"),
        Ask::get("/api/lists/not-an-id"),
        Ask::delete("/api/lists/AAAAAA"),
        Ask::post("/api/lists/AAAAAA/relationships/profiles", nobody.clone()),
        Ask::delete(&members_path).json(nobody),
        Ask::get("/api/lists/AAAAAA/relationships/profiles"),
        Ask::get("/api/profiles/01GDDKASAP8TKDDA2GRZDSVP4H/lists"),
    ] {
        daemon.ask(ask).await.refused(404);
    }
    let reader = daemon.make_key(&["lists:read"]).await;
    daemon.send(Ask::post("/api/lists", named("n")).key(&reader)).await.refused(403);
    daemon.send(Ask::get(&path).key(&reader)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_list_lets_its_members_go_also_after_a_restart() {
    let (mut daemon, _receiver) = daemon().await;
    let (gone, kept) = (list(&daemon, "gone").await, list(&daemon, "kept").await);
    let ann = person(&daemon, "ann@x.org").await;
    for list in [&gone, &kept] {
        add(&daemon, list, &[&ann]).await.expect(204);
    }
    assert_eq!(daemon.ask(Ask::delete(&format!("/api/lists/{gone}"))).await.status, 204);
    daemon.restart().await;
    let path = format!("/api/profiles/{ann}/lists");
    assert_eq!(ids(&daemon.get(&path).await), vec![kept.clone()]);
    let page = daemon.get(&format!("/api/lists/{kept}/profiles")).await;
    assert_eq!(ids(&page), [ann], "the members of another list stay");
    daemon.ask(Ask::get(&format!("/api/lists/{gone}/profiles"))).await.refused(404);
}
