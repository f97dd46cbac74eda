//! The types of condition, and which of them a place takes.

/// A type of condition that tidings can evaluate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `metric-property`: a property of the event.
    MetricProperty,
    /// `profile-property`: an attribute or a custom property of the profile.
    ProfileProperty,
    /// `profile-metric`: how many events of a metric the person has, or what they add up to.
    ProfileMetric,
    /// `profile-metric-funnel`: whether the person went through steps in order.
    ProfileMetricFunnel,
    /// `profile-group-membership`: whether the person is in a list or segment.
    ProfileGroupMembership,
    /// `profile-marketing-consent`: whether marketing may reach the person.
    ProfileMarketingConsent,
    /// `profile-permissions`: whether WhatsApp messages may reach the person.
    ProfilePermissions,
    /// `profile-region`: whether the person's country is in a region.
    ProfileRegion,
}

impl Kind {
    /// Those that look at one event and its person as they are: what filters of events take.
    pub const OF_EVENT: [Self; 2] = [Self::MetricProperty, Self::ProfileProperty];

    /// Those that look at a person and all that is known of him: what segments take.
    pub const OF_PERSON: [Self; 7] = [
        Self::ProfileProperty,
        Self::ProfileMetric,
        Self::ProfileMetricFunnel,
        Self::ProfileGroupMembership,
        Self::ProfileMarketingConsent,
        Self::ProfilePermissions,
        Self::ProfileRegion,
    ];

    /// The condition's `type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MetricProperty => "metric-property",
            Self::ProfileProperty => "profile-property",
            Self::ProfileMetric => "profile-metric",
            Self::ProfileMetricFunnel => "profile-metric-funnel",
            Self::ProfileGroupMembership => "profile-group-membership",
            Self::ProfileMarketingConsent => "profile-marketing-consent",
            Self::ProfilePermissions => "profile-permissions",
            Self::ProfileRegion => "profile-region",
        }
    }
}

/// Which types of condition a place takes.
#[derive(Clone, Copy, Debug)]
pub struct Kinds {
    pub(super) place: &'static str,
    pub(super) allowed: &'static [Kind],
}

impl Kinds {
    /// What the definition of a segment takes.
    pub const SEGMENT: Self = Self::new("a segment", &Kind::OF_PERSON);

    /// The kinds that `place` takes; it stands in a sentence, such as "a webhook's filter".
    #[must_use]
    pub const fn new(place: &'static str, allowed: &'static [Kind]) -> Self {
        Self { place, allowed }
    }
}
