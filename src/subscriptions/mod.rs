//! Who subscribes to what: consents, list membership, and the first-party events that tell of them,
//! all in one command.
//!
//! | done | event (service `klaviyo`) |
//! |---|---|
//! | joins or leaves a list | `Subscribed to List`, `Unsubscribed from List` |
//! | subscribes or unsubscribes, e-mail | `Subscribed to`, `Unsubscribed from Email Marketing` |
//! | subscribes or unsubscribes, SMS | `Subscribed to`, `Unsubscribed from SMS Marketing` |
//! | is suppressed, or no more | `Manually Suppressed`, `Unsuppressed from Email Marketing` |
//!
//! The contract has no events for the other channels (wire.md §1.7), so there are none. What changes
//! nothing makes no event.
//!
//! A person whom nobody knew is made. The original makes them only once they confirm (wire.md §4.5);
//! here there is no mail to confirm with, and a request that says "subscribed" and leaves nothing
//! behind would be a loss. The same holds for who unsubscribes or is suppressed: that has to be
//! known when the address comes in from elsewhere.
//!
//! - `said.rs` reads what a request says of a person.
//! - `people.rs` carries it out; `groups.rs` does so for the members of lists.
//! - `tell.rs` makes the events.

mod groups;
mod people;
mod said;
mod tell;

pub use groups::{MemberError, Members, add, join, leave, remove};
pub use people::{Context, Means, Outcome, apply, resolve, suppress, unsuppress};
pub(crate) use said::person;
pub use said::{Ask, Said, addressed, custom_source};
pub use tell::When;
