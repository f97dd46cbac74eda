//! `tidings delivery` against a fake daemon.

use super::*;
use crate::cli::client::fake::{FakeDaemon, parsed};

const ID: &str = "01M1PAC5N9PMXJ7672AC8B75VN";

fn action(line: &[&str]) -> Action {
    parsed::<DeliveryArgs>(line).unwrap().action
}

#[tokio::test]
async fn a_list_is_filtered_by_the_daemon() {
    let page = r#"{"data":[{"type":"delivery","id":"01M1PAC5N9PMXJ7672AC8B75VN","attributes":{
        "state":"scheduled","source":"event","destination":"https://h.example/x",
        "created_at":"2026-04-13T22:50:12+00:00","due_at":"2026-04-13T22:55:12+00:00",
        "finished_at":null,"attempt_count":2,"last_status":null,"last_error":"timeout"}}],
        "links":{"self":"s","next":null,"prev":null}}"#;
    let daemon = FakeDaemon::answering(&[(200, page)]);
    let line = ["d", "list", "--state=scheduled", "--webhook", ID, "--event=7qWkC6JPz7g"];
    let told = perform(&daemon.session(), action(&line)).await.unwrap();
    let expected = "\
        ID                          STATE      SOURCE  ATTEMPTS  LAST     CREATED               DUE                   DESTINATION\n\
        01M1PAC5N9PMXJ7672AC8B75VN  scheduled  event   2         timeout  2026-04-13 22:50:12Z  2026-04-13 22:55:12Z  https://h.example/x\n";
    assert_eq!(told.output, expected);
    assert!(told.notes.is_empty());
    let filter = format!(
        "equals%28state%2C%22scheduled%22%29%2Cequals%28webhook_id%2C%22{ID}%22%29%2C\
         equals%28event_id%2C%227qWkC6JPz7g%22%29"
    );
    let expected = format!("GET /api/deliveries?filter={filter}&page%5Bsize%5D=20");
    assert_eq!(daemon.requests(), [expected]);
}

/// A page with this many deliveries, and where to go on.
fn page(deliveries: usize, next: Option<&str>) -> String {
    let one = serde_json::json!({ "type": "delivery", "id": ID, "attributes": {
        "state": "cancelled", "source": "event", "destination": null, "due_at": null,
        "created_at": "2026-04-13T22:50:12+00:00", "finished_at": null, "attempt_count": 0,
        "last_status": null, "last_error": null } });
    let links = serde_json::json!({ "self": "s", "next": next, "prev": null });
    serde_json::json!({ "data": vec![one; deliveries], "links": links }).to_string()
}

#[tokio::test]
async fn pages_are_asked_for_until_there_are_enough() {
    let next = Some("http://h/base/api/deliveries?page%5Bsize%5D=9&page%5Bcursor%5D=Q3Vy-c29y");
    let (full, short) = (page(100, next), page(0, next));
    let daemon = FakeDaemon::answering(&[(200, &full), (200, &short), (200, &page(50, next))]);
    let told = perform(&daemon.session(), action(&["d", "list", "--limit=150"])).await.unwrap();
    assert_eq!(told.output.lines().count(), 151);
    assert_eq!(told.notes, ["There may be more; a greater --limit shows them."]);
    let expected = [
        "GET /api/deliveries?page%5Bsize%5D=100",
        "GET /api/deliveries?page%5Bsize%5D=50&page%5Bcursor%5D=Q3Vy-c29y",
        "GET /api/deliveries?page%5Bsize%5D=50&page%5Bcursor%5D=Q3Vy-c29y",
    ];
    assert_eq!(daemon.requests(), expected);
}

#[tokio::test]
async fn the_document_of_a_list_has_all_its_pages() {
    let next = Some("http://h/api/deliveries?page%5Bcursor%5D=Q3Vy");
    let daemon = FakeDaemon::answering(&[(200, &page(1, next)), (200, &page(2, None))]);
    let told = perform(&daemon.json_session(), action(&["d", "list"])).await.unwrap();
    assert_eq!(told.output, page(3, None) + "\n");
    assert!(told.notes.is_empty());
}

