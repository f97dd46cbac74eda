"""First-party events: what changes of people, lists and segments reaches a webhook (Python SDK)."""

from checks import (
    RUN,
    check,
    email,
    mine,
    profile,
    related,
    resource,
    run,
    same,
    until,
    webhook,
)
from receiver import ENCODED_SECRET, Receiver

PATH = "/first-party"
TOPICS = [
    "event:klaviyo.manually_suppressed_from_email_marketing",
    "event:klaviyo.merged_profile",
    "event:klaviyo.subscribed_to_email_marketing",
    "event:klaviyo.subscribed_to_list",
    "event:tidings.segment_entered",
]
SUPPRESSED, MERGED, SUBSCRIBED, JOINED, ENTERED = TOPICS


def create(api, name, **attributes):
    return api.Profiles.create_profile(profile(email=email(name), **attributes)).data.id


def of(item, kind):
    """The id of what a delivered event is related to."""
    return item["payload"]["data"]["relationships"][kind]["data"]["id"]


def arrives(receiver, topic, profile_id):
    """The properties of the delivered event of this topic about this person."""
    wanted = lambda item: item["topic"] == topic and of(item, "profile") == profile_id
    item = receiver.find(PATH, wanted)
    check(f"{topic} arrives", item, receiver.faults)
    return item["payload"]["data"]["attributes"]["event_properties"] if item else {}


def joining(api, receiver):
    person = create(api, "joins")
    a_list = api.Lists.create_list(resource("list", attributes={"name": mine("News")})).data.id
    api.Lists.add_profiles_to_list(a_list, related("profile", [person]))
    properties = arrives(receiver, JOINED, person)
    same("subscribed_to_list: which", properties.get("List"), mine("News"))


def subscribing(api, receiver):
    person = create(api, "subscribes")
    channels = {"email": {"marketing": {"consent": "SUBSCRIBED"}}}
    entry = profile(email=email("subscribes"), subscriptions=channels)["data"]
    attributes = {"profiles": {"data": [entry]}}
    body = resource("profile-subscription-bulk-create-job", attributes=attributes)
    api.Profiles.bulk_subscribe_profiles(body)
    arrives(receiver, SUBSCRIBED, person)


def suppressing(api, receiver):
    person = create(api, "suppressed")
    attributes = {"profiles": {"data": [profile(email=email("suppressed"))["data"]]}}
    body = resource("profile-suppression-bulk-create-job", attributes=attributes)
    api.Profiles.bulk_suppress_profiles(body)
    arrives(receiver, SUPPRESSED, person)


def merging(api, receiver):
    into, source = create(api, "into"), create(api, "source")
    relationships = {"profiles": related("profile", [source])}
    body = resource("profile-merge", id=into, relationships=relationships)
    api.Profiles.merge_profiles(body)
    properties = arrives(receiver, MERGED, into)
    check("merged_profile: who", source in str(properties), properties)


def entering(api, receiver):
    is_marked = {"type": "string", "operator": "equals", "value": RUN}
    condition = {"type": "profile-property", "property": "properties['mark']", "filter": is_marked}
    definition = {"condition_groups": [{"conditions": [condition]}]}
    attributes = {"name": mine("Marked"), "definition": definition}
    segment = api.Segments.create_segment(resource("segment", attributes=attributes)).data.id
    is_computed = lambda: not api.Segments.get_segment(segment).data.attributes.is_processing
    until("segment_entered: computed", is_computed)
    person = create(api, "enters", properties={"mark": RUN})
    properties = arrives(receiver, ENTERED, person)
    known = {segment, mine("Marked")} & {str(value) for value in properties.values()}
    check("segment_entered: which", known, properties)


def main(api):
    receiver = Receiver({PATH: ENCODED_SECRET})
    hook = webhook("first-party", receiver.url(PATH), ENCODED_SECRET, TOPICS)
    made = api.Webhooks.create_webhook(hook).data
    for part in [joining, subscribing, suppressing, merging, entering]:
        part(api, receiver)
    api.Webhooks.delete_webhook(made.id)
    same(f"every one of {receiver.requests} deliveries verified", receiver.faults, [])


if __name__ == "__main__":
    run(main)
