//! Reads expressions, in Django's and in Jinja's way of writing, with a bound on their height.

use super::fault::{Checked, flaw};
use super::filters;
use super::nodes::{Const, Expr, ExprKind, Op, Test};
use super::token::{Token, TokenKind, tokens};
use crate::json::nearest_name;
use crate::limits::TEMPLATE_EXPRESSION_DEPTH_MAX;

const TESTS: [(&str, Test, bool); 14] = [
    ("defined", Test::Defined, false),
    ("undefined", Test::Defined, true),
    ("none", Test::None, false),
    ("null", Test::None, false),
    ("string", Test::Text, false),
    ("number", Test::Number, false),
    ("integer", Test::Integer, false),
    ("boolean", Test::Boolean, false),
    ("mapping", Test::Mapping, false),
    ("sequence", Test::Sequence, false),
    ("iterable", Test::Iterable, false),
    ("odd", Test::Odd, false),
    ("even", Test::Even, false),
    ("divisibleby", Test::DivisibleBy, false),
];
/// Names that are signs or values of the language, and not of the user.
const WORDS: [&str; 8] = ["and", "or", "not", "in", "is", "if", "else", "as"];

/// The tokens of one tag, and how far they are read.
pub(super) struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    /// Where the tag ends.
    end: usize,
}

fn text_of(kind: &TokenKind) -> String {
    match kind {
        TokenKind::Name(name) => name.clone(),
        TokenKind::Text(text) => format!("'{text}'"),
        TokenKind::Int(number) => number.to_string(),
        TokenKind::Float(number) => number.to_string(),
        TokenKind::Sign(sign) => (*sign).to_owned(),
    }
}

impl Parser {
    /// A parser of `text`, which lies at byte `at` of the source.
    pub(super) fn new(text: &str, at: usize) -> Checked<Self> {
        let end = at + text.trim_end().len();
        Ok(Self { tokens: tokens(text, at)?, next: 0, depth: 0, end })
    }

    fn peek(&self) -> Option<&TokenKind> {
        self.tokens.get(self.next).map(|token| &token.kind)
    }

