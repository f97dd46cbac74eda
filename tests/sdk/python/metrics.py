"""Metrics: list, get, their properties, and aggregates (Python SDK)."""

from datetime import datetime, timedelta, timezone

from checks import (
    RUN,
    SPELLINGS,
    bulk_job,
    bulk_of,
    check,
    email,
    event,
    ids,
    metric,
    metric_id,
    mine,
    pages,
    profile,
    refusal,
    resource,
    run,
    same,
)

NAME = mine("Bought")
ADA = profile(email=email("ada"))
BOB = profile(email=email("bob"))
TODAY = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
DAYS = [TODAY - timedelta(days=n) for n in (10, 9, 8)]
# Who, on which of the days, for how much. Nothing happens on the third.
BOUGHT = [(ADA, 0, 10, "USD"), (ADA, 0, 5, "EUR"), (BOB, 0, 20, "USD"), (ADA, 1, 7, "USD")]
BRANDS = ["Acme", "Ünïcode"]
MORE = {"Categories": ["a", "b"], "Pieces": 3, "Gift": True}
# More than a page of metrics has.
MANY = 205


def send(api):
    for n, (whose, day, value, currency) in enumerate(BOUGHT):
        sent = event(
            metric(NAME),
            whose,
            time=DAYS[day] + timedelta(hours=2, minutes=n),
            value=value,
            value_currency=currency,
            unique_id=f"{RUN}-{n}",
            properties={"Brand": BRANDS[n % 2], **MORE},
        )
        api.Events.create_event(sent)
    events = [{"metric": metric(mine(f"Of many {n:03}"))} for n in range(MANY)]
    api.Events.bulk_create_events(bulk_job(bulk_of(ADA, *events)))


def listing(api):
    expected = {mine(f"Of many {n:03}") for n in range(MANY)} | {NAME}
    for spelling, respell in SPELLINGS.items():
        found = pages(api.Metrics.get_metrics, respell)
        listed = [one for page in found for one in page.data]
        names = {one.attributes.name for one in listed}
        same(f"get_metrics: all, by {spelling}", expected - names, set())
        same(f"get_metrics: once, by {spelling}", len({one.id for one in listed}), len(listed))
        check(f"get_metrics: more than one page, by {spelling}", len(found) > 1, len(found))
    text = 'equals(integration.name,"API")'
    listed = [one for page in pages(api.Metrics.get_metrics, filter=text) for one in page.data]
    check("get_metrics: filter", expected <= {one.attributes.name for one in listed})
    names = {one.attributes.integration["name"] for one in listed}
    same("get_metrics: nothing but the filtered", names, {"API"})
    said, _ = refusal(
        "get_metrics: unknown field", 400, lambda: api.Metrics.get_metrics(filter='equals(x,"y")')
    )
    same("get_metrics: parameter", said.get("source", {}).get("parameter"), "filter")


def one_metric(api):
    its_id = metric_id(api, NAME)
    got = api.Metrics.get_metric(its_id, fields_flow=["name"], include=["flow-triggers"])
    same("get_metric: name", got["data"]["attributes"]["name"], NAME)
    sparse = api.Metrics.get_metric(its_id, fields_metric=["name"])["data"]["attributes"]
    same("get_metric: fields", sparse, {"name": NAME})
    refusal("get_metric: unknown", 404, lambda: api.Metrics.get_metric("Zzzzzz"))


