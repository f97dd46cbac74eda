//! Filters that write a text in another form: hashes, Base64, URLs, HTML, JSON.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use md5::Md5;
use minijinja::value::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::super::sink::{html_escaped, percent_encoded};
use super::super::values::{self, Told, Written, check_bytes};
use super::{FilterSpec, Surroundings, filter, of_nothing};
use crate::limits::TEMPLATE_VALUE_BYTES_MAX;

pub(super) const FILTERS: &[FilterSpec] = &[
    filter("base64_encode", (0, 0), |s, v, _| Ok(STANDARD.encode(&*s.text(v)?).into())),
    filter("base64_url_safe_encode", (0, 0), |s, v, _| Ok(URL_SAFE.encode(&*s.text(v)?).into())),
    filter("base64_decode", (0, 0), |s, v, _| decoded(&s.text(v)?, &base64::alphabet::STANDARD)),
    filter("base64_url_safe_decode", (0, 0), |s, v, _| {
        decoded(&s.text(v)?, &base64::alphabet::URL_SAFE)
    }),
    filter("md5_hash", (0, 0), |s, v, _| Ok(hex(&Md5::digest(&*s.text(v)?)).into())),
    filter("sha_1", (0, 0), |s, v, _| Ok(hex(&Sha1::digest(&*s.text(v)?)).into())),
    filter("sha_256", (0, 0), |s, v, _| Ok(hex(&Sha256::digest(&*s.text(v)?)).into())),
    filter("urlencode", (0, 1), url_encoded),
    filter("urlencodeplus", (0, 0), |s, v, _| {
        made(percent_encoded(&s.text(v)?).replace("%20", "+"))
    }),
    filter("urldecode", (0, 0), |s, v, _| url_decoded(&s.text(v)?)),
    filter("urldecodeplus", (0, 0), |s, v, _| url_decoded(&s.text(v)?.replace('+', " "))),
    filter("httpize", (0, 0), |s, v, _| Ok(with_scheme(&s.text(v)?, "http://").into())),
    filter("httpsize", (0, 0), |s, v, _| Ok(with_scheme(&s.text(v)?, "https://").into())),
    filter("trim_slash", (0, 0), |s, v, _| Ok(s.text(v)?.trim_end_matches('/').into())),
    filter("escape", (0, 0), escape),
    filter("e", (0, 0), escape),
    filter("force_escape", (0, 0), |s, v, _| safe_of(html_escaped(&s.text(v)?))),
    filter("escape_once", (0, 0), |s, v, _| safe_of(escaped_once(&s.text(v)?))),
    filter("escapejs", (0, 0), |s, v, _| safe_of(js_escaped(&s.text(v)?))),
    filter("newline_to_br", (0, 0), with_breaks),
    filter("linebreaksbr", (0, 0), with_breaks),
    filter("safe", (0, 0), safe),
    of_nothing("tojson", (0, 0), |_, v, _| Ok(Written::by_filter(values::json(v)?))),
    of_nothing("json", (0, 0), |_, v, _| Ok(Written::by_filter(values::json(v)?))),
];

/// A text that may have become longer than its value.
fn made(text: String) -> Told<Value> {
    check_bytes(text.len(), TEMPLATE_VALUE_BYTES_MAX)?;
    Ok(text.into())
}

fn safe_of(text: String) -> Told<Value> {
    check_bytes(text.len(), TEMPLATE_VALUE_BYTES_MAX)?;
    Ok(Value::from_safe_string(text))
}

/// Not escaped for HTML. What was written as JSON or as a number stays that.
fn safe(s: &Surroundings, value: &Value, _: &[Value]) -> Told<Value> {
    if let Some(written) = value.downcast_object_ref::<Written>() {
        return Ok(Written::literal(&written.text));
    }
    match values::string(value) {
        Some(text) => Ok(Value::from_safe_string(text.to_owned())),
        None if s.style == values::Style::Json => Ok(value.clone()),
        None => Ok(Value::from_safe_string(s.text(value)?.into_owned())),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decoded(text: &str, alphabet: &base64::alphabet::Alphabet) -> Told<Value> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let bytes = GeneralPurpose::new(alphabet, lenient).decode(text.trim());
    let bytes = bytes.map_err(|error| format!("the text is not Base64: {error}"))?;
    let text = String::from_utf8(bytes);
    text.map(Value::from).map_err(|_| "the Base64 does not hold a text".to_owned())
}

/// Django's: `/` stays, unless the argument says which characters do.
fn url_encoded(s: &Surroundings, value: &Value, args: &[Value]) -> Told<Value> {
    let kept = args.first().map_or_else(|| Ok("/".into()), |kept| s.text(kept))?;
    let mut encoded = String::new();
    for c in s.text(value)?.chars() {
        if c.is_ascii() && kept.contains(c) {
            encoded.push(c);
        } else {
            encoded.push_str(&percent_encoded(c.encode_utf8(&mut [0; 4])));
        }
    }
    made(encoded)
}

fn url_decoded(text: &str) -> Told<Value> {
    let text = percent_encoding::percent_decode_str(text).decode_utf8();
    text.map(|text| text.into_owned().into()).map_err(|_| "the URL holds no text".to_owned())
}

fn with_scheme(url: &str, scheme: &str) -> String {
    let bare = url.strip_prefix("//").unwrap_or(url);
    if bare.is_empty() || bare.contains("://") {
        bare.to_owned()
    } else {
        format!("{scheme}{bare}")
    }
}

/// Escaped once, here or on its way out, as Django's `escape`.
fn escape(s: &Surroundings, value: &Value, _: &[Value]) -> Told<Value> {
    if value.is_safe() { Ok(value.clone()) } else { safe_of(html_escaped(&s.text(value)?)) }
}

/// Escapes all but what is an entity already.
fn escaped_once(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, part) in text.split('&').enumerate() {
        if index > 0 {
            let entity = part.split_once(';').map_or("", |(name, _)| name);
            let name = entity.strip_prefix('#').unwrap_or(entity);
            let is_entity = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
            escaped.push_str(if is_entity { "&" } else { "&amp;" });
        }
        escaped.push_str(&html_escaped(part));
    }
    escaped
}

fn js_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        let is_special = "\\'\"><&=-;`\u{2028}\u{2029}".contains(c) || c < ' ';
        if is_special {
            escaped.push_str(&format!("\\u{:04X}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

fn with_breaks(s: &Surroundings, value: &Value, _: &[Value]) -> Told<Value> {
    let text = s.text(value)?;
    let escaped = if value.is_safe() { text.into_owned() } else { html_escaped(&text) };
    safe_of(escaped.replace("\r\n", "\n").replace('\n', "<br>"))
}
