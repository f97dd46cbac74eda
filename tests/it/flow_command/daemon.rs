//! `tidings flow` against a daemon: a flow is kept in a file, changed by it, and looked at.

use serde_json::{Value, json};

use super::{Files, Told, flow};
use crate::harness::{Daemon, Event, Receiver, ToText as _, eventually};

/// A daemon that can render, to which a metric is known.
async fn daemon() -> Daemon {
    let daemon = Daemon::start_with(|config| {
        config.sandbox.program = Some(env!("CARGO_BIN_EXE_tidings").into());
    });
    let daemon = daemon.await;
    daemon.event(Event::of("Ordered").about(json!({ "email": "first@example.org" }))).await;
    daemon
}

async fn ask(daemon: &Daemon, args: &[&str]) -> Told {
    let socket = daemon.socket().display().to_string();
    flow(&[args, &["--socket", &socket]].concat()).await
}

/// A day, then a webhook.
fn document(days: u32, url: &str) -> Value {
    let actions = json!([
        { "temporary_id": "wait", "type": "time-delay", "links": { "next": "tell" },
            "data": { "unit": "days", "value": days } },
        { "temporary_id": "tell", "type": "send-webhook",
            "data": { "message": { "name": "crm", "url": url, "body": "{\"n\": {{ event.n }}}" } } },
    ]);
    json!({ "name": "Welcome", "definition": { "triggers": [{ "type": "metric", "id": "Ordered" }],
        "entry_action_id": "wait", "actions": actions } })
}

/// The one flow there is.
async fn the_flow(daemon: &Daemon) -> Value {
    let flows = daemon.get("/api/flows?additional-fields[flow]=definition").await["data"].clone();
    assert_eq!(flows.as_array().map(Vec::len), Some(1), "{flows}");
    flows[0].clone()
}

