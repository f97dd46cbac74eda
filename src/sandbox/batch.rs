//! Many jobs at once: spread over the workers in parts, and put together again in order.
//!
//! A part is small enough that others, who come in between, do not wait long for their turn.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use super::pool::Pool;
use super::probe::Probe;
use super::process::{Answer, Task};
use super::{RenderError, RenderJob, check_size, encoded, rendered, stopping};
use crate::limits::WORKER_JOBS_TOGETHER_MAX;
use crate::template::{RenderedRequest, RequestTemplate};

/// Renders all jobs, but those that a probe takes the place of; one result for each, in order.
pub(super) async fn render_all(
    pool: &Pool,
    jobs: &[RenderJob],
    probes: &[(usize, Probe)],
) -> Vec<Result<RenderedRequest, RenderError>> {
    let mut tasks = tasks(jobs);
    for (place, probe) in probes {
        if let Some(task) = tasks.get_mut(*place) {
            *task = Ok(Task::Probe(*probe));
        }
    }
    let fitting: Vec<_> = tasks.iter().flatten().cloned().collect();
    let mut answers = run(pool, &fitting).await.into_iter();
    let result = |task: Result<Task<'_>, RenderError>| {
        task?;
        rendered(answers.next().unwrap_or_else(|| Err(stopping())))
    };
    tasks.into_iter().map(result).collect()
}

/// A task for each job that fits into a frame. Neighbours share the text of their template.
fn tasks(jobs: &[RenderJob]) -> Vec<Result<Task<'_>, RenderError>> {
    let mut last: Option<(&Arc<RequestTemplate>, Arc<[u8]>)> = None;
    let mut task = |job| {
        let RenderJob { template: own, context }: &RenderJob = job;
        check_size("context", context)?;
        let template = match &last {
            Some((known, text)) if *known == own => Arc::clone(text),
            _ => encoded(own)?,
        };
        last = Some((own, Arc::clone(&template)));
        Ok(Task::Render { template, context })
    };
    jobs.iter().map(&mut task).collect()
}

/// Has tasks done by as many workers as there are: each takes the next part when it is free.
async fn run(pool: &Pool, tasks: &[Task<'_>]) -> Vec<Result<Answer, RenderError>> {
    // Few jobs are spread too: each worker gets its share of them.
    let share = tasks.len().div_ceil(pool.workers());
    let parts: Vec<_> = tasks.chunks(share.clamp(1, WORKER_JOBS_TOGETHER_MAX)).collect();
    let next = AtomicUsize::new(0);
    let lane = async || {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(part) = parts.get(place) else { return done };
            done.push((place, pool.run(part).await));
        }
    };
    let lanes = (0..pool.workers().min(parts.len())).map(|_| Box::pin(lane())).collect();
    let mut done: Vec<_> = all(lanes).await.into_iter().flatten().collect();
    done.sort_unstable_by_key(|(place, _)| *place);
    done.into_iter().flat_map(|(_, results)| results).collect()
}

/// Runs futures beside each other, in this task, so that dropping it drops them.
async fn all<F: Future>(mut running: Vec<Pin<Box<F>>>) -> Vec<F::Output> {
    let mut done = Vec::with_capacity(running.len());
    poll_fn(|context| {
        running.retain_mut(|one| match one.as_mut().poll(context) {
            Poll::Ready(output) => {
                done.push(output);
                false
            }
            Poll::Pending => true,
        });
        if running.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done
}
