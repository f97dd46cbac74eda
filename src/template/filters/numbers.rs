//! Filters of numbers. Texts that are numbers do too, as in Klaviyo; its arithmetic makes floats.

use minijinja::value::Value;

use super::super::values::{self, Number, Told, Written, float, kind_name, number};
use super::{FilterSpec, Surroundings, arg, filter};
use crate::limits::TEMPLATE_DECIMALS_MAX;

pub(super) const FILTERS: &[FilterSpec] = &[
    filter("abs", (0, 0), abs),
    filter("at_least", (1, 1), |_, v, args| bounded(v, arg(args, 0), true)),
    filter("at_most", (1, 1), |_, v, args| bounded(v, arg(args, 0), false)),
    filter("ceil", (0, 0), |_, v, _| of_float(v, f64::ceil)),
    filter("floor", (0, 0), |_, v, _| of_float(v, f64::floor)),
    filter("round", (0, 1), |_, v, args| rounded(v, args, f64::round)),
    filter("round_up", (0, 1), |_, v, args| rounded(v, args, f64::ceil)),
    filter("round_down", (0, 1), |_, v, args| rounded(v, args, f64::floor)),
    filter("divide", (1, 1), |_, v, args| of_floats(v, args, divided)),
    filter("multiply", (1, 1), |_, v, args| of_floats(v, args, |a, b| float(tidied(a * b)))),
    filter("modulo", (1, 1), |_, v, args| of_floats(v, args, remainder)),
    filter("remainder", (1, 1), |_, v, args| of_floats(v, args, remainder)),
    filter("floatadd", (1, 1), |_, v, args| of_floats(v, args, |a, b| float(tidied(a + b)))),
    filter("plus", (1, 1), |_, v, args| of_floats(v, args, |a, b| float(tidied(a + b)))),
    filter("floatsub", (1, 1), |_, v, args| of_floats(v, args, |a, b| float(tidied(a - b)))),
    filter("minus", (1, 1), |_, v, args| of_floats(v, args, |a, b| float(tidied(a - b)))),
    filter("add", (1, 1), add),
    filter("floatformat", (0, 1), float_format),
    filter("percentize", (0, 1), percent),
    filter("gt", (1, 1), |_, v, args| compared(v, args, |a, b| a > b)),
    filter("gte", (1, 1), |_, v, args| compared(v, args, |a, b| a >= b)),
    filter("lt", (1, 1), |_, v, args| compared(v, args, |a, b| a < b)),
    filter("lte", (1, 1), |_, v, args| compared(v, args, |a, b| a <= b)),
    filter("divisibleby", (1, 1), divisible),
    filter("int", (0, 0), |_, v, _| Ok(number(v).map_or(0, |n| n.float() as i64).into())),
    filter("float", (0, 0), |_, v, _| float(number(v).map_or(0.0, Number::float))),
    filter("get_digit", (1, 1), digit),
];

/// The number, where the value has to be one.
fn wanted(value: &Value) -> Told<Number> {
    number(value).ok_or_else(|| match values::string(value) {
        Some(text) => {
            let shown: String = text.chars().take(40).collect();
            format!("`{shown}` is no number")
        }
        None => format!("a number is needed, and this is {}", kind_name(value)),
    })
}

/// The number, or zero where there is none: what Klaviyo's arithmetic takes it for.
fn or_zero(value: &Value) -> f64 {
    number(value).map_or(0.0, Number::float)
}

/// Without the dust of binary fractions: `1.1 - 1` is `0.1`.
fn tidied(number: f64) -> f64 {
    const PLACES: f64 = 1e10;
    let scaled = number * PLACES;
    if scaled.abs() < 1e15 { scaled.round() / PLACES } else { number }
}

fn abs(_: &Surroundings, value: &Value, _: &[Value]) -> Told<Value> {
    match wanted(value)? {
        Number::Whole(number) => Ok(number.saturating_abs().into()),
        Number::Float(number) => float(number.abs()),
    }
}

fn bounded(value: &Value, bound: &Value, is_least: bool) -> Told<Value> {
    let (of, bound) = (wanted(value)?, wanted(bound)?);
    let keeps = if is_least { of.float() >= bound.float() } else { of.float() <= bound.float() };
    match if keeps { of } else { bound } {
        Number::Whole(number) => Ok(number.into()),
        Number::Float(number) => float(number),
    }
}

