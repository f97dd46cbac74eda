"""Drives a daemon with the official Python SDK, and verifies its deliveries independently.

SDK_HOST and SDK_KEY say where the daemon is and how to get in; `run` sets them.
"""

import base64
import hashlib
import hmac
import json
import os
import threading
import time
import traceback
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from klaviyo_api import KlaviyoAPI
from openapi_client.exceptions import (
    BadRequestException,
    NotFoundException,
    UnauthorizedException,
)
from standardwebhooks import Webhook, WebhookVerificationError

HOST = os.environ["SDK_HOST"]
KEY = os.environ["SDK_KEY"]

TOPIC = "event:api.placed_order"
FIRST_PARTY_TOPIC = "event:klaviyo.subscribed_to_list"
ENCODED_SECRET = "whsec_" + base64.b64encode(b"thirty-two bytes make a good key").decode()
PLAIN_SECRET = "a plain secret, sécret"
TOLERANCE_SECONDS = 300
DELIVERY_SECONDS = 30

passed = 0
failed = 0


def check(name, good, detail=None):
    global passed, failed
    if good:
        passed += 1
        print(f"ok      {name}", flush=True)
    else:
        failed += 1
        print(f"FAILED  {name}: {detail!r}", flush=True)


def same(name, found, expected):
    check(name, found == expected, f"{found!r} is not {expected!r}")


def refusal(name, kind, status, call):
    """What the SDK raises; `call` has to be refused."""
    try:
        answer = call()
    except kind as error:
        same(f"{name}: status", error.status, status)
        return json.loads(error.body)["errors"][0], error
    check(f"{name}: status", False, f"not refused: {answer!r}")
    return {}, None


# The receiver


def klaviyo_signature(secret, body, timestamp):
    """As Klaviyo's guide does it: the body, then the timestamp."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256)
    digest.update(timestamp.encode())
    return digest.hexdigest()


def standard_verifier(secret):
    """The library decodes base64 after `whsec_`; another secret's bytes are its key."""
    return Webhook(secret if secret.startswith("whsec_") else secret.encode())


def is_refused_by_library(secret, body, headers):
    try:
        standard_verifier(secret).verify(body, headers)
    except WebhookVerificationError:
        return True
    return False


def faults(secret, headers, body):
    """Everything that a strict receiver would refuse a delivery for."""
    found = []

    def expect(good, what):
        if not good:
            found.append(what)

    try:
        document = standard_verifier(secret).verify(body, headers)
    except WebhookVerificationError as error:
        return [f"standardwebhooks: {error}"]
    expect(is_refused_by_library(secret, body + b" ", headers), "a changed body passed")
    expect(is_refused_by_library("another plain secret", body, headers), "another secret passed")

    stamp = headers["Klaviyo-Timestamp"]
    expected = klaviyo_signature(secret, body, stamp)
    expect(hmac.compare_digest(headers["Klaviyo-Signature"], expected), "Klaviyo-Signature")
    now = time.time()
    sent = parsedate_to_datetime(stamp).timestamp()
    expect(abs(now - sent) <= TOLERANCE_SECONDS, f"Klaviyo-Timestamp {stamp}")

    meta = document["meta"]
    expect(headers["Klaviyo-Webhook-Id"] == meta["klaviyo_webhook_id"], "Klaviyo-Webhook-Id")
    sent = datetime.fromisoformat(meta["timestamp"]).timestamp()
    expect(abs(now - sent) <= TOLERANCE_SECONDS, f"meta.timestamp {meta['timestamp']}")
    expect(meta.get("version") and meta.get("klaviyo_account_id"), f"meta {meta}")
    expect(headers["Content-Type"] == "application/json", headers["Content-Type"])
    expect(1 <= len(document["data"]) <= 1000, "the number of events")
    for item in document["data"]:
        expect(sorted(item) == ["external_id", "payload", "topic"], f"item {sorted(item)}")
        expect(item["external_id"] == item["payload"]["data"]["id"], "external_id")
    return found


