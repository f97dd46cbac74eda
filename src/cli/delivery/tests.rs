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

#[tokio::test]
async fn one_delivery_shows_every_attempt() {
    let one = r#"{"data":{"type":"delivery","id":"01M1PAC5N9PMXJ7672AC8B75VN","attributes":{
        "state":"scheduled","source":"event","destination":"https://h.example/x",
        "created_at":"2026-04-13T22:50:12+00:00","due_at":"2026-04-13T22:55:12+00:00",
        "finished_at":null,"attempt_count":2,"last_status":null,"last_error":"timeout",
        "attempts":[
          {"at":"2026-04-13T22:50:12+00:00","duration_ms":12.34,"status":503,"error":null,
           "response_excerpt":"try\nlater\u001b[2J"},
          {"at":"2026-04-13T22:50:17+00:00","duration_ms":15000.0,"status":null,
           "error":{"kind":"timeout","detail":"no answer within 15 s"},"response_excerpt":""}]},
        "relationships":{"webhook":{"data":{"type":"webhook","id":"01HF7AYTK76RHR4F17G6DGTRGF"}},
          "event":{"data":{"type":"event","id":"7qWkC6JPz7g"}}}}}"#;
    let daemon = FakeDaemon::answering(&[(200, one)]);
    let told = perform(&daemon.session(), action(&["d", "show", ID])).await.unwrap();
    let expected = "\
        id           01M1PAC5N9PMXJ7672AC8B75VN\n\
        state        scheduled\n\
        source       event\n\
        webhook      01HF7AYTK76RHR4F17G6DGTRGF\n\
        event        7qWkC6JPz7g\n\
        destination  https://h.example/x\n\
        created      2026-04-13 22:50:12Z\n\
        next due     2026-04-13 22:55:12Z (in 5 min)\n\
        finished     -\n\
        \n\
        ATTEMPT  AT                    TOOK     RESULT                          RESPONSE\n\
        1        2026-04-13 22:50:12Z  12.3 ms  503                             try later\\u{1b}[2J\n\
        2        2026-04-13 22:50:17Z  15.00 s  timeout: no answer within 15 s\n";
    assert_eq!(told.output, expected);
    assert_eq!(daemon.requests(), [format!("GET /api/deliveries/{ID}")]);
}

#[test]
fn strange_arguments_are_usage_errors() {
    let lines = [["d", "list", "--state=lost"], ["d", "list", "--limit=0"], ["d", "show", "%2e"]];
    for line in lines {
        assert_eq!(parsed::<DeliveryArgs>(&line).unwrap_err().exit_code(), 2, "{line:?}");
    }
}