const ONE: &str = r#"{"data":{"type":"delivery","id":"01M1PAC5N9PMXJ7672AC8B75VN","attributes":{
    "state":"scheduled","source":"event","destination":"https://h.example/x",
    "created_at":"2026-04-13T22:50:12+00:00","due_at":"2026-04-13T22:55:12+00:00",
    "finished_at":null,"attempt_count":2,"last_status":null,"last_error":"timeout",
    "summary":"waits for its 3rd attempt","resent_at":null,
    "attempts":[
      {"at":"2026-04-13T22:50:12+00:00","duration_ms":12.34,"status":503,"error":null,
       "summary":"answered 503","phases":{"queue_ms":0.1,"dns_ms":1.5,"connect_ms":2.0,
       "tls_ms":null,"first_byte_ms":12.0},"remote_address":"192.0.2.1:443","tls_version":null,
       "response_headers":"retry-after: 5\nx: \u001b[2J\n","response_excerpt":"try\nlater\u001b[2J"},
      {"at":"2026-04-13T22:50:17+00:00","duration_ms":15000.0,"status":null,
       "error":{"kind":"timeout","detail":"no answer within 15 s"},"response_excerpt":""}],
    "request":{"method":"POST","url":"https://h.example/x","headers":[{"name":"x","value":"y"}],
      "is_exact":false,"sent_at":"2026-04-13T22:50:12+00:00","body":"{}","curl":"curl -i\n  -X"}},
    "relationships":{"webhook":{"data":{"type":"webhook","id":"01HF7AYTK76RHR4F17G6DGTRGF"}},
      "events":{"data":[{"type":"event","id":"7qWkC6JPz7g"}]},"profile":{"data":null}}}}"#;

#[tokio::test]
async fn one_delivery_shows_every_attempt() {
    let daemon = FakeDaemon::answering(&[(200, ONE), (200, ONE)]);
    let told = perform(&daemon.session(), action(&["d", "show", ID])).await.unwrap();
    let expected = "\
        id           01M1PAC5N9PMXJ7672AC8B75VN\n\
        state        scheduled\n\
        stands       waits for its 3rd attempt\n\
        source       event\n\
        webhook      01HF7AYTK76RHR4F17G6DGTRGF\n\
        events       7qWkC6JPz7g\n\
        profile      -\n\
        destination  https://h.example/x\n\
        created      2026-04-13 22:50:12Z\n\
        next due     2026-04-13 22:55:12Z (in 5 min)\n\
        finished     -\n\
        \n\
        ATTEMPT  AT                    RESULT   QUEUE   DNS     CONNECT  TLS  FIRST BYTE  TOTAL    REMOTE         TLS VERSION\n\
        1        2026-04-13 22:50:12Z  503      0.1 ms  1.5 ms  2.0 ms   -    12.0 ms     12.3 ms  192.0.2.1:443  -\n\
        2        2026-04-13 22:50:17Z  timeout  -       -       -        -    -           15.00 s  -              -\n\
        \n\
        Attempt 1: answered 503\n  < retry-after: 5\n  < x: \\u{1b}[2J\n  | try\n  | later\\u{1b}[2J\n\
        \n\
        Attempt 2: no answer within 15 s\n";
    assert_eq!(told.output, expected);
    let told = perform(&daemon.session(), action(&["d", "show", ID, "--request"])).await.unwrap();
    let request = "\n\
        What the last attempt would send now; its webhook changed since (signatures are made anew):\n\
        \n\
        POST https://h.example/x\nx: y\n\n{}\n";
    assert_eq!(told.output, format!("{expected}{request}"));
    let path = format!("GET /api/deliveries/{ID}");
    let with_request = format!("{path}?additional-fields%5Bdelivery%5D=request");
    assert_eq!(daemon.requests(), [path, with_request]);
}

