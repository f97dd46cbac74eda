// The calls of a browser: events, people and subscriptions without a key (Node).
//
// The server SDKs have none of them, so they go out as a page sends them; the SDK reads back what
// came of them.

import {
  HOST,
  RUN,
  check,
  email,
  ids,
  mine,
  resource,
  run,
  same,
  until,
} from './checks.mjs';

const ORIGIN = 'https://shop.example';
const REVISION = '2026-07-15';
const CAME = resource('metric', { attributes: { name: mine('Came to the page') } });
const NAMES = ['content-type', 'revision'];

const company = async (api) =>
  (await api.accounts.getAccounts()).body.data[0].attributes.publicApiKey;

/** Sends it as a page does; bodies are as they go over the wire. */
function send(path, companyId, body, method = 'POST') {
  const query = companyId ? `?company_id=${encodeURIComponent(companyId)}` : '';
  const preflight = {
    'Access-Control-Request-Method': 'POST',
    'Access-Control-Request-Headers': NAMES.join(),
  };
  const headers = {
    Origin: ORIGIN,
    ...(body && { 'Content-Type': 'application/json', revision: REVISION }),
    ...(method === 'OPTIONS' && preflight),
  };
  return fetch(`${HOST}${path}${query}`, { method, headers, body: body && JSON.stringify(body) });
}

async function accepted(name, path, companyId, body) {
  const answer = await send(path, companyId, body);
  const text = await answer.text();
  same(`${name}: status`, [answer.status, answer.status === 202 ? '' : text], [202, '']);
  const allowed = answer.headers.get('access-control-allow-origin');
  check(`${name}: a page may read the answer`, ['*', ORIGIN].includes(allowed), allowed);
}

async function foundByMail(api, name, more) {
  const filter = `equals(email,"${email(name)}")`;
  return (await api.profiles.getProfiles({ filter, ...more })).body.data[0];
}

/** The unique ids of a person's events, in order. */
async function uniques(api, name) {
  const person = await foundByMail(api, name);
  if (!person) return '';
  const filter = `equals(profile_id,"${person.id}")`;
  const { data } = (await api.events.getEvents({ filter })).body;
  return data.map((one) => one.attributes.eventProperties.$event_id).sort().join();
}

async function preflight(api) {
  const companyId = await company(api);
  for (const path of ['events', 'event-bulk-create', 'profiles', 'subscriptions']) {
    const { status, headers } = await send(`/client/${path}`, companyId, undefined, 'OPTIONS');
    check(`OPTIONS ${path}: status`, [200, 204].includes(status), status);
    const origin = headers.get('access-control-allow-origin');
    check(`OPTIONS ${path}: origin`, ['*', ORIGIN].includes(origin), origin);
    const methods = headers.get('access-control-allow-methods') ?? '';
    check(`OPTIONS ${path}: method`, methods.includes('POST'), methods);
    const names = (headers.get('access-control-allow-headers') ?? '').toLowerCase();
    const has = names === '*' || NAMES.every((name) => names.includes(name));
    check(`OPTIONS ${path}: headers`, has, names);
  }
}

const profileOf = (name, more) =>
  resource('profile', { attributes: { email: email(name), ...more } });

function eventOf(name, uniqueId) {
  const whose = name && { profile: profileOf(name) };
  const attributes = { properties: { at: '/' }, metric: CAME, unique_id: uniqueId, ...whose };
  return { type: 'event', attributes };
}

async function events(api) {
  const companyId = await company(api);
  const body = { data: eventOf('page', `${RUN}-1`) };
  await accepted('create_client_event', '/client/events', companyId, body);
  const isFirst = async () => (await uniques(api, 'page')) === `${RUN}-1`;
  await until('create_client_event: recorded', isFirst);

  const data = [2, 3].map((n) => eventOf(undefined, `${RUN}-${n}`));
  const attributes = { profile: profileOf('page'), events: { data } };
  const bulk = resource('event-bulk-create', { attributes });
  const path = '/client/event-bulk-create';
  await accepted('bulk_create_client_events', path, companyId, bulk);
  const expected = [1, 2, 3].map((n) => `${RUN}-${n}`).join();
  const areAll = async () => (await uniques(api, 'page')) === expected;
  await until('bulk_create_client_events: recorded', areAll);
}

async function people(api) {
  const body = profileOf('visitor', { first_name: 'Ada', properties: { seen: '/' } });
  await accepted('create_client_profile', '/client/profiles', await company(api), body);
  const made = await until('create_client_profile: made', () => foundByMail(api, 'visitor'));
  const { firstName, properties } = made.attributes;
  same('create_client_profile: attributes', [firstName, properties], ['Ada', { seen: '/' }]);
}

async function subscriptions(api) {
  const named = resource('list', { attributes: { name: mine('Footer') } });
  const list = (await api.lists.createList(named)).body.data.id;
  const channels = { email: { marketing: { consent: 'SUBSCRIBED' } } };
  const body = resource('subscription', {
    attributes: {
      custom_source: 'Footer',
      profile: profileOf('reader', { subscriptions: channels }),
    },
    relationships: { list: { data: { type: 'list', id: list } } },
  });
  const companyId = await company(api);
  await accepted('create_client_subscription', '/client/subscriptions', companyId, body);
  const made = await until('create_client_subscription: made', () => foundByMail(api, 'reader'));
  const isMember = async () =>
    ids((await api.lists.getProfilesForList(list)).body).join() === made.id;
  await until('create_client_subscription: list', isMember);
  const more = { additionalFieldsProfile: ['subscriptions'] };
  const consent = async () =>
    (await foundByMail(api, 'reader', more)).attributes.subscriptions.email.marketing.consent;
  const isSubscribed = async () => (await consent()) === 'SUBSCRIBED';
  await until('create_client_subscription: consent', isSubscribed, consent);
}

async function refusals(api) {
  const body = { data: eventOf('stranger', `${RUN}-4`) };
  for (const [what, companyId] of [['missing', undefined], ['wrong', 'Zzzzzz']]) {
    const answer = await send('/client/events', companyId, body);
    same(`company_id ${what}: status`, answer.status, 400);
    const [said] = (await answer.json()).errors;
    same(`company_id ${what}: parameter`, said.source?.parameter, 'company_id');
  }
  same('company_id: nothing recorded', await uniques(api, 'stranger'), '');
  const { status } = await send('/api/events', await company(api), body);
  same('a company_id is no key', status, 401);
}

await run(preflight, events, people, subscriptions, refusals);
