"""Webhooks, and their deliveries, which a receiver verifies independently (Python SDK)."""

import time
from datetime import datetime, timezone

from checks import (
    RUN,
    bulk_job,
    bulk_of,
    check,
    connect,
    email,
    event,
    metric,
    mine,
    profile,
    refusal,
    resource,
    run,
    same,
    webhook,
)
from receiver import (
    ENCODED_SECRET,
    PLAIN_SECRET,
    Receiver,
    klaviyo_signature,
    unique_id,
)

ORDER = metric(mine("Placed Order"))
TOPIC = f"event:api.placed_order_{RUN}"
FIRST_PARTY_TOPIC = "event:klaviyo.subscribed_to_list"
ADA = profile(
    email=email("ada"), first_name="Ada", external_id=f"u-{RUN}", properties={"plan": "pro"}
)
PROPERTIES = {"Brand": "Ünïcode ☕", "nested": {"a": [1, 2.5, {"b": None}], "c": True}}


def change(webhook_id, **attributes):
    return resource("webhook", id=webhook_id, attributes=attributes)


def own(webhooks, *own_ids):
    """Those of a listing that are of this check."""
    return [one.id for one in webhooks if one.id in own_ids]


def accounts_and_topics(api):
    accounts = api.Accounts.get_accounts().data
    same("get_accounts: one", len(accounts), 1)
    same("get_account", api.Accounts.get_account(accounts[0].id).data.id, accounts[0].id)
    topics = [topic.id for topic in api.Webhooks.get_webhook_topics().data]
    first_party = [topic for topic in topics if topic.startswith("event:klaviyo.")]
    same("get_webhook_topics: first-party", len(first_party), 45)
    same("get_webhook_topics: sorted", topics, sorted(topics))
    one = api.Webhooks.get_webhook_topic(FIRST_PARTY_TOPIC).data
    same("get_webhook_topic", one.id, FIRST_PARTY_TOPIC)


def refusals(api, receiver):
    def create(secret=PLAIN_SECRET, topic=TOPIC):
        return lambda: api.Webhooks.create_webhook(
            webhook("bad", receiver.url("/plain"), secret, [topic])
        )

    said, error = refusal("short secret", 400, create(secret="short"))
    same("short secret: code", said.get("code"), "invalid")
    same("short secret: pointer", said["source"]["pointer"], "/data/attributes/secret_key")
    parsed = error.data.errors[0]
    same("short secret: parsed by the SDK", parsed.detail, said["detail"])
    pointer = said["source"]["pointer"]
    same("short secret: pointer in the SDK's form", parsed.source.pointer, pointer)

    topic = "event:klaviyo.no_such_topic"
    said, _ = refusal("unknown topic", 400, create(topic=topic))
    pointer = "/data/relationships/webhook-topics/data/0/id"
    same("unknown topic: pointer", said["source"]["pointer"], pointer)

    nobody = event(ORDER, profile(first_name="Nobody"))
    said, _ = refusal("event of nobody", 400, lambda: api.Events.create_event(nobody))
    check("event of nobody: pointer", "profile" in said["source"]["pointer"], said)

    call = lambda: api.Webhooks.get_webhook("01HF7AYTK76RHR4F17G6DGTRGF")
    said, _ = refusal("no such webhook", 404, call)
    same("no such webhook: code", said.get("code"), "not_found")

    said, _ = refusal("wrong key", 401, connect("pk_wrong").Accounts.get_accounts)
    same("wrong key: code", said.get("code"), "authentication_failed")


