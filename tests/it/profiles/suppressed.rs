//! Listing people by whether, why and since when mail to them is held back.

use std::time::Duration;

use serde_json::{Value, json};

use super::calls::{change, make};
use super::listing::{listed, paged};
use crate::harness::{Ask, Daemon, ToText as _, eventually};

const ALL: &str = "subscriptions.email.marketing.suppression";
const LISTS: &str = "subscriptions.email.marketing.list_suppressions";

/// Posts a job of this kind about one address and waits for its end.
async fn done(daemon: &Daemon, kind: &str, person: Value, list: Option<&str>) {
    let people = json!([{ "type": "profile", "attributes": person }]);
    let mut body = json!({ "data": { "type": kind, "attributes": { "profiles": {
        "data": people } } } });
    if let Some(list) = list {
        let data = json!({ "type": "list", "id": list });
        body["data"]["relationships"] = json!({ "list": { "data": data } });
    }
    let answer = daemon.ask(Ask::post(&format!("/api/{kind}s"), body)).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let id = answer.header("tidings-job-id").expect("the answer names the job").to_owned();
    let path = format!("/api/{kind}s/{id}");
    eventually("the job ends", async || {
        let shown = daemon.get(&path).await["data"]["attributes"].clone();
        (shown["status"] == "complete" && shown["completed_count"] == 1).then_some(())
    })
    .await;
}

async fn suppress(daemon: &Daemon, email: &str) {
    let kind = "profile-suppression-bulk-create-job";
    done(daemon, kind, json!({ "email": email }), None).await;
}

/// Says yes or no to e-mail: to all of it, or to that of one list besides.
async fn say(daemon: &Daemon, email: &str, consent: &str, list: Option<&str>) {
    let marketing = json!({ "marketing": { "consent": consent } });
    let person = json!({ "email": email, "subscriptions": { "email": marketing } });
    let call = if consent == "SUBSCRIBED" { "create" } else { "delete" };
    done(daemon, &format!("profile-subscription-bulk-{call}-job"), person, list).await;
}

/// Unsubscribes from one list: from everything with it, which is taken back.
async fn leave(daemon: &Daemon, email: &str, list: &str) {
    say(daemon, email, "UNSUBSCRIBED", Some(list)).await;
    say(daemon, email, "SUBSCRIBED", None).await;
}

async fn list(daemon: &Daemon, name: &str) -> String {
    let body = json!({ "data": { "type": "list", "attributes": { "name": name } } });
    daemon.ask(Ask::post("/api/lists", body)).await.expect(201)["data"]["id"].to_text()
}

/// Six people and two lists. Held back, each a minute after the one before:
///
/// | at | who | by |
/// |---|---|---|
/// | 13:38:55 | a | the first list, which they left |
/// | 13:39:55 | b | the second list |
/// | 13:40:55 | c | the first list |
/// | 13:41:55 | c | the operator |
/// | 13:42:55 | a | themselves |
/// | 13:43:55 | c | themselves |
/// | 13:44:55 | d | the operator |
///
/// e and f are free; e changes last.
struct World {
    daemon: Daemon,
    people: Vec<(char, String)>,
    lists: [String; 2],
}

impl World {
    async fn new() -> Self {
        let daemon = Daemon::start().await;
        let mut people = Vec::new();
        for name in ['a', 'b', 'c', 'd', 'e', 'f'] {
            let attributes = json!({ "email": format!("{name}@x.org"), "external_id": name });
            people.push((name, make(&daemon, attributes).await));
        }
        // Ids of one moment are in no order.
        people.sort_by(|(_, a), (_, b)| a.cmp(b));
        let lists = [list(&daemon, "one").await, list(&daemon, "two").await];
        let minute = || daemon.advance(Duration::from_secs(60));
        for (email, list) in [("a@x.org", 0), ("b@x.org", 1), ("c@x.org", 0)] {
            leave(&daemon, email, &lists[list]).await;
            minute();
        }
        suppress(&daemon, "c@x.org").await;
        for email in ["a@x.org", "c@x.org"] {
            minute();
            say(&daemon, email, "UNSUBSCRIBED", None).await;
        }
        minute();
        suppress(&daemon, "d@x.org").await;
        minute();
        let world = Self { daemon, people, lists };
        change(&world.daemon, &world.id('e'), json!({ "title": "T" }), json!({})).await;
        world
    }

    fn id(&self, name: char) -> String {
        let found = self.people.iter().find(|(of, _)| *of == name);
        found.expect("they were made").1.clone()
    }

    fn names(&self, ids: &[String]) -> String {
        let name = |id: &String| self.people.iter().find(|(_, of)| of == id);
        ids.iter().map(|id| name(id).expect("they were made").0).collect()
    }

