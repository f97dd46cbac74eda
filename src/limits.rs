//! Every bound of the product, with its reason. Units come last in the name.
//!
//! A bound that an operator may change has its default here and its key in `config.rs`; the
//! others are part of how tidings behaves and change only with the code.

mod conditions;
mod events;
mod flows;
mod groups;
mod people;
mod sandbox;
mod segments;
mod templates;

use std::ops::RangeInclusive;
use std::time::Duration;

pub use conditions::*;
pub use events::*;
pub use flows::*;
pub use groups::*;
pub use people::*;
pub use sandbox::*;
pub use segments::*;
pub use templates::*;

// ---- Deliveries leaving: egress ----

/// One deadline from the first look-up to the last byte read. Long enough for a slow receiver,
/// short enough that a hanging one frees its slot four times a minute.
pub const DELIVERY_TIMEOUT: Duration = Duration::from_secs(15);
/// How much of a response is read. Receivers answer with a line or a small document; a longer
/// body costs its connection, not our memory.
pub const RESPONSE_BODY_BYTES_MAX: usize = 64 * 1024;
/// How much of a response is captured for the one who asks for it: all that is read of one. An
/// answer that a later step looks into is a small document; a longer one is told apart, not cut.
pub const CAPTURED_BYTES_MAX: usize = RESPONSE_BODY_BYTES_MAX;
/// How much of a response is kept with the attempt: enough for an error document.
pub const RESPONSE_EXCERPT_BYTES_MAX: usize = 4096;
/// Read buffer of one connection to a receiver, and so the cap of a response's head.
pub const RESPONSE_HEAD_BYTES_MAX: usize = 64 * 1024;
/// Header lines accepted from a receiver; hyper's own default, written down.
pub const RESPONSE_HEADERS_MAX: usize = 100;
/// How long an idle connection to a receiver is kept. Common servers close theirs after 60 s or
/// more; going first avoids posting into a connection that is being closed.
pub const KEEP_ALIVE_IDLE: Duration = Duration::from_secs(50);
/// Idle connections kept to one receiver: as many as one destination has attempts at once.
pub const KEEP_ALIVE_PER_HOST_MAX: usize = 16;
/// Length of a destination's URL. Browsers and proxies cope with about this much.
pub const DESTINATION_BYTES_MAX: usize = 2048;
/// How long one name look-up may take. The system's resolver asks its next server after 5 s.
pub const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);
/// Look-ups at once. Each holds a thread until the system's resolver answers, even when nobody
/// waits for it any more.
pub const LOOKUPS_AT_ONCE_MAX: usize = 64;
/// Addresses of one name that are tried, one after the other.
pub const ADDRESSES_DIALLED_MAX: usize = 6;
/// How long one address may take to accept a connection: one lost SYN and a far continent fit in,
/// and a second address still gets its turn within [`DELIVERY_TIMEOUT`].
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(4);
/// How long the first family of addresses, IPv6 or IPv4, is dialled before the other is dialled
/// beside it, so that a broken one costs a moment and not [`DIAL_TIMEOUT`] (RFC 8305 §8).
pub const DIAL_OTHER_FAMILY_AFTER: Duration = Duration::from_millis(250);
/// How long a TLS handshake may take. A handshake may outlive the request that began it, so the
/// deadline of the request is not enough.
pub const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Interim (1xx) responses accepted before the response itself; real servers send one or two.
pub const RESPONSE_INTERIM_MAX: usize = 8;
/// How long an HTTP/2 connection with a request on it may be silent before it is pinged. With
/// [`HTTP2_PING_TIMEOUT`] a dead connection is found within [`DELIVERY_TIMEOUT`], and not used
/// again and again until the kernel gives it up after a quarter of an hour.
pub const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(5);
/// How long the answer to an HTTP/2 ping may take.
pub const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(5);
/// Length of one PEM text of a destination's TLS settings: a chain of some thirty certificates.
pub const TLS_SETTINGS_PEM_BYTES_MAX: usize = 64 * 1024;
/// TLS sessions remembered for one destination with TLS settings of its own; the least that lets
/// it resume one.
pub const TLS_SETTINGS_SESSIONS: usize = 8;
/// Length of the sentence that tells why a request failed; parts of it can come from the receiver.
pub const SEND_ERROR_DETAIL_BYTES_MAX: usize = 400;

