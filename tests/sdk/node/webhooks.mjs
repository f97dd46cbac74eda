// Webhooks, and their deliveries, which a receiver verifies independently (Node SDK).

import {
  RUN,
  bulkJob,
  bulkOf,
  check,
  connect,
  email,
  event,
  metric,
  mine,
  profile,
  refusal,
  resource,
  run,
  same,
  sleep,
  webhook,
} from './checks.mjs';
import {
  ENCODED_SECRET,
  PLAIN_SECRET,
  Receiver,
  klaviyoSignature,
  uniqueId,
} from './receiver.mjs';

const ORDER = metric(mine('Placed Order'));
const TOPIC = `event:api.placed_order_${RUN}`;
const FIRST_PARTY_TOPIC = 'event:klaviyo.subscribed_to_list';
const ADA = profile({
  email: email('ada'),
  firstName: 'Ada',
  externalId: `u-${RUN}`,
  properties: { plan: 'pro' },
});
const PROPERTIES = { Brand: 'Ünïcode ☕', nested: { a: [1, 2.5, { b: null }], c: true } };

const change = (id, attributes) => resource('webhook', { id, attributes });
/** Those of a listing that are of this check. */
const own = (listed, ...ids) => listed.map((one) => one.id).filter((id) => ids.includes(id));

async function accountsAndTopics(api) {
  const accounts = (await api.accounts.getAccounts()).body.data;
  same('getAccounts: one', accounts.length, 1);
  const one = (await api.accounts.getAccount(accounts[0].id)).body.data;
  same('getAccount', one.id, accounts[0].id);
  const topics = (await api.webhooks.getWebhookTopics()).body.data.map((topic) => topic.id);
  const firstParty = topics.filter((topic) => topic.startsWith('event:klaviyo.'));
  same('getWebhookTopics: first-party', firstParty.length, 45);
  same('getWebhookTopics: sorted', topics, [...topics].sort());
  const topic = (await api.webhooks.getWebhookTopic(FIRST_PARTY_TOPIC)).body.data;
  same('getWebhookTopic', topic.id, FIRST_PARTY_TOPIC);
}

async function refusals(api, receiver) {
  const create = (secret, topic) => () =>
    api.webhooks.createWebhook(webhook('bad', receiver.url('/plain'), secret, [topic]));

  let said = await refusal('short secret', 400, create('short', TOPIC));
  same('short secret: code', said.code, 'invalid');
  same('short secret: pointer', said.source?.pointer, '/data/attributes/secret_key');

  said = await refusal('unknown topic', 400, create(PLAIN_SECRET, 'event:klaviyo.no_such_topic'));
  const pointer = '/data/relationships/webhook-topics/data/0/id';
  same('unknown topic: pointer', said.source?.pointer, pointer);

  const nobody = event(ORDER, profile({ firstName: 'Nobody' }));
  said = await refusal('event of nobody', 400, () => api.events.createEvent(nobody));
  check('event of nobody: pointer', said.source?.pointer?.includes('profile'), said);

  const missing = '01HF7AYTK76RHR4F17G6DGTRGF';
  said = await refusal('no such webhook', 404, () => api.webhooks.getWebhook(missing));
  same('no such webhook: code', said.code, 'not_found');

  said = await refusal('wrong key', 401, () => connect('pk_wrong').accounts.getAccounts());
  same('wrong key: code', said.code, 'authentication_failed');
}