    /// Where the next token stands.
    pub(super) fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |token| token.at)
    }

    fn last_end(&self) -> usize {
        self.next.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(0, |t| t.end)
    }

    fn is_spaced(&self) -> bool {
        self.tokens.get(self.next).is_some_and(|token| token.is_spaced)
    }

    /// Whether nothing is left.
    pub(super) fn is_done(&self) -> bool {
        self.next >= self.tokens.len()
    }

    /// Takes `sign` where it is next.
    pub(super) fn takes_sign(&mut self, sign: &str) -> bool {
        let takes = matches!(self.peek(), Some(TokenKind::Sign(next)) if *next == sign);
        self.next += usize::from(takes);
        takes
    }

    /// Takes the word `name` where it is next.
    pub(super) fn takes_word(&mut self, name: &str) -> bool {
        let takes = self.is_at_word(name);
        self.next += usize::from(takes);
        takes
    }

    /// Whether the word `name` is next.
    pub(super) fn is_at_word(&self, name: &str) -> bool {
        matches!(self.peek(), Some(TokenKind::Name(next)) if next == name)
    }

    /// Whether a name and `=` are next.
    pub(super) fn is_assignment(&self) -> bool {
        let second = self.tokens.get(self.next + 1).map(|token| &token.kind);
        matches!(self.peek(), Some(TokenKind::Name(_))) && second == Some(&TokenKind::Sign("="))
    }

    fn wants_sign(&mut self, sign: &str) -> Checked<()> {
        if self.takes_sign(sign) { Ok(()) } else { self.unexpected(&format!("`{sign}`")) }
    }

    /// A name of the user's own choice.
    pub(super) fn name(&mut self, what: &str) -> Checked<String> {
        match self.peek() {
            Some(TokenKind::Name(name)) if !WORDS.contains(&name.as_str()) => {
                let name = name.clone();
                self.next += 1;
                Ok(name)
            }
            _ => self.unexpected(what),
        }
    }

    /// A fault that says what should stand here.
    pub(super) fn unexpected<T>(&self, wanted: &str) -> Checked<T> {
        match self.peek() {
            Some(kind) => {
                flaw(self.at(), format!("{wanted} is expected here, not `{}`", text_of(kind)))
            }
            None => flaw(self.at(), format!("{wanted} is missing at the end")),
        }
    }

    /// Refuses anything that is left.
    pub(super) fn finish(&self) -> Checked<()> {
        match self.peek() {
            None => Ok(()),
            Some(TokenKind::Sign("=")) => flaw(self.at(), "`=` compares nothing: write `==`"),
            Some(kind) => flaw(self.at(), format!("`{}` is not expected here", text_of(kind))),
        }
    }

    fn made(&self, kind: ExprKind, at: usize, heights: &[usize]) -> Checked<Expr> {
        let height = heights.iter().max().map_or(1, |highest| highest + 1);
        if height > TEMPLATE_EXPRESSION_DEPTH_MAX {
            return self.too_deep(at);
        }
        Ok(Expr { kind, at, end: self.last_end(), height })
    }

    fn too_deep<T>(&self, at: usize) -> Checked<T> {
        let most = TEMPLATE_EXPRESSION_DEPTH_MAX;
        flaw(at, format!("the expression is nested deeper than {most} levels"))
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Checked<Expr>) -> Checked<Expr> {
        if self.depth >= TEMPLATE_EXPRESSION_DEPTH_MAX {
            return self.too_deep(self.at());
        }
        self.depth += 1;
        let expr = read(self);
        self.depth -= 1;
        expr
    }

    /// A whole expression.
    pub(super) fn expr(&mut self) -> Checked<Expr> {
        self.deeper(|parser| {
            let at = parser.at();
            let value = parser.or()?;
            if !parser.takes_word("if") {
                return Ok(value);
            }
            let condition = parser.or()?;
            let other = if parser.takes_word("else") { Some(parser.expr()?) } else { None };
            let heights =
                [value.height, condition.height, other.as_ref().map_or(0, |other| other.height)];
            let kind = ExprKind::Ternary(value.into(), condition.into(), other.map(Box::new));
            parser.made(kind, at, &heights)
        })
    }

    /// An expression without an `if` of its own.
    pub(super) fn operand(&mut self) -> Checked<Expr> {
        self.deeper(Self::or)
    }

    fn or(&mut self) -> Checked<Expr> {
        let mut left = self.and()?;
        while self.takes_word("or") {
            let right = self.and()?;
            let (at, heights) = (left.at, [left.height, right.height]);
            left = self.made(ExprKind::Or(left.into(), right.into()), at, &heights)?;
        }
        Ok(left)
    }

    fn and(&mut self) -> Checked<Expr> {
        let mut left = self.not()?;
        while self.takes_word("and") {
            let right = self.not()?;
            let (at, heights) = (left.at, [left.height, right.height]);
            left = self.made(ExprKind::And(left.into(), right.into()), at, &heights)?;
        }
        Ok(left)
    }

    fn not(&mut self) -> Checked<Expr> {
        let at = self.at();
        if !self.takes_word("not") {
            return self.compared();
        }
        let inner = self.deeper(Self::not)?;
        let height = inner.height;
        self.made(ExprKind::Not(inner.into()), at, &[height])
    }

    fn compared(&mut self) -> Checked<Expr> {
        let mut left = self.joined()?;
        loop {
            let (sign, swaps, negates) = match self.peek() {
                Some(TokenKind::Sign("==")) => (Op::Equal, false, false),
                Some(TokenKind::Sign("!=")) => (Op::Equal, false, true),
                Some(TokenKind::Sign("<")) => (Op::Less, false, false),
                Some(TokenKind::Sign(">")) => (Op::Less, true, false),
                Some(TokenKind::Sign("<=")) => (Op::LessOrEqual, false, false),
                Some(TokenKind::Sign(">=")) => (Op::LessOrEqual, true, false),
                Some(TokenKind::Name(name)) if name == "in" => (Op::In, false, false),
                Some(TokenKind::Name(name)) if name == "not" => (Op::In, false, true),
                Some(TokenKind::Name(name)) if name == "is" => {
                    left = self.test(left)?;
                    continue;
                }
                _ => return Ok(left),
            };
            let is_not = self.takes_word("not");
            if is_not && !self.takes_word("in") {
                return self.unexpected("`in`");
            }
            self.next += usize::from(!is_not);
            let right = self.joined()?;
            let (at, heights) = (left.at, [left.height, right.height]);
            let (left_side, right_side) = if swaps { (right, left) } else { (left, right) };
            let kind = ExprKind::Binary(sign, left_side.into(), right_side.into());
            left = self.made(kind, at, &heights)?;
            if negates {
                let height = left.height;
                left = self.made(ExprKind::Not(left.into()), at, &[height])?;
            }
        }
    }

    fn test(&mut self, of: Expr) -> Checked<Expr> {
        self.next += 1;
        let is_not = self.takes_word("not");
        let name_at = self.at();
        let Some(TokenKind::Name(name)) = self.peek().cloned() else {
            return self.unexpected("the name of a test, as in `is defined`,");
        };
        self.next += 1;
        let Some((_, test, inverts)) = TESTS.into_iter().find(|(of, ..)| *of == name) else {
            let names = TESTS.map(|(name, ..)| name);
            return flaw(name_at, unknown("test", &name, &names));
        };
        let with = if test == Test::DivisibleBy {
            self.wants_sign("(")?;
            let by = self.expr()?;
            self.wants_sign(")")?;
            Some(Box::new(by))
        } else {
            None
        };
        let heights = [of.height, with.as_ref().map_or(0, |with| with.height)];
        let at = of.at;
        let kind = ExprKind::Test { of: of.into(), test, with, is_negated: is_not != inverts };
        self.made(kind, at, &heights)
    }

    fn chain(
        &mut self,
        signs: &[(&'static str, Op)],
        operand: fn(&mut Self) -> Checked<Expr>,
    ) -> Checked<Expr> {
        let mut left = operand(self)?;
        loop {
            let next = signs.iter().find(|(sign, _)| self.peek() == Some(&TokenKind::Sign(sign)));
            let Some((sign, op)) = next else { return Ok(left) };
            if *sign == "-" && matches!(left.kind, ExprKind::Name(_) | ExprKind::Get(..)) {
                self.refuse_hyphen()?;
            }
            self.next += 1;
            let right = operand(self)?;
            let (at, heights) = (left.at, [left.height, right.height]);
            left = self.made(ExprKind::Binary(*op, left.into(), right.into()), at, &heights)?;
        }
    }

    /// `event.item-name` is a name with a hyphen to whoever writes it, and no difference.
    fn refuse_hyphen(&self) -> Checked<()> {
        let next = self.tokens.get(self.next + 1);
        let is_tight = next.is_some_and(|next| !next.is_spaced) && !self.is_spaced();
        if is_tight && matches!(next.map(|next| &next.kind), Some(TokenKind::Name(_))) {
            return flaw(
                self.at(),
                "a name has no hyphen: use |lookup:'the-name', or blanks around `-` to subtract",
            );
        }
        Ok(())
    }

    fn joined(&mut self) -> Checked<Expr> {
        self.chain(&[("~", Op::Join)], Self::summed)
    }

    fn summed(&mut self) -> Checked<Expr> {
        self.chain(&[("+", Op::Add), ("-", Op::Subtract)], Self::multiplied)
    }

    fn multiplied(&mut self) -> Checked<Expr> {
        let signs =
            [("*", Op::Multiply), ("/", Op::Divide), ("//", Op::DivideWhole), ("%", Op::Remainder)];
        self.chain(&signs, Self::signed)
    }

    fn signed(&mut self) -> Checked<Expr> {
        let at = self.at();
        if !self.takes_sign("-") {
            return self.filtered();
        }
        // As in Django, `-1.2|abs` is a filter of a negative number.
        if matches!(self.peek(), Some(TokenKind::Int(_) | TokenKind::Float(_))) {
            let number = self.number(true, at)?;
            return self.with_filters(number);
        }
        let inner = self.deeper(Self::signed)?;
        let height = inner.height + 1;
        let zero = self.made(ExprKind::Const(Const::Int(0)), at, &[])?;
        self.made(ExprKind::Binary(Op::Subtract, zero.into(), inner.into()), at, &[height])
    }

    fn number(&mut self, is_negative: bool, at: usize) -> Checked<Expr> {
        let kind = match self.peek() {
            Some(TokenKind::Int(number)) => Const::Int(if is_negative { -number } else { *number }),
            Some(TokenKind::Float(number)) => {
                Const::Float(if is_negative { -number } else { *number })
            }
            _ => return self.unexpected("a number"),
        };
        self.next += 1;
        self.made(ExprKind::Const(kind), at, &[])
    }

    fn filtered(&mut self) -> Checked<Expr> {
        let value = self.path(true)?;
        self.with_filters(value)
    }

    fn with_filters(&mut self, mut value: Expr) -> Checked<Expr> {
        while self.takes_sign("|") {
            let at = value.at;
            let name_at = self.at();
            let Some(TokenKind::Name(name)) = self.peek().cloned() else {
                return self.unexpected("the name of a filter");
            };
            self.next += 1;
            let args = self.arguments()?;
            let spec = filters::find(&name, args.len()).or_else(|why| flaw(name_at, why))?;
            let highest = args.iter().map(|arg| arg.height).max().unwrap_or(0);
            let heights = [value.height, highest];
            value = self.made(ExprKind::Filter(value.into(), spec, args), at, &heights)?;
            if self.peek() == Some(&TokenKind::Sign(".")) {
                return flaw(
                    self.at(),
                    "no dot may follow a filter: go on with |lookup, as in |lookup:'0'",
                );
            }
        }
        Ok(value)
    }

    /// The arguments of a filter: `:'x'` as in Django, or `('x', 2)` as in Jinja.
    fn arguments(&mut self) -> Checked<Vec<Expr>> {
        if self.takes_sign(":") {
            if self.is_spaced() {
                return flaw(self.at(), "no blank may stand after the filter's colon");
            }
            let at = self.at();
            let argument = match self.peek() {
                Some(TokenKind::Sign("-")) => {
                    self.next += 1;
                    self.number(true, at)?
                }
                Some(TokenKind::Text(_)) => self.primary()?,
                _ => self.path(false)?,
            };
            return Ok(vec![argument]);
        }
        if self.takes_sign("(") { self.list_until(")") } else { Ok(Vec::new()) }
    }

    fn list_until(&mut self, close: &'static str) -> Checked<Vec<Expr>> {
        let mut items = Vec::new();
        while !self.takes_sign(close) {
            items.push(self.expr()?);
            if self.peek() == Some(&TokenKind::Sign("=")) {
                return flaw(self.at(), "arguments have no names here: write the values alone");
            }
            if !self.takes_sign(",") {
                self.wants_sign(close)?;
                break;
            }
        }
        Ok(items)
    }

    /// A value with dots and, where `is_free`, brackets behind it.
    fn path(&mut self, is_free: bool) -> Checked<Expr> {
        let at = self.at();
        let mut value = self.primary()?;
        loop {
            let key = if self.takes_sign(".") {
                self.dotted_key()?
            } else if is_free && self.takes_sign("[") {
                let key = self.expr()?;
                self.wants_sign("]")?;
                key
            } else if is_free && self.peek() == Some(&TokenKind::Sign("(")) {
                return flaw(self.at(), "nothing can be called here but `range(…)`");
            } else {
                return Ok(value);
            };
            let heights = [value.height, key.height];
            value = self.made(ExprKind::Get(value.into(), key.into()), at, &heights)?;
        }
    }

    fn dotted_key(&mut self) -> Checked<Expr> {
        let at = self.at();
        let key = match self.peek() {
            Some(TokenKind::Name(name)) => Const::Text(name.clone()),
            Some(TokenKind::Int(index)) => Const::Int(*index),
            _ => return self.unexpected("a name or number behind the dot"),
        };
        self.next += 1;
        self.made(ExprKind::Const(key), at, &[])
    }

    fn primary(&mut self) -> Checked<Expr> {
        let at = self.at();
        let kind = match self.peek().cloned() {
            Some(TokenKind::Int(_) | TokenKind::Float(_)) => return self.number(false, at),
            Some(TokenKind::Text(text)) => ExprKind::Const(Const::Text(text)),
            Some(TokenKind::Sign("(")) => {
                self.next += 1;
                let inner = self.expr()?;
                self.wants_sign(")")?;
                return Ok(inner);
            }
            Some(TokenKind::Sign("[")) => {
                self.next += 1;
                let items = self.list_until("]")?;
                let heights: Vec<usize> = items.iter().map(|item| item.height).collect();
                return self.made(ExprKind::List(items), at, &heights);
            }
            Some(TokenKind::Sign("{")) => {
                return flaw(at, "objects can not be written in an expression");
            }
            Some(TokenKind::Name(name)) => match name.as_str() {
                "True" | "true" => ExprKind::Const(Const::Bool(true)),
                "False" | "false" => ExprKind::Const(Const::Bool(false)),
                "None" | "none" | "null" => ExprKind::Const(Const::None),
                word if WORDS.contains(&word) => return self.unexpected("a value"),
                _ => ExprKind::Name(name),
            },
            _ => return self.unexpected("a value"),
        };
        self.next += 1;
        if matches!(&kind, ExprKind::Name(name) if name == "range") && self.takes_sign("(") {
            let limits = self.list_until(")")?;
            if !(1..=3).contains(&limits.len()) {
                return flaw(at, "`range` takes one to three numbers");
            }
            let heights: Vec<usize> = limits.iter().map(|limit| limit.height).collect();
            return self.made(ExprKind::Range(limits), at, &heights);
        }
        self.made(kind, at, &[])
    }
}

/// What to say about a name that is none of `possible`.
pub(super) fn unknown(what: &str, name: &str, possible: &[&str]) -> String {
    match nearest_name(name, possible) {
        Some(near) => format!("unknown {what} `{name}`; did you mean `{near}`?"),
        None => format!("unknown {what} `{name}`"),
    }
}
