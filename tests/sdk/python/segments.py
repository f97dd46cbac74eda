"""Segments: create, get, list, update, delete, who is in them, and who enters (Python SDK)."""

from checks import (
    check,
    email,
    event,
    ids,
    metric,
    metric_id,
    mine,
    profile,
    quoted,
    refusal,
    resource,
    run,
    same,
    until,
    walk,
)

CAME = mine("Came by")
TIER = mine("tier")


def of_property(name, value):
    matches = {"type": "string", "operator": "equals", "value": value}
    return {"type": "profile-property", "property": f"properties['{name}']", "filter": matches}


def of_metric(its_id, at_least):
    count = {"type": "numeric", "operator": "greater-than-or-equal", "value": at_least}
    lately = {"type": "date", "operator": "in-the-last", "unit": "day", "quantity": 30}
    return {
        "type": "profile-metric",
        "metric_id": its_id,
        "measurement": "count",
        "measurement_filter": count,
        "timeframe_filter": lately,
        "metric_filters": None,
    }


def defined(*groups):
    """Each of the groups has to hold: one of its conditions."""
    return {"condition_groups": [{"conditions": list(group)} for group in groups]}


def named(name, definition, **more):
    return resource("segment", attributes={"name": mine(name), "definition": definition, **more})


def person(api, name, tier):
    body = profile(email=email(name), properties={TIER: tier})
    return api.Profiles.create_profile(body).data.id


def comes(api, name):
    api.Events.create_event(event(metric(CAME), profile(email=email(name)), unique_id=mine(name)))


def rise(api, profile_id, tier):
    attributes = {"properties": {TIER: tier}}
    body = resource("profile", id=profile_id, attributes=attributes)
    api.Profiles.update_profile(profile_id, body)


def is_computed(api, segment_id):
    return not api.Segments.get_segment(segment_id).data.attributes.is_processing


def members(api, segment_id):
    return sorted(ids(api.Segments.get_profiles_for_segment(segment_id)))


def reaches(api, name, segment_id, *people):
    expected = sorted(people)
    probe = lambda: members(api, segment_id) == expected
    until(name, probe, lambda: f"{members(api, segment_id)} is not {expected}")


def entering(api):
    """Gold people that came by: there at the start, by an event, by a change; and leaving."""
    ada, bob = person(api, "ada", "gold"), person(api, "bob", "gold")
    eve = person(api, "eve", "silver")
    comes(api, "ada")
    comes(api, "eve")
    definition = defined([of_property(TIER, "gold")], [of_metric(metric_id(api, CAME), 1)])
    answer = api.Segments.create_segment_with_http_info(named("Gold", definition))
    same("create_segment: status", answer.status_code, 201)
    made = answer.data.data
    same("create_segment: name", made.attributes.name, mine("Gold"))
    check("create_segment: active", made.attributes.is_active, made)
    same("create_segment: starred", made.attributes.is_starred, False)
    until("create_segment: computed", lambda: is_computed(api, made.id))
    same("get_profiles_for_segment: from the start", members(api, made.id), [ada])

    comes(api, "bob")
    reaches(api, "entered by an event", made.id, ada, bob)
    rise(api, eve, "gold")
    reaches(api, "entered by a change", made.id, ada, bob, eve)
    rise(api, ada, "silver")
    reaches(api, "left by a change", made.id, bob, eve)
    reading_members(api, made.id, [bob, eve])
    same("get_segments_for_profile", ids(api.Profiles.get_segments_for_profile(bob)), [made.id])

    # Twice, or platinum: the new definition is computed anew.
    twice = defined([of_property(TIER, "platinum"), of_metric(metric_id(api, CAME), 2)])
    body = resource("segment", id=made.id, attributes={"definition": twice})
    api.Segments.update_segment(made.id, body)
    until("update_segment: computed", lambda: is_computed(api, made.id))
    reaches(api, "update_segment: another definition", made.id)
    rise(api, ada, "platinum")
    reaches(api, "update_segment: the new one counts", made.id, ada)
    api.Segments.delete_segment(made.id)
    call = lambda: api.Segments.get_profiles_for_segment(made.id)
    refusal("get_profiles_for_segment: deleted", 404, call)


