"""The actions of flows and their messages: read, changed, deleted (Python SDK)."""

from checks import ids, quoted, refusal, run, same, walk
from flow_shapes import (
    action,
    actions_of,
    defined,
    groups,
    list_made,
    made,
    of_event,
    of_person,
    ordered_metric,
    sending,
    split,
    waiting,
    with_definition,
)


def actions(api):
    trigger = {"type": "metric", "id": ordered_metric(api)}
    steps = [sending("a1", follower="a2"), waiting("a2", "a3"), sending("a3")]
    flow = made(api, "Actions", defined(trigger, *steps))
    first, wait, last = [one["id"] for one in actions_of(flow)]
    reading_actions(api, flow.id, [first, wait, last])

    include = ["flow", "flow-messages"]
    got = api.Flows.get_flow_action(first, include=include)
    definition = got.data.attributes.definition
    same("get_flow_action", definition, actions_of(flow)[0])
    message_id = definition["data"]["message"]["id"]
    related = got.data.relationships
    same("get_flow_action: its flow", related.flow.data.id, flow.id)
    same("get_flow_action: its messages", ids(related.flow_messages), [message_id])
    included = [(one["type"], one["id"]) for one in got.included]
    expected = [("flow", flow.id), ("flow-message", message_id)]
    same("get_flow_action: included", included, expected)
    sparse = api.Flows.get_flow_action(first, fields_flow_action=["definition"])["data"]
    same("get_flow_action: fields", sparse["attributes"]["definition"]["id"], first)
    same("get_flow_for_flow_action", api.Flows.get_flow_for_flow_action(first).data.id, flow.id)
    found = api.Flows.get_flow_id_for_flow_action(first).data.id
    same("get_flow_id_for_flow_action", found, flow.id)
    messages(api, first, wait, definition["data"]["message"])

    definition["data"]["message"]["body"] = '{"changed": true}'
    changed = api.Flows.update_flow_action(first, with_definition(first, definition)).data
    same("update_flow_action", changed.attributes.definition, definition)
    answer = api.Flows.delete_flow_action_with_http_info(wait)
    same("delete_flow_action: status", answer.status_code, 204)
    refusal("delete_flow_action: gone", 404, lambda: api.Flows.get_flow_action(wait))
    leads = api.Flows.get_flow_action(first).data.attributes.definition["links"]
    same("delete_flow_action: the one before leads on", leads, {"next": last})
    api.Flows.delete_flow(flow.id)


def reading_actions(api, flow_id, in_order):
    first, wait, last = in_order
    listings = {
        "actions": lambda **options: api.Flows.get_actions_for_flow(flow_id, **options),
        "ids": lambda **options: api.Flows.get_action_ids_for_flow(flow_id, **options),
    }
    for name, call in listings.items():
        walk(f"{name} of a flow", call, in_order, sort="id", page_size=2)
        back = {"sort": "-id", "page_size": 1}
        walk(f"{name} of a flow: back", call, in_order[::-1], **back)
        by_type = [first, last, wait]
        same(f"{name} of a flow: by type", ids(call(sort="action_type")), by_type)
        expected = {
            'equals(action_type,"TIME_DELAY")': [wait],
            'any(action_type,["SEND_WEBHOOK","SEND_EMAIL"])': [first, last],
            f"any(id,{quoted([last, wait])})": [wait, last],
            'equals(status,"live")': [first, last],
            "less-than(created,2026-01-01T00:00:00Z)": [],
        }
        for text, found in expected.items():
            same(f"{name} of a flow: {text}", ids(call(filter=text, sort="id")), found)


