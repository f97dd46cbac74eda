"""Flows, what starts them, and a request that one sends (Python SDK)."""

import json
import time

from checks import (
    check,
    email,
    event,
    ids,
    metric,
    mine,
    profile,
    quoted,
    refusal,
    resource,
    run,
    same,
    walk,
)
from flow_shapes import (
    ORDERED,
    action,
    actions_of,
    defined,
    groups,
    list_made,
    made,
    named,
    of_event,
    of_person,
    ordered_metric,
    sending,
    turned,
    waiting,
)
from receiver import RenderedReceiver

MASK = "*****"


def sent(api):
    """What a live flow makes of an event, as a receiver gets it; a draft makes nothing."""
    receiver = RenderedReceiver({})
    trigger = {"type": "metric", "id": ordered_metric(api)}
    trigger["trigger_filter"] = groups(of_event(trigger["id"], "Brand", "Ünïcode ☕"))
    body = (
        '{"flow": "{{ flow.id }}", "email": "{{ person.email }}", '
        '"name": "{{ person.first_name }}", "items": {{ event.items }}, '
        "\"value\": {{ event|lookup:'$value' }}, "
        '"kind": "{% if event.gift %}gift{% else %}order{% endif %}"}'
    )
    step = sending(
        "post",
        receiver.url("/orders/{{ event.sku }}"),
        headers={"X-Key": "a key", "X-Person": "{{ person.KlaviyoID }}"},
        body=body,
    )
    answer = api.Flows.create_flow_with_http_info(named("Sends", defined(trigger, step)))
    same("create_flow: status", answer.status_code, 201)
    # It is ours, and shown this once: the SDK's models have no place for it.
    secret = json.loads(answer.raw_data)["data"]["attributes"]["secret_key"]
    for sku in ["early", "other", "wanted", "late"]:
        receiver.expect(f"/orders/{sku}", secret)
    orders(api, receiver, answer.data.data.id)
    time.sleep(1)  # for what should not come
    counts = {path: len(items) for path, items in receiver.items.items()}
    expected = {"/orders/early": 0, "/orders/other": 0, "/orders/wanted": 1, "/orders/late": 0}
    same("sent: the order of the live flow alone", counts, expected)
    same("sent: every signature is right", receiver.faults, [])
    api.Flows.delete_flow(answer.data.data.id)


def orders(api, receiver, flow_id):
    ada = profile(email=email("ada"), first_name='Ada "the first"')
    items = [{"sku": "wanted", "count": 2, "note": None}, "it's"]

    def order(sku, brand="Ünïcode ☕"):
        properties = {"sku": sku, "Brand": brand, "items": items, "gift": True}
        unique = {"value": 9.5, "unique_id": mine(sku)}
        api.Events.create_event(event(metric(ORDERED), ada, properties=properties, **unique))

    order("early")
    same("update_flow: live", turned(api, flow_id, "live"), "live")
    order("other", brand="another")
    order("wanted")
    found = receiver.find("/orders/wanted", lambda _: True)
    check("sent: it came", found is not None, receiver.faults)
    same("update_flow: draft", turned(api, flow_id, "draft"), "draft")
    order("late")
    if found is None:
        return
    whose = api.Profiles.get_profiles(filter=f'equals(email,"{email("ada")}")').data[0].id
    names = ["X-Klaviyo-Flow-ID", "X-Key", "X-Person"]
    headers = [found["headers"][name] for name in names]
    same("sent: headers", headers, [flow_id, "a key", whose])
    expected = {
        "flow": flow_id,
        "email": email("ada"),
        "name": 'Ada "the first"',
        "items": items,
        "value": 9.5,
        "kind": "gift",
    }
    same("sent: body", found["body"], expected)


