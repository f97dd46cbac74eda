//! The names of the signature schemes, and sets of them.
//!
//! Names are what the API, the store and the command line call a scheme; they never change.

use std::fmt;

/// A way to sign a delivery; the module's description says what each of them signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// The original's own.
    Klaviyo,
    /// Standard Webhooks with a shared secret (`v1`).
    Standard,
    /// Standard Webhooks with a key pair (`v1a`).
    Ed25519,
    /// GitHub's.
    Github,
    /// Stripe's.
    Stripe,
}

impl Scheme {
    /// Every scheme, in the order of their headers.
    pub const ALL: [Self; 5] =
        [Self::Klaviyo, Self::Standard, Self::Ed25519, Self::Github, Self::Stripe];

    /// The name for people and programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Klaviyo => "klaviyo",
            Self::Standard => "standard",
            Self::Ed25519 => "ed25519",
            Self::Github => "github",
            Self::Stripe => "stripe",
        }
    }

    /// The scheme of that name, exactly.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.name() == name)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of schemes, in one byte.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Schemes(u8);

impl Schemes {
    /// No scheme at all.
    pub const NONE: Self = Self(0);

    /// This set and one scheme more.
    #[must_use]
    pub const fn with(self, scheme: Scheme) -> Self {
        Self(self.0 | scheme.bit())
    }

    /// Whether the scheme is in the set.
    #[must_use]
    pub const fn contains(self, scheme: Scheme) -> bool {
        self.0 & scheme.bit() != 0
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The schemes of the set, in the order of [`Scheme::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scheme> {
        Scheme::ALL.into_iter().filter(move |scheme| self.contains(*scheme))
    }
}

impl Default for Schemes {
    /// What the original signs with, and the standard: any receiver of webhooks knows one of them.
    fn default() -> Self {
        Self::NONE.with(Scheme::Klaviyo).with(Scheme::Standard)
    }
}

impl FromIterator<Scheme> for Schemes {
    fn from_iter<I: IntoIterator<Item = Scheme>>(schemes: I) -> Self {
        schemes.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Schemes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sets_are_read_back() {
        for scheme in Scheme::ALL {
            assert_eq!(Scheme::from_name(scheme.name()), Some(scheme));
            let others: Schemes = Scheme::ALL.into_iter().filter(|one| *one != scheme).collect();
            assert!(!others.contains(scheme));
            assert!(Scheme::ALL.into_iter().all(|one| others.with(scheme).contains(one)));
        }
        for wrong in ["", "Klaviyo", "v1", "ed25519 "] {
            assert_eq!(Scheme::from_name(wrong), None);
        }
        let names: Vec<_> = Schemes::default().iter().map(Scheme::name).collect();
        assert_eq!(names, ["klaviyo", "standard"]);
        assert!(Schemes::NONE.is_empty() && !Schemes::default().is_empty());
        assert_eq!(format!("{:?}", Schemes::default()), "{Klaviyo, Standard}");
    }
}
