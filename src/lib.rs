//! tidings: events in over local HTTP, signed deliveries out, nothing lost.
//!
//! This page is the architecture: what the parts are, how an event goes through them, and which
//! promises hold, each with the test that fails when it does not. The library is not a public
//! API; it exists so that the binary is thin and tests reach everything.
//!
//! # The parts, from the edges down
//!
//! | layer | modules | they… |
//! |---|---|---|
//! | edges | [`api`], [`cli`], [`config`], [`server`] | translate, and decide nothing |
//! | use cases | [`automation`], [`person`], [`ingest`], [`people`], [`subscriptions`], [`jobs`], [`segmentation`], [`erasure`], [`matching`], [`operations`], [`explanation`], [`trial`], [`replay`] | join capabilities in one commit |
//! | capabilities | [`account`], [`master_key`], [`key`], [`metric`], [`profile`], [`membership`], [`consent`], [`list`], [`segment`], [`job`], [`event`], [`webhook`], [`delivery`], [`flow`] | are the product: types, rows, pure decisions |
//! | mechanisms | [`store`], [`vault`], [`egress`], [`signing`], [`secret`], [`sandbox`] | stand for one outside thing each, and know no capability |
//! | ground | [`id`], [`clock`], [`limits`], [`json`], [`condition`], [`template`] | do no I/O |
//!
//! Imports point down this table; `tests/tidy.rs` has the list of who may name whom.
//!
//! # The path of one event
//!
//! 1. [`api`] takes `POST /api/events`: gate, route table, key and scopes, then
//!    [`event::parse_one`] turns the body into a checked event or a fault with a pointer.
//! 2. [`ingest::Ingest::record`] hands one command to the store's writer thread.
//! 3. In one transaction, shared with all commands that wait: the person is found or made, the
//!    metric too, a duplicate is dropped, the event is appended to the log, and a row of the
//!    outbox is written for every webhook that subscribes to its topic and whose filter it fits
//!    ([`matching`]), or the event joins the row that gathers a batch.
//! 4. The transaction is synced; then registries and lanes are told; then the request is
//!    answered with 202.
//! 5. [`delivery`] sends: a lane per webhook with its window, rate, order and breaker; the body is
//!    built from the event, stamped, signed, and leaves through [`egress`].
//! 6. The results of many attempts are recorded in one command: the row leaves the outbox for the
//!    log, or is due again by `delivery::policy`, which may also disable the webhook. What an
//!    operator should know becomes an event of its own ([`operations`]).
//!
//! 7. Whom an event, a list, a segment or a date lets through to a flow is an entry, written with
//!    what did it. [`automation`] makes runs of entries, decides from a snapshot how far each gets,
//!    has [`sandbox`] render what is to be sent, and writes it all in one command.
//! 8. Followers come behind, each with a cursor or with rows that it removes: the indexer writes the
//!    orders of events that listings and histories read ([`event`]); the segment engine asks whom a
//!    change, an event or a moment can have touched, and writes who entered and who left, as
//!    memberships and as events ([`segmentation`]). They wake with every commit.
//!
//! The delivery loop and whoever fills the outbox never call each other; they meet in the store,
//! and the only signal between them is a wake-up.
//!
//! # The file
//!
//! One redb file, `tidings.redb`. Each capability's `rows` is the only code that knows its tables.
//! Secrets in it are sealed by [`vault`], whose key lies elsewhere.
//!
//! | table | key → row | written |
//! |---|---|---|
//! | `events` | event id → event | appended with the event |
//! | `event_unique_runs`, `event_unique_entries` | run → filter; run, hash byte → entries | every 65,536 events |
//! | `events_by_time`, `events_by_metric`, `events_by_profile`, `events_indexed` | time, id; metric, time, id; profile, metric, time, id; → last indexed | a moment later, in batches |
//! | `profiles`, `profile_identifiers`, `profile_aliases` | id → profile; kind, text → id; id → further identifiers | when the person changes |
//! | `profiles_updated`, `profiles_updated_stale` | last change, id; the same, of before | when the person changes; swept a second later |
//! | `profiles_without_email` | id | when the person changes |
//! | `profiles_ordered` | → through which profile a file of before has its places in these | once |
//! | `profile_changes` | change id → what changed of whom | with the change; until it was followed |
//! | `profile_merges`, `profile_sources` | former id → id; id, former id | when people are merged |
//! | `group_members`, `group_joined`, `group_counts` | group, profile → since when; group, since when, profile; group → members | when somebody joins or leaves |
//! | `profile_consents` | id → what the person agreed to, and what holds mail back | when they say something |
//! | `consent_suppressions`, `consent_list_suppressions` | reason, since when, id; list, reason, since when, id | with the row |
//! | `groups` | id of a list or segment | from its making until nothing of it is left |
//! | `segments`, `segments_leaving` | id → segment; id of one that leaves things behind | by their calls |
//! | `segment_backfills` | segment → how far its computation is | until it is complete |
//! | `segment_timers`, `segment_watches` | moment, segment, profile; segment, profile → moment | when the answer can change by itself |
//! | `segment_cursor`, `segment_calendar` | → last event that was followed; → time zone | with every round |
//! | `lists`, `lists_removed` | id → list; id of one whose members are leaving | by their calls |
//! | `jobs`, `jobs_waiting`, `job_counts` | id → job; id; → how many | with every step of the job |
//! | `job_chunks`, `job_errors` | job, number → people; job, number → error | with the job, until they are done; with the step |
//! | `metrics`, `metric_names`, `metric_topics` | id → metric; name → id; topic → id | when a metric is new |
//! | `webhooks`, `keys`, `account` | id → row | by their calls |
//! | `master_key` | → check of the key that secrets are sealed with | at the first start |
//! | `outbox` | delivery id → delivery | with the event; leaves when finished |
//! | `outbox_due` | moment, delivery id → webhook | for retries only |
//! | `outbox_behind` | webhook, profile, delivery id | for what waits behind its profile |
//! | `outbox_gathering` | webhook → delivery id | while it gathers a batch |
//! | `webhooks_failing` | webhook → since when | when an endpoint begins to fail; until it works |
//! | `notices` | notice id → notice | until it is recorded as an event |
//! | `deliveries` | delivery id → finished delivery | when finished |
//! | `delivery_requests` | delivery id → request | with a delivery that a run of a flow rendered |
//! | `delivery_results` | delivery id → result | with the end of such a delivery; until its run took it |
//! | `delivery_index`, `delivery_index_cursor` | kind, owner, delivery id; → last indexed | when it is quiet, in batches |
//! | `delivery_index_erased` | → how often what was not indexed yet was erased | by erasures |
//! | `erasures`, `erasures_unfinished` | id → erasure, at last its receipt; id | with every step of the erasure |
//! | `flows`, `flows_leaving`, `flow_actions_last` | id → flow, sealed; id of one that leaves runs behind; → last action id | by their calls |
//! | `flow_entries` | moment, run → what a trigger let through | with the cause; until it was looked at |
//! | `flow_runs`, `flow_runs_due` | run → run with its timeline; moment, run | with every step of the run |
//! | `flow_runs_by_flow`, `flow_runs_by_profile`, `flow_entered` | flow, run; person, run; person, flow → last entry | when somebody enters |
//! | `flow_counts`, `flow_reviews` | flow, action → counts; flow, run, action → since when it waits for approval | with the steps |
//! | `flow_date_plans`, `flow_date_changes` | flow → how far its entries are planned; person who changed since | a day ahead; until they were looked at again |
//! | `replays` | replay id → replay with its cursor | with every step of the replay |
//! | `meta` | name → number | format; seal |
//!
//! # What always holds
//!
//! 1. Nothing is acknowledged before it is on disk. — `tests/it/crash.rs`, `tests/it/power_cut.rs`
//! 2. An event and all it causes commit together or not at all. — `tests/it/power_cut.rs` (a
//!    command is whole or absent), `tests/it/crash.rs` (no event without its delivery)
//! 3. A delivery is in exactly one state, and its indexes agree. — `tests/it/delivery.rs`,
//!    `tests/it/ordering.rs`, `tests/it/batching.rs`
//! 4. At least once: a message keeps its id; only attempts whose result was not yet on disk at a
//!    crash are made twice. — `tests/it/crash.rs`
//! 5. Nothing leaves except through `egress`, to an address that was judged. — `tests/it/netns.rs`,
//!    `src/egress/guard_tests.rs`
//! 6. Secrets are sealed at rest and never printed. — `tests/it/secrets.rs`, `src/secret.rs`
//! 7. Every queue, body, batch and loop has a cap in `limits.rs`.
//! 8. Imports point down. — `tests/tidy.rs`
//! 9. Decisions read no clock and no randomness. — clippy's `disallowed_methods`
//! 10. What was received is what is stored and delivered, byte for byte, where the body is not
//!     ours to build. — `tests/it/delivery.rs`, `src/event/document.rs`
//! 11. Of one key of an ordered webhook nothing overtakes. — `tests/it/ordering.rs`,
//!     `src/delivery/lanes/tests.rs`
//! 12. No endpoint can hold up another. — `tests/it/fanout.rs`, `benches/isolation.rs`
//! 13. A job takes everybody once, whatever interrupts it: people, counts and cursor move in one
//!     commit. — `tests/it/jobs.rs`
//! 14. Of a person whose erasure is complete, no row has anything but the receipt. —
//!     `tests/it/erasure.rs`
//! 15. What an action of a flow does inside, it does once: its effects and the run's advance are one
//!     commit. — `tests/it/journeys/`
//! 16. Who was followed into a segment is who is found if everybody is asked anew, whatever
//!     happened in whatever order. — `src/segmentation/tests/laws.rs`
//! 17. What people write runs in a worker process and can cost that process only: no file, no
//!     network, no other job. — `tests/it/sandbox.rs`

pub mod account;
pub mod api;
pub mod automation;
pub mod cli;
pub mod clock;
pub mod condition;
pub mod config;
pub mod consent;
pub mod delivery;
pub mod egress;
pub mod erasure;
pub mod event;
pub mod explanation;
pub mod flow;
pub mod id;
pub mod ingest;
pub mod job;
pub mod jobs;
pub mod json;
pub mod key;
pub mod limits;
pub mod list;
pub mod master_key;
pub mod matching;
pub mod membership;
pub mod metric;
pub mod operations;
pub mod people;
pub mod person;
pub mod profile;
pub mod replay;
pub mod sandbox;
pub mod secret;
pub mod segment;
pub mod segmentation;
pub mod server;
pub mod signing;
pub mod store;
pub mod subscriptions;
pub mod template;
pub mod trial;
pub mod vault;
pub mod webhook;