def one_flow(api):
    """A flow as it was created, as it is read, and what is beside it."""
    its_metric = ordered_metric(api)
    trigger = {"type": "metric", "id": its_metric, "trigger_filter": None}
    filters = groups(of_person("plan", "pro"))
    more = {"profile_filter": filters, "reentry_criteria": {"duration": 1, "unit": "day"}}
    definition = defined(trigger, waiting("a1", "a2"), sending("a2"), **more)
    flow = made(api, "One", definition)
    attributes = flow.attributes
    found = (attributes.name, attributes.status, attributes.trigger_type, attributes.archived)
    same("create_flow: attributes", found, (mine("One"), "draft", "Metric", False))
    check("create_flow: dates", attributes.created and attributes.updated, attributes)
    wait, post = actions_of(flow)
    check("create_flow: ids", wait["id"].isdigit() and post["id"].isdigit(), (wait, post))
    found = [(one["temporary_id"], one["links"]) for one in (wait, post)]
    expected = [(None, {"next": post["id"]}), (None, {"next": None})]
    same("create_flow: links", found, expected)
    same("create_flow: entry", attributes.definition.entry_action_id, wait["id"])
    same("create_flow: header is masked", post["data"]["message"]["headers"], {"X-Key": MASK})
    shown = attributes.definition.to_dict()
    for part in ["triggers", "profile_filter", "reentry_criteria"]:
        same(f"create_flow: {part}", shown[part], definition[part])

    got = api.Flows.get_flow(flow.id).data
    same("get_flow", (got.id, got.attributes.name), (flow.id, mine("One")))
    same("get_flow: no definition", got.attributes.definition, None)
    more = {"additional_fields_flow": ["definition"], "include": ["flow-actions", "tags"]}
    got = api.Flows.get_flow(flow.id, **more)
    same("get_flow: definition", got.data.attributes.definition.to_dict(), shown)
    both = [wait["id"], post["id"]]
    related = got.data.relationships
    same("get_flow: its actions", [one.id for one in related.flow_actions.data], both)
    same("get_flow: its tags", related.tags.data, [])
    included = [(one["id"], one["attributes"]["definition"]) for one in got.included]
    same("get_flow: included", included, list(zip(both, shown["actions"])))
    sparse = api.Flows.get_flow(flow.id, fields_flow=["name", "trigger_type"])
    expected = {"name": mine("One"), "trigger_type": "Metric"}
    same("get_flow: fields", sparse["data"]["attributes"], expected)
    same("get_tags_for_flow", ids(api.Flows.get_tags_for_flow(flow.id)), [])
    same("get_tag_ids_for_flow", ids(api.Flows.get_tag_ids_for_flow(flow.id)), [])

    same("update_flow: manual", turned(api, flow.id, "manual"), "manual")
    listed = api.Flows.get_actions_for_flow(flow.id).data
    of_all = [one.attributes.definition["data"].get("status") for one in listed]
    same("update_flow: the status is that of its actions", of_all, [None, "manual"])
    answer = api.Flows.delete_flow_with_http_info(flow.id)
    same("delete_flow: status", answer.status_code, 204)
    refusal("delete_flow: gone", 404, lambda: api.Flows.get_flow(flow.id))
    refusal("delete_flow: actions", 404, lambda: api.Flows.get_flow_action(wait["id"]))


def listing(api):
    call = api.Flows.get_flows
    list_id = list_made(api, "People")
    by_metric = {"type": "metric", "id": ordered_metric(api)}
    by_list = {"type": "list", "id": list_id}
    flows = {}
    for name in "cab":
        definition = defined(by_list if name == "a" else by_metric, sending("w"))
        flows[name] = made(api, name, definition).id
    turned(api, flows["c"], "manual")
    a, b, c = flows["a"], flows["b"], flows["c"]
    three = f"any(id,{quoted(flows.values())})"
    expected = {
        f'equals(name,"{mine("b")}")': [b],
        'starts-with(name,"a ")': [a],
        f'ends-with(name,"{mine("c")}")': [c],
        f'contains(name,"{mine("")}")': [a, b, c],
        'equals(status,"manual")': [c],
        'equals(status,"draft")': [a, b],
        'equals(trigger_type,"Added to List")': [a],
        'equals(trigger_type,"Metric")': [b, c],
        "equals(archived,false)": [a, b, c],
        "equals(archived,true)": [],
        "greater-than(created,2026-01-01T00:00:00Z)": [a, b, c],
        "less-or-equal(updated,2026-01-01T00:00:00Z)": [],
    }
    for text, found in expected.items():
        same(f"get_flows: {text}", ids(call(filter=f"{three},{text}", sort="name")), found)
    by_id = sorted(flows.values())
    orders = {
        "name": [a, b, c],
        "id": by_id,
        "created": [c, a, b],
        "updated": [a, b, c],
        "trigger_type": [a, *sorted([b, c])],
        "status": [*sorted([a, b]), c],
    }
    for name, order in orders.items():
        walk(f"get_flows: {name}", call, order, filter=three, sort=name, page_size=2)
        back = {"filter": three, "sort": f"-{name}", "page_size": 1}
        walk(f"get_flows: -{name}", call, order[::-1], **back)
    of_one = {"filter": f'any(id,["{a}"])', "include": ["flow-actions"]}
    included = [one["type"] for one in call(**of_one).included]
    same("get_flows: included", included, ["flow-action"])
    sparse = call(filter=f'any(id,["{a}"])', fields_flow=["name"])["data"]
    same("get_flows: fields", [one["attributes"] for one in sparse], [{"name": mine("a")}])
    for flow_id in flows.values():
        api.Flows.delete_flow(flow_id)
    same("get_flows: none left", ids(call(filter=three)), [])