#[tokio::test]
async fn what_a_flow_sends_is_shown_by_its_action() {
    let of_webhook = r#""webhook":{"data":{"type":"webhook","id":"01HF7AYTK76RHR4F17G6DGTRGF"}}"#;
    let of_flow = format!(
        r#""flow-action":{{"data":{{"type":"flow-action","id":"123"}}}},"flow":{{"data":null}},
        "flow-run":{{"data":{{"type":"flow-run","id":"{ID}"}}}}"#
    );
    let shown = ONE.replace(of_webhook, &of_flow).replace("7qWkC6JPz7g", "");
    let shown = shown.replace(r#"{"type":"event","id":""}"#, "");
    let daemon = FakeDaemon::answering(&[(200, &shown)]);
    let told = perform(&daemon.session(), action(&["d", "show", ID])).await.unwrap();
    let expected = format!(
        "sender       flow action 123\nflow         -\nflow run     {ID}\nevents       -\n"
    );
    assert!(told.output.contains(&expected), "{}", told.output);
    assert!(!told.output.contains("webhook"));

    let attempt = serde_json::json!({ "type": "delivery-attempt", "id": "1", "attributes": {
        "at": "2026-04-13T22:50:12.101159+00:00", "duration_ms": 0, "status": null,
        "error": "template", "summary": "nothing was sent: no", "state": "parked",
        "due_at": null }, "relationships": {
        "delivery": { "data": { "type": "delivery", "id": ID } },
        "flow-action": { "data": { "type": "flow-action", "id": "123" } } } });
    let page = serde_json::json!({ "data": [attempt], "meta": { "last": 1, "missed": 0 } });
    let daemon = FakeDaemon::answering(&[(200, &page.to_string())]);
    let Action::Tail(all) = action(&["d", "tail"]) else { panic!("it is tail") };
    let look = tail::look(&daemon.session(), &all, None).await.unwrap();
    assert!(look.lines[0].contains(&format!("{ID}  flow action 123  parked")), "{:?}", look.lines);
}

#[tokio::test]
async fn a_curl_command_stands_alone() {
    let without = ONE.replace(r#""curl":"curl -i\n  -X""#, r#""curl":null"#);
    let daemon = FakeDaemon::answering(&[(200, ONE), (200, &without)]);
    let told = perform(&daemon.session(), action(&["d", "curl", ID])).await.unwrap();
    assert_eq!(told.output, "curl -i\n  -X\n");
    assert_eq!(told.notes.len(), 1, "it is not what was sent");
    assert!(perform(&daemon.session(), action(&["d", "curl", ID])).await.is_err());
}

#[tokio::test]
async fn one_that_is_refused_does_not_keep_the_others() {
    let refused = r#"{"errors":[{"status":409,"detail":"Its webhook is paused."}]}"#;
    let daemon = FakeDaemon::answering(&[(409, refused), (202, ONE), (200, ONE)]);
    let other = "01HF7AYTK76RHR4F17G6DGTRGF";
    let told = perform(&daemon.session(), action(&["d", "resend", other, ID])).await.unwrap();
    assert!(told.failed);
    assert_eq!(told.notes, [format!("error: {other}: Its webhook is paused.")]);
    assert_eq!(told.output, format!("{ID} is to be sent: waits for its 3rd attempt\n"));
    let told = perform(&daemon.session(), action(&["d", "cancel", ID])).await.unwrap();
    assert!(!told.failed && told.output.starts_with(&format!("{ID} is cancelled: ")));
    let expected = [
        format!("POST /api/deliveries/{other}/resend"),
        format!("POST /api/deliveries/{ID}/resend"),
        format!("POST /api/deliveries/{ID}/cancel"),
    ];
    assert_eq!(daemon.requests(), expected);
}

#[tokio::test]
async fn a_watcher_sees_a_line_for_each_attempt_and_is_told_what_it_missed() {
    let attempt = |number: u64, status: u16| {
        let of = |kind: &str, id: &str| serde_json::json!({ "data": { "type": kind, "id": id } });
        serde_json::json!({ "type": "delivery-attempt", "id": number.to_string(), "attributes": {
            "at": "2026-04-13T22:50:12.101159+00:00", "duration_ms": 12.34, "status": status,
            "error": null, "summary": format!("answered {status}"), "state": "scheduled",
            "due_at": null }, "relationships": {
            "delivery": of("delivery", ID), "webhook": of("webhook", ID) } })
    };
    let page = |data: &[serde_json::Value], last: u64, missed: u64| {
        serde_json::json!({ "data": data, "meta": { "last": last, "missed": missed } }).to_string()
    };
    let pages = [
        page(&[attempt(1, 503), attempt(2, 200)], 2, 0),
        page(&[attempt(9, 200), attempt(10, 500)], 10, 6),
        page(&[attempt(1, 503)], 1, 0),
    ];
    let daemon = FakeDaemon::answering(&pages.each_ref().map(|page| (200, page.as_str())));
    let Action::Tail(all) = action(&["d", "tail", "--webhook", ID]) else { panic!("it is tail") };
    let Action::Tail(failed) = action(&["d", "tail", "--failed"]) else { panic!("it is tail") };
    let session = daemon.session();
    let first = tail::look(&session, &all, None).await.unwrap();
    let line = |status| {
        format!("22:50:12.101  {status}                12.3 ms  {ID}  scheduled  answered {status}")
    };
    assert_eq!((first.lines, first.notes.len(), first.last), (vec![line(503), line(200)], 0, 2));
    let json = daemon.json_session();
    let second = tail::look(&json, &failed, Some(2)).await.unwrap();
    assert_eq!(second.lines, [attempt(10, 500).to_string()]);
    assert!(second.notes[0].starts_with("6 attempts were missed"), "{:?}", second.notes);
    let third = tail::look(&session, &failed, Some(10)).await.unwrap();
    assert!(third.lines[0].contains(&format!("{ID}  {ID}")), "without --webhook it is shown");
    assert!(third.notes[0].contains("restarted"));
    let expected = [
        format!("GET /api/delivery-attempts?filter=equals%28webhook_id%2C%22{ID}%22%29"),
        "GET /api/delivery-attempts?page%5Bcursor%5D=2".to_owned(),
        "GET /api/delivery-attempts?page%5Bcursor%5D=10".to_owned(),
    ];
    assert_eq!(daemon.requests(), expected);
}

#[test]
fn strange_arguments_are_usage_errors() {
    let lines = [["d", "list", "--state=lost"], ["d", "list", "--limit=0"], ["d", "show", "%2e"]];
    for line in lines {
        assert_eq!(parsed::<DeliveryArgs>(&line).unwrap_err().exit_code(), 2, "{line:?}");
    }
}
