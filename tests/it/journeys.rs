//! People going through flows, from the call that lets them in to what a receiver gets: the uses
//! that flows are for, and the rules of the way.

use std::time::Duration;

use serde_json::{Value, json};

use crate::flows::world::{World, definition};
use crate::harness::{Ask, Event, ToText as _, eventually};

mod branches;
mod dates;
mod entries;
mod hostile;
mod life;
mod uses;
mod waits;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A live webhook to the receiver that sends this body.
fn send(world: &World, name: &str, body: &str, next: Option<&str>) -> Value {
    let message = json!({ "name": name, "url": world.receiver.url(), "body": body });
    json!({ "temporary_id": name, "type": "send-webhook", "links": { "next": next },
        "data": { "status": "live", "message": message } })
}

/// An action of this type.
fn action(name: &str, kind: &str, links: Value, data: Value) -> Value {
    json!({ "temporary_id": name, "type": kind, "links": links, "data": data })
}

/// Conditions of which one must hold.
fn any(conditions: Value) -> Value {
    json!({ "condition_groups": [{ "conditions": conditions }] })
}

fn property(name: &str, value: &str) -> Value {
    json!({ "type": "profile-property", "property": format!("properties['{name}']"),
        "filter": { "type": "string", "operator": "equals", "value": value } })
}

/// An event about the person with this address.
fn of(metric: &str, email: &str) -> Event {
    Event::of(metric).about(json!({ "email": email }))
}

impl World {
    /// The person with this address.
    async fn person(&self, email: &str) -> Value {
        let path = format!("/api/profiles?filter=equals(email,%22{email}%22)");
        self.daemon.get(&path).await["data"][0].take()
    }

    /// Makes the person with this address.
    async fn make(&self, email: &str, attributes: Value) -> String {
        let mut all = json!({ "email": email });
        all.as_object_mut()
            .expect("it is one")
            .extend(attributes.as_object().cloned().unwrap_or_default());
        let body = json!({ "data": { "type": "profile", "attributes": all } });
        let made = self.daemon.ask(Ask::post("/api/profiles", body)).await.expect(201);
        made["data"]["id"].to_text()
    }

    async fn put_on(&self, list: &str, profile: &str) {
        let body = json!({ "data": [{ "type": "profile", "id": profile }] });
        let path = format!("/api/lists/{list}/relationships/profiles");
        self.daemon.ask(Ask::post(&path, body)).await.expect(204);
    }

    /// The newest run of a flow, as soon as it is in this state.
    async fn run_in(&self, flow: &str, state: &str) -> Value {
        let filter = format!("?filter=equals(flow_id,%22{flow}%22)");
        eventually(&format!("a run is {state}"), async || {
            let runs = self.daemon.get(&format!("/api/flow-runs{filter}")).await;
            let run = runs["data"].as_array()?.first()?.clone();
            let id = run["id"].to_text();
            let whole = self.daemon.get(&format!("/api/flow-runs/{id}")).await["data"].take();
            (whole["attributes"]["state"] == state).then_some(whole)
        })
        .await
    }
}

/// What a run's timeline tells, by the names of it.
fn told(run: &Value) -> Vec<String> {
    let timeline = run["attributes"]["timeline"].as_array().expect("it is a list");
    timeline.iter().map(|moment| moment["event"].to_text()).collect()
}

/// What a run's timeline says of the first thing of this name.
fn detail(run: &Value, name: &str) -> String {
    let timeline = run["attributes"]["timeline"].as_array().expect("it is a list");
    let found = timeline.iter().find(|moment| moment["event"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {run}"))["detail"].to_text()
}
