// Events: create, bulk create, list, get, and what they are related to (Node SDK).

import {
  RUN,
  bulkJob,
  bulkOf,
  check,
  email,
  event,
  ids,
  metric,
  mine,
  pages,
  profile,
  refusal,
  run,
  same,
  walk,
} from './checks.mjs';

const ORDER = metric(mine('Ordered'));
const VIEW = metric(mine('Viewed'));
const ADA = profile({ email: email('ada'), firstName: 'Ada' });
const BOB = profile({ email: email('bob'), firstName: 'Bob' });
// Six events, a minute apart: whose, of what.
const SENT = [[ADA, ORDER], [ADA, VIEW], [BOB, ORDER], [ADA, ORDER], [BOB, VIEW], [ADA, VIEW]];
const MINUTE_MS = 60_000;
const BEGAN_MS = Math.floor(Date.now() / 1000) * 1000 - 2 * 24 * 60 * MINUTE_MS;

const at = (n) => new Date(BEGAN_MS + n * MINUTE_MS);
/** As filters have it: a bare datetime. */
const moment = (n) => at(n).toISOString();
const stamp = (n) => at(n).getTime() / 1000;
const unique = (n) => `${RUN}-${n}`;
const uniqueId = (one) => one.attributes.eventProperties.$event_id;
const metricOf = (one) => one.relationships.metric.data.id;
const personOf = (one) => one.relationships.profile.data.id;
const list = (api) => (options) => api.events.getEvents(options);

/** The first four come one by one, the others in a bulk request. */
async function send(api) {
  for (const [n, [whose, ofWhat]] of SENT.slice(0, 4).entries()) {
    const attributes = { uniqueId: unique(n), time: at(n), properties: { n }, value: n + 0.5 };
    const { response } = await api.events.createEvent(event(ofWhat, whose, attributes));
    same(`createEvent ${n}: status`, response.status, 202);
  }
  const late = { metric: VIEW, uniqueId: unique(4), time: at(4), properties: { n: 4 } };
  const last = { metric: VIEW, uniqueId: unique(5), time: at(5), properties: { n: 5 } };
  const job = bulkJob(bulkOf(BOB, late), bulkOf(ADA, last));
  const { response } = await api.events.bulkCreateEvents(job);
  same('bulkCreateEvents: status', response.status, 202);
}

/** The six events in the order of their times, as the listing has them. */
async function found(api) {
  const filter = `greater-or-equal(datetime,${moment(0)})`;
  const listed = await pages(list(api), { filter, sort: 'datetime', pageSize: 1000 });
  const every = listed.flatMap((page) => page.data);
  const own = every.filter((one) => String(uniqueId(one)).startsWith(RUN));
  same('getEvents: nothing missing', own.map(uniqueId), [0, 1, 2, 3, 4, 5].map(unique));
  return own;
}

async function filters(api, events) {
  const [order, view] = [metricOf(events[0]), metricOf(events[4])];
  const bob = personOf(events[4]);
  const ofAda = `equals(profile_id,"${personOf(events[0])}")`;
  const expected = {
    [`equals(metric_id,"${order}")`]: [0, 2, 3],
    [`equals(profile_id,"${bob}")`]: [2, 4],
    [`equals(metric_id,"${view}"),${ofAda}`]: [1, 5],
    [`${ofAda},has(profile)`]: [0, 1, 3, 5],
    [`${ofAda},has(metric)`]: [0, 1, 3, 5],
    [`${ofAda},greater-than(datetime,${moment(1)})`]: [3, 5],
    [`${ofAda},greater-or-equal(datetime,${moment(1)})`]: [1, 3, 5],
    [`${ofAda},less-than(datetime,${moment(3)})`]: [0, 1],
    [`${ofAda},less-or-equal(datetime,${moment(3)})`]: [0, 1, 3],
    [`${ofAda},greater-than(timestamp,${stamp(1)})`]: [3, 5],
    [`${ofAda},greater-or-equal(timestamp,${stamp(1)})`]: [1, 3, 5],
    [`${ofAda},less-than(timestamp,${stamp(3)})`]: [0, 1],
    [`${ofAda},less-or-equal(timestamp,${stamp(3)})`]: [0, 1, 3],
    [`equals(metric_id,"${order}"),greater-than(datetime,${moment(0)})`]: [2, 3],
  };
  for (const [filter, numbers] of Object.entries(expected)) {
    const { body } = await api.events.getEvents({ filter, sort: 'datetime' });
    same(`getEvents: filter ${filter}`, ids(body), numbers.map((n) => events[n].id));
  }
  const filter = `greater-or-equal(datetime,${moment(0)}),less-or-equal(datetime,${moment(5)})`;
  const { body } = await api.events.getEvents({ filter, sort: 'datetime', pageSize: 1000 });
  const own = ids(body).filter((id) => events.some((one) => one.id === id));
  same('getEvents: filter of times alone', own, events.map((one) => one.id));
}

