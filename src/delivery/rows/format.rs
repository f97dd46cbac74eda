//! The rows of deliveries as they stand in the file; `old.rs` has the shapes that are only read.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Gathering;
use super::old::{DeliveryRowV1, DeliveryRowV2};
use crate::clock::Timestamp;
use crate::delivery::{Attempt, Delivery, Outcome, Phase, Source, State, Trace};
use crate::id::{DeliveryId, EventId, ProfileId, RunId, WebhookId};
use crate::store::{Row, read_payload};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct DeliveryRow {
    pub(super) webhook: WebhookId,
    /// Whose request it carries.
    pub(super) run: Option<RunId>,
    pub(super) events: Vec<EventId>,
    /// Zero for a batch.
    pub(super) profile: ProfileId,
    pub(super) source: u8,
    pub(super) state: u8,
    pub(super) phase: u8,
    /// Zero where there is none.
    pub(super) due_micros: i64,
    /// Zero where it is not finished.
    pub(super) finished_micros: i64,
    /// When its schedule began; zero where that is when it was made.
    pub(super) began_micros: i64,
    /// Attempts that the schedule does not count.
    pub(super) attempts_before: u32,
    pub(super) attempts: Vec<AttemptRow>,
}

impl DeliveryRow {
    /// A scheduled delivery that has nothing yet.
    pub(super) fn scheduled(webhook: WebhookId, source: Source) -> Self {
        Self {
            webhook,
            run: None,
            events: Vec::new(),
            profile: ProfileId::from_u128(0),
            source: numbers::source(source),
            state: numbers::state(State::Scheduled),
            phase: numbers::phase(Phase::Fresh),
            due_micros: 0,
            finished_micros: 0,
            began_micros: 0,
            attempts_before: 0,
            attempts: Vec::new(),
        }
    }

    pub(super) fn event(&self) -> Option<EventId> {
        self.events.first().copied()
    }

    /// Whether none of its attempts made a request.
    pub(super) fn was_never_sent(&self) -> bool {
        self.attempts.iter().all(|attempt| attempt.error == numbers::ERROR_UNRENDERED)
    }

    /// The status of the last attempt, if it was answered.
    pub(super) fn last_status(&self) -> Option<u16> {
        self.attempts.last().filter(|attempt| attempt.error == 0).map(|attempt| attempt.status)
    }
}

impl Row for DeliveryRow {
    const SCHEMA: u8 = 3;