// ---- The store ----

/// One stored row. The largest is an event with the properties of a full request body.
pub const ROW_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Commands waiting for the writer: several full batches, so that it never waits for work while
/// there is some; whoever comes later waits to be let in.
pub const COMMANDS_QUEUED_MAX: usize = 4_096;
/// Commands in one transaction: bounds how long the first one waits for its answer.
pub const BATCH_COMMANDS_MAX: usize = 1_024;
/// Bytes staged in one transaction: bounds its memory and its sync.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The longest time for which the writer gathers commands before a commit; less than a slow disk
/// takes for one.
pub const GATHER_MAX: Duration = Duration::from_millis(2);
/// How long it lets go of its core each time, so that clients get to send.
pub const GATHER_STEP: Duration = Duration::from_micros(50);
/// The writer saves redb's page allocator after being idle this long; longer than the pause
/// between two requests of a steady producer, shorter than an operator's patience.
pub const SEAL_AFTER_IDLE: Duration = Duration::from_millis(500);
/// Free disk space below which nothing new is accepted, so that the results of deliveries, which
/// free space, can still be stored.
pub const DISK_RESERVE_BYTES: u64 = 64 * 1024 * 1024;
/// How often free space is looked at; a second of full-speed ingest is less than the reserve.
pub const DISK_LOOK_EVERY: Duration = Duration::from_secs(1);

// ---- Events and profiles (contract: wire.md §4.2) ----

/// Top-level properties of an event.
pub const PROPERTIES_MAX: usize = 400;
/// One string inside properties.
pub const PROPERTY_STRING_BYTES_MAX: usize = 100 * 1024;
/// Items of one array inside properties.
pub const PROPERTY_ARRAY_ITEMS_MAX: usize = 4_000;
/// Levels of nesting inside properties; the properties object itself is the first.
pub const PROPERTY_DEPTH_MAX: usize = 10;
/// The profile object of one event, and a profile's stored properties.
pub const PROFILE_BYTES_MAX: usize = 95 * 1024;
/// A metric's name, in characters: the contract says "fewer than 128".
pub const METRIC_NAME_CHARS_MAX: usize = 127;
/// A metric's integration key, in characters: a name of one or two words.
pub const METRIC_SERVICE_CHARS_MAX: usize = 64;
/// Metrics in all. Each costs about 300 bytes of memory; a producer that puts ids into names
/// meets this bound instead of filling the host.
pub const METRICS_MAX: usize = 20_000;
/// A `unique_id`, in characters.
pub const UNIQUE_ID_CHARS_MAX: usize = 255;
/// An identifier of a profile (e-mail, external id…), in characters; more than any mail address.
pub const IDENTIFIER_CHARS_MAX: usize = 320;
/// One of a profile's short texts (first name, organisation…), in characters.
pub const PROFILE_TEXT_CHARS_MAX: usize = 2_048;
/// Events in one bulk request.
pub const BULK_EVENTS_MAX: usize = 1_000;
/// The earliest time an event may have: 1990-01-01T00:00:00Z.
pub const EVENT_TIME_MIN_SECONDS: i64 = 631_152_000;
/// How far ahead of now an event's time may lie.
pub const EVENT_TIME_AHEAD_SECONDS_MAX: i64 = 366 * 86_400;
/// Entries of the duplicate index that are in memory and not yet a sealed run; also how many
/// events are read again at a start.
pub const UNIQUE_TAIL_MAX: usize = 65_536;
/// Sealed runs of the duplicate index, the oldest dropped first: 16.7 million events, whose
/// filters take 21 MB of memory.
pub const UNIQUE_RUNS_MAX: usize = 256;

// ---- Local receiver: `tidings listen` and `tidings demo` ----

