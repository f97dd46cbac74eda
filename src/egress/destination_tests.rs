//! What may be saved as a destination: tables of URLs with the form or the rule they meet.

use super::*;

fn parse_with(text: &str, policy: &Policy) -> Result<String, DestinationError> {
    Destination::parse(text, policy).map(|destination| destination.as_str().to_owned())
}

fn parse(text: &str) -> Result<String, DestinationError> {
    parse_with(text, &Policy::default())
}

#[test]
fn accepts_and_normalises() {
    for (text, normal) in [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://Example.COM:443/Hook?a=b", "https://example.com/Hook?a=b"),
        ("https://example.com:8443/{x}|~", "https://example.com:8443/%7Bx%7D|~"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://0x8.010.2056/", "https://8.8.8.8/"),
        ("https://[2606:4700::1111]:9/", "https://[2606:4700::1111]:9/"),
        ("https://under_score.example./x", "https://under_score.example./x"),
        ("https://printer.local/", "https://printer.local/"),
        ("https://api.corp.internal/", "https://api.corp.internal/"),
        ("https://localhost.example/", "https://localhost.example/"),
        ("https://127.0.0.1.example/", "https://127.0.0.1.example/"),
        ("https://example.com/%0d%0aHost:x", "https://example.com/%0d%0aHost:x"),
        ("https://example.com/@evil.example", "https://example.com/@evil.example"),
    ] {
        assert_eq!(parse(text).as_deref(), Ok(normal), "{text}");
    }
}

#[test]
fn refuses_with_the_rule_that_is_broken() {
    use DestinationError as Rule;
    let long = format!("https://example.com/{}", "a".repeat(DESTINATION_BYTES_MAX));
    let grows = format!("https://example.com/{}", "ü".repeat(DESTINATION_BYTES_MAX / 3));
    let label = format!("https://{}.example/", "a".repeat(64));
    for (text, rule) in [
        (long.as_str(), Rule::TooLong),
        (grows.as_str(), Rule::TooLong),
        ("", Rule::Scheme),
        ("/hook", Rule::Scheme),
        ("//example.com/hook", Rule::Scheme),
        ("example.com/hook", Rule::Scheme),
        ("https:example.com", Rule::Scheme),
        ("ftp://example.com", Rule::Scheme),
        ("file:///etc/passwd", Rule::Scheme),
        ("gopher://example.com:25/", Rule::Scheme),
        (" https://example.com", Rule::Scheme),
        ("http\ts://example.com", Rule::Scheme),
        ("http://example.com", Rule::PlainHttp),
        ("https://exam\tple.com/", Rule::Malformed),
        ("https://example.com/a\r\nHost: x", Rule::Malformed),
        ("https://example.com/\n", Rule::Malformed),
        ("https://example.com/\u{0}", Rule::Malformed),
        ("https://example.com/\u{85}", Rule::Malformed),
        ("https://example.com/\u{2028}", Rule::Malformed),
        ("https://exam%0aple.com/", Rule::Malformed),
        ("https://exam%00ple.com/", Rule::Malformed),
        ("https://example.com\\@evil.example/", Rule::Malformed),
        ("https:\\\\example.com/", Rule::Scheme),
        ("https://", Rule::Malformed),
        ("https://example.com:0/", Rule::Malformed),
        ("https://example.com:99999/", Rule::Malformed),
        ("https://user@example.com/", Rule::UserInfo),
        ("https://:secret@example.com/", Rule::UserInfo),
        ("https://example.com@evil.example/", Rule::UserInfo),
        ("https://example.com/#", Rule::Fragment),
        ("https://a..b/", Rule::Host),
        (&label, Rule::Host),
    ] {
        assert_eq!(parse(text), Err(rule), "{text}");
    }
}

#[test]
fn judges_literal_addresses_in_every_spelling() {
    for text in [
        "https://127.0.0.1/",
        "https://127.0.0.1./",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0X7F.0.0.1/",
        "https://017700000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.1/",
        "https://0/",
        "https://0x0/",
        "https://10.1/",
        "https://0xa9fea9fe/",
        "https://2852039166/",
        "https://0251.0376.0251.0376/",
        "https://%31%32%37.0.0.1/",
        "https://127%2e0%2e0%2e1/",
        "https://127。0。0。1/",
        "https://１２７.0.0.1/",
        "https://①②⑦.0.0.①/",
        "https://[::]/",
        "https://[::1]/",
        "https://[0:0:0:0:0:0:0:1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[::ffff:0:10.0.0.1]/",
        "https://[::127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[64:ff9b:1::a00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[fd00:ec2::254]/",
        "https://[fe80::1]/",
    ] {
        assert!(matches!(parse(text), Err(DestinationError::Refused(_))), "{text}");
    }
}

#[test]
fn an_address_with_a_zone_or_without_an_end_is_no_address() {
    for text in [
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://[2606:4700::1111%251]/",
        "https://[::1/",
        "https://::1/",
        "https://[127.0.0.1]/",
        "https://256.0.0.1/",
        "https://1.2.3.4.5/",
        "https://0x100000000/",
        "https://09.0.0.1/",
    ] {
        assert_eq!(parse(text), Err(DestinationError::Malformed), "{text}");
    }
}

#[test]
fn local_names_need_a_policy_that_can_permit_them() {
    use DestinationError as Rule;
    let loopback = Policy { allow_loopback: true, ..Policy::default() };
    let network = Policy { allow: vec!["10.0.0.0/8".parse().unwrap()], ..Policy::default() };
    for (text, by_default, with_loopback) in [
        ("https://localhost/", Err(Rule::Localhost), Ok(())),
        ("https://LOCALHOST:8443/", Err(Rule::Localhost), Ok(())),
        ("https://localhost./", Err(Rule::Localhost), Ok(())),
        ("https://a.b.localhost/", Err(Rule::Localhost), Ok(())),
        ("https://a.localhost./", Err(Rule::Localhost), Ok(())),
        ("https://ⓛocalhost/", Err(Rule::Localhost), Ok(())),
        ("https://intranet/", Err(Rule::SingleLabel), Err(Rule::SingleLabel)),
        ("https://intranet./", Err(Rule::SingleLabel), Err(Rule::SingleLabel)),
        ("https://ai/", Err(Rule::SingleLabel), Err(Rule::SingleLabel)),
    ] {
        assert_eq!(parse(text).map(|_| ()), by_default, "{text}");
        assert_eq!(parse_with(text, &loopback).map(|_| ()), with_loopback, "{text}");
        assert!(parse_with(text, &network).is_ok(), "{text}");
    }
}

#[test]
fn a_refused_name_is_told_with_the_way_out() {
    for text in ["https://localhost/", "https://intranet/"] {
        let told = parse(text).unwrap_err().to_string();
        assert!(told.contains("egress.allow"), "{told}");
    }
}

#[test]
fn a_look_alike_is_shown_for_what_it_is() {
    // The first letter is Cyrillic.
    let destination = Destination::parse("https://аpple.com/hook", &Policy::default()).unwrap();
    assert_eq!(destination.as_str(), "https://xn--pple-43d.com/hook");
    assert_eq!(destination.origin(), "https://xn--pple-43d.com");
    assert_eq!(format!("{destination:?}"), r#"Destination("https://xn--pple-43d.com")"#);
}

#[test]
fn shows_no_secrets() {
    let url = "https://hooks.example/T0KEN?key=T0KEN";
    let destination = Destination::parse(url, &Policy::default()).unwrap();
    assert_eq!(destination.origin(), "https://hooks.example");
    assert!(!format!("{destination:?}").contains("T0KEN"));
}