def webhooks(api, receiver):
    """Makes, lists and changes the two webhooks; returns their ids."""
    encoded = api.Webhooks.create_webhook(
        webhook("encoded", receiver.url("/encoded"), ENCODED_SECRET, [TOPIC])
    ).data
    plain = api.Webhooks.create_webhook(
        webhook("plain", receiver.url("/plain"), PLAIN_SECRET, [TOPIC, FIRST_PARTY_TOPIC])
    ).data
    check("create_webhook: born enabled", encoded.attributes.enabled and plain.attributes.enabled)
    same("create_webhook: name", encoded.attributes.name, "encoded")
    # It is masked only from keys that may not do everything.
    same("create_webhook: address", encoded.attributes.endpoint_url, receiver.url("/encoded"))
    check("create_webhook: no secret", not hasattr(encoded.attributes, "secret_key"))

    listed = api.Webhooks.get_webhooks(include=["webhook-topics"])
    both = [encoded.id, plain.id]
    same("get_webhooks: ids", own(listed.data, *both), both)
    included = {topic.id for topic in listed.included}
    check("get_webhooks: included", {TOPIC, FIRST_PARTY_TOPIC} <= included, included)
    # With sparse fields the SDK answers with a dictionary.
    sparse = api.Webhooks.get_webhooks(fields_webhook=["name", "enabled"])["data"]
    attributes = [one["attributes"] for one in sparse if one["id"] == encoded.id]
    same("get_webhooks: fields", attributes, [{"name": "encoded", "enabled": True}])

    got = api.Webhooks.get_webhook(plain.id, include=["webhook-topics"]).data
    related = {topic.id for topic in got.relationships.webhook_topics.data}
    same("get_webhook: topics", related, {TOPIC, FIRST_PARTY_TOPIC})

    changed = api.Webhooks.update_webhook(plain.id, change(plain.id, description="second")).data
    same("update_webhook: description", changed.attributes.description, "second")
    same("update_webhook: the rest stays", changed.attributes.name, "plain")
    return encoded.id, plain.id


def single_events(api, receiver, encoded_id, plain_id):
    """Sends events one by one; returns a delivered item."""
    when = datetime(2026, 2, 7, 12, 30, tzinfo=timezone.utc)
    rich = event(
        ORDER,
        ADA,
        properties=PROPERTIES,
        value=9.99,
        value_currency="USD",
        unique_id="o-1",
        time=when,
    )
    check("create_event", api.Events.create_event(rich) is None)
    item = receiver.wait("/encoded", "o-1")
    check("delivery: whsec_ secret", item is not None, receiver.faults)
    check("delivery: plain secret", receiver.wait("/plain", "o-1") is not None, receiver.faults)
    same("delivery: topic", item["topic"], TOPIC)
    same("delivery: webhook", item["webhook"], encoded_id)
    attributes = item["payload"]["data"]["attributes"]
    extra = {"$event_id": "o-1", "$value": 9.99, "$value_currency": "USD"}
    same("delivery: properties", attributes["event_properties"], PROPERTIES | extra)
    same("delivery: timestamp", attributes["timestamp"], int(when.timestamp()))
    same("delivery: datetime", datetime.fromisoformat(attributes["datetime"]), when)

    subscribed = metric("Subscribed to List", "klaviyo")
    api.Events.create_event(event(subscribed, ADA, unique_id="s-1"))
    first_party = receiver.wait("/plain", "s-1")
    same("delivery: first-party topic", first_party and first_party["topic"], FIRST_PARTY_TOPIC)
    same("delivery: first-party webhook", first_party and first_party["webhook"], plain_id)
    return item


def read_back(api, item):
    """What was delivered is what a read gives; `events.py` reads the rest."""
    event_id, payload = item["external_id"], item["payload"]["data"]
    metric_id = payload["relationships"]["metric"]["data"]["id"]
    profile_id = payload["relationships"]["profile"]["data"]["id"]
    got = api.Events.get_event(event_id, include=["metric", "profile"])
    same("get_event: id", got.data.id, event_id)
    found, delivered = got.data.attributes, payload["attributes"]
    same("get_event: properties", found.event_properties, delivered["event_properties"])
    same("get_event: uuid", found.uuid, delivered["uuid"])
    same("get_event: included", {one["id"] for one in got.included}, {metric_id, profile_id})
    person = api.Profiles.get_profile(profile_id).data.attributes
    same("get_profile: names", (person.first_name, person.external_id), ("Ada", f"u-{RUN}"))
    same("get_profile: properties", person.properties, {"plan": "pro"})


