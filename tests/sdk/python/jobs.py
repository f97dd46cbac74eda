"""Jobs: import, subscribe, unsubscribe, suppress, unsuppress, deletion; each by its effects
(Python SDK)."""

from checks import (
    RUN,
    check,
    email,
    event,
    ids,
    is_gone,
    metric,
    mine,
    phone,
    profile,
    quoted,
    refusal,
    related,
    resource,
    run,
    same,
    until,
)

MORE = {"additional_fields_profile": ["subscriptions"]}


def create(api, name, **attributes):
    return api.Profiles.create_profile(profile(email=email(name), **attributes)).data.id


def new_list(api, name):
    return api.Lists.create_list(resource("list", attributes={"name": mine(name)})).data.id


def found_by_mail(api, name):
    """The person with this address; None if there is none."""
    listed = api.Profiles.get_profiles(filter=f'equals(email,"{email(name)}")').data
    return listed[0] if listed else None


def members(api, list_id):
    return sorted(ids(api.Lists.get_profiles_for_list(list_id)))


def marketing(api, profile_id):
    """What is known of the person's consent to marketing by e-mail."""
    person = api.Profiles.get_profile(profile_id, **MORE).data
    return person.attributes.subscriptions.email.marketing


def reasons(api, profile_id):
    return [one.reason for one in marketing(api, profile_id).suppression or []]


def to_list(list_id):
    return {"relationships": {"list": {"data": {"type": "list", "id": list_id}}}} if list_id else {}


def consenting(consent, *people, **more):
    """A subscription job; each of the people is the attributes of one, with its channels."""
    change = "create" if consent == "SUBSCRIBED" else "delete"
    entries = [
        profile(**identity, subscriptions={one: {"marketing": {"consent": consent}} for one in on})
        for identity, *on in people
    ]
    attributes = {"profiles": {"data": [entry["data"] for entry in entries]}}
    if source := more.pop("source", None):
        attributes["custom_source"] = source
    kind = f"profile-subscription-bulk-{change}-job"
    return resource(kind, attributes=attributes, **to_list(more.get("list_id")))


def suppressing(change, *names, list_id=None):
    people = {"profiles": {"data": [profile(email=email(name))["data"] for name in names]}}
    kind = f"profile-suppression-bulk-{change}-job"
    return resource(kind, attributes=people if names else {}, **to_list(list_id))


def importing(api):
    list_id = new_list(api, "Imported")
    known = create(api, "import-a", first_name="Old")
    people = [profile(email=email(f"import-{name}"), first_name=name)["data"] for name in "abc"]
    body = resource(
        "profile-bulk-import-job",
        attributes={"profiles": {"data": people}},
        relationships={"lists": related("list", [list_id])},
    )
    answer = api.Profiles.bulk_import_profiles_with_http_info(body)
    same("bulk_import_profiles: status", answer.status_code, 202)
    job = answer.data.data
    same("bulk_import_profiles: total", job.attributes.total_count, 3)
    read = lambda: api.Profiles.get_bulk_import_profiles_job(job.id).data.attributes
    until("bulk_import_profiles: complete", lambda: read().status == "complete", read)
    same("bulk_import_profiles: counts", (read().completed_count, read().failed_count), (3, 0))
    made = [found_by_mail(api, f"import-{name}") for name in "abc"]
    names = [one and one.attributes.first_name for one in made]
    same("bulk_import_profiles: people", names, ["a", "b", "c"])
    same("bulk_import_profiles: the known one", made[0].id, known)
    same("bulk_import_profiles: list", members(api, list_id), sorted(one.id for one in made if one))


def subscribing(api):
    list_id = new_list(api, "Subscribed")
    known = create(api, "known", phone_number=phone(1))
    body = consenting(
        "SUBSCRIBED",
        ({"email": email("known"), "phone_number": phone(1)}, "email", "sms"),
        ({"email": email("unknown")}, "email"),
        list_id=list_id,
        source="Footer",
    )
    answer = api.Profiles.bulk_subscribe_profiles_with_http_info(body)
    same("bulk_subscribe_profiles: status", answer.status_code, 202)
    is_subscribed = lambda: marketing(api, known).consent == "SUBSCRIBED"
    until("bulk_subscribe_profiles: consent", is_subscribed, lambda: marketing(api, known))
    consent = marketing(api, known)
    check("bulk_subscribe_profiles: can receive", consent.can_receive_email_marketing, consent)
    check("bulk_subscribe_profiles: since", consent.consent_timestamp, consent)
    same("bulk_subscribe_profiles: source", consent.custom_method_detail, "Footer")
    sms = api.Profiles.get_profile(known, **MORE).data.attributes.subscriptions.sms.marketing
    found = (sms.consent, sms.can_receive_sms_marketing)
    same("bulk_subscribe_profiles: sms", found, ("SUBSCRIBED", True))
    made = until("bulk_subscribe_profiles: who was unknown", lambda: found_by_mail(api, "unknown"))
    both = sorted([known, made.id])
    until("bulk_subscribe_profiles: list", lambda: members(api, list_id) == both)

    body = consenting("UNSUBSCRIBED", ({"email": email("unknown")}, "email"), list_id=list_id)
    answer = api.Profiles.bulk_unsubscribe_profiles_with_http_info(body)
    same("bulk_unsubscribe_profiles: status", answer.status_code, 202)
    until("bulk_unsubscribe_profiles: list", lambda: members(api, list_id) == [known])
    body = consenting("UNSUBSCRIBED", ({"email": email("known")}, "email"))
    api.Profiles.bulk_unsubscribe_profiles(body)
    is_over = lambda: marketing(api, known).consent == "UNSUBSCRIBED"
    until("bulk_unsubscribe_profiles: consent", is_over, lambda: marketing(api, known))
    can_receive = marketing(api, known).can_receive_email_marketing
    same("bulk_unsubscribe_profiles: can receive", can_receive, False)
    sms = api.Profiles.get_profile(known, **MORE).data.attributes.subscriptions.sms.marketing
    same("bulk_unsubscribe_profiles: another channel stays", sms.consent, "SUBSCRIBED")
    old_name = api.Profiles.subscribe_profiles_with_http_info
    body = consenting("SUBSCRIBED", ({"email": email("known")}, "email"))
    same("subscribe_profiles: the old name", old_name(body).status_code, 202)
    until("bulk_subscribe_profiles: again", is_subscribed, lambda: marketing(api, known))


