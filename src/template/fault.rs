//! What is wrong with a template, and where in the user's own source.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::TEMPLATE_EXCERPT_CHARS_MAX;

/// What is wrong with a template, at save or at rendering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateFault {
    /// JSON pointer within the message: `/url`, `/query/q`, `/headers/X-Key`, `/body`.
    pub field: String,
    /// The line in the user's source, from 1; 0 where the fault has no place in it.
    pub line: usize,
    /// The character in that line, from 1; 0 where the fault has no place in it.
    pub column: usize,
    /// The line, shortened around the column, with a caret under it.
    pub excerpt: String,
    /// What is wrong, for the person who wrote the template.
    pub message: String,
}

impl fmt::Display for TemplateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return f.write_str(&self.message);
        }
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for TemplateFault {}

impl TemplateFault {
    /// A fault of a whole field.
    pub(super) fn of_field(field: &str, message: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            line: 0,
            column: 0,
            excerpt: String::new(),
            message: message.into(),
        }
    }
}

/// A fault at a byte of one template; which field it is in, the caller knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) at: usize,
    pub(super) message: String,
}

/// The result of what looks at one template.
pub(super) type Checked<T> = Result<T, Flaw>;

/// A flaw at byte `at`, as an error.
pub(super) fn flaw<T>(at: usize, message: impl Into<String>) -> Checked<T> {
    Err(Flaw { at, message: message.into() })
}

impl Flaw {
    /// The flaw with its line, column and excerpt in `source`.
    pub(super) fn within(self, field: &str, source: &str) -> TemplateFault {
        let mut at = self.at.min(source.len());
        while !source.is_char_boundary(at) {
            at -= 1;
        }
        let (before, after) = source.split_at(at);
        let start = before.rsplit('\n').next().unwrap_or_default();
        let rest = after.split('\n').next().unwrap_or_default();
        TemplateFault {
            field: field.to_owned(),
            line: before.matches('\n').count() + 1,
            column: start.chars().count() + 1,
            excerpt: excerpt(start, rest),
            message: self.message,
        }
    }
}

/// The line with a caret under the character at which `rest` begins.
fn excerpt(start: &str, rest: &str) -> String {
    const HALF: usize = TEMPLATE_EXCERPT_CHARS_MAX / 2;
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    let skipped = start.chars().count().saturating_sub(HALF);
    let mut line = String::from(if skipped > 0 { "…" } else { "" });
    line.extend(start.chars().skip(skipped).map(visible));
    let caret = line.chars().count();
    line.extend(rest.chars().take(HALF).map(visible));
    if rest.chars().nth(HALF).is_some() {
        line.push('…');
    }
    format!("{line}\n{}^", " ".repeat(caret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_shows_the_line_and_a_caret() {
        let source = "{\n  \"ä\": {{ x|foo }}\n}";
        let at = source.find("foo").unwrap();
        let fault = Flaw { at, message: "unknown".to_owned() }.within("/body", source);
        assert_eq!((fault.line, fault.column), (2, 13));
        assert_eq!(fault.excerpt, "  \"ä\": {{ x|foo }}\n            ^");
        assert_eq!(fault.to_string(), "line 2, column 13: unknown");
    }

    #[test]
    fn a_long_line_is_shortened_around_the_caret() {
        let source = format!("{}x{}", "a".repeat(500), "b".repeat(500));
        let fault = Flaw { at: 500, message: String::new() }.within("/body", &source);
        let (line, caret) = fault.excerpt.split_once('\n').unwrap();
        assert_eq!(line.chars().count(), TEMPLATE_EXCERPT_CHARS_MAX + 2);
        assert_eq!(line.chars().nth(caret.len() - 1), Some('x'));
    }
}