/// One request body: a batch of 1,000 events of the usual size fits many times over.
pub const RECEIVER_BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Read buffer of one connection, and so the cap of a request's head.
pub const RECEIVER_HEAD_BYTES_MAX: usize = 64 * 1024;
/// Connections at once, several times what one sender opens; the next one waits.
pub const RECEIVER_CONNECTIONS_MAX: usize = 256;
/// How long a connection may be idle or send its head: longer than senders keep theirs open, so
/// that the sender is the one who closes.
pub const RECEIVER_HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// How long one body may take to come, over loopback.
pub const RECEIVER_BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Deliveries waiting to be shown; when it is full, answers wait.
pub const RECEIVER_EVENTS_QUEUED_MAX: usize = 1_024;
/// Message ids whose attempts are counted, the oldest forgotten first: about 3 MB.
pub const RECEIVER_MESSAGES_REMEMBERED_MAX: usize = 65_536;
/// How long running answers may take to end after a stop.
pub const RECEIVER_STOP_GRACE: Duration = Duration::from_secs(1);
/// The pause after a failed accept, for example without free file descriptors.
pub const RECEIVER_ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How far a signed time may be from now: five minutes, as Standard Webhooks receivers do.
pub const SIGNATURE_TOLERANCE: Duration = Duration::from_secs(300);
/// The longest delay of an answer, far beyond every sender's deadline.
pub const ANSWER_DELAY_MS_MAX: u64 = 600_000;
/// Parts of one answer script: far more than anyone types.
pub const SCRIPT_PARTS_MAX: usize = 256;
/// Repetitions of one part of an answer script.
pub const SCRIPT_TIMES_MAX: u32 = 1_000_000;
/// Events of one delivery that are shown; the rest is counted.
pub const SHOWN_EVENTS_MAX: usize = 20;
/// Characters shown of one text that a sender chose, such as an event's properties.
pub const SHOWN_TEXT_CHARS_MAX: usize = 240;

// ---- Sealed secrets ----

/// A master key file: its one line has 65 bytes; a comment by mistake still fits in and is named.
pub const MASTER_KEY_FILE_BYTES_MAX: usize = 1_024;
/// One sealed value: the largest is the definition of a flow, whose headers may be tokens, with all
/// that it leaves out filled in.
pub const SEALED_BYTES_MAX: usize = 2 * 1024 * 1024;

// ---- Webhooks ----

