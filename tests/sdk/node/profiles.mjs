// Profiles: create, get, list, update, import, merge, and the groups they are in (Node SDK).

import {
  RUN,
  check,
  email,
  event,
  ids,
  metric,
  mine,
  phone,
  profile,
  quoted,
  refusal,
  related,
  resource,
  run,
  same,
  sleep,
  until,
  walk,
} from './checks.mjs';

const PLACE = { city: 'Zürich', country: 'Switzerland', zip: '8001', timezone: 'Europe/Zurich' };
// Moments are shown in whole seconds. What happens so long after something is after the second
// that follows the one shown of it, whether a daemon compares what it shows or what it knows.
const APART_MS = 2100;

const after = (moment) => new Date(moment.getTime() + 1000).toISOString();
const patch = (id, attributes, meta) => resource('profile', { id, attributes, meta });

async function create(api, name, attributes = {}) {
  const body = profile({ email: email(name), ...attributes });
  return (await api.profiles.createProfile(body)).body.data;
}

async function creation(api) {
  const given = {
    email: email('whole'),
    phoneNumber: phone(1),
    externalId: `whole-${RUN}`,
    firstName: 'Ada',
    lastName: 'Ünïcode',
    organization: 'Shop',
    locale: 'de-CH',
    title: 'Countess',
    image: 'https://shop.example/ada.png',
    location: PLACE,
    properties: { plan: 'pro', tags: ['a', 'b'], n: 1.5 },
  };
  const answer = await api.profiles.createProfile(profile(given));
  same('createProfile: status', answer.response.status, 201);
  const made = answer.body.data;
  for (const [name, value] of Object.entries(given).filter(([name]) => name !== 'location')) {
    same(`createProfile: ${name}`, made.attributes[name], value);
  }
  const names = Object.keys(PLACE);
  const found = Object.fromEntries(names.map((name) => [name, made.attributes.location[name]]));
  same('createProfile: location', found, PLACE);
  check('createProfile: created', made.attributes.created instanceof Date, made);

  for (const name of ['email', 'phoneNumber', 'externalId']) {
    const again = profile({ [name]: given[name] });
    const what = `createProfile: ${name} twice`;
    const said = await refusal(what, 409, () => api.profiles.createProfile(again));
    same(`${what}: code`, said.code, 'duplicate_profile');
    same(`${what}: whose`, said.meta?.duplicate_profile_id, made.id);
    same(`${what}: pointer`, said.source?.pointer, '/data/attributes');
  }
  const nobody = profile({ firstName: 'Nobody' });
  await refusal('createProfile: nobody', 400, () => api.profiles.createProfile(nobody));
  await oneProfile(api, made);
}

async function oneProfile(api, { id }) {
  const more = { additionalFieldsProfile: ['subscriptions', 'predictive_analytics'] };
  const options = { include: ['lists', 'segments'], ...more };
  const got = (await api.profiles.getProfile(id, options)).body.data.attributes;
  same('getProfile: email', got.email, email('whole'));
  const { consent } = got.subscriptions.email.marketing;
  same('getProfile: subscriptions', consent, 'NEVER_SUBSCRIBED');
  check('getProfile: predictions', got.predictiveAnalytics, got);
  const plain = (await api.profiles.getProfile(id)).body.data.attributes;
  same('getProfile: subscriptions on request only', plain.subscriptions, undefined);
  const fields = { fieldsProfile: ['email', 'location.city'] };
  const sparse = (await api.profiles.getProfile(id, fields)).response.data.data.attributes;
  same('getProfile: fields', sparse, { email: email('whole'), location: { city: 'Zürich' } });
  const missing = '01HF7AYTK76RHR4F17G6DGTRGF';
  const said = await refusal('getProfile: unknown', 404, () => api.profiles.getProfile(missing));
  same('getProfile: unknown: code', said.code, 'not_found');
}

