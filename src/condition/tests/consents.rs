//! `profile-marketing-consent` and `profile-permissions`.

use super::*;

fn marketing(channel: &str, can_receive: bool, subscription: &str, filters: &Value) -> Value {
    json!({"type": "profile-marketing-consent", "consent": {
        "channel": channel, "can_receive_marketing": can_receive,
        "consent_status": {"subscription": subscription, "filters": filters}}})
}

fn permission(status: &str, filters: Option<Value>) -> Value {
    let mut permission = json!({"reachable_status": status});
    if let Some(filters) = filters {
        permission["filters"] = filters;
    }
    json!({"type": "profile-permissions", "channel": "whatsapp_marketing",
        "permission": permission})
}

/// A person with an e-mail address and a phone number.
fn person(channel: Channel, consent: Consent<'static>) -> Facts {
    let attributes = json!({"email": "a@example.com", "phone_number": "+15005550006"});
    Facts {
        profile_attributes: attributes.as_object().unwrap().clone(),
        consents: BTreeMap::from([(channel, consent)]),
        ..Facts::default()
    }
}

fn of(status: Status) -> Consent<'static> {
    Consent { status, ..Consent::default() }
}

const STATUSES: [Status; 3] = [Status::NeverSubscribed, Status::Subscribed, Status::Unsubscribed];

#[test]
fn who_can_receive_what() {
    for (name, channel, receiving) in [
        ("email", Channel::EmailMarketing, vec![Status::NeverSubscribed, Status::Subscribed]),
        ("sms", Channel::SmsMarketing, vec![Status::Subscribed]),
        ("push", Channel::PushMarketing, vec![Status::Subscribed]),
    ] {
        for status in STATUSES {
            let can = receiving.contains(&status);
            let facts = person(channel, of(status));
            check_person(&marketing(name, true, "any", &json!(null)), &facts, can);
            check_person(&marketing(name, false, "any", &json!([])), &facts, !can);
            let without = Facts { consents: facts.consents.clone(), ..Facts::default() };
            let is_push = name == "push";
            check_person(&marketing(name, true, "any", &json!(null)), &without, can && is_push);
            let suppressions = vec![(Suppression::HardBounce, moment(NOW))];
            let suppressed = person(channel, Consent { suppressions, ..of(status) });
            check_person(&marketing(name, true, "any", &json!(null)), &suppressed, false);
        }
    }
}

#[test]
fn a_subscription_is_what_was_said() {
    for status in STATUSES {
        let facts = person(Channel::EmailMarketing, of(status));
        for wanted in STATUSES {
            let can = status != Status::Unsubscribed;
            let condition = marketing("email", false, wanted.name(), &json!(null));
            check_person(&condition, &facts, !can && status == wanted);
            if wanted != Status::Unsubscribed {
                let condition = marketing("email", true, wanted.name(), &json!(null));
                check_person(&condition, &facts, can && status == wanted);
            }
        }
    }
}

#[test]
fn filters_ask_for_the_facts_of_a_consent() {
    let facts = person(
        Channel::EmailMarketing,
        Consent {
            since: Some(moment("2026-04-14T00:00:00Z")),
            method: Some("API".into()),
            method_detail: Some("shop".into()),
            custom_source: Some("Footer form".into()),
            double_opt_in: true,
            ..of(Status::Subscribed)
        },
    );
    let within = |days: i64| {
        json!({"field": "status_date", "filter":
            {"type": "date", "operator": "in-the-last", "unit": "day", "quantity": days}})
    };
    let api = |details: Value| {
        json!({"field": "method", "method": "api",
            "filter": {"type": "string", "operator": "in", "value": details}})
    };
    let opted = |value: bool| {
        json!({"field": "is_double_opt_in",
            "filter": {"type": "boolean", "operator": "equals", "value": value}})
    };
    let source = json!({"field": "custom_source",
        "filter": {"type": "string", "operator": "equals", "value": "Footer form"}});
    for (filters, expected) in [
        (json!([within(2)]), true),
        (json!([within(1)]), false),
        (json!([{"field": "method", "method": "api"}]), true),
        (json!([{"field": "method", "method": "form"}]), false),
        (json!([api(json!(["shop", "site"]))]), true),
        (json!([api(json!(["site"]))]), false),
        (json!([opted(true), source, within(2)]), true),
        (json!([opted(true), source, within(1)]), false),
        (json!([opted(false)]), false),
    ] {
        let condition = marketing("email", true, "subscribed", &filters);
        check_person(&condition, &facts, expected);
    }
}

