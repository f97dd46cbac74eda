//! `tidings flow simulate`: what people would go through, and what would be sent, without a daemon.

use serde_json::{Value, json};

use super::{Files, Told, flow};

/// Two hours; those who bought many are told of, the others by a template that fails for them; then
/// three days.
fn definition() -> Value {
    let many = json!({ "condition_groups": [{ "conditions": [{
        "type": "metric-property", "metric_id": "Placed Order", "field": "items",
        "filter": { "type": "numeric", "operator": "greater-than", "value": 2 } }] }] });
    let webhook = |name: &str, body: &str, next: Value| {
        json!({ "temporary_id": name, "type": "send-webhook", "links": { "next": next }, "data": {
            "status": "draft",
            "message": { "url": "https://crm.example/{{ person.email }}", "body": body,
                "headers": { "X-Key": "of nobody's business" } } } })
    };
    let delay = |name: &str, unit: &str, value: u32, next: Value| {
        json!({ "temporary_id": name, "type": "time-delay", "links": { "next": next },
            "data": { "unit": unit, "value": value } })
    };
    json!({
        "triggers": [{ "type": "metric", "id": "Placed Order" }],
        "entry_action_id": "wait",
        "actions": [
            delay("wait", "hours", 2, json!("many")),
            { "temporary_id": "many", "type": "trigger-split",
                "links": { "next_if_true": "tell", "next_if_false": "fail" },
                "data": { "trigger_filter": many } },
            webhook("tell", r#"{"items": {{ event.items }}}"#, json!("late")),
            webhook("fail", "{{ event.items|divide:person.nothing }}", Value::Null),
            delay("late", "days", 3, Value::Null),
        ],
    })
}

const MANY: &str = r#"{"metric":"Placed Order","profile":{"email":"ada@shop.example"},
  "time":"2026-02-07T10:00:00Z","properties":{"items":3}}"#;
const FEW: &str = r#"{"metric":"Placed Order","profile":{"email":"bob@shop.example"},"time":"2026-02-07T09:30:00Z","properties":{"items":1}}"#;

fn written(files: &Files, events: &str) -> [String; 2] {
    let document = json!({ "name": "Welcome", "definition": definition() });
    [files.write_json("flow.json", &document), files.write("events.jsonl", events)]
}