    /// These, in the order of their ids.
    fn by_id(&self, names: &str) -> String {
        self.people.iter().map(|(name, _)| *name).filter(|name| names.contains(*name)).collect()
    }

    /// Who is listed: the same on one page as one by one.
    async fn listed(&self, query: &str) -> String {
        let all = listed(&self.daemon, query).await;
        for size in [1, 2] {
            let one_by_one = paged(&self.daemon, &format!("{query}&page[size]={size}")).await;
            assert_eq!(one_by_one, all, "{query} by {size}");
        }
        self.names(&all)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_held_back_is_found_by_reason_time_and_list() {
    let world = World::new().await;
    let [one, two] = &world.lists;
    for (filter, expected) in [
        // Without a sort, the filter says the order.
        (format!("equals({ALL}.reason,'USER_SUPPRESSED')"), "cd"),
        (format!("equals({ALL}.reason,['UNSUBSCRIBE'])"), "ac"),
        (format!("equals({ALL}.reason,'HARD_BOUNCE')"), ""),
        (format!("equals({ALL}.reason,'UNSUBSCRIBE'),equals({ALL}.reason,'HARD_BOUNCE')"), ""),
        (format!("greater-than({ALL}.timestamp,2026-09-04T13:41:55Z)"), "acd"),
        (format!("greater-or-equal({ALL}.timestamp,2026-09-04T13:43:55Z)"), "cd"),
        (format!("less-than({ALL}.timestamp,2026-09-04T13:43:55Z)"), "ca"),
        (format!("less-or-equal({ALL}.timestamp,2026-09-04T13:41:55Z)"), "c"),
        // One suppression is all of it: c was suppressed by hand before.
        (
            format!(
                "equals({ALL}.reason,'USER_SUPPRESSED'),\
                 greater-than({ALL}.timestamp,2026-09-04T13:43:00Z)"
            ),
            "d",
        ),
        (format!("equals({LISTS}.reason,'UNSUBSCRIBE')"), "abc"),
        (format!("equals({LISTS}.reason,'SPAM_COMPLAINT')"), ""),
        (format!("equals({LISTS}.list_id,'{one}')"), "ac"),
        (format!("equals({LISTS}.list_id,'{two}')"), "b"),
        (format!("equals({LISTS}.list_id,'{one}'),equals({LISTS}.list_id,'{two}')"), ""),
        (format!("equals({LISTS}.list_id,'none')"), ""),
        (format!("greater-than({LISTS}.timestamp,2026-09-04T13:39:55Z)"), "c"),
        (
            format!(
                "equals({LISTS}.list_id,'{one}'),\
                 less-than({LISTS}.timestamp,2026-09-04T13:40:00Z)"
            ),
            "a",
        ),
        // Of both at once.
        (format!("equals({LISTS}.list_id,'{one}'),equals({ALL}.reason,'USER_SUPPRESSED')"), "c"),
    ] {
        assert_eq!(world.listed(&format!("filter={filter}")).await, expected, "{filter}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_held_back_is_listed_in_every_order_and_beside_other_filters() {
    let world = World::new().await;
    let held = format!("filter=greater-than({ALL}.timestamp,2020-01-01T00:00:00Z)");
    for (sort, expected) in [
        (format!("{ALL}.timestamp"), "cad"),
        (format!("-{ALL}.timestamp"), "dca"),
        (format!("{LISTS}.timestamp"), "acd"),
        (format!("-{LISTS}.timestamp"), "cad"),
        ("email".to_owned(), "acd"),
        ("-email".to_owned(), "dca"),
        ("id".to_owned(), &world.by_id("acd")),
    ] {
        let query = format!("{held}&sort={sort}");
        assert_eq!(world.listed(&query).await, expected, "{query}");
    }
    // Sorting hides nobody: who is not held back comes last, by id.
    let reversed = |names: String| names.chars().rev().collect::<String>();
    for (sort, expected) in [
        (format!("{ALL}.timestamp"), format!("cad{}", world.by_id("bef"))),
        (format!("-{ALL}.timestamp"), format!("dca{}", reversed(world.by_id("bef")))),
        (format!("{LISTS}.timestamp"), format!("abc{}", world.by_id("def"))),
        (format!("-{LISTS}.timestamp"), format!("cba{}", reversed(world.by_id("def")))),
    ] {
        assert_eq!(world.listed(&format!("sort={sort}")).await, expected, "{sort}");
    }
    let by_list = format!("sort={LISTS}.timestamp");
    let (a, d) = (world.id('a'), world.id('d'));
    for (filter, expected) in [
        ("any(email,['d@x.org','c@x.org','a@x.org'])".to_owned(), "acd"),
        (format!("any(id,['{a}','{d}']),equals({ALL}.reason,'UNSUBSCRIBE')"), "a"),
        (format!("any(id,['{a}','{d}']),equals({LISTS}.reason,'UNSUBSCRIBE')"), "a"),
        ("greater-than(updated,2026-09-04T13:45:00Z)".to_owned(), "e"),
        ("greater-than(created,2026-09-04T13:38:55Z)".to_owned(), ""),
    ] {
        let query = format!("{by_list}&filter={filter}");
        assert_eq!(world.listed(&query).await, expected, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_held_back_no_more_is_not_found_and_wrong_values_are_named() {
    let world = World::new().await;
    let reason = format!("filter=equals({ALL}.reason,'USER_SUPPRESSED')");
    let lift = "profile-suppression-bulk-delete-job";
    done(&world.daemon, lift, json!({ "email": "c@x.org" }), None).await;
    assert_eq!(world.listed(&reason).await, "d");

    let page = world.daemon.get(&format!("/api/profiles?page[size]=1&sort={ALL}.timestamp")).await;
    let next = page["links"]["next"].to_text();
    let (_, cursor) = next.split_once("cursor%5D=").expect("the link has a cursor");
    for (query, parameter, part) in [
        (
            format!("filter=equals({ALL}.reason,'BOUNCED')"),
            "filter",
            "no reason `BOUNCED`; there are HARD_BOUNCE",
        ),
        (
            format!("filter=any({ALL}.reason,['UNSUBSCRIBE'])"),
            "filter",
            "for `subscriptions.email.marketing.suppression.reason` there is equals",
        ),
        (
            format!("filter=equals({LISTS}.list_id,['{0}','{0}'])", world.lists[0]),
            "filter",
            "takes one value, and its list has 2",
        ),
        (format!("filter=equals({ALL}.list_id,'x')"), "filter", "is not known here"),
        (format!("filter=equals({ALL}.timestamp,2026-09-04T13:38:55Z)"), "filter", "greater-than"),
        (format!("filter=less-than({LISTS}.timestamp,soon)"), "filter", "`soon` is no moment"),
        (format!("sort={ALL}.reason"), "sort", "is not known here"),
        // A cursor is of one order.
        (format!("sort={LISTS}.timestamp&page[cursor]={cursor}"), "page[cursor]", "no"),
        (format!("sort=id&page[cursor]={cursor}"), "page[cursor]", "not a cursor"),
    ] {
        let ask = Ask::get(&format!("/api/profiles?{query}"));
        let refused = world.daemon.ask(ask).await.refused(400);
        assert_eq!(refused["source"]["parameter"], parameter, "{query}");
        let detail = refused["detail"].to_text();
        assert!(detail.contains(part), "{query}: {detail}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_can_be_looked_up_first_are_found_beside_another_order() {
    const HELD: usize = 1_100;
    const FREE: usize = 50;
    let daemon = Daemon::start().await;
    let list = list(&daemon, "held").await;
    let of_list = json!({ "type": "list", "id": list });
    let people = |name: &str, count: usize| -> Vec<Value> {
        let person = |number| json!({ "email": format!("{number:04}{name}@x.org") });
        let person = |number| json!({ "type": "profile", "attributes": person(number) });
        (0..count).map(person).collect()
    };
    const IMPORT: &str = "profile-bulk-import-job";
    const SUPPRESS: &str = "profile-suppression-bulk-create-job";
    let profiles = |data: Vec<Value>| json!({ "profiles": { "data": data } });
    for (kind, attributes, relationships) in [
        (IMPORT, profiles(people("held", HELD)), json!({ "lists": { "data": [of_list] } })),
        (IMPORT, profiles(people("free", FREE)), json!({})),
        (SUPPRESS, json!({}), json!({ "list": { "data": of_list } })),
    ] {
        let body = json!({ "data": {
            "type": kind, "attributes": attributes, "relationships": relationships } });
        let answer = daemon.ask(Ask::post(&format!("/api/{kind}s"), body)).await;
        let path = format!("/api/{kind}s/{}", answer.expect(202)["data"]["id"].to_text());
        eventually("the job ends", async || {
            let shown = daemon.get(&path).await["data"]["attributes"].clone();
            (shown["status"] == "complete").then_some(())
        })
        .await;
    }
    let filter = format!("filter=equals({ALL}.reason,'USER_SUPPRESSED')&page[size]=100");
    let in_order = paged(&daemon, &format!("{filter}&sort=-email")).await;
    assert_eq!(in_order.len(), HELD);
    let all = paged(&daemon, "sort=-email&page[size]=100").await;
    assert_eq!(all.len(), HELD + FREE);
    let are_in_order = in_order.iter().map(|id| all.iter().position(|of| of == id));
    assert!(are_in_order.is_sorted(), "in the order that was asked for");
    let mut by_time = paged(&daemon, &filter).await;
    by_time.sort();
    let mut same = in_order;
    same.sort();
    assert_eq!(by_time, same, "each once, in either order");
}
