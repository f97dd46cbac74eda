//! Workers: whatever a job does, it gets one answer, and costs nobody but itself.
//!
//! The workers are the real binary; what hangs, crashes and tries to break out are its probes.
//! `fakes` has programs that only pretend to be workers, `outside` looks at the processes.

mod fakes;
mod outside;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tidings::clock::Stopwatch;
use tidings::limits::{WORKER_FRAME_BYTES_MAX, WORKER_JOBS_MAX};
use tidings::sandbox::{Probe, RenderError, RenderJob, Sandbox, Settings};
use tidings::template::{Escaping, RenderedRequest, RequestTemplate};
use tokio::task::JoinSet;

use crate::harness::eventually;

/// Long enough for an honest job while all other tests run, too.
const PATIENT: Duration = Duration::from_secs(20);
/// As long as a test wants to wait for a job that never ends.
const IMPATIENT: Duration = Duration::from_secs(1);

fn settings(workers: usize, wall: Duration) -> Settings {
    Settings { program: PathBuf::from(env!("CARGO_BIN_EXE_tidings")), workers, wall }
}

fn sandbox(workers: usize, wall: Duration) -> Sandbox {
    Sandbox::new(settings(workers, wall))
}

fn template(body: &str) -> RequestTemplate {
    RequestTemplate {
        url: "https://receiver.example/".to_owned(),
        query: Vec::new(),
        headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
        body: body.to_owned(),
        escaping: Escaping::Context,
        is_strict: false,
    }
}

