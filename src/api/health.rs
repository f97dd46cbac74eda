//! `/healthz` and `/readyz`: for monitors and load balancers; open to all, and saying nothing else.

use hyper::StatusCode;
use serde_json::json;

use super::{Answer, Call, Reply};
use crate::store::StoreError;

/// The process answers.
pub(super) async fn alive(_: Call) -> Answer {
    Ok(Reply::json(StatusCode::OK, &json!({ "status": "ok" })))
}

/// Events are accepted: the writer answers, and the disk has room. A command that reads nothing
/// goes through the writer, so a hung disk shows here.
pub(super) async fn ready(call: Call) -> Answer {
    let room = call.parts().store.commit(|tx| tx.needs_room()).await;
    let (status, why) = match room {
        Ok(()) => (StatusCode::OK, "ready".to_owned()),
        Err(StoreError::Full) => (StatusCode::SERVICE_UNAVAILABLE, "disk full".to_owned()),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "store stopped".to_owned()),
    };
    Ok(Reply::json(status, &json!({ "status": why })))
}