fn of_float(value: &Value, change: fn(f64) -> f64) -> Told<Value> {
    if values::is_nothing(value) {
        return Ok("".into());
    }
    float(change(wanted(value)?.float()))
}

fn of_floats(value: &Value, args: &[Value], join: fn(f64, f64) -> Told<Value>) -> Told<Value> {
    join(or_zero(value), or_zero(arg(args, 0)))
}

fn divided(left: f64, right: f64) -> Told<Value> {
    if right == 0.0 {
        Err("nothing can be divided by zero".to_owned())
    } else {
        float(left / right)
    }
}

fn remainder(left: f64, right: f64) -> Told<Value> {
    if right == 0.0 {
        return Err("nothing can be divided by zero".to_owned());
    }
    // With the sign of the divisor, as in Python.
    float(tidied(left - right * (left / right).floor()))
}

/// How many digits behind the point an argument wants.
fn decimals(value: &Value, otherwise: i64) -> Told<i64> {
    if values::is_nothing(value) {
        return Ok(otherwise);
    }
    let digits = number(value).map(Number::float).filter(|digits| digits.fract() == 0.0);
    let digits = digits.ok_or_else(|| "the digits behind the point must be a number".to_owned())?;
    let digits = digits as i64;
    if digits.abs() > TEMPLATE_DECIMALS_MAX {
        return Err(format!("more than {TEMPLATE_DECIMALS_MAX} digits behind the point"));
    }
    Ok(digits)
}

fn rounded(value: &Value, args: &[Value], change: fn(f64) -> f64) -> Told<Value> {
    if values::is_nothing(value) {
        return Ok("".into());
    }
    let digits = decimals(arg(args, 0), 0)?;
    let scale = 10_f64.powi(i32::try_from(digits).unwrap_or(0));
    let scaled = wanted(value)?.float() * scale;
    float(if scaled.is_finite() { change(tidied(scaled)) / scale } else { scaled })
}

/// As in Django: whole numbers are added, and texts or lists are put together.
fn add(s: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    let other = arg(args, 0);
    if let (Some(left), Some(right)) = (number(value), number(other)) {
        let sum = (left.float() as i64).checked_add(right.float() as i64);
        return sum.map(Value::from).ok_or_else(|| "the sum is too large".to_owned());
    }
    super::lists::concat(s, value, args)
}

/// Django's: so many digits, or with a minus only where there are any; `g` groups thousands.
fn float_format(s: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    let wanted = if args.is_empty() { "-1".into() } else { s.text(arg(args, 0))? };
    let is_grouped = wanted.contains('g');
    let digits = wanted.trim_end_matches(['g', 'u']);
    let digits = decimals(&digits.into(), 1)?;
    let Some(number) = number(value) else { return Ok("".into()) };
    let number = number.float();
    let count = usize::try_from(digits.abs()).unwrap_or(0);
    let is_whole = digits < 0 && number.fract() == 0.0;
    let count = if is_whole { 0 } else { count };
    let text = format!("{number:.count$}");
    Ok(Written::by_filter(if is_grouped { grouped(&text) } else { text }))
}

fn grouped(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let mut digits = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            digits.push(',');
        }
        digits.push(digit);
    }
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{digits}{point}{fraction}")
}

fn percent(_: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    let count = usize::try_from(decimals(arg(args, 0), 0)?).unwrap_or(0);
    let Some(number) = number(value) else { return Ok("".into()) };
    Ok(format!("{:.count$}%", number.float() * 100.0).into())
}

fn compared(value: &Value, args: &[Value], holds: fn(f64, f64) -> bool) -> Told<Value> {
    let (left, right) = (number(value), number(arg(args, 0)));
    Ok(left.zip(right).is_some_and(|(a, b)| holds(a.float(), b.float())).into())
}

fn divisible(_: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    let (left, right) = (wanted(value)?.float(), wanted(arg(args, 0))?.float());
    if right == 0.0 {
        return Err("nothing can be divided by zero".to_owned());
    }
    Ok((left % right == 0.0).into())
}

/// The digit so many from the right; the value itself where that makes no sense, as in Django.
fn digit(s: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    let place = number(arg(args, 0)).map_or(0.0, Number::float) as usize;
    let text = s.text(value)?;
    let is_whole = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_whole || place == 0 {
        return Ok(value.clone());
    }
    let digit = text.chars().rev().nth(place - 1).and_then(|digit| digit.to_digit(10));
    Ok(digit.unwrap_or(0).into())
}
