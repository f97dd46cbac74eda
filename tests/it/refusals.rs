//! Refusals: each is one JSON:API error that says what is wrong and where; and what is *not*
//! refused, because clients differ in it.

use tokio::io::AsyncWriteExt as _;

use crate::harness::{Ask, Daemon, Event, exchange};

const BODY_BYTES_MAX: usize = 5 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_body_is_refused_at_its_field() {
    let daemon = Daemon::start().await;
    let event = Event::of("Seen").document();
    for (body, pointer) in [
        (String::new(), "/data"),
        ("{".to_owned(), "/data"),
        ("[]".to_owned(), "/data"),
        ("{}".to_owned(), "/data"),
        (event.replacen("\"event\"", "\"webhook\"", 1), "/data/type"),
        (
            Event::of("Seen").properties(r#"{"a":{"b":1,"b":2}}"#).document(),
            "/data/attributes/properties/a/b",
        ),
        (Event::of("Seen").with("value", "\"1\"").document(), "/data/attributes/value"),
        (Event::of("Seen").with("time", "\"soon\"").document(), "/data/attributes/time"),
        (Event::of("").document(), "/data/attributes/metric/data/attributes/name"),
    ] {
        let refused = daemon.ask(Ask::post("/api/events", &body)).await.refused(400);
        assert_eq!(refused["source"]["pointer"], pointer, "{body}");
        assert_eq!(
            (&refused["code"], &refused["title"]),
            (&"invalid".into(), &"Invalid input.".into())
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_a_404() {
    let daemon = Daemon::start().await;
    for path in [
        "/",
        "/api",
        "/api/nothing",
        "/api/webhooks/01KP4928STE8FKCWB6WDHZ4ZB7",
        "/api/webhooks/x",
        "/api/deliveries/01KP4928STE8FKCWB6WDHZ4ZB7",
        "/api/profiles/01KP4928STE8FKCWB6WDHZ4ZB7",
        "/api/metrics/NoSuch",
        "/api/webhook-topics/event:api.nothing",
        "/api/accounts/NoSuch",
        "/api/events/AAAAAAAAAAA",
    ] {
        let refused = daemon.ask(Ask::get(path)).await.refused(404);
        assert_eq!(
            (&refused["code"], &refused["title"]),
            (&"not_found".into(), &"Not found.".into())
        );
        assert_eq!(refused["source"]["pointer"], "/data/", "{path}");
    }
    daemon.ask(Ask::get("/api/events/NOPE01")).await.refused(400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_that_a_path_lacks_is_a_405_with_those_it_has() {
    let daemon = Daemon::start().await;
    for (method, path, allow) in [
        ("PUT", "/api/events", "GET, POST"),
        ("GET", "/api/event-bulk-create-jobs", "POST"),
        ("POST", "/api/webhooks/x", "DELETE, GET, PATCH"),
        ("DELETE", "/api/webhooks", "GET, POST"),
        ("OPTIONS", "/api/webhooks", "GET, POST"),
    ] {
        let answer = daemon.ask(Ask::new(method, path)).await;
        answer.refused(405);
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_over_five_mebibytes_is_a_413_declared_or_not() {
    let daemon = Daemon::start().await;
    let head = |framing: &str| {
        format!(
            "POST /api/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Authorization: Bearer {}\r\nContent-Type: application/json\r\n{framing}\r\n\r\n",
            daemon.key()
        )
    };
    // Declared: refused before a byte of it arrives.
    let declared = head(&format!("Content-Length: {}", BODY_BYTES_MAX + 1));
    exchange(daemon.connect().await, declared.as_bytes(), None).await.refused(413);
    // In chunks: refused at the first byte too many.
    let chunk = format!("{:x}\r\n{}", BODY_BYTES_MAX + 1, " ".repeat(BODY_BYTES_MAX + 1));
    let chunked = head("Transfer-Encoding: chunked");
    let answer = exchange(daemon.connect().await, chunked.as_bytes(), Some(chunk.as_bytes())).await;
    answer.refused(413);
    // The largest that may be is read.
    let event = Event::of("Seen").document();
    let padded = format!("{event}{}", " ".repeat(BODY_BYTES_MAX - event.len()));
    daemon.ask(Ask::post("/api/events", padded)).await.expect(202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_media_types_are_read_and_no_other() {
    let daemon = Daemon::start().await;
    let post = || Ask::post("/api/events", Event::of("Seen").document());
    for good in ["application/vnd.api+json", "application/json", "Application/JSON; charset=utf-8"]
    {
        daemon.ask(post().header("Content-Type", good)).await.expect(202);
    }
    for bad in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
        daemon.ask(post().header("Content-Type", bad)).await.refused(415);
    }
    daemon.ask(post().header("Content-Encoding", "gzip")).await.refused(415);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_not_ours_is_a_421() {
    let config = |config: &mut tidings::config::Config| {
        config.allowed_hosts = vec![url::Host::parse("hooks.internal").expect("it is a name")];
        config.public_url = url::Url::parse("https://hooks.example.com/").ok();
    };
    let daemon = Daemon::start_with(config).await;
    let health = |host: &str| Ask::get("/healthz").header("Host", host);
    for ours in
        ["localhost:4780", "[::1]", "192.168.1.5:80", "Hooks.Internal", "hooks.example.com:443"]
    {
        daemon.send(health(ours)).await.expect(200);
    }
    for other in ["evil.example", "localhost.evil.example:4780", "hooks.example.com.evil.example"] {
        daemon.send(health(other)).await.refused(421);
    }
    let without = b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n";
    exchange(daemon.connect().await, without, None).await.refused(400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_query_parameter_is_refused_by_name() {
    let daemon = Daemon::start().await;
    for (path, parameter) in [
        ("/api/webhooks?page[size]=10", "page[size]"),
        ("/api/webhooks?fields[webhook]=name,secret_key", "fields[webhook]"),
        ("/api/webhooks?include=events", "include"),
        ("/api/metrics?filter=equals(name,%22x%22)", "filter"),
        ("/api/metrics?page[cursor]=%21", "page[cursor]"),
        ("/api/deliveries?page[size]=101", "page[size]"),
        ("/api/deliveries?page[size]=1&page[size]=2", "page[size]"),
        ("/api/deliveries?filter=equals(state,%22lost%22)", "filter"),
        ("/api/accounts?debug=1", "debug"),
    ] {
        let refused = daemon.ask(Ask::get(path)).await.refused(400);
        assert_eq!(refused["source"]["parameter"], parameter, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slash_at_the_end_changes_nothing() {
    let daemon = Daemon::start().await;
    for path in ["/api/accounts", "/api/webhooks", "/api/webhook-topics/event:klaviyo.sent_sms"] {
        let (plain, slashed) = (daemon.get(path).await, daemon.get(&format!("{path}/")).await);
        assert_eq!(plain, slashed);
        assert_eq!(plain["links"]["self"], format!("{}{path}", daemon.base()));
    }
    daemon.ask(Ask::post("/api/events/", Event::of("Seen").document())).await.expect(202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_revision_is_taken_and_echoed() {
    let daemon = Daemon::start().await;
    for revision in ["2026-10-15", "2023-02-22", "2026-07-15.pre", "never"] {
        let answer = daemon.ask(Ask::get("/api/accounts").header("revision", revision)).await;
        answer.expect(200);
        assert_eq!(answer.header("revision"), Some(revision));
    }
    let answer = daemon.ask(Ask::get("/api/nothing")).await;
    assert_eq!(
        answer.header("revision"),
        Some("2026-07-15"),
        "the newest, where none is asked for"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_is_get_without_the_body() {
    let daemon = Daemon::start().await;
    let answer = daemon.ask(Ask::new("HEAD", "/api/accounts")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accepted_event_has_an_empty_answer() {
    let daemon = Daemon::start().await;
    let answer = daemon.ask(Ask::post("/api/events", Event::of("Seen").document())).await;
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    assert_eq!(answer.header("content-type"), None);
    assert_eq!(answer.header("content-length"), Some("0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_on_one_connection_are_answered_in_order() {
    let daemon = Daemon::start().await;
    let mut requests = Vec::new();
    for (path, connection) in
        [("/api/accounts", "keep-alive"), ("/api/nothing", "keep-alive"), ("/healthz", "close")]
    {
        let ask = Ask::get(path).header("Connection", connection).key(daemon.key());
        requests.extend(ask.into_bytes());
    }
    let answers = exchange(daemon.connect().await, &requests, None).await;
    let all = format!("{}{}", answers.head, answers.body);
    let statuses: Vec<_> = all.split("HTTP/1.1 ").skip(1).filter_map(|one| one.get(..3)).collect();
    assert_eq!(statuses, ["200", "404", "200"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_breaks_off_leaves_nothing_behind() {
    let daemon = Daemon::start().await;
    let event = Event::of("Seen").document();
    let mut stream = daemon.connect().await;
    let bytes = Ask::post("/api/events", &event).key(daemon.key()).into_bytes();
    let (most, _last) = bytes.split_at(bytes.len() - 1);
    stream.write_all(most).await.expect("the daemon reads");
    drop(stream);
    // The daemon stops cleanly with it, which `Drop` asserts.
    let metrics = daemon.ask(Ask::get("/api/metrics?filter=equals(integration.name,%22API%22)"));
    assert_eq!(metrics.await.expect(200)["data"], serde_json::json!([]));
}