/** The first is made a while before the others, and the last is changed a while after them. */
async function listing(api) {
  const list = (options) => api.profiles.getProfiles(options);
  const found = async (filter, options) => ids((await list({ filter, ...options })).body);
  const identity = { externalId: `list-${RUN}`, phoneNumber: phone(2) };
  const everybody = [await create(api, 'list-c', identity)];
  await sleep(APART_MS);
  for (const [n, name] of ['d', 'a', 'b'].entries()) {
    everybody.push(await create(api, `list-${name}`, { phoneNumber: phone(3 + n) }));
  }
  const made = everybody.map((one) => one.id);
  const [c, d, a, b] = made;
  const addresses = everybody.map((one) => one.attributes.email);
  const then = after(everybody[0].attributes.created);
  const expected = {
    [`equals(email,"${addresses[0]}")`]: [c],
    [`any(email,${quoted(addresses.slice(0, 2))})`]: [c, d],
    [`equals(id,"${a}")`]: [a],
    [`any(id,${quoted([a, c])})`]: [c, a],
    [`equals(external_id,"list-${RUN}")`]: [c],
    [`any(external_id,["list-${RUN}","nobody"])`]: [c],
    [`equals(phone_number,"${phone(2)}")`]: [c],
    [`any(phone_number,${quoted([phone(2), phone(4)])})`]: [c, a],
    [`greater-than(created,${then})`]: [d, a, b],
    [`equals(email,"${email('nobody')}")`]: [],
  };
  for (const [filter, wanted] of Object.entries(expected)) {
    same(`getProfiles: filter ${filter}`, await found(filter, { sort: 'created' }), wanted);
  }
  const newest = await found(`less-than(created,${then})`, { sort: '-created', pageSize: 1 });
  same('getProfiles: created before', newest, [c]);
  await updated(api, found, everybody);

  const filter = `any(email,${quoted(addresses)})`;
  const orders = { created: [c, d, a, b], id: [...made].sort(), email: [a, b, c, d] };
  for (const [sort, order] of Object.entries(orders)) {
    await walk(`getProfiles: ${sort}`, list, order, { filter, sort, pageSize: 2 });
    const back = { filter, sort: `-${sort}`, pageSize: 3 };
    await walk(`getProfiles: -${sort}`, list, [...order].reverse(), back);
  }
  const more = { additionalFieldsProfile: ['subscriptions'] };
  const { data } = (await list({ filter, ...more })).body;
  check('getProfiles: subscriptions', data.every((one) => one.attributes.subscriptions), data);
  const sparse = (await list({ filter, fieldsProfile: ['email'], sort: 'email' })).response.data;
  const shown = sparse.data.map((one) => one.attributes);
  same('getProfiles: fields', shown, [...addresses].sort().map((one) => ({ email: one })));
  for (const [parameter, value] of [['filter', 'equals(x,"y")'], ['sort', 'x']]) {
    const what = `getProfiles: unknown in ${parameter}`;
    const said = await refusal(what, 400, () => list({ [parameter]: value }));
    same(`${what}: parameter`, said.source?.parameter, parameter);
  }
}

/** Filters and sorts by `updated`; the third of the people is changed for it. */
async function updated(api, found, everybody) {
  const [c, d, a, b] = everybody.map((one) => one.id);
  await sleep(APART_MS);
  const last = Math.max(...everybody.map((one) => one.attributes.updated.getTime()));
  const then = after(new Date(last));
  await api.profiles.updateProfile(a, patch(a, { title: 'changed' }));
  same('getProfiles: updated since', await found(`greater-than(updated,${then})`), [a]);
  const earlier = await found(`less-than(updated,${then})`, { sort: '-updated', pageSize: 3 });
  same('getProfiles: updated before', earlier.sort(), [b, c, d].sort());
  const order = await found(`any(id,${quoted([a, b, c, d])})`, { sort: 'updated' });
  const ends = [order.length, order[0], order.at(-1)];
  same('getProfiles: sort updated', ends, [4, c, a]);
  same('getProfiles: newest first', await found(undefined, { sort: '-updated', pageSize: 1 }), [a]);
}

async function update(api) {
  const properties = { old: 1, stays: 2, tags: ['a', 'b'] };
  const names = { firstName: 'Ada', lastName: 'L', location: PLACE };
  const { id } = await create(api, 'update', { properties, ...names });
  const change = async (attributes, meta) => {
    const body = patch(id, attributes, meta && { patchProperties: meta });
    return (await api.profiles.updateProfile(id, body)).body.data.attributes;
  };
  const clearing = { firstName: null, location: { city: null }, properties: { new: [1] } };
  let got = await change(clearing);
  same('updateProfile: null clears', [got.firstName, got.location.city], [null, null]);
  same('updateProfile: the rest stays', [got.lastName, got.location.zip], ['L', '8001']);
  same('updateProfile: properties join', got.properties, { ...properties, new: [1] });
  got = await change({ properties: { old: null, new: null } });
  same('updateProfile: null clears a property', got.properties, { stays: 2, tags: ['a', 'b'] });
  // `unset` can not be sent: the SDK throws at its type before there is a request.
  got = await change({}, { append: { tags: 'c' } });
  same('updateProfile: append', got.properties, { stays: 2, tags: ['a', 'b', 'c'] });
  got = await change({}, { unappend: { tags: 'a' } });
  same('updateProfile: unappend', got.properties, { stays: 2, tags: ['b', 'c'] });

  const taken = await create(api, 'taken');
  let said = await refusal('updateProfile: taken', 409, () => change({ email: email('taken') }));
  same('updateProfile: whose', said.meta?.duplicate_profile_id, taken.id);
  const call = () => api.profiles.updateProfile(id, patch(taken.id, { title: 'x' }));
  said = await refusal('updateProfile: another id', 400, call);
  same('updateProfile: pointer', said.source?.pointer, '/data/id');
}

