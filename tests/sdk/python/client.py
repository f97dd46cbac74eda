"""The calls of a browser: events, people and subscriptions without a key (Python).

The server SDKs have none of them, so they go out as a page sends them; the bodies are checked by
the SDK's models where it has them, and the SDK reads back what came of them.
"""

import json
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from openapi_client.models.event_create_query_v2 import EventCreateQueryV2
from openapi_client.models.events_bulk_create_query_resource_object import (
    EventsBulkCreateQueryResourceObject,
)
from openapi_client.models.onsite_profile_create_query_resource_object import (
    OnsiteProfileCreateQueryResourceObject,
)

from checks import (
    HOST,
    RUN,
    bulk_of,
    check,
    email,
    event,
    ids,
    metric,
    mine,
    profile,
    resource,
    run,
    same,
    until,
)

ORIGIN = "https://shop.example"
REVISION = "2026-07-15"
CAME = metric(mine("Came to the page"))


def company(api):
    return api.Accounts.get_accounts().data[0].attributes.public_api_key


def send(path, company_id, body=None, method="POST"):
    """Status, headers and text of the answer."""
    query = urlencode({"company_id": company_id} if company_id else {})
    headers = {"Origin": ORIGIN, "revision": REVISION, "Content-Type": "application/json"}
    if method == "OPTIONS":
        headers["Access-Control-Request-Method"] = "POST"
        headers["Access-Control-Request-Headers"] = "content-type,revision"
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"{HOST}{path}?{query}", data, headers, method=method)
    try:
        with urlopen(request) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def accepted(name, path, company_id, body):
    status, headers, text = send(path, company_id, body)
    same(f"{name}: status", (status, text if status != 202 else ""), (202, ""))
    allowed = headers.get("Access-Control-Allow-Origin")
    check(f"{name}: a page may read the answer", allowed in ("*", ORIGIN), allowed)


def found_by_mail(api, name, **more):
    listed = api.Profiles.get_profiles(filter=f'equals(email,"{email(name)}")', **more).data
    return listed[0] if listed else None


def uniques(api, name):
    """The unique ids of a person's events, in the order of their ids."""
    person = found_by_mail(api, name)
    if person is None:
        return []
    listed = api.Events.get_events(filter=f'equals(profile_id,"{person.id}")').data
    return sorted(one.attributes.event_properties.get("$event_id") for one in listed)


def preflight(api):
    for path in ["events", "event-bulk-create", "profiles", "subscriptions"]:
        status, headers, _ = send(f"/client/{path}", company(api), method="OPTIONS")
        check(f"OPTIONS {path}: status", status in (200, 204), status)
        allowed = headers.get("Access-Control-Allow-Origin")
        check(f"OPTIONS {path}: origin", allowed in ("*", ORIGIN), allowed)
        methods = headers.get("Access-Control-Allow-Methods", "")
        check(f"OPTIONS {path}: method", "POST" in methods, methods)
        allowed = headers.get("Access-Control-Allow-Headers", "").lower()
        for name in ["content-type", "revision"]:
            check(f"OPTIONS {path}: {name}", name in allowed or allowed == "*", allowed)


def events(api):
    sent = event(CAME, profile(email=email("page")), unique_id=f"{RUN}-1", properties={"at": "/"})
    body = EventCreateQueryV2.model_validate(sent).to_dict()
    accepted("create_client_event", "/client/events", company(api), body)
    until("create_client_event: recorded", lambda: uniques(api, "page") == [f"{RUN}-1"])

    one, two = [{"metric": CAME, "unique_id": f"{RUN}-{n}", "properties": {"n": n}} for n in (2, 3)]
    entry = bulk_of(profile(email=email("page")), one, two)
    body = {"data": EventsBulkCreateQueryResourceObject.model_validate(entry).to_dict()}
    path = "/client/event-bulk-create"
    accepted("bulk_create_client_events", path, company(api), body)
    expected = [f"{RUN}-{n}" for n in (1, 2, 3)]
    until("bulk_create_client_events: recorded", lambda: uniques(api, "page") == expected)


def people(api):
    sent = profile(email=email("visitor"), first_name="Ada", properties={"seen": "/"})
    known = OnsiteProfileCreateQueryResourceObject.model_validate(sent["data"]).to_dict()
    accepted("create_client_profile", "/client/profiles", company(api), {"data": known})
    made = until("create_client_profile: made", lambda: found_by_mail(api, "visitor"))
    found = (made.attributes.first_name, made.attributes.properties)
    same("create_client_profile: attributes", found, ("Ada", {"seen": "/"}))


def subscriptions(api):
    list_id = api.Lists.create_list(resource("list", attributes={"name": mine("Footer")})).data.id
    channels = {"email": {"marketing": {"consent": "SUBSCRIBED"}}}
    person = profile(email=email("reader"), subscriptions=channels)
    body = resource(
        "subscription",
        attributes={"custom_source": "Footer", "profile": person},
        relationships={"list": {"data": {"type": "list", "id": list_id}}},
    )
    accepted("create_client_subscription", "/client/subscriptions", company(api), body)
    made = until("create_client_subscription: made", lambda: found_by_mail(api, "reader"))
    is_member = lambda: ids(api.Lists.get_profiles_for_list(list_id)) == [made.id]
    until("create_client_subscription: list", is_member)
    more = {"additional_fields_profile": ["subscriptions"]}
    consent = lambda: (
        found_by_mail(api, "reader", **more).attributes.subscriptions.email.marketing.consent
    )
    until("create_client_subscription: consent", lambda: consent() == "SUBSCRIBED", consent)


def refusals(api):
    body = event(CAME, profile(email=email("stranger")), unique_id=f"{RUN}-4")
    for what, company_id in {"missing": None, "wrong": "Zzzzzz"}.items():
        status, _, text = send("/client/events", company_id, body)
        same(f"company_id {what}: status", status, 400)
        said = json.loads(text)["errors"][0] if text else {}
        source = said.get("source", {}).get("parameter")
        same(f"company_id {what}: parameter", source, "company_id")
    same("company_id: nothing recorded", uniques(api, "stranger"), [])
    status, _, _ = send("/api/events", company(api), body)
    same("a company_id is no key", status, 401)


if __name__ == "__main__":
    run(preflight, events, people, subscriptions, refusals)
