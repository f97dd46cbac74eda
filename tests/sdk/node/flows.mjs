// Flows, what starts them, and a request that one sends (Node SDK).

import {
  check,
  email,
  event,
  ids,
  metric,
  mine,
  profile,
  quoted,
  refusal,
  resource,
  run,
  same,
  sleep,
  walk,
} from './checks.mjs';
import {
  ORDERED,
  action,
  actionsOf,
  defined,
  groups,
  listMade,
  made,
  named,
  ofEvent,
  ofPerson,
  orderedMetric,
  plain,
  sending,
  turned,
  waiting,
} from './flow_shapes.mjs';
import { RenderedReceiver } from './receiver.mjs';

const MASK = '*****';

/** What a live flow makes of an event, as a receiver gets it; a draft makes nothing. */
async function sent(api) {
  const receiver = new RenderedReceiver({});
  await receiver.start();
  try {
    const id = await orderedMetric(api);
    const triggerFilter = groups(ofEvent(id, 'Brand', 'Ünïcode ☕'));
    const body =
      '{"flow": "{{ flow.id }}", "email": "{{ person.email }}", ' +
      '"name": "{{ person.first_name }}", "items": {{ event.items }}, ' +
      '"value": {{ event|lookup:\'$value\' }}, ' +
      '"kind": "{% if event.gift %}gift{% else %}order{% endif %}"}';
    const url = receiver.url('/orders/{{ event.sku }}');
    const headers = { 'X-Key': 'a key', 'X-Person': '{{ person.KlaviyoID }}' };
    const steps = [sending('post', { url, headers, body })];
    const definition = defined({ type: 'metric', id, triggerFilter }, steps);
    const { response } = await api.flows.createFlow(named('Sends', definition));
    same('createFlow: status', response.status, 201);
    // The secret is ours, and shown this once: the SDK's models have no place for it.
    const flow = response.data.data;
    for (const sku of ['early', 'other', 'wanted', 'late']) {
      receiver.expect(`/orders/${sku}`, flow.attributes.secret_key);
    }
    await orders(api, receiver, flow.id);
    await sleep(1000); // for what should not come
    const counts = Object.entries(receiver.items).map(([path, items]) => [path, items.length]);
    const expected = { '/orders/early': 0, '/orders/other': 0, '/orders/wanted': 1 };
    expected['/orders/late'] = 0;
    same('sent: the order of the live flow alone', Object.fromEntries(counts), expected);
    same('sent: every signature is right', receiver.faults, []);
    await api.flows.deleteFlow(flow.id);
  } finally {
    receiver.stop();
  }
}

async function orders(api, receiver, id) {
  const firstName = 'Ada "the first"';
  const ada = profile({ email: email('ada'), firstName });
  const items = [{ sku: 'wanted', count: 2, note: null }, "it's"];
  const order = async (sku, Brand = 'Ünïcode ☕') => {
    const properties = { sku, Brand, items, gift: true };
    const unique = { value: 9.5, uniqueId: mine(sku) };
    await api.events.createEvent(event(metric(ORDERED), ada, { properties, ...unique }));
  };

  await order('early');
  same('updateFlow: live', await turned(api, id, 'live'), 'live');
  await order('other', 'another');
  await order('wanted');
  const found = await receiver.find('/orders/wanted', () => true);
  check('sent: it came', found, receiver.faults);
  same('updateFlow: draft', await turned(api, id, 'draft'), 'draft');
  await order('late');
  if (!found) return;
  const filter = `equals(email,"${email('ada')}")`;
  const [whose] = ids((await api.profiles.getProfiles({ filter })).body);
  const headers = ['x-klaviyo-flow-id', 'x-key', 'x-person'].map((name) => found.headers[name]);
  same('sent: headers', headers, [id, 'a key', whose]);
  const expected = { flow: id, email: email('ada'), name: firstName, items, value: 9.5 };
  same('sent: body', found.body, { ...expected, kind: 'gift' });
}

