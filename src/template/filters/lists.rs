//! Filters of lists: counting, choosing, ordering, joining.

use std::cmp::Ordering;
use std::collections::HashSet;

use minijinja::value::{Value, ValueKind};

use super::super::values::{self, Number, Told, check_bytes, float, items, kind_name, number};
use super::{FilterSpec, Surroundings, arg, filter, lookup};
use crate::limits::TEMPLATE_ITEMS_MAX;
use crate::limits::TEMPLATE_VALUE_BYTES_MAX;

pub(super) const FILTERS: &[FilterSpec] = &[
    filter("count", (0, 0), |_, v, _| Ok(length(v).into())),
    filter("length", (0, 0), |_, v, _| Ok(length(v).into())),
    filter("size", (0, 0), |_, v, _| Ok(length(v).into())),
    filter("length_is", (1, 1), |_, v, args| {
        Ok((number(arg(args, 0)).map(Number::float) == Some(length(v) as f64)).into())
    }),
    filter("first", (0, 0), |_, v, _| Ok(items(v).next().unwrap_or_default())),
    filter("last", (0, 0), |_, v, _| Ok(items(v).last().unwrap_or_default())),
    filter("list", (0, 0), |_, v, _| Ok(list(v)?.into())),
    filter("make_list", (0, 0), |s, v, _| {
        let text = s.text(v)?;
        Ok(list(&Value::from(&*text))?.into())
    }),
    filter("compact", (0, 0), |_, v, _| {
        Ok(list(v)?.into_iter().filter(|item| !values::is_nothing(item)).collect())
    }),
    filter("concat", (1, 1), concat),
    filter("join", (0, 1), join),
    filter("list_to_string", (0, 0), list_to_string),
    filter("list_where", (1, 1), |s, v, args| chosen(v, &s.text(arg(args, 0))?)),
    filter("dictfilter", (1, 1), |s, v, args| chosen(v, &s.text(arg(args, 0))?)),
    filter("map", (1, 1), |_, v, args| {
        Ok(list(v)?.iter().map(|item| lookup(item, arg(args, 0))).collect())
    }),
    filter("sum_list", (0, 0), sum),
    filter("sum", (0, 0), sum),
    filter("min", (0, 0), |_, v, _| Ok(list(v)?.into_iter().min_by(order).unwrap_or_default())),
    filter("max", (0, 0), |_, v, _| Ok(list(v)?.into_iter().max_by(order).unwrap_or_default())),
    filter("slice", (1, 1), slice),
    filter("reverse", (0, 0), reversed),
    filter("sort", (0, 1), |_, v, args| sorted(v, args, order)),
    filter("dictsort", (1, 1), |_, v, args| sorted(v, args, order)),
    filter("dictsortreversed", (1, 1), |_, v, args| sorted(v, args, |a, b| order(b, a))),
    filter("sort_natural", (0, 1), |_, v, args| sorted(v, args, natural_order)),
    filter("uniq", (0, 1), unique),
    filter("unique", (0, 1), unique),
];

/// Characters of a text, items of a list, members of an object; nothing has none.
fn length(value: &Value) -> usize {
    values::string(value).map_or_else(|| value.len().unwrap_or(0), |text| text.chars().count())
}

/// The items of a list, the keys of an object, the characters of a text.
fn list(value: &Value) -> Told<Vec<Value>> {
    if let Some(text) = values::string(value) {
        check_items(text.chars().count())?;
        return Ok(text.chars().map(Value::from).collect());
    }
    match value.kind() {
        ValueKind::Number | ValueKind::Bool => {
            Err(format!("a list is needed, and this is {}", kind_name(value)))
        }
        _ => {
            check_items(value.len().unwrap_or(0))?;
            Ok(items(value).collect())
        }
    }
}

fn check_items(count: usize) -> Told<()> {
    if count > TEMPLATE_ITEMS_MAX {
        return Err(format!("the list has more than {TEMPLATE_ITEMS_MAX} items"));
    }
    Ok(())
}

/// Two lists one after the other, or two texts.
pub(super) fn concat(s: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    let other = arg(args, 0);
    if value.kind() == ValueKind::Seq && other.kind() == ValueKind::Seq {
        let mut joined = list(value)?;
        joined.extend(list(other)?);
        check_items(joined.len())?;
        return Ok(joined.into());
    }
    let (left, right) = (s.text(value)?, s.text(other)?);
    check_bytes(left.len() + right.len(), TEMPLATE_VALUE_BYTES_MAX)?;
    Ok(format!("{left}{right}").into())
}

fn joined(s: &Surroundings, parts: &[Value], separator: &str) -> Told<String> {
    let mut text = String::new();
    for (index, part) in parts.iter().enumerate() {
        let part = s.text(part)?;
        check_bytes(text.len() + separator.len() + part.len(), TEMPLATE_VALUE_BYTES_MAX)?;
        text.push_str(if index > 0 { separator } else { "" });
        text.push_str(&part);
    }
    Ok(text)
}

fn join(s: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    Ok(joined(s, &list(value)?, &s.text(arg(args, 0))?)?.into())
}

fn list_to_string(s: &Surroundings, value: &Value, _: &[Value]) -> Told<Value> {
    let parts = list(value)?;
    let Some((last, others)) = parts.split_last() else { return Ok("".into()) };
    let last = s.text(last)?;
    if others.is_empty() {
        return Ok(last.into_owned().into());
    }
    Ok(format!("{} and {last}", joined(s, others, ", ")?).into())
}

