"""Events: create, bulk create, list, get, and what they are related to (Python SDK)."""

from datetime import datetime, timedelta, timezone

from checks import (
    RUN,
    bulk_job,
    bulk_of,
    check,
    email,
    event,
    ids,
    metric,
    mine,
    pages,
    profile,
    refusal,
    run,
    same,
    walk,
)

ORDER = metric(mine("Ordered"))
VIEW = metric(mine("Viewed"))
ADA = profile(email=email("ada"), first_name="Ada")
BOB = profile(email=email("bob"), first_name="Bob")
# Six events, a minute apart: whose, of what.
SENT = [(ADA, ORDER), (ADA, VIEW), (BOB, ORDER), (ADA, ORDER), (BOB, VIEW), (ADA, VIEW)]
BEGAN = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=2)


def at(n):
    return BEGAN + timedelta(minutes=n)


def moment(n):
    """As filters have it: a bare datetime."""
    return at(n).strftime("%Y-%m-%dT%H:%M:%SZ")


def unique(n):
    return f"{RUN}-{n}"


def send(api):
    """The first four come one by one, the others in a bulk request."""
    for n, (whose, of_what) in enumerate(SENT[:4]):
        attributes = {"unique_id": unique(n), "time": at(n), "properties": {"n": n}}
        sent = event(of_what, whose, value=n + 0.5, **attributes)
        answer = api.Events.create_event_with_http_info(sent)
        same(f"create_event {n}: status", answer.status_code, 202)
    late = {"metric": VIEW, "unique_id": unique(4), "time": at(4), "properties": {"n": 4}}
    last = {"metric": VIEW, "unique_id": unique(5), "time": at(5), "properties": {"n": 5}}
    job = bulk_job(bulk_of(BOB, late), bulk_of(ADA, last))
    answer = api.Events.bulk_create_events_with_http_info(job)
    same("bulk_create_events: status", answer.status_code, 202)


def found(api):
    """The six events in the order of their times, as the listing has them."""
    recent = f"greater-or-equal(datetime,{moment(0)})"
    listed = pages(api.Events.get_events, filter=recent, sort="datetime", page_size=1000)
    every = [one for page in listed for one in page.data]
    own = [one for one in every if str(unique_id(one)).startswith(RUN)]
    same("get_events: nothing missing", [unique_id(one) for one in own], [*map(unique, range(6))])
    return own


def unique_id(one):
    return one.attributes.event_properties.get("$event_id")


def related(one):
    """The ids of its metric and of its person."""
    return one.relationships.metric.data.id, one.relationships.profile.data.id


def filters(api, events):
    all_ids = [one.id for one in events]
    order, ada = related(events[0])
    view, bob = related(events[4])
    of_ada = f'equals(profile_id,"{ada}")'
    stamp = lambda n: int(at(n).timestamp())
    expected = {
        f'equals(metric_id,"{order}")': [0, 2, 3],
        f'equals(profile_id,"{bob}")': [2, 4],
        f'equals(metric_id,"{view}"),{of_ada}': [1, 5],
        f"{of_ada},has(profile)": [0, 1, 3, 5],
        f"{of_ada},has(metric)": [0, 1, 3, 5],
        f"{of_ada},greater-than(datetime,{moment(1)})": [3, 5],
        f"{of_ada},greater-or-equal(datetime,{moment(1)})": [1, 3, 5],
        f"{of_ada},less-than(datetime,{moment(3)})": [0, 1],
        f"{of_ada},less-or-equal(datetime,{moment(3)})": [0, 1, 3],
        f"{of_ada},greater-than(timestamp,{stamp(1)})": [3, 5],
        f"{of_ada},greater-or-equal(timestamp,{stamp(1)})": [1, 3, 5],
        f"{of_ada},less-than(timestamp,{stamp(3)})": [0, 1],
        f"{of_ada},less-or-equal(timestamp,{stamp(3)})": [0, 1, 3],
        f'equals(metric_id,"{order}"),greater-than(datetime,{moment(0)})': [2, 3],
    }
    for text, numbers in expected.items():
        listed = api.Events.get_events(filter=text, sort="datetime")
        same(f"get_events: filter {text}", ids(listed), [all_ids[n] for n in numbers])
    window = f"greater-or-equal(datetime,{moment(0)}),less-or-equal(datetime,{moment(5)})"
    listed = api.Events.get_events(filter=window, sort="datetime", page_size=1000)
    own = [one for one in ids(listed) if one in all_ids]
    same("get_events: filter of times alone", own, all_ids)


