//! Where the output of a template goes: it knows in which context each value arrives, and escapes
//! it for that.
//!
//! For JSON it follows the text that goes by, the template's own and that of values, and so knows
//! whether the next value stands in a string or in place of a value. No filter and no tag can
//! tell it otherwise.

use minijinja::value::Value;
use serde::de::IgnoredAny;

use super::values::{self, Style, Told, Written, json_content};
use crate::limits::TEMPLATE_OUTPUT_BYTES_MAX;

/// What a template makes, and so how values are escaped in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    Json,
    Html,
    /// Percent-encoded values: form bodies and URLs.
    Percent,
    Plain,
    /// As Klaviyo does it: HTML escaping, and lists and objects as Python writes them.
    Klaviyo,
}

/// Where in a JSON text the output stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lexical {
    /// Outside of any string.
    Outside,
    Inside,
    /// Behind a backslash.
    Escape,
    /// Behind `\u`, with so many digits to come.
    Hex(u8),
}

impl Lexical {
    fn after(self, c: char) -> Self {
        match (self, c) {
            (Self::Inside, '"') => Self::Outside,
            (Self::Inside, '\\') => Self::Escape,
            (Self::Outside, '"') => Self::Inside,
            (Self::Outside, _) => Self::Outside,
            (Self::Escape, 'u') => Self::Hex(4),
            (Self::Hex(left @ 2..), _) => Self::Hex(left - 1),
            (Self::Inside | Self::Escape | Self::Hex(_), _) => Self::Inside,
        }
    }
}

/// The output so far.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) text: String,
    medium: Medium,
    lexical: Lexical,
    /// Places to come back to, of blocks that look at what they put out.
    marks: Vec<(usize, Lexical)>,
    /// From which byte of the output on what stands at which byte of the source; and whether
    /// that is the source's own text.
    origins: Vec<(usize, usize, bool)>,
}

impl Sink {
    pub(super) fn new(medium: Medium) -> Self {
        let (marks, origins) = (Vec::new(), Vec::new());
        Self { text: String::new(), medium, lexical: Lexical::Outside, marks, origins }
    }

    /// Says what the next output comes from.
    pub(super) fn comes_from(&mut self, at: usize, is_static: bool) {
        self.origins.push((self.text.len(), at, is_static));
    }

    /// The byte of the source that byte `at` of the output comes from.
    pub(super) fn source_of(&self, at: usize) -> usize {
        let after = self.origins.partition_point(|(start, ..)| *start <= at);
        match after.checked_sub(1).and_then(|index| self.origins.get(index)) {
            Some((start, source, true)) => source + at.saturating_sub(*start),
            Some((_, source, false)) => *source,
            None => 0,
        }
    }

    fn push(&mut self, text: &str) -> Told<()> {
        if self.text.len() + text.len() > TEMPLATE_OUTPUT_BYTES_MAX {
            return Err(format!("more than {TEMPLATE_OUTPUT_BYTES_MAX} bytes come out"));
        }
        self.text.push_str(text);
        Ok(())
    }

    /// Text of the template itself.
    pub(super) fn write(&mut self, text: &str) -> Told<()> {
        self.push(text)?;
        if self.medium == Medium::Json {
            self.lexical = text.chars().fold(self.lexical, Lexical::after);
        }
        Ok(())
    }

    /// A value. `escapes` is what `autoescape` says, which only HTML heeds.
    pub(super) fn value(&mut self, value: &Value, escapes: bool) -> Told<()> {
        match self.medium {
            Medium::Json => self.json_value(value),
            Medium::Plain => self.push(&values::text(value, Style::Json)?),
            Medium::Percent => {
                let encoded = percent_encoded(&values::text(value, Style::Json)?);
                self.push(&encoded)
            }
            Medium::Html => self.html_value(value, Style::Json, escapes),
            Medium::Klaviyo => self.html_value(value, Style::Python, escapes),
        }
    }