/// Webhooks in all. Each costs about 2 KB of memory with its lanes; the original allows 10.
pub const WEBHOOKS_MAX: usize = 20_000;
/// Topics of one webhook: every metric there can be would be a filter, not a list.
pub const WEBHOOK_TOPICS_MAX: usize = 1_000;
/// A webhook's name, in characters.
pub const WEBHOOK_NAME_CHARS_MAX: usize = 255;
/// A webhook's description, in characters.
pub const WEBHOOK_DESCRIPTION_CHARS_MAX: usize = 2_048;
/// A signing secret has at least this many characters (contract: wire.md §1.6).
pub const SECRET_CHARS_MIN: usize = 16;
/// And at most this many: the contract names no maximum; HMAC gains nothing beyond its block.
pub const SECRET_CHARS_MAX: usize = 512;
/// The attributes of a webhook in one request; we know some thirty, a client may have its own.
pub const WEBHOOK_ATTRIBUTES_MAX: usize = 100;
/// Nesting of those attributes: the deepest is a filter, and it stands inside of them.
pub const WEBHOOK_ATTRIBUTES_DEPTH_MAX: usize = CONDITION_DEPTH_MAX + 2;
/// Headers that a webhook adds to its deliveries: a proxy's, a gateway's and a team's.
pub const HEADERS_MAX: usize = 32;
/// The name of one of them; no registered name is half as long.
pub const HEADER_NAME_BYTES_MAX: usize = 128;
/// The value of one of them: a large token fits.
pub const HEADER_VALUE_BYTES_MAX: usize = 4 * 1024;
/// All of them together: common servers take 8 KiB to 16 KiB of head, and ours stand there too.
pub const HEADERS_BYTES_MAX: usize = 8 * 1024;
/// A password, token or client secret. A header's value holds it, so the same bound.
pub const AUTH_SECRET_BYTES_MAX: usize = HEADER_VALUE_BYTES_MAX;
/// A client's private key in PEM: the largest RSA key in use has 13 KB. All secrets of a webhook
/// together fit into [`SEALED_BYTES_MAX`].
pub const CLIENT_KEY_BYTES_MAX: usize = 16 * 1024;
/// A user name, client id or scope, in characters.
pub const AUTH_TEXT_CHARS_MAX: usize = 255;
/// The deadline of an attempt that a webhook may choose, in seconds; the operator's has the same
/// bounds. Two minutes are what the slowest gateways allow.
pub const WEBHOOK_TIMEOUT_SECONDS: RangeInclusive<u64> = 1..=120;
/// Attempts under way to one webhook at once that it may choose; the operator's has the same
/// bounds. Each holds a connection.
pub const WEBHOOK_CONCURRENCY: RangeInclusive<u64> = 1..=256;
/// Attempts in a period of a rate limit; more is no limit.
pub const RATE_LIMIT_REQUESTS_MAX: u32 = 1_000_000;
/// Retries of one delivery: [`ATTEMPTS_KEPT_MAX`] holds them and the first attempt.
pub const RETRIES_MAX: usize = 32;
/// The shortest delay before a retry.
pub const RETRY_DELAY_MIN: Duration = Duration::from_secs(1);
/// The longest delay before a retry: one that is due after a week is looked at by a person.
pub const RETRY_DELAY_MAX: Duration = Duration::from_secs(7 * 86_400);
/// How old a delivery may become, and how long an ordered one may block: a month of outage is a
/// decision, not a failure.
pub const RETRY_AGE_MAX: Duration = Duration::from_secs(30 * 86_400);
/// Events in one batch, at most.
pub const BATCH_EVENTS: RangeInclusive<u64> = 1..=1_000;
/// Where a webhook with batches does not say: a body of some 100 KB.
pub const BATCH_EVENTS_DEFAULT: usize = 100;
/// How long the first event of a batch waits for others, in milliseconds: a minute is late enough
/// for what is meant to be prompt.
pub const BATCH_WAIT_MS: RangeInclusive<u64> = 1..=60_000;
/// Where a webhook with batches does not say: nobody notices a second.
pub const BATCH_WAIT_DEFAULT: Duration = Duration::from_secs(1);
/// The data of one batch, in bytes: from one small event to what large receivers accept.
pub const BATCH_BYTES: RangeInclusive<u64> = 1_024..=4 * 1024 * 1024;
/// Where a webhook with batches does not say: the default bound of common servers.
pub const BATCH_BYTES_DEFAULT: usize = 1024 * 1024;
/// How long a secret stays good after its rotation, where the request does not say: receivers are
/// deployed within a working day.
pub const SECRET_OVERLAP: Duration = Duration::from_secs(86_400);
/// The longest such time. A secret that is still in use after a month was not rotated.
pub const SECRET_OVERLAP_MAX: Duration = Duration::from_secs(30 * 86_400);
/// The sentence that says why a webhook was switched off, in characters.
pub const DISABLED_DETAIL_CHARS_MAX: usize = 500;
/// How long an endpoint may take to answer a handshake: less than [`CLI_REQUEST_TIMEOUT`], because
/// somebody waits for it.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(8);

// ---- The delivery loop ----

