//! Names, expressions and tags.

use serde_json::json;

use super::super::{Escaping, TextKind, check, check_text, render, render_text};
use super::{all_equal, message, plain, shop, with_body};

#[test]
fn names_and_paths() {
    let cases = [
        ("{{ first_name }} {{ person.first_name }} {{ profile.email }}", "Zoë Zoë z@example.com"),
        ("{{ organization.name }} {{ person.organization }} {{ flow.id }}", "Ours Theirs T23ivh"),
        ("{{ outputs.ask.id }}", "7"),
        (
            "{{ event.items.0.name }} {{ event['items'][1].name }} {{ event.items[-1].name }}",
            "cap Hat Hat",
        ),
        ("{{ event|lookup:'Item Name' }}", "Cap \"Öl\" & co"),
        ("{{ event | lookup:'items'|lookup:'0'|lookup:'name' }}", "cap"),
        ("{{ event|lookup:'$value' }}", "29.5"),
        ("{{ event.items.0.tags.1 }}", "b"),
        ("[{{ nobody }}{{ event.a.b.c }}{{ event.items.9.x }}{{ event.text.0 }}]", "[]"),
        ("{{ Event.text }}{{ person.First_Name }}", ""),
        ("{{ event.nested }}", r#"{"a":true,"b":null,"c":[1,"x"]}"#),
        ("{{ event.nested.keys|join:',' }}", "a,b,c"),
        (
            "{{ \"it's\" }} {{ 'a\\'b' }} {{ -1 }} {{-1}} {{ 1.50 }} {{ true }} {{ None }}|",
            "it's a'b -1 -1 1.5 true |",
        ),
    ];
    all_equal(cases.map(|(source, text)| (source.to_owned(), plain(source), Ok(text.to_owned()))));
    let without_event = json!({"event": null, "person": {"email": "a@b"}});
    let text =
        render_text("{{ event.x }}{{ email }}", TextKind::Plain, Escaping::Context, &without_event);
    assert_eq!(text.unwrap(), "a@b");
}

#[test]
fn operators() {
    let cases = [
        ("event.zero == 0 and event.flag", true),
        ("not event.zero or event.none", true),
        ("event.n > 5", false),
        ("event.n|multiply:1 > 5", true),
        ("event.items|length >= 2", true),
        ("'b' in event.text and 'x' not in event.text", true),
        ("'a' in event.nested and 1 in event.nested.c and 'q' not in event.nested", true),
        ("event.nothing > 5", false),
        ("event.nothing < 5", false),
        ("event.nothing == None", true),
        ("event.none == none", true),
        ("event.flag == True", true),
        ("1 == '1'", false),
        ("1 == 1.0", true),
        ("event.items == event.items", true),
        ("event.extra != event.items", true),
        ("event.nothing is defined", false),
        ("event.nothing is undefined and event.none is none", true),
        ("event.items is sequence and event is mapping and event.text is string", true),
        ("3 is odd and 4 is even and 9 is divisibleby(3)", true),
        ("event.text is not number", true),
        ("(1 if event.zero else 2) == 2", true),
        ("event.items and event.extra", true),
        ("''", false),
        ("event.nothing == ''", false),
    ];
    all_equal(cases.map(|(condition, holds)| {
        let source = format!("{{% if {condition} %}}yes{{% else %}}no{{% endif %}}");
        (source.clone(), plain(&source), Ok((if holds { "yes" } else { "no" }).to_owned()))
    }));
    let cases = [
        (
            "{{ 1 + 2 * 3 }} {{ 7 // 2 }} {{ 7 % 4 }} {{ 1 / 2 }} {{ 3 - 1 }} {{ -event.n }}",
            "7 3 3 0.5 2 -7",
        ),
        ("{{ 'a' ~ 1 ~ true }} {{ 'a' + 'b' }}", "a1true ab"),
        ("{{ 'a' if event.flag else 'b' }}{{ 'x' if event.zero }}", "a"),
        ("{{ event.nothing or 'z' }}", "z"),
        ("{% for i in range(3) %}{{ i }}{% endfor %}{{ range(5, 1, -2) }}", "012[5,3]"),
    ];
    all_equal(cases.map(|(source, text)| (source.to_owned(), plain(source), Ok(text.to_owned()))));
    assert_eq!(plain("{{ event.items + 1 }}").unwrap_err(), "a list can not be calculated with");
}

#[test]
fn tags() {
    let cases = [
        ("{% if event.zero %}a{% elif event.flag %}b{% else %}c{% endif %}", "b"),
        (
            "{% for i in event.items %}{{ forloop.counter }}{{ i.name }}{% if not forloop.last %}, {% endif %}{% endfor %}",
            "1cap, 2Hat",
        ),
        ("{% for i in event.items reversed %}{{ i.name }}{% endfor %}", "Hatcap"),
        ("{% for i in event.nothing %}x{% empty %}none{% endfor %}", "none"),
        ("{% for i in [] %}x{% else %}none{% endfor %}", "none"),
        (
            "{% for k, v in event.nested.items %}{{ k }}={{ v }};{% endfor %}",
            "a=true;b=;c=[1,\"x\"];",
        ),
        (
            "{% for k in event.nested %}{{ k }}{% endfor %}{% for c in 'ab' %}-{{ c }}{% endfor %}",
            "abc-a-b",
        ),
        (
            "{% for i in event.items %}{% for t in i.tags %}{{ forloop.parentloop.counter0 }}{{ forloop.revcounter }}{{ t }} {% endfor %}{% endfor %}",
            "02a 01b ",
        ),
        (
            "{% for i in [1,2] %}{{ loop.index }}/{{ loop.length }}{{ loop.first }} {% endfor %}",
            "1/2true 2/2false ",
        ),
        ("{% for a, b in [[1,2],[3,4]] %}{{ a }}{{ b }}{% endfor %}", "1234"),
        ("{% with a=1 b='x' %}{{ a }}{{ b }}{% endwith %}{{ a }}", "1x"),
        ("{% with event.items.0 as i %}{{ i.name }}{% endwith %}", "cap"),
        ("{% set a = 3 %}{{ a }}", "3"),
        ("a{% comment %}{{ x| }}{% endcomment %}{# no #}b", "ab"),
        ("{% verbatim %}{{ x }}{% endverbatim %}{% raw %}{% if %}{% endraw %}", "{{ x }}{% if %}"),
        ("{% spaceless %} <a>\n <b>x y</b> </a> {% endspaceless %}", "<a><b>x y</b></a>"),
        ("{% firstof event.zero event.nothing 'z' %}{% firstof event.n as q %}{{ q }}", "z7"),
        ("{% for i in range(3) %}{% cycle 'a' 'b' %}{% endfor %}", "aba"),
        (
            "{% for i in range(3) %}{% cycle 'a' 'b' as c silent %}{{ c }}{{ c }}{% endfor %}",
            "aabbaa",
        ),
        (
            "{% for i in [1,1,2] %}{% ifchanged i %}{{ i }}{% else %}-{% endifchanged %}{% endfor %}",
            "1-2",
        ),
        ("{% for i in [1,1,2] %}{% ifchanged %}<{{ i }}>{% endifchanged %}{% endfor %}", "<1><2>"),
        (
            "{% for o in [1,2] %}{% for i in [1,1] %}{% ifchanged i %}{{ i }}{% endifchanged %}{% endfor %}{% endfor %}",
            "11",
        ),
        ("{% widthratio 175 200 100 %} {% widthratio 1 0 9 as w %}{{ w }}", "88 0"),
        ("{% templatetag openbrace %}{% templatetag openvariable %}", "{{{"),
        ("{% now 'Y-m-d H:i' %} {% today '%Y' as t %}{{ t }}", "2026-07-05 00:30 2026"),
        (
            "{% today \"%Y-%m-%d\" as today %}{{ today|days_later:5|format_date_string|date:'M d' }}",
            "Jul 10",
        ),
        (
            "{% current_day %}.{% current_month %}.{% current_year %} {% current_weekday %} {% current_month_name %}",
            "5.7.2026 Sunday July",
        ),
        ("{% autoescape off %}{{ event.html }}{% endautoescape %}", "<b>bold</b> & \"q\""),
        ("a {%- if true -%} b {%- endif %} c {{- 'd' }}", "ab cd"),
        ("{% if event.flag %}{% endif %}{{ forloop.first }}|", "|"),
    ];
    all_equal(cases.map(|(source, text)| (source.to_owned(), plain(source), Ok(text.to_owned()))));
}

#[test]
fn what_is_wrong_is_said_at_save_with_its_place() {
    let cases = [
        ("{{ a }}\n{% foo %}", 2, 4, "unknown tag `foo`; did you mean `for`?"),
        ("{% if a %}", 1, 4, "`{% if %}` is not closed with `endif`"),
        ("{% if a %}{% endfor %}", 1, 14, "`endfor` does not fit here: `if` is open"),
        ("{% endif %}", 1, 4, "`endif` does not fit here: no block is open"),
        ("{{ a", 1, 1, "`{{` is not closed with `}}`"),
        ("{{ a b }}", 1, 6, "`b` is not expected here"),
        ("{{ }}", 1, 3, "a value is missing at the end"),
        ("{% if a = b %}{% endif %}", 1, 9, "`=` compares nothing: write `==`"),
        (
            "{{ event.item-name }}",
            1,
            14,
            "a name has no hyphen: use |lookup:'the-name', or blanks around `-` to subtract",
        ),
        ("{{ event.$value }}", 1, 10, "`$` may not stand in a name here: use |lookup:'$name'"),
        ("{{ f(1) }}", 1, 5, "nothing can be called here but `range(…)`"),
        ("{% for a on b %}{% endfor %}", 1, 10, "`in` is expected here, not `on`"),
        (
            "{% set a %}x{% endset %}",
            1,
            9,
            "`= value` (a block can not be kept under a name) is missing at the end",
        ),
        (
            "{% with forloop=1 %}{% endwith %}",
            1,
            4,
            "`forloop` is the name of the loop itself: choose another",
        ),
        ("{{ x is blue }}", 1, 9, "unknown test `blue`"),
        ("{% templatetag nope %}", 1, 16, "unknown word of `templatetag` `nope`"),
        (
            "{% autoescape maybe %}{% endautoescape %}",
            1,
            15,
            "`on` or `off` is expected here, not `maybe`",
        ),
        ("{{ x|foo }}", 1, 6, "unknown filter `foo`; did you mean `floor`?"),
    ];
    all_equal(cases.map(|(source, line, column, why)| {
        let fault = check_text(source, TextKind::Plain, Escaping::Context).unwrap_err();
        (
            source.to_owned(),
            (fault.line, fault.column, fault.message),
            (line, column, why.to_owned()),
        )
    }));
}

#[test]
fn a_fault_at_rendering_has_its_place_too() {
    let cases = [
        ("a\n {{ 1|divide:event.zero }}", 2, 6),
        ("a\n\n{% for a in event.flag %}{% endfor %}", 3, 13),
        ("{{ 1 }}\n{{ 1 / event.zero }}", 2, 4),
        ("{% for a, b in event.items %}{% endfor %}", 1, 16),
    ];
    all_equal(cases.map(|(source, line, column)| {
        let text = render_text(source, TextKind::Plain, Escaping::Context, &shop());
        let fault = text.unwrap_err();
        assert!(fault.excerpt.ends_with('^'));
        (format!("{source}: {fault}"), (fault.line, fault.column), (line, column))
    }));
}

#[test]
fn a_strict_template_sends_nothing_that_is_not_set() {
    let strict = |body: &str| {
        let mut template = with_body(body);
        template.is_strict = true;
        check(&template).unwrap();
        render(&template, &shop()).map(|request| request.body)
    };
    let why = |name: &str| format!("`{name}` is not set, and the template is strict");
    assert_eq!(message(strict(r#"{"a": "{{ event.nope.x }}"}"#)), why("event.nope.x"));
    assert_eq!(message(strict(r#"{"a": "{{ nope|upper }}"}"#)), why("nope"));
    assert_eq!(message(strict("[{% for a in nope %}{% endfor %}]")), why("nope"));
    assert_eq!(message(strict("{{ nope + 1 }}")), why("nope + 1"));
    assert_eq!(
        strict("[{{ nope|default:1 }},{% if nope %}{% endif %}{{ event.none }}]").unwrap(),
        "[1,null]"
    );
}
