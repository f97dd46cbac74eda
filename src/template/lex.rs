//! Splits a template into text, values and tags. It knows no tag but those that hide their
//! content (`comment`, `verbatim`, `raw`), and no expression.

use super::fault::{Checked, flaw};
use crate::limits::TEMPLATE_NODES_MAX;
use crate::limits::TEMPLATE_SOURCE_BYTES_MAX;

/// A piece of a template. `at` is where its content begins, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece<'s> {
    pub(super) kind: PieceKind,
    pub(super) at: usize,
    pub(super) text: &'s str,
}

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PieceKind {
    /// Text that goes out as it stands.
    Text,
    /// What stands between `{{` and `}}`.
    Value,
    /// What stands between `{%` and `%}`.
    Tag,
}

/// Tags whose content is not looked into, with whether that content goes out.
const HIDING: [(&str, bool); 3] = [("comment", false), ("verbatim", true), ("raw", true)];

struct Lexer<'s> {
    source: &'s str,
    at: usize,
    pieces: Vec<Piece<'s>>,
    /// The last tag ended with `-`: blanks that follow it are dropped.
    trims: bool,
}

/// Splits `source`.
pub(super) fn pieces(source: &str) -> Checked<Vec<Piece<'_>>> {
    if source.len() > TEMPLATE_SOURCE_BYTES_MAX {
        let have = source.len();
        return flaw(
            0,
            format!("the template has {have} bytes, at most {TEMPLATE_SOURCE_BYTES_MAX} may be"),
        );
    }
    let mut lexer = Lexer { source, at: 0, pieces: Vec::new(), trims: false };
    while lexer.step()? {
        if lexer.pieces.len() > 2 * TEMPLATE_NODES_MAX {
            return flaw(lexer.at, format!("more than {TEMPLATE_NODES_MAX} tags and values"));
        }
    }
    Ok(lexer.pieces)
}

impl<'s> Lexer<'s> {
    fn rest(&self) -> &'s str {
        self.source.get(self.at..).unwrap_or_default()
    }

    /// Takes the text up to the next opening, and what that opens; false at the end.
    fn step(&mut self) -> Checked<bool> {
        let rest = self.rest();
        if rest.is_empty() {
            return Ok(false);
        }
        let Some((length, open)) = next_opening(rest) else {
            self.text(rest.len(), false);
            self.at += rest.len();
            return Ok(true);
        };
        let after = rest.get(length + 2..).unwrap_or_default();
        // `{{-1 }}` is a negative number, `{{- x }}` drops the blanks before it.
        let is_sign = open == '{' && after.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
        let trims = after.starts_with('-') && !is_sign;
        self.text(length, trims);
        let opened_at = self.at + length;
        self.at = opened_at + 2 + usize::from(trims);
        match open {
            '#' => self.comment(opened_at)?,
            '{' => self.inner(PieceKind::Value, opened_at, "}}")?,
            _ => self.tag(opened_at)?,
        }
        Ok(true)
    }

    /// Takes `length` bytes of text, without moving on.
    fn text(&mut self, length: usize, trims_end: bool) {
        let text = self.rest().get(..length).unwrap_or_default();
        let kept = if self.trims { text.trim_start() } else { text };
        let at = self.at + (text.len() - kept.len());
        let kept = if trims_end { kept.trim_end() } else { kept };
        self.trims = false;
        if !kept.is_empty() {
            self.pieces.push(Piece { kind: PieceKind::Text, at, text: kept });
        }
    }

    fn comment(&mut self, opened_at: usize) -> Checked<()> {
        let Some(length) = self.rest().find("#}") else {
            return flaw(opened_at, "the comment `{#` is not closed with `#}`");
        };
        self.trims = self.rest().get(..length).is_some_and(|text| text.ends_with('-'));
        self.at += length + 2;
        Ok(())
    }

    /// Takes what stands up to `close`, which does not count within quotes.
    fn inner(&mut self, kind: PieceKind, opened_at: usize, close: &str) -> Checked<()> {
        let rest = self.rest();
        let Some(length) = find_outside_quotes(rest, close) else {
            let open = if kind == PieceKind::Value { "{{" } else { "{%" };
            return flaw(opened_at, format!("`{open}` is not closed with `{close}`"));
        };
        let text = rest.get(..length).unwrap_or_default();
        let kept = text.strip_suffix('-').unwrap_or(text);
        self.trims = kept.len() < text.len();
        self.pieces.push(Piece { kind, at: self.at, text: kept });
        self.at += length + close.len();
        Ok(())
    }

    fn tag(&mut self, opened_at: usize) -> Checked<()> {
        self.inner(PieceKind::Tag, opened_at, "%}")?;
        let mut words = self.pieces.last().map_or("", |piece| piece.text).split_whitespace();
        let name = words.next().unwrap_or_default();
        let Some((_, goes_out)) = HIDING.into_iter().find(|(hiding, _)| *hiding == name) else {
            return Ok(());
        };
        let label = words.next();
        self.pieces.pop();
        let rest = self.rest();
        let Some((length, whole)) = find_end(rest, name, label) else {
            return flaw(opened_at, format!("`{{% {name} %}}` is not closed with `end{name}`"));
        };
        if goes_out {
            self.text(length, false);
        }
        self.trims = false;
        self.at += length + whole;
        Ok(())
    }
}

