// Lists: create, get, list, update, delete, and their members (Node SDK).

import {
  check,
  email,
  ids,
  isGone,
  mine,
  profile,
  quoted,
  refusal,
  related,
  resource,
  run,
  same,
  until,
  walk,
} from './checks.mjs';

const UNKNOWN = 'Zzzzzz';
const COUNT = { additionalFieldsList: ['profile_count'] };

const named = (name, more) => resource('list', { attributes: { name: mine(name), ...more } });
const create = async (api, name) => (await api.lists.createList(named(name))).body.data.id;

async function crud(api) {
  const answer = await api.lists.createList(named('News', { optInProcess: 'single_opt_in' }));
  same('createList: status', answer.response.status, 201);
  const { id, attributes } = answer.body.data;
  same('createList: name', attributes.name, mine('News'));
  same('createList: opt in', attributes.optInProcess, 'single_opt_in');
  const hasDates = attributes.created instanceof Date && attributes.updated instanceof Date;
  check('createList: dates', hasDates, attributes);

  const options = { include: ['tags', 'flow-triggers'], ...COUNT };
  const got = (await api.lists.getList(id, options)).body.data;
  same('getList', [got.id, got.attributes.name], [id, mine('News')]);
  same('getList: profileCount', got.attributes.profileCount, 0);
  const plain = (await api.lists.getList(id)).body.data.attributes;
  same('getList: profileCount on request only', plain.profileCount, undefined);
  const sparse = (await api.lists.getList(id, { fieldsList: ['name'] })).response.data.data;
  same('getList: fields', sparse.attributes, { name: mine('News') });

  const body = resource('list', { id, attributes: { name: mine('Renamed') } });
  const changed = (await api.lists.updateList(id, body)).body.data;
  same('updateList', [changed.id, changed.attributes.name], [id, mine('Renamed')]);
  const read = (await api.lists.getList(id)).body.data.attributes;
  same('updateList: read', read.name, mine('Renamed'));

  same('deleteList: status', (await api.lists.deleteList(id)).response.status, 204);
  await refusal('deleteList: gone', 404, () => api.lists.getList(id));
  await refusal('updateList: unknown', 404, () => api.lists.updateList(id, body));
  const nameless = resource('list', { attributes: { name: '' } });
  const said = await refusal('createList: no name', 400, () => api.lists.createList(nameless));
  same('createList: pointer', said.source?.pointer, '/data/attributes/name');
}

async function listing(api) {
  const list = (options) => api.lists.getLists(options);
  const found = async (filter, options) => ids((await list({ filter, ...options })).body);
  const made = {};
  for (const name of 'bdaec') made[name] = await create(api, name);
  const names = Object.keys(made).map(mine);
  const filter = `any(name,${quoted(names)})`;
  same('getLists: by name', await found(`equals(name,"${mine('d')}")`), [made.d]);
  same('getLists: by id', await found(`equals(id,"${made.a}")`), [made.a]);
  const two = [made.a, made.b];
  same('getLists: by ids', await found(`any(id,${quoted(two)})`, { sort: 'name' }), two);
  const inTime = Object.values(made);
  const orders = {
    name: [...'abcde'].map((name) => made[name]),
    id: [...inTime].sort(),
    created: inTime,
    updated: inTime,
  };
  for (const [sort, order] of Object.entries(orders)) {
    await walk(`getLists: ${sort}`, list, order, { filter, sort, pageSize: 2 });
    const back = { filter, sort: `-${sort}`, pageSize: 3 };
    await walk(`getLists: -${sort}`, list, [...order].reverse(), back);
  }
  const since = `greater-than(created,2020-01-01T00:00:00Z),${filter}`;
  same('getLists: created since', await found(since, { sort: 'name' }), orders.name);
  same('getLists: updated since', await found('greater-than(updated,2100-01-01T00:00:00Z)'), []);
  const options = { filter, fieldsList: ['name'], include: ['tags'], sort: 'name' };
  const sparse = (await list(options)).response.data.data.map((one) => one.attributes);
  same('getLists: fields', sparse, [...names].sort().map((name) => ({ name })));
  const call = () => list({ filter: 'equals(x,"y")' });
  const said = await refusal('getLists: unknown field', 400, call);
  same('getLists: parameter', said.source?.parameter, 'filter');
}