/** A flow as it was created, as it is read, and what is beside it. */
async function oneFlow(api) {
  const trigger = { type: 'metric', id: await orderedMetric(api), triggerFilter: null };
  const definition = defined(trigger, [waiting('a1', 'a2'), sending('a2')], {
    profileFilter: groups(ofPerson('plan', 'pro')),
    reentryCriteria: { duration: 1, unit: 'day' },
  });
  const flow = await made(api, 'One', definition);
  const { attributes, id } = flow;
  const { name, status, triggerType, archived } = attributes;
  const found = [name, status, triggerType, archived];
  same('createFlow: attributes', found, [mine('One'), 'draft', 'Metric', false]);
  const dates = [attributes.created, attributes.updated];
  check('createFlow: dates', dates.every((date) => date.getTime() > 0), dates);
  const [wait, post] = actionsOf(flow);
  check('createFlow: ids', [wait, post].every((one) => /^\d+$/.test(one.id)), [wait, post]);
  const links = [wait, post].map((one) => [one.temporaryId, one.links.next]);
  same('createFlow: links', links, [[null, post.id], [null, null]]);
  same('createFlow: entry', attributes.definition.entryActionId, wait.id);
  same('createFlow: header is masked', post.data.message.headers, { 'X-Key': MASK });
  for (const part of ['triggers', 'profileFilter', 'reentryCriteria']) {
    same(`createFlow: ${part}`, plain(attributes.definition[part]), definition[part]);
  }
  await readingOne(api, flow, [wait.id, post.id]);

  same('updateFlow: manual', await turned(api, id, 'manual'), 'manual');
  const listed = (await api.flows.getActionsForFlow(id)).body.data;
  const ofAll = listed.map((one) => one.attributes.definition.data.status);
  same('updateFlow: the status is that of its actions', ofAll, [undefined, 'manual']);
  same('deleteFlow: status', (await api.flows.deleteFlow(id)).response.status, 204);
  await refusal('deleteFlow: gone', 404, () => api.flows.getFlow(id));
  await refusal('deleteFlow: actions', 404, () => api.flows.getFlowAction(wait.id));
}

async function readingOne(api, { id, attributes }, both) {
  let got = (await api.flows.getFlow(id)).body.data;
  same('getFlow', [got.id, got.attributes.name], [id, mine('One')]);
  same('getFlow: no definition', got.attributes.definition, undefined);
  const options = { additionalFieldsFlow: ['definition'], include: ['flow-actions', 'tags'] };
  got = (await api.flows.getFlow(id, options)).body;
  same('getFlow: definition', got.data.attributes.definition, attributes.definition);
  const { flowActions, tags } = got.data.relationships;
  same('getFlow: its actions', ids(flowActions), both);
  same('getFlow: its tags', tags.data, []);
  same('getFlow: included', got.included.map((one) => one.id), both);
  const definitions = got.included.map((one) => one.attributes.definition);
  same('getFlow: included definitions', definitions, attributes.definition.actions);
  const fields = { fieldsFlow: ['name', 'trigger_type'] };
  const sparse = (await api.flows.getFlow(id, fields)).response.data.data.attributes;
  same('getFlow: fields', sparse, { name: mine('One'), trigger_type: 'Metric' });
  same('getTagsForFlow', ids((await api.flows.getTagsForFlow(id)).body), []);
  same('getTagIdsForFlow', ids((await api.flows.getTagIdsForFlow(id)).body), []);
}

async function listing(api) {
  const list = (options) => api.flows.getFlows(options);
  const found = async (filter) => ids((await list({ filter, sort: 'name' })).body);
  const byMetric = { type: 'metric', id: await orderedMetric(api) };
  const byList = { type: 'list', id: await listMade(api, 'People') };
  const flows = {};
  for (const name of 'cab') {
    const definition = defined(name === 'a' ? byList : byMetric, [sending('w')]);
    flows[name] = (await made(api, name, definition)).id;
  }
  const { a, b, c } = flows;
  await turned(api, c, 'manual');
  const three = `any(id,${quoted([a, b, c])})`;
  const expected = {
    [`equals(name,"${mine('b')}")`]: [b],
    'starts-with(name,"a ")': [a],
    [`ends-with(name,"${mine('c')}")`]: [c],
    [`contains(name,"${mine('')}")`]: [a, b, c],
    'equals(status,"manual")': [c],
    'equals(status,"draft")': [a, b],
    'equals(trigger_type,"Added to List")': [a],
    'equals(trigger_type,"Metric")': [b, c],
    'equals(archived,false)': [a, b, c],
    'equals(archived,true)': [],
    'greater-than(created,2026-01-01T00:00:00Z)': [a, b, c],
    'less-or-equal(updated,2026-01-01T00:00:00Z)': [],
  };
  for (const [text, own] of Object.entries(expected)) {
    same(`getFlows: ${text}`, await found(`${three},${text}`), own);
  }
  const inOrder = {
    name: [a, b, c],
    id: [a, b, c].sort(),
    created: [c, a, b],
    updated: [a, b, c],
    trigger_type: [a, ...[b, c].sort()],
    status: [...[a, b].sort(), c],
  };
  for (const [sort, order] of Object.entries(inOrder)) {
    await walk(`getFlows: ${sort}`, list, order, { filter: three, sort, pageSize: 2 });
    const back = { filter: three, sort: `-${sort}`, pageSize: 1 };
    await walk(`getFlows: -${sort}`, list, [...order].reverse(), back);
  }
  const filter = `any(id,["${a}"])`;
  const { included } = (await list({ filter, include: ['flow-actions'] })).body;
  same('getFlows: included', included.map((one) => one.type), ['flow-action']);
  const sparse = (await list({ filter, fieldsFlow: ['name'] })).response.data.data;
  same('getFlows: fields', sparse.map((one) => one.attributes), [{ name: mine('a') }]);
  for (const id of [a, b, c]) await api.flows.deleteFlow(id);
  same('getFlows: none left', await found(three), []);
}

