//! The filters, by name. What is not in these tables does not exist, or is refused with a reason
//! (`refused.rs`).
//!
//! A filter takes values and makes one; it knows neither the template nor where the value goes.
//! What it makes is charged to the engine's fuel by the caller, and capped here.

use jiff::Zoned;
use minijinja::value::Value;

use super::expr::unknown;
use super::refused;
use super::values::{self, Style, Told};

mod dates;
mod encodings;
mod lists;
mod moment;
mod numbers;
mod pads;
mod texts;

pub(super) use moment::formatted;

/// One filter: how many arguments it takes, and what it does.
#[derive(Debug)]
pub(super) struct FilterSpec {
    pub(super) name: &'static str,
    args_min: usize,
    args_max: usize,
    /// It has an answer for what is not set, and so is allowed on it in a strict template.
    pub(super) takes_nothing: bool,
    pub(super) run: Run,
}

/// What filters may know besides their values.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// The moment of the render, in the time zone that dates without one are shown in.
    pub(super) now: Zoned,
    /// How lists and objects are written within texts.
    pub(super) style: Style,
}

impl Surroundings {
    fn text<'v>(&self, value: &'v Value) -> Told<std::borrow::Cow<'v, str>> {
        values::text(value, self.style)
    }
}

type Run = fn(&Surroundings, &Value, &[Value]) -> Told<Value>;

const fn filter(name: &'static str, args: (usize, usize), run: Run) -> FilterSpec {
    FilterSpec { name, args_min: args.0, args_max: args.1, takes_nothing: false, run }
}

const fn of_nothing(name: &'static str, args: (usize, usize), run: Run) -> FilterSpec {
    FilterSpec { name, args_min: args.0, args_max: args.1, takes_nothing: true, run }
}

/// The filters that are about being there.
const GENERAL: &[FilterSpec] = &[
    of_nothing("default", (1, 2), default),
    of_nothing("d", (1, 2), default),
    of_nothing("default_if_none", (1, 1), default_if_none),
    of_nothing("lookup", (1, 1), |_, value, args| Ok(lookup(value, arg(args, 0)))),
];

const TABLES: [&[FilterSpec]; 7] = [
    GENERAL,
    texts::FILTERS,
    pads::FILTERS,
    numbers::FILTERS,
    lists::FILTERS,
    dates::FILTERS,
    encodings::FILTERS,
];

/// All filters.
pub(super) fn all() -> impl Iterator<Item = &'static FilterSpec> {
    TABLES.into_iter().flatten()
}

/// The filter `name` with so many arguments, or what is wrong.
pub(super) fn find(name: &str, args: usize) -> Told<&'static FilterSpec> {
    let Some(spec) = all().find(|spec| spec.name == name) else {
        let names: Vec<&str> = all().map(|spec| spec.name).collect();
        return Err(refused::filter(name).unwrap_or_else(|| unknown("filter", name, &names)));
    };
    if (spec.args_min..=spec.args_max).contains(&args) {
        return Ok(spec);
    }
    let takes = match (spec.args_min, spec.args_max) {
        (0, 0) => "no argument".to_owned(),
        (1, 1) => "one argument".to_owned(),
        (least, most) if least == most => format!("{most} arguments"),
        (least, most) => format!("{least} to {most} arguments"),
    };
    Err(format!("the filter `{name}` takes {takes}, not {args}"))
}

/// One argument; nothing where it was left out.
fn arg(args: &[Value], index: usize) -> &Value {
    args.get(index).unwrap_or(&Value::UNDEFINED)
}

fn default(_: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    Ok(if value.is_true() { value.clone() } else { arg(args, 0).clone() })
}

fn default_if_none(_: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    Ok(if values::is_nothing(value) { arg(args, 0).clone() } else { value.clone() })
}

/// What `of` has under `key`: an object's member, a list's item, or Django's `items`, `keys` and
/// `values` of an object that has no member of that name.
pub(super) fn lookup(of: &Value, key: &Value) -> Value {
    if values::string(of).is_some() {
        return Value::UNDEFINED;
    }
    let name = values::string(key);
    if of.kind() == minijinja::value::ValueKind::Map {
        let name = name.map_or_else(|| key.to_string(), str::to_owned);
        let member = of.get_attr(&name).unwrap_or_default();
        return if member.is_undefined() { parts_of_object(of, &name) } else { member };
    }
    let index = name.map_or_else(|| key.as_i64(), |name| name.parse().ok());
    let length = of.len().and_then(|length| i64::try_from(length).ok());
    let (Some(index), Some(length)) = (index, length) else { return Value::UNDEFINED };
    let index = if index < 0 { index + length } else { index };
    usize::try_from(index)
        .ok()
        .and_then(|index| of.get_item_by_index(index).ok())
        .unwrap_or_default()
}

fn parts_of_object(of: &Value, name: &str) -> Value {
    let value_of = |key: &Value| of.get_item(key).unwrap_or_default();
    match name {
        "keys" => values::items(of).collect(),
        "values" => values::items(of).map(|key| value_of(&key)).collect(),
        "items" => {
            values::items(of).map(|key| Value::from(vec![key.clone(), value_of(&key)])).collect()
        }
        _ => Value::UNDEFINED,
    }
}
