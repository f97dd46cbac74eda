//! Secrets in memory: a string that is wiped when dropped and never prints itself.
//!
//! It is not a store of secrets; sealing them at rest is the work of those who write rows. It has
//! no `Display` and no `Serialize`, so the only way to the text is [`Secret::expose`], which a
//! reviewer can search for. Keeps the invariant that secrets are never printed.

use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A signing secret, key or password, as text.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of the text; the memory is wiped when the last clone of it is dropped.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Whoever calls this must not log, print or store the result in the clear.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Compared in constant time, so that how long it takes tells nothing but whether the lengths agree.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_the_text() {
        let secret = Secret::new("klaviyo-test-secret".to_owned());
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(format!("{:?}", Some(secret.clone())), "Some(Secret(…))");
        assert_eq!(secret.expose(), "klaviyo-test-secret");
    }

    #[test]
    fn secrets_are_equal_where_their_texts_are() {
        let secret = |text: &str| Secret::new(text.to_owned());
        assert_eq!(secret("a"), secret("a"));
        for other in ["b", "", "aa"] {
            assert_ne!(secret("a"), secret(other), "{other}");
        }
    }
}
