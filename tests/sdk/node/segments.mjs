// Segments: create, get, list, update, delete, who is in them, and who enters (Node SDK).

import {
  check,
  email,
  event,
  ids,
  metric,
  metricId,
  mine,
  profile,
  quoted,
  refusal,
  resource,
  run,
  same,
  until,
  walk,
} from './checks.mjs';

const CAME = mine('Came by');
const TIER = mine('tier');

function ofProperty(name, value) {
  const filter = { type: 'string', operator: 'equals', value };
  return { type: 'profile-property', property: `properties['${name}']`, filter };
}

function ofMetric(id, atLeast) {
  return {
    type: 'profile-metric',
    metricId: id,
    measurement: 'count',
    measurementFilter: { type: 'numeric', operator: 'greater-than-or-equal', value: atLeast },
    timeframeFilter: { type: 'date', operator: 'in-the-last', unit: 'day', quantity: 30 },
    metricFilters: null,
  };
}

/** Each of the groups has to hold: one of its conditions. */
const defined = (...groups) => ({ conditionGroups: groups.map((conditions) => ({ conditions })) });

const named = (name, definition, more) =>
  resource('segment', { attributes: { name: mine(name), definition, ...more } });

async function person(api, name, tier) {
  const body = profile({ email: email(name), properties: { [TIER]: tier } });
  return (await api.profiles.createProfile(body)).body.data.id;
}

async function comes(api, name) {
  const sent = event(metric(CAME), profile({ email: email(name) }), { uniqueId: mine(name) });
  await api.events.createEvent(sent);
}

async function rise(api, id, tier) {
  const body = resource('profile', { id, attributes: { properties: { [TIER]: tier } } });
  await api.profiles.updateProfile(id, body);
}

const isComputed = async (api, segment) =>
  !(await api.segments.getSegment(segment)).body.data.attributes.isProcessing;

const members = async (api, segment) =>
  ids((await api.segments.getProfilesForSegment(segment)).body).sort();

async function reaches(api, name, segment, ...people) {
  const expected = [...people].sort().join();
  const probe = async () => (await members(api, segment)).join() === expected;
  await until(name, probe, async () => ({ found: await members(api, segment), expected }));
}

/** Gold people that came by: there at the start, by an event, by a change; and leaving. */
async function entering(api) {
  const ada = await person(api, 'ada', 'gold');
  const bob = await person(api, 'bob', 'gold');
  const eve = await person(api, 'eve', 'silver');
  await comes(api, 'ada');
  await comes(api, 'eve');
  const came = await metricId(api, CAME);
  const definition = defined([ofProperty(TIER, 'gold')], [ofMetric(came, 1)]);
  const answer = await api.segments.createSegment(named('Gold', definition));
  same('createSegment: status', answer.response.status, 201);
  const { id, attributes } = answer.body.data;
  same('createSegment: name', attributes.name, mine('Gold'));
  const found = [attributes.isActive, attributes.isStarred];
  same('createSegment: active, not starred', found, [true, false]);
  await until('createSegment: computed', () => isComputed(api, id));
  same('getProfilesForSegment: from the start', await members(api, id), [ada]);

  await comes(api, 'bob');
  await reaches(api, 'entered by an event', id, ada, bob);
  await rise(api, eve, 'gold');
  await reaches(api, 'entered by a change', id, ada, bob, eve);
  await rise(api, ada, 'silver');
  await reaches(api, 'left by a change', id, bob, eve);
  await readingMembers(api, id, [bob, eve]);
  const segments = ids((await api.profiles.getSegmentsForProfile(bob)).body);
  same('getSegmentsForProfile', segments, [id]);

  // Twice, or platinum: the new definition is computed anew.
  const twice = defined([ofProperty(TIER, 'platinum'), ofMetric(came, 2)]);
  const body = resource('segment', { id, attributes: { definition: twice } });
  await api.segments.updateSegment(id, body);
  await until('updateSegment: computed', () => isComputed(api, id));
  await reaches(api, 'updateSegment: another definition', id);
  await rise(api, ada, 'platinum');
  await reaches(api, 'updateSegment: the new one counts', id, ada);
  await api.segments.deleteSegment(id);
  const call = () => api.segments.getProfilesForSegment(id);
  await refusal('getProfilesForSegment: deleted', 404, call);
}