/** Makes, lists and changes the two webhooks; returns their ids. */
async function webhooks(api, receiver) {
  const create = async (...of) => (await api.webhooks.createWebhook(webhook(...of))).body.data;
  const encoded = await create('encoded', receiver.url('/encoded'), ENCODED_SECRET, [TOPIC]);
  const both = [TOPIC, FIRST_PARTY_TOPIC];
  const plain = await create('plain', receiver.url('/plain'), PLAIN_SECRET, both);
  const { attributes } = encoded;
  check('createWebhook: born enabled', attributes.enabled && plain.attributes.enabled);
  same('createWebhook: name', attributes.name, 'encoded');
  // It is masked only from keys that may not do everything.
  same('createWebhook: address', attributes.endpointUrl, receiver.url('/encoded'));
  check('createWebhook: dates', attributes.createdAt instanceof Date, attributes);
  check('createWebhook: no secret', !JSON.stringify(encoded).includes(ENCODED_SECRET));

  const listed = (await api.webhooks.getWebhooks({ include: ['webhook-topics'] })).body;
  same('getWebhooks: ids', own(listed.data, encoded.id, plain.id), [encoded.id, plain.id]);
  const included = listed.included.map((one) => one.id);
  check('getWebhooks: included', both.every((topic) => included.includes(topic)), included);
  const fields = { fieldsWebhook: ['name', 'enabled'] };
  const sparse = (await api.webhooks.getWebhooks(fields)).response.data.data;
  const shown = sparse.find((one) => one.id === encoded.id)?.attributes;
  same('getWebhooks: fields', shown, { name: 'encoded', enabled: true });

  const got = (await api.webhooks.getWebhook(plain.id, { include: ['webhook-topics'] })).body.data;
  const related = got.relationships.webhookTopics.data.map((topic) => topic.id).sort();
  same('getWebhook: topics', related, both);

  const to = change(plain.id, { description: 'second' });
  const changed = (await api.webhooks.updateWebhook(plain.id, to)).body.data;
  same('updateWebhook: description', changed.attributes.description, 'second');
  same('updateWebhook: the rest stays', changed.attributes.name, 'plain');
  return { encodedId: encoded.id, plainId: plain.id };
}

/** Sends events one by one; returns a delivered item. */
async function singleEvents(api, receiver, { encodedId, plainId }) {
  const time = new Date('2026-02-07T12:30:00Z');
  const value = { value: 9.99, valueCurrency: 'USD' };
  const rich = event(ORDER, ADA, { properties: PROPERTIES, ...value, uniqueId: 'o-1', time });
  same('createEvent', (await api.events.createEvent(rich)).response.status, 202);
  const item = await receiver.wait('/encoded', 'o-1');
  check('delivery: whsec_ secret', item, receiver.faults);
  check('delivery: plain secret', await receiver.wait('/plain', 'o-1'), receiver.faults);
  same('delivery: topic', item.topic, TOPIC);
  same('delivery: webhook', item.webhook, encodedId);
  const { attributes } = item.payload.data;
  const extra = { $event_id: 'o-1', $value: 9.99, $value_currency: 'USD' };
  same('delivery: properties', attributes.event_properties, { ...PROPERTIES, ...extra });
  same('delivery: timestamp', attributes.timestamp, time.getTime() / 1000);
  same('delivery: datetime', Date.parse(attributes.datetime), time.getTime());

  const subscribed = metric('Subscribed to List', 'klaviyo');
  await api.events.createEvent(event(subscribed, ADA, { uniqueId: 's-1' }));
  const firstParty = await receiver.wait('/plain', 's-1');
  same('delivery: first-party topic', firstParty?.topic, FIRST_PARTY_TOPIC);
  same('delivery: first-party webhook', firstParty?.webhook, plainId);
  return item;
}

/** What was delivered is what a read gives; `events.mjs` reads the rest. */
async function readBack(api, { external_id: eventId, payload }) {
  const { attributes, relationships } = payload.data;
  const metricId = relationships.metric.data.id;
  const profileId = relationships.profile.data.id;
  const got = (await api.events.getEvent(eventId, { include: ['metric', 'profile'] })).body;
  same('getEvent: id', got.data.id, eventId);
  same('getEvent: properties', got.data.attributes.eventProperties, attributes.event_properties);
  same('getEvent: uuid', got.data.attributes.uuid, attributes.uuid);
  const included = got.included.map((one) => one.id).sort();
  same('getEvent: included', included, [metricId, profileId].sort());
  const person = (await api.profiles.getProfile(profileId)).body.data.attributes;
  same('getProfile: names', [person.firstName, person.externalId], ['Ada', `u-${RUN}`]);
  same('getProfile: properties', person.properties, { plan: 'pro' });
}

