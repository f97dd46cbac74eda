//! The flows that a metric, a list or a segment starts: of themselves, and beside it.

use serde_json::{Value, json};

use super::resource::{FIELDS, resource};
use super::{Answer, Call, jsonapi};
use crate::api::error::Problem;
use crate::flow::Live;
use crate::id::{GroupId, MetricId};
use crate::store::StoreError;

const INCLUDE: [&str; 2] = ["flow-triggers", "tags"];
const INCLUDE_OF_METRICS: [&str; 1] = ["flow-triggers"];

/// What starts flows.
#[derive(Clone, Copy, Debug)]
pub(in crate::api) enum Of {
    /// Events of a metric.
    Metric(MetricId),
    /// Joining a list or a segment.
    Group(GroupId),
}

impl Of {
    /// Its flows, whatever their status.
    fn flows(self, call: &Call) -> Vec<Live> {
        let mut flows = call.parts().automation.flows.all();
        flows.retain(|flow| match self {
            Self::Metric(id) => flow.definition.trigger.metric() == Some(id),
            Self::Group(id) => flow.definition.trigger.group() == Some(id),
        });
        flows
    }
}

/// The flows.
pub(in crate::api) fn list(call: &Call, of: Of) -> Answer {
    let fields = call.query.fields("flow", &FIELDS)?;
    let data = documents(call, &of.flows(call), fields.as_deref())?;
    Ok(jsonapi::many(call, &data, &[], None))
}

/// Their ids.
pub(in crate::api) fn ids(call: &Call, of: Of) -> Answer {
    let flows = of.flows(call);
    let data: Vec<_> = flows.iter().map(|flow| link(flow).to_string().into_bytes()).collect();
    Ok(jsonapi::many(call, &data, &[], None))
}

fn link(flow: &Live) -> Value {
    json!({ "type": "flow", "id": flow.id.as_str() })
}

fn documents(
    call: &Call,
    flows: &[Live],
    fields: Option<&[&str]>,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let from = call.parts().store.snapshot()?;
    let document =
        |flow: &Live| Ok(resource(&from, call.base(), flow)?.to_bytes(call.base(), fields));
    flows.iter().map(document).collect()
}

/// Where the flows of something are, for its relationships; `at` is its URL.
pub(in crate::api) fn links(at: &str) -> Value {
    json!({ "links": {
        "self": format!("{at}/relationships/flow-triggers/"),
        "related": format!("{at}/flow-triggers/"),
    } })
}

/// The flows to show beside what starts them.
pub(in crate::api) struct Beside<'c> {
    is_wanted: bool,
    fields: Option<Vec<&'c str>>,
    included: Vec<Vec<u8>>,
}

impl<'c> Beside<'c> {
    /// Reads `include` of lists and segments, and the fields of flows.
    ///
    /// # Errors
    /// Where they name what is not known.
    pub(in crate::api) fn groups(call: &'c Call) -> Result<Self, Problem> {
        call.query.fields("tag", &["id", "name"])?;
        Self::asked(call, &INCLUDE)
    }

    /// Reads `include` of metrics, and the fields of flows.
    ///
    /// # Errors
    /// Where they name what is not known.
    pub(in crate::api) fn metrics(call: &'c Call) -> Result<Self, Problem> {
        Self::asked(call, &INCLUDE_OF_METRICS)
    }

    fn asked(call: &'c Call, known: &[&str]) -> Result<Self, Problem> {
        let is_wanted = call.query.include(known)?.contains(&"flow-triggers");
        Ok(Self { is_wanted, fields: call.query.fields("flow", &FIELDS)?, included: Vec::new() })
    }

    /// Adds the flows of something, and names them in its relationships.
    ///
    /// # Errors
    /// Where the store can not be read.
    pub(in crate::api) fn add(
        &mut self,
        call: &Call,
        of: Of,
        relationships: &mut Option<Value>,
    ) -> Result<(), StoreError> {
        if !self.is_wanted {
            return Ok(());
        }
        let flows = of.flows(call);
        if let Some(relationships) = relationships {
            relationships["flow-triggers"]["data"] = flows.iter().map(link).collect();
        }
        // A flow has one trigger, so that none is here twice.
        self.included.extend(documents(call, &flows, self.fields.as_deref())?);
        Ok(())
    }

    /// The flows that were added.
    pub(in crate::api) fn included(self) -> Vec<Vec<u8>> {
        self.included
    }
}
