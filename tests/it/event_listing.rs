//! `GET /api/events`: every filter finds what it says, pages go both ways and stay where they are
//! while events arrive, and what was acknowledged is there at once, indexed or not.

use serde_json::{Value, json};

use crate::harness::{Ask, Daemon, Event, START, ToText as _, bulk};

fn query(pairs: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    format!("/api/events?{}", query.finish())
}

fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().expect("data is a list").iter().map(|one| one["id"].to_text()).collect()
}

/// Twelve events of two metrics about three people, ten seconds apart, and each as it is shown
/// alone; the oldest first.
struct Mixture {
    daemon: Daemon,
    all: Vec<Value>,
}

impl Mixture {
    async fn new() -> Self {
        let daemon = Daemon::start().await;
        let events: Vec<_> = (0..12)
            .map(|number: i64| {
                let metric = if number % 4 == 0 { "Ordered" } else { "Seen" };
                let person = format!("p{}@example.org", number % 3);
                Event::of(metric)
                    .about(json!({ "email": person }))
                    .unique(&number.to_string())
                    .with("time", &format!("\"{}\"", moment(number)))
            })
            .collect();
        daemon.ask(Ask::post("/api/event-bulk-create-jobs", bulk(&events))).await.expect(202);
        let listed = daemon.get("/api/events?sort=datetime").await;
        let all = listed["data"].as_array().expect("data is a list").clone();
        assert_eq!(all.len(), 12, "an event that was acknowledged is listed");
        Self { daemon, all }
    }

    /// Holds a filter against what is to be known of each event, in both orders, both encodings and
    /// pages of several sizes.
    async fn assert_lists(&self, filter: &str, wants: impl Fn(&Value) -> bool) -> usize {
        let wanted = self.all.iter().filter(|event| wants(event));
        let mut expected: Vec<_> = wanted.map(|event| event["id"].to_text()).collect();
        for sort in ["timestamp", "-datetime"] {
            for size in ["1", "5", "1000"] {
                let path = query(&[("filter", filter), ("sort", sort), ("page[size]", size)]);
                assert_eq!(self.walk(&path).await, expected, "{filter}");
                let bare = path.replace("%28", "(").replace("%29", ")").replace("%2C", ",");
                assert_eq!(ids(&self.daemon.get(&bare).await), ids(&self.daemon.get(&path).await));
            }
            expected.reverse();
        }
        expected.len()
    }

    /// All pages, there and back.
    async fn walk(&self, path: &str) -> Vec<String> {
        let (mut forth, mut path) = (Vec::new(), path.to_owned());
        let last = loop {
            let page = self.daemon.get(&path).await;
            forth.push(ids(&page));
            match page["links"]["next"].as_str() {
                Some(next) => path = self.path(next),
                None => break page,
            }
        };
        let (mut back, mut page) = (vec![ids(&last)], last);
        while let Some(prev) = page["links"]["prev"].as_str() {
            page = self.daemon.get(&self.path(prev)).await;
            assert!(page["links"]["next"].is_string(), "there is the page that it came from");
            back.push(ids(&page));
        }
        back.reverse();
        assert_eq!(forth, back);
        forth.into_iter().flatten().collect()
    }

    fn path(&self, link: &str) -> String {
        link.strip_prefix(&self.daemon.base()).expect("links are absolute").to_owned()
    }
}

