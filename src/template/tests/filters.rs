//! Every filter, with what it makes.

use std::collections::BTreeSet;

use super::super::filters;
use super::{all_equal, plain};

const TEXTS: &[(&str, &str)] = &[
    ("{{ 'hello'|append:' world' }}", "hello world"),
    ("{{ 'world'|prepend:'hello ' }}", "hello world"),
    ("{{ 'élan x'|capitalize }}", "Élan x"),
    ("{{ 'hello'|capfirst }}", "Hello"),
    ("{{ \"it's a BIG day\"|title }}", "It's A Big Day"),
    ("{{ 'a'|upcase }}{{ 'ß'|upper }}", "ASS"),
    ("{{ 'Ä'|downcase }}{{ 'B'|lower }}", "äb"),
    ("{{ 5|string }}", "5"),
    ("[{{ ' a '|strip }}][{{ ' a '|trim }}]", "[a][a]"),
    ("[{{ ' a '|lstrip }}][{{ ' a '|rstrip }}]", "[a ][ a]"),
    ("{{ event.lines|strip_newlines }}", "onetwo"),
    ("{{ '<p>a <b>b</b> < c</p>'|strip_html }}", "a b < c"),
    ("{{ event.html|striptags }}", "bold & \"q\""),
    ("{{ 'Hi, there,'|find_replace:',|-' }}", "Hi- there-"),
    ("{{ 'a b b'|replace('b', 'c') }}", "a c c"),
    ("{{ 'a b b'|replace_first:'b|c' }}", "a c b"),
    ("{{ 'a b b'|replace_last:'b|c' }}", "a b c"),
    ("{{ 'hello, hello'|remove:'hello' }}", ", "),
    ("{{ 'a b'|cut:' ' }}", "ab"),
    ("{{ 'a a'|remove_first:'a' }}|{{ 'a a'|remove_last:'a' }}", " a|a "),
    ("{{ 'a,b'|split:',' }}", r#"["a","b"]"#),
    (r"{{ 'a  b c'|resplit:'\s+' }}", r#"["a","b","c"]"#),
    ("{{ 'Hello, world'|truncate:8 }}", "Hello..."),
    ("{{ 'Hello, world'|truncatechars:6 }}", "Hello…"),
    ("{{ 'a b c'|truncatewords:2 }}", "a b …"),
    ("{{ 'a b  c'|wordcount }}", "3"),
    ("{{ ' Joel is a slug! '|slugify }}", "joel-is-a-slug"),
    ("{{ \"I'm\"|addslashes }}", r"I\'m"),
    ("item{{ 2|pluralize }} cherr{{ event.items|pluralize:'y,ies' }}", "items cherries"),
    ("{{ true|yesno }}{{ event.none|yesno:'a,b,c' }}{{ 0|yesno:'a,b' }}", "yescb"),
    ("[{{ 'a'|center:5 }}][{{ 'a'|ljust:3 }}][{{ 'a'|rjust:3 }}]", "[  a  ][a  ][  a]"),
    ("{{ 'aa bb cc'|wordwrap:5 }}", "aa bb\ncc"),
    (
        "{{ 3.14159|stringformat:'.2f' }} {{ 7|stringformat:'03d' }} {{ 255|stringformat:'x' }}",
        "3.14 007 ff",
    ),
];

const NUMBERS: &[(&str, &str)] = &[
    ("{{ -1.2|abs }}", "1.2"),
    ("{{ 1|at_least:5.0 }} {{ 1|at_most:-1.0 }}", "5.0 -1.0"),
    ("{{ 5.01|ceil }} {{ 5.9|floor }}", "6.0 5.0"),
    ("{{ 5.5|round }} {{ 5.126|round(2) }}", "6.0 5.13"),
    ("{{ 5.123|round_up:2 }} {{ 5.129|round_down:2 }} {{ 5.12|round_up:2 }}", "5.13 5.12 5.12"),
    ("{{ '10'|divide:'2' }} {{ '10'|multiply:'2' }} {{ 'x'|multiply:2 }}", "5.0 20.0 0.0"),
    ("{{ 5|modulo:2 }} {{ 5|remainder:2 }}", "1.0 1.0"),
    ("{{ 1|floatadd:1.1 }} {{ 1|plus:1.1 }}", "2.1 2.1"),
    ("{{ 1.1|floatsub:1 }} {{ 1.1|minus:1 }}", "0.1 0.1"),
    ("{{ 4|add:'2' }} {{ 'a'|add:'b' }} {{ 4.9|add:1 }}", "6 ab 5"),
    (
        "{{ 34.23234|floatformat }} {{ 34.0|floatformat }} {{ '5.0003'|floatformat:2 }}",
        "34.2 34 5.00",
    ),
    ("{{ 1234567.891|floatformat:'2g' }} {{ 34.0|floatformat:-3 }}", "1,234,567.89 34"),
    ("{{ '.25'|percentize:2 }} {{ 0.5|percentize }}", "25.00% 50%"),
    ("{{ 3|gt:2 }} {{ 3|gte:3 }} {{ 3|lt:2 }} {{ 3|lte:2 }}", "true true false false"),
    ("{{ 21|divisibleby:'7' }}", "true"),
    ("{{ '7.9'|int }} {{ '7'|float }} {{ 'x'|int }}", "7 7.0 0"),
    ("{{ 123456789|get_digit:2 }}", "8"),
];

const LISTS: &[(&str, &str)] = &[
    ("{{ event.items|count }} {{ 'äbc'|length }} {{ event.nothing|size }}", "2 3 0"),
    ("{{ event.items|length_is:2 }}", "true"),
    ("{{ [1,2]|first }} {{ [1,2]|last }} {{ 'ab'|first }}", "1 2 a"),
    ("{{ 'ab'|list }} {{ 12|make_list }}", r#"["a","b"] ["1","2"]"#),
    ("{{ [1, none, 2]|compact }}", "[1,2]"),
    ("{{ [1]|concat([2, 3]) }} {{ 'a'|concat:'b' }}", "[1,2,3] ab"),
    ("{{ [1, 'b']|join:' & ' }}", "1 & b"),
    ("{{ ['apple','banana','orange']|list_to_string }}", "apple, banana and orange"),
    ("{{ event.items|list_where:'name=cap'|map:'price' }}", "[9.5]"),
    ("{{ event.items|dictfilter:'price>=20'|map:'name' }}", r#"["Hat"]"#),
    ("{{ event.items|dictfilter:'price=>9.5'|length }}", "2"),
    ("{{ [1,2,3]|sum_list }} {{ event.items|map:'price'|sum }}", "6.0 29.5"),
    ("{{ [3,1,2]|min }} {{ [3,1,2]|max }}", "1 3"),
    (
        "{{ [1,2,3]|slice:':2' }} {{ 'hello'|slice:'-3:' }} {{ [1,2,3]|slice:'::2' }}",
        "[1,2] llo [1,3]",
    ),
    ("{{ [1,2]|reverse }} {{ 'ab'|reverse }}", "[2,1] ba"),
    ("{{ [3,'b',1,'a']|sort }}", r#"[1,3,"a","b"]"#),
    ("{{ event.items|sort:'name'|map:'name' }}", r#"["Hat","cap"]"#),
    ("{{ event.items|sort_natural:'name'|map:'name' }}", r#"["cap","Hat"]"#),
    ("{{ event.items|dictsort:'price'|map:'price' }}", "[9.5,20]"),
    ("{{ event.items|dictsortreversed:'price'|map:'price' }}", "[20,9.5]"),
    ("{{ [1,1,'1']|uniq }} {{ [2,2]|unique }}", r#"[1,"1"] [2]"#),
    ("{{ event.nested|lookup:'c'|lookup:'1' }}", "x"),
];

const DATES: &[(&str, &str)] = &[
    ("{{ event.when|date:'m-d-Y g:i a' }}", "02-11-2016 4:46 p.m."),
    ("{{ event.when|format_date_string|date:'F d, o' }}", "February 11, 2016"),
    ("{{ event.when|date:'%d.%m.%Y' }} {{ event.when|date('d.m.Y') }}", "11.02.2016 11.02.2016"),
    (
        "{{ event.when|date:'D l jS w z W n M b N t y L H G h s u A f P O e c U' }}",
        "Thu Thursday 11th 4 42 6 2 Feb feb Feb. 29 16 True 16 16 04 08 000000 PM 4:46 4:46 p.m. -0500 -05 2016-02-11T16:46:08-05:00 1455227168",
    ),
    (r"{{ event.day|date:'\Y Y' }} {{ event.day|date }}", "Y 2026 March 1, 2026"),
    ("{{ event.when|time:'H:i' }} {{ event.when|time }}", "16:46 4:46 p.m."),
    (
        "{{ event.day|days_later:-1 }} {{ event.when|days_later:20 }}",
        "2026-02-28 2016-03-02T16:46:08-05:00",
    ),
    ("{{ '2026-06-20'|weeks_since }} {{ event.day|weeks_since:'2026-02-01' }}", "2 4"),
    (
        "{{ '04/13/2026'|datetime_from_string }} {{ 'April 13, 2026'|date:'Y-m-d' }}",
        "2026-04-13 2026-04-13",
    ),
    ("{{ 0|date:'H:i e' }} {{ now|date:'d' }}", "01:00 CET 04"),
    ("[{{ event.none|date:'Y' }}{{ ''|date:'Y' }}]", "[]"),
];

const ENCODINGS: &[(&str, &str)] = &[
    ("{{ 'a?~>'|base64_encode }} {{ 'YT9+Pg=='|base64_decode }}", "YT9+Pg== a?~>"),
    ("{{ 'a?~>'|base64_url_safe_encode }} {{ 'YT9-Pg'|base64_url_safe_decode }}", "YT9-Pg== a?~>"),
    ("{{ 'abc'|md5_hash }}", "900150983cd24fb0d6963f7d28e17f72"),
    ("{{ 'abc'|sha_1 }}", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    ("{{ 'abc'|sha_256 }}", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ("{{ 'a b/ü?'|urlencode }} {{ 'a/b'|urlencode:'' }}", "a%20b/%C3%BC%3F a%2Fb"),
    (
        "{{ 'a b+c'|urlencodeplus }} {{ 'a+b%2Bc'|urldecodeplus }} {{ 'a+%20'|urldecode }}|",
        "a+b%2Bc a b+c a+ |",
    ),
    (
        "{{ 'x.example'|httpize }} {{ 'x.example'|httpsize }} {{ 'https://y'|httpize }}",
        "http://x.example https://x.example https://y",
    ),
    ("{{ 'https://x/'|trim_slash }}", "https://x"),
    ("{{ '<a>'|escape }} {{ '<'|e }} {{ '<'|escape|escape }}", "&lt;a&gt; &lt; &lt;"),
    ("{{ '<'|force_escape|force_escape }}", "&amp;lt;"),
    ("{{ '&lt; & <'|escape_once }}", "&lt; &amp; &lt;"),
    ("{{ \"a'<\"|escapejs }}", r"a\u0027\u003C"),
    ("{{ event.lines|newline_to_br }} {{ '<\n'|linebreaksbr }}", "one<br>two &lt;<br>"),
    ("{{ '<a>'|safe }}", "<a>"),
    ("{{ event.nested|tojson }} {{ 'a\"'|json }}", r#"{"a":true,"b":null,"c":[1,"x"]} "a\"""#),
];

const GENERAL: &[(&str, &str)] = &[
    ("{{ event.nothing|default:'x' }} {{ 0|default('y') }} {{ 5|d:6 }}", "x y 5"),
    ("{{ event.none|default_if_none:'x' }} {{ 0|default_if_none:'x' }}", "x 0"),
    ("{{ person|lookup:'Favourite Colour' }}", "blue"),
];

#[test]
fn every_filter_makes_what_its_glossary_says() {
    let tables = [TEXTS, NUMBERS, LISTS, DATES, ENCODINGS, GENERAL];
    let mut used = BTreeSet::new();
    let all = tables.into_iter().flatten();
    all_equal(all.clone().map(|(source, expected)| {
        ((*source).to_owned(), plain(source), Ok((*expected).to_owned()))
    }));
    for (source, _) in all {
        let names = source.split('|').skip(1).map(|rest| {
            rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap()
        });
        used.extend(names.map(str::to_owned));
    }
    for spec in filters::all() {
        assert!(used.contains(spec.name), "no case for the filter `{}`", spec.name);
    }
}

#[test]
fn every_filter_is_in_the_documentation_and_once_only() {
    let page = include_str!("../mod.rs");
    let mut names = BTreeSet::new();
    for spec in filters::all() {
        assert!(page.contains(&format!("`{}`", spec.name)), "{} is not documented", spec.name);
        assert!(names.insert(spec.name), "{} stands twice", spec.name);
    }
}

#[test]
fn a_filter_that_can_not_work_says_why() {
    let cases = [
        ("{{ 5|divide:0 }}", "`divide`: nothing can be divided by zero"),
        ("{{ 'soon'|date:'Y' }}", "`date`: `soon` is no date"),
        (
            "{{ event.day|days_later:99999999999 }}",
            "`days_later`: the date lies outside of the calendar",
        ),
        ("{{ 'x'|abs }}", "`abs`: `x` is no number"),
        ("{{ event.items|abs }}", "`abs`: a number is needed, and this is a list"),
        (
            "{{ 5|first|map:'a' }}{{ 5|reverse }}",
            "`reverse`: a list is needed, and this is a number",
        ),
        (
            "{{ '!'|base64_decode }}",
            "`base64_decode`: the text is not Base64: Invalid symbol 33, offset 0.",
        ),
        (
            "{{ 'a'|find_replace:'a' }}",
            "`find_replace`: what is replaced by what is written as 'old|new'",
        ),
        ("{{ 'a'|slice:'x' }}", "`slice`: `x` is no slice: ':3', '1:3' and '-2:' are"),
        ("{{ 1e5|ceil }}", "`e5` is not expected here"),
    ];
    all_equal(cases.map(|(source, why)| (source.to_owned(), plain(source), Err(why.to_owned()))));
}

#[test]
fn a_wrong_filter_is_refused_with_advice() {
    let cases = [
        ("{{ x|lowr }}", "unknown filter `lowr`; did you mean `lower`?"),
        ("{{ x|zzzzzz }}", "unknown filter `zzzzzz`"),
        ("{{ x|lookup }}", "the filter `lookup` takes one argument, not 0"),
        ("{{ x|upper:'a' }}", "the filter `upper` takes no argument, not 1"),
        ("{{ x|lookup: 'a' }}", "no blank may stand after the filter's colon"),
        (
            "{{ x|lookup:'a'.0 }}",
            "no dot may follow a filter: go on with |lookup, as in |lookup:'0'",
        ),
        ("{{ x|default(value='a') }}", "arguments have no names here: write the values alone"),
    ];
    all_equal(cases.map(|(source, why)| (source.to_owned(), plain(source), Err(why.to_owned()))));
}
