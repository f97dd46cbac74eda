//! The words and signs within `{{ … }}` and `{% … %}`.

use super::fault::{Checked, flaw};
use crate::limits::TEMPLATE_NAME_BYTES_MAX;
use crate::limits::TEMPLATE_TAG_TOKENS_MAX;

/// One word or sign, with the bytes of the source that it takes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) at: usize,
    pub(super) end: usize,
    /// A blank stands before it.
    pub(super) is_spaced: bool,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    Name(String),
    Text(String),
    Int(i64),
    Float(f64),
    Sign(&'static str),
}

/// The longer ones come first.
const SIGNS: [&str; 25] = [
    "==", "!=", "<=", ">=", "**", "//", "<", ">", "+", "-", "*", "/", "%", "~", "|", ":", ".", ",",
    "(", ")", "[", "]", "=", "{", "}",
];

struct Tokens<'s> {
    text: &'s str,
    /// Where `text` lies in the source.
    base: usize,
    at: usize,
    found: Vec<Token>,
}

/// Splits `text`, which lies at byte `base` of the source.
pub(super) fn tokens(text: &str, base: usize) -> Checked<Vec<Token>> {
    let mut tokens = Tokens { text, base, at: 0, found: Vec::new() };
    loop {
        let rest = tokens.rest();
        let trimmed = rest.trim_start();
        let blanks = rest.len() - trimmed.len();
        tokens.at += blanks;
        let Some(first) = trimmed.chars().next() else { return Ok(tokens.found) };
        if tokens.found.len() >= TEMPLATE_TAG_TOKENS_MAX {
            return flaw(base + tokens.at, "the tag is too long: split it up");
        }
        let (kind, length) = tokens.next(first)?;
        let at = base + tokens.at;
        tokens.found.push(Token { kind, at, end: at + length, is_spaced: blanks > 0 });
        tokens.at += length;
    }
}

impl<'s> Tokens<'s> {
    fn rest(&self) -> &'s str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn next(&self, first: char) -> Checked<(TokenKind, usize)> {
        let at = self.base + self.at;
        match first {
            '"' | '\'' => self.quoted(first),
            '0'..='9' => self.number(),
            c if c.is_alphabetic() || c == '_' => {
                let name = self.run(|c| c.is_alphanumeric() || c == '_');
                if name.len() > TEMPLATE_NAME_BYTES_MAX {
                    let most = TEMPLATE_NAME_BYTES_MAX;
                    return flaw(at, format!("the name is longer than {most} bytes"));
                }
                Ok((TokenKind::Name(name.to_owned()), name.len()))
            }
            '‘' | '’' | '“' | '”' => {
                flaw(at, format!("`{first}` is a typographic quote: use ' or \""))
            }
            '$' => flaw(at, "`$` may not stand in a name here: use |lookup:'$name'"),
            _ => match SIGNS.into_iter().find(|sign| self.rest().starts_with(sign)) {
                Some(sign) => Ok((TokenKind::Sign(sign), sign.len())),
                None => flaw(at, format!("`{first}` has no meaning here")),
            },
        }
    }

    fn run(&self, takes: impl Fn(char) -> bool) -> &'s str {
        let rest = self.rest();
        let end = rest.find(|c| !takes(c)).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }

    /// A number; behind a dot, as in `items.0.1`, only its digits up to the next dot.
    fn number(&self) -> Checked<(TokenKind, usize)> {
        let at = self.base + self.at;
        let whole = self.run(|c| c.is_ascii_digit());
        let follows_dot = self.found.last().is_some_and(|token| token.kind == TokenKind::Sign("."));
        let after = self.rest().get(whole.len()..).unwrap_or_default();
        let decimals = after
            .strip_prefix('.')
            .map_or(0, |rest| rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        if whole.len() + decimals > TEMPLATE_NAME_BYTES_MAX {
            return flaw(at, "the number has too many digits");
        }
        if decimals > 0 && !follows_dot {
            let length = whole.len() + 1 + decimals;
            let text = self.rest().get(..length).unwrap_or_default();
            let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
            return number.map_or_else(
                || flaw(at, format!("`{text}` is not a number that can be kept")),
                |number| Ok((TokenKind::Float(number), length)),
            );
        }
        whole.parse().map_or_else(
            |_| flaw(at, format!("`{whole}` is too large a number")),
            |number| Ok((TokenKind::Int(number), whole.len())),
        )
    }

    fn quoted(&self, quote: char) -> Checked<(TokenKind, usize)> {
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            if c == quote {
                return Ok((TokenKind::Text(text), at + 1));
            }
            if c != '\\' {
                text.push(c);
                continue;
            }
            match chars.next() {
                Some((_, c @ ('\\' | '"' | '\''))) => text.push(c),
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, 'r')) => text.push('\r'),
                // As it stands: the patterns of `resplit` are full of them.
                Some((_, c)) => text.extend(['\\', c]),
                None => break,
            }
        }
        flaw(self.base + self.at, format!("the text is not closed with {quote}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_signs() {
        use TokenKind::{Float, Int, Name, Sign, Text};
        let kinds = |text: &str| -> Vec<TokenKind> {
            tokens(text, 0).unwrap().into_iter().map(|token| token.kind).collect()
        };
        let name = |text: &str| Name(text.to_owned());
        assert_eq!(
            kinds("a.0.1|b:1.5"),
            [
                name("a"),
                Sign("."),
                Int(0),
                Sign("."),
                Int(1),
                Sign("|"),
                name("b"),
                Sign(":"),
                Float(1.5)
            ]
        );
        assert_eq!(
            kinds(r#"'a\'b\s' != "c""#),
            [Text("a'b\\s".to_owned()), Sign("!="), Text("c".to_owned())]
        );
        for (text, message) in [
            ("‘a’", "`‘` is a typographic quote: use ' or \""),
            ("event.$value", "`$` may not stand in a name here: use |lookup:'$name'"),
            ("'a", "the text is not closed with '"),
            ("99999999999999999999", "`99999999999999999999` is too large a number"),
            ("a ? b", "`?` has no meaning here"),
        ] {
            assert_eq!(tokens(text, 0).unwrap_err().message, message, "{text}");
        }
    }
}
