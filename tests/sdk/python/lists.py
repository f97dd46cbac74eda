"""Lists: create, get, list, update, delete, and their members (Python SDK)."""

from checks import (
    check,
    email,
    ids,
    is_gone,
    mine,
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

UNKNOWN = "Zzzzzz"


def named(name, **more):
    return resource("list", attributes={"name": mine(name), **more})


def create(api, name):
    return api.Lists.create_list(named(name)).data


def crud(api):
    body = named("News", opt_in_process="single_opt_in")
    answer = api.Lists.create_list_with_http_info(body)
    same("create_list: status", answer.status_code, 201)
    made = answer.data.data
    same("create_list: name", made.attributes.name, mine("News"))
    same("create_list: opt in", made.attributes.opt_in_process, "single_opt_in")
    check("create_list: dates", made.attributes.created and made.attributes.updated, made)

    more = {"additional_fields_list": ["profile_count"]}
    got = api.Lists.get_list(made.id, include=["tags", "flow-triggers"], **more).data
    same("get_list", (got.id, got.attributes.name), (made.id, mine("News")))
    same("get_list: profile_count", got.attributes.profile_count, 0)
    plain = api.Lists.get_list(made.id).data.attributes
    same("get_list: profile_count on request only", plain.profile_count, None)
    sparse = api.Lists.get_list(made.id, fields_list=["name"])["data"]["attributes"]
    same("get_list: fields", sparse, {"name": mine("News")})

    body = resource("list", id=made.id, attributes={"name": mine("Renamed")})
    changed = api.Lists.update_list(made.id, body).data
    same("update_list", (changed.id, changed.attributes.name), (made.id, mine("Renamed")))
    same("update_list: read", api.Lists.get_list(made.id).data.attributes.name, mine("Renamed"))

    answer = api.Lists.delete_list_with_http_info(made.id)
    same("delete_list: status", answer.status_code, 204)
    refusal("delete_list: gone", 404, lambda: api.Lists.get_list(made.id))
    refusal("update_list: unknown", 404, lambda: api.Lists.update_list(made.id, body))
    call = lambda: api.Lists.create_list(resource("list", attributes={"name": ""}))
    said, _ = refusal("create_list: no name", 400, call)
    pointer = said.get("source", {}).get("pointer")
    same("create_list: pointer", pointer, "/data/attributes/name")


def listing(api):
    call = api.Lists.get_lists
    made = {name: create(api, name).id for name in "bdaec"}
    names = [mine(name) for name in made]
    text = f"any(name,{quoted(names)})"
    same("get_lists: by name", ids(call(filter=f'equals(name,"{mine("d")}")')), [made["d"]])
    same("get_lists: by id", ids(call(filter=f'equals(id,"{made["a"]}")')), [made["a"]])
    two = [made["a"], made["b"]]
    same("get_lists: by ids", ids(call(filter=f"any(id,{quoted(two)})", sort="name")), two)
    orders = {
        "name": [made[name] for name in "abcde"],
        "id": sorted(made.values()),
        "created": list(made.values()),
        "updated": list(made.values()),
    }
    for name, order in orders.items():
        walk(f"get_lists: {name}", call, order, filter=text, sort=name, page_size=2)
        back = {"filter": text, "sort": f"-{name}", "page_size": 3}
        walk(f"get_lists: -{name}", call, order[::-1], **back)
    since = f"greater-than(created,2020-01-01T00:00:00Z),{text}"
    same("get_lists: created since", ids(call(filter=since, sort="name")), orders["name"])
    later = "greater-than(updated,2100-01-01T00:00:00Z)"
    same("get_lists: updated since", ids(call(filter=later)), [])
    sparse = call(filter=text, fields_list=["name"], include=["tags"])["data"]
    same("get_lists: fields", sorted(one["attributes"]["name"] for one in sparse), sorted(names))
    said, _ = refusal("get_lists: unknown field", 400, lambda: call(filter='equals(x,"y")'))
    same("get_lists: parameter", said.get("source", {}).get("parameter"), "filter")


def members(api):
    a_list = create(api, "Members").id
    people = [api.Profiles.create_profile(profile(email=email(name))).data.id for name in "cab"]
    for one in people:
        answer = api.Lists.add_profiles_to_list_with_http_info(a_list, related("profile", [one]))
        same("add_profiles_to_list: status", answer.status_code, 204)
    count = lambda: (
        api.Lists.get_list(a_list, additional_fields_list=["profile_count"])
        .data.attributes.profile_count
    )
    same("get_list: members counted", count(), 3)
    api.Lists.create_list_relationships(a_list, related("profile", people))
    same("add_profiles_to_list: again is nothing", count(), 3)

    call = lambda **options: api.Lists.get_profiles_for_list(a_list, **options)
    listed = call(sort="joined_group_at")
    same("get_profiles_for_list", ids(listed), people)
    joined = [one.attributes.joined_group_at for one in listed.data]
    check("get_profiles_for_list: joined_group_at", joined == sorted(joined), joined)
    emails = [one.attributes.email for one in listed.data]
    same("get_profiles_for_list: attributes", emails, [email(name) for name in "cab"])
    related_ids = lambda **options: api.Lists.get_profile_ids_for_list(a_list, **options)
    for name, listing in {"profiles": call, "profile_ids": related_ids}.items():
        walk(f"{name}_for_list", listing, people, sort="joined_group_at", page_size=2)
        back = people[::-1]
        walk(f"{name}_for_list: back", listing, back, sort="-joined_group_at", page_size=1)
        found = ids(listing(filter=f'equals(email,"{email("a")}")'))
        same(f"{name}_for_list: by email", found, [people[1]])
        text = f"any(email,{quoted([email('a'), email('b'), email('nobody')])})"
        found = ids(listing(filter=text, sort="joined_group_at"))
        same(f"{name}_for_list: by emails", found, people[1:])
        text = f"greater-or-equal(joined_group_at,{joined[0].isoformat()})"
        same(f"{name}_for_list: joined since", sorted(ids(listing(filter=text))), sorted(people))
        text = "less-than(joined_group_at,2020-01-01T00:00:00Z)"
        same(f"{name}_for_list: joined before", ids(listing(filter=text)), [])
    old_name = api.Lists.get_list_relationships_profiles(a_list)
    same("get_list_relationships_profiles: the old name", sorted(ids(old_name)), sorted(people))
    more = {"additional_fields_profile": ["subscriptions"]}
    found = [one.attributes.subscriptions for one in call(**more).data]
    check("get_profiles_for_list: subscriptions", len(found) == 3 and all(found), found)
    sparse = call(fields_profile=["email"], sort="joined_group_at")["data"]
    found = [one["attributes"] for one in sparse]
    same("get_profiles_for_list: fields", found, [{"email": email(name)} for name in "cab"])

    gone = related("profile", people[:1])
    answer = api.Lists.remove_profiles_from_list_with_http_info(a_list, gone)
    same("remove_profiles_from_list: status", answer.status_code, 204)
    same("remove_profiles_from_list", ids(call(sort="joined_group_at")), people[1:])
    same("remove_profiles_from_list: counted", count(), 2)

    same("a member's lists", ids(api.Profiles.get_lists_for_profile(people[1])), [a_list])
    api.Lists.delete_list(a_list)
    until("delete_list: members gone", lambda: is_gone(call))
    emptied = lambda: ids(api.Profiles.get_lists_for_profile(people[1])) == []
    until("delete_list: in no member's lists", emptied)
    body = related("profile", people)
    call = lambda: api.Lists.add_profiles_to_list(UNKNOWN, body)
    refusal("add_profiles_to_list: unknown list", 404, call)


if __name__ == "__main__":
    run(crud, listing, members)
