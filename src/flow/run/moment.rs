//! The timeline of a run: what happened, when, in which action, and why.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::id::{ActionId, DeliveryId};

/// Something that happened to a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// In which action.
    pub action: Option<ActionId>,
    /// What.
    pub what: What,
}

/// What happened. The variants' order is the format of rows: new ones go to the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum What {
    /// The person entered.
    Entered,
    /// It waits until this moment.
    Waits {
        /// In microseconds since 1970.
        until_micros: i64,
    },
    /// A way was chosen.
    Branch {
        /// Which: `true`, `false`, or the id of a branch.
        taken: String,
        /// Why, in a sentence.
        why: String,
    },
    /// The person was changed.
    Changed {
        /// How, in a sentence.
        how: String,
    },
    /// A webhook was put into the outbox.
    Sent {
        /// The delivery.
        delivery: DeliveryId,
    },
    /// A webhook could not be made; its delivery is parked.
    Failed {
        /// The delivery.
        delivery: Option<DeliveryId>,
        /// Why, in a sentence.
        why: String,
    },
    /// The delivery of a webhook ended.
    Result {
        /// The delivery.
        delivery: DeliveryId,
        /// Its state.
        state: String,
        /// The response's status.
        status: Option<u16>,
    },
    /// An action was passed.
    Skipped {
        /// Why, in a sentence.
        why: String,
    },
    /// An action waits for approval.
    Queued,
    /// An action was approved.
    Approved,
    /// An action was discarded.
    Discarded,
    /// It came to an end of the flow.
    Finished,
    /// It was ended.
    Cancelled {
        /// Why, in a sentence.
        why: String,
    },
}

impl What {
    /// Its name in the API.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Entered => "entered",
            Self::Waits { .. } => "waits",
            Self::Branch { .. } => "branch",
            Self::Changed { .. } => "changed",
            Self::Sent { .. } => "sent",
            Self::Failed { .. } => "failed",
            Self::Result { .. } => "result",
            Self::Skipped { .. } => "skipped",
            Self::Queued => "queued_for_review",
            Self::Approved => "approved",
            Self::Discarded => "discarded",
            Self::Finished => "finished",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// It in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Entered => "entered the flow".to_owned(),
            Self::Waits { until_micros } => {
                format!("waits until {}", Timestamp::from_micros(*until_micros).rfc3339_seconds())
            }
            Self::Branch { taken, why } if why.is_empty() => format!("took the branch {taken}"),
            Self::Branch { taken, why } => format!("took the branch {taken}: {why}"),
            Self::Changed { how } => how.clone(),
            Self::Sent { delivery } => format!("sent as delivery {delivery}"),
            Self::Failed { why, .. } => format!("nothing was sent: {why}"),
            Self::Result { delivery, state, status } => {
                let status = status.map_or_else(String::new, |status| format!(" with {status}"));
                format!("delivery {delivery} was {state}{status}")
            }
            Self::Skipped { why } => format!("skipped: {why}"),
            Self::Queued => "waits for review; the run goes on".to_owned(),
            Self::Approved => "was approved".to_owned(),
            Self::Discarded => "was discarded".to_owned(),
            Self::Finished => "came to the end".to_owned(),
            Self::Cancelled { why } => format!("ended: {why}"),
        }
    }
}

impl Moment {
    /// It as JSON, for the API.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut moment = json!({
            "at": self.at.rfc3339_micros(),
            "action_id": self.action.map(|id| id.to_string()),
            "event": self.what.name(),
            "detail": self.what.sentence(),
        });
        match &self.what {
            What::Waits { until_micros } => {
                let until = Timestamp::from_micros(*until_micros);
                moment["until"] = json!(until.rfc3339_micros());
            }
            What::Branch { taken, .. } => moment["branch"] = json!(taken),
            What::Sent { delivery }
            | What::Failed { delivery: Some(delivery), .. }
            | What::Result { delivery, .. } => moment["delivery_id"] = json!(delivery.to_string()),
            _ => {}
        }
        moment
    }
}
