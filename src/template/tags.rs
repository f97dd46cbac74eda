//! The tags: what may stand in each, and what it becomes.

use super::expr::{Parser, unknown};
use super::fault::{Checked, flaw};
use super::nodes::{Const, Expr, ExprKind, Made, NodeKind};
use super::parse::Blocks;

/// What `templatetag` writes for each of its words.
const TEMPLATE_TAGS: [(&str, &str); 8] = [
    ("openblock", "{%"),
    ("closeblock", "%}"),
    ("openvariable", "{{"),
    ("closevariable", "}}"),
    ("openbrace", "{"),
    ("closebrace", "}"),
    ("opencomment", "{#"),
    ("closecomment", "#}"),
];
/// Klaviyo's tags for parts of today, as patterns of a date.
const CURRENT: [(&str, &str); 5] = [
    ("current_day", "j"),
    ("current_month", "n"),
    ("current_year", "Y"),
    ("current_weekday", "l"),
    ("current_month_name", "F"),
];

/// `if`, `elif`, `else`.
pub(super) fn conditional(blocks: &mut Blocks<'_>, at: usize, rest: Parser) -> Checked<NodeKind> {
    let mut arms = Vec::new();
    let mut condition = whole(rest)?;
    loop {
        let (body, end) = blocks.body("if", at, &["elif", "else", "endif"])?;
        arms.push((condition, body));
        match end.name.as_str() {
            "elif" => condition = whole(end.rest)?,
            "else" => {
                end.rest.finish()?;
                let (otherwise, _) = blocks.body("if", at, &["endif"])?;
                return Ok(NodeKind::If { arms, otherwise });
            }
            _ => return Ok(NodeKind::If { arms, otherwise: Vec::new() }),
        }
    }
}

/// A condition that is all of its tag.
fn whole(mut rest: Parser) -> Checked<Expr> {
    let condition = rest.expr()?;
    rest.finish()?;
    Ok(condition)
}

/// `for a, b in list reversed`, with `empty` or `else`.
pub(super) fn looped(blocks: &mut Blocks<'_>, at: usize, mut rest: Parser) -> Checked<NodeKind> {
    let mut names = vec![rest.name("a name for the items")?];
    while rest.takes_sign(",") {
        names.push(rest.name("another name")?);
    }
    if !rest.takes_word("in") {
        return rest.unexpected("`in`");
    }
    let over = rest.operand()?;
    let is_reversed = rest.takes_word("reversed");
    if rest.takes_word("if") {
        return flaw(rest.at(), "a loop has no condition of its own: put `{% if … %}` inside");
    }
    rest.finish()?;
    let (body, end) = blocks.body("for", at, &["empty", "else", "endfor"])?;
    let empty = if end.name == "endfor" {
        Vec::new()
    } else {
        end.rest.finish()?;
        blocks.body("for", at, &["endfor"])?.0
    };
    Ok(NodeKind::For { names, over, is_reversed, body, empty })
}

/// `ifchanged`, of its content or of values.
pub(super) fn if_changed(
    blocks: &mut Blocks<'_>,
    at: usize,
    mut rest: Parser,
) -> Checked<NodeKind> {
    let mut values = Vec::new();
    while !rest.is_done() {
        values.push(rest.expr()?);
    }
    let (body, end) = blocks.body("ifchanged", at, &["else", "endifchanged"])?;
    let otherwise = if end.name == "else" {
        blocks.body("ifchanged", at, &["endifchanged"])?.0
    } else {
        Vec::new()
    };
    Ok(NodeKind::IfChanged { values, body, otherwise })
}

/// `a=b c=d`, with or without commas, or Django's older `b as a`.
pub(super) fn assignments(rest: &mut Parser) -> Checked<Vec<(String, Expr)>> {
    let mut names = Vec::new();
    while names.is_empty() || !rest.is_done() {
        if rest.is_assignment() {
            let name = rest.name("a name")?;
            if !rest.takes_sign("=") {
                return rest.unexpected("`=`");
            }
            names.push((name, rest.expr()?));
        } else {
            let value = rest.expr()?;
            if !rest.takes_word("as") {
                return rest.unexpected("`name=value`");
            }
            names.push((rest.name("a name")?, value));
        }
        rest.takes_sign(",");
    }
    Ok(names)
}

/// The word of `autoescape`; Jinja's `true` and `false` do too.
pub(super) fn on_or_off(rest: &mut Parser) -> Checked<bool> {
    if rest.takes_word("on") || rest.takes_word("true") {
        return Ok(true);
    }
    if rest.takes_word("off") || rest.takes_word("false") {
        return Ok(false);
    }
    rest.unexpected("`on` or `off`")
}

/// A tag without a body; `None` where it is no tag at all.
pub(super) fn single(name: &str, rest: &mut Parser) -> Checked<Option<NodeKind>> {
    let node = match name {
        "set" => {
            let name = rest.name("a name")?;
            if !rest.takes_sign("=") {
                return rest.unexpected("`= value` (a block can not be kept under a name)");
            }
            NodeKind::Set(name, rest.expr()?)
        }
        "templatetag" => {
            let at = rest.at();
            let word = rest.name("one of its words, such as `openbrace`,")?;
            let found = TEMPLATE_TAGS.into_iter().find(|(of, _)| *of == word);
            match found {
                Some((_, text)) => NodeKind::Text(text.to_owned()),
                None => {
                    let words = TEMPLATE_TAGS.map(|(word, _)| word);
                    return flaw(at, unknown("word of `templatetag`", &word, &words));
                }
            }
        }
        "firstof" => {
            let values = values(rest)?;
            kept(Made::FirstOf(values), rest)?
        }
        "cycle" => {
            let values = values(rest)?;
            kept(Made::Cycle(values), rest)?
        }
        "widthratio" => {
            let ratio = [rest.expr()?, rest.expr()?, rest.expr()?];
            kept(Made::WidthRatio(ratio), rest)?
        }
        "now" | "today" => {
            let pattern = rest.expr()?;
            kept(Made::Now(pattern), rest)?
        }
        _ => match CURRENT.into_iter().find(|(of, _)| *of == name) {
            Some((_, pattern)) => {
                let at = rest.at();
                let kind = ExprKind::Const(Const::Text(pattern.to_owned()));
                kept(Made::Now(Expr { kind, at, end: at, height: 1 }), rest)?
            }
            None => return Ok(None),
        },
    };
    Ok(Some(node))
}

/// Values up to `as` or the end, at least one.
fn values(rest: &mut Parser) -> Checked<Vec<Expr>> {
    let mut values = vec![rest.expr()?];
    while !rest.is_done() && !rest.is_at_word("as") {
        values.push(rest.expr()?);
    }
    Ok(values)
}

/// `as name`, and for a cycle `silent`.
fn kept(made: Made, rest: &mut Parser) -> Checked<NodeKind> {
    let is_cycle = matches!(made, Made::Cycle(_));
    let kept_as = if rest.takes_word("as") { Some(rest.name("a name")?) } else { None };
    let is_silent = kept_as.is_some() && (!is_cycle || rest.takes_word("silent"));
    Ok(NodeKind::Made { made, kept_as, is_silent })
}
