//! The body of `POST /api/webhooks/{id}/rotate-secret`; every part of it may be left out.

use std::time::Duration;

use super::original::{Attributes, SIGNED_WITH};
use super::value::Durations;
use super::{Document, expect_type};
use crate::json::{self, Fault};
use crate::limits;
use crate::secret::Secret;
use crate::signing::Which;

/// How a secret is to be replaced; checked.
#[derive(Debug)]
pub struct Rotation {
    /// The new one; `None` has one made.
    pub(crate) secret: Option<Secret>,
    /// How long the old one stays good.
    pub(crate) overlap: Duration,
    /// Whose signature Klaviyo's header carries meanwhile. The old one's by default: when a
    /// rotation begins, receivers know no other.
    pub(crate) signs_klaviyo_with_previous: bool,
}

impl Rotation {
    /// Reads the body; one of no bytes asks for the defaults.
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(body: &[u8]) -> Result<Self, Fault> {
        if body.is_empty() {
            return Self::of(&Attributes::read(None)?);
        }
        let Document { data } = json::parse(body)?;
        expect_type(&data.kind)?;
        Self::of(&Attributes::read(data.attributes)?)
    }

    fn of(given: &Attributes) -> Result<Self, Fault> {
        const OVERLAPS: Durations = Durations {
            least: Duration::ZERO,
            most: limits::SECRET_OVERLAP_MAX,
            expected: "must be a duration from `0s` to `30d` (a number and s, m, h or d)",
        };
        given.expect_known(["secret_key", "overlap", "klaviyo_signed_with"].into_iter(), &[])?;
        let which = given.choice("klaviyo_signed_with", &SIGNED_WITH)?;
        Ok(Self {
            secret: given.secret()?,
            overlap: given.duration("overlap", OVERLAPS)?.unwrap_or(limits::SECRET_OVERLAP),
            signs_klaviyo_with_previous: which != Some(Which::Current),
        })
    }

    /// Whether the secret is to be made, and shown in the answer.
    #[must_use]
    pub const fn makes_secret(&self) -> bool {
        self.secret.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(attributes: &str) -> Result<Rotation, Fault> {
        let text = format!(r#"{{"data":{{"type":"webhook","attributes":{attributes}}}}}"#);
        Rotation::parse(text.as_bytes())
    }

    #[test]
    fn everything_may_be_left_out() {
        for rotation in [Rotation::parse(b""), parse("{}"), parse(r#"{"overlap":null}"#)] {
            let rotation = rotation.unwrap();
            assert!(rotation.makes_secret() && rotation.signs_klaviyo_with_previous);
            assert_eq!(rotation.overlap, Duration::from_secs(86_400));
        }
        let given = parse(
            r#"{"secret_key":"sixteen-letters!","overlap":"0s","klaviyo_signed_with":"current"}"#,
        );
        let given = given.unwrap();
        assert!(!given.makes_secret() && !given.signs_klaviyo_with_previous);
        assert_eq!(given.overlap, Duration::ZERO);
    }

    #[test]
    fn each_fault_points_at_its_field() {
        for (attributes, pointer) in [
            (r#"{"secret_key":"short"}"#, "/data/attributes/secret_key"),
            (r#"{"overlap":"31d"}"#, "/data/attributes/overlap"),
            (r#"{"overlap":24}"#, "/data/attributes/overlap"),
            (r#"{"klaviyo_signed_with":"both"}"#, "/data/attributes/klaviyo_signed_with"),
            ("3", "/data/attributes"),
        ] {
            assert_eq!(parse(attributes).unwrap_err().pointer, pointer, "{attributes}");
        }
        assert_eq!(Rotation::parse(br#"{"data":{"type":"x"}}"#).unwrap_err().pointer, "/data/type");
    }
}