/// The items whose member is as the condition `name=value` says; also `<`, `>=`, `!=` and so on.
fn chosen(value: &Value, condition: &str) -> Told<Value> {
    const SIGNS: [&str; 9] = ["<=", ">=", "=>", "=<", "==", "!=", "=", "<", ">"];
    // The sign that stands first; of those at one place, the longest.
    let first = SIGNS.iter().filter_map(|sign| Some((condition.find(sign)?, *sign)));
    let sign = first.min_by_key(|(at, sign)| (*at, std::cmp::Reverse(sign.len())));
    let parts = sign.and_then(|(_, sign)| Some((sign, condition.split_once(sign)?)));
    let Some((sign, (name, wanted))) = parts else {
        return Err("the condition is written as 'name=value' or 'name>2'".to_owned());
    };
    let (name, wanted) = (Value::from(name.trim()), Value::from(wanted.trim()));
    let holds = |item: &Value| {
        let member = lookup(item, &name);
        if values::is_nothing(&member) {
            return sign == "!=";
        }
        let ordering = compared(&member, &wanted);
        match sign {
            "=" | "==" => ordering == Some(Ordering::Equal),
            "!=" => ordering != Some(Ordering::Equal),
            "<" => ordering == Some(Ordering::Less),
            ">" => ordering == Some(Ordering::Greater),
            "<=" | "=<" => ordering.is_some_and(Ordering::is_le),
            _ => ordering.is_some_and(Ordering::is_ge),
        }
    };
    Ok(list(value)?.into_iter().filter(holds).collect())
}

/// As numbers where both are, and as texts where not.
fn compared(left: &Value, right: &Value) -> Option<Ordering> {
    match (number(left), number(right)) {
        (Some(left), Some(right)) => left.float().partial_cmp(&right.float()),
        _ => {
            let text =
                |value: &Value| values::text(value, values::Style::Json).ok().map(String::from);
            Some(text(left)?.cmp(&text(right)?))
        }
    }
}

fn sum(_: &Surroundings, value: &Value, _: &[Value]) -> Told<Value> {
    let numbers = list(value)?;
    float(numbers.iter().filter_map(number).map(Number::float).sum())
}

/// Python's slices, `from:to:step`, of lists and texts.
fn slice(s: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    let bounds = s.text(arg(args, 0))?;
    let unreadable = || format!("`{bounds}` is no slice: ':3', '1:3' and '-2:' are");
    let read = |part: &str| match part.trim() {
        "" => Ok(None),
        part => part.parse::<i64>().map(Some).map_err(|_| unreadable()),
    };
    let parts: Told<Vec<Option<i64>>> = bounds.split(':').map(read).collect();
    let (start, end, step) = match parts?.as_slice() {
        [end @ Some(_)] => (None, *end, None),
        [start, end] => (*start, *end, None),
        [start, end, step] => (*start, *end, *step),
        _ => return Err(unreadable()),
    };
    let step = step.map_or(Some(1), |step| usize::try_from(step).ok().filter(|step| *step > 0));
    let step = step.ok_or_else(|| "the step of a slice must be 1 or more".to_owned())?;
    if values::is_nothing(value) {
        return Ok(value.clone());
    }
    let all = list(value)?;
    let length = i64::try_from(all.len()).unwrap_or(i64::MAX);
    let place = |bound: i64| {
        let from_start = if bound < 0 { bound.saturating_add(length) } else { bound };
        usize::try_from(from_start.clamp(0, length)).unwrap_or(0)
    };
    let (start, end) = (start.map_or(0, place), end.map_or(all.len(), place));
    let kept = all.into_iter().take(end).skip(start).step_by(step);
    if values::string(value).is_some() {
        return Ok(kept.map(|c| c.to_string()).collect::<String>().into());
    }
    Ok(kept.collect())
}

fn reversed(_: &Surroundings, value: &Value, _: &[Value]) -> Told<Value> {
    if let Some(text) = values::string(value) {
        return Ok(text.chars().rev().collect::<String>().into());
    }
    Ok(list(value)?.into_iter().rev().collect())
}

/// Numbers first, then texts, then the rest.
fn order(left: &Value, right: &Value) -> Ordering {
    let rank = |value: &Value| match () {
        () if value.kind() == ValueKind::Number => 0,
        () if values::string(value).is_some() => 1,
        () => 2,
    };
    rank(left).cmp(&rank(right)).then_with(|| match (rank(left), number(left), number(right)) {
        (0, Some(left), Some(right)) => left.float().total_cmp(&right.float()),
        _ => values::string(left).cmp(&values::string(right)),
    })
}

fn natural_order(left: &Value, right: &Value) -> Ordering {
    let lower = |value: &Value| values::string(value).map(str::to_lowercase);
    lower(left).cmp(&lower(right))
}

/// What an item is ordered or told apart by: itself, or its member.
fn key_of(item: &Value, args: &[Value]) -> Value {
    args.first().map_or_else(|| item.clone(), |key| lookup(item, key))
}

fn sorted(value: &Value, args: &[Value], by: fn(&Value, &Value) -> Ordering) -> Told<Value> {
    let mut keyed: Vec<(Value, Value)> =
        list(value)?.into_iter().map(|item| (key_of(&item, args), item)).collect();
    keyed.sort_by(|(left, _), (right, _)| by(left, right));
    Ok(keyed.into_iter().map(|(_, item)| item).collect())
}

fn unique(_: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    for item in list(value)? {
        if seen.insert(values::json(&key_of(&item, args))?) {
            kept.push(item);
        }
    }
    Ok(kept.into())
}
