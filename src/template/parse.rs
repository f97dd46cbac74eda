//! Puts the pieces of a template together: which tag opens, parts and closes which block.

use super::expr::{Parser, unknown};
use super::fault::{Checked, flaw};
use super::lex::{Piece, PieceKind, pieces};
use super::nodes::{Node, NodeKind};
use super::{refused, tags};
use crate::limits::TEMPLATE_BLOCK_DEPTH_MAX;
use crate::limits::TEMPLATE_NODES_MAX;

/// The tags that begin something.
pub(super) const TAGS: [&str; 20] = [
    "if",
    "for",
    "with",
    "set",
    "autoescape",
    "spaceless",
    "ifchanged",
    "firstof",
    "cycle",
    "widthratio",
    "templatetag",
    "now",
    "today",
    "current_day",
    "current_month",
    "current_year",
    "current_weekday",
    "current_month_name",
    "comment",
    "verbatim",
];
/// The tags that part or end a block.
const INNER: [&str; 11] = [
    "elif",
    "else",
    "empty",
    "endif",
    "endfor",
    "endwith",
    "endautoescape",
    "endspaceless",
    "endifchanged",
    "endcomment",
    "endverbatim",
];

/// A tag that was taken from the pieces: its name, and what stands behind it.
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) at: usize,
    pub(super) rest: Parser,
}

/// The pieces, and how far they are read.
pub(super) struct Blocks<'s> {
    pieces: std::vec::IntoIter<Piece<'s>>,
    depth: usize,
    nodes: usize,
}

/// Parses a whole template.
pub(super) fn parse(source: &str) -> Checked<Vec<Node>> {
    let mut blocks = Blocks { pieces: pieces(source)?.into_iter(), depth: 0, nodes: 0 };
    let (nodes, end) = blocks.until(&[])?;
    debug_assert!(end.is_none(), "nothing ends a template but its end");
    Ok(nodes)
}

impl Blocks<'_> {
    /// Reads nodes up to one of the tags `ends`, or to the end of the template.
    fn until(&mut self, ends: &[&str]) -> Checked<(Vec<Node>, Option<Tag>)> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let mut at = piece.at;
            self.nodes += usize::from(piece.kind != PieceKind::Text);
            if self.nodes > TEMPLATE_NODES_MAX {
                return flaw(at, format!("more than {TEMPLATE_NODES_MAX} tags and values"));
            }
            let kind = match piece.kind {
                PieceKind::Text => NodeKind::Text(piece.text.to_owned()),
                PieceKind::Value => {
                    let mut parser = Parser::new(piece.text, at)?;
                    let value = parser.expr()?;
                    parser.finish()?;
                    NodeKind::Value(value)
                }
                PieceKind::Tag => {
                    let tag = tag_of(&piece)?;
                    if ends.contains(&tag.name.as_str()) {
                        return Ok((nodes, Some(tag)));
                    }
                    at = tag.at;
                    self.deeper(tag, ends)?
                }
            };
            nodes.push(Node { at, kind });
        }
        Ok((nodes, None))
    }

    fn deeper(&mut self, tag: Tag, ends: &[&str]) -> Checked<NodeKind> {
        if self.depth >= TEMPLATE_BLOCK_DEPTH_MAX {
            let most = TEMPLATE_BLOCK_DEPTH_MAX;
            return flaw(tag.at, format!("blocks are nested deeper than {most} levels"));
        }
        self.depth += 1;
        let node = self.tag(tag, ends)?;
        self.depth -= 1;
        Ok(node)
    }

    /// The body of the block that `tag` opens, up to one of `ends`.
    pub(super) fn body(
        &mut self,
        name: &str,
        at: usize,
        ends: &[&str],
    ) -> Checked<(Vec<Node>, Tag)> {
        match self.until(ends)? {
            (nodes, Some(end)) => Ok((nodes, end)),
            (_, None) => flaw(at, format!("`{{% {name} %}}` is not closed with `end{name}`")),
        }
    }

    /// The body of a block that has but one part.
    fn whole(&mut self, name: &str, at: usize) -> Checked<Vec<Node>> {
        let end = format!("end{name}");
        Ok(self.body(name, at, &[&end])?.0)
    }

    fn tag(&mut self, tag: Tag, ends: &[&str]) -> Checked<NodeKind> {
        let Tag { name, at, mut rest } = tag;
        let node = match name.as_str() {
            "if" => return tags::conditional(self, at, rest),
            "for" => return tags::looped(self, at, rest),
            "ifchanged" => return tags::if_changed(self, at, rest),
            "with" => {
                let names = tags::assignments(&mut rest)?;
                NodeKind::With { names, body: self.whole("with", at)? }
            }
            "autoescape" => {
                let is_on = tags::on_or_off(&mut rest)?;
                NodeKind::AutoEscape(is_on, self.whole("autoescape", at)?)
            }
            "spaceless" => NodeKind::Spaceless(self.whole("spaceless", at)?),
            _ => match tags::single(&name, &mut rest)? {
                Some(node) => node,
                None => return flaw(at, unknown_tag(&name, ends)),
            },
        };
        rest.finish()?;
        Ok(node)
    }
}

/// Reads the name of a tag.
fn tag_of(piece: &Piece<'_>) -> Checked<Tag> {
    let trimmed = piece.text.trim_start();
    let at = piece.at + (piece.text.len() - trimmed.len());
    let end = trimmed.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(trimmed.len());
    let (name, rest) = trimmed.split_at(end);
    if name.is_empty() {
        return flaw(at, "the name of a tag is missing");
    }
    if name.starts_with("end") {
        // `endwith x` and `endblock x` may name what they end.
        return Ok(Tag { name: name.to_owned(), at, rest: Parser::new("", at + end)? });
    }
    // The words of a refused tag need not make sense.
    let rest = if refused::tag(name).is_some() { "" } else { rest };
    Ok(Tag { name: name.to_owned(), at, rest: Parser::new(rest, at + end)? })
}

fn unknown_tag(name: &str, ends: &[&str]) -> String {
    if let Some(why) = refused::tag(name) {
        return why;
    }
    if INNER.contains(&name) {
        let open = ends.last().and_then(|end| end.strip_prefix("end"));
        return match open {
            Some(open) => format!("`{name}` does not fit here: `{open}` is open"),
            None => format!("`{name}` does not fit here: no block is open"),
        };
    }
    let known: Vec<&str> = TAGS.into_iter().chain(INNER).collect();
    unknown("tag", name, &known)
}