/// Attempts under way to one destination by default: enough to fill a fast receiver, few enough
/// not to flood a small one.
pub const DELIVERY_CONCURRENCY: usize = 16;
/// Slots of an endpoint that has not shown yet what it can take; each success adds one, up to its
/// concurrency. An endpoint that hangs from the start holds no more than these.
pub const WINDOW_FIRST: usize = 4;
/// After this many failures in a row an endpoint is left alone for a while.
pub const BREAKER_FAILURES: u32 = 5;
/// The first pause: a process that restarts is back by then.
pub const BREAKER_PAUSE_FIRST: Duration = Duration::from_secs(2);
/// The longest pause between two probes: an endpoint that is back has its backlog a minute later.
pub const BREAKER_PAUSE_MAX: Duration = Duration::from_secs(60);
/// The longest that a `Retry-After` pauses a whole endpoint; the one delivery waits up to
/// [`RETRY_AFTER_MAX`].
pub const BUSY_PAUSE_MAX: Duration = Duration::from_secs(3_600);
/// The longest that a `Retry-After` can delay a retry: a day, as the longest step of our own.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3_600);
/// An endpoint that took nothing for so long is disabled.
pub const DISABLE_AFTER: Duration = Duration::from_secs(5 * 24 * 3_600);
/// Failures further apart than this are not one failure: more than the longest step of the default
/// schedule with its jitter.
pub const FAILURES_APART_MAX: Duration = Duration::from_secs(36 * 3_600);
/// How often it is written down that an endpoint still fails.
pub const FAILURE_WRITTEN_EVERY: Duration = Duration::from_secs(3_600);
/// An endpoint that failed for less than this and works again is no news.
pub const RECOVERED_AFTER: Duration = Duration::from_secs(60);
/// Attempts under way to all endpoints together: each holds a socket and about 50 KB. An endpoint
/// without one may always begin one.
pub const ATTEMPTS_AT_ONCE_MAX: usize = 8_192;
/// Keys of one ordered webhook that are under way, retried or keep others waiting; 100 bytes each.
/// Beyond it the webhook begins nothing new until one is free.
pub const KEYS_HELD_MAX: usize = 10_000;
/// Deliveries that one look at an ordered lane moves behind their keys.
pub const BEHIND_AT_ONCE_MAX: usize = 256;
/// Fresh deliveries of one destination held in memory; the rest wait in the outbox.
pub const FRESH_LANE_MAX: usize = 1_024;
/// What a lane may hold even while the lanes together are full, so that no destination starves
/// behind a hanging one.
pub const LANE_ALWAYS: usize = 32;
/// Due retries of one destination held in memory.
pub const RETRY_LANE_MAX: usize = 1_024;
/// Deliveries in all lanes together, 64 bytes each.
pub const LANES_TOTAL_MAX: usize = 131_072;
/// Every so many turns a lane's retry goes before its fresh deliveries; else fresh ones go first.
pub const RETRY_TURN: u32 = 4;
/// Rows that one scan step reads: under a millisecond, so that others get their turn.
pub const SCAN_ROWS_MAX: usize = 4_096;
/// Results of attempts waiting to be recorded. When it is full, attempts wait: what a crash could
/// repeat stays bounded.
pub const RESULTS_QUEUED_MAX: usize = 1_024;
/// Results recorded in one command.
pub const RESULTS_PER_COMMAND_MAX: usize = 256;
/// Jitter on top of a retry's delay, in per cent: spreads the retries of one outage.
pub const RETRY_JITTER_PERCENT: u64 = 15;
/// Attempts kept with a delivery, the oldest dropped first; a schedule has at most 32 retries.
pub const ATTEMPTS_KEPT_MAX: usize = 40;
/// How much of a response's head is kept with an attempt.
pub const RESPONSE_HEAD_KEPT_BYTES_MAX: usize = 2 * 1024;
/// How much of a response's body is kept with an attempt that failed: enough for an error page.
pub const EXCERPT_KEPT_BYTES_MAX: usize = 4 * 1024;
/// And with one that succeeded, where it is of little use and there are many.
pub const EXCERPT_OF_SUCCESS_BYTES_MAX: usize = 256;
/// What an attempt's record adds to a batch's size besides the event's own properties, in bytes:
/// the envelope of the event and its links.
pub const EVENT_ENVELOPE_BYTES: usize = 1_024;
/// Attempts that are kept in memory for those who watch: half a megabyte.
pub const RECENT_ATTEMPTS_KEPT: usize = 2_048;
/// Tokens of endpoints with OAuth 2.0 are renewed this long before they expire.
pub const TOKEN_RENEWED_BEFORE: Duration = Duration::from_secs(30);
/// How long a token is used whose server does not say when it expires.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(300);
/// The longest token that is used.
pub const TOKEN_BYTES_MAX: usize = 3 * 1024;
/// Messages kept in memory for the other webhooks of their event: as many events as are under way
/// at once.
pub const MESSAGES_KEPT: usize = 256;
/// The largest message that is kept: all of them together take 2 MiB at most.
pub const MESSAGE_KEPT_BYTES_MAX: usize = 8 * 1024;
/// Deliveries that one command of the indexer takes: some ten milliseconds for which an event waits
/// to be acknowledged, and enough to share pages.
pub const INDEXED_AT_ONCE_MAX: usize = 500;
/// Entries of the index that one command writes, give or take one delivery: a batch has one for
/// each of its events.
pub const INDEX_ENTRIES_AT_ONCE_MAX: usize = 3 * INDEXED_AT_ONCE_MAX;
/// Without a delivery that is scheduled or recorded for so long, it is quiet enough to index.
pub const INDEX_QUIET: Duration = Duration::from_millis(100);
/// The indexer waits for quiet this many times, half a minute in all: what is not indexed yet has to
/// be read by every listing.
pub const INDEX_QUIET_TRIES_MAX: usize = 300;
/// From so many deliveries on the indexer does not wait for quiet: reading them takes a listing
/// some fifty milliseconds.
pub const INDEX_TAIL_MAX: usize = 50_000;
/// Deliveries of one event that are looked at together: one for each webhook that there can be.
pub const DELIVERIES_OF_EVENT_MAX: usize = WEBHOOKS_MAX;
/// Notices that become events in one command.
pub const NOTICES_AT_ONCE: usize = 64;
/// How long the delivery loop waits after the store could not be read.
pub const STORE_RETRY_PAUSE: Duration = Duration::from_secs(1);