def sorts_and_pages(api, events):
    call = api.Events.get_events
    ada, of_ada = related(events[0])[1], [events[n].id for n in [0, 1, 3, 5]]
    order, of_order = related(events[0])[0], [events[n].id for n in [0, 2, 3]]
    text = f'equals(profile_id,"{ada}")'
    for sort in ["datetime", "-datetime", "timestamp", "-timestamp"]:
        expected = of_ada[::-1] if sort.startswith("-") else of_ada
        walk(f"get_events: {sort}", call, expected, filter=text, sort=sort, page_size=2)
    text = f'equals(metric_id,"{order}")'
    walk("get_events: of a metric", call, of_order, filter=text, sort="datetime", page_size=1)
    text += f',equals(profile_id,"{ada}")'
    both = [of_order[0], of_order[2]]
    walk("get_events: of both", call, both, filter=text, sort="datetime", page_size=1)
    text = f"greater-or-equal(datetime,{moment(0)}),less-or-equal(datetime,{moment(5)})"
    every = pages(call, filter=text, sort="-datetime", page_size=2, include=["metric"])
    own = [one for page in every for one in ids(page) if one in {e.id for e in events}]
    same("get_events: of all, page by page", own, [one.id for one in events][::-1])


def shapes(api, events):
    """`include` and `fields`."""
    (order, ada), view = related(events[0]), related(events[1])[0]
    text = f'equals(profile_id,"{ada}")'
    listed = api.Events.get_events(filter=text, include=["metric", "profile", "attributions"])
    included = sorted((one["type"], one["id"]) for one in listed.included)
    expected = sorted([("metric", order), ("metric", view), ("profile", ada)])
    same("get_events: included once each", included, expected)
    sparse = api.Events.get_events(
        filter=text,
        fields_event=["uuid", "timestamp"],
        fields_metric=["name"],
        fields_profile=["email"],
        include=["metric", "profile"],
    )
    names = {tuple(sorted(one["attributes"])) for one in sparse["data"]}
    same("get_events: fields of the events", names, {("timestamp", "uuid")})
    attributes = {one["type"]: one["attributes"] for one in sparse["included"]}
    same("get_events: fields of the people", attributes.get("profile"), {"email": email("ada")})
    same("get_events: fields of the metrics", list(attributes.get("metric", {})), ["name"])


def one_event(api, events):
    first = events[0]
    order, ada = related(first)
    got = api.Events.get_event(first.id, include=["metric", "profile"])
    same("get_event: id", got.data.id, first.id)
    attributes = got.data.attributes
    same("get_event: datetime", attributes.datetime_, at(0))
    same("get_event: timestamp", attributes.timestamp, int(at(0).timestamp()))
    properties = {"n": 0, "$event_id": unique(0), "$value": 0.5}
    same("get_event: properties", attributes.event_properties, properties)
    same("get_event: included", {one["id"] for one in got.included}, {order, ada})
    sparse = api.Events.get_event(first.id, fields_event=["uuid"])["data"]["attributes"]
    same("get_event: fields", sparse, {"uuid": attributes.uuid})

    its = api.Events.get_metric_for_event(first.id).data
    same("get_metric_for_event", (its.id, its.attributes.name), (order, mine("Ordered")))
    same("get_event_metric: the old name", api.Events.get_event_metric(first.id).data.id, order)
    more = {"additional_fields_profile": ["subscriptions"]}
    its = api.Events.get_profile_for_event(first.id, **more).data
    same("get_profile_for_event", (its.id, its.attributes.email), (ada, email("ada")))
    check("get_profile_for_event: subscriptions", its.attributes.subscriptions, its)
    same("get_event_profile: the old name", api.Events.get_event_profile(first.id).data.id, ada)
    same("get_metric_id_for_event", api.Events.get_metric_id_for_event(first.id).data.id, order)
    same("get_profile_id_for_event", api.Events.get_profile_id_for_event(first.id).data.id, ada)
    last = api.Profiles.get_profile(ada).data.attributes.last_event_date
    same("get_profile: last_event_date", last, at(5))


def refusals(api, _events):
    call = api.Events.get_events
    cases = {
        "field": ("filter", {"filter": 'equals(colour,"red")'}),
        "operator": ("filter", {"filter": 'contains(metric_id,"x")'}),
        "sort": ("sort", {"sort": "colour"}),
        "include": ("include", {"include": ["colour"]}),
        "cursor": ("page[cursor]", {"page_cursor": "?"}),
    }
    for what, (parameter, options) in cases.items():
        said, _ = refusal(f"get_events: unknown {what}", 400, lambda: call(**options))
        source = said.get("source", {}).get("parameter")
        same(f"get_events: unknown {what}: parameter", source, parameter)
    job = bulk_job(bulk_of(ADA, *[{"metric": ORDER, "unique_id": unique("twice")}] * 2))
    call = lambda: api.Events.bulk_create_events(job)
    refusal("bulk_create_events: a unique id twice", 400, call)


def main(api):
    send(api)
    events = found(api)
    for part in [filters, sorts_and_pages, shapes, one_event, refusals]:
        part(api, events)


if __name__ == "__main__":
    run(main)