def reading_members(api, segment_id, expected):
    listings = {
        "profiles": lambda **options: api.Segments.get_profiles_for_segment(segment_id, **options),
        "ids": lambda **options: api.Segments.get_profile_ids_for_segment(segment_id, **options),
    }
    for name, listing in listings.items():
        walk(f"{name} of a segment", listing, expected, sort="joined_group_at", page_size=1)
        back = {"sort": "-joined_group_at", "page_size": 1}
        walk(f"{name} of a segment: back", listing, expected[::-1], **back)
        found = ids(listing(filter=f'equals(email,"{email("bob")}")'))
        same(f"{name} of a segment: by email", found, expected[:1])
        found = ids(listing(filter=f"any(profile_id,{quoted(expected)})", sort="joined_group_at"))
        same(f"{name} of a segment: by id", found, expected)
    listed = listings["profiles"](sort="joined_group_at").data
    emails = [one.attributes.email for one in listed]
    same("get_profiles_for_segment: attributes", emails, [email("bob"), email("eve")])
    check("get_profiles_for_segment: joined_group_at", listed[0].attributes.joined_group_at)
    more = {"additional_fields_segment": ["profile_count"]}
    count = api.Segments.get_segment(segment_id, **more).data.attributes.profile_count
    same("get_segment: profile_count", count, 2)


def reading(api):
    call = api.Segments.get_segments
    nobody = defined([of_property(TIER, "nobody's")])
    made = {}
    for name in "cab":
        body = named(name, nobody, is_starred=name == "a")
        made[name] = api.Segments.create_segment(body).data.id
    names = [mine(name) for name in made]
    text = f"any(name,{quoted(names)})"
    got = api.Segments.get_segment(made["a"], include=["tags", "flow-triggers"]).data
    same("get_segment", (got.id, got.attributes.name), (made["a"], mine("a")))
    same("get_segment: definition", got.attributes.definition.to_dict(), nobody)
    sparse = api.Segments.get_segment(made["a"], fields_segment=["name"])["data"]["attributes"]
    same("get_segment: fields", sparse, {"name": mine("a")})

    same("get_segments: by name", ids(call(filter=f'equals(name,"{mine("b")}")')), [made["b"]])
    two = f"any(id,{quoted([made['a'], made['b']])})"
    same("get_segments: by ids", ids(call(filter=two, sort="name")), [made["a"], made["b"]])
    starred = ids(call(filter=f"equals(is_starred,true),{text}"))
    same("get_segments: starred", starred, [made["a"]])
    active = ids(call(filter=f"equals(is_active,true),{text}", sort="name"))
    orders = {
        "name": [made[name] for name in "abc"],
        "id": sorted(made.values()),
        "created": list(made.values()),
    }
    same("get_segments: active", active, orders["name"])
    for name, order in orders.items():
        walk(f"get_segments: {name}", call, order, filter=text, sort=name, page_size=2)
        back = {"filter": text, "sort": f"-{name}", "page_size": 1}
        walk(f"get_segments: -{name}", call, order[::-1], **back)
    said, _ = refusal("get_segments: unknown field", 400, lambda: call(filter='equals(x,"y")'))
    same("get_segments: parameter", said.get("source", {}).get("parameter"), "filter")

    attributes = {"name": mine("renamed"), "is_starred": False}
    body = resource("segment", id=made["a"], attributes=attributes)
    changed = api.Segments.update_segment(made["a"], body).data.attributes
    found = (changed.name, changed.is_starred, changed.definition.to_dict())
    same("update_segment", found, (mine("renamed"), False, nobody))
    for one in made.values():
        answer = api.Segments.delete_segment_with_http_info(one)
        same("delete_segment: status", answer.status_code, 204)
    refusal("delete_segment: gone", 404, lambda: api.Segments.get_segment(made["a"]))
    same("get_segments: none left", ids(call(filter=text)), [])


def refusals(api):
    churns = {
        "type": "profile-predictive-analytics",
        "dimension": "churn_probability",
        "filter": {"type": "numeric", "operator": "greater-than", "value": 1},
    }
    call = lambda: api.Segments.create_segment(named("Churn", defined([churns])))
    said, _ = refusal("create_segment: predictions", 400, call)
    pointer = said.get("source", {}).get("pointer", "")
    place = "/data/attributes/definition/condition_groups/0/conditions/0"
    check("create_segment: predictions: pointer", pointer.startswith(place), said)


if __name__ == "__main__":
    run(entering, reading, refusals)
