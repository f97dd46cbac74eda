//! A daemon that can render, a receiver, and the documents of flows.

use serde_json::{Value, json};

use crate::harness::{Ask, Daemon, Event, Receiver, ToText as _, eventually};

/// A daemon with workers, and somebody who takes webhooks.
pub(crate) struct World {
    pub(crate) daemon: Daemon,
    pub(crate) receiver: Receiver,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self { daemon: Daemon::start().await, receiver: Receiver::start().await }
    }

    /// The id of the metric of this name, which is made by an event of nobody in particular.
    pub(crate) async fn metric(&self, name: &str) -> String {
        self.daemon.event(Event::of(name).about(json!({ "email": "first@example.org" }))).await;
        self.known_metric(name).await
    }

    /// The id of the metric of this name, which is there.
    pub(crate) async fn known_metric(&self, name: &str) -> String {
        let metrics = self.daemon.get("/api/metrics").await["data"].clone();
        let mut metrics = metrics.as_array().expect("metrics are a list").iter();
        let named = metrics.find(|metric| metric["attributes"]["name"] == name);
        named.unwrap_or_else(|| panic!("no metric {name}"))["id"].to_text()
    }

    pub(crate) async fn list(&self) -> String {
        let body = json!({ "data": { "type": "list", "attributes": { "name": "l" } } });
        let made = self.daemon.ask(Ask::post("/api/lists", body)).await.expect(201);
        made["data"]["id"].to_text()
    }

    pub(crate) async fn segment(&self) -> String {
        let condition = json!({ "type": "profile-property", "property": "properties['plan']",
            "filter": { "type": "string", "operator": "equals", "value": "pro" } });
        let definition = json!({ "condition_groups": [{ "conditions": [condition] }] });
        let attributes = json!({ "name": "s", "definition": definition });
        let body = json!({ "data": { "type": "segment", "attributes": attributes } });
        let made = self.daemon.ask(Ask::post("/api/segments", body)).await.expect(201);
        made["data"]["id"].to_text()
    }

    /// A definition with one live webhook to the receiver, started by `Ordered`.
    pub(crate) async fn one_webhook(&self) -> Value {
        let metric = self.metric("Ordered").await;
        definition(&metric, &[webhook("w", &self.receiver.url(), None)])
    }

    /// Makes a flow.
    pub(crate) async fn made(&self, name: &str, definition: Value) -> Value {
        let answer = self.daemon.ask(Ask::post("/api/flows", document(name, definition))).await;
        answer.expect(201)["data"].clone()
    }

    /// Makes a flow, sets it live, and returns its id.
    pub(crate) async fn live(&self, definition: Value) -> String {
        let id = self.made("f", definition).await["id"].to_text();
        self.change(&id, json!({ "status": "live" })).await;
        id
    }

    /// Changes a flow.
    pub(crate) async fn change(&self, id: &str, attributes: Value) -> Value {
        let path = format!("/api/flows/{id}");
        let answer = self.daemon.ask(Ask::patch(&path, patch("flow", id, attributes))).await;
        answer.expect(200)["data"].clone()
    }

    /// The id of the first action of a flow.
    pub(crate) async fn action_of(&self, flow: &str) -> String {
        let actions = self.daemon.get(&format!("/api/flows/{flow}/flow-actions")).await;
        actions["data"][0]["id"].to_text()
    }

    /// Refuses to make a flow, and says where and why.
    pub(crate) async fn refused(&self, definition: Value) -> (String, String) {
        let body = document("f", definition);
        let refused = self.daemon.ask(Ask::post("/api/flows", body)).await.refused(400);
        (refused["source"]["pointer"].to_text(), refused["detail"].to_text())
    }

    /// The runs that `query` asks for, as soon as there are `count` of them.
    pub(crate) async fn runs(&self, query: &str, count: usize) -> Vec<Value> {
        eventually(&format!("{count} runs of {query}"), async || {
            let found = self.daemon.get(&format!("/api/flow-runs{query}")).await["data"].clone();
            let found = found.as_array().expect("runs are a list").clone();
            (found.len() == count).then_some(found)
        })
        .await
    }
}

/// The body of `POST /api/flows`.
pub(crate) fn document(name: &str, definition: Value) -> Value {
    let attributes = json!({ "name": name, "definition": definition });
    json!({ "data": { "type": "flow", "attributes": attributes } })
}

/// The body of a `PATCH`.
pub(crate) fn patch(kind: &str, id: &str, attributes: Value) -> Value {
    json!({ "data": { "type": kind, "id": id, "attributes": attributes } })
}

/// A definition that events of a metric start; the first action is where people begin.
pub(crate) fn definition(metric: &str, actions: &[Value]) -> Value {
    let entry = actions.first().map_or(Value::Null, |action| action["temporary_id"].clone());
    let triggers = json!([{ "type": "metric", "id": metric }]);
    json!({ "triggers": triggers, "actions": actions, "entry_action_id": entry })
}

/// A live webhook.
pub(crate) fn webhook(name: &str, url: &str, next: Option<&str>) -> Value {
    let message = json!({ "name": name, "url": url, "headers": { "X-Key": "v" },
        "body": r#"{"event": {{ event }}}"# });
    json!({ "temporary_id": name, "type": "send-webhook", "links": { "next": next },
        "data": { "status": "live", "message": message } })
}

/// A delay of some days.
pub(crate) fn delay(name: &str, days: u32, next: Option<&str>) -> Value {
    json!({ "temporary_id": name, "type": "time-delay", "links": { "next": next },
        "data": { "unit": "days", "value": days } })
}
