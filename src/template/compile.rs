//! Writes the tree of a template as source of the engine (minijinja), with nothing of the user's
//! in it: names, texts and values are replaced by numbers, and every filter, operator and lookup
//! is a call of one of our own functions.
//!
//! So no text can be taken for a tag, nothing of the engine can be reached that is not written
//! here, and every call knows the place in the user's source that it comes from. Each tag begins a
//! line, by which the engine's own errors find their place.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use minijinja::value::Value;

use super::fault::{Checked, flaw};
use super::filters::FilterSpec;
use super::nodes::{Const, Expr, ExprKind, Made, Node, NodeKind, Op, Test};
use super::values::Written;

/// Characters of an expression that a fault shows.
const SHOWN_CHARS_MAX: usize = 60;
/// The names of the loop that one stands in: Django's and Jinja's.
const LOOPS: [&str; 2] = ["forloop", "loop"];

/// A template, ready to be run.
#[derive(Debug)]
pub(super) struct Program {
    /// The engine's source.
    pub(super) code: String,
    /// The byte of the user's source that each line of `code` comes from.
    pub(super) lines: Vec<usize>,
    /// The names of the user; `n3` in `code` is the fourth.
    pub(super) names: Vec<String>,
    /// What stands in the source as a value; `c3` in `code` is the fourth.
    pub(super) consts: Vec<Value>,
    pub(super) sites: Vec<Site>,
}

/// A place in the user's source that something is called from.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) at: usize,
    /// What stands there, for a fault to show.
    pub(super) shown: String,
    pub(super) kind: SiteKind,
}

/// What is done at a place.
#[derive(Debug)]
pub(super) enum SiteKind {
    Text(String),
    /// A value goes out; whether `autoescape` is on.
    Out(bool),
    Filter(&'static FilterSpec),
    Op(Op),
    Test(Test),
    /// A loop: whether it runs backwards, and which sites lie in it.
    Loop(bool, Range<usize>),
    Other,
}

struct Compiler<'s> {
    source: &'s str,
    program: Program,
    numbers: BTreeMap<String, usize>,
    loops: usize,
    escapes: bool,
}

/// Writes the program of `nodes`, parsed from `source`.
pub(super) fn compile(source: &str, nodes: &[Node]) -> Checked<Program> {
    let (names, consts, sites) = (Vec::new(), Vec::new(), Vec::new());
    let program = Program { code: String::new(), lines: vec![0], names, consts, sites };
    let mut compiler =
        Compiler { source, program, numbers: BTreeMap::new(), loops: 0, escapes: true };
    compiler.nodes(nodes)?;
    Ok(compiler.program)
}

