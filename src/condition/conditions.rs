//! One condition of any kind: its evaluation, its reason, and what it looks at. Each kind is in a
//! file of its own; this one only tells them apart.

use super::At;
use super::Subject;
use super::Touches;
use super::explain;
use super::explain::ExplainedCondition;
use super::funnel::FunnelTest;
use super::group::GroupTest;
use super::marketing::MarketingTest;
use super::metric::MetricTest;
use super::not_in_flow::NotInFlowTest;
use super::output::OutputTest;
use super::path::EventField;
use super::path::ProfileField;
use super::permission::PermissionTest;
use super::predicate::Predicate;
use super::region;
use super::region::RegionTest;
use super::sample::SampleTest;
use super::standing::Standing;

/// One condition; its kinds are those of [`Kind`].
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    MetricProperty { metric_id: Option<String>, field: EventField, predicate: Predicate },
    ProfileProperty { property: ProfileField, predicate: Predicate },
    Metric(MetricTest),
    Funnel(FunnelTest),
    Group(GroupTest),
    Marketing(MarketingTest),
    Permission(PermissionTest),
    Region(RegionTest),
    Sample(SampleTest),
    NotInFlow(NotInFlowTest),
    Output(OutputTest),
}

impl Condition {
    /// The metric that a condition on the event at hand is bound to.
    pub(super) fn event_metric(&self) -> Option<&str> {
        match self {
            Self::MetricProperty { metric_id, .. } => metric_id.as_deref(),
            _ => None,
        }
    }

    /// Whether the person's past events have to be read for it.
    pub(super) const fn reads_history(&self) -> bool {
        matches!(self, Self::Metric(_) | Self::Funnel(_))
    }

    /// Whether it looks at the profile's attributes.
    pub(super) const fn reads_profile(&self) -> bool {
        matches!(
            self,
            Self::ProfileProperty { .. }
                | Self::Marketing(_)
                | Self::Permission(_)
                | Self::Region(_)
        )
    }

    pub(super) fn holds(&self, subject: &dyn Subject, at: &At) -> bool {
        match self {
            Self::MetricProperty { metric_id, field, predicate } => {
                is_of_metric(metric_id.as_deref(), subject)
                    && predicate.holds(field.find(subject).as_ref(), at)
            }
            Self::ProfileProperty { property, predicate } => {
                predicate.holds(property.find(subject).as_ref(), at)
            }
            Self::Metric(test) => test.holds(subject, at),
            Self::Funnel(test) => test.holds(subject, at),
            Self::Group(test) => test.stand(subject, at).holds,
            Self::Marketing(test) => test.stand(subject, at).holds,
            Self::Permission(test) => test.stand(subject, at).holds,
            Self::Region(test) => test.holds(subject),
            Self::Sample(test) => test.holds(subject),
            Self::NotInFlow(test) => test.stand(subject, at).holds,
            Self::Output(test) => test.stand(subject, at).holds,
        }
    }

    /// Whether it holds, and until when.
    pub(super) fn stand(&self, subject: &dyn Subject, at: &At) -> Standing {
        match self {
            Self::MetricProperty { metric_id, field, predicate } => {
                match is_of_metric(metric_id.as_deref(), subject) {
                    true => predicate.stand(field.find(subject).as_ref(), at),
                    false => Standing::settled(false),
                }
            }
            Self::ProfileProperty { property, predicate } => {
                predicate.stand(property.find(subject).as_ref(), at)
            }
            Self::Metric(test) => test.stand(subject, at),
            Self::Funnel(test) => test.stand(subject, at),
            Self::Group(test) => test.stand(subject, at),
            Self::Marketing(test) => test.stand(subject, at),
            Self::Permission(test) => test.stand(subject, at),
            Self::Region(test) => Standing::settled(test.holds(subject)),
            Self::Sample(test) => Standing::settled(test.holds(subject)),
            Self::NotInFlow(test) => test.stand(subject, at),
            Self::Output(test) => test.stand(subject, at),
        }
    }

    pub(super) fn explain(&self, subject: &dyn Subject, at: &At) -> ExplainedCondition {
        ExplainedCondition { held: self.holds(subject, at), reason: self.reason(subject, at) }
    }

    fn reason(&self, subject: &dyn Subject, at: &At) -> String {
        match self {
            Self::MetricProperty { metric_id, field, predicate } => match metric_id.as_deref() {
                Some(wanted) if !is_of_metric(Some(wanted), subject) => {
                    explain::other_metric(wanted, subject.metric_id())
                }
                _ => predicate.reason(field.name(), field.find(subject).as_ref(), at),
            },
            Self::ProfileProperty { property, predicate } => {
                predicate.reason(property.name(), property.find(subject).as_ref(), at)
            }
            Self::Metric(test) => test.reason(subject, at),
            Self::Funnel(test) => test.reason(subject, at),
            Self::Group(test) => test.reason(subject, at),
            Self::Marketing(test) => test.reason(subject, at),
            Self::Permission(test) => test.reason(subject, at),
            Self::Region(test) => test.reason(subject),
            Self::Sample(test) => test.reason(subject),
            Self::NotInFlow(test) => test.reason(subject, at),
            Self::Output(test) => test.reason(subject, at),
        }
    }

    /// Adds what it looks at.
    pub(super) fn touch<'f>(&'f self, touches: &mut Touches<'f>) {
        match self {
            // These look at what a run holds, which is no fact about the person.
            Self::MetricProperty { .. }
            | Self::Sample(_)
            | Self::NotInFlow(_)
            | Self::Output(_) => {}
            Self::ProfileProperty { property, .. } => {
                touches.attributes.insert(property.touched());
            }
            Self::Metric(test) => {
                touches.metrics.insert(&test.selector.metric_id);
            }
            Self::Funnel(test) => touches.metrics.extend(test.metrics()),
            Self::Group(test) => touches.groups.extend(test.group_ids.iter().map(String::as_str)),
            Self::Marketing(MarketingTest { channel, .. })
            | Self::Permission(PermissionTest { channel, .. }) => {
                touches.consents = true;
                touches.attributes.extend(channel.address().map(Into::into));
            }
            Self::Region(_) => {
                touches.attributes.insert(region::COUNTRY.into());
            }
        }
    }
}

fn is_of_metric(wanted: Option<&str>, subject: &dyn Subject) -> bool {
    wanted.is_none() || wanted == subject.metric_id()
}