def triggers(api):
    """The flows that a metric, a list and a segment start."""
    list_id = list_made(api, "Start")
    attributes = {"name": mine("Start"), "definition": groups(of_person(mine("x"), "y"))}
    segment_id = api.Segments.create_segment(resource("segment", attributes=attributes)).data.id
    of = {"metric": ordered_metric(api), "list": list_id, "segment": segment_id}
    calls = {
        "metric": (
            api.Metrics.get_flows_triggered_by_metric,
            api.Metrics.get_ids_for_flows_triggered_by_metric,
            lambda one: api.Metrics.get_metric(one, include=["flow-triggers"]),
        ),
        "list": (
            api.Lists.get_flows_triggered_by_list,
            api.Lists.get_ids_for_flows_triggered_by_list,
            lambda one: api.Lists.get_list(one, include=["flow-triggers"]),
        ),
        "segment": (
            api.Segments.get_flows_triggered_by_segment,
            api.Segments.get_ids_for_flows_triggered_by_segment,
            lambda one: api.Segments.get_segment(one, include=["flow-triggers"]),
        ),
    }
    for kind, (flows, flow_ids, beside) in calls.items():
        its_id = of[kind]
        flow = made(api, kind, defined({"type": kind, "id": its_id}, sending("w")))
        found = [(one.id, one.attributes.name) for one in flows(its_id).data]
        same(f"get_flows_triggered_by_{kind}", found, [(flow.id, mine(kind))])
        sparse = flows(its_id, fields_flow=["status"])["data"]
        shown = [one["attributes"] for one in sparse]
        same(f"get_flows_triggered_by_{kind}: fields", shown, [{"status": "draft"}])
        same(f"get_ids_for_flows_triggered_by_{kind}", ids(flow_ids(its_id)), [flow.id])
        got = beside(its_id)
        related = got.data.relationships.flow_triggers.data
        same(f"get_{kind}: flow-triggers", [one.id for one in related], [flow.id])
        same(f"get_{kind}: included", included_ids(got), [flow.id])
        api.Flows.delete_flow(flow.id)
        same(f"get_ids_for_flows_triggered_by_{kind}: none", ids(flow_ids(its_id)), [])


def included_ids(answer):
    """Where resources of one type alone can be included, the SDK has models of them."""
    return [one["id"] if isinstance(one, dict) else one.id for one in answer.included]


def refusals(api):
    trigger = {"type": "metric", "id": ordered_metric(api)}
    wrong = {
        "/triggers/0/id": defined({"type": "metric", "id": "Zzzzzz"}, sending("a")),
        "/actions/0/type": defined(trigger, action("a", "send-email", {"status": "live"})),
        "/actions/0/links/next": defined(trigger, sending("a", follower="b")),
        "/actions/0/data/message/url": defined(trigger, sending("a", "ftp://shop.example/")),
        "/entry_action_id": {**defined(trigger, sending("a")), "entry_action_id": "b"},
    }
    for pointer, definition in wrong.items():
        call = lambda: api.Flows.create_flow(named("wrong", definition))
        said, error = refusal(f"create_flow: {pointer}", 400, call)
        whole = f"/data/attributes/definition{pointer}"
        same(f"create_flow: {pointer}: pointer", said.get("source", {}).get("pointer"), whole)
        parsed = error and error.data.errors[0].detail
        same(f"create_flow: {pointer}: parsed by the SDK", parsed, said.get("detail"))

    flow = made(api, "Refuses", defined(trigger, sending("a")))
    said, _ = refusal("update_flow: status", 400, lambda: turned(api, flow.id, "paused"))
    pointer = "/data/attributes/status"
    same("update_flow: pointer", said.get("source", {}).get("pointer"), pointer)
    for options in [{"filter": 'equals(x,"y")'}, {"sort": "x"}]:
        name = next(iter(options))
        said, _ = refusal(f"get_flows: {name}", 400, lambda: api.Flows.get_flows(**options))
        same(f"get_flows: {name}: parameter", said.get("source", {}).get("parameter"), name)
    refusal("get_flow: unknown", 404, lambda: api.Flows.get_flow("Zzzzzz"))
    refusal("get_flow_action: unknown", 404, lambda: api.Flows.get_flow_action("1"))
    refusal("get_flow_action: malformed", 400, lambda: api.Flows.get_flow_action("one"))
    refusal("get_flow_message: unknown", 404, lambda: api.Flows.get_flow_message("Zzzzzz"))
    api.Flows.delete_flow(flow.id)


if __name__ == "__main__":
    run(sent, one_flow, listing, triggers, refusals)