impl Compiler<'_> {
    fn nodes(&mut self, nodes: &[Node]) -> Checked<()> {
        nodes.iter().try_for_each(|node| self.node(node))
    }

    /// A tag of the engine, on a line of its own.
    fn tag(&mut self, at: usize, tag: &str) {
        self.program.lines.push(at);
        self.add(&format!("{{%\n{tag}%}}"));
    }

    /// A call of one of our functions that puts nothing out by itself.
    fn call(&mut self, at: usize, call: &str) {
        self.program.lines.push(at);
        self.add(&format!("{{{{\n{call}}}}}"));
    }

    fn add(&mut self, code: &str) {
        self.program.code.push_str(code);
    }

    fn site(&mut self, at: usize, shown: String, kind: SiteKind) -> usize {
        self.program.sites.push(Site { at, shown, kind });
        self.program.sites.len() - 1
    }

    fn shown(&self, expr: &Expr) -> String {
        let text = self.source.get(expr.at..expr.end).unwrap_or_default().trim();
        let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        shown
    }

    fn site_of(&mut self, expr: &Expr, kind: SiteKind) -> usize {
        let shown = self.shown(expr);
        self.site(expr.at, shown, kind)
    }

    /// The variable of a name of the user's.
    fn variable(&mut self, name: &str) -> String {
        let next = self.numbers.len();
        let number = *self.numbers.entry(name.to_owned()).or_insert(next);
        if number == next {
            self.program.names.push(name.to_owned());
        }
        format!("n{number}")
    }

    /// The variable of a name that a tag sets.
    fn target(&mut self, name: &str, at: usize) -> Checked<String> {
        if LOOPS.contains(&name) {
            return flaw(at, format!("`{name}` is the name of the loop itself: choose another"));
        }
        Ok(self.variable(name))
    }

    fn node(&mut self, node: &Node) -> Checked<()> {
        let at = node.at;
        match &node.kind {
            NodeKind::Text(text) => {
                let site = self.site(at, String::new(), SiteKind::Text(text.clone()));
                self.call(at, &format!("text({site})"));
            }
            NodeKind::Value(value) => {
                let code = self.expr(value)?;
                self.out(value, &code);
            }
            NodeKind::If { arms, otherwise } => self.conditional(at, arms, otherwise)?,
            NodeKind::For { .. } => self.looped(node)?,
            NodeKind::With { names, body } => {
                let mut set = Vec::new();
                for (name, value) in names {
                    let value_code = self.expr(value)?;
                    set.push(format!("{}={value_code}", self.target(name, at)?));
                }
                self.tag(at, &format!("with {}", set.join(",")));
                self.nodes(body)?;
                self.add("{%endwith%}");
            }
            NodeKind::Set(name, value) => {
                let (name, value) = (self.target(name, at)?, self.expr(value)?);
                self.tag(at, &format!("set {name}={value}"));
            }
            NodeKind::AutoEscape(is_on, body) => {
                let before = std::mem::replace(&mut self.escapes, *is_on);
                self.nodes(body)?;
                self.escapes = before;
            }
            NodeKind::Spaceless(body) => {
                self.call(at, "mark()");
                self.nodes(body)?;
                self.call(at, "spaceless()");
            }
            NodeKind::IfChanged { values, body, otherwise } => {
                self.if_changed(at, values, body, otherwise)?;
            }
            NodeKind::Made { made, kept_as, is_silent } => {
                let code = self.made(at, made)?;
                let Some(name) = kept_as else {
                    self.out_at(at, &code);
                    return Ok(());
                };
                let name = self.target(name, at)?;
                self.tag(at, &format!("set {name}={code}"));
                if !is_silent {
                    self.out_at(at, &name);
                }
            }
        }
        Ok(())
    }

    fn out(&mut self, value: &Expr, code: &str) {
        let site = self.site_of(value, SiteKind::Out(self.escapes));
        self.call(value.at, &format!("out({site},{code})"));
    }

    fn out_at(&mut self, at: usize, code: &str) {
        let site = self.site(at, "the value of this tag".to_owned(), SiteKind::Out(self.escapes));
        self.call(at, &format!("out({site},{code})"));
    }

    fn conditional(
        &mut self,
        at: usize,
        arms: &[(Expr, Vec<Node>)],
        otherwise: &[Node],
    ) -> Checked<()> {
        let mut word = "if";
        for (condition, body) in arms {
            let code = self.expr(condition)?;
            self.tag(condition.at, &format!("{word} {code}"));
            self.nodes(body)?;
            word = "elif";
        }
        self.tag(at, "else");
        self.nodes(otherwise)?;
        self.add("{%endif%}");
        Ok(())
    }

    fn looped(&mut self, node: &Node) -> Checked<()> {
        let NodeKind::For { names, over, is_reversed, body, empty } = &node.kind else {
            return Ok(());
        };
        let code = self.expr(over)?;
        let site = self.site_of(over, SiteKind::Loop(*is_reversed, 0..0));
        self.loops += 1;
        let depth = self.loops;
        self.tag(over.at, &format!("for t{depth} in items({site},{code})"));
        self.add(&format!("{{%set l{depth}=loop%}}"));
        for (index, name) in names.iter().enumerate() {
            let name = self.target(name, node.at)?;
            let item = if names.len() == 1 {
                format!("t{depth}")
            } else {
                format!("part({site},t{depth},{index},{})", names.len())
            };
            self.add(&format!("{{%set {name}={item}%}}"));
        }
        self.nodes(body)?;
        self.loops -= 1;
        let end = self.program.sites.len();
        if let Some(site_of_loop) = self.program.sites.get_mut(site) {
            site_of_loop.kind = SiteKind::Loop(*is_reversed, site..end);
        }
        self.tag(node.at, "else");
        self.nodes(empty)?;
        self.add("{%endfor%}");
        Ok(())
    }

    fn if_changed(
        &mut self,
        at: usize,
        values: &[Expr],
        body: &[Node],
        otherwise: &[Node],
    ) -> Checked<()> {
        let site = self.site(at, String::new(), SiteKind::Other);
        if values.is_empty() {
            self.call(at, "mark()");
            self.nodes(body)?;
            self.tag(at, &format!("if same({site})"));
            self.nodes(otherwise)?;
        } else {
            let values = self.exprs(values)?;
            self.tag(at, &format!("if changed({site},{values})"));
            self.nodes(body)?;
            self.tag(at, "else");
            self.nodes(otherwise)?;
        }
        self.add("{%endif%}");
        Ok(())
    }

    fn made(&mut self, at: usize, made: &Made) -> Checked<String> {
        let (function, values) = match made {
            Made::FirstOf(values) => ("firstof", self.exprs(values)?),
            Made::Cycle(values) => ("cycle", self.exprs(values)?),
            Made::WidthRatio(values) => ("widthratio", self.exprs(values)?),
            Made::Now(pattern) => ("now", self.expr(pattern)?),
        };
        let site = self.site(at, String::new(), SiteKind::Other);
        Ok(format!("{function}({site},{values})"))
    }

    fn exprs(&mut self, exprs: &[Expr]) -> Checked<String> {
        let codes: Checked<Vec<String>> = exprs.iter().map(|expr| self.expr(expr)).collect();
        Ok(codes?.join(","))
    }

    fn constant(&mut self, value: &Const) -> String {
        let value = match value {
            Const::None => return "none".to_owned(),
            Const::Bool(value) => return value.to_string(),
            Const::Int(number) => Value::from(*number),
            Const::Float(number) => Value::from(*number),
            Const::Text(text) => Written::literal(text),
        };
        self.program.consts.push(value);
        format!("c{}", self.program.consts.len() - 1)
    }

    fn expr(&mut self, expr: &Expr) -> Checked<String> {
        Ok(match &expr.kind {
            ExprKind::Const(value) => self.constant(value),
            ExprKind::Name(name) if LOOPS.contains(&name.as_str()) => {
                return flaw(expr.at, format!("`{name}` is no value: write `{name}.first`"));
            }
            ExprKind::Name(name) => self.variable(name),
            ExprKind::Get(of, key) => match self.loop_part(expr)? {
                Some(code) => code,
                None => format!("get({},{})", self.expr(of)?, self.expr(key)?),
            },
            ExprKind::Filter(of, spec, args) => {
                let mut code = self.expr(of)?;
                let shown = self.shown(of);
                // The fault points at the filter, which stands behind its value.
                let site = self.site(of.end, shown, SiteKind::Filter(spec));
                for arg in args {
                    let arg = self.expr(arg)?;
                    write!(code, ",{arg}").expect("writing into memory does not fail");
                }
                format!("filter({site},{code})")
            }
            ExprKind::Not(of) => format!("(not {})", self.expr(of)?),
            ExprKind::And(left, right) => {
                format!("({} and {})", self.expr(left)?, self.expr(right)?)
            }
            ExprKind::Or(left, right) => {
                format!("({} or {})", self.expr(left)?, self.expr(right)?)
            }
            ExprKind::Binary(op, left, right) => {
                let site = self.site_of(expr, SiteKind::Op(*op));
                format!("op({site},{},{})", self.expr(left)?, self.expr(right)?)
            }
            ExprKind::Test { of, test, with, is_negated } => {
                let site = self.site_of(expr, SiteKind::Test(*test));
                let with = match with {
                    Some(with) => self.expr(with)?,
                    None => "none".to_owned(),
                };
                let not = if *is_negated { "not " } else { "" };
                format!("({not}test({site},{},{with}))", self.expr(of)?)
            }
            ExprKind::Ternary(value, condition, other) => {
                let (value, condition) = (self.expr(value)?, self.expr(condition)?);
                let other = match other {
                    Some(other) => self.expr(other)?,
                    None => "u".to_owned(),
                };
                format!("({value} if {condition} else {other})")
            }
            ExprKind::List(items) => format!("list({})", self.exprs(items)?),
            ExprKind::Range(limits) => {
                let site = self.site_of(expr, SiteKind::Other);
                format!("range({site},{})", self.exprs(limits)?)
            }
        })
    }

    /// `forloop.counter`, `forloop.parentloop.last`, `loop.index`.
    fn loop_part(&self, expr: &Expr) -> Checked<Option<String>> {
        let mut keys = Vec::new();
        let mut inner = expr;
        while let ExprKind::Get(of, key) = &inner.kind {
            let ExprKind::Const(Const::Text(key)) = &key.kind else { return Ok(None) };
            keys.push(key.as_str());
            inner = of;
        }
        let ExprKind::Name(name) = &inner.kind else { return Ok(None) };
        if !LOOPS.contains(&name.as_str()) {
            return Ok(None);
        }
        let parents = keys.iter().filter(|key| **key == "parentloop").count();
        let part = match keys.first().copied().unwrap_or_default() {
            "counter" | "index" => "index",
            "counter0" | "index0" => "index0",
            "revcounter" | "revindex" => "revindex",
            "revcounter0" | "revindex0" => "revindex0",
            part @ ("first" | "last" | "length") => part,
            other => return flaw(expr.at, format!("a loop has no `{other}`")),
        };
        if parents + 1 != keys.len() {
            return flaw(expr.at, "only `parentloop` may stand before a loop's part");
        }
        // Outside of any loop there is nothing, as in Django.
        Ok(Some(match self.loops.checked_sub(parents) {
            Some(depth @ 1..) => format!("l{depth}.{part}"),
            _ => "u".to_owned(),
        }))
    }
}