async function readingMembers(api, id, expected) {
  const profiles = (options) => api.segments.getProfilesForSegment(id, options);
  const profileIds = (options) => api.segments.getProfileIdsForSegment(id, options);
  for (const [name, call] of Object.entries({ profiles, profileIds })) {
    const what = `${name} of a segment`;
    const found = async (filter) => ids((await call({ filter, sort: 'joined_group_at' })).body);
    await walk(what, call, expected, { sort: 'joined_group_at', pageSize: 1 });
    const back = { sort: '-joined_group_at', pageSize: 1 };
    await walk(`${what}: back`, call, [...expected].reverse(), back);
    same(`${what}: by email`, await found(`equals(email,"${email('bob')}")`), expected.slice(0, 1));
    same(`${what}: by id`, await found(`any(profile_id,${quoted(expected)})`), expected);
  }
  const { data } = (await profiles({ sort: 'joined_group_at' })).body;
  const emails = data.map((one) => one.attributes.email);
  same('getProfilesForSegment: attributes', emails, [email('bob'), email('eve')]);
  const joined = data.map((one) => one.attributes.joinedGroupAt);
  check('getProfilesForSegment: joinedGroupAt', joined[0] instanceof Date, joined);
  const more = { additionalFieldsSegment: ['profile_count'] };
  const { profileCount } = (await api.segments.getSegment(id, more)).body.data.attributes;
  same('getSegment: profileCount', profileCount, 2);
}

async function reading(api) {
  const list = (options) => api.segments.getSegments(options);
  const found = async (filter) => ids((await list({ filter, sort: 'name' })).body);
  const nobody = defined([ofProperty(TIER, "nobody's")]);
  const made = {};
  for (const name of 'cab') {
    const body = named(name, nobody, { isStarred: name === 'a' });
    made[name] = (await api.segments.createSegment(body)).body.data.id;
  }
  const filter = `any(name,${quoted(Object.keys(made).map(mine))})`;
  const options = { include: ['tags', 'flow-triggers'] };
  const got = (await api.segments.getSegment(made.a, options)).body.data;
  same('getSegment', [got.id, got.attributes.name], [made.a, mine('a')]);
  const [condition] = got.attributes.definition.conditionGroups[0].conditions;
  same('getSegment: definition', condition.property, `properties['${TIER}']`);
  same('getSegment: its filter', condition.filter.value, "nobody's");
  const fields = { fieldsSegment: ['name'] };
  const sparse = (await api.segments.getSegment(made.a, fields)).response.data.data.attributes;
  same('getSegment: fields', sparse, { name: mine('a') });

  const inOrder = [made.a, made.b, made.c];
  same('getSegments: by name', await found(`equals(name,"${mine('b')}")`), [made.b]);
  const two = [made.a, made.b];
  same('getSegments: by ids', await found(`any(id,${quoted(two)})`), two);
  same('getSegments: starred', await found(`equals(is_starred,true),${filter}`), [made.a]);
  same('getSegments: active', await found(`equals(is_active,true),${filter}`), inOrder);
  const inTime = Object.values(made);
  const orders = { name: inOrder, id: [...inTime].sort(), created: inTime };
  for (const [sort, order] of Object.entries(orders)) {
    await walk(`getSegments: ${sort}`, list, order, { filter, sort, pageSize: 2 });
    const back = { filter, sort: `-${sort}`, pageSize: 1 };
    await walk(`getSegments: -${sort}`, list, [...order].reverse(), back);
  }
  const said = await refusal('getSegments: unknown field', 400, () => found('equals(x,"y")'));
  same('getSegments: parameter', said.source?.parameter, 'filter');
  await changing(api, made);
  same('getSegments: none left', await found(filter), []);
}

async function changing(api, made) {
  const attributes = { name: mine('renamed'), isStarred: false };
  const body = resource('segment', { id: made.a, attributes });
  const changed = (await api.segments.updateSegment(made.a, body)).body.data.attributes;
  same('updateSegment', [changed.name, changed.isStarred], [mine('renamed'), false]);
  for (const id of Object.values(made)) {
    const { response } = await api.segments.deleteSegment(id);
    same('deleteSegment: status', response.status, 204);
  }
  await refusal('deleteSegment: gone', 404, () => api.segments.getSegment(made.a));
}

async function refusals(api) {
  const churns = {
    type: 'profile-predictive-analytics',
    dimension: 'churn_probability',
    filter: { type: 'numeric', operator: 'greater-than', value: 1 },
  };
  const body = named('Churn', defined([churns]));
  const call = () => api.segments.createSegment(body);
  const said = await refusal('createSegment: predictions', 400, call);
  const place = '/data/attributes/definition/condition_groups/0/conditions/0';
  check('createSegment: predictions: pointer', said.source?.pointer?.startsWith(place), said);
}

await run(entering, reading, refusals);
