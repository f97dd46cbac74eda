// Metrics: list, get, their properties, and aggregates (Node SDK).

import {
  RUN,
  SPELLINGS,
  bulkJob,
  bulkOf,
  check,
  email,
  event,
  ids,
  metric,
  metricId,
  mine,
  pages,
  profile,
  refusal,
  resource,
  run,
  same,
} from './checks.mjs';

const NAME = mine('Bought');
const ADA = profile({ email: email('ada') });
const BOB = profile({ email: email('bob') });
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const TODAY_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const DAYS = [10, 9, 8].map((n) => new Date(TODAY_MS - n * DAY_MS));
const END = new Date(TODAY_MS - 7 * DAY_MS);
// Who, on which of the days, for how much. Nothing happens on the third.
const BOUGHT = [
  [ADA, 0, 10, 'USD'],
  [ADA, 0, 5, 'EUR'],
  [BOB, 0, 20, 'USD'],
  [ADA, 1, 7, 'USD'],
];
const BRANDS = ['Acme', 'Ünïcode'];
const MORE = { Categories: ['a', 'b'], Pieces: 3, Gift: true };
// More than a page of metrics has.
const MANY = 205;

async function send(api) {
  for (const [n, [whose, day, value, valueCurrency]] of BOUGHT.entries()) {
    const sent = event(metric(NAME), whose, {
      time: new Date(DAYS[day].getTime() + 2 * HOUR_MS + n * 60_000),
      value,
      valueCurrency,
      uniqueId: `${RUN}-${n}`,
      properties: { Brand: BRANDS[n % 2], ...MORE },
    });
    await api.events.createEvent(sent);
  }
  const events = manyNames().map((name) => ({ metric: metric(name) }));
  await api.events.bulkCreateEvents(bulkJob(bulkOf(ADA, ...events)));
}

const manyNames = () => Array.from({ length: MANY }, (_, n) => mine(`Of many ${n}`));

async function listing(api) {
  const list = (options) => api.metrics.getMetrics(options);
  const expected = [...manyNames(), NAME];
  const has = (listed) => {
    const names = new Set(listed.map((one) => one.attributes.name));
    return expected.filter((name) => !names.has(name));
  };
  for (const [spelling, respell] of Object.entries(SPELLINGS)) {
    const found = await pages(list, {}, respell);
    const listed = found.flatMap((page) => page.data);
    same(`getMetrics: all, by ${spelling}`, has(listed), []);
    const different = new Set(listed.map((one) => one.id)).size;
    same(`getMetrics: once, by ${spelling}`, different, listed.length);
    check(`getMetrics: more than one page, by ${spelling}`, found.length > 1, found.length);
  }
  const filter = 'equals(integration.name,"API")';
  const filtered = (await pages(list, { filter })).flatMap((page) => page.data);
  same('getMetrics: filter', has(filtered), []);
  const names = new Set(filtered.map((one) => one.attributes.integration.name));
  same('getMetrics: nothing but the filtered', [...names], ['API']);
  const call = () => list({ filter: 'equals(x,"y")' });
  const said = await refusal('getMetrics: unknown field', 400, call);
  same('getMetrics: parameter', said.source?.parameter, 'filter');
}

async function oneMetric(api) {
  const id = await metricId(api, NAME);
  const options = { fieldsFlow: ['name'], include: ['flow-triggers'] };
  const got = (await api.metrics.getMetric(id, options)).body.data;
  same('getMetric: name', got.attributes.name, NAME);
  const sparse = (await api.metrics.getMetric(id, { fieldsMetric: ['name'] })).response.data.data;
  same('getMetric: fields', sparse.attributes, { name: NAME });
  await refusal('getMetric: unknown', 404, () => api.metrics.getMetric('Zzzzzz'));
}