class Receiver:
    """Takes deliveries on loopback and keeps what they held, by path."""

    def __init__(self, secrets):
        self.secrets = secrets
        self.items = {path: [] for path in secrets}
        self.faults = []
        self.requests = 0
        self.changed = threading.Condition()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def take(self, path, headers, body):
        try:
            found = faults(self.secrets[path], headers, body)
        except Exception as error:  # a receiver answers, whatever comes
            found = [repr(error)]
        with self.changed:
            self.requests += 1
            self.faults += [f"{path}: {fault}" for fault in found]
            if not found:
                webhook = headers["Klaviyo-Webhook-Id"]
                for item in json.loads(body)["data"]:
                    self.items[path].append({**item, "webhook": webhook})
            self.changed.notify_all()
        return 401 if found else 200

    def wait(self, path, event_id):
        """The delivered item of the event with this unique id; None if none comes in time."""

        def find():
            return next((i for i in self.items[path] if unique_id(i) == event_id), None)

        with self.changed:
            self.changed.wait_for(lambda: find() or self.faults, timeout=DELIVERY_SECONDS)
            return find()

    def _handler(receiver):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.take(self.path, self.headers, body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler


def unique_id(item):
    return item["payload"]["data"]["attributes"]["event_properties"]["$event_id"]


# What is asked of the daemon


def webhook(name, url, secret, topics):
    attributes = {"name": name, "endpoint_url": url, "secret_key": secret, "description": "first"}
    related = [{"type": "webhook-topic", "id": topic} for topic in topics]
    return {
        "data": {
            "type": "webhook",
            "attributes": attributes,
            "relationships": {"webhook-topics": {"data": related}},
        }
    }


def change(webhook_id, **attributes):
    return {"data": {"type": "webhook", "id": webhook_id, "attributes": attributes}}


def metric(name, service=None):
    attributes = {"name": name} | ({"service": service} if service else {})
    return {"data": {"type": "metric", "attributes": attributes}}


def profile(**attributes):
    return {"data": {"type": "profile", "attributes": attributes}}


def event(of_metric, of_profile, **attributes):
    return {
        "data": {
            "type": "event",
            "attributes": {
                "properties": {},
                **attributes,
                "metric": of_metric,
                "profile": of_profile,
            },
        }
    }


ORDER = metric("Placed Order")
ADA = profile(
    email="ada@shop.example", first_name="Ada", external_id="u-1", properties={"plan": "pro"}
)
PROPERTIES = {"Brand": "Ünïcode ☕", "nested": {"a": [1, 2.5, {"b": None}], "c": True}}


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

    said, error = refusal("short secret", BadRequestException, 400, create(secret="short"))
    same("short secret: code", said.get("code"), "invalid")
    same("short secret: pointer", said["source"]["pointer"], "/data/attributes/secret_key")
    parsed = error.data.errors[0]
    same("short secret: parsed by the SDK", parsed.detail, said["detail"])
    pointer = said["source"]["pointer"]
    same("short secret: pointer in the SDK's form", parsed.source.pointer, pointer)

    topic = "event:klaviyo.no_such_topic"
    said, _ = refusal("unknown topic", BadRequestException, 400, create(topic=topic))
    pointer = "/data/relationships/webhook-topics/data/0/id"
    same("unknown topic: pointer", said["source"]["pointer"], pointer)

    nobody = event(ORDER, profile(first_name="Nobody"))
    said, _ = refusal(
        "event of nobody", BadRequestException, 400, lambda: api.Events.create_event(nobody)
    )
    check("event of nobody: pointer", "profile" in said["source"]["pointer"], said)

    call = lambda: api.Webhooks.get_webhook("01HF7AYTK76RHR4F17G6DGTRGF")
    said, _ = refusal("no such webhook", NotFoundException, 404, call)
    same("no such webhook: code", said.get("code"), "not_found")

    stranger = KlaviyoAPI("pk_wrong", test_host=HOST)
    said, _ = refusal("wrong key", UnauthorizedException, 401, stranger.Accounts.get_accounts)
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
    same("get_webhooks: ids", [one.id for one in listed.data], [encoded.id, plain.id])
    same("get_webhooks: included", {t.id for t in listed.included}, {TOPIC, FIRST_PARTY_TOPIC})
    # With sparse fields the SDK answers with a dictionary.
    sparse = api.Webhooks.get_webhooks(fields_webhook=["name", "enabled"])["data"]
    same("get_webhooks: fields", sparse[0]["attributes"], {"name": "encoded", "enabled": True})

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
    event_id, payload = item["external_id"], item["payload"]["data"]
    metric_id = payload["relationships"]["metric"]["data"]["id"]
    profile_id = payload["relationships"]["profile"]["data"]["id"]

    got = api.Events.get_event(event_id, include=["metric", "profile"])
    same("get_event: id", got.data.id, event_id)
    found, delivered = got.data.attributes, payload["attributes"]
    same("get_event: properties", found.event_properties, delivered["event_properties"])
    same("get_event: uuid", found.uuid, delivered["uuid"])
    same("get_event: included", {one["id"] for one in got.included}, {metric_id, profile_id})
    sparse = api.Events.get_event(event_id, fields_event=["uuid"])["data"]["attributes"]
    same("get_event: fields", sparse, {"uuid": delivered["uuid"]})

    its = api.Events.get_metric_for_event(event_id).data
    same("get_metric_for_event", (its.id, its.attributes.name), (metric_id, "Placed Order"))
    old_name = api.Events.get_event_metric(event_id).data
    same("get_event_metric: the old name", old_name.id, metric_id)
    its = api.Events.get_profile_for_event(event_id).data
    same("get_profile_for_event", (its.id, its.attributes.email), (profile_id, "ada@shop.example"))
    old_name = api.Events.get_event_profile(event_id).data
    same("get_event_profile: the old name", old_name.id, profile_id)
    related = api.Events.get_metric_id_for_event(event_id).data
    same("get_metric_id_for_event", related.id, metric_id)
    related = api.Events.get_profile_id_for_event(event_id).data
    same("get_profile_id_for_event", related.id, profile_id)

    listed = {one.attributes.name for one in api.Metrics.get_metrics().data}
    check("get_metrics", {"Placed Order", "Subscribed to List"} <= listed, listed)
    filtered = api.Metrics.get_metrics(filter='equals(integration.name,"API")').data
    same("get_metrics: filter", [one.attributes.name for one in filtered], ["Placed Order"])
    same("get_metric", api.Metrics.get_metric(metric_id).data.attributes.name, "Placed Order")
    person = api.Profiles.get_profile(profile_id).data.attributes
    same("get_profile: names", (person.first_name, person.external_id), ("Ada", "u-1"))
    same("get_profile: properties", person.properties, {"plan": "pro"})


def bulk_entry(of_profile, *unique_ids):
    each = [
        {"properties": {"n": n}, "metric": ORDER, "unique_id": unique}
        for n, unique in enumerate(unique_ids)
    ]
    events = [{"type": "event", "attributes": attributes} for attributes in each]
    attributes = {"profile": of_profile, "events": {"data": events}}
    return {"type": "event-bulk-create", "attributes": attributes}


def bulk_events(api, receiver):
    entries = [bulk_entry(ADA, "b-1", "b-2"), bulk_entry(profile(email="bob@shop.example"), "b-3")]
    attributes = {"events-bulk-create": {"data": entries}}
    api.Events.bulk_create_events(
        {"data": {"type": "event-bulk-create-job", "attributes": attributes}}
    )
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
    refusal("deleted webhook", NotFoundException, 404, lambda: api.Webhooks.get_webhook(encoded_id))
    same("get_webhooks: one left", [one.id for one in api.Webhooks.get_webhooks().data], [plain_id])
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


def main():
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
    api = KlaviyoAPI(KEY, test_host=HOST)
    accounts_and_topics(api)
    refusals(api, receiver)
    encoded_id, plain_id = webhooks(api, receiver)
    item = single_events(api, receiver, encoded_id, plain_id)
    read_back(api, item)
    bulk_events(api, receiver)
    switching(api, receiver, plain_id)
    removal(api, receiver, encoded_id, plain_id)
    totals(receiver)


if __name__ == "__main__":
    try:
        main()
    except Exception:
        failed += 1
        traceback.print_exc()
    print(f"{passed} passed, {failed} failed", flush=True)
    raise SystemExit(1 if failed else 0)