async function joining(api, list) {
  const people = [];
  for (const name of 'cab') {
    const made = await api.profiles.createProfile(profile({ email: email(name) }));
    people.push(made.body.data.id);
    const one = related('profile', people.slice(-1));
    const { response } = await api.lists.addProfilesToList(list, one);
    same('addProfilesToList: status', response.status, 204);
  }
  same('getList: members counted', await counted(api, list), 3);
  await api.lists.createListRelationships(list, related('profile', people));
  same('addProfilesToList: again is nothing', await counted(api, list), 3);
  return people;
}

async function counted(api, list) {
  return (await api.lists.getList(list, COUNT)).body.data.attributes.profileCount;
}

async function reading(api, list, people) {
  const profiles = (options) => api.lists.getProfilesForList(list, options);
  const profileIds = (options) => api.lists.getProfileIdsForList(list, options);
  const { data } = (await profiles({ sort: 'joined_group_at' })).body;
  same('getProfilesForList', data.map((one) => one.id), people);
  const joined = data.map((one) => one.attributes.joinedGroupAt);
  const isInOrder = joined.every((moment, n) => n === 0 || moment >= joined[n - 1]);
  check('getProfilesForList: joinedGroupAt', joined[0] instanceof Date && isInOrder, joined);
  const emails = data.map((one) => one.attributes.email);
  same('getProfilesForList: attributes', emails, [...'cab'].map(email));
  for (const [name, call] of Object.entries({ profiles, profileIds })) {
    const what = `${name} for a list`;
    const found = async (filter) => ids((await call({ filter, sort: 'joined_group_at' })).body);
    await walk(what, call, people, { sort: 'joined_group_at', pageSize: 2 });
    const back = { sort: '-joined_group_at', pageSize: 1 };
    await walk(`${what}: back`, call, [...people].reverse(), back);
    same(`${what}: by email`, await found(`equals(email,"${email('a')}")`), [people[1]]);
    const several = quoted(['a', 'b', 'nobody'].map(email));
    same(`${what}: by emails`, await found(`any(email,${several})`), people.slice(1));
    const since = `greater-or-equal(joined_group_at,${joined[0].toISOString()})`;
    same(`${what}: joined since`, await found(since), people);
    const before = 'less-than(joined_group_at,2020-01-01T00:00:00Z)';
    same(`${what}: joined before`, await found(before), []);
  }
  const oldName = (await api.lists.getListRelationshipsProfiles(list)).body;
  same('getListRelationshipsProfiles: the old name', ids(oldName).sort(), [...people].sort());
  const more = (await profiles({ additionalFieldsProfile: ['subscriptions'] })).body.data;
  const has = more.length === 3 && more.every((one) => one.attributes.subscriptions);
  check('getProfilesForList: subscriptions', has, more);
  const options = { fieldsProfile: ['email'], sort: 'joined_group_at' };
  const sparse = (await profiles(options)).response.data.data.map((one) => one.attributes);
  same('getProfilesForList: fields', sparse, [...'cab'].map((name) => ({ email: email(name) })));
}

async function members(api) {
  const list = await create(api, 'Members');
  const people = await joining(api, list);
  await reading(api, list, people);

  const gone = related('profile', people.slice(0, 1));
  const { response } = await api.lists.removeProfilesFromList(list, gone);
  same('removeProfilesFromList: status', response.status, 204);
  const left = (await api.lists.getProfilesForList(list, { sort: 'joined_group_at' })).body;
  same('removeProfilesFromList', ids(left), people.slice(1));
  same('removeProfilesFromList: counted', await counted(api, list), 2);

  const listsOf = async () => ids((await api.profiles.getListsForProfile(people[1])).body);
  same("a member's lists", await listsOf(), [list]);
  await api.lists.deleteList(list);
  await until('deleteList: members gone', () => isGone(() => api.lists.getProfilesForList(list)));
  await until("deleteList: in no member's lists", async () => (await listsOf()).length === 0);
  const call = () => api.lists.addProfilesToList(UNKNOWN, related('profile', people));
  await refusal('addProfilesToList: unknown list', 404, call);
}

await run(crud, listing, members);