// ---- Replays ----

/// Properties of the events that one read of the log holds in memory, in bytes; the event that
/// passes it is the last one.
pub const EVENTS_PAGE_BYTES_MAX: usize = 1024 * 1024;
/// Replays that are not finished: each has a turn in every round, and a person who started more
/// wants to read their list.
pub const REPLAYS_UNFINISHED_MAX: usize = 100;
/// Finished replays that are kept to be looked at, the oldest dropped first.
pub const REPLAYS_KEPT_MAX: usize = 200;
/// Deliveries that a replay may schedule in a second.
pub const REPLAY_RATE: RangeInclusive<u64> = 1..=10_000;
/// Where a replay does not say: what a small receiver copes with besides its usual work.
pub const REPLAY_RATE_DEFAULT: u32 = 100;
/// A replay's name, in characters.
pub const REPLAY_NAME_CHARS_MAX: usize = 255;
/// Events that one look of a replay reads, in one snapshot and without the writer: some tens of
/// milliseconds.
pub const REPLAY_LOOK_EVENTS_MAX: usize = 2_000;
/// How long such a look takes at most, where the disk or the filter is slow: others have their
/// turn, and a stop is not kept waiting.
pub const REPLAY_LOOK_TIME_MAX: Duration = Duration::from_millis(250);
/// Events that one such read holds in memory.
pub const REPLAY_PAGE_EVENTS_MAX: usize = 256;
/// Deliveries that one command of a replay schedules: others wait for the writer no longer than
/// for a bulk request.
pub const REPLAY_STEP_DELIVERIES_MAX: usize = 100;
/// Events that one preview reads: a second or two.
pub const REPLAY_PREVIEW_EVENTS_MAX: usize = 200_000;
/// How long one preview reads at most, where the disk or the filter is slow: it ends before the
/// command line stops waiting ([`CLI_REQUEST_TIMEOUT`]).
pub const REPLAY_PREVIEW_TIME_MAX: Duration = Duration::from_secs(5);
/// Replays on one page of their listing.
pub const REPLAYS_PAGE_MAX: usize = 100;

// ---- API keys ----

/// API keys in all, revoked ones included: one per application and per person, and then some.
pub const KEYS_MAX: usize = 10_000;
/// An API key's name, in characters.
pub const KEY_NAME_CHARS_MAX: usize = 255;

// ---- Requests coming in: the API ----

