//! The account: what integrations ask for to test their connection (contract: wire.md §4.1).

use hyper::StatusCode;
use serde_json::json;

use super::error::Problem;
use super::jsonapi::{self, Resource, attributes};
use super::{Answer, Call};
use crate::account::Account;

const FIELDS: [&str; 8] = [
    "contact_information",
    "id",
    "industry",
    "locale",
    "preferred_currency",
    "public_api_key",
    "test_account",
    "timezone",
];

/// `GET /api/accounts`.
pub(super) async fn list(call: Call) -> Answer {
    let fields = fields(&call)?;
    let data = resource(&call.parts().account).to_bytes(call.base(), fields.as_deref());
    Ok(jsonapi::many(&call, &[data], &[], None))
}

/// `GET /api/accounts/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    let account = &call.parts().account;
    if call.id != account.id.as_str() {
        return Err(Problem::not_found(format!("No account {}.", call.id)));
    }
    let fields = fields(&call)?;
    let data = resource(account).to_bytes(call.base(), fields.as_deref());
    Ok(jsonapi::one(&call, StatusCode::OK, &data, &[]))
}

/// The attributes asked for. A field of a part (`contact_information.…`) brings the whole part.
fn fields(call: &Call) -> Result<Option<Vec<&str>>, Problem> {
    const NAME: &str = "fields[account]";
    let Some(text) = call.query.get(NAME) else { return Ok(None) };
    let mut fields = Vec::new();
    for name in text.split(',').map(str::trim) {
        let part = name.split('.').next().unwrap_or_default();
        if !FIELDS.contains(&part) {
            let known = FIELDS.join(", ");
            let why = format!("`{name}` is not known here; there are {known}");
            return Err(Problem::parameter(NAME, why));
        }
        fields.push(part);
    }
    Ok(Some(fields))
}

fn resource(account: &Account) -> Resource {
    Resource {
        kind: "account",
        id: account.id.to_string(),
        attributes: attributes(json!({
            "test_account": false,
            "contact_information": {
                "default_sender_name": account.default_sender_name,
                "default_sender_email": account.default_sender_email,
                "website_url": account.website_url,
                "organization_name": account.organization_name,
                "street_address": {
                    "address1": null, "address2": null, "city": null,
                    "region": null, "country": null, "zip": null,
                },
            },
            "industry": account.industry,
            "timezone": account.timezone,
            "preferred_currency": account.preferred_currency,
            "public_api_key": account.id.as_str(),
            "locale": account.locale,
        })),
        relationships: None,
        path: format!("/api/accounts/{}/", account.id),
    }
}
