//! Listing people: filters, orders, pages.

use std::time::Duration;

use serde_json::{Value, json};

use super::calls::{change, make};
use crate::harness::{Ask, Daemon, ToText as _};

fn ids(page: &Value) -> Vec<String> {
    let data = page["data"].as_array().expect("data is a list");
    data.iter().map(|one| one["id"].to_text()).collect()
}

pub(super) async fn listed(daemon: &Daemon, query: &str) -> Vec<String> {
    ids(&daemon.get(&format!("/api/profiles?{query}")).await)
}

/// All pages, by the links between them.
pub(super) async fn paged(daemon: &Daemon, query: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut path = format!("/api/profiles?{query}");
    loop {
        let page = daemon.get(&path).await;
        found.extend(ids(&page));
        let Some(next) = page["links"]["next"].as_str() else { return found };
        path = next.strip_prefix(&daemon.base()).expect("links are absolute").to_owned();
    }
}

/// Five people, made a minute apart: with addresses c, none, B, none, a.
async fn five(daemon: &Daemon) -> [String; 5] {
    let mut made = Vec::new();
    for (number, email) in
        [Some("c@x.org"), None, Some("B@x.org"), None, Some("a@x.org")].into_iter().enumerate()
    {
        let attributes = json!({
            "external_id": format!("u{number}"), "phone_number": format!("+150055500{number:02}"),
            "email": email,
        });
        made.push(make(daemon, attributes).await);
        daemon.advance(Duration::from_secs(60));
    }
    made.try_into().expect("five were made")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_listed_in_every_order_and_page_by_page() {
    let daemon = Daemon::start().await;
    let [c, n1, b, n2, a] = &five(&daemon).await;
    change(&daemon, b, json!({ "title": "T" }), json!({})).await;
    for (sort, expected) in [
        ("", [c, n1, b, n2, a]),
        ("sort=id", [c, n1, b, n2, a]),
        ("sort=-id", [a, n2, b, n1, c]),
        ("sort=created", [c, n1, b, n2, a]),
        ("sort=-created", [a, n2, b, n1, c]),
        ("sort=email", [a, b, c, n1, n2]),
        ("sort=-email", [c, b, a, n2, n1]),
        ("sort=updated", [c, n1, n2, a, b]),
        ("sort=-updated", [b, a, n2, n1, c]),
    ] {
        let expected: Vec<_> = expected.into_iter().cloned().collect();
        assert_eq!(listed(&daemon, sort).await, expected, "{sort}");
        assert_eq!(paged(&daemon, &format!("{sort}&page[size]=2")).await, expected, "{sort}");
    }
    let page = daemon.get("/api/profiles?page[size]=5&fields[profile]=email&sort=email").await;
    assert!(page["links"]["next"].is_null(), "five of five");
    assert_eq!(page["data"][0]["attributes"], json!({ "email": "a@x.org" }));
    assert!(page["links"]["self"].to_text().ends_with("sort=email"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_name_people_and_times() {
    let daemon = Daemon::start().await;
    let [c, n1, b, n2, a] = &five(&daemon).await;
    change(&daemon, n1, json!({ "title": "T" }), json!({})).await;
    // Made at 13:38:55 and each minute after; `n1` changed at 13:43:55.
    for (filter, expected) in [
        (format!("equals(id,'{b}')"), &[b][..]),
        (format!("any(id,['{b}','{c}','x'])"), &[c, b]),
        ("equals(email,'b@X.org')".to_owned(), &[b]),
        ("any(email,['a@x.org','c@x.org','nobody@x.org'])".to_owned(), &[c, a]),
        ("equals(phone_number,'%2B15005550003')".to_owned(), &[n2]),
        ("any(external_id,['u0','u1'])".to_owned(), &[c, n1]),
        ("any(external_id,['u0','u1']),equals(email,'c@x.org')".to_owned(), &[c]),
        ("equals(external_id,'u0'),equals(email,'a@x.org')".to_owned(), &[]),
        ("equals(_kx,'u0')".to_owned(), &[]),
        ("greater-than(created,2026-09-04T13:40:55Z)".to_owned(), &[n2, a]),
        ("greater-or-equal(created,2026-09-04T13:40:55Z)".to_owned(), &[b, n2, a]),
        ("less-than(created,2026-09-04T13:39:55Z)".to_owned(), &[c]),
        ("less-or-equal(created,2026-09-04T13:39:55Z)".to_owned(), &[c, n1]),
        ("greater-than(updated,2026-09-04T13:41:55Z)".to_owned(), &[a, n1]),
        (
            "greater-than(updated,2026-09-04T13:41:55Z),less-than(created,2026-09-04T13:41:55Z)"
                .to_owned(),
            &[n1],
        ),
        (
            "greater-than(updated,2026-09-04T13:41:55Z),any(external_id,['u1','u2'])".to_owned(),
            &[n1],
        ),
    ] {
        let expected: Vec<_> = expected.iter().map(|id| (*id).clone()).collect();
        assert_eq!(listed(&daemon, &format!("filter={filter}")).await, expected, "{filter}");
        let one_by_one = paged(&daemon, &format!("filter={filter}&page[size]=1")).await;
        assert_eq!(one_by_one, expected, "{filter}");
    }
    let both = "filter=greater-than(updated,2026-09-04T13:41:55Z)&sort=-email";
    assert_eq!(listed(&daemon, both).await, [a.clone(), n1.clone()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_listing_does_not_know_is_named() {
    let daemon = Daemon::start().await;
    let [..] = five(&daemon).await;
    let page = daemon.get("/api/profiles?page[size]=1").await;
    let next = page["links"]["next"].to_text();
    let (_, cursor) = next.split_once("cursor%5D=").expect("the link has a cursor");
    for (query, parameter) in [
        ("filter=contains(email,'x')", "filter"),
        ("filter=equals(first_name,'x')", "filter"),
        ("filter=greater-than(created,yesterday)", "filter"),
        ("filter=equals(email", "filter"),
        ("sort=first_name", "sort"),
        ("page[size]=0", "page[size]"),
        ("page[size]=101", "page[size]"),
        ("page[cursor]=x", "page[cursor]"),
        (&format!("sort=email&page[cursor]={cursor}"), "page[cursor]"),
        ("include=lists", "include"),
        ("additional-fields[profile]=x", "additional-fields[profile]"),
        ("limit=5", "limit"),
    ] {
        let refused = daemon.ask(Ask::get(&format!("/api/profiles?{query}"))).await.refused(400);
        assert_eq!(refused["source"]["parameter"], parameter, "{query}");
    }
    daemon.get("/api/profiles?include=push-tokens,conversations&fields[push-token]=id").await;
}