def suppressions(api):
    held, other = create(api, "held"), create(api, "other")
    answer = api.Profiles.bulk_suppress_profiles_with_http_info(suppressing("create", "held"))
    same("bulk_suppress_profiles: status", answer.status_code, 202)
    job = answer.data.data
    read = lambda: api.Profiles.get_bulk_suppress_profiles_job(job.id).data.attributes
    until("bulk_suppress_profiles: complete", lambda: read().status == "complete", read)
    same("bulk_suppress_profiles: reason", reasons(api, held), ["USER_SUPPRESSED"])
    same("bulk_suppress_profiles: nobody else", reasons(api, other), [])
    can_receive = marketing(api, held).can_receive_email_marketing
    same("bulk_suppress_profiles: can receive", can_receive, False)
    field = "subscriptions.email.marketing.suppression"
    call = api.Profiles.get_profiles
    both = (held, other)
    own = lambda text: [one for one in ids(call(filter=text, page_size=100)) if one in both]
    same("get_profiles: suppressed", own(f'equals({field}.reason,"USER_SUPPRESSED")'), [held])
    since = f"greater-than({field}.timestamp,2020-01-01T00:00:00Z)"
    same("get_profiles: suppressed since", own(since), [held])
    before = f"less-than({field}.timestamp,2020-01-01T00:00:00Z)"
    same("get_profiles: suppressed before", own(before), [])

    answer = api.Profiles.bulk_unsuppress_profiles_with_http_info(suppressing("delete", "held"))
    same("bulk_unsuppress_profiles: status", answer.status_code, 202)
    job = answer.data.data
    read = lambda: api.Profiles.get_bulk_unsuppress_profiles_job(job.id).data.attributes
    until("bulk_unsuppress_profiles: complete", lambda: read().status == "complete", read)
    same("bulk_unsuppress_profiles", reasons(api, held), [])

    list_id = new_list(api, "Suppressed")
    api.Lists.add_profiles_to_list(list_id, related("profile", both))
    api.Profiles.bulk_suppress_profiles(suppressing("create", list_id=list_id))
    every = [["USER_SUPPRESSED"]] * 2
    are_held = lambda: [reasons(api, one) for one in both] == every
    until("bulk_suppress_profiles: a list", are_held)
    body = suppressing("create", "held", list_id=list_id)
    call = lambda: api.Profiles.bulk_suppress_profiles(body)
    refusal("bulk_suppress_profiles: people and a list", 400, call)


def deletion(api):
    """Three people, each named in another way; all that was theirs is gone with them."""
    list_id = new_list(api, "Deleted")
    names = ["del-id", "del-mail", "del-phone"]
    people = [create(api, name, phone_number=phone(n)) for n, name in enumerate(names, 10)]
    api.Lists.add_profiles_to_list(list_id, related("profile", people))
    for name in names:
        sent = event(metric(mine("Left a trace")), profile(email=email(name)), unique_id=f"{RUN}")
        api.Events.create_event(sent)
    named = [
        {"type": "profile", "id": people[0], "attributes": {}},
        profile(email=email(names[1]))["data"],
        profile(phone_number=phone(12))["data"],
    ]
    for person in named:
        body = resource("data-privacy-deletion-job", attributes={"profile": {"data": person}})
        answer = api.Data_Privacy.request_profile_deletion_with_http_info(body)
        same("request_profile_deletion: status", answer.status_code, 202)
    for name, one in zip(names, people):
        gone = lambda: is_gone(lambda: api.Profiles.get_profile(one))
        until(f"request_profile_deletion: {name} is gone", gone)
    until("request_profile_deletion: list", lambda: members(api, list_id) == [])
    left = api.Profiles.get_profiles(filter=f"any(email,{quoted(map(email, names))})")
    same("request_profile_deletion: addresses", ids(left), [])
    recent = api.Events.get_events(sort="-datetime", page_size=1000).data
    traces = [one.id for one in recent if one.relationships.profile.data.id in people]
    same("request_profile_deletion: events", traces, [])
    again = create(api, names[1])
    check("request_profile_deletion: the address may come again", again not in people, again)


if __name__ == "__main__":
    run(importing, subscribing, suppressions, deletion)
