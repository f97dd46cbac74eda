"""Profiles: create, get, list, update, import, merge, and the groups they are in (Python SDK)."""

import time
from datetime import timedelta

from checks import (
    RUN,
    check,
    email,
    event,
    ids,
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
    walk,
)

PLACE = {"city": "Zürich", "country": "Switzerland", "zip": "8001", "timezone": "Europe/Zurich"}
# Moments are shown in whole seconds. What happens so long after something is after the second that
# follows the one shown of it, whether a daemon compares what it shows or what it knows.
APART_SECONDS = 2.1


def create(api, name, **attributes):
    return api.Profiles.create_profile(profile(email=email(name), **attributes)).data


def after(moment):
    return (moment + timedelta(seconds=1)).isoformat()


def patch(profile_id, attributes, meta=None):
    more = {"meta": meta} if meta else {}
    return resource("profile", id=profile_id, attributes=attributes, **more)


def creation(api):
    whole = profile(
        email=email("whole"),
        phone_number=phone(1),
        external_id=f"whole-{RUN}",
        first_name="Ada",
        last_name="Ünïcode",
        organization="Shop",
        locale="de-CH",
        title="Countess",
        image="https://shop.example/ada.png",
        location=PLACE,
        properties={"plan": "pro", "tags": ["a", "b"], "n": 1.5},
    )
    answer = api.Profiles.create_profile_with_http_info(whole)
    same("create_profile: status", answer.status_code, 201)
    made = answer.data.data
    given = whole["data"]["attributes"]
    names = ["email", "phone_number", "external_id", "first_name", "last_name", "organization"]
    for name in [*names, "locale", "title", "image", "properties"]:
        same(f"create_profile: {name}", getattr(made.attributes, name), given[name])
    found = {name: getattr(made.attributes.location, name) for name in PLACE}
    same("create_profile: location", found, PLACE)
    check("create_profile: created", made.attributes.created, made)

    for name in ["email", "phone_number", "external_id"]:
        again = profile(**{name: given[name]})
        said, error = refusal(
            f"create_profile: {name} twice", 409, lambda: api.Profiles.create_profile(again)
        )
        same(f"create_profile: {name} twice: code", said.get("code"), "duplicate_profile")
        duplicate = said.get("meta", {}).get("duplicate_profile_id")
        same(f"create_profile: {name} twice: whose", duplicate, made.id)
        pointer = said.get("source", {}).get("pointer")
        same(f"create_profile: {name} twice: pointer", pointer, "/data/attributes")
        check("create_profile: parsed by the SDK", error and error.data.errors[0].detail)
    call = lambda: api.Profiles.create_profile(profile(first_name="Nobody"))
    refusal("create_profile: nobody", 400, call)
    one_profile(api, made)


def one_profile(api, made):
    more = {"additional_fields_profile": ["subscriptions", "predictive_analytics"]}
    got = api.Profiles.get_profile(made.id, include=["lists", "segments"], **more).data
    same("get_profile: email", got.attributes.email, email("whole"))
    consent = got.attributes.subscriptions.email.marketing.consent
    same("get_profile: subscriptions", consent, "NEVER_SUBSCRIBED")
    check("get_profile: predictions", got.attributes.predictive_analytics is not None, got)
    plain = api.Profiles.get_profile(made.id).data
    same("get_profile: subscriptions on request only", plain.attributes.subscriptions, None)
    sparse = api.Profiles.get_profile(made.id, fields_profile=["email", "location.city"])
    found = sparse["data"]["attributes"]
    same("get_profile: fields", found, {"email": email("whole"), "location": {"city": "Zürich"}})
    missing = "01HF7AYTK76RHR4F17G6DGTRGF"
    said, _ = refusal("get_profile: unknown", 404, lambda: api.Profiles.get_profile(missing))
    same("get_profile: unknown: code", said.get("code"), "not_found")