/// One request's body (contract: wire.md §4.1).
pub const REQUEST_BODY_BYTES_MAX: usize = 5 * 1024 * 1024;
/// How long a request's body may take to arrive: 5 MiB at 175 kB/s.
pub const REQUEST_BODY_DEADLINE: Duration = Duration::from_secs(30);
/// How long a request's head may take to arrive, and how long an idle connection is kept.
pub const REQUEST_HEAD_DEADLINE: Duration = Duration::from_secs(60);
/// Read buffer of one connection, and so the cap of a request's head.
pub const REQUEST_HEAD_BYTES_MAX: usize = 64 * 1024;
/// Connections served at once; further ones wait to be accepted.
pub const CONNECTIONS_MAX: usize = 4_096;
/// What a client is asked to wait when the disk is full, in seconds: long enough for an operator
/// to act, short enough to go on by itself.
pub const FULL_RETRY_AFTER_SECONDS: u64 = 30;
/// Deliveries on one page of their listing.
pub const DELIVERIES_PAGE_MAX: usize = 100;
/// Rows and places in an index that one listing of deliveries reads before it answers with what it
/// found.
pub const DELIVERIES_SCAN_ROWS_MAX: usize = 20_000;
/// Requests that read or compute much, at once; others wait for their turn. Each may hold a batch
/// of megabytes and a snapshot of the store.
pub const READS_APART_AT_ONCE_MAX: usize = 8;
/// Test sends under way at once: each keeps a client and a connection waiting for as long as its
/// endpoint takes.
pub const TRIALS_AT_ONCE_MAX: usize = 16;
/// What a client is asked to wait when there are that many, in seconds: most endpoints have
/// answered by then.
pub const TRIAL_RETRY_AFTER_SECONDS: u64 = 5;
/// Webhooks of which one explanation tells; the others are counted. Their filters may take tens of
/// milliseconds each ([`CONDITION_PATTERN_COMPILED_BYTES_MAX`]).
pub const EXPLAINED_REACTIONS_MAX: usize = 100;
/// Deliveries of one event to one webhook that an explanation shows, the newest: the event's own
/// and what replays added.
pub const EXPLAINED_DELIVERIES_MAX: usize = 20;
/// Attempts in one answer to those who watch.
pub const DELIVERY_ATTEMPTS_PAGE_MAX: usize = 500;
/// Attempts that a watcher sees who does not say from where on.
pub const DELIVERY_ATTEMPTS_FIRST: usize = 20;
/// Metrics on one page (contract: wire.md §4.4).
pub const METRICS_PAGE: usize = 200;
/// Keys whose requests are counted, where a rate limit is configured.
pub const RATE_LIMITED_KEYS_MAX: usize = 10_000;
/// How long a listener waits after it could not accept: out of file descriptors, most likely.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

// ---- Command line ----

/// One question to the daemon, from the connection to the last byte of the answer; it is on the
/// same host, so silence for this long means that something is wrong.
pub const CLI_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// One answer of the daemon: the list of all [`WEBHOOKS_MAX`] webhooks comes in one piece.
pub const CLI_RESPONSE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Deliveries that one `tidings delivery list` shows, with as many requests as that takes.
pub const CLI_DELIVERIES_MAX: u32 = 10_000;
/// Pages that one listing asks for: each reads [`DELIVERIES_SCAN_ROWS_MAX`] rows, so that even a
/// rare kind is found among twenty million.
pub const CLI_PAGES_MAX: usize = 1_000;
/// How long `tidings webhook test` waits for its answer: twice the longest [`WEBHOOK_TIMEOUT_SECONDS`],
/// for a token and for the attempt, and what any question may take.
pub const CLI_TRIAL_TIMEOUT: Duration = Duration::from_secs(2 * 120 + 10);
/// Lines of a body that `tidings webhook test` shows; `--json` has all of it.
pub const CLI_BODY_LINES_MAX: usize = 60;
/// The pause between two looks at a replay that is followed; a bar that moves twice a second is
/// alive.
pub const REPLAY_FOLLOWED_EVERY: Duration = Duration::from_millis(500);
/// Characters of a replay's bar.
pub const REPLAY_BAR_CHARS: usize = 24;
/// Characters of a response's line that are shown: about two lines of a terminal.
pub const CLI_EXCERPT_CHARS_MAX: usize = 200;
/// Lines of a response that are shown with an attempt, so that several fit on a screen.
pub const CLI_EXCERPT_LINES_MAX: usize = 24;
/// How often `tidings delivery tail` asks what is new: at once for a person, nothing for the daemon.
pub const CLI_TAIL_EVERY: Duration = Duration::from_millis(500);