#[test]
fn suppressions_have_dates_by_their_reasons() {
    let suppressions = vec![
        (Suppression::HardBounce, moment("2026-04-01")),
        (Suppression::HardBounce, moment("2026-04-14")),
        (Suppression::InvalidEmail, moment("2026-04-01")),
    ];
    let facts = person(Channel::EmailMarketing, Consent { suppressions, ..of(Status::Subscribed) });
    let set = json!({"type": "existence", "operator": "is-set"});
    let recent = json!({"type": "date", "operator": "in-the-last", "unit": "week", "quantity": 1});
    for (field, filter, expected) in [
        ("bounce_date", &set, true),
        ("bounce_date", &recent, true),
        ("invalid_email_date", &set, true),
        ("invalid_email_date", &recent, false),
        ("manual_suppression_date", &set, false),
        ("manual_suppression_date", &recent, false),
    ] {
        let filters = json!([{"field": field, "filter": filter}]);
        let condition = marketing("email", false, "subscribed", &filters);
        check_person(&condition, &facts, expected);
    }
}

#[test]
fn the_reason_is_what_stands_in_the_way() {
    let never = person(Channel::EmailMarketing, of(Status::NeverSubscribed));
    let reason = |condition: Value, facts: &Facts, held| check_person(&condition, facts, held);
    let can = || marketing("email", true, "any", &json!(null));
    assert_eq!(reason(can(), &never, true), "the status is `never_subscribed`");
    assert_eq!(
        reason(can(), &Facts::default(), false),
        "marketing can not be received: `email` is not set"
    );
    let no = person(Channel::EmailMarketing, of(Status::Unsubscribed));
    assert_eq!(
        reason(can(), &no, false),
        "marketing can not be received: the status is `unsubscribed`"
    );
    let suppressions = vec![(Suppression::SpamComplaint, moment(NOW))];
    let spam = person(Channel::EmailMarketing, Consent { suppressions, ..Consent::default() });
    assert_eq!(
        reason(can(), &spam, false),
        "marketing can not be received: the person is suppressed, as SPAM_COMPLAINT"
    );
    assert_eq!(
        reason(marketing("email", true, "subscribed", &json!(null)), &never, false),
        "the status is `never_subscribed`, not `subscribed`"
    );
    assert_eq!(
        reason(marketing("email", false, "any", &json!(null)), &never, false),
        "marketing can be received: the status is `never_subscribed`"
    );
    let yes = Consent { since: Some(moment("2026-04-14")), ..of(Status::Subscribed) };
    let filters = json!([{"field": "status_date",
        "filter": {"type": "date", "operator": "before", "date": "2026-04-01"}}]);
    assert_eq!(
        reason(
            marketing("email", true, "subscribed", &filters),
            &person(Channel::EmailMarketing, yes),
            false
        ),
        r#"`status_date` is "2026-04-14T00:00:00.000000+00:00", not before 2026-04-01T00:00:00"#
    );
}

#[test]
fn each_person_is_reachable_in_one_way() {
    let ways = [
        "explicitly_reachable",
        "explicitly_unreachable",
        "implicitly_reachable",
        "implicitly_unreachable",
    ];
    let channel = Channel::WhatsappMarketing;
    let without_phone = Facts::default();
    for (facts, own) in [
        (person(channel, of(Status::Subscribed)), "explicitly_reachable"),
        (person(channel, of(Status::Unsubscribed)), "explicitly_unreachable"),
        (person(channel, of(Status::NeverSubscribed)), "implicitly_reachable"),
        (without_phone, "implicitly_unreachable"),
    ] {
        for way in ways {
            let reason = check_person(&permission(way, None), &facts, way == own);
            assert!(reason.starts_with(&format!("the person is `{own}`")), "{reason}");
        }
        for sense in ["reachable", "unreachable"] {
            let either = permission(&format!("implicitly_or_explicitly_{sense}"), None);
            check_person(&either, &facts, own.ends_with(&format!("_{sense}")));
        }
    }
}

#[test]
fn a_permission_has_dates_and_a_method() {
    let consent = Consent {
        since: Some(moment("2026-04-01")),
        recorded: Some(moment("2026-04-14")),
        method: Some("form".into()),
        method_detail: Some("XyZabc".into()),
        ..of(Status::Subscribed)
    };
    let facts = person(Channel::WhatsappMarketing, consent);
    let before = json!({"type": "date", "operator": "before", "date": "2026-04-10"});
    let form = |id: &str| {
        json!({"field": "subscribe_method", "method": "form",
            "filter": {"type": "string", "operator": "in", "value": [id]}})
    };
    for (filter, expected) in [
        (json!({"field": "effective_date", "filter": before}), true),
        (json!({"field": "recorded_date", "filter": before}), false),
        (json!({"field": "subscribe_method", "method": "api"}), false),
        (form("XyZabc"), true),
        (form("Other1"), false),
    ] {
        let condition = permission("explicitly_reachable", Some(json!([filter])));
        check_person(&condition, &facts, expected);
    }
}
