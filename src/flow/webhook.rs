//! The webhook of a flow: a request that templates make, and how it is sent.
//!
//! To delivery it is a webhook like a subscription (`WebhookId::of_action`), with an endpoint, a
//! schedule and signatures; only its request comes ready-made. Header values without a tag are the
//! same in every request: they stay with the webhook, sealed, and are never stored with a delivery.

use serde_json::{Map, Value, json};

use super::outputs::Outputs;
use super::{Flow, message_id};
use crate::id::ActionId;
use crate::id::WebhookId;
use crate::secret::Secret;
use crate::template::{Escaping, RequestTemplate};
use crate::webhook::{MASK, Settings, Webhook};

/// The request of a webhook step, and how it is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookStep {
    /// Its name, for people.
    pub name: Option<String>,
    /// The template of the address. Scheme, host and port stand in it as they are.
    pub url: String,
    /// The templates of the query, besides what the address has.
    pub query: Vec<(String, String)>,
    /// The templates of the headers.
    pub headers: Vec<(String, Secret)>,
    /// The template of the body.
    pub body: Option<String>,
    /// How values become part of the request.
    pub escaping: Escaping,
    /// What later actions may use of the response.
    pub outputs: Outputs,
    /// How it is sent; without headers.
    pub settings: Settings,
    /// What `settings` was read from, which is what the API shows.
    pub settings_json: Map<String, Value>,
}

/// Whether a text has a tag, so that it is another one in every request.
fn has_tag(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|tag| text.contains(tag))
}

/// Whether a header is part of the rendered request: it differs, or decides how the body is made.
fn is_rendered(name: &str, value: &str) -> bool {
    has_tag(value) || name.eq_ignore_ascii_case("content-type")
}

/// The literal beginning of an address: all that comes before its first tag.
#[must_use]
pub(super) fn literal_part(url: &str) -> &str {
    let first = ["{{", "{%", "{#"].iter().filter_map(|tag| url.find(tag)).min();
    first.and_then(|at| url.get(..at)).unwrap_or(url)
}

/// The address without path and query: what a request may not leave.
#[must_use]
pub(super) fn origin(url: &str) -> String {
    let literal = literal_part(url);
    let authority = literal.match_indices("://").next().map_or(0, |(at, colon)| at + colon.len());
    let rest = literal.get(authority..).unwrap_or_default();
    let ends = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    format!("{}/", literal.get(..authority + ends).unwrap_or(literal))
}

impl WebhookStep {
    /// What is rendered for each request.
    #[must_use]
    pub fn template(&self, is_strict: bool) -> RequestTemplate {
        let headers = self.headers.iter().filter(|(name, value)| is_rendered(name, value.expose()));
        self.template_with(headers, is_strict)
    }

    /// Everything that a template may stand in, to be checked.
    #[must_use]
    pub fn whole_template(&self, is_strict: bool) -> RequestTemplate {
        self.template_with(self.headers.iter(), is_strict)
    }

    fn template_with<'a>(
        &self,
        headers: impl Iterator<Item = &'a (String, Secret)>,
        is_strict: bool,
    ) -> RequestTemplate {
        RequestTemplate {
            url: self.url.clone(),
            query: self.query.clone(),
            headers: headers
                .map(|(name, value)| (name.clone(), value.expose().to_owned()))
                .collect(),
            body: self.body.clone().unwrap_or_default(),
            escaping: self.escaping,
            is_strict,
        }
    }

    /// The webhook that delivery knows.
    #[must_use]
    pub fn webhook(&self, flow: &Flow, action: ActionId) -> Webhook {
        let fixed = self.headers.iter().filter(|(name, value)| !is_rendered(name, value.expose()));
        let settings = Settings {
            headers: fixed.cloned().collect(),
            captures_response: !self.outputs.is_empty(),
            ..self.settings.clone()
        };
        Webhook {
            id: WebhookId::of_action(action),
            name: self.name.clone().unwrap_or_else(|| format!("{} / {action}", flow.name)),
            description: None,
            endpoint_url: origin(&self.url),
            secrets: flow.secrets.clone(),
            enabled: true,
            disabled: None,
            skip_before: None,
            topics: Vec::new(),
            settings,
            created: flow.created,
            updated: flow.updated,
            flow: Some(flow.id),
        }
    }

    /// The message as JSON. Header values without a tag are masked unless they are to be stored.
    #[must_use]
    pub fn to_json(&self, action: ActionId, shows_secrets: bool) -> Value {
        let value = |text: &Secret| match text.expose() {
            text if shows_secrets || has_tag(text) => text.to_owned(),
            _ => MASK.to_owned(),
        };
        let headers: Map<String, Value> = self
            .headers
            .iter()
            .map(|(name, text)| {
                let shown = if name.eq_ignore_ascii_case("content-type") {
                    text.expose().to_owned()
                } else {
                    value(text)
                };
                (name.clone(), json!(shown))
            })
            .collect();
        let mut message = json!({
            "url": self.url,
            "headers": headers,
            "body": self.body,
            "name": self.name,
            "id": message_id(action),
        });
        let members = message.as_object_mut().expect("it was made as an object");
        members.extend(self.own_members());
        message
    }

    /// What the message says beyond the original.
    #[must_use]
    pub(super) fn own_members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        if !self.query.is_empty() {
            let pair = |(name, value): &(String, String)| (name.clone(), json!(value));
            members.insert("query".to_owned(), self.query.iter().map(pair).collect());
        }
        if self.escaping == Escaping::Klaviyo {
            members.insert("escaping".to_owned(), json!("klaviyo"));
        }
        if !self.outputs.is_empty() {
            members.insert("outputs".to_owned(), self.outputs.to_json());
        }
        members.extend(self.settings_json.clone());
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_what_stands_before_the_path() {
        for (url, expected) in [
            ("https://a.example/x/{{ person.id }}", "https://a.example/"),
            ("https://a.example:8443?q={{ x }}", "https://a.example:8443/"),
            ("https://a.example", "https://a.example/"),
            ("http://127.0.0.1:80/{% if x %}a{% endif %}", "http://127.0.0.1:80/"),
        ] {
            assert_eq!(origin(url), expected);
        }
    }

    #[test]
    fn a_header_is_rendered_where_it_differs() {
        assert!(is_rendered("X-Id", "{{ person.id }}"));
        assert!(is_rendered("content-type", "text/plain"));
        assert!(!is_rendered("Authorization", "Bearer abc"));
    }
}
