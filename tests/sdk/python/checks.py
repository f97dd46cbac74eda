"""What all checks of the Python SDK use: counting, connecting, waiting, paging.

It checks nothing by itself. SDK_HOST and SDK_KEY say where the daemon is and how to get in; `run`
sets them.
"""

import json
import os
import time
import traceback

from klaviyo_api import KlaviyoAPI
from openapi_client.exceptions import (
    ApiException,
    BadRequestException,
    NotFoundException,
    UnauthorizedException,
)

HOST = os.environ["SDK_HOST"]
KEY = os.environ["SDK_KEY"]

# Checks against one daemon do not meet: what each makes has this in its name.
RUN = f"{time.time_ns():x}"
# The milliseconds of 10,000 seconds.
TIME_PART = int(RUN, 16) // 1_000_000 % 10_000_000
# What a daemon does after it has answered is done within this time.
SOON_SECONDS = 10
POLL_SECONDS = 0.05
# More than any listing here has; a link that leads in a circle ends.
PAGES_MAX = 50

# What the SDK raises by the status of the answer.
RAISED = {400: BadRequestException, 401: UnauthorizedException, 404: NotFoundException}

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


def refusal(name, status, call):
    """The first error of a call that has to be refused, and what the SDK raised."""
    try:
        answer = call()
    except ApiException as error:
        same(f"{name}: status", error.status, status)
        same(f"{name}: raised", type(error), RAISED.get(status, ApiException))
        return json.loads(error.body)["errors"][0], error
    check(f"{name}: status", False, f"not refused: {answer!r}")
    return {}, None


def until(name, probe, detail=lambda: "not in time", seconds=SOON_SECONDS):
    """What `probe` gives as soon as it gives something; a failure if it does not in time."""
    deadline = time.monotonic() + seconds
    while not (found := probe()) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    check(name, found, None if found else detail())
    return found


def is_gone(call):
    """Whether a call now answers 404; for `until`."""
    try:
        call()
    except NotFoundException:
        return True
    return False


def connect(key=KEY):
    return KlaviyoAPI(key, test_host=HOST)


# Shapes that many requests share


def mine(name):
    return f"{name} {RUN}"


def email(name):
    return f"{name}-{RUN}@shop.example"


def phone(number):
    """One of a thousand numbers that no other run has, unless it began 10,000 seconds apart."""
    return f"+1555{TIME_PART:07}{number:03}"


def metric(name, service=None):
    attributes = {"name": name} | ({"service": service} if service else {})
    return resource("metric", attributes=attributes)


def profile(**attributes):
    return resource("profile", attributes=attributes)


def event(of_metric, of_profile, **attributes):
    attributes = {"properties": {}, **attributes, "metric": of_metric, "profile": of_profile}
    return resource("event", attributes=attributes)


def bulk_of(of_profile, *events):
    """A person's part of a bulk request: the attributes of each event."""
    events = [{"type": "event", "attributes": {"properties": {}, **one}} for one in events]
    attributes = {"profile": of_profile, "events": {"data": events}}
    return {"type": "event-bulk-create", "attributes": attributes}


def bulk_job(*entries):
    attributes = {"events-bulk-create": {"data": list(entries)}}
    return resource("event-bulk-create-job", attributes=attributes)


def webhook(name, url, secret, topics):
    attributes = {"name": name, "endpoint_url": url, "secret_key": secret, "description": "first"}
    relationships = {"webhook-topics": related("webhook-topic", topics)}
    return resource("webhook", attributes=attributes, relationships=relationships)


def resource(kind, **more):
    return {"data": {"type": kind, **more}}


def related(kind, ids):
    return {"data": [{"type": kind, "id": one} for one in ids]}


def quoted(texts):
    """An array as the filters of the API have it."""
    return json.dumps(list(texts), separators=(",", ":"))


# Listings


def as_it_came(link):
    """The SDK sends a whole http link back as the cursor."""
    return link


def over_https(link):
    """Of an https link the SDK sends the cursor alone, after a stray `=`."""
    return link.replace("http://", "https://")


SPELLINGS = {"link": as_it_came, "https link": over_https}


def pages(call, respell=as_it_came, **options):
    found = [call(**options)]
    while (link := found[-1].links.next) and len(found) < PAGES_MAX:
        found.append(call(**options, page_cursor=respell(link)))
    return found


def ids(page):
    return [one.id for one in page.data]


def walk(name, call, expected, **options):
    """Pages through a listing in each spelling of the link; `expected` are its ids in order."""
    for spelling, respell in SPELLINGS.items():
        found = pages(call, respell, **options)
        listed = [one for page in found for one in ids(page)]
        same(f"{name}: pages by {spelling}", listed, expected)
        check(f"{name}: more than one page", len(found) > 1, len(found))


def metric_id(api, name):
    """The id of the metric with this name; None if there is none."""
    listed = (one for page in pages(api.Metrics.get_metrics) for one in page.data)
    return next((one.id for one in listed if one.attributes.name == name), None)


def where(error):
    """The lines of the checks on the way to what was raised; the SDK's own are many."""
    here = os.path.dirname(os.path.abspath(__file__))
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if os.path.dirname(frame.filename) == here]
    return " > ".join(f"{os.path.basename(one.filename)}:{one.lineno}" for one in own)


def run(*parts):
    """Runs the parts of a check, each with the SDK; what one of them raises is a failure."""
    global failed
    api = connect()
    for part in parts:
        try:
            part(api)
        except Exception as error:
            failed += 1
            print(f"FAILED  {part.__name__}, which ends here: {where(error)}", flush=True)
            print(error.body if isinstance(error, ApiException) else repr(error), flush=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    raise SystemExit(1 if failed else 0)
