//! What a webhook step keeps of the answer it gets, and the split that looks at it. The first is our
//! own: the original can not use the answer of a webhook at all.
//!
//! ```json
//! "outputs": [{"name": "order_id", "pointer": "/data/id", "type": "string", "default": null}]
//! ```
//!
//! | part | meaning |
//! |---|---|
//! | `name` | letters, digits and `_`, so that a template can say `{{ outputs.order_id }}` |
//! | `pointer` | a JSON pointer (RFC 6901) into the answer; `""` is all of it |
//! | `type` | `string`, `number`, `boolean`, or `json` for whatever is there; `json` unless said |
//! | `default` | what there is instead where the answer is no JSON, has nothing there or `null`, or something of another type, or larger than [`limits::FLOW_OUTPUT_BYTES_MAX`]; `null` unless said |
//!
//! # `action-output-split`
//!
//! Its conditions (`{"type":"action-output","output_config_id":1,"field":"order_id","filter":{…}}`)
//! name an output twice: `field` is its name, and `output_config_id` its place, from 1 on, in the
//! `outputs` of its step. Both have to be true of a step of the flow ([`OutputSplit::check`]); what
//! is then looked up is the name, and where two steps have outputs of one name, that of the later
//! step goes before the earlier. Groups are ANDed and their conditions ORed, as everywhere.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use serde_json::value::RawValue;

use super::members;
use super::members::At as _;
use super::members::Members;
use super::members::must;
use crate::condition::At;
use crate::condition::Explanation;
use crate::condition::Filter;
use crate::condition::Kinds;
use crate::condition::Subject;
use crate::json;
use crate::json::Fault;
use crate::json::RawObject;
use crate::limits;

const FILTER: &str = "action_output_filter";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Text,
    Number,
    Flag,
    Json,
}

const TYPES: [(&str, Type); 4] = [
    ("string", Type::Text),
    ("number", Type::Number),
    ("boolean", Type::Flag),
    ("json", Type::Json),
];

impl Type {
    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Number => value.is_number(),
            Self::Flag => value.is_boolean(),
            Self::Json => !value.is_null(),
        }
    }
}

/// The outputs that a step declares, in their order; maybe none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outputs(Vec<Output>);

#[derive(Clone, Debug, PartialEq)]
struct Output {
    name: String,
    pointer: String,
    kind: Type,
    default: Value,
}

impl Outputs {
    /// Reads `outputs`, a list which stands `at` this pointer.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(raw: &RawValue, at: &str) -> Result<Self, Fault> {
        let given: Vec<&RawValue> =
            serde_json::from_str(raw.get()).map_err(|_| must("must be a list")).at(at)?;
        let most = limits::FLOW_OUTPUTS_MAX;
        if given.len() > most {
            return Err(must(format!("has {} items; at most {most} may be", given.len()))).at(at);
        }
        let mut outputs: Vec<Output> = Vec::with_capacity(given.len());
        for (place, raw) in given.into_iter().enumerate() {
            let at = format!("{at}/{place}");
            let output = output(raw).at(&at)?;
            if outputs.iter().any(|earlier| earlier.name == output.name) {
                return Err(must("is the name of an earlier output already"))
                    .at(&format!("{at}/name"));
            }
            outputs.push(output);
        }
        Ok(Self(outputs))
    }

    /// `outputs` as the API writes them.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let shown = |output: &Output| {
            json!({
                "name": output.name,
                "pointer": output.pointer,
                "type": members::name_of(&output.kind, &TYPES),
                "default": output.default,
            })
        };
        self.0.iter().map(shown).collect()
    }

    /// Whether there are none: the answer need not be kept.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|output| output.name.as_str())
    }

    /// The values that an answer gives them, each with its name, in their order.
    #[must_use]
    pub fn extract(&self, body: &[u8]) -> Vec<(String, Value)> {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let extract = |output: &Output| {
            let found = answer.pointer(&output.pointer).filter(|found| output.takes(found));
            (output.name.clone(), found.unwrap_or(&output.default).clone())
        };
        self.0.iter().map(extract).collect()
    }
}

impl Output {
    fn takes(&self, value: &Value) -> bool {
        self.kind.takes(value) && is_small(value)
    }
}

fn is_small(value: &Value) -> bool {
    value.to_string().len() <= limits::FLOW_OUTPUT_BYTES_MAX
}

