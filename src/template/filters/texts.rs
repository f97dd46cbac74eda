//! Filters of texts: case, cutting, replacing, choosing words.

use minijinja::value::Value;
use regex_lite::RegexBuilder;

use super::super::values::{self, Told, Written, check_bytes, number};
use super::{FilterSpec, Surroundings, arg, filter, of_nothing};
use crate::limits::TEMPLATE_ITEMS_MAX;
use crate::limits::TEMPLATE_PATTERN_COMPILED_BYTES_MAX;
use crate::limits::TEMPLATE_PATTERN_TEXT_BYTES_MAX;
use crate::limits::TEMPLATE_VALUE_BYTES_MAX;

pub(super) const FILTERS: &[FilterSpec] = &[
    filter("append", (1, 1), append),
    filter("prepend", (1, 1), |s, value, args| {
        append(s, arg(args, 0), std::slice::from_ref(value))
    }),
    filter("capitalize", (0, 0), capitalize),
    filter("capfirst", (0, 0), capitalize),
    filter("title", (0, 0), title),
    filter("upcase", (0, 0), |s, v, _| Ok(s.text(v)?.to_uppercase().into())),
    filter("upper", (0, 0), |s, v, _| Ok(s.text(v)?.to_uppercase().into())),
    filter("downcase", (0, 0), |s, v, _| Ok(s.text(v)?.to_lowercase().into())),
    filter("lower", (0, 0), |s, v, _| Ok(s.text(v)?.to_lowercase().into())),
    filter("string", (0, 0), |s, v, _| Ok(s.text(v)?.into_owned().into())),
    filter("strip", (0, 0), |s, v, _| Ok(s.text(v)?.trim().into())),
    filter("trim", (0, 0), |s, v, _| Ok(s.text(v)?.trim().into())),
    filter("lstrip", (0, 0), |s, v, _| Ok(s.text(v)?.trim_start().into())),
    filter("rstrip", (0, 0), |s, v, _| Ok(s.text(v)?.trim_end().into())),
    filter("strip_newlines", (0, 0), |s, v, _| Ok(s.text(v)?.replace(['\r', '\n'], "").into())),
    filter("strip_html", (0, 0), |s, v, _| Ok(without_tags(&s.text(v)?).into())),
    filter("striptags", (0, 0), |s, v, _| Ok(without_tags(&s.text(v)?).into())),
    filter("find_replace", (1, 2), |s, v, args| replaced(s, v, args, Which::All)),
    filter("replace", (2, 2), |s, v, args| replaced(s, v, args, Which::All)),
    filter("replace_first", (1, 2), |s, v, args| replaced(s, v, args, Which::First)),
    filter("replace_last", (1, 2), |s, v, args| replaced(s, v, args, Which::Last)),
    filter("remove", (1, 1), |s, v, args| removed(s, v, args, Which::All)),
    filter("cut", (1, 1), |s, v, args| removed(s, v, args, Which::All)),
    filter("remove_first", (1, 1), |s, v, args| removed(s, v, args, Which::First)),
    filter("remove_last", (1, 1), |s, v, args| removed(s, v, args, Which::Last)),
    filter("split", (0, 1), split),
    filter("resplit", (1, 1), resplit),
    filter("truncate", (0, 1), |s, v, args| truncated(s, v, args, "...")),
    filter("truncatechars", (1, 1), |s, v, args| truncated(s, v, args, "…")),
    filter("truncatewords", (1, 1), truncated_words),
    filter("wordcount", (0, 0), |s, v, _| Ok(s.text(v)?.split_whitespace().count().into())),
    filter("slugify", (0, 0), slug),
    filter("addslashes", (0, 0), |s, v, _| {
        Ok(s.text(v)?.replace('\\', "\\\\").replace('"', "\\\"").replace('\'', "\\'").into())
    }),
    filter("pluralize", (0, 1), pluralized),
    of_nothing("yesno", (0, 1), yes_or_no),
];

fn append(s: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    let (head, tail) = (s.text(value)?, s.text(arg(args, 0))?);
    check_bytes(head.len() + tail.len(), TEMPLATE_VALUE_BYTES_MAX)?;
    Ok(format!("{head}{tail}").into())
}

fn capitalize(s: &Surroundings, value: &Value, _: &[Value]) -> Told<Value> {
    let text = s.text(value)?;
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    Ok(first.chain(chars.clone()).collect::<String>().into())
}

fn title(s: &Surroundings, value: &Value, _: &[Value]) -> Told<Value> {
    let mut titled = String::new();
    let mut is_within = false;
    for c in s.text(value)?.chars() {
        if is_within {
            titled.extend(c.to_lowercase());
        } else {
            titled.extend(c.to_uppercase());
        }
        is_within = c.is_alphanumeric() || (is_within && (c == '\'' || c == '’'));
    }
    Ok(titled.into())
}

fn without_tags(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        kept.push_str(before);
        let begins = after.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
        match after.split_once('>') {
            Some((_, behind)) if begins => rest = behind,
            _ => {
                kept.push('<');
                rest = after;
            }
        }
    }
    kept.push_str(rest);
    kept
}

#[derive(Clone, Copy)]
enum Which {
    All,
    First,
    Last,
}