/// A template that shows the event of its context.
fn showing() -> RequestTemplate {
    template(r#"{"shown": {{ event }}}"#)
}

fn context(number: usize) -> Vec<u8> {
    json!({ "event": { "number": number } }).to_string().into_bytes()
}

/// Asserts that a result is what [`showing`] makes of [`context`].
fn assert_shown(result: Result<RenderedRequest, RenderError>, number: usize) {
    let body: Value = serde_json::from_str(&result.expect("it renders").body).expect("it is JSON");
    assert_eq!(body, json!({ "shown": { "number": number } }));
}

async fn assert_renders(sandbox: &Sandbox, number: usize) {
    assert_shown(sandbox.render(&showing(), &context(number)).await, number);
}

#[tokio::test]
async fn a_worker_checks_and_renders() {
    let sandbox = sandbox(1, PATIENT);
    sandbox.start().await.expect("workers can be started");
    let before = sandbox.idle_process_ids();
    sandbox.check(&showing()).await.expect("the template is sound");
    assert_renders(&sandbox, 7).await;
    assert_eq!(sandbox.idle_process_ids(), before, "one worker did it all");
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_can_start_at_once_and_start_each_worker_once() {
    let sandbox = sandbox(3, PATIENT);
    let mut starting = JoinSet::new();
    for _ in 0..8 {
        let sandbox = sandbox.clone();
        starting.spawn(async move { sandbox.start().await });
    }
    assert!(starting.join_all().await.iter().all(Result::is_ok));
    assert_eq!(sandbox.idle_process_ids().len(), 3);
    sandbox.stop().await;
}

#[tokio::test]
async fn what_is_at_fault_is_told_and_costs_no_worker() {
    let sandbox = sandbox(1, PATIENT);
    sandbox.start().await.expect("workers can be started");
    let before = sandbox.idle_process_ids();
    let faulty = template("{{ FAULT");
    for result in [
        sandbox.check(&faulty).await,
        sandbox.render(&faulty, &context(1)).await.map(drop),
        sandbox.render(&showing(), b"{\"event\": tru").await.map(drop),
        sandbox.render(&showing(), &vec![b' '; WORKER_FRAME_BYTES_MAX + 1]).await.map(drop),
        sandbox.check(&template(&"x".repeat(WORKER_FRAME_BYTES_MAX))).await,
        // It fits, and what comes of it does not.
        render_much(&sandbox).await,
    ] {
        assert!(matches!(result, Err(RenderError::Template(_))), "{result:?}");
    }
    assert_renders(&sandbox, 8).await;
    assert_eq!(sandbox.idle_process_ids(), before);
    sandbox.stop().await;
}

/// Renders an event of three quarters of a frame, twice.
async fn render_much(sandbox: &Sandbox) -> Result<(), RenderError> {
    let event = json!({ "event": "x".repeat(WORKER_FRAME_BYTES_MAX / 4 * 3) }).to_string();
    let twice = template("[{{ event }}, {{ event }}]");
    sandbox.render(&twice, event.as_bytes()).await.map(drop)
}

#[tokio::test]
async fn no_probe_gets_through() {
    let sandbox = sandbox(1, PATIENT);
    let told = async |probe: Probe| {
        let came = sandbox.probe(probe).await;
        assert!(probe.is_held(&came), "{probe:?}: {came:?}");
        came.map_or_else(|error| error.to_string(), |finding| finding.detail)
    };
    for (probe, expected) in [
        (Probe::Allocate, "it ran out of its 256 MiB of memory"),
        (Probe::Abort, "signal 6 ended it"),
        (Probe::Recurse, "its stack of 8 MiB overflowed"),
        (Probe::OpenFile, "Operation not permitted"),
        (Probe::Socket, "Operation not permitted"),
        (Probe::Fork, "Operation not permitted"),
        (Probe::Environment, "0 variables"),
        (Probe::Descriptor, "Operation not permitted"),
    ] {
        let detail = told(probe).await;
        assert!(detail.contains(expected), "{probe:?}: {detail}");
        assert_renders(&sandbox, 9).await;
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn a_job_that_never_ends_is_stopped_at_its_deadline() {
    let sandbox = sandbox(1, IMPATIENT);
    sandbox.start().await.expect("workers can be started");
    let before = sandbox.idle_process_ids();
    let watch = Stopwatch::start();
    let came = sandbox.probe(Probe::Spin).await;
    assert!(Probe::Spin.is_held(&came), "{came:?}");
    assert_eq!(came, Err(RenderError::TooLong(IMPATIENT)));
    assert!(watch.elapsed() >= IMPATIENT, "not before");
    assert!(watch.elapsed() < IMPATIENT * 5, "not much later");
    assert_renders(&sandbox, 1).await;
    assert_ne!(sandbox.idle_process_ids(), before, "another worker took over");
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn among_many_jobs_each_gets_its_own_answer() {
    const JOBS: usize = 200;
    let killers = [Probe::Abort, Probe::Recurse, Probe::Allocate, Probe::Abort, Probe::Spin];
    let sandbox = sandbox(3, IMPATIENT * 3);
    let mut jobs = JoinSet::new();
    for number in 0..JOBS {
        let sandbox = sandbox.clone();
        jobs.spawn(async move {
            if number % 10 == 5 {
                let probe = killers[number / 10 % killers.len()];
                let came = sandbox.probe(probe).await;
                assert!(probe.is_held(&came), "{probe:?}: {came:?}");
            } else {
                assert_renders(&sandbox, number).await;
            }
        });
    }
    assert_eq!(jobs.join_all().await.len(), JOBS);
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_batch_a_killer_costs_its_own_place_only() {
    let sandbox = sandbox(2, IMPATIENT);
    let shown = Arc::new(showing());
    let other = Arc::new(template(r#"{ "shown": {{ event }} }"#));
    let of = |number: usize| if number.is_multiple_of(7) { &other } else { &shown };
    let mut jobs: Vec<_> = (0..300)
        .map(|number| RenderJob { template: Arc::clone(of(number)), context: context(number) })
        .collect();
    jobs[150].context = b"no JSON".to_vec();
    jobs[151].context = vec![b' '; WORKER_FRAME_BYTES_MAX + 1];
    // The first and the last of a part, two in a row, and one that dies and not only hangs.
    let spin = Probe::Spin;
    let probes =
        [(0, Probe::Abort), (63, spin), (64, Probe::Recurse), (65, spin), (299, Probe::Abort)];
    let results = sandbox.render_all_but(jobs, &probes).await;
    assert_eq!(results.len(), 300);
    for (number, result) in results.into_iter().enumerate() {
        match probes.iter().find(|(place, _)| *place == number) {
            Some((_, Probe::Spin)) => assert_eq!(result, Err(RenderError::TooLong(IMPATIENT))),
            Some(_) => assert!(matches!(result, Err(RenderError::Died(_))), "{result:?}"),
            None if matches!(number, 150 | 151) => {
                assert!(matches!(result, Err(RenderError::Template(_))), "{result:?}");
            }
            None => assert_shown(result, number),
        }
    }
    assert!(sandbox.render_all(Vec::new()).await.is_empty());
    sandbox.stop().await;
}

#[tokio::test]
async fn a_worker_is_replaced_after_its_share_of_jobs() {
    let sandbox = sandbox(1, PATIENT);
    sandbox.start().await.expect("workers can be started");
    let before = sandbox.idle_process_ids();
    let shown = Arc::new(showing());
    let count = usize::try_from(WORKER_JOBS_MAX).expect("it fits") + 100;
    let job = |number| RenderJob { template: Arc::clone(&shown), context: context(number) };
    let results = sandbox.render_all((0..count).map(job).collect()).await;
    for (number, result) in results.into_iter().enumerate() {
        assert_shown(result, number);
    }
    let after = sandbox.idle_process_ids();
    assert_eq!(after.len(), 1);
    assert_ne!(after, before);
    sandbox.stop().await;
}

#[tokio::test]
async fn whoever_stops_waiting_frees_the_worker() {
    let sandbox = sandbox(1, PATIENT);
    let waiting = tokio::time::timeout(IMPATIENT, sandbox.probe(Probe::Spin));
    assert!(waiting.await.is_err(), "a job that spins does not answer");
    assert_renders(&sandbox, 3).await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_ends_idle_and_busy_workers_and_refuses_what_comes_later() {
    let sandbox = sandbox(2, PATIENT);
    sandbox.start().await.expect("workers can be started");
    let ids = sandbox.idle_process_ids();
    assert_eq!(ids.len(), 2);
    let mut busy = JoinSet::new();
    let spinning = sandbox.clone();
    busy.spawn(async move { spinning.probe(Probe::Spin).await });
    eventually("one works", async || (sandbox.idle_process_ids().len() == 1).then_some(())).await;
    sandbox.stop().await;
    let is_told = |came: &Result<_, _>| matches!(came, Err(RenderError::Unavailable(_)));
    assert!(busy.join_all().await.iter().all(is_told));
    for id in ids {
        assert!(!outside::exists(id), "process {id} is there, or was not reaped");
    }
    let late = sandbox.render(&showing(), &context(1)).await;
    assert!(matches!(late, Err(RenderError::Unavailable(_))), "{late:?}");
}