async function sortsAndPages(api, events) {
  const pick = (...numbers) => numbers.map((n) => events[n].id);
  const ofAda = `equals(profile_id,"${personOf(events[0])}")`;
  for (const sort of ['datetime', '-datetime', 'timestamp', '-timestamp']) {
    const expected = sort.startsWith('-') ? pick(5, 3, 1, 0) : pick(0, 1, 3, 5);
    await walk(`getEvents: ${sort}`, list(api), expected, { filter: ofAda, sort, pageSize: 2 });
  }
  const ofOrder = `equals(metric_id,"${metricOf(events[0])}")`;
  const each = { sort: 'datetime', pageSize: 1 };
  await walk('getEvents: of a metric', list(api), pick(0, 2, 3), { filter: ofOrder, ...each });
  const ofBoth = `${ofOrder},${ofAda}`;
  await walk('getEvents: of both', list(api), pick(0, 3), { filter: ofBoth, ...each });
  const filter = `greater-or-equal(datetime,${moment(0)}),less-or-equal(datetime,${moment(5)})`;
  const options = { filter, sort: '-datetime', pageSize: 2, include: ['metric'] };
  const every = (await pages(list(api), options)).flatMap(ids);
  const own = every.filter((id) => events.some((one) => one.id === id));
  same('getEvents: of all, page by page', own, pick(5, 4, 3, 2, 1, 0));
}

/** `include` and `fields`. */
async function shapes(api, events) {
  const ada = personOf(events[0]);
  const filter = `equals(profile_id,"${ada}")`;
  const include = ['metric', 'profile', 'attributions'];
  const { included } = (await api.events.getEvents({ filter, include })).body;
  const expected = [metricOf(events[0]), metricOf(events[1]), ada].sort();
  same('getEvents: included once each', included.map((one) => one.id).sort(), expected);
  const fields = {
    fieldsEvent: ['uuid', 'timestamp'],
    fieldsMetric: ['name'],
    fieldsProfile: ['email'],
  };
  const options = { filter, include: ['metric', 'profile'], ...fields };
  const sparse = (await api.events.getEvents(options)).response.data;
  const names = new Set(sparse.data.map((one) => Object.keys(one.attributes).sort().join()));
  same('getEvents: fields of the events', [...names], ['timestamp,uuid']);
  const of = Object.fromEntries(sparse.included.map((one) => [one.type, one.attributes]));
  same('getEvents: fields of the people', of.profile, { email: email('ada') });
  same('getEvents: fields of the metrics', Object.keys(of.metric ?? {}), ['name']);
}

async function oneEvent(api, events) {
  const { id } = events[0];
  const [order, ada] = [metricOf(events[0]), personOf(events[0])];
  const got = (await api.events.getEvent(id, { include: ['metric', 'profile'] })).body;
  same('getEvent: id', got.data.id, id);
  const { attributes } = got.data;
  same('getEvent: datetime', attributes.datetime, at(0));
  same('getEvent: timestamp', attributes.timestamp, stamp(0));
  const properties = { n: 0, $event_id: unique(0), $value: 0.5 };
  same('getEvent: properties', attributes.eventProperties, properties);
  same('getEvent: included', got.included.map((one) => one.id).sort(), [order, ada].sort());
  const sparse = (await api.events.getEvent(id, { fieldsEvent: ['uuid'] })).response.data.data;
  same('getEvent: fields', sparse.attributes, { uuid: attributes.uuid });

  const its = (await api.events.getMetricForEvent(id)).body.data;
  same('getMetricForEvent', [its.id, its.attributes.name], [order, mine('Ordered')]);
  const oldName = (await api.events.getEventMetric(id)).body.data;
  same('getEventMetric: the old name', oldName.id, order);
  const more = { additionalFieldsProfile: ['subscriptions'] };
  const whose = (await api.events.getProfileForEvent(id, more)).body.data;
  same('getProfileForEvent', [whose.id, whose.attributes.email], [ada, email('ada')]);
  check('getProfileForEvent: subscriptions', whose.attributes.subscriptions, whose);
  const oldProfile = (await api.events.getEventProfile(id)).body.data;
  same('getEventProfile: the old name', oldProfile.id, ada);
  const metricRelated = (await api.events.getMetricIdForEvent(id)).body.data;
  same('getMetricIdForEvent', metricRelated.id, order);
  const profileRelated = (await api.events.getProfileIdForEvent(id)).body.data;
  same('getProfileIdForEvent', profileRelated.id, ada);
  const person = (await api.profiles.getProfile(ada)).body.data;
  same('getProfile: lastEventDate', person.attributes.lastEventDate, at(5));
}

async function refusals(api) {
  const cases = {
    field: ['filter', { filter: 'equals(colour,"red")' }],
    operator: ['filter', { filter: 'contains(metric_id,"x")' }],
    sort: ['sort', { sort: 'colour' }],
    include: ['include', { include: ['colour'] }],
    cursor: ['page[cursor]', { pageCursor: '?' }],
    size: ['page[size]', { pageSize: 0 }],
  };
  for (const [what, [parameter, options]] of Object.entries(cases)) {
    const said = await refusal(`getEvents: unknown ${what}`, 400, () => list(api)(options));
    same(`getEvents: unknown ${what}: parameter`, said.source?.parameter, parameter);
  }
  const twice = { metric: ORDER, uniqueId: unique('twice') };
  const job = bulkJob(bulkOf(ADA, twice, twice));
  const call = () => api.events.bulkCreateEvents(job);
  await refusal('bulkCreateEvents: a unique id twice', 400, call);
}

async function main(api) {
  await send(api);
  const events = await found(api);
  for (const part of [filters, sortsAndPages, shapes, oneEvent, refusals]) {
    await part(api, events);
  }
}

await run(main);
