// Drives a daemon with the official Node SDK, and verifies its deliveries independently.
//
// SDK_HOST and SDK_KEY say where the daemon is and how to get in; `run` sets them.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { isDeepStrictEqual } from 'node:util';

import klaviyo from 'klaviyo-api';
import standardwebhooks from 'standardwebhooks';

const { AccountsApi, ApiKeySession, EventsApi, MetricsApi, ProfilesApi, WebhooksApi } = klaviyo;
const { Webhook } = standardwebhooks;

const HOST = process.env.SDK_HOST;
const KEY = process.env.SDK_KEY;

const TOPIC = 'event:api.placed_order';
const FIRST_PARTY_TOPIC = 'event:klaviyo.subscribed_to_list';
const KEY_BYTES = Buffer.from('thirty-two bytes make a good key');
const ENCODED_SECRET = `whsec_${KEY_BYTES.toString('base64')}`;
const PLAIN_SECRET = 'a plain secret, ascii only';
const TOLERANCE_MS = 300_000;
const DELIVERY_MS = 30_000;

let passed = 0;
let failed = 0;

function check(name, good, detail) {
  if (good) {
    passed += 1;
    console.log(`ok      ${name}`);
  } else {
    failed += 1;
    console.log(`FAILED  ${name}: ${JSON.stringify(detail)}`);
  }
}

function same(name, found, expected) {
  check(name, isDeepStrictEqual(found, expected), { found, expected });
}

/** The first error object of a call that has to be refused. */
async function refusal(name, status, call) {
  try {
    const { body } = await call();
    check(`${name}: status`, false, { 'not refused': body });
  } catch (error) {
    if (!error.response) throw error;
    same(`${name}: status`, error.response.status, status);
    return error.response.data.errors[0];
  }
  return {};
}

// The receiver

/** As Klaviyo's guide does it: the body, then the timestamp. */
function klaviyoSignature(secret, body, timestamp) {
  return createHmac('sha256', secret).update(body).update(timestamp).digest('hex');
}

/** The library decodes base64 after `whsec_`; another secret's bytes are its key. */
function standardVerifier(secret) {
  return new Webhook(secret, secret.startsWith('whsec_') ? undefined : { format: 'raw' });
}

function isRefusedByLibrary(secret, body, headers) {
  try {
    standardVerifier(secret).verify(body, headers);
    return false;
  } catch {
    return true;
  }
}

