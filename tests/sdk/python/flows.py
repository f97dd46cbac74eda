"""Flows: create, get, list, update, delete, their actions, messages and triggers (Python SDK)."""

from checks import (
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

ORDERED = mine("Ordered")
URL = "https://h.example/x"


def made_metric(api):
    api.Events.create_event(event(metric(ORDERED), profile(email=email("first"))))
    return until("the metric is there", lambda: metric_id(api, ORDERED))


def delay(name, following=None):
    data = {"unit": "minutes", "value": 5, "timezone": "profile"}
    links = {"next": following}
    return {"temporary_id": name, "type": "time-delay", "links": links, "data": data}


def webhook(name, following=None):
    body = '{"email": "{{ person.email }}"}'
    message = {"name": name, "url": URL, "headers": {"X-Key": "v"}, "body": body}
    data = {"status": "live", "message": message}
    links = {"next": following}
    return {"temporary_id": name, "type": "send-webhook", "links": links, "data": data}


def defined(trigger, *actions):
    return {
        "triggers": [trigger],
        "actions": list(actions),
        "entry_action_id": actions[0]["temporary_id"],
    }


def named(name, definition):
    return resource("flow", attributes={"name": mine(name), "definition": definition})


def on_metric(its_id):
    equals = {"type": "string", "operator": "equals", "value": "X"}
    condition = {"type": "metric-property", "metric_id": its_id, "field": "Brand", "filter": equals}
    conditions = {"condition_groups": [{"conditions": [condition]}]}
    return {"type": "metric", "id": its_id, "trigger_filter": conditions}


def included(answer):
    """The ids of what came beside it, which is of a model only where the SDK has one for it."""
    return [one["id"] if isinstance(one, dict) else one.id for one in answer.included]


def as_dict(definition):
    return definition if isinstance(definition, dict) else definition.to_dict()


def working(api):
    """A flow from its making to its end, as the guide of the original has it."""
    ordered = made_metric(api)
    definition = defined(on_metric(ordered), delay("a1", "a2"), webhook("a2"))
    definition["reentry_criteria"] = {"duration": 1, "unit": "day"}
    is_pro = {"type": "string", "operator": "equals", "value": "pro"}
    pro = {"type": "profile-property", "property": "properties['plan']", "filter": is_pro}
    definition["profile_filter"] = {"condition_groups": [{"conditions": [pro]}]}
    answer = api.Flows.create_flow_with_http_info(named("Welcome", definition))
    same("create_flow: status", answer.status_code, 201)
    flow = answer.data.data
    found = (flow.attributes.name, flow.attributes.status, flow.attributes.trigger_type)
    same("create_flow", found, (mine("Welcome"), "draft", "Metric"))
    made = flow.attributes.definition
    first, second = made.actions
    same("create_flow: entry", made.entry_action_id, first["id"])
    same("create_flow: links", first["links"]["next"], second["id"])
    same("create_flow: trigger", made.triggers[0]["id"], ordered)
    same("create_flow: re-entry", made.reentry_criteria.duration, 1)

    more = {"additional_fields_flow": ["definition"], "include": ["flow-actions"]}
    got = api.Flows.get_flow(flow.id, **more)
    same("get_flow: definition", got.data.attributes.definition.to_dict(), made.to_dict())
    same("get_flow: included", included(got), [first["id"], second["id"]])
    body = resource("flow", id=flow.id, attributes={"status": "live"})
    same("update_flow", api.Flows.update_flow(flow.id, body).data.attributes.status, "live")
    acting(api, flow.id, first["id"], second["id"])
    triggers(api, flow.id, ordered)
    answer = api.Flows.delete_flow_with_http_info(flow.id)
    same("delete_flow: status", answer.status_code, 204)
    refusal("get_flow: deleted", 404, lambda: api.Flows.get_flow(flow.id))


def acting(api, flow, first, second):
    flows = api.Flows
    listed = lambda **options: flows.get_actions_for_flow(flow, **options)
    walk("get_actions_for_flow", listed, [first, second], sort="id", page_size=1)
    found = ids(listed(filter='equals(action_type,"SEND_WEBHOOK"),equals(status,"live")'))
    same("get_actions_for_flow: by type", found, [second])
    same("get_action_ids_for_flow", ids(flows.get_action_ids_for_flow(flow)), [first, second])
    same("get_tags_for_flow", ids(flows.get_tags_for_flow(flow)), [])
    same("get_tag_ids_for_flow", ids(flows.get_tag_ids_for_flow(flow)), [])

    got = flows.get_flow_action(second, include=["flow", "flow-messages"]).data
    definition = as_dict(got.attributes.definition)
    same("get_flow_action", (got.id, definition["type"]), (second, "send-webhook"))
    same("get_flow_for_flow_action", flows.get_flow_for_flow_action(second).data.id, flow)
    same("get_flow_id_for_flow_action", flows.get_flow_id_for_flow_action(second).data.id, flow)
    definition["data"]["message"]["body"] = "{}"
    body = resource("flow-action", id=second, attributes={"definition": definition})
    flows.update_flow_action(second, body)

    messages = flows.get_flow_action_messages(second)
    (message,) = ids(messages)
    same("get_flow_action_messages: channel", messages.data[0].attributes.channel, "webhook")
    found = ids(flows.get_message_ids_for_flow_action(second))
    same("get_message_ids_for_flow_action", found, [message])
    same("get_flow_action_messages: none", ids(flows.get_flow_action_messages(first)), [])
    got = flows.get_flow_message(message, include=["flow-action"]).data
    definition = as_dict(got.attributes.definition)
    same("update_flow_action", (definition["url"], definition["body"]), (URL, "{}"))
    action = flows.get_action_for_flow_message(message).data.id
    action_id = flows.get_action_id_for_flow_message(message).data.id
    same("get_action_for_flow_message", (action, action_id), (second, second))

    answer = flows.delete_flow_action_with_http_info(first)
    same("delete_flow_action: status", answer.status_code, 204)
    left = flows.get_flow(flow, additional_fields_flow=["definition"]).data.attributes.definition
    same("delete_flow_action: entry", left.entry_action_id, second)


def triggers(api, flow, ordered):
    found = api.Metrics.get_flows_triggered_by_metric(ordered)
    same("get_flows_triggered_by_metric", ids(found), [flow])
    found = api.Metrics.get_ids_for_flows_triggered_by_metric(ordered)
    same("get_ids_for_flows_triggered_by_metric", ids(found), [flow])
    got = api.Metrics.get_metric(ordered, include=["flow-triggers"])
    same("get_metric: flow-triggers", included(got), [flow])

    named_list = resource("list", attributes={"name": mine("Newsletter")})
    of_list = api.Lists.create_list(named_list).data.id
    definition = defined({"type": "list", "id": of_list}, delay("a"))
    made = api.Flows.create_flow(named("Joined", definition))
    found = (ids(api.Lists.get_flows_triggered_by_list(of_list)), made.data.attributes.trigger_type)
    same("get_flows_triggered_by_list", found, ([made.data.id], "Added to List"))
    found = api.Lists.get_ids_for_flows_triggered_by_list(of_list)
    same("get_ids_for_flows_triggered_by_list", ids(found), [made.data.id])

    is_set = {"type": "existence", "operator": "is-set"}
    nobodys = f"properties['{mine('nobody has it')}']"
    condition = {"type": "profile-property", "property": nobodys, "filter": is_set}
    groups = {"condition_groups": [{"conditions": [condition]}]}
    body = resource("segment", attributes={"name": mine("Known"), "definition": groups})
    segment = api.Segments.create_segment(body).data.id
    definition = defined({"type": "segment", "id": segment}, delay("a"))
    made = api.Flows.create_flow(named("Known", definition)).data.id
    found = ids(api.Segments.get_flows_triggered_by_segment(segment))
    same("get_flows_triggered_by_segment", found, [made])
    found = ids(api.Segments.get_ids_for_flows_triggered_by_segment(segment))
    same("get_ids_for_flows_triggered_by_segment", found, [made])


def reading(api):
    call = api.Flows.get_flows
    definition = defined({"type": "metric", "id": made_metric(api)}, delay("a"))
    made = {name: api.Flows.create_flow(named(name, definition)).data.id for name in "cab"}
    text = f'any(id,{quoted(made.values())})'
    orders = {
        "name": [made[name] for name in "abc"],
        "id": sorted(made.values()),
        "created": list(made.values()),
    }
    for name, order in orders.items():
        walk(f"get_flows: {name}", call, order, filter=text, sort=name, page_size=2)
        back = {"filter": text, "sort": f"-{name}", "page_size": 1}
        if name != "created":
            walk(f"get_flows: -{name}", call, order[::-1], **back)
    same("get_flows: by name", ids(call(filter=f'equals(name,"{mine("b")}")')), [made["b"]])
    found = ids(call(filter=f'equals(status,"draft"),equals(archived,false),{text}', sort="name"))
    same("get_flows: by status", found, orders["name"])
    page = call(filter=text, include=["flow-actions", "tags"])
    same("get_flows: included", len(included(page)), 3)
    sparse = api.Flows.get_flow(made["a"], fields_flow=["name"])["data"]["attributes"]
    same("get_flow: fields", sparse, {"name": mine("a")})
    said, _ = refusal("get_flows: unknown field", 400, lambda: call(filter='equals(x,"y")'))
    same("get_flows: parameter", said.get("source", {}).get("parameter"), "filter")
    for one in made.values():
        api.Flows.delete_flow(one)
    same("get_flows: none left", ids(call(filter=text)), [])


def refusals(api):
    ordered = made_metric(api)
    mail = {"temporary_id": "a", "type": "send-email", "data": {}}
    body = named("Mail", defined({"type": "metric", "id": ordered}, mail))
    said, _ = refusal("create_flow: mail", 400, lambda: api.Flows.create_flow(body))
    pointer = said.get("source", {}).get("pointer")
    same("create_flow: mail: pointer", pointer, "/data/attributes/definition/actions/0/type")
    refusal("get_flow_action: malformed", 400, lambda: api.Flows.get_flow_action("x"))
    refusal("get_flow_action: unknown", 404, lambda: api.Flows.get_flow_action("5"))


if __name__ == "__main__":
    run(working, reading, refusals)