def listing(api):
    """The first is made a while before the others, and the last is changed a while after them."""
    call = api.Profiles.get_profiles
    first = create(api, "list-c", external_id=f"list-{RUN}", phone_number=phone(2))
    time.sleep(APART_SECONDS)
    others = [create(api, f"list-{name}", phone_number=phone(n)) for n, name in enumerate("dab", 3)]
    everybody = [first, *others]
    made = [one.id for one in everybody]
    c, d, a, b = made
    addresses = [one.attributes.email for one in everybody]
    expected = {
        f'equals(email,"{addresses[0]}")': [c],
        f"any(email,{quoted(addresses[:2])})": [c, d],
        f'equals(id,"{a}")': [a],
        f"any(id,{quoted([a, c])})": [c, a],
        f'equals(external_id,"list-{RUN}")': [c],
        f'any(external_id,["list-{RUN}","nobody"])': [c],
        f'equals(phone_number,"{phone(2)}")': [c],
        f"any(phone_number,{quoted([phone(2), phone(4)])})": [c, a],
        f"greater-than(created,{after(first.attributes.created)})": [d, a, b],
        f'equals(email,"{email("nobody")}")': [],
    }
    for text, wanted in expected.items():
        same(f"get_profiles: filter {text}", ids(call(filter=text, sort="created")), wanted)
    earlier = f"less-than(created,{after(first.attributes.created)})"
    newest = call(filter=earlier, sort="-created", page_size=1)
    same(f"get_profiles: filter {earlier}", ids(newest), [c])

    time.sleep(APART_SECONDS)
    then = after(max(one.attributes.updated for one in everybody))
    api.Profiles.update_profile(a, patch(a, {"title": "changed"}))
    same("get_profiles: updated since", ids(call(filter=f"greater-than(updated,{then})")), [a])
    same("get_profiles: newest first", ids(call(sort="-updated", page_size=1)), [a])
    until_then = ids(call(filter=f"less-than(updated,{then})", sort="-updated", page_size=3))
    same("get_profiles: updated until then", sorted(until_then), sorted([c, d, b]))

    text = f"any(email,{quoted(addresses)})"
    orders = {"created": [c, d, a, b], "id": sorted(made), "email": [a, b, c, d]}
    for name, order in orders.items():
        walk(f"get_profiles: {name}", call, order, filter=text, sort=name, page_size=2)
        back = {"filter": text, "sort": f"-{name}", "page_size": 3}
        walk(f"get_profiles: -{name}", call, order[::-1], **back)
    changed = ids(call(filter=text, sort="updated"))
    ends = (sorted(changed), changed[:1], changed[-1:])
    same("get_profiles: sort updated", ends, (sorted(made), [c], [a]))
    more = {"additional_fields_profile": ["subscriptions"]}
    found = [one.attributes.subscriptions for one in call(filter=text, **more).data]
    check("get_profiles: subscriptions", len(found) == 4 and all(found), found)
    sparse = call(filter=text, fields_profile=["email"], sort="email")["data"]
    names = [one["attributes"] for one in sparse]
    same("get_profiles: fields", names, [{"email": one} for one in sorted(addresses)])
    for parameter, value in {"filter": 'equals(x,"y")', "sort": "x"}.items():
        options = {parameter: value}
        said, _ = refusal(f"get_profiles: unknown in {parameter}", 400, lambda: call(**options))
        source = said.get("source", {}).get("parameter")
        same(f"get_profiles: unknown in {parameter}: parameter", source, parameter)


def update(api):
    properties = {"old": 1, "stays": 2, "goes": 3, "tags": ["a", "b"]}
    names = {"first_name": "Ada", "last_name": "L", "location": PLACE}
    made = create(api, "update", properties=properties, **names).id
    attributes = {"first_name": None, "location": {"city": None}, "properties": {"new": [1]}}
    got = api.Profiles.update_profile(made, patch(made, attributes)).data.attributes
    same("update_profile: null clears", (got.first_name, got.location.city), (None, None))
    same("update_profile: the rest stays", (got.last_name, got.location.zip), ("L", "8001"))
    same("update_profile: properties join", got.properties, properties | {"new": [1]})

    meta = {"patch_properties": {"append": {"tags": "c"}, "unset": ["old", "new"]}}
    got = api.Profiles.update_profile(made, patch(made, {}, meta)).data.attributes
    left = {"stays": 2, "goes": 3, "tags": ["a", "b", "c"]}
    same("update_profile: append and unset", got.properties, left)
    meta = {"patch_properties": {"unappend": {"tags": "a"}, "unset": "goes"}}
    got = api.Profiles.update_profile(made, patch(made, {}, meta)).data.attributes
    same("update_profile: unappend", got.properties, {"stays": 2, "tags": ["b", "c"]})

    taken = create(api, "taken")
    attributes = {"email": email("taken")}
    call = lambda: api.Profiles.update_profile(made, patch(made, attributes))
    said, _ = refusal("update_profile: taken", 409, call)
    same("update_profile: whose", said.get("meta", {}).get("duplicate_profile_id"), taken.id)
    call = lambda: api.Profiles.update_profile(made, patch(taken.id, {"title": "x"}))
    said, _ = refusal("update_profile: another id", 400, call)
    same("update_profile: pointer", said.get("source", {}).get("pointer"), "/data/id")


