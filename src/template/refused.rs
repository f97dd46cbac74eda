//! Tags and filters that people know from Klaviyo, Django, Jinja or Liquid and that are not here,
//! each with the reason and what to do instead.

/// What concerns messages to people.
const OF_MESSAGES: &str = "belongs to messages, and a webhook has none: leave it out";
/// What needs a catalogue of products.
const OF_CATALOGUES: &str =
    "needs a catalogue, which there is none of: send what is in the event instead";
const OF_COUPONS: &str = "is not supported in webhooks, as in Klaviyo: there are no coupons here";
const OF_OBJECTS: &str = "needs custom objects, which there are none of: use person or event";
const OF_FILES: &str = "would take in another template, and each stands alone here";
const OF_CODE: &str = "is not supported: templates define nothing that can be called";
const OF_CAPTURES: &str = "is not supported, so that every output is escaped where it stands";
const OF_HTML: &str = "makes HTML of a message, and is not supported in webhooks";
const OF_RANDOM: &str = "is not supported: a retry has to send the same request again";

/// Tags that are refused, and why.
const TAGS: &[(&str, &str)] = &[
    ("unsubscribe", OF_MESSAGES),
    ("unsubscribe_link", OF_MESSAGES),
    ("manage_preferences", OF_MESSAGES),
    ("manage_preferences_link", OF_MESSAGES),
    ("web_view", OF_MESSAGES),
    ("web_view_link", OF_MESSAGES),
    ("update_property_link", OF_MESSAGES),
    ("barcode", OF_MESSAGES),
    ("render_variable", OF_MESSAGES),
    ("catalog", OF_CATALOGUES),
    ("has_category", OF_CATALOGUES),
    ("coupon_code", OF_COUPONS),
    ("customobject", OF_OBJECTS),
    ("customobjects", OF_OBJECTS),
    ("web_feed", "is not supported in webhooks, as in Klaviyo: there are no web feeds here"),
    ("currency_format", "is not supported: write the currency and |floatformat:2"),
    ("include", OF_FILES),
    ("extends", OF_FILES),
    ("block", OF_FILES),
    ("import", OF_FILES),
    ("from", OF_FILES),
    ("load", "is not needed: all filters and tags are there"),
    ("macro", OF_CODE),
    ("call", OF_CODE),
    ("do", OF_CODE),
    ("filter", OF_CAPTURES),
    ("capture", OF_CAPTURES),
    ("elsif", "is Liquid's word: write `elif`"),
    ("elseif", "is not a word here: write `elif`"),
    ("assign", "is Liquid's word: write `{% with name=value %}` or `{% set name = value %}`"),
    ("unless", "is Liquid's word: write `{% if not … %}`"),
    ("break", "is not supported: cut the list with |slice"),
    ("continue", "is not supported: put the rest into `{% if … %}`"),
    ("url", "needs Django's routes, which there are none of"),
    ("static", "needs Django's files, which there are none of"),
    ("csrf_token", "needs Django's forms, which there are none of"),
    ("lorem", OF_RANDOM),
    ("regroup", "is not supported: group the list before it is sent as an event"),
    ("resetcycle", "is not supported: use forloop.counter0 and `%`"),
    ("debug", "is not supported: write `{{ event }}` to see what there is"),
    ("trans", "is not supported: there are no translations here"),
    ("translate", "is not supported: there are no translations here"),
    ("blocktrans", "is not supported: there are no translations here"),
];

/// Filters that are refused, and why.
const FILTERS: &[(&str, &str)] = &[
    ("missing_image", OF_CATALOGUES),
    ("missing_product_image", OF_CATALOGUES),
    ("catalog", OF_CATALOGUES),
    ("coupon_code", OF_COUPONS),
    ("random", OF_RANDOM),
    ("json_script", OF_HTML),
    ("unordered_list", OF_HTML),
    ("urlize", OF_HTML),
    ("urlizetrunc", OF_HTML),
    ("linenumbers", OF_HTML),
    ("linebreaks", OF_HTML),
    ("truncatechars_html", OF_HTML),
    ("truncatewords_html", OF_HTML),
    ("safeseq", OF_HTML),
    ("pprint", "is not supported: use |tojson"),
    ("phone2numeric", "is not supported: phone numbers are kept as E.164"),
    ("iriencode", "is not supported: use |urlencode"),
    ("filesizeformat", "is not supported: divide with |divide and |floatformat"),
    ("timesince", "is not supported: its words change while a request waits; use |date"),
    ("timeuntil", "is not supported: its words change while a request waits; use |date"),
    ("currency_format", "is not supported: write the currency and |floatformat:2"),
    ("groupby", "is not supported: group the list before it is sent as an event"),
    ("batch", "is not supported: cut the list with |slice"),
    ("attr", "is not supported: use |lookup"),
    ("format", "is not supported: use |stringformat"),
    ("xmlattr", OF_HTML),
];

fn find(table: &[(&str, &'static str)], name: &str) -> Option<String> {
    let (_, why) = table.iter().find(|(refused, _)| *refused == name)?;
    Some(format!("`{name}` {why}"))
}

/// Why the tag is refused, where it is one that people know.
pub(super) fn tag(name: &str) -> Option<String> {
    find(TAGS, name)
}

/// Why the filter is refused, where it is one that people know.
pub(super) fn filter(name: &str) -> Option<String> {
    find(FILTERS, name)
}

#[cfg(test)]
mod tests {
    use super::super::{Escaping, TextKind, check_text};
    use super::*;

    #[test]
    fn every_refused_tag_and_filter_is_refused_by_its_name() {
        let refusal = |source: &str| {
            let fault = check_text(source, TextKind::Json, Escaping::Context).unwrap_err();
            assert_eq!(fault.line, 1, "{source}");
            fault.message
        };
        for (name, why) in TAGS {
            assert_eq!(refusal(&format!("{{% {name} x %}}")), format!("`{name}` {why}"));
        }
        for (name, why) in FILTERS {
            assert_eq!(refusal(&format!("{{{{ x|{name} }}}}")), format!("`{name}` {why}"));
        }
    }
}
