//! What the operators and tests of expressions mean.
//!
//! Comparing never fails: what can not be compared is not less and not equal, as in Django's `if`.
//! Arithmetic that makes no sense is a fault, since something would go out in its place.

use std::cmp::Ordering;

use minijinja::value::{Value, ValueKind};

use super::nodes::{Op, Test};
use super::values::{self, Number, Style, Told, check_bytes, float, items, kind_name, number};
use crate::limits::TEMPLATE_ITEMS_MAX;
use crate::limits::TEMPLATE_VALUE_BYTES_MAX;

/// Whether the operator makes a value of its operands, and not just an answer.
pub(super) fn makes_value(op: Op) -> bool {
    !matches!(op, Op::Equal | Op::Less | Op::LessOrEqual | Op::In)
}

/// What the operator makes of two values.
pub(super) fn apply(op: Op, left: &Value, right: &Value, style: Style) -> Told<Value> {
    match op {
        Op::Equal => Ok(equal(left, right).into()),
        Op::Less => Ok((order(left, right) == Some(Ordering::Less)).into()),
        Op::LessOrEqual => Ok(order(left, right).is_some_and(Ordering::is_le).into()),
        Op::In => Ok(contains(right, left).into()),
        Op::Join => {
            let (left, right) = (values::text(left, style)?, values::text(right, style)?);
            joined(&left, &right)
        }
        Op::Add => match (values::string(left), values::string(right)) {
            (Some(left), Some(right)) => joined(left, right),
            _ => arithmetic(op, left, right),
        },
        _ => arithmetic(op, left, right),
    }
}

fn joined(left: &str, right: &str) -> Told<Value> {
    check_bytes(left.len() + right.len(), TEMPLATE_VALUE_BYTES_MAX)?;
    Ok(format!("{left}{right}").into())
}

fn arithmetic(op: Op, left: &Value, right: &Value) -> Told<Value> {
    let operand = |value: &Value| {
        let number = if values::is_nothing(value) { Some(Number::Whole(0)) } else { number(value) };
        number.ok_or_else(|| format!("{} can not be calculated with", kind_name(value)))
    };
    let (left, right) = (operand(left)?, operand(right)?);
    let divides = matches!(op, Op::Divide | Op::DivideWhole | Op::Remainder);
    if divides && right.float() == 0.0 {
        return Err("nothing can be divided by zero".to_owned());
    }
    if let (Number::Whole(a), Number::Whole(b)) = (left, right) {
        let whole = match op {
            Op::Add => a.checked_add(b),
            Op::Subtract => a.checked_sub(b),
            Op::Multiply => a.checked_mul(b),
            Op::DivideWhole => a.checked_div_euclid(b),
            Op::Remainder => a.checked_rem_euclid(b),
            _ => None,
        };
        if let Some(whole) = whole {
            return Ok(whole.into());
        }
    }
    let (a, b) = (left.float(), right.float());
    float(match op {
        Op::Add => a + b,
        Op::Subtract => a - b,
        Op::Multiply => a * b,
        Op::DivideWhole => (a / b).floor(),
        Op::Remainder => a - b * (a / b).floor(),
        _ => a / b,
    })
}

/// Whether both are the same text, number, list or object; `5` and `'5'` are not.
fn equal(left: &Value, right: &Value) -> bool {
    match (values::string(left), values::string(right)) {
        (Some(left), Some(right)) => return left == right,
        (None, None) => {}
        _ => return false,
    }
    let is_container = |value: &Value| matches!(value.kind(), ValueKind::Map | ValueKind::Seq);
    if is_container(left) && is_container(right) {
        let texts = (values::json(left), values::json(right));
        return matches!(texts, (Ok(left), Ok(right)) if left == right);
    }
    if values::is_nothing(left) || values::is_nothing(right) {
        return values::is_nothing(left) && values::is_nothing(right);
    }
    order(left, right) == Some(Ordering::Equal)
}

/// Numbers with numbers, texts with texts.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (values::string(left), values::string(right)) {
        (Some(left), Some(right)) => Some(left.cmp(right)),
        (None, None) => match (number(left)?, number(right)?) {
            (Number::Whole(left), Number::Whole(right)) => Some(left.cmp(&right)),
            (left, right) => left.float().partial_cmp(&right.float()),
        },
        _ => None,
    }
}

/// Whether a text has the part, a list the item, an object the key.
fn contains(whole: &Value, part: &Value) -> bool {
    match (values::string(whole), values::string(part)) {
        (Some(whole), Some(part)) => whole.contains(part),
        (Some(_), None) => false,
        (None, _) => items(whole).any(|item| equal(&item, part)),
    }
}

/// The answer of a test.
pub(super) fn test(test: Test, value: &Value, with: &Value) -> bool {
    let remainder = |by: f64| number(value).map(|number| number.float() % by);
    let is_text = values::string(value).is_some();
    match test {
        Test::Defined => !value.is_undefined(),
        Test::None => value.is_none(),
        Test::Text => is_text,
        Test::Number => value.is_number(),
        Test::Integer => value.is_integer(),
        Test::Boolean => value.kind() == ValueKind::Bool,
        Test::Mapping => value.kind() == ValueKind::Map,
        Test::Sequence => value.kind() == ValueKind::Seq,
        Test::Iterable => is_text || matches!(value.kind(), ValueKind::Map | ValueKind::Seq),
        Test::Odd => remainder(2.0).is_some_and(|rest| rest.abs() == 1.0),
        Test::Even => remainder(2.0) == Some(0.0),
        Test::DivisibleBy => number(with).is_some_and(|by| remainder(by.float()) == Some(0.0)),
    }
}

/// `range(end)`, `range(start, end)`, `range(start, end, step)`.
pub(super) fn range(args: &[Value]) -> Told<Value> {
    let whole = |value: &Value| match number(value) {
        Some(Number::Whole(number)) => Ok(number),
        _ => Err("`range` takes whole numbers".to_owned()),
    };
    let numbers: Told<Vec<i64>> = args.iter().map(whole).collect();
    let (start, end, step) = match numbers?.as_slice() {
        [end] => (0, *end, 1),
        [start, end] => (*start, *end, 1),
        [start, end, step] => (*start, *end, *step),
        _ => return Err("`range` takes one to three numbers".to_owned()),
    };
    if step == 0 {
        return Err("the step of `range` can not be 0".to_owned());
    }
    let distance = i128::from(end) - i128::from(start);
    let count = (distance + i128::from(step) - i128::from(step.signum())) / i128::from(step);
    let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
    if count > TEMPLATE_ITEMS_MAX {
        return Err(format!("`range` makes at most {TEMPLATE_ITEMS_MAX} numbers"));
    }
    let steps = (0..count).map(|index| start + i64::try_from(index).unwrap_or(0) * step);
    Ok(steps.map(Value::from).collect())
}

/// Django's `widthratio`: the value as a share of the most, of the width; `0` where there is none.
pub(super) fn width_ratio(value: &Value, most: &Value, width: &Value) -> Told<Value> {
    let (Some(value), Some(most), Some(width)) = (number(value), number(most), number(width))
    else {
        return Ok("".into());
    };
    if most.float() == 0.0 {
        return Ok(0.into());
    }
    let ratio = value.float() / most.float() * width.float();
    float(ratio)?;
    Ok((ratio.round() as i64).into())
}
