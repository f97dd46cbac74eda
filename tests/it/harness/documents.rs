//! The documents that clients send, written as text where their bytes matter.

use serde_json::{Value, json};

use super::SECRET;

/// An event to be posted.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    metric: Value,
    profile: Value,
    properties: String,
    more: String,
}

impl Event {
    /// An event of this metric about `a@example.org`.
    pub(crate) fn of(metric: &str) -> Self {
        Self {
            metric: json!({ "name": metric }),
            profile: json!({ "type": "profile", "attributes": { "email": "a@example.org" } }),
            properties: "{}".to_owned(),
            more: String::new(),
        }
    }

    /// Whom it is about: the attributes of the profile.
    pub(crate) fn about(mut self, attributes: Value) -> Self {
        self.profile["attributes"] = attributes;
        self
    }

    /// Whom it is about: the id of a profile, besides its attributes.
    pub(crate) fn profile(mut self, id: &str) -> Self {
        self.profile["id"] = id.into();
        self
    }

    /// The metric's integration.
    pub(crate) fn service(mut self, service: &str) -> Self {
        self.metric["service"] = service.into();
        self
    }

    /// The properties, byte for byte.
    pub(crate) fn properties(mut self, properties: &str) -> Self {
        self.properties = properties.to_owned();
        self
    }

    pub(crate) fn unique(self, id: &str) -> Self {
        self.with("unique_id", &json!(id).to_string())
    }

    /// One more attribute, its value as it is to be sent.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.more.push_str(&format!(r#","{name}":{value}"#));
        self
    }

    fn attributes(&self) -> String {
        let Self { metric, properties, more, .. } = self;
        format!(
            r#""properties":{properties},"metric":{{"data":{{"type":"metric","attributes":{metric}}}}}{more}"#
        )
    }

    fn profile_document(&self) -> String {
        json!({ "data": self.profile }).to_string()
    }

    /// The body of `POST /api/events`.
    pub(crate) fn document(&self) -> String {
        let (attributes, profile) = (self.attributes(), self.profile_document());
        format!(
            r#"{{"data":{{"type":"event","attributes":{{{attributes},"profile":{profile}}}}}}}"#
        )
    }
}

/// The body of `POST /api/event-bulk-create-jobs`: one group per event.
pub(crate) fn bulk(events: &[Event]) -> String {
    let groups: Vec<String> = events
        .iter()
        .map(|event| {
            let (attributes, profile) = (event.attributes(), event.profile_document());
            format!(
                r#"{{"type":"event-bulk-create","attributes":{{"profile":{profile},"events":{{"data":[{{"type":"event","attributes":{{{attributes}}}}}]}}}}}}"#
            )
        })
        .collect();
    let groups = groups.join(",");
    format!(
        r#"{{"data":{{"type":"event-bulk-create-job","attributes":{{"events-bulk-create":{{"data":[{groups}]}}}}}}}}"#
    )
}

fn topics(ids: &[&str]) -> Value {
    let data: Vec<_> = ids.iter().map(|id| json!({ "type": "webhook-topic", "id": id })).collect();
    json!({ "webhook-topics": { "data": data } })
}

/// The body of `POST /api/webhooks`.
pub(crate) fn webhook_document(url: &str, ids: &[&str]) -> Value {
    json!({ "data": {
        "type": "webhook",
        "attributes": { "name": "n", "description": "d", "endpoint_url": url, "secret_key": SECRET },
        "relationships": topics(ids),
    } })
}

/// The body of `POST /api/webhooks` with more attributes.
pub(crate) fn webhook_with(url: &str, ids: &[&str], attributes: Value) -> Value {
    let mut document = webhook_document(url, ids);
    let Value::Object(more) = attributes else { panic!("attributes are an object") };
    document["data"]["attributes"].as_object_mut().expect("it is one").extend(more);
    document
}

/// The body of `PATCH /api/webhooks/{id}`.
pub(crate) fn webhook_patch(id: &str, attributes: Value) -> Value {
    json!({ "data": { "type": "webhook", "id": id, "attributes": attributes } })
}

/// The body of `POST /api/keys`.
pub(crate) fn key_document(name: &str, scopes: &[&str]) -> Value {
    json!({ "data": { "type": "key", "attributes": { "name": name, "scopes": scopes } } })
}