fn output(raw: &RawValue) -> Result<Output, Fault> {
    let value = members::object(raw)?;
    let given = Members::of(&value, &["name", "pointer", "type", "default"])?;
    let kind = given.optional("type", |value| members::word(value, &TYPES))?.unwrap_or(Type::Json);
    let default = given.optional("default", |value| match kind.takes(value) {
        true if is_small(value) => Ok(value.clone()),
        true => {
            let most = limits::FLOW_OUTPUT_BYTES_MAX;
            Err(must(format!("is larger than {most} bytes of JSON")))
        }
        false => {
            let kind = members::name_of(&kind, &TYPES);
            Err(must(format!("must be of the output's type, `{kind}`, or null")))
        }
    })?;
    Ok(Output {
        name: given.required("name", name)?,
        pointer: given.required("pointer", pointer)?,
        kind,
        default: default.unwrap_or_default(),
    })
}

fn name(value: &Value) -> Result<String, Fault> {
    let name = members::short_text(value, limits::FLOW_OUTPUT_NAME_BYTES_MAX)?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !name.bytes().all(fits) || name.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(must("must be letters, digits and `_`, not beginning with a digit"));
    }
    Ok(name.to_owned())
}

fn pointer(value: &Value) -> Result<String, Fault> {
    let pointer = members::text(value)?;
    let most = limits::FLOW_OUTPUT_POINTER_BYTES_MAX;
    if pointer.len() > most {
        return Err(must(format!("has {} bytes; at most {most} may be", pointer.len())));
    }
    let has_begin = pointer.is_empty() || pointer.starts_with('/');
    let has_escapes = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if !has_begin || !has_escapes {
        return Err(must(
            "must be a JSON pointer such as \"/data/id\", where `~0` is a `~` and `~1` a `/` of a \
             name",
        ));
    }
    Ok(pointer.to_owned())
}

/// A split by the outputs of earlier steps. Made by [`OutputSplit::parse`].
#[derive(Clone, Debug, PartialEq)]
pub struct OutputSplit {
    filter: Filter,
    /// The filter as it came.
    text: Value,
}

/// The outputs of a run, as its conditions look at them.
struct OutputsOfRun<'r>(&'r Map<String, Value>);

impl Subject for OutputsOfRun<'_> {
    fn output(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

impl OutputSplit {
    /// Reads the `data` of the action, which stands `at` this pointer.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(raw: &RawValue, at: &str) -> Result<Self, Fault> {
        let value = members::object(raw).at(at)?;
        let data = Members::of(&value, &[FILTER]).at(at)?;
        let text = data.required(FILTER, |text| Ok(text.clone())).at(at)?;
        let raw: RawObject = json::parse(raw.get().as_bytes()).at(at)?;
        let filter = raw.get(FILTER).expect("it is a member that is required");
        let filter = Filter::parse(filter, &format!("{at}/{FILTER}"), Kinds::FLOW_OUTPUT)?;
        Ok(Self { filter, text })
    }

    /// The `data` of the action as the API writes it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({ FILTER: self.text })
    }

    /// Checks that each output that is named is one of a step: `steps` are the outputs of those that
    /// a run can have made before, and `at` is the pointer of the `data`.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self, steps: &[&Outputs], at: &str) -> Result<(), Fault> {
        let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
        for (group_place, group) in list(&self.text, "condition_groups").iter().enumerate() {
            for (place, condition) in list(group, "conditions").iter().enumerate() {
                let at = format!("{at}/{FILTER}/condition_groups/{group_place}/conditions/{place}");
                check_condition(condition, steps).at(&at)?;
            }
        }
        Ok(())
    }

    /// Whether a run with these outputs takes the way of "yes".
    #[must_use]
    pub fn holds(&self, outputs: &Map<String, Value>, at: &At) -> bool {
        self.filter.evaluate(&OutputsOfRun(outputs), at)
    }

    /// The same, with the reasons.
    #[must_use]
    pub fn explain(&self, outputs: &Map<String, Value>, at: &At) -> Explanation {
        self.filter.explain(&OutputsOfRun(outputs), at)
    }
}

fn check_condition(condition: &Value, steps: &[&Outputs]) -> Result<(), Fault> {
    let field = condition["field"].as_str().unwrap_or_default();
    let places: Vec<_> =
        steps.iter().filter_map(|step| step.names().position(|name| name == field)).collect();
    if places.is_empty() {
        let names: Vec<_> = steps.iter().flat_map(|step| step.names()).collect();
        let hint = json::nearest_name(field, &names);
        let hint = hint.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        return Err(must(format!("is no output of a step before this split{hint}"))).at("/field");
    }
    let number = condition["output_config_id"].as_u64().unwrap_or_default();
    if !places.iter().any(|place| *place as u64 + 1 == number) {
        let right: Vec<_> = places.iter().map(|place| (place + 1).to_string()).collect();
        let why = format!("must be the place of `{field}` in its step: {}", right.join(" or "));
        return Err(must(why)).at("/output_config_id");
    }
    Ok(())
}

#[cfg(test)]
#[path = "outputs_tests.rs"]
mod tests;