    fn html_value(&mut self, value: &Value, style: Style, escapes: bool) -> Told<()> {
        let written = value.downcast_object_ref::<Written>();
        let is_literal = written.is_some_and(|written| written.is_literal);
        let text = values::text(value, style)?;
        if !escapes || is_literal || value.is_safe() {
            return self.push(&text);
        }
        self.push(&html_escaped(&text))
    }

    fn json_value(&mut self, value: &Value) -> Told<()> {
        match self.lexical {
            Lexical::Inside => {
                let content = json_content(&values::text(value, Style::Json)?);
                self.push(&content)
            }
            Lexical::Outside => {
                if let Some(written) = value.downcast_object_ref::<Written>()
                    && serde_json::from_str::<IgnoredAny>(&written.text).is_ok()
                {
                    return self.push(&written.text);
                }
                let json = values::json(value)?;
                self.push(&json)
            }
            Lexical::Escape | Lexical::Hex(_) => {
                Err("a value can not stand within an escape such as \\n or \\u00e4".to_owned())
            }
        }
    }

    /// Remembers this place.
    pub(super) fn mark(&mut self) {
        self.marks.push((self.text.len(), self.lexical));
    }

    /// What was put out since the last mark, which is forgotten.
    pub(super) fn since_mark(&mut self) -> (Mark, String) {
        let (at, lexical) = self.marks.pop().unwrap_or((self.text.len(), self.lexical));
        (Mark { at, lexical }, self.text.get(at..).unwrap_or_default().to_owned())
    }

    /// Takes back what was put out since `mark`.
    pub(super) fn rewind(&mut self, mark: &Mark) {
        self.text.truncate(mark.at);
        self.lexical = mark.lexical;
        self.forget_origins();
    }

    /// Drops the origins of what is no longer there, so that they stay in order.
    fn forget_origins(&mut self) {
        let end = self.text.len();
        let kept = self.origins.partition_point(|(start, ..)| *start <= end);
        self.origins.truncate(kept);
    }

    /// Drops the blanks between HTML tags since `mark`, which change nothing in a JSON text
    /// either.
    pub(super) fn drop_blanks(&mut self, mark: &Mark, text: &str) {
        self.text.truncate(mark.at);
        let mut rest = text.trim();
        while let Some(end) = rest.find('>') {
            let (head, tail) = rest.split_at(end + 1);
            self.text.push_str(head);
            let trimmed = tail.trim_start();
            rest = if trimmed.starts_with('<') { trimmed } else { tail };
        }
        self.text.push_str(rest);
        self.forget_origins();
    }
}

/// A place in the output.
#[derive(Debug)]
pub(super) struct Mark {
    at: usize,
    lexical: Lexical,
}

/// All but the unreserved characters of RFC 3986 as `%XX`.
pub(super) fn percent_encoded(text: &str) -> String {
    const KEPT: percent_encoding::AsciiSet =
        percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(text, &KEPT).to_string()
}

/// The text with the five characters that mean something in HTML escaped, as Django writes them.
pub(super) fn html_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#x27;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_context_of_a_json_text_is_followed() {
        for (text, expected) in [
            ("{", Lexical::Outside),
            ("{\"a", Lexical::Inside),
            ("{\"a\": ", Lexical::Outside),
            ("\"a\\", Lexical::Escape),
            ("\"a\\\"", Lexical::Inside),
            ("\"a\\\\\"", Lexical::Outside),
            ("\"\\u00", Lexical::Hex(2)),
            ("\"\\u00e", Lexical::Hex(1)),
            ("\"\\u00e4", Lexical::Inside),
            ("\"u", Lexical::Inside),
        ] {
            let mut sink = Sink::new(Medium::Json);
            sink.write(text).unwrap();
            assert_eq!(sink.lexical, expected, "{text}");
        }
    }

    #[test]
    fn blanks_between_tags_are_dropped() {
        let mut sink = Sink::new(Medium::Html);
        sink.mark();
        sink.write(" <a> b </a>\n <i> </i> c > d ").unwrap();
        let (mark, text) = sink.since_mark();
        sink.drop_blanks(&mark, &text);
        assert_eq!(sink.text, "<a> b </a><i></i> c > d");
    }
}
