//! The `filters` of a consent: which facts about it they can ask for, and what has to be true of
//! each. A fact is shown to a predicate like a property, so every operator of its type is possible.

use serde_json::Value;

use super::At;
use super::consent::Consent;
use super::consent::Suppression;
use super::path::Found;
use super::predicate::Patterns;
use super::predicate::Predicate;
use super::standing::Standing;
use crate::clock::Timestamp;
use crate::json::Fault;
use crate::json::object::Object;
use crate::json::object::fault_at;
use crate::limits;

/// The ways by which a consent comes, as the contract spells them.
const METHODS: [&str; 29] = [
    "api",
    "back_in_stock",
    "bigcommerce",
    "bulk_remove",
    "campaign_monitor",
    "carrier_deactivation",
    "checkout",
    "constant_contact",
    "data_warehouse_import",
    "exact_target",
    "facebook",
    "failed_age_gate",
    "form",
    "inbound_message",
    "integration",
    "mad_mimi",
    "magento_two",
    "mailbox_provider",
    "manual_add",
    "manual_import",
    "manual_remove",
    "message_blocked",
    "one_click_unsubscribe",
    "preference_page",
    "profile_modification",
    "provided_landline",
    "provided_no_age",
    "sftp",
    "spam_complaint",
];

/// Fields of the contract whose data tidings does not have.
const NOT_KEPT: [&str; 1] = ["is_rcs_capable"];

/// A field that a place can filter by, and the fact that it names.
pub(super) type Field = (&'static str, Fact);

/// The fields of marketing by e-mail.
pub(super) const OF_EMAIL: &[Field] = &[
    ("status_date", Fact::StatusDate),
    ("method", Fact::Method),
    ("is_double_opt_in", Fact::DoubleOptIn),
    ("custom_source", Fact::CustomSource),
    ("bounce_date", Fact::SuppressionDate(Suppression::HardBounce)),
    ("invalid_email_date", Fact::SuppressionDate(Suppression::InvalidEmail)),
    ("manual_suppression_date", Fact::SuppressionDate(Suppression::UserSuppressed)),
];
/// The fields of marketing by SMS.
pub(super) const OF_SMS: &[Field] = &[("status_date", Fact::StatusDate), ("method", Fact::Method)];
/// The fields of marketing by push.
pub(super) const OF_PUSH: &[Field] = &[("status_date", Fact::StatusDate)];
/// The fields of a permission.
pub(super) const OF_PERMISSION: &[Field] = &[
    ("effective_date", Fact::StatusDate),
    ("recorded_date", Fact::RecordedDate),
    ("subscribe_method", Fact::Method),
];

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fact {
    StatusDate,
    RecordedDate,
    SuppressionDate(Suppression),
    DoubleOptIn,
    CustomSource,
    Method,
    MethodDetail,
}

/// One of the `filters`: what has to be true of facts, all of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FactTest {
    fact: Fact,
    /// What the fact is called in a sentence.
    name: &'static str,
    predicate: Predicate,
}

impl FactTest {
    /// Reads the `filters` of an object, if it has any; each must hold.
    pub(super) fn parse_all(
        object: &Object<'_>,
        fields: &[Field],
        patterns: &mut Patterns,
    ) -> Result<Vec<Self>, Fault> {
        let most = limits::CONDITION_CONSENT_FILTERS_MAX;
        let read = object.each("filters", most, |object| parse(&object, fields, patterns))?;
        Ok(read.into_iter().flatten().collect())
    }

    /// Whether it holds of a consent, and until when.
    pub(super) fn stand(&self, consent: &Consent<'_>, at: &At) -> Standing {
        let value = self.fact.find(consent).map(Found::value);
        self.predicate.stand(value.as_ref(), at)
    }

    /// Why it holds or does not.
    pub(super) fn reason(&self, consent: &Consent<'_>, at: &At) -> String {
        let value = self.fact.find(consent).map(Found::value);
        self.predicate.reason(self.name, value.as_ref(), at)
    }
}

/// Reads one filter; a method with a detail makes two tests.
fn parse(
    object: &Object<'_>,
    fields: &[Field],
    patterns: &mut Patterns,
) -> Result<Vec<FactTest>, Fault> {
    if let Some(field) = NOT_KEPT.into_iter().find(|field| object.is_text("field", field)) {
        let why = format!("`{field}` is not known to tidings, which is told nothing of handsets");
        return Err(fault_at("field", why));
    }
    let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    let name = object.choice("field", "a field to filter this consent by", &names)?;
    let found = fields.iter().find(|(of, _)| *of == name);
    let fact = found.map_or(Fact::StatusDate, |(_, fact)| *fact);
    if fact != Fact::Method {
        object.only(&["field", "filter"])?;
        return Ok(vec![FactTest { fact, name, predicate: of_fact(fact, object, patterns)? }]);
    }
    object.only(&["field", "method", "filter"])?;
    let method = object.choice("method", "a method of a consent", &METHODS)?;
    let mut tests = vec![FactTest { fact, name, predicate: Predicate::equals(method) }];
    if object.optional("filter").is_some() {
        let (fact, name) = (Fact::MethodDetail, "method_detail");
        tests.push(FactTest { fact, name, predicate: of_fact(fact, object, patterns)? });
    }
    Ok(tests)
}

/// Reads the `filter` of a field, which must be of a type that the fact has.
fn of_fact(fact: Fact, object: &Object<'_>, patterns: &mut Patterns) -> Result<Predicate, Fault> {
    let types: &[&'static str] = match fact {
        Fact::SuppressionDate(_) => &["date", "existence"],
        Fact::StatusDate | Fact::RecordedDate => &["date"],
        Fact::DoubleOptIn => &["boolean"],
        Fact::CustomSource | Fact::Method | Fact::MethodDetail => &["string"],
    };
    let filter = object.object("filter", r#"{"type":…,"operator":…}"#)?;
    filter
        .choice("type", "a type of filter for this field", types)
        .map_err(|fault| fault.under("/filter"))?;
    patterns.predicate(object)
}

impl Fact {
    fn find(self, consent: &Consent<'_>) -> Option<Value> {
        let date = |moment: Timestamp| Value::String(moment.rfc3339_micros());
        let text = |text: &str| Value::String(text.to_owned());
        match self {
            Self::StatusDate => consent.since.map(date),
            Self::RecordedDate => consent.recorded.map(date),
            Self::SuppressionDate(reason) => {
                let of_reason = consent.suppressions.iter().filter(|(of, _)| *of == reason);
                let dates: Vec<_> = of_reason.map(|(_, moment)| date(*moment)).collect();
                // An empty list would count as set.
                (!dates.is_empty()).then_some(Value::Array(dates))
            }
            Self::DoubleOptIn => Some(Value::Bool(consent.double_opt_in)),
            Self::CustomSource => consent.custom_source.as_deref().map(text),
            Self::Method => consent.method.as_deref().map(|name| text(&name.to_ascii_lowercase())),
            Self::MethodDetail => consent.method_detail.as_deref().map(text),
        }
    }
}
