//! Flows: what a step with a template costs over a plain webhook, what a million waiting runs cost
//! those that are due, and what it costs to render in another process.
//!
//! `cargo bench --bench flows`, with `-- s` (or `t`, `u`) for one figure. `t` writes about 2 GB
//! under `target/` and removes them.

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::load::{self, Connection, Target};
use common::process::Process;
use common::receiver::{self, Received};
use common::{Daemon, Figure, Goal, ROUNDS};
use serde_json::{Value, json};
use tempfile::TempDir;
use tidings::clock::{Clock, Stopwatch, Timestamp};
use tidings::delivery;
use tidings::flow::RunState;
use tidings::flow::run::{self, Begin, Run, What};
use tidings::id::{ActionId, FlowId, ProfileId, RunId};
use tidings::sandbox::{RenderJob, Sandbox, Settings};
use tidings::server::STORE_FILE;
use tidings::store::{Store, StoreError, Tx, WriterHandle};
use tidings::template::{self, Escaping, RequestTemplate};

const CONNECTIONS: usize = 64;
const METRIC: &str = "Placed Order";
/// Events of one round.
const EVENTS: u64 = 10_000;
const WAITING_FEW: u64 = 1_000;
const WAITING_MANY: u64 = 1_000_000;
/// Runs that are due in one round.
const DUE: usize = 1_000;
/// Runs that one command makes.
const MADE_TOGETHER: u64 = 5_000;
/// Renders of one round.
const RENDERS: usize = 5_120;
/// Jobs that are rendered together: as many as the loop takes at once.
const TOGETHER: usize = 256;

/// The body of the step: ten values and a list.
const BODY: &str = r#"{"order":"{{ event.order_id }}","item":"{{ event.item }}","sku":"{{ event.sku }}","quantity":{{ event.quantity }},"price":{{ event.price }},"currency":"{{ event.currency }}","city":"{{ event.address.city }}","note":"{{ event.note|default:'none' }}","to":"{{ person.email }}","gift":{{ event.is_gift }},"categories":{{ event.categories }}}"#;

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|arg| arg.len() == 1).collect();
    let wants = |letter: &str| chosen.is_empty() || chosen.iter().any(|one| one == letter);
    common::block_on(async {
        if wants("s") {
            step().await;
        }
        if wants("t") {
            waiting().await;
        }
        if wants("u") {
            rendering().await;
        }
    });
}

fn body(number: u64) -> String {
    load::event(number, METRIC)
}

fn numbers_of(round: usize) -> std::ops::Range<u64> {
    let round = round as u64;
    round * EVENTS..(round + 1) * EVENTS
}

