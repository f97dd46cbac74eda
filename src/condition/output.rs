//! `action-output`: what an earlier step of a flow's run put out. Whether a step declares such an
//! output is not known here; one that is not there is absent, like a property.

use super::At;
use super::Subject;
use super::path::Found;
use super::predicate::Patterns;
use super::predicate::Predicate;
use super::standing::Standing;
use crate::json::Fault;
use crate::json::object::Object;
use crate::json::object::fault_at;
use crate::limits;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct OutputTest {
    /// The name of the output.
    field: String,
    predicate: Predicate,
}

impl OutputTest {
    pub(super) fn parse(object: &Object<'_>, patterns: &mut Patterns) -> Result<Self, Fault> {
        object.only(&["type", "output_config_id", "field", "filter"])?;
        object.integer("output_config_id", 1, limits::FLOW_OUTPUTS_MAX as i64)?;
        let field = object.text("field")?;
        if field.is_empty() {
            return Err(fault_at("field", "must be the name of an output, such as `order_id`"));
        }
        Ok(Self { field: field.to_owned(), predicate: patterns.predicate(object)? })
    }

    /// Whether it holds, and until when.
    pub(super) fn stand(&self, subject: &dyn Subject, at: &At) -> Standing {
        self.predicate.stand(self.find(subject).as_ref(), at)
    }

    fn find<'s>(&self, subject: &'s dyn Subject) -> Option<Found<'s, 's>> {
        subject.output(&self.field).map(Found::borrowed)
    }

    /// Why it holds or does not.
    pub(super) fn reason(&self, subject: &dyn Subject, at: &At) -> String {
        self.predicate.reason(&self.field, self.find(subject).as_ref(), at)
    }
}