    fn upgrade(schema: u8, payload: &[u8]) -> Option<Self> {
        match schema {
            1 => read_payload::<DeliveryRowV1>(payload).map(Self::from),
            2 => read_payload::<DeliveryRowV2>(payload).map(Self::from),
            _ => None,
        }
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct AttemptRow {
    pub(super) at_micros: i64,
    /// Zero where there was no answer.
    pub(super) status: u16,
    /// Zero where there was an answer.
    pub(super) error: u8,
    pub(super) detail: String,
    pub(super) queue_micros: u64,
    pub(super) dns_micros: Option<u64>,
    pub(super) connect_micros: Option<u64>,
    pub(super) tls_micros: Option<u64>,
    pub(super) first_byte_micros: Option<u64>,
    pub(super) total_micros: u64,
    pub(super) remote: Option<SocketAddr>,
    pub(super) tls_version: u8,
    pub(super) body_bytes: u32,
    pub(super) body_hash: u64,
    pub(super) response_head: String,
    pub(super) excerpt: String,
}

impl AttemptRow {
    /// Forgets what the endpoint answered, which may repeat what it was sent. What is kept of a
    /// failure are words of our own.
    pub(super) fn forget_answer(&mut self) {
        self.response_head.clear();
        self.excerpt.clear();
    }

    pub(super) const fn at(&self) -> Timestamp {
        Timestamp::from_micros(self.at_micros)
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct DueRow {
    pub(super) webhook: WebhookId,
    pub(super) profile: ProfileId,
}

impl Row for DueRow {
    const SCHEMA: u8 = 2;

    fn upgrade(schema: u8, payload: &[u8]) -> Option<Self> {
        let webhook = (schema == 1).then(|| read_payload::<WebhookId>(payload))??;
        Some(Self { webhook, profile: ProfileId::from_u128(0) })
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct BehindRow {}

impl Row for BehindRow {
    const SCHEMA: u8 = 1;
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct GatheringRow {
    delivery: DeliveryId,
    events: u32,
    bytes: u32,
    closes_micros: i64,
}

impl Row for GatheringRow {
    const SCHEMA: u8 = 1;
}

impl GatheringRow {
    pub(super) fn into_gathering(self) -> Gathering {
        Gathering {
            id: self.delivery,
            events: usize::try_from(self.events).unwrap_or(usize::MAX),
            bytes: usize::try_from(self.bytes).unwrap_or(usize::MAX),
            closes: Timestamp::from_micros(self.closes_micros),
        }
    }
}

impl From<Gathering> for GatheringRow {
    fn from(of: Gathering) -> Self {
        Self {
            delivery: of.id,
            events: u32::try_from(of.events).unwrap_or(u32::MAX),
            bytes: u32::try_from(of.bytes).unwrap_or(u32::MAX),
            closes_micros: of.closes.micros(),
        }
    }
}

/// The numbers that stand in the file for states and kinds; they never change.
pub(super) mod numbers {
    use crate::delivery::{Phase, Source, State};
    use crate::egress::{SendErrorKind, TlsVersion};

    const STATES: [(State, u8); 5] = [
        (State::Scheduled, 1),
        (State::Delivered, 2),
        (State::Exhausted, 3),
        (State::Cancelled, 4),
        (State::Parked, 5),
    ];
    const SOURCES: [(Source, u8); 5] = [
        (Source::Event, 0),
        (Source::Test, 1),
        (Source::Replay, 2),
        (Source::Operational, 3),
        (Source::Flow, 4),
    ];
    const PHASES: [(Phase, u8); 4] =
        [(Phase::Fresh, 0), (Phase::Gathering, 1), (Phase::Due, 2), (Phase::Behind, 3)];
    pub(super) const ERRORS: [(SendErrorKind, u8); 6] = [
        (SendErrorKind::AddressRefused, 1),
        (SendErrorKind::Resolve, 2),
        (SendErrorKind::Connect, 3),
        (SendErrorKind::Tls, 4),
        (SendErrorKind::Timeout, 5),
        (SendErrorKind::Protocol, 6),
    ];
    pub(super) const TLS: [(TlsVersion, u8); 2] = [(TlsVersion::V1_2, 12), (TlsVersion::V1_3, 13)];
    pub(super) const ERROR_GONE: u8 = 255;
    pub(super) const ERROR_UNREADABLE: u8 = 254;
    pub(super) const ERROR_NO_TOKEN: u8 = 253;
    pub(super) const ERROR_UNWANTED: u8 = 252;
    pub(super) const ERROR_UNRENDERED: u8 = 251;

    pub(super) fn number<T: PartialEq>(pairs: &[(T, u8)], of: &T) -> u8 {
        pairs.iter().find(|(value, _)| value == of).map_or(0, |(_, number)| *number)
    }

    pub(super) fn value<T: Copy>(pairs: &[(T, u8)], of: u8) -> Option<T> {
        pairs.iter().find(|(_, number)| *number == of).map(|(value, _)| *value)
    }

    pub(in crate::delivery::rows) fn state(of: State) -> u8 {
        number(&STATES, &of)
    }

    pub(in crate::delivery::rows) fn state_of(number: u8) -> State {
        value(&STATES, number).unwrap_or(State::Cancelled)
    }

    pub(in crate::delivery::rows) fn source(of: Source) -> u8 {
        number(&SOURCES, &of)
    }

    pub(in crate::delivery::rows) fn source_of(number: u8) -> Source {
        value(&SOURCES, number).unwrap_or(Source::Event)
    }

    pub(in crate::delivery::rows) fn phase(of: Phase) -> u8 {
        number(&PHASES, &of)
    }

    pub(in crate::delivery::rows) fn phase_of(number: u8) -> Phase {
        value(&PHASES, number).unwrap_or(Phase::Fresh)
    }
}

fn micros(of: Duration) -> u64 {
    u64::try_from(of.as_micros()).unwrap_or(u64::MAX)
}

pub(super) fn attempt_row(attempt: &Attempt) -> AttemptRow {
    let (status, error, detail) = match &attempt.outcome {
        Outcome::Answered(status) => (*status, 0, String::new()),
        Outcome::Failed { kind, detail } => {
            (0, numbers::number(&numbers::ERRORS, kind), detail.clone())
        }
        Outcome::NoToken { detail } => (0, numbers::ERROR_NO_TOKEN, detail.clone()),
        Outcome::Gone => (0, numbers::ERROR_GONE, String::new()),
        Outcome::Unwanted => (0, numbers::ERROR_UNWANTED, String::new()),
        Outcome::Unreadable { detail } => (0, numbers::ERROR_UNREADABLE, detail.clone()),
        Outcome::Unrendered { detail } => (0, numbers::ERROR_UNRENDERED, detail.clone()),
    };
    let trace = &attempt.trace;
    AttemptRow {
        at_micros: attempt.at.micros(),
        status,
        error,
        detail,
        queue_micros: micros(trace.queue),
        dns_micros: trace.dns.map(micros),
        connect_micros: trace.connect.map(micros),
        tls_micros: trace.tls_handshake.map(micros),
        first_byte_micros: trace.first_byte.map(micros),
        total_micros: micros(trace.total),
        remote: trace.remote,
        tls_version: trace.tls.map_or(0, |version| numbers::number(&numbers::TLS, &version)),
        body_bytes: attempt.body_bytes,
        body_hash: attempt.body_hash,
        response_head: attempt.response_head.clone(),
        excerpt: attempt.excerpt.clone(),
    }
}

fn attempt(row: AttemptRow) -> Attempt {
    let kind = numbers::value(&numbers::ERRORS, row.error);
    let detail = row.detail;
    let outcome = match (row.error, kind) {
        (0, _) => Outcome::Answered(row.status),
        (_, Some(kind)) => Outcome::Failed { kind, detail },
        (numbers::ERROR_UNREADABLE, None) => Outcome::Unreadable { detail },
        (numbers::ERROR_NO_TOKEN, None) => Outcome::NoToken { detail },
        (numbers::ERROR_UNRENDERED, None) => Outcome::Unrendered { detail },
        (numbers::ERROR_UNWANTED, None) => Outcome::Unwanted,
        (_, None) => Outcome::Gone,
    };
    let trace = Trace {
        queue: Duration::from_micros(row.queue_micros),
        dns: row.dns_micros.map(Duration::from_micros),
        connect: row.connect_micros.map(Duration::from_micros),
        tls_handshake: row.tls_micros.map(Duration::from_micros),
        first_byte: row.first_byte_micros.map(Duration::from_micros),
        total: Duration::from_micros(row.total_micros),
        remote: row.remote,
        tls: numbers::value(&numbers::TLS, row.tls_version),
    };
    Attempt {
        at: Timestamp::from_micros(row.at_micros),
        outcome,
        trace,
        body_bytes: row.body_bytes,
        body_hash: row.body_hash,
        response_head: row.response_head,
        excerpt: row.excerpt,
    }
}

pub(super) fn delivery(id: DeliveryId, row: DeliveryRow) -> Delivery {
    let some = |micros: i64| (micros != 0).then(|| Timestamp::from_micros(micros));
    let state = numbers::state_of(row.state);
    Delivery {
        id,
        webhook: row.webhook,
        source: numbers::source_of(row.source),
        run: row.run,
        events: row.events,
        profile: (row.profile != ProfileId::from_u128(0)).then_some(row.profile),
        state,
        phase: numbers::phase_of(row.phase),
        created: id.created(),
        due: (state == State::Scheduled)
            .then(|| some(row.due_micros).unwrap_or_else(|| id.created())),
        finished: some(row.finished_micros),
        resent: some(row.began_micros),
        attempts: row.attempts.into_iter().map(attempt).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::TlsVersion;
    use crate::store::{from_hex, hex_of};

    fn row() -> DeliveryRow {
        DeliveryRow {
            webhook: WebhookId::from_u128(3),
            run: None,
            events: vec![EventId::from_u64(7)],
            profile: ProfileId::from_u128(5),
            source: numbers::source(Source::Event),
            state: numbers::state(State::Scheduled),
            phase: numbers::phase(Phase::Due),
            due_micros: 9,
            finished_micros: 0,
            began_micros: 0,
            attempts_before: 0,
            attempts: vec![attempt_row(&made(Outcome::Answered(503)))],
        }
    }

    fn made(outcome: Outcome) -> Attempt {
        Attempt {
            at: Timestamp::from_micros(5),
            outcome,
            trace: Trace {
                queue: Duration::from_micros(1),
                dns: Some(Duration::from_micros(2)),
                total: Duration::from_micros(300),
                remote: Some(SocketAddr::from(([192, 0, 2, 1], 443))),
                tls: Some(TlsVersion::V1_3),
                ..Trace::default()
            },
            body_bytes: 10,
            body_hash: 11,
            response_head: "server: x\n".to_owned(),
            excerpt: "busy".to_owned(),
        }
    }

    #[test]
    fn rows_have_frozen_bytes() {
        const FROZEN: &str = "0303010901070504010212000000010afbf7010000010102000000fb2c010100c0000201fbbb010d0a0b0a7365727665723a20780a0462757379307194868ba0fcb6";
        let of_run = || DeliveryRow {
            run: Some(RunId::from_u128(9)),
            source: numbers::source(Source::Flow),
            ..row()
        };
        assert_eq!(hex_of(&of_run()), FROZEN);
        assert_eq!(from_hex::<DeliveryRow>(FROZEN), Ok(of_run()));
        let due = DueRow { webhook: WebhookId::from_u128(3), profile: ProfileId::from_u128(5) };
        assert_eq!(hex_of(&due), "0203052cad2e65fc64ebaa");
        let gathering = GatheringRow {
            delivery: DeliveryId::from_u128(3),
            events: 2,
            bytes: 300,
            closes_micros: 9,
        };
        assert_eq!(hex_of(&gathering), "010302fb2c011291df3f50d801e4ef");
        assert_eq!(hex_of(&BehindRow {}), "01ebce86ebd2f92ee1");
    }

    #[test]
    fn rows_of_the_second_version_are_read() {
        const OLD: &str = "020301070500010212000000010afbf7010000010102000000fb2c010100c0000201fbbb010d0a0b0a7365727665723a20780a046275737908c199d0f42d08a3";
        assert_eq!(from_hex::<DeliveryRow>(OLD), Ok(row()));
    }

    #[test]
    fn rows_of_the_first_version_are_read() {
        const OLD: &str = "01030700011200010afb2c01fbf701000004627573796bb4105acfa0d005";
        let read = delivery(DeliveryId::from_u128(1), from_hex::<DeliveryRow>(OLD).unwrap());
        assert_eq!((read.events.as_slice(), read.phase), (&[EventId::from_u64(7)][..], Phase::Due));
        assert_eq!(read.attempts[0].outcome, Outcome::Answered(503));
        assert_eq!(read.attempts[0].trace.total, Duration::from_micros(300));
        assert_eq!(read.attempts[0].excerpt, "busy");
        let due = from_hex::<DueRow>("0103fec86c6df2aef142").unwrap();
        assert_eq!(due.webhook, WebhookId::from_u128(3));
    }

    #[test]
    fn an_attempt_survives_its_row() {
        let detail = || "why".to_owned();
        let outcomes = numbers::ERRORS
            .iter()
            .map(|(kind, _)| Outcome::Failed { kind: *kind, detail: detail() })
            .chain([Outcome::Answered(503), Outcome::Gone, Outcome::Unwanted])
            .chain([
                Outcome::Unreadable { detail: detail() },
                Outcome::NoToken { detail: detail() },
                Outcome::Unrendered { detail: detail() },
            ]);
        for outcome in outcomes {
            let made = made(outcome);
            assert_eq!(attempt(attempt_row(&made)), made);
        }
    }
}