/// Where the next `{{`, `{%` or `{#` stands, and its second character.
fn next_opening(text: &str) -> Option<(usize, char)> {
    let bytes = text.as_bytes();
    for (at, pair) in bytes.windows(2).enumerate() {
        let [b'{', second @ (b'{' | b'%' | b'#')] = pair else { continue };
        // `{{%` in `{"a":{{% if b %}` is a brace of JSON before a tag, and likewise `{{{`.
        let third = bytes.get(at + 2);
        if *second == b'{' && matches!(third, Some(b'%' | b'{' | b'#')) {
            continue;
        }
        return Some((at, char::from(*second)));
    }
    None
}

fn find_outside_quotes(text: &str, close: &str) -> Option<usize> {
    let mut quote = None;
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some(_) if c == '\\' => is_escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if text.get(at..).is_some_and(|rest| rest.starts_with(close)) => return Some(at),
            None => {}
        }
    }
    None
}

/// Where the tag that ends `name` begins, and how long it is.
fn find_end(text: &str, name: &str, label: Option<&str>) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(found) = text.get(from..)?.find("{%") {
        let start = from + found;
        let inner = text.get(start + 2..)?;
        let length = inner.find("%}")?;
        let mut words = inner.get(..length)?.trim_matches('-').split_whitespace();
        let is_end = words.next().and_then(|word| word.strip_prefix("end")) == Some(name);
        if is_end && (name == "comment" || words.next() == label) {
            return Some((start, length + 4));
        }
        from = start + 2;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_values_and_tags_are_told_apart() {
        for (source, expected) in [
            ("a{{ b }}c", "T:a V: b  T:c"),
            ("{{ '}}' }}", "V: '}}' "),
            ("{% if a %}{# no #}b{% endif %}", "G: if a  T:b G: endif "),
            (r#"{"a":{"b":{{ c }}}}"#, r#"T:{"a":{"b": V: c  T:}}"#),
            ("{{% if a %}", "T:{ G: if a "),
            ("{{{ a }}}", "T:{ V: a  T:}"),
            ("a {{- b -}} c", "T:a V: b  T:c"),
            ("a {{-1 }}", "T:a  V:-1 "),
            ("{% verbatim %}{{ a }}{% endverbatim %}b", "T:{{ a }} T:b"),
            ("{% verbatim x %}{% endverbatim %}{% endverbatim x %}", "T:{% endverbatim %}"),
            ("{% comment \"why\" %}{{ {% endcomment %}b", "T:b"),
        ] {
            let shown: Vec<String> = pieces(source)
                .unwrap()
                .iter()
                .map(|piece| {
                    let kind = match piece.kind {
                        PieceKind::Text => 'T',
                        PieceKind::Value => 'V',
                        PieceKind::Tag => 'G',
                    };
                    assert!(source.get(piece.at..).unwrap().starts_with(piece.text));
                    format!("{kind}:{}", piece.text)
                })
                .collect();
            assert_eq!(shown.join(" "), expected, "{source}");
        }
    }

    #[test]
    fn what_is_not_closed_is_pointed_at() {
        for (source, at) in [("a{{ b", 1), ("a{% b", 1), ("{# b", 0), ("x{% raw %}", 1)] {
            assert_eq!(pieces(source).unwrap_err().at, at, "{source}");
        }
    }
}