def bulk_events(api, receiver):
    one, two, three = [{"metric": ORDER, "unique_id": unique} for unique in ["b-1", "b-2", "b-3"]]
    entries = [bulk_of(ADA, one, two), bulk_of(profile(email=email("bob")), three)]
    api.Events.bulk_create_events(bulk_job(*entries))
    for event_id in ["b-1", "b-2", "b-3"]:
        for path in ["/encoded", "/plain"]:
            arrived = receiver.wait(path, event_id)
            check(f"bulk_create_events: {event_id} at {path}", arrived is not None, receiver.faults)
    ada, bob = receiver.wait("/plain", "b-1"), receiver.wait("/plain", "b-3")
    whose = [i["payload"]["data"]["relationships"]["profile"]["data"]["id"] for i in (ada, bob)]
    check("bulk_create_events: two people", whose[0] != whose[1], whose)


def switching(api, receiver, plain_id):
    """Nothing comes while off, nor afterwards; an event of a known unique id is no event."""
    off = api.Webhooks.update_webhook(plain_id, change(plain_id, enabled=False)).data
    same("update_webhook: off", off.attributes.enabled, False)
    api.Events.create_event(event(ORDER, ADA, unique_id="off-1"))
    check("off: the other webhook gets it", receiver.wait("/encoded", "off-1") is not None)
    on = api.Webhooks.update_webhook(plain_id, change(plain_id, enabled=True)).data
    same("update_webhook: on", on.attributes.enabled, True)
    api.Events.create_event(event(ORDER, ADA, unique_id="o-1", properties={"again": True}))
    api.Events.create_event(event(ORDER, ADA, unique_id="on-1"))
    for path in ["/encoded", "/plain"]:
        check(f"on again: {path}", receiver.wait(path, "on-1") is not None, receiver.faults)


def removal(api, receiver, encoded_id, plain_id):
    check("delete_webhook", api.Webhooks.delete_webhook(encoded_id) is None)
    refusal("deleted webhook", 404, lambda: api.Webhooks.get_webhook(encoded_id))
    left = api.Webhooks.get_webhooks().data
    same("get_webhooks: one left", own(left, encoded_id, plain_id), [plain_id])
    api.Events.create_event(event(ORDER, ADA, unique_id="last"))
    check("the other webhook goes on", receiver.wait("/plain", "last") is not None)


def totals(receiver):
    time.sleep(1)  # for what should not come
    orders = ["o-1", "b-1", "b-2", "b-3", "off-1", "on-1"]
    found = sorted(unique_id(item) for item in receiver.items["/encoded"])
    same("whsec_ webhook: each event once", found, sorted(orders))
    found = sorted(unique_id(item) for item in receiver.items["/plain"])
    expected = sorted([*orders, "s-1", "last"])
    expected.remove("off-1")
    same("plain webhook: each event once", found, expected)
    same(f"every one of {receiver.requests} deliveries verified", receiver.faults, [])


def main(api):
    vector = klaviyo_signature(
        "0123456789abcdef0123456789abcdef",
        b'{"data":[],"meta":{"timestamp":"2026-01-02T03:04:05.000000+00:00",'
        b'"klaviyo_webhook_id":"01HF7AYTK76RHR4F17G6DGTRGF","klaviyo_account_id":"AbC123",'
        b'"version":"2026-07-15"}}',
        "Fri, 02 Jan 2026 03:04:05 GMT",
    )
    expected = "c0cf0045fa305ea2ccc66cbe1c58ed4c4cbbbd73126aa0936d4273abf95e748c"
    same("the receiver's own HMAC", vector, expected)

    receiver = Receiver({"/encoded": ENCODED_SECRET, "/plain": PLAIN_SECRET})
    accounts_and_topics(api)
    refusals(api, receiver)
    encoded_id, plain_id = webhooks(api, receiver)
    item = single_events(api, receiver, encoded_id, plain_id)
    read_back(api, item)
    bulk_events(api, receiver)
    switching(api, receiver, plain_id)
    removal(api, receiver, encoded_id, plain_id)
    totals(receiver)
    api.Webhooks.delete_webhook(plain_id)


if __name__ == "__main__":
    run(main)
