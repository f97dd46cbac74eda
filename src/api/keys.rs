//! API keys: our own resource. The key itself is in the answer to its making and nowhere else.

use hyper::StatusCode;
use serde_json::json;

use super::error::Problem;
use super::jsonapi::{self, Resource, attributes};
use super::{Answer, Call, Reply};
use crate::id::KeyId;
use crate::key::{Key, NewKey};

/// `POST /api/keys`.
pub(super) async fn create(call: Call) -> Answer {
    let new = NewKey::parse(&call.body)?;
    // Nobody hands out more than they have.
    if let Some(scope) = new.scopes().iter().find(|scope| !call.principal.allows(scope)) {
        return Err(Problem::forbidden(format!("You lack the scope {scope} yourself.")));
    }
    let keys = call.parts().keys.clone();
    let (key, text) = call.parts().store.commit(move |tx| keys.create(tx, new)).await?;
    let mut resource = resource(&key);
    resource.attributes.insert("key".to_owned(), text.expose().into());
    let data = resource.to_bytes(call.base(), None);
    Ok(jsonapi::one(&call, StatusCode::CREATED, &data, &[]))
}

/// `GET /api/keys`.
pub(super) async fn list(call: Call) -> Answer {
    let keys = call.parts().keys.all();
    let data: Vec<_> = keys.iter().map(|key| resource(key).to_bytes(call.base(), None)).collect();
    Ok(jsonapi::many(&call, &data, &[], None))
}

/// `DELETE /api/keys/{id}`.
pub(super) async fn revoke(call: Call) -> Answer {
    let missing = |_| Problem::not_found(format!("No key {}.", call.id));
    let id: KeyId = call.id.parse().map_err(missing)?;
    let keys = call.parts().keys.clone();
    call.parts().store.commit(move |tx| keys.revoke(tx, id)).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

fn resource(key: &Key) -> Resource {
    Resource {
        kind: "key",
        id: key.id.to_string(),
        attributes: attributes(json!({
            "name": key.name,
            "scopes": key.scopes,
            "hint": format!("…{}", key.hint),
            "created_at": key.created.rfc3339_micros(),
            "revoked_at": key.revoked.map(|at| at.rfc3339_micros()),
        })),
        relationships: None,
        path: format!("/api/keys/{}/", key.id),
    }
}