/// Klaviyo's one argument `old|new`, or Jinja's two.
fn replaced(s: &Surroundings, value: &Value, args: &[Value], which: Which) -> Told<Value> {
    let (text, first) = (s.text(value)?, s.text(arg(args, 0))?);
    if args.len() == 2 {
        return exchanged(&text, &first, &s.text(arg(args, 1))?, which);
    }
    match first.split_once('|') {
        Some((old, new)) => exchanged(&text, old, new, which),
        None => Err("what is replaced by what is written as 'old|new'".to_owned()),
    }
}

fn removed(s: &Surroundings, value: &Value, args: &[Value], which: Which) -> Told<Value> {
    exchanged(&s.text(value)?, &s.text(arg(args, 0))?, "", which)
}

fn exchanged(text: &str, old: &str, new: &str, which: Which) -> Told<Value> {
    if old.is_empty() {
        return Ok(text.into());
    }
    let parts = match which {
        Which::All => {
            let times = text.matches(old).count();
            check_bytes(text.len() + times.saturating_mul(new.len()), TEMPLATE_VALUE_BYTES_MAX)?;
            return Ok(text.replace(old, new).into());
        }
        Which::First => text.split_once(old),
        Which::Last => text.rsplit_once(old),
    };
    let Some((before, after)) = parts else { return Ok(text.into()) };
    check_bytes(text.len() + new.len(), TEMPLATE_VALUE_BYTES_MAX)?;
    Ok(format!("{before}{new}{after}").into())
}

fn list_of<'t>(parts: impl Iterator<Item = &'t str>) -> Told<Value> {
    let parts: Vec<Value> = parts.take(TEMPLATE_ITEMS_MAX + 1).map(Value::from).collect();
    if parts.len() > TEMPLATE_ITEMS_MAX {
        return Err(format!("the list would have more than {TEMPLATE_ITEMS_MAX} items"));
    }
    Ok(parts.into())
}

fn split(s: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    let (text, separator) = (s.text(value)?, s.text(arg(args, 0))?);
    if separator.is_empty() {
        return list_of(text.split_whitespace());
    }
    list_of(text.split(&*separator))
}

fn resplit(s: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    let (text, pattern) = (s.text(value)?, s.text(arg(args, 0))?);
    check_bytes(text.len(), TEMPLATE_PATTERN_TEXT_BYTES_MAX)?;
    let pattern = RegexBuilder::new(&pattern)
        .size_limit(TEMPLATE_PATTERN_COMPILED_BYTES_MAX)
        .build()
        .map_err(|error| format!("the pattern can not be used: {error}"))?;
    list_of(pattern.split(&text))
}

/// A whole number that is not negative, from an argument.
fn count_of(value: &Value, otherwise: usize) -> Told<usize> {
    if values::is_nothing(value) {
        return Ok(otherwise);
    }
    let count = number(value).map(|number| number.float());
    let count = count.filter(|count| *count >= 0.0 && count.fract() == 0.0);
    count.map(|count| count as usize).ok_or_else(|| "the argument must be a count".to_owned())
}

/// So many characters with the ellipsis among them.
fn truncated(s: &Surroundings, value: &Value, args: &[Value], ellipsis: &str) -> Told<Value> {
    const USUAL: usize = 50;
    let (text, most) = (s.text(value)?, count_of(arg(args, 0), USUAL)?);
    if text.chars().count() <= most {
        return Ok(text.into_owned().into());
    }
    let kept = most.saturating_sub(ellipsis.chars().count());
    let mut short: String = text.chars().take(kept).collect();
    short.push_str(ellipsis);
    Ok(short.into())
}

fn truncated_words(s: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    let (text, most) = (s.text(value)?, count_of(arg(args, 0), 0)?);
    let mut words = text.split_whitespace();
    let mut short = words.by_ref().take(most).collect::<Vec<_>>().join(" ");
    if words.next().is_some() {
        short.push_str(" …");
    }
    Ok(short.into())
}

fn slug(s: &Surroundings, value: &Value, _: &[Value]) -> Told<Value> {
    let lower = s.text(value)?.to_lowercase();
    let words = lower.split(|c: char| c.is_whitespace() || c == '-').map(|word| {
        word.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>()
    });
    let words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
    Ok(words.join("-").into())
}

/// `s` where it is not one; `ies` and `y` with the argument `'y,ies'`.
fn pluralized(s: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    let endings = if args.is_empty() { "s".into() } else { s.text(arg(args, 0))? };
    let (one, many) = endings.split_once(',').unwrap_or(("", &endings));
    let count = number(value).map(|number| number.float());
    let count = count.or_else(|| value.len().map(|length| length as f64));
    Ok(if count == Some(1.0) { one.into() } else { many.into() })
}

/// One of three words; as the template's author wrote them, so `'true,false'` are what they say.
fn yes_or_no(s: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    let words = if args.is_empty() { "yes,no,maybe".into() } else { s.text(arg(args, 0))? };
    let words: Vec<&str> = words.split(',').collect();
    let (yes, no) = match words.as_slice() {
        [yes, no] | [yes, no, _] => (*yes, *no),
        _ => return Err("`yesno` takes two or three words, as 'yes,no,maybe'".to_owned()),
    };
    let maybe = words.get(2).copied().unwrap_or(no);
    let word = match value {
        value if value.is_true() => yes,
        value if values::is_nothing(value) => maybe,
        _ => no,
    };
    let given = args.first().map(|words| words.downcast_object_ref::<Written>());
    let is_literal = given.is_none_or(|words| words.is_some_and(|written| written.is_literal));
    Ok(if is_literal { Written::literal(word) } else { word.into() })
}
