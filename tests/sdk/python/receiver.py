"""A strict receiver of deliveries on loopback: verifies each of them independently of the daemon.

It checks nothing by itself: what it found wrong is in `faults`, what came in `items`.
"""

import base64
import hashlib
import hmac
import json
import threading
import time
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

ENCODED_SECRET = "whsec_" + base64.b64encode(b"thirty-two bytes make a good key").decode()
PLAIN_SECRET = "a plain secret, sécret"
TOLERANCE_SECONDS = 300
DELIVERY_SECONDS = 30


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


def signature_faults(secret, headers, body):
    """What a strict receiver would refuse a request for, whatever its body says."""
    found = []

    def expect(good, what):
        if not good:
            found.append(what)

    try:
        standard_verifier(secret).verify(body, headers)
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
    expect(headers["Content-Type"] == "application/json", headers["Content-Type"])
    return found


def document_faults(headers, document):
    """What is wrong with the body of a subscription's delivery, or contradicts its headers."""
    found = []

    def expect(good, what):
        if not good:
            found.append(what)

    now = time.time()
    meta = document["meta"]
    expect(headers["Klaviyo-Webhook-Id"] == meta["klaviyo_webhook_id"], "Klaviyo-Webhook-Id")
    sent = datetime.fromisoformat(meta["timestamp"]).timestamp()
    expect(abs(now - sent) <= TOLERANCE_SECONDS, f"meta.timestamp {meta['timestamp']}")
    expect(meta.get("version") and meta.get("klaviyo_account_id"), f"meta {meta}")
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

    def read(self, headers, body):
        """What a request holds whose signatures are right, and what is wrong with that."""
        document = json.loads(body)
        webhook = headers["Klaviyo-Webhook-Id"]
        items = [{**item, "webhook": webhook} for item in document["data"]]
        return items, document_faults(headers, document)

    def take(self, path, headers, body):
        items = []
        try:
            found = signature_faults(self.secrets[path], headers, body)
            if not found:
                items, found = self.read(headers, body)
        except Exception as error:  # a receiver answers, whatever comes
            found = [repr(error)]
        with self.changed:
            self.requests += 1
            self.faults += [f"{path}: {fault}" for fault in found]
            if not found:
                self.items[path] += items
            self.changed.notify_all()
        return 401 if found else 200

    def find(self, path, wanted):
        """The first delivered item that is `wanted`; None if none comes in time."""

        def found():
            return next((item for item in self.items[path] if wanted(item)), None)

        with self.changed:
            self.changed.wait_for(lambda: found() or self.faults, timeout=DELIVERY_SECONDS)
            return found()

    def wait(self, path, event_id):
        """The delivered item of the event with this unique id; None if none comes in time."""
        return self.find(path, lambda item: unique_id(item) == event_id)

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


class RenderedReceiver(Receiver):
    """Takes the requests of flows: each is one item, with its headers and its body as JSON."""

    def expect(self, path, secret):
        """What comes there is signed with this secret, which is known later than the address."""
        self.secrets[path] = secret
        self.items[path] = []

    def read(self, headers, body):
        return [{"headers": headers, "body": json.loads(body)}], []


def unique_id(item):
    return item["payload"]["data"]["attributes"]["event_properties"].get("$event_id")
