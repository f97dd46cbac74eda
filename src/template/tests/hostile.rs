//! Templates that are written to do harm: each gives a fault, and soon.

use std::time::Duration;

use super::super::{Escaping, TextKind, render_text};
use super::shop;
use crate::clock::Stopwatch;
use crate::limits::TEMPLATE_BLOCK_DEPTH_MAX;
use crate::limits::TEMPLATE_EXPRESSION_DEPTH_MAX;
use crate::limits::TEMPLATE_NODES_MAX;

/// Far above what any of these takes, also unoptimised and on a busy machine.
const SOON: Duration = Duration::from_secs(10);

fn nested(open: &str, inner: &str, close: &str, levels: usize) -> String {
    format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
}

/// Name, template, and what the fault says.
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn corpus() -> Vec<(&'static str, String, &'static str)> {
    let doubling = "{% set a = a ~ a %}".repeat(40);
    let lists = "{% set a = [a, a] %}".repeat(60);
    let deep_lists = "{% set a = [a] %}".repeat(200);
    let ten = "{% for i in range(10000) %}";
    vec![
        ("parentheses", format!("{{{{ {} }}}}", nested("(", "1", ")", 200)), "nested deeper"),
        ("many parentheses", format!("{{{{ {} }}}}", nested("(", "1", ")", 20_000)), "too long"),
        ("brackets", format!("{{{{ {} }}}}", nested("[", "1", "]", 200)), "nested deeper"),
        ("lookups", format!("{{{{ {} }}}}", nested("a[", "1", "]", 100)), "nested deeper"),
        ("dots", format!("{{{{ a{} }}}}", ".b".repeat(200)), "nested deeper"),
        ("not", format!("{{% if {} a %}}{{% endif %}}", "not ".repeat(400)), "nested deeper"),
        ("minus", format!("{{{{ {}a }}}}", "- ".repeat(400)), "nested deeper"),
        ("filters", format!("{{{{ a{} }}}}", "|upper".repeat(200)), "nested deeper"),
        (
            "arguments",
            format!("{{{{ {} }}}}", nested("a|default(", "1", ")", 100)),
            "nested deeper",
        ),
        ("sums", format!("{{{{ 1{} }}}}", " + 1".repeat(200)), "nested deeper"),
        ("or", format!("{{{{ 1{} }}}}", " or 1".repeat(200)), "nested deeper"),
        ("ternaries", format!("{{{{ 1{} }}}}", " if 1 else 1".repeat(100)), "nested deeper"),
        ("tests", format!("{{{{ 1{} }}}}", " is odd".repeat(200)), "nested deeper"),
        ("ifs", nested("{% if 1 %}", "", "{% endif %}", 200), "blocks are nested"),
        ("fors", nested("{% for a in b %}", "", "{% endfor %}", 200), "blocks are nested"),
        ("withs", nested("{% with a=1 %}", "", "{% endwith %}", 200), "blocks are nested"),
        (
            "spaceless",
            nested("{% spaceless %}", "", "{% endspaceless %}", 200),
            "blocks are nested",
        ),
        (
            "elifs",
            format!("{{% if 1 %}}{}{{% endif %}}", "{% elif 1 %}".repeat(5_000)),
            "more than 4000",
        ),
        ("tags", "{{ 1 }}".repeat(5_000), "more than 4000"),
        ("source", "a".repeat(200_000), "bytes, at most"),
        ("self-reference", "{% include self %}".to_owned(), "would take in another"),
        ("extending", "{% extends 'a' %}".to_owned(), "would take in another"),
        (
            "recursion",
            "{% macro a() %}{{ a() }}{% endmacro %}".to_owned(),
            "nothing that can be called",
        ),
        (
            "recursive loop",
            "{% for a in b recursive %}{{ loop(a) }}{% endfor %}".to_owned(),
            "not expected",
        ),
        (
            "loop call",
            "{% for a in [1] %}{{ loop([1]) }}{% endfor %}".to_owned(),
            "nothing can be called",
        ),
        (
            "doubling",
            format!("{{% set a = 'aaaaaaaa' %}}{doubling}{{{{ a }}}}"),
            "more than 262144 bytes",
        ),
        (
            "doubled lists",
            format!("{{% set a = [1] %}}{lists}{{{{ a }}}}"),
            "more than 262144 bytes",
        ),
        (
            "compared lists",
            format!("{{% set a = [1] %}}{lists}{{{{ a|tojson }}}}"),
            "more than 262144 bytes",
        ),
        (
            "deep lists",
            format!("{{% set a = [1] %}}{deep_lists}{{{{ a }}}}"),
            "nested deeper than 100",
        ),
        ("range", "{{ range(99999999) }}".to_owned(), "at most 10000"),
        (
            "far range",
            "{{ range(-9223372036854775807, 9223372036854775807, 1) }}".to_owned(),
            "at most 10000",
        ),
        ("wide", "{{ 'a'|ljust:999999999 }}".to_owned(), "more than 262144 bytes"),
        ("centre", "{{ 'a'|center:1e30 }}".to_owned(), "`e30`"),
        ("format", "{{ 1|stringformat:'0999999999d' }}".to_owned(), "more than 262144 bytes"),
        ("decimals", "{{ 1|floatformat:999999999 }}".to_owned(), "digits behind the point"),
        (
            "decimals of formats",
            "{{ 1|stringformat:'.999999999f' }}{{ 1|round(99) }}".to_owned(),
            "more than 20 digits",
        ),
        ("multiplied text", "{{ 'a' * 999999999 }}".to_owned(), "can not be calculated with"),
        ("multiplied list", "{{ [1] * 999999999 }}".to_owned(), "can not be calculated with"),
        ("power", "{{ 9 ** 9 ** 9 }}".to_owned(), "`**` is not expected"),
        ("huge number", "{{ 99999999999999999999999 }}".to_owned(), "too large a number"),
        ("overflow", "{{ 9e1 }}{{ 1 }}".to_owned(), "`e1` is not expected"),
        ("infinity", format!("{{{{ {}.0 * {}.0 * 10.0 }}}}", "9".repeat(120), "9".repeat(120)), ""),
        (
            "replace",
            format!(
                "{{% set a = 'a'|ljust:1000 %}}{{% set a = a|replace(' ', a) %}}{}",
                "{{ a|replace(' ', a) }}"
            ),
            "more than 262144 bytes",
        ),
        (
            "join",
            "{% set a = 'a'|ljust:200000 %}{{ [1,2,3]|join(a) }}".to_owned(),
            "more than 262144 bytes",
        ),
        (
            "loops in loops",
            format!("{ten}{ten}{ten}{{% endfor %}}{{% endfor %}}{{% endfor %}}"),
            "does too much",
        ),
        (
            "output",
            format!("{ten}{}{{% endfor %}}", "a".repeat(1_000)),
            "more than 1048576 bytes come out",
        ),
        (
            "much text",
            format!(
                "{ten}{ten}{{% ifchanged %}}{}{{% endifchanged %}}{{% endfor %}}{{% endfor %}}",
                "a".repeat(90_000)
            ),
            "does too much",
        ),
        (
            "many filters",
            format!(
                "{{% set a = 'a'|ljust:200000 %}}{ten}{{% set b = a|md5_hash %}}{{% endfor %}}"
            ),
            "does too much",
        ),
        (
            "date pattern",
            format!("{{{{ now|date:'{}' }}}}", "%Y".repeat(200)),
            "longer than 256 bytes",
        ),
        (
            "pattern",
            format!("{{{{ 'a'|resplit:'{}' }}}}", "(a{1,100}){1,100}"),
            "pattern can not be used",
        ),
        (
            "pattern depth",
            format!("{{{{ 'a'|resplit:'{}' }}}}", nested("(", "a", ")", 3_000)),
            "pattern can not be used",
        ),
        (
            "pattern's text",
            "{% set a = 'a'|ljust:100000 %}{{ a|resplit:'b' }}".to_owned(),
            "more than 16384 bytes",
        ),
        (
            "escapes of the engine",
            "{{ '}}{% set x = 1 %}' ~ \"{{ c0 }}\" ~ c0 ~ n0 }}{{ x.__class__ }}{{ 1|zz }}"
                .to_owned(),
            "unknown filter",
        ),
    ]
}