fn per_second(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

async fn step() {
    let received: Arc<Received> = Arc::default();
    let receiver = receiver::receiver(&received).await;
    let url = format!("http://{}/hook", receiver.addr);
    let plain = Daemon::start().await;
    let target = Target { path: "/api/webhooks", ..events(&plain) };
    let subscribed = load::webhook(&url, "event:api.placed_order");
    Connection::open(&target).await.post(&subscribed).await;
    let flow = Daemon::start().await;
    make_flow(&flow, &url).await;
    let mut figure = Figure::new(
        "(s) deliveries/s of a flow with one templated webhook over those of a plain webhook",
        Goal::AtLeast(0.5),
    );
    for round in 0..=ROUNDS {
        let mut rates = Vec::new();
        for daemon in [&plain, &flow] {
            let before = received.count.load(Ordering::Relaxed);
            let watch = Stopwatch::start();
            load::send(&events(daemon), CONNECTIONS, numbers_of(round), body).await;
            at_rest(daemon).await;
            rates.push(per_second(EVENTS, watch.elapsed()));
            let delivered = received.count.load(Ordering::Relaxed) - before;
            assert!(delivered >= EVENTS, "all were delivered, and not only {delivered}");
        }
        // The first round warms both up.
        if let ([plain, flow], 1..) = (rates.as_slice(), round) {
            figure.round(*plain, *flow);
        }
    }
    figure.report();
}

fn events(daemon: &Daemon) -> Target {
    Target::events(daemon.server.addr(), &daemon.key)
}

/// A live flow that events of the metric start, with one step.
async fn make_flow(daemon: &Daemon, url: &str) {
    let mut connection = Connection::open(&events(daemon)).await;
    connection.post(&load::event(u64::MAX >> 8, METRIC)).await;
    let metrics = parsed(&connection.get("/api/metrics").await);
    let mut metrics = metrics["data"].as_array().expect("metrics are listed").iter();
    let metric = metrics.find(|metric| metric["attributes"]["name"] == METRIC);
    let message = json!({ "name": "bench", "url": url, "headers": {}, "body": BODY });
    let action = json!({ "temporary_id": "a", "type": "send-webhook", "links": { "next": null },
        "data": { "status": "live", "message": message } });
    let definition = json!({ "entry_action_id": "a", "actions": [action],
        "triggers": [{ "type": "metric", "id": metric.expect("it was posted")["id"] }] });
    let attributes = json!({ "name": "bench", "definition": definition });
    let document = json!({ "data": { "type": "flow", "attributes": attributes } });
    let target = Target { path: "/api/flows", ..events(daemon) };
    let made = Connection::open(&target).await.post_for(&document.to_string()).await;
    let id = parsed(&made)["data"]["id"].clone();
    let live = json!({ "data": { "type": "flow", "id": id, "attributes": { "status": "live" } } });
    let path = format!("/api/flows/{}", id.as_str().expect("flows have ids"));
    connection.patch(&path, &live.to_string()).await;
}

fn parsed(answer: &[u8]) -> Value {
    serde_json::from_slice(answer).expect("answers are JSON")
}

/// Waits until everybody is through the flow, everything delivered, and every run told so.
async fn at_rest(daemon: &Daemon) {
    loop {
        let snapshot = daemon.store.snapshot().expect("the file can be read");
        let due = run::next_due(&snapshot).expect("the file can be read");
        let has_backlog = delivery::has_backlog(&snapshot).expect("the file can be read");
        let results = delivery::results(&snapshot, 1).expect("the file can be read");
        if due.is_none() && !has_backlog && results.is_empty() {
            return;
        }
        drop(snapshot);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// How runs that are due lie in the file: those who entered at one moment and wait equally long
/// lie together, those of a date flow wherever their people entered.
#[derive(Clone, Copy)]
enum Lie {
    Together,
    Scattered,
}

/// A file with runs that wait for tomorrow.
struct Crowd {
    store: Store,
    runs: Vec<RunId>,
    writer: WriterHandle,
    directory: TempDir,
}

impl Crowd {
    async fn new(waiting: u64) -> Self {
        let directory = common::directory();
        let path = directory.path().join(STORE_FILE);
        let (store, writer) =
            Store::open(&path, 128 << 20, Clock::system()).expect("the file opens");
        let (watch, mut runs) = (Stopwatch::start(), Vec::new());
        let all = waiting + DUE as u64;
        for first in (0..all).step_by(MADE_TOGETHER as usize) {
            let numbers = first..all.min(first + MADE_TOGETHER);
            let made = store.commit(move |tx| numbers.map(|number| made(tx, number)).collect());
            let made: Result<Vec<RunId>, StoreError> = made.await;
            runs.extend(made.expect("the file can be written"));
        }
        println!("  {all} runs made in {:.0} s", watch.elapsed().as_secs_f64());
        Self { store, runs, writer, directory }
    }

    /// Moves runs to this moment: either those that began one after the other, or some from all
    /// over the file. A round has others than the one before, where there are others.
    async fn make_due(&self, round: usize, lie: Lie) {
        let (first, apart) = match lie {
            Lie::Together => (round * DUE % (self.runs.len() - DUE + 1), 1),
            Lie::Scattered => (round % (self.runs.len() / DUE), self.runs.len() / DUE),
        };
        let ids = self.runs.iter().skip(first).step_by(apart).take(DUE).copied();
        let ids: Vec<RunId> = ids.collect();
        let made = self.store.commit(move |tx| {
            for id in ids {
                let before = run::get(tx, id)?.expect("it waits");
                let after = Run { due: Some(tx.now()), ..before.clone() };
                run::put(tx, &before, &after)?;
            }
            Ok::<_, StoreError>(())
        });
        made.await.expect("the file can be written");
    }

    /// How long it takes to find those that are due, and until they are written on their way.
    async fn pick(&self, now: Timestamp) -> (Duration, Duration) {
        let watch = Stopwatch::start();
        let snapshot = self.store.snapshot().expect("the file can be read");
        let due = run::due(&snapshot, now, DUE).expect("the file can be read");
        drop(snapshot);
        let picked = watch.elapsed();
        let due: Vec<Run> = due.into_iter().filter_map(|(_, run)| run).collect();
        assert_eq!(due.len(), DUE, "all are found that are due");
        let moved = self.store.commit(move |tx| {
            for before in due {
                let mut after = before.clone();
                after.due = Some(tx.now().plus(Duration::from_secs(86_400)));
                after.revision += 1;
                run::put(tx, &before, &after)?;
            }
            Ok::<_, StoreError>(())
        });
        moved.await.expect("the file can be written");
        (picked, watch.elapsed())
    }

    /// Closes the file; what is left is the directory with it.
    fn closed(self) -> TempDir {
        drop(self.store);
        self.writer.join().expect("everything was written");
        self.directory
    }
}

/// A run that was let in and waits for tomorrow.
fn made(tx: &mut Tx<'_, '_>, number: u64) -> Result<RunId, StoreError> {
    let (flow, profile) = (FlowId::FIRST, ProfileId::from_u128(u128::from(number)));
    let (action, at) = (ActionId::from_u64(1), tx.now());
    let id = run::begin(tx, &Begin { flow, profile, event: None, at, day: None })?;
    let begun = Run {
        id,
        flow,
        profile,
        event: None,
        entered: at,
        day: None,
        entered_before: None,
        state: RunState::Begun,
        action: None,
        due: Some(at),
        delivery: None,
        revision: 0,
        outputs: Vec::new(),
        timeline: Vec::new(),
        dropped: 0,
    };
    let due = at.plus(Duration::from_micros(86_400_000_000 + number));
    let (state, action) = (RunState::Waiting, Some(action));
    let mut waits = Run { state, action, due: Some(due), ..begun.clone() };
    waits.note(at, None, What::Entered);
    waits.note(at, action, What::Waits { until_micros: due.micros() });
    run::put(tx, &begun, &waits)?;
    Ok(id)
}

async fn waiting() {
    println!();
    let (few, many) = (Crowd::new(WAITING_FEW).await, Crowd::new(WAITING_MANY).await);
    let titles = [
        "(t) ms to find 1,000 due runs that began together among 1,000,000 over among 1,000",
        "(t2) the same until they are written on their way",
    ];
    pick(Lie::Together, titles, (&few, &many)).await;
    let titles = [
        "(t3) ms to find 1,000 due runs from all over the file among 1,000,000 over among 1,000",
        "(t4) the same until they are written on their way",
    ];
    pick(Lie::Scattered, titles, (&few, &many)).await;
    memory(few, many).await;
}

async fn pick(lie: Lie, titles: [&'static str; 2], (few, many): (&Crowd, &Crowd)) {
    let mut picked = Figure::new(titles[0], Goal::AtMost(2.0));
    let mut moved = Vec::new();
    for round in 0..=ROUNDS {
        let mut times = Vec::new();
        for crowd in [few, many] {
            crowd.make_due(round, lie).await;
            let (found, written) = crowd.pick(Clock::system().now()).await;
            times.extend([found.as_secs_f64() * 1e3, written.as_secs_f64() * 1e3]);
        }
        if let ([found, written, found_of_many, written_of_many], 1..) = (times.as_slice(), round) {
            picked.round(*found, *found_of_many);
            moved.push((*written, *written_of_many));
        }
    }
    picked.report();
    let mut figure = Figure::new(titles[1], Goal::AtMost(2.0));
    moved.into_iter().for_each(|(few, many)| figure.round(few, many));
    figure.report();
}

async fn memory(few: Crowd, many: Crowd) {
    let mut figure = Figure::new(
        "(t5) MB of a daemon with 1,000,000 waiting runs over one with 1,000",
        Goal::AtMost(1.2),
    );
    let directories = [few.closed(), many.closed()];
    for round in 1..=ROUNDS {
        let [few, many] = &directories;
        let few = resident_mb(few.path(), round).await;
        figure.round(few, resident_mb(many.path(), round).await);
    }
    figure.report();
}

/// What a daemon on a file holds after it took some events.
async fn resident_mb(directory: &Path, round: usize) -> f64 {
    let daemon = Process::daemon(directory, &[]).await;
    load::send(&Target::events(daemon.addr, &daemon.key), CONNECTIONS, numbers_of(round), body)
        .await;
    // What follows the events has followed them by then.
    tokio::time::sleep(Duration::from_secs(2)).await;
    daemon.resident_bytes() / 1e6
}

fn template() -> RequestTemplate {
    RequestTemplate {
        url: "http://127.0.0.1/hook".to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: BODY.to_owned(),
        escaping: Escaping::Context,
        is_strict: false,
    }
}

/// The names of the template as the loop writes them, in essence.
fn context(number: u64) -> Vec<u8> {
    let event: Value = parsed(load::properties(number).as_bytes());
    let person = json!({ "email": format!("person-{number}@example.com"), "location": {} });
    json!({ "event": event, "person": person, "organization": { "name": "Bench" },
        "flow": { "id": "AAAAAA", "name": "bench" }, "outputs": {},
        "now": "2026-01-01T00:00:00.000000Z", "timezone": "UTC" })
    .to_string()
    .into_bytes()
}

async fn rendering() {
    let template = Arc::new(template());
    let program = env!("CARGO_BIN_EXE_tidings").into();
    let sandbox = Sandbox::new(Settings { program, ..Settings::default() });
    sandbox.start().await.expect("workers start");
    let contexts: Vec<_> = (0..RENDERS as u64).map(context).collect();
    let mut figure = Figure::new(
        "(u) renders/s of workers, 256 together, over renders/s in this process",
        Goal::AtLeast(0.5),
    );
    let mut alone = Vec::new();
    for round in 0..=ROUNDS {
        let watch = Stopwatch::start();
        for context in &contexts {
            let rendered = template::render(&template, &parsed(context));
            std::hint::black_box(rendered.expect("the template is right"));
        }
        let inside = watch.elapsed();
        let watch = Stopwatch::start();
        for some in contexts.chunks(TOGETHER) {
            let job = |context: &Vec<u8>| RenderJob {
                template: Arc::clone(&template),
                context: context.clone(),
            };
            let rendered = sandbox.render_all(some.iter().map(job).collect()).await;
            assert!(rendered.iter().all(Result::is_ok), "the template is right");
        }
        let together = watch.elapsed();
        if round > 0 {
            let renders = RENDERS as u64;
            figure.round(per_second(renders, inside), per_second(renders, together));
            alone.push((inside, one_by_one(&sandbox, &template, &contexts).await));
        }
    }
    figure.report();
    let mut figure = Figure::new(
        "(u2) µs of one render by a worker, its median, over µs in this process",
        Goal::AtMost(3.0),
    );
    for (inside, times) in alone {
        let at = |per_mille: usize| times[times.len() * per_mille / 1_000].as_secs_f64() * 1e6;
        println!("  by a worker: p50 {:.0} µs, p99 {:.0} µs", at(500), at(990));
        figure.round(inside.as_secs_f64() * 1e6 / RENDERS as f64, at(500));
    }
    figure.report();
    sandbox.stop().await;
}

/// How long each render takes that is asked for alone, sorted.
async fn one_by_one(
    sandbox: &Sandbox,
    template: &RequestTemplate,
    contexts: &[Vec<u8>],
) -> Vec<Duration> {
    let mut times = Vec::with_capacity(contexts.len());
    for context in contexts {
        let watch = Stopwatch::start();
        let rendered = sandbox.render(template, context).await;
        times.push(watch.elapsed());
        rendered.expect("the template is right");
    }
    times.sort_unstable();
    times
}
