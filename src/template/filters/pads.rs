//! Filters that make a text wider: nothing is made before its size was checked.

use minijinja::value::Value;

use super::super::values::{Number, Told, Written, check_bytes, number};
use super::{FilterSpec, Surroundings, arg, filter};
use crate::limits::TEMPLATE_DECIMALS_MAX;
use crate::limits::TEMPLATE_VALUE_BYTES_MAX;

pub(super) const FILTERS: &[FilterSpec] = &[
    filter("center", (1, 1), |s, v, args| padded(s, v, args, Side::Both)),
    filter("ljust", (1, 1), |s, v, args| padded(s, v, args, Side::Right)),
    filter("rjust", (1, 1), |s, v, args| padded(s, v, args, Side::Left)),
    filter("wordwrap", (1, 1), wrapped),
    filter("stringformat", (1, 1), string_format),
];

/// Where the blanks go.
enum Side {
    Left,
    Right,
    Both,
}

/// A width from an argument.
fn width(value: &Value) -> Told<usize> {
    let width = number(value).map(Number::float).filter(|width| *width >= 0.0);
    let width = width.ok_or_else(|| "the width must be a number".to_owned())?;
    let width = width as usize;
    check_bytes(width, TEMPLATE_VALUE_BYTES_MAX)?;
    Ok(width)
}

fn padded(s: &Surroundings, value: &Value, args: &[Value], side: Side) -> Told<Value> {
    let (text, width) = (s.text(value)?, width(arg(args, 0))?);
    let missing = width.saturating_sub(text.chars().count());
    check_bytes(text.len() + missing, TEMPLATE_VALUE_BYTES_MAX)?;
    let before = match side {
        Side::Left => missing,
        Side::Right => 0,
        Side::Both => missing / 2,
    };
    let (before, after) = (" ".repeat(before), " ".repeat(missing - before));
    Ok(format!("{before}{text}{after}").into())
}

fn wrapped(s: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    let (text, width) = (s.text(value)?, width(arg(args, 0))?);
    let mut lines = String::with_capacity(text.len());
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 {
            let fits = column + 1 + length <= width;
            lines.push(if fits { ' ' } else { '\n' });
            column = if fits { column + 1 } else { 0 };
        }
        lines.push_str(word);
        column += length;
    }
    Ok(lines.into())
}

/// What Python's `%` takes: flags, a width, digits behind the point, and the kind.
struct Pattern {
    is_left: bool,
    is_zeroed: bool,
    has_sign: bool,
    width: usize,
    decimals: Option<usize>,
    kind: char,
}

fn pattern(text: &str) -> Option<Pattern> {
    let text = text.strip_prefix('%').unwrap_or(text);
    let flags_end = text.find(|c: char| !"-0+ ".contains(c))?;
    let (flags, rest) = text.split_at(flags_end);
    let kind = rest.chars().next_back()?;
    let sizes = rest.strip_suffix(kind)?;
    let (width, decimals) = match sizes.split_once('.') {
        Some((width, decimals)) => (width, Some(decimals.parse().ok()?)),
        None => (sizes, None),
    };
    let most = usize::try_from(TEMPLATE_DECIMALS_MAX).ok()?;
    Some(Pattern {
        is_left: flags.contains('-'),
        is_zeroed: flags.contains('0'),
        has_sign: flags.contains('+'),
        width: if width.is_empty() { 0 } else { width.parse().ok()? },
        decimals: decimals.filter(|decimals| kind == 's' || *decimals <= most),
        kind,
    })
}

fn string_format(s: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    let wanted = s.text(arg(args, 0))?;
    let unreadable = || format!("`{wanted}` is no format: 's', '05d', '.2f' and 'x' are");
    let pattern = pattern(&wanted).ok_or_else(unreadable)?;
    check_bytes(pattern.width, TEMPLATE_VALUE_BYTES_MAX)?;
    let is_text = pattern.kind == 's';
    let found = number(value);
    let (negative, digits) = match (pattern.kind, found) {
        ('s', _) => {
            let most = pattern.decimals.unwrap_or(usize::MAX);
            (false, s.text(value)?.chars().take(most).collect())
        }
        // As in Django: what is no number becomes nothing.
        (_, None) => return Ok("".into()),
        ('d' | 'i', Some(number)) => {
            let whole = number.float().trunc();
            (whole < 0.0, format!("{:.0}", whole.abs()))
        }
        ('f' | 'F', Some(number)) => {
            let decimals = pattern.decimals.unwrap_or(6);
            (number.float() < 0.0, format!("{:.decimals$}", number.float().abs()))
        }
        ('x' | 'X' | 'o', Some(Number::Whole(number))) => {
            let magnitude = number.unsigned_abs();
            let digits = match pattern.kind {
                'x' => format!("{magnitude:x}"),
                'X' => format!("{magnitude:X}"),
                _ => format!("{magnitude:o}"),
            };
            (number < 0, digits)
        }
        _ => return Err(unreadable()),
    };
    let text = laid_out(&pattern, negative, &digits);
    Ok(if is_text { text.into() } else { Written::by_filter(text) })
}

fn laid_out(pattern: &Pattern, is_negative: bool, digits: &str) -> String {
    let sign = match (is_negative, pattern.has_sign && pattern.kind != 's') {
        (true, _) => "-",
        (false, true) => "+",
        (false, false) => "",
    };
    let missing = pattern.width.saturating_sub(sign.len() + digits.chars().count());
    if pattern.is_left {
        format!("{sign}{digits}{}", " ".repeat(missing))
    } else if pattern.is_zeroed && pattern.kind != 's' {
        format!("{sign}{}{digits}", "0".repeat(missing))
    } else {
        format!("{}{sign}{digits}", " ".repeat(missing))
    }
}
