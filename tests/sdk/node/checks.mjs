// What all checks of the Node SDK use: counting, connecting, waiting, paging.
//
// It checks nothing by itself. SDK_HOST and SDK_KEY say where the daemon is and how to get in;
// `run` sets them.

import { isDeepStrictEqual } from 'node:util';

import klaviyo from 'klaviyo-api';

export const HOST = process.env.SDK_HOST;
const KEY = process.env.SDK_KEY;

// Checks against one daemon do not meet: what each makes has this in its name.
export const RUN = process.pid.toString(16) + Date.now().toString(16);
// The milliseconds of 10,000 seconds.
const TIME_PART = String(Date.now() % 10_000_000).padStart(7, '0');
// What a daemon does after it has answered is done within this time.
const SOON_MS = 10_000;
const POLL_MS = 50;
// More than any listing here has; a link that leads in a circle ends.
const PAGES_MAX = 50;

let passed = 0;
let failed = 0;

export function check(name, good, detail) {
  if (good) {
    passed += 1;
    console.log(`ok      ${name}`);
  } else {
    failed += 1;
    console.log(`FAILED  ${name}: ${JSON.stringify(detail)}`);
  }
}

export function same(name, found, expected) {
  check(name, isDeepStrictEqual(found, expected), { found, expected });
}

/** The first error object of a call that has to be refused. */
export async function refusal(name, status, call) {
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

/** What `probe` gives as soon as it gives something; a failure if it does not in time. */
export async function until(name, probe, detail = () => 'not in time') {
  const deadline = Date.now() + SOON_MS;
  let found = await probe();
  while (!found && Date.now() < deadline) {
    await sleep(POLL_MS);
    found = await probe();
  }
  check(name, found, found ? undefined : await detail());
  return found;
}

/** Whether a call now answers 404; for `until`. */
export async function isGone(call) {
  try {
    await call();
    return false;
  } catch (error) {
    if (error.response?.status === 404) return true;
    throw error;
  }
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function connect(key = KEY) {
  const session = new klaviyo.ApiKeySession(key);
  const at = (Api) => {
    const api = new Api(session);
    api.basePath = HOST;
    return api;
  };
  return {
    accounts: at(klaviyo.AccountsApi),
    dataPrivacy: at(klaviyo.DataPrivacyApi),
    events: at(klaviyo.EventsApi),
    flows: at(klaviyo.FlowsApi),
    lists: at(klaviyo.ListsApi),
    metrics: at(klaviyo.MetricsApi),
    profiles: at(klaviyo.ProfilesApi),
    segments: at(klaviyo.SegmentsApi),
    webhooks: at(klaviyo.WebhooksApi),
  };
}

// Shapes that many requests share

export const mine = (name) => `${name} ${RUN}`;
export const email = (name) => `${name}-${RUN}@shop.example`;

/** One of a thousand numbers that no other run has, unless it began 10,000 seconds apart. */
export const phone = (number) => `+1666${TIME_PART}${String(number).padStart(3, '0')}`;

export const resource = (type, more) => ({ data: { type, ...more } });
export const profile = (attributes) => resource('profile', { attributes });
export const related = (type, ids) => ({ data: ids.map((id) => ({ type, id })) });
/** An array as the filters of the API have it. */
export const quoted = (texts) => JSON.stringify(texts);

export function metric(name, service) {
  return resource('metric', { attributes: service ? { name, service } : { name } });
}

export function event(ofMetric, ofProfile, attributes) {
  const all = { properties: {}, ...attributes, metric: ofMetric, profile: ofProfile };
  return resource('event', { attributes: all });
}

/** A person's part of a bulk request: the attributes of each event. */
export function bulkOf(ofProfile, ...events) {
  const data = events.map((one) => ({ type: 'event', attributes: { properties: {}, ...one } }));
  return { type: 'event-bulk-create', attributes: { profile: ofProfile, events: { data } } };
}

export function bulkJob(...entries) {
  return resource('event-bulk-create-job', { attributes: { eventsBulkCreate: { data: entries } } });
}

export function webhook(name, endpointUrl, secretKey, topics) {
  return resource('webhook', {
    attributes: { name, endpointUrl, secretKey, description: 'first' },
    relationships: { webhookTopics: related('webhook-topic', topics) },
  });
}

// Listings

export const SPELLINGS = {
  // The SDK sends a whole http link back as the cursor.
  link: (link) => link,
  // Of an https link it sends the cursor alone.
  'https link': (link) => link.replace('http://', 'https://'),
};

/** The bodies of all pages. */
export async function pages(call, options, respell = SPELLINGS.link) {
  const found = [(await call(options)).body];
  while (found.at(-1).links?.next && found.length < PAGES_MAX) {
    const pageCursor = respell(found.at(-1).links.next);
    found.push((await call({ ...options, pageCursor })).body);
  }
  return found;
}

export const ids = (body) => body.data.map((one) => one.id);

/** Pages through a listing in each spelling of the link; `expected` are its ids in order. */
export async function walk(name, call, expected, options) {
  for (const [spelling, respell] of Object.entries(SPELLINGS)) {
    const found = await pages(call, options, respell);
    same(`${name}: pages by ${spelling}`, found.flatMap(ids), expected);
    check(`${name}: more than one page`, found.length > 1, found.length);
  }
}

/** The id of the metric with this name; undefined if there is none. */
export async function metricId(api, name) {
  const listed = await pages((options) => api.metrics.getMetrics(options));
  return listed.flatMap((page) => page.data).find((one) => one.attributes.name === name)?.id;
}

/** What was refused with what, or what else was thrown. */
function told(error) {
  if (!error.response) return error;
  const { config, data, status } = error.response;
  return `${config.method} ${config.url}: ${status} ${JSON.stringify(data)}`;
}

/** Runs the parts of a check, each with the SDK; what one of them throws is a failure. */
export async function run(...parts) {
  const api = connect();
  for (const part of parts) {
    try {
      await part(api);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${part.name}, which ends here:`, told(error));
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}
