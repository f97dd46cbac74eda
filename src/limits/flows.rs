//! Bounds of flows: what a definition may hold, and how much of them moves at once.

use std::time::Duration;

/// Flows in all: each event asks those of its metric, and a person reads the list.
pub const FLOWS_MAX: usize = 1_000;
/// A flow's name, in characters.
pub const FLOW_NAME_CHARS_MAX: usize = 255;
/// A definition: far more than a graph with templates that a person can still oversee.
pub const FLOW_DEFINITION_BYTES_MAX: usize = 512 * 1024;
/// The depth of a definition: filters stand deepest, in branches of actions.
pub const FLOW_DEFINITION_DEPTH_MAX: usize = 32;
/// Actions of one flow.
pub const FLOW_ACTIONS_MAX: usize = 200;
/// Branches of one split, besides the one for everybody else.
pub const FLOW_BRANCHES_MAX: usize = 20;
/// Names in a definition: of webhooks, branches and temporary ids, in characters.
pub const FLOW_PART_NAME_CHARS_MAX: usize = 255;
/// An event that happened longer ago than this when it is received starts no flow (contract:
/// wire.md §2.2).
pub const FLOW_TRIGGER_AGE_MAX: Duration = Duration::from_secs(6 * 3_600);
/// Runs that one round of the automation loop moves, in one command: as much as a bulk request
/// writes, so that others wait for the writer no longer.
pub const RUNS_AT_ONCE_MAX: usize = 256;
/// Actions that a run passes in one round, before others have their turn.
pub const RUN_ACTIONS_AT_ONCE_MAX: usize = 32;
/// Webhooks that a run renders in one round.
pub const RUN_WEBHOOKS_AT_ONCE_MAX: usize = 8;
/// Entries of a run's timeline; of a longer one, which only a loop with a delay makes, the oldest
/// but the first are dropped, and counted.
pub const RUN_TIMELINE_MAX: usize = 200;
/// What a run keeps of outputs of its steps, in bytes.
pub const RUN_OUTPUTS_BYTES_MAX: usize = 256 * 1024;
/// Results of deliveries that one round takes up.
pub const DELIVERY_RESULTS_AT_ONCE_MAX: usize = 500;
/// Rows of a deleted flow that one command removes.
pub const FLOW_REMNANTS_AT_ONCE_MAX: usize = 500;
/// Flows, their actions or their messages on one page of a listing (contract: operations.tsv).
pub const FLOWS_PAGE_MAX: usize = 50;
/// Runs on one page of a listing.
pub const RUNS_PAGE_MAX: usize = 100;
/// The automation loop looks at the clock this often at least: the host may sleep, or its clock be
/// set.
pub const RUNS_LOOKED_AT_EVERY: Duration = Duration::from_secs(30);
/// People whom one round of a date flow's plan looks at.
pub const DATES_PLANNED_AT_ONCE_MAX: usize = 1_000;
/// A date flow plans its entries so far ahead; what changes of a person in between is followed.
pub const DATES_PLANNED_AHEAD: Duration = Duration::from_secs(36 * 3_600);
/// It plans again when less than this is left, so that a plan is complete long before it is due.
pub const DATES_PLANNED_LEFT_MIN: Duration = Duration::from_secs(12 * 3_600);
/// A run that needs the response to a webhook goes on without one after this: retries last a day.
pub const RUN_ANSWER_MAX: Duration = Duration::from_secs(2 * 86_400);
/// A reason in a timeline, in characters: of a long filter, its first conditions.
pub const RUN_REASON_CHARS_MAX: usize = 400;
/// The longest time delay, in days: a leap year, so that "a year later" fits. What is meant to
/// happen later than that hangs on a date, and a date trigger begins a run when it comes.
pub const FLOW_DELAY_DAYS_MAX: i64 = 366;
/// How far before or after its date a date trigger may lie, in days: ten years, as long as a passport
/// is valid.
pub const FLOW_DATE_OFFSET_DAYS_MAX: i64 = 3_660;
/// The longest time without a second entry that can be asked for, in hours: ten years of 365.25
/// days. Longer is `alltime`.
pub const FLOW_REENTRY_HOURS_MAX: i64 = 87_660;
/// Operations of one profile update; they are made in one change of the person.
pub const FLOW_UPDATE_OPERATIONS_MAX: usize = 100;
/// All strings of one profile update together (contract: wire.md §2.5).
pub const FLOW_UPDATE_STRINGS_BYTES_MAX: usize = 100 * 1024;
/// The key of a property that a flow changes: longer than any name that people read.
pub const FLOW_PROPERTY_KEY_BYTES_MAX: usize = 1_024;
/// Outputs of one webhook step: what later steps use of an answer are a few ids and states.
pub const FLOW_OUTPUTS_MAX: usize = 16;
/// The name of an output.
pub const FLOW_OUTPUT_NAME_BYTES_MAX: usize = 64;
/// The pointer of an output.
pub const FLOW_OUTPUT_POINTER_BYTES_MAX: usize = 512;
/// One output as JSON: it is stored with each of perhaps a million runs until the run is over.
pub const FLOW_OUTPUT_BYTES_MAX: usize = 4 * 1024;
/// Levels of nesting in the definition of one action that is read here: its conditions, two levels
/// further in.
pub const FLOW_ACTION_DEPTH_MAX: usize = super::CONDITION_DEPTH_MAX + 2;
/// The cache of a simulation's store, which lies in memory itself.
pub const SIMULATION_CACHE_BYTES: usize = 16 << 20;
/// How often a simulation's clock jumps to what is due after the last event: a loop with a delay
/// would go on for ever.
pub const SIMULATION_JUMPS_MAX: usize = 100_000;
/// How long after the last event a simulation follows dates, where nothing says when it ends: each
/// date of a year once, and that of a leap day too.
pub const SIMULATION_DATES_AHEAD: Duration = Duration::from_secs(366 * 86_400);
/// Runs that a simulation tells of.
pub const SIMULATION_RUNS_MAX: usize = 4_000;
/// Events of one simulation: its store lies in memory.
pub const SIMULATION_EVENTS_MAX: usize = 100_000;
/// What `tidings flow simulate` reads of events: it holds them all, with the store in memory.
pub const SIMULATION_INPUT_BYTES_MAX: u64 = 256 << 20;
/// Flows, runs or reviews that one listing on the command line shows, with as many requests as that
/// takes.
pub const CLI_RUNS_MAX: u32 = 10_000;