fn moment(number: i64) -> String {
    let second = 10 * number;
    format!("2026-09-04T10:{:02}:{:02}Z", second / 60, second % 60)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_filter_finds_what_it_says_before_and_after_a_restart() {
    let mut mixture = Mixture::new().await;
    for _ in 0..2 {
        assert_lists_everything(&mixture).await;
        mixture.daemon.restart().await;
    }
}

async fn assert_lists_everything(mixture: &Mixture) {
    let metric = mixture.all[0]["relationships"]["metric"]["data"]["id"].to_text();
    let person = mixture.all[0]["relationships"]["profile"]["data"]["id"].to_text();
    let is_of = |event: &Value| event["relationships"]["metric"]["data"]["id"] == *metric;
    let is_about = |event: &Value| event["relationships"]["profile"]["data"]["id"] == *person;
    let second = |number: i64| {
        let at = mixture.all[0]["attributes"]["timestamp"].as_i64().expect("it is a number");
        at + 10 * number
    };
    let at = |event: &Value| event["attributes"]["timestamp"].as_i64().expect("it is a number");
    let (of, about) =
        (format!("equals(metric_id,\"{metric}\")"), format!("equals(profile_id,'{person}')"));
    let from = format!("greater-or-equal(datetime,{})", moment(3));
    let to = format!("less-than(timestamp,{})", second(8));
    assert_eq!(mixture.assert_lists("", |_| true).await, 12);
    assert_eq!(mixture.assert_lists("has(profile),has(metric)", |_| true).await, 12);
    assert_eq!(mixture.assert_lists(&of, is_of).await, 3);
    assert_eq!(mixture.assert_lists(&about, is_about).await, 4);
    let both = format!("{of},{about}");
    assert_eq!(mixture.assert_lists(&both, |event| is_of(event) && is_about(event)).await, 1);
    let between = |event: &Value| (second(3)..second(8)).contains(&at(event));
    assert_eq!(mixture.assert_lists(&format!("{from},{to}"), between).await, 5);
    let all = format!("{about},{from},{to}");
    let found = mixture.assert_lists(&all, |event| is_about(event) && between(event)).await;
    assert_eq!(found, 2);
    let none = "equals(metric_id,\"NOPE01\")";
    assert_eq!(mixture.assert_lists(none, |_| false).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_stays_where_it_is_while_events_arrive() {
    let mixture = Mixture::new().await;
    let first = mixture.daemon.get("/api/events?page[size]=4").await;
    assert_eq!(first["links"]["prev"], Value::Null);
    let next = mixture.path(&first["links"]["next"].to_text());
    let before = ids(&mixture.daemon.get(&next).await);
    mixture.daemon.event(Event::of("Seen").unique("newer")).await;
    let old = Event::of("Seen").unique("older").with("time", "\"2020-01-01T00:00:00Z\"");
    mixture.daemon.event(old).await;
    let page = mixture.daemon.get(&next).await;
    assert_eq!(ids(&page), before);
    let back = mixture.daemon.get(&mixture.path(&page["links"]["prev"].to_text())).await;
    assert_eq!(ids(&back), ids(&first));
    assert!(back["links"]["prev"].is_string(), "there is a newer one now");
    let newest = mixture.daemon.get("/api/events?page[size]=1").await;
    assert_eq!(newest["data"][0]["attributes"]["timestamp"], START);
    let oldest = mixture.daemon.get("/api/events?page[size]=1&sort=datetime").await;
    assert_eq!(oldest["data"][0]["attributes"]["datetime"], "2020-01-01T00:00:00+00:00");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_and_includes_are_those_asked_for_and_each_stands_once() {
    let mixture = Mixture::new().await;
    let path = "/api/events?include=attributions,metric,profile&fields[event]=timestamp\
                &fields[metric]=name&fields[profile]=email&fields[attribution]=id\
                &additional-fields[profile]=subscriptions,predictive_analytics";
    let page = mixture.daemon.get(path).await;
    let attributes = page["data"][0]["attributes"].as_object().expect("it is an object");
    assert_eq!(attributes.keys().collect::<Vec<_>>(), ["timestamp"]);
    let included = page["included"].as_array().expect("there are some");
    let of = |kind: &str| included.iter().filter(|one| one["type"] == kind).collect::<Vec<_>>();
    let mut names: Vec<_> = of("metric").iter().map(|one| one["attributes"].clone()).collect();
    names.sort_by_key(ToString::to_string);
    assert_eq!(names, [json!({ "name": "Ordered" }), json!({ "name": "Seen" })]);
    let mut people: Vec<_> =
        of("profile").iter().map(|one| one["attributes"]["email"].to_text()).collect();
    people.sort();
    assert_eq!(people, ["p0@example.org", "p1@example.org", "p2@example.org"]);
    assert_eq!(included.len(), 5, "attributions add nothing");
    let bare = mixture.daemon.get("/api/events").await;
    assert_eq!(bare.get("included"), None);
    let event = bare["data"][0]["id"].to_text();
    let profile = format!("/api/events/{event}/profile?additional-fields[profile]=subscriptions");
    assert_eq!(mixture.daemon.get(&profile).await["data"]["type"], "profile");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_known_is_refused_by_name() {
    let daemon = Daemon::start().await;
    for (name, value, told) in [
        ("filter", "equals(metric,\"x\")", "for `metric` there is has"),
        ("filter", "equals(email,\"x\")", "there are metric_id, profile_id"),
        ("filter", "equals(metric_id,\"x\")", "6 letters and digits"),
        ("filter", "greater-than(datetime,soon)", "RFC 3339"),
        ("filter", "nonsense", "operator(field,value)"),
        ("sort", "-datetme", "did you mean `datetime`?"),
        ("page[size]", "1001", "1 to 1000"),
        ("page[cursor]", "eA", "cursor"),
        ("fields[event]", "datetme", "did you mean `datetime`?"),
        ("include", "flows", "there are attributions, metric, profile"),
        ("additional-fields[profile]", "x", "subscriptions"),
        ("page", "1", "is not a parameter here"),
    ] {
        let refused = daemon.ask(Ask::get(&query(&[(name, value)]))).await.refused(400);
        assert_eq!(refused["source"]["parameter"], name);
        let detail = refused["detail"].to_text();
        assert!(detail.contains(told), "{name}={value}: {detail}");
    }
    let key = daemon.make_key(&["metrics:read"]).await;
    daemon.send(Ask::get("/api/events").key(&key)).await.refused(403);
}