def upsert(api):
    call = api.Profiles.create_or_update_profile_with_http_info
    new = call(profile(email=email("import"), first_name="Ada", properties={"a": 1}))
    same("create_or_update_profile: new", new.status_code, 201)
    attributes = {"email": email("import"), "first_name": "Eve", "properties": {"tags": ["x"]}}
    known = call(profile(**attributes))
    same("create_or_update_profile: known", known.status_code, 200)
    same("create_or_update_profile: id", known.data.data.id, new.data.data.id)
    got = known.data.data.attributes
    joined = {"a": 1, "tags": ["x"]}
    same("create_or_update_profile", (got.first_name, got.properties), ("Eve", joined))
    body = patch(new.data.data.id, {}, {"patch_properties": {"append": {"tags": "y"}}})
    got = call(body).data.data.attributes
    same("create_or_update_profile: by id", got.properties, {"a": 1, "tags": ["x", "y"]})
    old_name = api.Profiles.create_profile_import(profile(email=email("import"))).data
    same("create_profile_import: the old name", old_name.id, new.data.data.id)


def merge(api):
    into = create(api, "into", first_name="Ada")
    source = create(api, "source", last_name="L", properties={"from": "source"})
    bought = metric(mine("Bought before"))
    api.Events.create_event(event(bought, profile(email=email("source")), unique_id=f"m-{RUN}"))
    body = resource(
        "profile-merge", id=into.id, relationships={"profiles": related("profile", [source.id])}
    )
    answer = api.Profiles.merge_profiles_with_http_info(body)
    same("merge_profiles: status", answer.status_code, 201)
    same("merge_profiles: id", answer.data.data.id, into.id)
    got = api.Profiles.get_profile(into.id).data.attributes
    same("merge_profiles: names", (got.email, got.first_name), (email("into"), "Ada"))
    taken = (got.last_name, got.properties.get("from"))
    same("merge_profiles: what was lacking", taken, ("L", "source"))
    refusal("merge_profiles: the source", 404, lambda: api.Profiles.get_profile(source.id))
    listed = api.Events.get_events(filter=f'equals(profile_id,"{into.id}")').data
    uniques = [one.attributes.event_properties.get("$event_id") for one in listed]
    check("merge_profiles: its events", f"m-{RUN}" in uniques, uniques)
    known = api.Profiles.create_or_update_profile(profile(email=email("source"))).data
    same("merge_profiles: the old address", known.id, into.id)
    call = lambda: api.Profiles.merge_profiles(body)
    refusal("merge_profiles: again", 404, call)


def groups(api):
    made = create(api, "groups", properties={"club": RUN})
    a_list = api.Lists.create_list(resource("list", attributes={"name": mine("Of one")})).data
    api.Lists.add_profiles_to_list(a_list.id, related("profile", [made.id]))
    listed = api.Profiles.get_lists_for_profile(made.id).data
    found = [(one.id, one.attributes.name) for one in listed]
    same("get_lists_for_profile", found, [(a_list.id, mine("Of one"))])
    old_name = api.Profiles.get_profile_lists(made.id)
    same("get_profile_lists: the old name", ids(old_name), [a_list.id])
    sparse = api.Profiles.get_lists_for_profile(made.id, fields_list=["name"])["data"]
    same("get_lists_for_profile: fields", sparse[0]["attributes"], {"name": mine("Of one")})

    is_member = {"type": "string", "operator": "equals", "value": RUN}
    condition = {"type": "profile-property", "property": "properties['club']", "filter": is_member}
    definition = {"condition_groups": [{"conditions": [condition]}]}
    attributes = {"name": mine("Club"), "definition": definition}
    segment = api.Segments.create_segment(resource("segment", attributes=attributes)).data
    entered = lambda: ids(api.Profiles.get_segments_for_profile(made.id)) == [segment.id]
    until("get_segments_for_profile", entered)
    old_name = api.Profiles.get_profile_segments(made.id)
    same("get_profile_segments: the old name", ids(old_name), [segment.id])


if __name__ == "__main__":
    run(creation, listing, update, upsert, merge, groups)
