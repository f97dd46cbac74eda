//! Why something was not done to a flow.

use crate::id::{ActionId, FlowId};
use crate::json::Fault;
use crate::store::StoreError;

/// Why a flow was not made, changed or deleted; then nothing was.
#[derive(Debug)]
pub enum FlowError {
    /// There is no such flow.
    Unknown(FlowId),
    /// There is no such action.
    UnknownAction(ActionId),
    /// There are [`limits::FLOWS_MAX`](crate::limits::FLOWS_MAX) already.
    TooMany,
    /// It can not be active as it is; the fault says why.
    CanNotAct(Fault),
    /// It changed since it was read.
    Changed(FlowId),
    /// The store failed, or has no room.
    Store(StoreError),
}

impl From<StoreError> for FlowError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