async function bulkEvents(api, receiver) {
  const bob = profile({ email: email('bob') });
  const [one, two, three] = ['b-1', 'b-2', 'b-3'].map((uniqueId) => ({ metric: ORDER, uniqueId }));
  const job = bulkJob(bulkOf(ADA, one, two), bulkOf(bob, three));
  const { response } = await api.events.bulkCreateEvents(job);
  same('bulkCreateEvents', response.status, 202);
  for (const eventId of ['b-1', 'b-2', 'b-3']) {
    for (const path of ['/encoded', '/plain']) {
      const arrived = await receiver.wait(path, eventId);
      check(`bulkCreateEvents: ${eventId} at ${path}`, arrived, receiver.faults);
    }
  }
  const whose = async (eventId) =>
    (await receiver.wait('/plain', eventId)).payload.data.relationships.profile.data.id;
  check('bulkCreateEvents: two people', (await whose('b-1')) !== (await whose('b-3')));
}

/** Nothing comes while off, nor afterwards; an event of a known unique id is no event. */
async function switching(api, receiver, { plainId }) {
  const turn = async (enabled) =>
    (await api.webhooks.updateWebhook(plainId, change(plainId, { enabled }))).body.data.attributes;
  const send = (attributes) => api.events.createEvent(event(ORDER, ADA, attributes));
  same('updateWebhook: off', (await turn(false)).enabled, false);
  await send({ uniqueId: 'off-1' });
  check('off: the other webhook gets it', await receiver.wait('/encoded', 'off-1'));
  same('updateWebhook: on', (await turn(true)).enabled, true);
  await send({ uniqueId: 'o-1', properties: { again: true } });
  await send({ uniqueId: 'on-1' });
  for (const path of ['/encoded', '/plain']) {
    check(`on again: ${path}`, await receiver.wait(path, 'on-1'), receiver.faults);
  }
}

async function removal(api, receiver, { encodedId, plainId }) {
  same('deleteWebhook', (await api.webhooks.deleteWebhook(encodedId)).response.status, 204);
  await refusal('deleted webhook', 404, () => api.webhooks.getWebhook(encodedId));
  const left = (await api.webhooks.getWebhooks()).body.data;
  same('getWebhooks: one left', own(left, encodedId, plainId), [plainId]);
  await api.events.createEvent(event(ORDER, ADA, { uniqueId: 'last' }));
  check('the other webhook goes on', await receiver.wait('/plain', 'last'), receiver.faults);
}

async function totals(receiver) {
  await sleep(1000); // for what should not come
  const orders = ['o-1', 'b-1', 'b-2', 'b-3', 'off-1', 'on-1'];
  const found = (path) => receiver.items[path].map(uniqueId).sort();
  same('whsec_ webhook: each event once', found('/encoded'), [...orders].sort());
  const expected = [...orders, 's-1', 'last'].filter((eventId) => eventId !== 'off-1').sort();
  same('plain webhook: each event once', found('/plain'), expected);
  same(`every one of ${receiver.requests} deliveries verified`, receiver.faults, []);
}

async function main(api) {
  const vector = klaviyoSignature(
    '0123456789abcdef0123456789abcdef',
    '{"data":[],"meta":{"timestamp":"2026-01-02T03:04:05.000000+00:00",' +
      '"klaviyo_webhook_id":"01HF7AYTK76RHR4F17G6DGTRGF","klaviyo_account_id":"AbC123",' +
      '"version":"2026-07-15"}}',
    'Fri, 02 Jan 2026 03:04:05 GMT',
  );
  const expected = 'c0cf0045fa305ea2ccc66cbe1c58ed4c4cbbbd73126aa0936d4273abf95e748c';
  same("the receiver's own HMAC", vector, expected);

  const receiver = new Receiver({ '/encoded': ENCODED_SECRET, '/plain': PLAIN_SECRET });
  await receiver.start();
  try {
    await accountsAndTopics(api);
    await refusals(api, receiver);
    const ids = await webhooks(api, receiver);
    const item = await singleEvents(api, receiver, ids);
    await readBack(api, item);
    await bulkEvents(api, receiver);
    await switching(api, receiver, ids);
    await removal(api, receiver, ids);
    await totals(receiver);
    await api.webhooks.deleteWebhook(ids.plainId);
  } finally {
    receiver.stop();
  }
}

await run(main);
