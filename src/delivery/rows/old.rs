//! The shapes of deliveries' rows that earlier versions wrote. They are read, and never written.

use serde::{Deserialize, Serialize};

use super::format::{AttemptRow, DeliveryRow, numbers};
use crate::delivery::{Phase, Source};
use crate::id::{EventId, ProfileId, WebhookId};

// ---- Schema 2: no runs ----

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct DeliveryRowV2 {
    webhook: WebhookId,
    events: Vec<EventId>,
    profile: ProfileId,
    source: u8,
    state: u8,
    phase: u8,
    due_micros: i64,
    finished_micros: i64,
    began_micros: i64,
    attempts_before: u32,
    attempts: Vec<AttemptRow>,
}

impl From<DeliveryRowV2> for DeliveryRow {
    fn from(old: DeliveryRowV2) -> Self {
        Self {
            webhook: old.webhook,
            run: None,
            events: old.events,
            profile: old.profile,
            source: old.source,
            state: old.state,
            phase: old.phase,
            due_micros: old.due_micros,
            finished_micros: old.finished_micros,
            began_micros: old.began_micros,
            attempts_before: old.attempts_before,
            attempts: old.attempts,
        }
    }
}

// ---- Schema 1: one event, no evidence ----

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct DeliveryRowV1 {
    webhook: WebhookId,
    event: EventId,
    is_test: bool,
    state: u8,
    due_micros: i64,
    finished_micros: i64,
    attempts: Vec<AttemptRowV1>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct AttemptRowV1 {
    at_micros: i64,
    duration_micros: u64,
    status: u16,
    error: u8,
    detail: String,
    excerpt: String,
}

impl From<DeliveryRowV1> for DeliveryRow {
    fn from(old: DeliveryRowV1) -> Self {
        let phase = if old.due_micros == 0 { Phase::Fresh } else { Phase::Due };
        let source = if old.is_test { Source::Test } else { Source::Event };
        Self {
            events: vec![old.event],
            state: old.state,
            phase: numbers::phase(phase),
            due_micros: old.due_micros,
            finished_micros: old.finished_micros,
            attempts: old.attempts.into_iter().map(AttemptRow::from).collect(),
            ..Self::scheduled(old.webhook, source)
        }
    }
}

impl From<AttemptRowV1> for AttemptRow {
    fn from(old: AttemptRowV1) -> Self {
        Self {
            at_micros: old.at_micros,
            status: old.status,
            error: old.error,
            detail: old.detail,
            queue_micros: 0,
            dns_micros: None,
            connect_micros: None,
            tls_micros: None,
            first_byte_micros: None,
            total_micros: old.duration_micros,
            remote: None,
            tls_version: 0,
            body_bytes: 0,
            body_hash: 0,
            response_head: String::new(),
            excerpt: old.excerpt,
        }
    }
}