#[test]
fn each_gives_a_fault_and_soon() {
    for (name, source, why) in corpus() {
        let started = Stopwatch::start();
        let result = render_text(&source, TextKind::Plain, Escaping::Context, &shop());
        assert!(started.elapsed() < SOON, "{name} took {:?}", started.elapsed());
        if why.is_empty() {
            drop(result);
            continue;
        }
        let fault = result.expect_err(name);
        assert!(fault.message.contains(why), "{name}: {fault}");
        assert!(fault.excerpt.len() < 1_000, "{name}");
    }
}

#[test]
fn what_is_just_within_the_bounds_works() {
    let deepest = nested("(1 + ", "1", ")", TEMPLATE_EXPRESSION_DEPTH_MAX - 1);
    let value = format!("{{{{ {deepest} }}}}");
    let source = nested("{% if 1 %}", &value, "{% endif %}", TEMPLATE_BLOCK_DEPTH_MAX);
    let text = render_text(&source, TextKind::Plain, Escaping::Context, &shop()).unwrap();
    assert_eq!(text, TEMPLATE_EXPRESSION_DEPTH_MAX.to_string());

    let many = "{{ 1 }}".repeat(TEMPLATE_NODES_MAX);
    let text = render_text(&many, TextKind::Plain, Escaping::Context, &shop()).unwrap();
    assert_eq!(text.len(), TEMPLATE_NODES_MAX);
}
