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
    /// `profile-sample`: a share of the runs of a flow, by chance.
    ProfileSample,
    /// `profile-not-in-flow`: whether the person has not entered the flow before.
    ProfileNotInFlow,
    /// `action-output`: what an earlier step of a flow put out.
    ActionOutput,
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

    /// Those that a conditional split of a flow takes: the person, and chance.
    const OF_SPLIT: [Self; 8] = [
        Self::ProfileProperty,
        Self::ProfileMetric,
        Self::ProfileMetricFunnel,
        Self::ProfileGroupMembership,
        Self::ProfileMarketingConsent,
        Self::ProfilePermissions,
        Self::ProfileRegion,
        Self::ProfileSample,
    ];

    /// Those that the profile filter of a flow takes: also earlier runs of the same flow.
    const OF_FLOW: [Self; 9] = [
        Self::ProfileProperty,
        Self::ProfileMetric,
        Self::ProfileMetricFunnel,
        Self::ProfileGroupMembership,
        Self::ProfileMarketingConsent,
        Self::ProfilePermissions,
        Self::ProfileRegion,
        Self::ProfileSample,
        Self::ProfileNotInFlow,
    ];

    /// Those that a branch of a split into several takes: also the event that started the flow.
    const OF_BRANCH: [Self; 9] = [
        Self::MetricProperty,
        Self::ProfileProperty,
        Self::ProfileMetric,
        Self::ProfileMetricFunnel,
        Self::ProfileGroupMembership,
        Self::ProfileMarketingConsent,
        Self::ProfilePermissions,
        Self::ProfileRegion,
        Self::ProfileSample,
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
            Self::ProfileSample => "profile-sample",
            Self::ProfileNotInFlow => "profile-not-in-flow",
            Self::ActionOutput => "action-output",
        }
    }
}

/// Which types of condition a place takes.
#[derive(Clone, Copy, Debug)]
pub struct Kinds {
    pub(super) place: &'static str,
    pub(super) allowed: &'static [Kind],
    /// Whether a `timeframe_filter` of events may begin with the start of the flow.
    pub(super) has_flow_start: bool,
}

impl Kinds {
    /// What the definition of a segment takes.
    pub const SEGMENT: Self = Self::new("a segment", &Kind::OF_PERSON);

    /// What the profile filter of a flow takes, at the entry and before every action.
    pub const FLOW_PROFILE_FILTER: Self =
        Self::in_flow("the profile filter of a flow", &Kind::OF_FLOW);

    /// What a conditional split of a flow takes.
    pub const FLOW_SPLIT: Self = Self::in_flow("a conditional split", &Kind::OF_SPLIT);

    /// What a trigger filter and a trigger split of a flow take: the event that started it.
    pub const FLOW_TRIGGER: Self =
        Self::new("a filter on the trigger of a flow", &[Kind::MetricProperty]);

    /// What a branch of a multi-branch split takes: the person, chance and the event.
    pub const FLOW_BRANCH: Self = Self::in_flow("a branch of a flow", &Kind::OF_BRANCH);

    /// What a split on the outputs of earlier steps takes.
    pub const FLOW_OUTPUT: Self = Self::new("a split on outputs", &[Kind::ActionOutput]);

    /// The kinds that `place` takes; it stands in a sentence, such as "a webhook's filter".
    #[must_use]
    pub const fn new(place: &'static str, allowed: &'static [Kind]) -> Self {
        Self { place, allowed, has_flow_start: false }
    }

    const fn in_flow(place: &'static str, allowed: &'static [Kind]) -> Self {
        Self { place, allowed, has_flow_start: true }
    }
}