fn ids(flow: &Value) -> Vec<String> {
    let actions = flow["attributes"]["definition"]["actions"].as_array().expect("a list");
    actions.iter().map(|action| action["id"].to_text()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_makes_a_flow_and_changes_it() {
    let (daemon, files) = (daemon().await, Files::new());
    let url = "https://crm.example/x";
    let file = files.write_json("f.json", &document(1, url));
    let dry = ask(&daemon, &["apply", &file, "--dry-run"]).await.good();
    assert!(dry.starts_with("Flow \"Welcome\" would be made, draft."), "{dry}");
    assert_eq!(daemon.get("/api/flows").await["data"], json!([]));

    let made = ask(&daemon, &["apply", &file, "--live"]).await;
    assert_eq!(
        (made.status, made.err.as_str()),
        (0, "The secret is not shown again; keep it now.\n")
    );
    let first = the_flow(&daemon).await;
    assert_eq!(first["attributes"]["status"], "live");
    let before = ids(&first);
    assert!(
        made.out.contains(&format!("created  {}  time-delay 1 day", before[0])),
        "{}",
        made.out
    );

    let again = ask(&daemon, &["apply", &file]).await.good();
    assert_eq!(again.matches("kept").count(), 2, "{again}");
    assert!(!again.contains("changed"), "{again}");
    assert_eq!(
        the_flow(&daemon).await["attributes"]["definition"],
        first["attributes"]["definition"]
    );

    let mut longer = document(2, url);
    let split = json!({ "temporary_id": "split", "type": "conditional-split",
        "links": { "next_if_true": "tell", "next_if_false": null },
        "data": { "profile_filter": { "condition_groups": [{ "conditions": [{
            "type": "profile-property", "property": "email",
            "filter": { "type": "existence", "operator": "is-set" } }] }] } } });
    let actions = longer["definition"]["actions"].as_array_mut().expect("a list");
    actions.insert(1, split);
    actions[0]["links"]["next"] = json!("split");
    let file = files.write_json("f.json", &longer);
    let changed = ask(&daemon, &["apply", &file]).await.good();
    let now = the_flow(&daemon).await;
    let after = ids(&now);
    assert_eq!((&after[0], &after[2]), (&before[0], &before[1]), "they are the same actions");
    assert!(changed.contains(&format!("changed  {}  time-delay 2 days", after[0])), "{changed}");
    assert!(changed.contains("(value, next)"), "{changed}");
    assert!(changed.contains(&format!("created  {}  conditional-split email is-set", after[1])));
    assert_eq!(now["attributes"]["definition"]["actions"][2]["data"]["status"], "live");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_shown_can_be_applied() {
    let (daemon, files) = (daemon().await, Files::new());
    let mut document = document(1, "https://crm.example/x");
    document["definition"]["actions"][1]["data"]["message"]["headers"] = json!({ "X-Key": "v" });
    let file = files.write_json("f.json", &document);
    ask(&daemon, &["apply", &file]).await;
    let id = the_flow(&daemon).await["id"].to_text();
    let shown = ask(&daemon, &["show", &id, "--json"]).await.good();
    let file = files.write("shown.json", &shown);
    let told = ask(&daemon, &["apply", &file]).await.good();
    assert_eq!(told.matches("kept").count(), 2, "{told}");
    // As the first of another name, it takes new ids; only a masked value is nobody's.
    let mut other: Value = serde_json::from_str(&shown).expect("it is JSON");
    other["data"]["attributes"]["name"] = json!("Other");
    let file = files.write_json("other.json", &other);
    let refused = ask(&daemon, &["apply", &file]).await;
    let at = "/data/attributes/definition/actions/1/data/message/headers/X-Key";
    assert!(refused.status == 1 && refused.err.contains(at), "{}", refused.err);
    other["data"]["attributes"]["definition"]["actions"][1]["data"]["message"]["headers"] =
        json!({});
    let file = files.write_json("other.json", &other);
    assert_eq!(ask(&daemon, &["apply", &file]).await.status, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_who_wait_are_not_ended_without_a_word() {
    let (daemon, files) = (daemon().await, Files::new());
    let receiver = Receiver::start().await;
    let file = files.write_json("f.json", &document(1, &receiver.url()));
    ask(&daemon, &["apply", &file, "--live"]).await;
    let event = Event::of("Ordered").about(json!({ "email": "ann@example.org" }));
    daemon.event(event.properties(r#"{"n":7}"#)).await;
    let run = eventually("somebody waits", async || {
        let runs = ask(&daemon, &["runs", "--state", "waiting", "--json"]).await.good();
        let runs: Value = serde_json::from_str(&runs).expect("it is JSON");
        runs["data"][0]["id"].as_str().map(str::to_owned)
    })
    .await;
    let flow = the_flow(&daemon).await;
    let (id, actions) = (flow["id"].to_text(), ids(&flow));

    let shown = ask(&daemon, &["show", &id]).await.good();
    assert!(shown.contains(&format!("{} time-delay  1 day  (1 waiting)", actions[0])), "{shown}");
    assert!(shown.contains("trigger        an event \"Ordered\" ("), "{shown}");
    let told = ask(&daemon, &["run", &run]).await.good();
    assert!(told.contains(&format!("{} time-delay  waits until 2026-09-05T13:38:55", actions[0])));

    let preview = ask(&daemon, &["preview", &actions[1]]).await.good();
    assert!(preview.contains("\n> POST /hook HTTP/1.1\n"), "{preview}");
    assert!(preview.contains("{\n  \"n\": 7\n}\n\ncurl -i -X POST "), "{preview}");
    let test = ask(&daemon, &["test", &actions[1]]).await.good();
    assert!(test.contains("\n* connected to 127.0.0.1:"), "{test}");
    assert!(test.contains("\nIt works: answered 200 OK after "), "{test}");

    let mut without = document(1, &receiver.url());
    let list = without["definition"]["actions"].as_array_mut().expect("a list");
    list.remove(0);
    without["definition"]["entry_action_id"] = json!("tell");
    let file = files.write_json("f.json", &without);
    let refused = ask(&daemon, &["apply", &file]).await;
    let told = format!("1 in action {}; --yes does it all the same", actions[0]);
    assert_eq!(refused.status, 2);
    assert!(refused.err.contains(&told), "{}", refused.err);
    assert_eq!(ids(&the_flow(&daemon).await), actions);
    let done = ask(&daemon, &["apply", &file, "--yes"]).await.good();
    let removed = done.lines().find(|line| line.starts_with("removed")).expect("one is");
    assert!(removed.contains(&actions[0]) && removed.ends_with("time-delay 1 day"), "{done}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_names_the_file() {
    let (daemon, files) = (daemon().await, Files::new());
    let mut document = document(1, "https://crm.example/x");
    document["definition"]["actions"][1]["data"]["message"]["body"] = json!("{{ x|nosuch }}");
    let file = files.write_json("f.json", &document);
    let refused = ask(&daemon, &["apply", &file]).await;
    let told = format!("error: {file}: /definition/actions/1/data/message/body: line 1, column");
    assert!(refused.status == 1 && refused.err.starts_with(&told), "{}", refused.err);
    assert_eq!(daemon.get("/api/flows").await["data"], json!([]));
}