function equalText(one, other) {
  const [a, b] = [Buffer.from(one ?? ''), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Everything that a strict receiver would refuse a delivery for. */
function faults(secret, headers, raw) {
  const found = [];
  const expect = (good, what) => {
    if (!good) found.push(what);
  };
  const body = raw.toString('utf8');
  const document = standardVerifier(secret).verify(body, headers);
  expect(isRefusedByLibrary(secret, `${body} `, headers), 'a changed body passed');
  expect(isRefusedByLibrary('another plain secret', body, headers), 'another secret passed');

  const stamp = headers['klaviyo-timestamp'];
  const expected = klaviyoSignature(secret, raw, stamp);
  expect(equalText(headers['klaviyo-signature'], expected), 'Klaviyo-Signature');
  const isFresh = (text) => Math.abs(Date.now() - Date.parse(text)) <= TOLERANCE_MS;
  expect(isFresh(stamp), `Klaviyo-Timestamp ${stamp}`);

  const { meta, data } = document;
  expect(headers['klaviyo-webhook-id'] === meta.klaviyo_webhook_id, 'Klaviyo-Webhook-Id');
  expect(isFresh(meta.timestamp), `meta.timestamp ${meta.timestamp}`);
  expect(meta.version && meta.klaviyo_account_id, `meta ${JSON.stringify(meta)}`);
  expect(headers['content-type'] === 'application/json', headers['content-type']);
  expect(data.length >= 1 && data.length <= 1000, 'the number of events');
  for (const item of data) {
    const keys = Object.keys(item).sort();
    expect(isDeepStrictEqual(keys, ['external_id', 'payload', 'topic']), `item ${keys}`);
    expect(item.external_id === item.payload.data.id, 'external_id');
  }
  return found;
}

const uniqueId = (item) => item.payload.data.attributes.event_properties.$event_id;

/** Takes deliveries on loopback and keeps what they held, by path. */
class Receiver {
  constructor(secrets) {
    this.secrets = secrets;
    this.items = Object.fromEntries(Object.keys(secrets).map((path) => [path, []]));
    this.faults = [];
    this.requests = 0;
    this.server = createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      response.writeHead(this.take(request.url, request.headers, Buffer.concat(chunks)));
      response.end();
    });
  }

  async start() {
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
  }

  stop() {
    this.server.close();
    this.server.closeAllConnections();
  }

  url(path) {
    return `http://127.0.0.1:${this.server.address().port}${path}`;
  }

  take(path, headers, raw) {
    let found;
    try {
      found = faults(this.secrets[path], headers, raw);
    } catch (error) {
      found = [String(error)]; // a receiver answers, whatever comes
    }
    this.requests += 1;
    this.faults.push(...found.map((fault) => `${path}: ${fault}`));
    if (found.length > 0) return 401;
    const webhook = headers['klaviyo-webhook-id'];
    for (const item of JSON.parse(raw).data) this.items[path].push({ ...item, webhook });
    return 200;
  }

  /** The delivered item of the event with this unique id; undefined if none comes in time. */
  async wait(path, eventId) {
    const deadline = Date.now() + DELIVERY_MS;
    for (;;) {
      const item = this.items[path].find((one) => uniqueId(one) === eventId);
      if (item || this.faults.length > 0 || Date.now() > deadline) return item;
      await sleep(20);
    }
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// What is asked of the daemon

function connect(key) {
  const session = new ApiKeySession(key);
  const at = (Api) => {
    const api = new Api(session);
    api.basePath = HOST;
    return api;
  };
  return {
    accounts: at(AccountsApi),
    events: at(EventsApi),
    metrics: at(MetricsApi),
    profiles: at(ProfilesApi),
    webhooks: at(WebhooksApi),
  };
}

function webhook(name, endpointUrl, secretKey, topics) {
  const related = topics.map((id) => ({ type: 'webhook-topic', id }));
  return {
    data: {
      type: 'webhook',
      attributes: { name, endpointUrl, secretKey, description: 'first' },
      relationships: { webhookTopics: { data: related } },
    },
  };
}

const change = (id, attributes) => ({ data: { type: 'webhook', id, attributes } });

function metric(name, service) {
  const attributes = service ? { name, service } : { name };
  return { data: { type: 'metric', attributes } };
}

const profile = (attributes) => ({ data: { type: 'profile', attributes } });

function event(ofMetric, ofProfile, attributes) {
  const all = { properties: {}, ...attributes, metric: ofMetric, profile: ofProfile };
  return { data: { type: 'event', attributes: all } };
}

const ORDER = metric('Placed Order');
const ADA = profile({
  email: 'ada@shop.example',
  firstName: 'Ada',
  externalId: 'u-1',
  properties: { plan: 'pro' },
});
const PROPERTIES = { Brand: 'Ünïcode ☕', nested: { a: [1, 2.5, { b: null }], c: true } };

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
  same('getWebhooks: ids', listed.data.map((one) => one.id), [encoded.id, plain.id]);
  same('getWebhooks: included', listed.included.map((one) => one.id).sort(), both);
  const fields = { fieldsWebhook: ['name', 'enabled'] };
  const sparse = (await api.webhooks.getWebhooks(fields)).response.data.data[0].attributes;
  same('getWebhooks: fields', sparse, { name: 'encoded', enabled: true });

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
  const sparse = (await api.events.getEvent(eventId, { fieldsEvent: ['uuid'] })).response.data.data;
  same('getEvent: fields', sparse.attributes, { uuid: attributes.uuid });

  const ofEvent = (await api.events.getMetricForEvent(eventId)).body.data;
  same('getMetricForEvent', [ofEvent.id, ofEvent.attributes.name], [metricId, 'Placed Order']);
  const oldName = (await api.events.getEventMetric(eventId)).body.data;
  same('getEventMetric: the old name', oldName.id, metricId);
  const whose = (await api.events.getProfileForEvent(eventId)).body.data;
  same('getProfileForEvent', [whose.id, whose.attributes.email], [profileId, 'ada@shop.example']);
  const oldProfile = (await api.events.getEventProfile(eventId)).body.data;
  same('getEventProfile: the old name', oldProfile.id, profileId);
  const metricRelated = (await api.events.getMetricIdForEvent(eventId)).body.data;
  same('getMetricIdForEvent', metricRelated.id, metricId);
  const profileRelated = (await api.events.getProfileIdForEvent(eventId)).body.data;
  same('getProfileIdForEvent', profileRelated.id, profileId);

  const names = async (options) =>
    (await api.metrics.getMetrics(options)).body.data.map((one) => one.attributes.name);
  const listed = await names();
  const expected = ['Placed Order', 'Subscribed to List'];
  check('getMetrics', expected.every((name) => listed.includes(name)), listed);
  const filter = 'equals(integration.name,"API")';
  same('getMetrics: filter', await names({ filter }), ['Placed Order']);
  const one = (await api.metrics.getMetric(metricId)).body.data;
  same('getMetric', one.attributes.name, 'Placed Order');
  const person = (await api.profiles.getProfile(profileId)).body.data.attributes;
  same('getProfile: names', [person.firstName, person.externalId], ['Ada', 'u-1']);
  same('getProfile: properties', person.properties, { plan: 'pro' });
}

function bulkEntry(ofProfile, ...uniqueIds) {
  const events = uniqueIds.map((uniqueId, n) => ({
    type: 'event',
    attributes: { properties: { n }, metric: ORDER, uniqueId },
  }));
  const attributes = { profile: ofProfile, events: { data: events } };
  return { type: 'event-bulk-create', attributes };
}

async function bulkEvents(api, receiver) {
  const bob = profile({ email: 'bob@shop.example' });
  const entries = [bulkEntry(ADA, 'b-1', 'b-2'), bulkEntry(bob, 'b-3')];
  const attributes = { eventsBulkCreate: { data: entries } };
  const { response } = await api.events.bulkCreateEvents({
    data: { type: 'event-bulk-create-job', attributes },
  });
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
  const left = (await api.webhooks.getWebhooks()).body.data.map((one) => one.id);
  same('getWebhooks: one left', left, [plainId]);
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

async function main() {
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
    const api = connect(KEY);
    await accountsAndTopics(api);
    await refusals(api, receiver);
    const ids = await webhooks(api, receiver);
    const item = await singleEvents(api, receiver, ids);
    await readBack(api, item);
    await bulkEvents(api, receiver);
    await switching(api, receiver, ids);
    await removal(api, receiver, ids);
    await totals(receiver);
  } finally {
    receiver.stop();
  }
}

try {
  await main();
} catch (error) {
  failed += 1;
  console.error(error.response?.data ?? error);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
