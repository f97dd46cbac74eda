// A strict receiver of deliveries on loopback: verifies each of them independently of the daemon.
//
// It checks nothing by itself: what it found wrong is in `faults`, what came in `items`.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { isDeepStrictEqual } from 'node:util';

import standardwebhooks from 'standardwebhooks';

import { sleep } from './checks.mjs';

const { Webhook } = standardwebhooks;

const KEY_BYTES = Buffer.from('thirty-two bytes make a good key');
export const ENCODED_SECRET = `whsec_${KEY_BYTES.toString('base64')}`;
export const PLAIN_SECRET = 'a plain secret, ascii only';
const TOLERANCE_MS = 300_000;
const DELIVERY_MS = 30_000;

/** As Klaviyo's guide does it: the body, then the timestamp. */
export function klaviyoSignature(secret, body, timestamp) {
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

const isFresh = (text) => Math.abs(Date.now() - Date.parse(text)) <= TOLERANCE_MS;

/** What a strict receiver would refuse a request for, whatever its body says. */
function signatureFaults(secret, headers, raw) {
  const found = [];
  const expect = (good, what) => {
    if (!good) found.push(what);
  };
  const body = raw.toString('utf8');
  standardVerifier(secret).verify(body, headers);
  expect(isRefusedByLibrary(secret, `${body} `, headers), 'a changed body passed');
  expect(isRefusedByLibrary('another plain secret', body, headers), 'another secret passed');

  const stamp = headers['klaviyo-timestamp'];
  const expected = klaviyoSignature(secret, raw, stamp);
  expect(equalText(headers['klaviyo-signature'], expected), 'Klaviyo-Signature');
  expect(isFresh(stamp), `Klaviyo-Timestamp ${stamp}`);
  expect(headers['content-type'] === 'application/json', headers['content-type']);
  return found;
}

/** What is wrong with the body of a subscription's delivery, or contradicts its headers. */
function documentFaults(headers, { meta, data }) {
  const found = [];
  const expect = (good, what) => {
    if (!good) found.push(what);
  };
  expect(headers['klaviyo-webhook-id'] === meta.klaviyo_webhook_id, 'Klaviyo-Webhook-Id');
  expect(isFresh(meta.timestamp), `meta.timestamp ${meta.timestamp}`);
  expect(meta.version && meta.klaviyo_account_id, `meta ${JSON.stringify(meta)}`);
  expect(data.length >= 1 && data.length <= 1000, 'the number of events');
  for (const item of data) {
    const keys = Object.keys(item).sort();
    expect(isDeepStrictEqual(keys, ['external_id', 'payload', 'topic']), `item ${keys}`);
    expect(item.external_id === item.payload.data.id, 'external_id');
  }
  return found;
}

export const uniqueId = (item) => item.payload.data.attributes.event_properties.$event_id;

/** Takes deliveries on loopback and keeps what they held, by path. */
export class Receiver {
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

  /** What a request holds whose signatures are right, and what is wrong with that. */
  read(headers, raw) {
    const document = JSON.parse(raw);
    const webhook = headers['klaviyo-webhook-id'];
    const items = document.data.map((item) => ({ ...item, webhook }));
    return { items, found: documentFaults(headers, document) };
  }

  take(path, headers, raw) {
    let items = [];
    let found;
    try {
      found = signatureFaults(this.secrets[path], headers, raw);
      if (found.length === 0) ({ items, found } = this.read(headers, raw));
    } catch (error) {
      found = [String(error)]; // a receiver answers, whatever comes
    }
    this.requests += 1;
    this.faults.push(...found.map((fault) => `${path}: ${fault}`));
    if (found.length > 0) return 401;
    this.items[path].push(...items);
    return 200;
  }

  /** The first delivered item that is `wanted`; undefined if none comes in time. */
  async find(path, wanted) {
    const deadline = Date.now() + DELIVERY_MS;
    for (;;) {
      const item = this.items[path].find(wanted);
      if (item || this.faults.length > 0 || Date.now() > deadline) return item;
      await sleep(20);
    }
  }

  /** The delivered item of the event with this unique id; undefined if none comes in time. */
  async wait(path, eventId) {
    return this.find(path, (one) => uniqueId(one) === eventId);
  }
}

/** Takes the requests of flows: each is one item, with its headers and its body as JSON. */
export class RenderedReceiver extends Receiver {
  /** What comes there is signed with this secret, which is known later than the address. */
  expect(path, secret) {
    this.secrets[path] = secret;
    this.items[path] = [];
  }

  read(headers, raw) {
    return { items: [{ headers, body: JSON.parse(raw) }], found: [] };
  }
}