async fn simulated(events: &str, more: &[&str]) -> Told {
    let files = Files::new();
    let [file, events] = written(&files, events);
    let mut args = vec!["simulate", &file, "--events", &events];
    args.extend(more);
    flow(&args).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_person_is_told_of_with_the_moments_and_the_requests() {
    let told = simulated(MANY, &["--requests"]).await.good();
    let expected = "\
ada@shop.example: finished
  AT                    AFTER     ACTION  WHAT
  2026-02-07 10:00:00Z  +0 s              entered the flow
  2026-02-07 10:00:00Z  +0 s      wait    waits until 2026-02-07T12:00:00+00:00
  2026-02-07 12:00:00Z  +2 h      many    took the branch true: group 1 holds; holds: `items` is 3, greater than 2
  2026-02-07 12:00:00Z  +2 h      tell    would send POST https://crm.example/ada%40shop.example
  2026-02-07 12:00:00Z  +2 h      late    waits until 2026-02-10T12:00:00+00:00
  2026-02-10 12:00:00Z  +3 d 2 h          came to the end

  tell at 2026-02-07T12:00:00+00:00:
    POST https://crm.example/ada%40shop.example
    Content-Type: application/json
    X-Key: *****

    {
      \"items\": 3
    }

1 person, 1 run (1 finished), 1 webhook, 0 failures.
";
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_that_fails_is_told_and_is_a_failure() {
    let told = simulated(&format!("{MANY}\n{FEW}"), &[]).await;
    assert_eq!((told.status, told.err.as_str()), (1, ""));
    let failed = "fail    nothing was sent: line 1, column 15: `divide`: nothing can be divided by";
    assert!(told.out.contains(failed), "{}", told.out);
    let summary = "2 people, 2 runs (2 finished), 1 webhook, 1 failure.\n";
    assert!(told.out.ends_with(summary), "{}", told.out);
    let (bob, ada) = (told.out.find("bob@").unwrap(), told.out.find("ada@").unwrap());
    assert!(bob < ada, "what happened first is told first, whatever the order of the file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_when_it_is_told_to() {
    for (until, state, ended) in [
        ("1h", "waiting", "2026-02-07T11:00:00.000000+00:00"),
        ("2026-02-08T00:00:00Z", "waiting", "2026-02-08T00:00:00.000000+00:00"),
        ("7d", "finished", "2026-02-14T10:00:00.000000+00:00"),
    ] {
        let told = simulated(MANY, &["--until", until, "--json"]).await.good();
        let told: Value = serde_json::from_str(&told).expect("it is JSON");
        assert_eq!(told["runs"][0]["state"], state, "{until}");
        let summary = &told["summary"];
        assert_eq!(summary["ended_at"], ended, "{until}");
        assert_eq!(summary["is_cut"], state == "waiting", "{until}");
    }
    let told = simulated(MANY, &["--until", "1h"]).await.good();
    let cut = "1 person, 1 run (0 finished, 1 under way), 0 webhooks, 0 failures.\n\
               It was cut off at 2026-02-07T11:00:00+00:00, when runs were still under way.\n";
    assert!(told.ends_with(cut), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_get_everything() {
    let told = simulated(MANY, &["--json"]).await.good();
    let told: Value = serde_json::from_str(&told).expect("it is JSON");
    let run = &told["runs"][0];
    let request = &run["requests"][0];
    assert_eq!(request["body"], r#"{"items": 3}"#);
    assert_eq!((&request["method"], &request["action_id"]), (&json!("POST"), &json!("tell")));
    let secret = json!({ "name": "X-Key", "value": "*****" });
    assert!(request["headers"].as_array().expect("a list").contains(&secret), "{request}");
    assert_eq!(run["timeline"][3]["delivery_id"], request["delivery_id"]);
    assert_eq!(told["summary"]["webhooks"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_zone_decides_where_a_person_has_none() {
    let files = Files::new();
    let wait = json!({ "temporary_id": "w", "type": "time-delay",
        "data": { "unit": "minutes", "value": 0, "delay_until_time": "09:00" } });
    let definition = json!({ "triggers": [{ "type": "metric", "id": "Placed Order" }],
        "entry_action_id": "w", "actions": [wait] });
    let file = files.write_json("f.json", &json!({ "name": "f", "definition": definition }));
    let events = files.write("e.jsonl", MANY);
    for (zone, at) in [("UTC", "2026-02-08T09:00:00"), ("America/New_York", "2026-02-07T14:00:00")]
    {
        let args = ["simulate", &file, "--events", &events, "--timezone", zone, "--json"];
        let told: Value = serde_json::from_str(&flow(&args).await.good()).expect("it is JSON");
        let ended = told["summary"]["ended_at"].as_str().expect("a text").to_owned();
        assert!(ended.starts_with(at), "{zone}: {ended}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_metric_can_be_named_by_an_id_of_elsewhere() {
    let files = Files::new();
    let exported = json!({ "name": "Welcome", "definition": definition() });
    let exported = exported.to_string().replace("\"Placed Order\"", "\"SkDfHe\"");
    let (file, events) = (files.write("f.json", &exported), files.write("e.jsonl", MANY));
    let args = ["simulate", &file, "--events", &events];
    let refused = flow(&args).await;
    assert_eq!(refused.status, 1);
    let at = "f.json: /definition/triggers/0/id: there is no metric";
    assert!(refused.err.contains(at), "{}", refused.err);
    let told = flow(&[&args[..], &["--metric", "SkDfHe=Placed Order"]].concat()).await.good();
    assert!(told.contains("tell    would send POST"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_told_with_its_file_and_place() {
    let broken = definition().to_string().replace("event.items }}", "event.items|nosuch }}");
    let files = Files::new();
    let flow_of = |definition: &str| format!(r#"{{"name":"f","definition":{definition}}}"#);
    let good = flow_of(&definition().to_string());
    let unknown_person = r#"{"data":{"type":"event","attributes":{"properties":{},
        "metric":{"data":{"type":"metric","attributes":{"name":"Placed Order"}}},
        "profile":{"data":{"type":"profile","id":"01HF7AYTK76RHR4F17G6DGTRGF"}}}}}"#;
    for (definition, events, told) in [
        (
            flow_of(&broken),
            MANY.to_owned(),
            "f.json: /definition/actions/2/data/message/body: line 1",
        ),
        (flow_of("{}"), MANY.to_owned(), "f.json: /definition/triggers"),
        (good.clone(), format!("{FEW}\n\n{{\"metric\":5}}"), "e.jsonl:3: /profile: `profile` is"),
        (good.clone(), format!("{FEW}\n{{"), "e.jsonl:2: this is not JSON"),
        (
            good,
            format!("{FEW}\n{unknown_person}"),
            "e.jsonl:2: /data/attributes/profile/data/id: no profile 01HF7AYTK76RHR4F17G6DGTRGF",
        ),
    ] {
        let (file, events) = (files.write("f.json", &definition), files.write("e.jsonl", &events));
        let refused = flow(&["simulate", &file, "--events", &events]).await;
        assert_eq!((refused.status, refused.out.as_str()), (1, ""), "{told}");
        assert!(
            refused.err.starts_with("error: ") && refused.err.contains(told),
            "{}",
            refused.err
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dates_come_in_their_time() {
    let files = Files::new();
    let wait = json!({ "temporary_id": "w", "type": "time-delay",
        "data": { "unit": "hours", "value": 1 } });
    let trigger = json!({ "type": "date", "date_field_type": "profile-property",
        "date_profile_property": "birthday", "timedelta_unit_before_date": "days",
        "timedelta_value_before_date": 7, "recurrence_frequency": "annually",
        "trigger_time": "09:00:00" });
    let definition = json!({ "triggers": [trigger], "entry_action_id": "w", "actions": [wait] });
    let file = files.write_json("f.json", &json!({ "name": "f", "definition": definition }));
    let events = files.write(
        "e.jsonl",
        r#"{"metric":"Seen","profile":{"email":"a@b.example","properties":{"birthday":"1990-06-20"}},
            "time":"2026-02-07T10:00:00Z"}"#,
    );
    let args = ["simulate", &file, "--events", &events];
    let told = flow(&args).await.good();
    assert!(told.contains("2026-06-13 09:00:00Z  +0 s           entered the flow"), "{told}");
    assert!(told.ends_with("1 person, 1 run (1 finished), 0 webhooks, 0 failures.\n"), "{told}");
    let told = flow(&[&args[..], &["--until", "2030-01-01T00:00:00Z", "--json"]].concat()).await;
    let told: Value = serde_json::from_str(&told.good()).expect("it is JSON");
    assert_eq!(told["summary"]["runs"], 4, "each year");
}