async function properties(api) {
  const id = await metricId(api, NAME);
  const more = { additionalFieldsMetricProperty: ['sample_values'] };
  const listed = (await api.metrics.getPropertiesForMetric(id, more)).body;
  const named = Object.fromEntries(listed.data.map((one) => [one.attributes.property, one]));
  const names = ['Brand', ...Object.keys(MORE)];
  check('getPropertiesForMetric', names.every((name) => named[name]), Object.keys(named));
  const samples = [...named.Brand.attributes.sampleValues].sort();
  same('getPropertiesForMetric: samples', samples, BRANDS);
  const types = names.map((name) => named[name].attributes.inferredType);
  same('getPropertiesForMetric: a list', types[1], 'List');
  same('getPropertiesForMetric: four types', new Set(types).size, 4);
  const plain = (await api.metrics.getPropertiesForMetric(id)).body;
  same('getPropertiesForMetric: ids stay', ids(plain).sort(), ids(listed).sort());
  const without = plain.data.every((one) => one.attributes.sampleValues === undefined);
  check('getPropertiesForMetric: samples on request only', without, plain.data);
  const oldName = (await api.metrics.getMetricMetricProperties(id)).body;
  same('getMetricMetricProperties: the old name', ids(oldName).sort(), ids(plain).sort());

  const its = named.Brand.id;
  const options = { include: ['metric'], ...more };
  const got = (await api.metrics.getMetricProperty(its, options)).body;
  same('getMetricProperty: id', got.data.id, its);
  same('getMetricProperty: label', got.data.attributes.label, 'Brand');
  same('getMetricProperty: samples', [...got.data.attributes.sampleValues].sort(), BRANDS);
  same('getMetricProperty: included', got.included.map((one) => one.id), [id]);
  const fields = { fieldsMetricProperty: ['label'] };
  const sparse = (await api.metrics.getMetricProperty(its, fields)).response.data.data;
  same('getMetricProperty: fields', sparse.attributes, { label: 'Brand' });
}

/** A moment without its zone, which is then that of the query. */
const bare = (moment) => moment.toISOString().slice(0, 19);

function between(zone = '') {
  const [begin, end] = [DAYS[0], END].map((moment) => `${bare(moment)}${zone}`);
  return [`greater-or-equal(datetime,${begin})`, `less-than(datetime,${end})`];
}

/** An aggregate over the three days. */
function asked(id, more) {
  const attributes = {
    metricId: id,
    measurements: ['count', 'sum_value', 'unique'],
    interval: 'day',
    filter: between(),
    ...more,
  };
  return resource('metric-aggregate', { attributes });
}

async function aggregates(api) {
  const id = await metricId(api, NAME);
  const query = async (more) =>
    (await api.metrics.queryMetricAggregates(asked(id, more))).body.data.attributes;

  let got = await query();
  same('queryMetricAggregates: dates', got.dates, DAYS);
  const every = { count: [3, 1, 0], sum_value: [35, 7, 0], unique: [2, 1, 0] };
  const rows = got.data.map((row) => [row.dimensions, row.measurements]);
  same('queryMetricAggregates: by day', rows, [[[], every]]);

  got = await query({ by: ['$value_currency'] });
  const found = Object.fromEntries(got.data.map((row) => [row.dimensions[0], row.measurements]));
  same('queryMetricAggregates: by currency', found, {
    USD: { count: [2, 1, 0], sum_value: [30, 7, 0], unique: [2, 1, 0] },
    EUR: { count: [1, 0, 0], sum_value: [5, 0, 0], unique: [1, 0, 0] },
  });

  const measurements = ['count'];
  for (const [sort, order] of [['-count', ['USD', 'EUR']], ['count', ['EUR', 'USD']]]) {
    got = await query({ by: ['$value_currency'], measurements, sort });
    same(`queryMetricAggregates: sort ${sort}`, got.data.map((row) => row.dimensions[0]), order);
  }

  got = await query({ interval: 'hour', measurements });
  const hours = got.data[0].measurements.count;
  same('queryMetricAggregates: hours', got.dates.length, 72);
  const sum = hours.reduce((all, one) => all + one, 0);
  same('queryMetricAggregates: by hour', [hours[2], hours[26], sum], [3, 1, 4]);

  // Two in the morning in Greenwich is the evening before in Phoenix, seven hours behind.
  got = await query({ timezone: 'America/Phoenix', filter: between('-07:00'), measurements });
  same('queryMetricAggregates: counts elsewhere', got.data[0].measurements.count, [1, 0, 0]);
  const begins = DAYS.map((day) => new Date(day.getTime() + 7 * HOUR_MS));
  same('queryMetricAggregates: days elsewhere', got.dates, begins);

  const nothing = asked(id, { filter: [] });
  const call = () => api.metrics.queryMetricAggregates(nothing);
  await refusal('queryMetricAggregates: no time range', 400, call);
}

await run(send, listing, oneMetric, properties, aggregates);