def messages(api, post, wait, definition):
    """The message of a webhook, which others do not have."""
    listed = api.Flows.get_flow_action_messages(post).data
    message_id = definition["id"]
    found = [(one.id, one.attributes.channel, one.attributes.definition) for one in listed]
    same("get_flow_action_messages", found, [(message_id, "webhook", definition)])
    listings = {
        "get_flow_action_messages": api.Flows.get_flow_action_messages,
        "get_message_ids_for_flow_action": api.Flows.get_message_ids_for_flow_action,
    }
    for name, call in listings.items():
        same(f"{name}: of a delay", ids(call(wait)), [])
        same(f"{name}: by name", ids(call(post, filter='equals(name,"a1")')), [message_id])
        same(f"{name}: by another name", ids(call(post, filter='contains(name,"x")')), [])
        sorted_page = call(post, sort="-name", page_size=1)
        same(f"{name}: a page", ids(sorted_page), [message_id])

    got = api.Flows.get_flow_message(message_id, include=["flow-action", "template"])
    same("get_flow_message", got.data.attributes.definition, definition)
    same("get_flow_message: its action", got.data.relationships.flow_action.data.id, post)
    same("get_flow_message: included", [one["id"] for one in got.included], [post])
    sparse = api.Flows.get_flow_message(message_id, fields_flow_message=["channel"])["data"]
    same("get_flow_message: fields", sparse["attributes"], {"channel": "webhook"})
    found = api.Flows.get_action_for_flow_message(message_id).data
    same("get_action_for_flow_message", found.attributes.definition["data"]["message"], definition)
    found = api.Flows.get_action_id_for_flow_message(message_id).data.id
    same("get_action_id_for_flow_message", found, post)


def every_kind(api):
    """A flow of every kind of action: each is changed to what was read of it, and stays that."""
    its_metric = ordered_metric(api)
    list_id = list_made(api, "Kinds")
    pro, event_filter = groups(of_person("plan", "pro")), of_event(its_metric, "Brand", "X")
    asked = {"trigger_filter": groups(event_filter), "trigger_id": its_metric}
    branches = [
        {"branch_id": "b1", "order": 0, "branch_filter": pro, "links": {"next": "update"}},
        {"branch_id": "b2", "order": 1, "is_else": True, "links": {"next": "wait"}},
    ]
    operations = [
        {"operator": "update", "property_type": kind, "property_key": kind, "property_value": value}
        for kind, value in [("string", "x"), ("boolean", True), ("numeric", 1.5), ("date", "today")]
    ]
    more_of_list = {"property_operation": "add", "property_key": "tags", "property_value": "x"}
    operations.append({"operator": "create", "property_type": "list", **more_of_list})
    operations.append({"operator": "delete", "property_key": "old"})
    update = {"profile_operations": operations, "status": "draft"}
    join = {"name": "join", "on_execution": True, "list_id": list_id, "status": "draft"}
    many = action("many", "multi-branch-split", {"name": "Plans", "branches": branches})
    del many["links"]
    kinds = [
        split("person", "conditional-split", {"profile_filter": pro}, "event", "wait"),
        split("event", "trigger-split", {**asked, "trigger_type": "metric"}, "many", None),
        many,
        action("update", "update-profile", update, "join"),
        action("join", "list-update", join, "wait"),
        waiting("wait", "post"),
        sending("post", follower="code"),
        action("code", "code", None),
    ]
    flow = made(api, "Kinds", defined({"type": "metric", "id": its_metric}, *kinds))
    unchanged(api, flow, kinds)


def dates(api):
    date = {
        "type": "date",
        "date_field_type": "profile-property",
        "date_profile_property": "birthday",
        "timedelta_unit_before_date": "days",
        "timedelta_value_before_date": 3,
        "recurrence_frequency": "annually",
        "timezone": "profile",
        "trigger_time": "09:00:00",
        "trigger_days": ["monday", "friday"],
    }
    until_date = {"timezone": "Europe/Berlin", "target_time": "10:30:00", "target_days": None}
    kinds = [action("until", "target-date", until_date, "post"), sending("post")]
    flow = made(api, "Dates", defined(date, *kinds))
    same("create_flow: date trigger", flow.attributes.trigger_type, "Date Based")
    same("create_flow: date trigger's parts", flow.attributes.definition.triggers, [date])
    same("create_flow: target date", actions_of(flow)[0]["data"], until_date)
    unchanged(api, flow, kinds)


def unchanged(api, flow, kinds):
    expected = [one["type"] for one in kinds]
    same("create_flow: kinds", [one["type"] for one in actions_of(flow)], expected)
    for one in actions_of(flow):
        changed = api.Flows.update_flow_action(one["id"], with_definition(one["id"], one)).data
        same(f"update_flow_action: {one['type']}", changed.attributes.definition, one)
    api.Flows.delete_flow(flow.id)


if __name__ == "__main__":
    run(actions, every_kind, dates)
