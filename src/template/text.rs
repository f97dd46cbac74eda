//! One template of a request: checked, and rendered as one kind of text.

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

use super::TemplateFault;
use super::compile::{Program, SiteKind, compile};
use super::context::Context;
use super::fault::{Checked, Flaw};
use super::parse::parse;
use super::run::{self, Loaded, Manner};
use super::sink::{Medium, Sink};
use super::values::Style;
use crate::limits::TEMPLATE_FIELD_FUEL;
use crate::limits::TEMPLATE_FUEL;

/// How a body is run.
pub(super) fn manner_of_body(medium: Medium, is_strict: bool) -> Manner {
    let style = if medium == Medium::Klaviyo { Style::Python } else { Style::Json };
    Manner { medium, style, is_strict, fuel: TEMPLATE_FUEL }
}

/// How a part of the URL or of the headers is run.
pub(super) fn manner_of_field(medium: Medium, is_strict: bool) -> Manner {
    Manner { medium, style: Style::Json, is_strict, fuel: TEMPLATE_FIELD_FUEL }
}

fn program(source: &str) -> Checked<Program> {
    compile(source, &parse(source)?)
}

/// Whether the template `field` can be run at all.
pub(super) fn check(field: &str, source: &str, manner: Manner) -> Result<(), TemplateFault> {
    let checked = program(source).and_then(|program| {
        run::check(&program)?;
        // What has no tags comes out the same each time, and so is judged now.
        if program.sites.iter().all(|site| matches!(site.kind, SiteKind::Text(_))) {
            let nothing = Context::new(&serde_json::Value::Null);
            check_output(&Loaded::new(program, manner)?.run(&nothing)?, manner.medium)?;
        }
        Ok(())
    });
    checked.map_err(|flaw| flaw.within(field, source))
}

/// What was read of the texts of a template, so that it is read once for many requests.
#[derive(Default)]
pub(super) struct Known(Vec<(String, Manner, Loaded)>);

impl Known {
    fn loaded(&mut self, source: &str, manner: Manner) -> Checked<&Loaded> {
        let is_it = |(of, how, _): &(String, Manner, Loaded)| of == source && *how == manner;
        let place = match self.0.iter().position(is_it) {
            Some(place) => place,
            None => {
                let loaded = Loaded::new(program(source)?, manner)?;
                self.0.push((source.to_owned(), manner, loaded));
                self.0.len() - 1
            }
        };
        Ok(&self.0[place].2)
    }
}

/// Renders the template `field`.
pub(super) fn render(
    field: &str,
    (source, manner): (&str, Manner),
    context: &Context,
    known: &mut Known,
) -> Result<String, TemplateFault> {
    let rendered = known.loaded(source, manner).and_then(|loaded| {
        let sink = loaded.run(context)?;
        if !source.is_empty() {
            check_output(&sink, manner.medium)?;
        }
        Ok(sink.text)
    });
    rendered.map_err(|flaw| flaw.within(field, source))
}

/// Refuses a JSON text that is none, with the place in the source that it comes from.
fn check_output(sink: &Sink, medium: Medium) -> Checked<()> {
    if medium != Medium::Json {
        return Ok(());
    }
    let mut from = serde_json::Deserializer::from_str(&sink.text);
    let checked = NoKeyTwice.deserialize(&mut from).and_then(|()| from.end());
    checked.map_err(|error| {
        let lines = sink.text.split_inclusive('\n').take(error.line().saturating_sub(1));
        let at = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default().to_owned();
        let (line, column) = (error.line(), error.column());
        let place = format!("line {line}, column {column} of what came out");
        let message = if sink.text.trim().is_empty() {
            "what came out is empty, and should be JSON".to_owned()
        } else {
            format!("what came out is not valid JSON: {reason} ({place})")
        };
        Flaw { at: sink.source_of(at), message }
    })
}

/// Reads any JSON and keeps nothing, and refuses a key that stands twice in its object.
struct NoKeyTwice;

impl<'de> DeserializeSeed<'de> for NoKeyTwice {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NoKeyTwice {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = members.next_key::<String>()? {
            if keys.contains(&key) {
                return Err(A::Error::custom(format!("the key `{key}` stands twice")));
            }
            keys.insert(key);
            members.next_value_seed(Self)?;
        }
        Ok(())
    }
}
