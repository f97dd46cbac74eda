//! Bounds of what flows decide about time and people.

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