async function upsert(api) {
  const call = (body) => api.profiles.createOrUpdateProfile(body);
  const address = { email: email('import') };
  const fresh = await call(profile({ ...address, firstName: 'Ada', properties: { a: 1 } }));
  same('createOrUpdateProfile: new', fresh.response.status, 201);
  const { id } = fresh.body.data;
  const known = await call(profile({ ...address, firstName: 'Eve', properties: { tags: ['x'] } }));
  same('createOrUpdateProfile: known', known.response.status, 200);
  same('createOrUpdateProfile: id', known.body.data.id, id);
  const { firstName, properties } = known.body.data.attributes;
  same('createOrUpdateProfile', [firstName, properties], ['Eve', { a: 1, tags: ['x'] }]);
  const body = patch(id, {}, { patchProperties: { append: { tags: 'y' } } });
  const got = (await call(body)).body.data.attributes;
  same('createOrUpdateProfile: by id', got.properties, { a: 1, tags: ['x', 'y'] });
  const oldName = (await api.profiles.createProfileImport(profile(address))).body.data;
  same('createProfileImport: the old name', oldName.id, id);
}

async function merge(api) {
  const into = await create(api, 'into', { firstName: 'Ada' });
  const attributes = { lastName: 'L', properties: { from: 'source' } };
  const source = await create(api, 'source', attributes);
  const bought = metric(mine('Bought before'));
  const sent = event(bought, profile({ email: email('source') }), { uniqueId: `m-${RUN}` });
  await api.events.createEvent(sent);
  const relationships = { profiles: related('profile', [source.id]) };
  const body = resource('profile-merge', { id: into.id, relationships });
  const answer = await api.profiles.mergeProfiles(body);
  same('mergeProfiles: status', answer.response.status, 201);
  same('mergeProfiles: id', answer.body.data.id, into.id);
  const got = (await api.profiles.getProfile(into.id)).body.data.attributes;
  same('mergeProfiles: names', [got.email, got.firstName], [email('into'), 'Ada']);
  const taken = [got.lastName, got.properties.from];
  same('mergeProfiles: what was lacking', taken, ['L', 'source']);
  await refusal('mergeProfiles: the source', 404, () => api.profiles.getProfile(source.id));
  const filter = `equals(profile_id,"${into.id}")`;
  const { data } = (await api.events.getEvents({ filter })).body;
  const uniques = data.map((one) => one.attributes.eventProperties.$event_id);
  check('mergeProfiles: its events', uniques.includes(`m-${RUN}`), uniques);
  const again = profile({ email: email('source') });
  const known = (await api.profiles.createOrUpdateProfile(again)).body.data;
  same('mergeProfiles: the old address', known.id, into.id);
  await refusal('mergeProfiles: again', 404, () => api.profiles.mergeProfiles(body));
}

async function groups(api) {
  const { id } = await create(api, 'groups', { properties: { club: RUN } });
  const named = resource('list', { attributes: { name: mine('Of one') } });
  const list = (await api.lists.createList(named)).body.data.id;
  await api.lists.addProfilesToList(list, related('profile', [id]));
  const { data } = (await api.profiles.getListsForProfile(id)).body;
  const found = data.map((one) => [one.id, one.attributes.name]);
  same('getListsForProfile', found, [[list, mine('Of one')]]);
  const oldName = (await api.profiles.getProfileLists(id)).body;
  same('getProfileLists: the old name', ids(oldName), [list]);
  const fields = { fieldsList: ['name'] };
  const sparse = (await api.profiles.getListsForProfile(id, fields)).response.data.data;
  same('getListsForProfile: fields', sparse[0].attributes, { name: mine('Of one') });

  const filter = { type: 'string', operator: 'equals', value: RUN };
  const condition = { type: 'profile-property', property: "properties['club']", filter };
  const definition = { conditionGroups: [{ conditions: [condition] }] };
  const body = resource('segment', { attributes: { name: mine('Club'), definition } });
  const segment = (await api.segments.createSegment(body)).body.data.id;
  const entered = async () =>
    ids((await api.profiles.getSegmentsForProfile(id)).body).includes(segment);
  await until('getSegmentsForProfile', entered);
  const oldSegments = (await api.profiles.getProfileSegments(id)).body;
  same('getProfileSegments: the old name', ids(oldSegments), [segment]);
}

await run(creation, listing, update, upsert, merge, groups);
