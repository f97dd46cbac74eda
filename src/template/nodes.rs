//! What a template is after parsing: a tree of text, values and blocks.

use super::filters::FilterSpec;

/// An expression, with the bytes of the source that it takes.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    pub(super) kind: ExprKind,
    pub(super) at: usize,
    pub(super) end: usize,
    /// How many expressions lie on top of each other.
    pub(super) height: usize,
}

/// The kinds of expression.
#[derive(Clone, Debug)]
pub(super) enum ExprKind {
    Const(Const),
    Name(String),
    Get(Box<Expr>, Box<Expr>),
    Filter(Box<Expr>, &'static FilterSpec, Vec<Expr>),
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Binary(Op, Box<Expr>, Box<Expr>),
    Test {
        of: Box<Expr>,
        test: Test,
        with: Option<Box<Expr>>,
        is_negated: bool,
    },
    /// The value, the condition, and the other value.
    Ternary(Box<Expr>, Box<Expr>, Option<Box<Expr>>),
    List(Vec<Expr>),
    Range(Vec<Expr>),
}

/// A value that stands in the source.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Const {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

/// Operators that are worked out here and not by the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Add,
    Subtract,
    Multiply,
    Divide,
    DivideWhole,
    Remainder,
    Join,
    Equal,
    Less,
    LessOrEqual,
    In,
}

/// What `is …` asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Defined,
    None,
    Text,
    Number,
    Integer,
    Boolean,
    Mapping,
    Sequence,
    Iterable,
    Odd,
    Even,
    DivisibleBy,
}

/// A block, value or text.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: usize,
    pub(super) kind: NodeKind,
}

/// The kinds of node.
#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    Text(String),
    Value(Expr),
    If {
        arms: Vec<(Expr, Vec<Node>)>,
        otherwise: Vec<Node>,
    },
    For {
        names: Vec<String>,
        over: Expr,
        is_reversed: bool,
        body: Vec<Node>,
        empty: Vec<Node>,
    },
    With {
        names: Vec<(String, Expr)>,
        body: Vec<Node>,
    },
    Set(String, Expr),
    AutoEscape(bool, Vec<Node>),
    Spaceless(Vec<Node>),
    IfChanged {
        values: Vec<Expr>,
        body: Vec<Node>,
        otherwise: Vec<Node>,
    },
    /// A tag that makes a value, and the name that it is kept under instead of going out.
    Made {
        made: Made,
        kept_as: Option<String>,
        is_silent: bool,
    },
}

/// What the tags that make a value make.
#[derive(Clone, Debug)]
pub(super) enum Made {
    FirstOf(Vec<Expr>),
    Cycle(Vec<Expr>),
    WidthRatio([Expr; 3]),
    Now(Expr),
}
