"""The requests about flows that several checks send (Python SDK).

It checks nothing by itself.
"""

from checks import email, event, metric, metric_id, mine, profile, resource

ORDERED = mine("Ordered")
# Nobody listens there; the flows that name it stay drafts, or nobody enters them.
NOWHERE = "http://127.0.0.1:9/"


def groups(*conditions):
    """One condition of each group has to hold, and each group has one."""
    return {"condition_groups": [{"conditions": [one]} for one in conditions]}


def equals(value):
    return {"type": "string", "operator": "equals", "value": value}


def of_person(name, value):
    matches = equals(value)
    return {"type": "profile-property", "property": f"properties['{name}']", "filter": matches}


def of_event(its_metric, field, value):
    return {
        "type": "metric-property",
        "metric_id": its_metric,
        "field": field,
        "filter": equals(value),
    }


def action(name, kind, data, follower=None):
    links = {"next": follower}
    return {"temporary_id": name, "type": kind, "links": links, "data": data}


def split(name, kind, data, if_true, if_false):
    links = {"next_if_true": if_true, "next_if_false": if_false}
    return {"temporary_id": name, "type": kind, "links": links, "data": data}


def sending(name, url=NOWHERE, follower=None, **message):
    message = {"name": name, "url": url, "headers": {"X-Key": "v"}, "body": "{}"} | message
    return action(name, "send-webhook", {"status": "live", "message": message}, follower)


def waiting(name, follower=None):
    return action(name, "time-delay", {"unit": "minutes", "value": 5}, follower)


def defined(trigger, *actions, **more):
    """People begin with the first action."""
    entry = actions[0]["temporary_id"]
    return {"triggers": [trigger], "entry_action_id": entry, "actions": list(actions), **more}


def named(name, definition):
    return resource("flow", attributes={"name": mine(name), "definition": definition})


def made(api, name, definition):
    return api.Flows.create_flow(named(name, definition)).data


def turned(api, flow_id, status):
    """The status that the flow has after it was given this one."""
    body = resource("flow", id=flow_id, attributes={"status": status})
    return api.Flows.update_flow(flow_id, body).data.attributes.status


def with_definition(action_id, definition):
    return resource("flow-action", id=action_id, attributes={"definition": definition})


def actions_of(flow):
    return flow.attributes.definition.actions


def list_made(api, name):
    return api.Lists.create_list(resource("list", attributes={"name": mine(name)})).data.id


def ordered_metric(api):
    """The metric's id; it is made by its first event, which starts nothing yet."""
    api.Events.create_event(event(metric(ORDERED), profile(email=email("first"))))
    return metric_id(api, ORDERED)