def properties(api):
    its_id = metric_id(api, NAME)
    more = {"additional_fields_metric_property": ["sample_values"]}
    listed = api.Metrics.get_properties_for_metric(its_id, **more)
    named = {one.attributes.var_property: one for one in listed.data}
    check("get_properties_for_metric", {"Brand", *MORE} <= set(named), list(named))
    brand = named["Brand"].attributes
    same("get_properties_for_metric: samples", sorted(brand.sample_values), sorted(BRANDS))
    types = {name: one.attributes.inferred_type for name, one in named.items()}
    same("get_properties_for_metric: a list", types["Categories"], "List")
    different = {types[name] for name in ["Brand", *MORE]}
    same("get_properties_for_metric: four types", len(different), 4)
    plain = api.Metrics.get_properties_for_metric(its_id)
    same("get_properties_for_metric: ids stay", sorted(ids(plain)), sorted(ids(listed)))
    without = {one.attributes.sample_values is None for one in plain.data}
    same("get_properties_for_metric: samples on request only", without, {True})
    old_name = api.Metrics.get_metric_metric_properties(its_id)
    same("get_metric_metric_properties: the old name", sorted(ids(old_name)), sorted(ids(plain)))

    its = named["Brand"].id
    got = api.Metrics.get_metric_property(its, include=["metric"], **more)
    same("get_metric_property: id", got.data.id, its)
    same("get_metric_property: label", got.data.attributes.label, "Brand")
    same("get_metric_property: samples", sorted(got.data.attributes.sample_values), sorted(BRANDS))
    same("get_metric_property: included", [one.id for one in got.included], [its_id])
    sparse = api.Metrics.get_metric_property(its, fields_metric_property=["label"])
    same("get_metric_property: fields", sparse["data"]["attributes"], {"label": "Brand"})


def asked(its_id, **more):
    """An aggregate over the three days."""
    text = "%Y-%m-%dT%H:%M:%S"
    begin, end = DAYS[0].strftime(text), (DAYS[2] + timedelta(days=1)).strftime(text)
    attributes = {
        "metric_id": its_id,
        "measurements": ["count", "sum_value", "unique"],
        "interval": "day",
        "filter": [f"greater-or-equal(datetime,{begin})", f"less-than(datetime,{end})"],
    } | more
    return resource("metric-aggregate", attributes=attributes)


def aggregates(api):
    its_id = metric_id(api, NAME)
    query = api.Metrics.query_metric_aggregates

    got = query(asked(its_id)).data.attributes
    same("query_metric_aggregates: dates", got.dates, DAYS)
    rows = [(row.dimensions, row.measurements) for row in got.data]
    every = {"count": [3, 1, 0], "sum_value": [35, 7, 0], "unique": [2, 1, 0]}
    same("query_metric_aggregates: by day", rows, [([], every)])

    got = query(asked(its_id, by=["$value_currency"])).data.attributes
    rows = {tuple(row.dimensions): row.measurements for row in got.data}
    expected = {
        ("USD",): {"count": [2, 1, 0], "sum_value": [30, 7, 0], "unique": [2, 1, 0]},
        ("EUR",): {"count": [1, 0, 0], "sum_value": [5, 0, 0], "unique": [1, 0, 0]},
    }
    same("query_metric_aggregates: by currency", rows, expected)

    for sort, order in {"-count": ["USD", "EUR"], "count": ["EUR", "USD"]}.items():
        got = query(asked(its_id, by=["$value_currency"], measurements=["count"], sort=sort))
        found = [row.dimensions[0] for row in got.data.attributes.data]
        same(f"query_metric_aggregates: sort {sort}", found, order)

    got = query(asked(its_id, interval="hour", measurements=["count"])).data.attributes
    counts = got.data[0].measurements["count"]
    same("query_metric_aggregates: hours", len(got.dates), 72)
    same("query_metric_aggregates: by hour", [counts[2], counts[26], sum(counts)], [3, 1, 4])

    # Two in the morning in Greenwich is the evening before in Phoenix, seven hours behind.
    there = "%Y-%m-%dT%H:%M:%S-07:00"
    begin, end = DAYS[0].strftime(there), (DAYS[2] + timedelta(days=1)).strftime(there)
    window = [f"greater-or-equal(datetime,{begin})", f"less-than(datetime,{end})"]
    got = query(
        asked(its_id, timezone="America/Phoenix", filter=window, measurements=["count"])
    ).data.attributes
    same("query_metric_aggregates: counts elsewhere", got.data[0].measurements["count"], [1, 0, 0])
    begins = [day + timedelta(hours=7) for day in DAYS]
    same("query_metric_aggregates: days elsewhere", got.dates, begins)

    nothing = asked(its_id, filter=[])
    refusal("query_metric_aggregates: no time range", 400, lambda: query(nothing))


if __name__ == "__main__":
    run(send, listing, one_metric, properties, aggregates)
