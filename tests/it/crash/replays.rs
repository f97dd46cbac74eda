//! `kill -9` in the middle of a replay, again and again: its deliveries and its cursor commit
//! together, so that every event of the past gets one message and none gets two.

use super::*;

const EVENTS: u64 = 120;
const LIVES: usize = 12;
/// What a life schedules at its beginning, about when it is killed.
const RATE: u64 = 6;

/// The body of `POST /api/replays`.
fn replay(webhook: &str, rate: u64) -> String {
    json!({ "data": { "type": "replay",
        "attributes": { "from": "2020-01-01T00:00:00Z", "rate_per_second": rate },
        "relationships": { "webhook": { "data": { "type": "webhook", "id": webhook } } } } })
    .to_string()
}

/// All events in one request.
fn past() -> String {
    let group = |number| {
        let mut event: Value = serde_json::from_str(&event(number)).unwrap();
        let mut attributes = event["data"]["attributes"].take();
        let profile = attributes["profile"].take();
        attributes.as_object_mut().unwrap().remove("profile");
        let events = json!({ "data": [{ "type": "event", "attributes": attributes }] });
        let attributes = json!({ "profile": profile, "events": events });
        json!({ "type": "event-bulk-create", "attributes": attributes })
    };
    let groups: Vec<Value> = (0..EVENTS).map(group).collect();
    json!({ "data": { "type": "event-bulk-create-job",
        "attributes": { "events-bulk-create": { "data": groups } } } })
    .to_string()
}

fn parsed((status, body): (u16, Vec<u8>)) -> Value {
    assert!((200..300).contains(&status), "{}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}

#[test]
fn a_replay_that_is_killed_neither_loses_nor_doubles() {
    let home = tempfile::tempdir().unwrap();
    let (data, log) = (home.path().join("data"), home.path().join("log"));
    let receiver = Receiver::start();
    let mut daemon = Daemon::spawn(&data, &log);
    let mut started = daemon.started().unwrap_or_else(|| panic!("{}", read(&log)));
    let mut client = Client::connect(&started.addr, &started.key).unwrap();
    assert_eq!(client.post("/api/event-bulk-create-jobs", &past()).unwrap().0, 202);
    receiver.next_life();
    subscribe(&started, &receiver.url());
    let webhooks = parsed(client.fetch("/api/webhooks").unwrap());
    let webhook = webhooks["data"][0]["id"].as_str().unwrap().to_owned();
    let made = parsed(client.post("/api/replays", &replay(&webhook, RATE)).unwrap());
    let path = format!("/api/replays/{}", made["data"]["id"].as_str().unwrap());
    for life in 0..LIVES {
        thread::sleep(random_millis(life, 0..60));
        drop(client);
        daemon.kill();
        receiver.quiesce();
        receiver.next_life();
        daemon = Daemon::spawn(&data, &log);
        started = daemon.started().unwrap_or_else(|| panic!("{}", read(&log)));
        client = Client::connect(&started.addr, &started.key).unwrap();
    }
    let half = parsed(client.post(&format!("{path}/cancel"), "").unwrap());
    let before = half["data"]["attributes"]["scheduled_count"].as_u64().unwrap();
    assert!(0 < before && before < EVENTS, "it was not killed in its middle: {before}");
    // Another one fills up exactly what is missing.
    let made = parsed(client.post("/api/replays", &replay(&webhook, 10_000)).unwrap());
    let path = format!("/api/replays/{}", made["data"]["id"].as_str().unwrap());
    let watch = Stopwatch::start();
    let done = loop {
        let replay = parsed(client.fetch(&path).unwrap())["data"]["attributes"].clone();
        if replay["status"] == "completed" {
            break replay;
        }
        assert!(watch.elapsed() < DRAINED_WITHIN, "it does not end: {replay}");
        thread::sleep(LOOK_EVERY);
    };
    assert_eq!(done["scheduled_count"].as_u64().map(|rest| before + rest), Some(EVENTS));
    wait_until_drained(&started);
    let (messages, answered_503, _) = receiver.take();
    let ledger = Ledger { acknowledged: (0..EVENTS).collect(), ..Ledger::default() };
    // It asserts that no event has two messages.
    let counts = count(&ledger, &messages, answered_503);
    assert_eq!((counts.lost, counts.delivered), (0, EVENTS as usize), "{counts}");
    assert!(!read(&log).contains("panicked"), "{}", read(&log));
}
