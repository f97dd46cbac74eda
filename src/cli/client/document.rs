//! The shapes of JSON:API that answers come in, as far as the commands read them.
//!
//! What a command does not read is skipped, so that a newer daemon can say more. The attributes
//! are types of the commands.

use serde::Deserialize;

/// Where the relationships of a resource are not read.
pub(in crate::cli) type Nothing = serde::de::IgnoredAny;

/// A document with one resource.
#[derive(Debug, Deserialize)]
#[serde(bound = "A: Deserialize<'de>, R: Default + Deserialize<'de>")]
pub(in crate::cli) struct One<A, R = Nothing> {
    /// The resource.
    pub(in crate::cli) data: Resource<A, R>,
}

/// A document with several resources.
#[derive(Debug, Deserialize)]
#[serde(bound = "A: Deserialize<'de>, R: Default + Deserialize<'de>")]
pub(in crate::cli) struct Many<A, R = Nothing> {
    /// The resources.
    pub(in crate::cli) data: Vec<Resource<A, R>>,
}

/// One resource.
#[derive(Debug, Deserialize)]
pub(in crate::cli) struct Resource<A, R = Nothing> {
    /// Its id.
    pub(in crate::cli) id: String,
    /// Its attributes.
    pub(in crate::cli) attributes: A,
    /// Its relationships.
    #[serde(default)]
    pub(in crate::cli) relationships: R,
}

/// A relationship to one resource or none (`T` an option), or to several (`T` a list).
#[derive(Debug, Default, Deserialize)]
pub(in crate::cli) struct Reference<T = Option<Identifier>> {
    /// What is referred to.
    #[serde(default)]
    pub(in crate::cli) data: T,
}

impl Reference {
    /// The id of the other resource.
    pub(in crate::cli) fn id(&self) -> Option<&str> {
        self.data.as_ref().map(|other| other.id.as_str())
    }
}

impl Reference<Vec<Identifier>> {
    /// The ids of the other resources, in the order they came.
    pub(in crate::cli) fn ids(&self) -> Vec<&str> {
        self.data.iter().map(|other| other.id.as_str()).collect()
    }
}

/// The other resource of a relationship.
#[derive(Debug, Deserialize)]
pub(in crate::cli) struct Identifier {
    id: String,
}
