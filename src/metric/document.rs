//! A metric as the API and the deliveries show it (contract: wire.md §4.4).

use serde_json::{Value, json};

use super::{API_SERVICE, FIRST_PARTY_SERVICE, Metric};

impl Metric {
    /// The attributes of the metric's resource.
    #[must_use]
    pub fn attributes(&self) -> Value {
        json!({
            "name": self.name,
            "created": self.created.rfc3339_seconds(),
            "updated": self.created.rfc3339_seconds(),
            "integration": {
                "object": "integration",
                "id": self.service,
                "key": self.service,
                "name": self.integration_name(),
                "category": self.integration_category(),
            },
        })
    }

    /// The metric's resource object; `base` is the public URL without a slash at its end.
    #[must_use]
    pub fn resource(&self, base: &str) -> Value {
        json!({
            "type": "metric",
            "id": self.id.to_string(),
            "attributes": self.attributes(),
            "links": { "self": format!("{base}/api/metrics/{}/", self.id) },
        })
    }

    /// The name of the integration that the metric belongs to.
    #[must_use]
    pub fn integration_name(&self) -> &str {
        match self.service.as_str() {
            API_SERVICE => "API",
            FIRST_PARTY_SERVICE => "Klaviyo",
            other => other,
        }
    }

    /// The category of the integration that the metric belongs to.
    #[must_use]
    pub fn integration_category(&self) -> &'static str {
        match self.service.as_str() {
            API_SERVICE => "API",
            FIRST_PARTY_SERVICE => "Internal",
            _ => "Custom",
        }
    }
}