/** The flows that a metric, a list and a segment start. */
async function triggers(api) {
  const attributes = { name: mine('Start'), definition: groups(ofPerson(mine('x'), 'y')) };
  const segment = await api.segments.createSegment(resource('segment', { attributes }));
  const of = {
    metric: await orderedMetric(api),
    list: await listMade(api, 'Start'),
    segment: segment.body.data.id,
  };
  const include = ['flow-triggers'];
  const calls = {
    metric: {
      flows: (...by) => api.metrics.getFlowsTriggeredByMetric(...by),
      flowIds: (id) => api.metrics.getIdsForFlowsTriggeredByMetric(id),
      beside: (id) => api.metrics.getMetric(id, { include }),
    },
    list: {
      flows: (...by) => api.lists.getFlowsTriggeredByList(...by),
      flowIds: (id) => api.lists.getIdsForFlowsTriggeredByList(id),
      beside: (id) => api.lists.getList(id, { include }),
    },
    segment: {
      flows: (...by) => api.segments.getFlowsTriggeredBySegment(...by),
      flowIds: (id) => api.segments.getIdsForFlowsTriggeredBySegment(id),
      beside: (id) => api.segments.getSegment(id, { include }),
    },
  };
  for (const [type, { flows, flowIds, beside }] of Object.entries(calls)) {
    const id = of[type];
    const flow = await made(api, type, defined({ type, id }, [sending('w')]));
    const found = (await flows(id)).body.data.map((one) => [one.id, one.attributes.name]);
    same(`flows of a ${type}`, found, [[flow.id, mine(type)]]);
    const sparse = (await flows(id, { fieldsFlow: ['status'] })).response.data.data;
    const shown = sparse.map((one) => one.attributes);
    same(`flows of a ${type}: fields`, shown, [{ status: 'draft' }]);
    same(`flow ids of a ${type}`, ids((await flowIds(id)).body), [flow.id]);
    const { data, included } = (await beside(id)).body;
    same(`flow triggers of a ${type}`, ids(data.relationships.flowTriggers), [flow.id]);
    const beneath = included.map((one) => [one.type, one.id]);
    same(`flow triggers of a ${type}: included`, beneath, [['flow', flow.id]]);
    await api.flows.deleteFlow(flow.id);
    same(`flow ids of a ${type}: none`, ids((await flowIds(id)).body), []);
  }
}

async function refusals(api) {
  const trigger = { type: 'metric', id: await orderedMetric(api) };
  const wrong = {
    '/triggers/0/id': defined({ type: 'metric', id: 'Zzzzzz' }, [sending('a')]),
    '/actions/0/type': defined(trigger, [action('a', 'send-email', { status: 'live' })]),
    '/actions/0/links/next': defined(trigger, [sending('a', { next: 'b' })]),
    '/actions/0/data/message/url': defined(trigger, [sending('a', { url: 'ftp://shop.example/' })]),
    '/entry_action_id': defined(trigger, [sending('a')], { entryActionId: 'b' }),
  };
  for (const [pointer, definition] of Object.entries(wrong)) {
    const call = () => api.flows.createFlow(named('wrong', definition));
    const said = await refusal(`createFlow: ${pointer}`, 400, call);
    const whole = `/data/attributes/definition${pointer}`;
    same(`createFlow: ${pointer}: pointer`, said.source?.pointer, whole);
  }

  const { id } = await made(api, 'Refuses', defined(trigger, [sending('a')]));
  let said = await refusal('updateFlow: status', 400, () => turned(api, id, 'paused'));
  same('updateFlow: pointer', said.source?.pointer, '/data/attributes/status');
  for (const [name, value] of Object.entries({ filter: 'equals(x,"y")', sort: 'x' })) {
    said = await refusal(`getFlows: ${name}`, 400, () => api.flows.getFlows({ [name]: value }));
    same(`getFlows: ${name}: parameter`, said.source?.parameter, name);
  }
  await refusal('getFlow: unknown', 404, () => api.flows.getFlow('Zzzzzz'));
  await refusal('getFlowAction: unknown', 404, () => api.flows.getFlowAction('1'));
  await refusal('getFlowAction: malformed', 400, () => api.flows.getFlowAction('one'));
  await refusal('getFlowMessage: unknown', 404, () => api.flows.getFlowMessage('Zzzzzz'));
  await api.flows.deleteFlow(id);
}

await run(sent, oneFlow, listing, triggers, refusals);
