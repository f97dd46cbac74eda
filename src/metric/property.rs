//! The id of a property of a metric: 32 hexadecimal digits, as in the original.
//!
//! Properties are not stored, they are what the events of a metric have. So the id is made of what
//! it names: the six bytes of the metric's id and ten of a digest of the property's name. It leads
//! back to the metric; which of its properties it names is found by trying them.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::id::MetricId;

const DIGEST_BYTES: usize = 10;

/// The id of a property of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PropertyId {
    metric: MetricId,
    digest: [u8; DIGEST_BYTES],
}

impl PropertyId {
    /// The id of the property of this name.
    #[must_use]
    pub fn of(metric: MetricId, name: &str) -> Self {
        let whole = Sha256::digest(name.as_bytes());
        let mut digest = [0; DIGEST_BYTES];
        digest.iter_mut().zip(whole).for_each(|(byte, from)| *byte = from);
        Self { metric, digest }
    }

    /// The metric.
    #[must_use]
    pub const fn metric(&self) -> MetricId {
        self.metric
    }
}

impl fmt::Display for PropertyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.metric.as_bytes().iter().chain(&self.digest);
        bytes.into_iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text that is not the id of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPropertyId;

impl FromStr for PropertyId {
    type Err = InvalidPropertyId;

    fn from_str(text: &str) -> Result<Self, InvalidPropertyId> {
        let digits = |pair: &[u8]| {
            let text = std::str::from_utf8(pair).ok()?;
            let is_plain = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            if is_plain { u8::from_str_radix(text, 16).ok() } else { None }
        };
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(digits).collect();
        let bytes: [u8; 16] =
            bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(InvalidPropertyId)?;
        let (metric, digest) = bytes.split_first_chunk::<6>().ok_or(InvalidPropertyId)?;
        let metric = std::str::from_utf8(metric).ok().and_then(|metric| metric.parse().ok());
        let digest = digest.try_into().map_err(|_| InvalidPropertyId)?;
        Ok(Self { metric: metric.ok_or(InvalidPropertyId)?, digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_its_metric_and_its_property() {
        let metric: MetricId = "SkDfHe".parse().unwrap();
        let id = PropertyId::of(metric, "Categories");
        let text = id.to_string();
        assert_eq!((text.len(), text.get(..12)), (32, Some("536b44664865")));
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(id.metric(), metric);
        assert_ne!(id, PropertyId::of(metric, "categories"));
        let odd = format!("{text}0");
        let upper = text.to_uppercase();
        for wrong in ["", "x", &odd, &upper, "925e385b52fb405715f3616c337cc65c"] {
            assert_eq!(wrong.parse::<PropertyId>(), Err(InvalidPropertyId), "{wrong}");
        }
    }
}
