// Flows: create, get, list, update, delete, their actions, messages and triggers (Node SDK).

import {
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

const ORDERED = mine('Ordered');
const URL = 'https://h.example/x';

async function madeMetric(api) {
  await api.events.createEvent(event(metric(ORDERED), profile({ email: email('first') })));
  return until('the metric is there', () => metricId(api, ORDERED));
}

function delay(temporaryId, next = null) {
  const data = { unit: 'minutes', value: 5, timezone: 'profile' };
  return { temporaryId, type: 'time-delay', links: { next }, data };
}

function webhook(temporaryId, next = null) {
  const body = '{"email": "{{ person.email }}"}';
  const message = { name: temporaryId, url: URL, headers: { 'X-Key': 'v' }, body };
  const data = { status: 'live', message };
  return { temporaryId, type: 'send-webhook', links: { next }, data };
}

function defined(trigger, ...actions) {
  return { triggers: [trigger], actions, entryActionId: actions[0].temporaryId };
}

function named(name, definition) {
  return resource('flow', { attributes: { name: mine(name), definition } });
}

/** A flow from its making to its end, as the guide of the original has it. */
async function working(api) {
  const ordered = await madeMetric(api);
  const isPro = { type: 'string', operator: 'equals', value: 'pro' };
  const pro = { type: 'profile-property', property: "properties['plan']", filter: isPro };
  const definition = {
    ...defined({ type: 'metric', id: ordered }, delay('a1', 'a2'), webhook('a2')),
    profileFilter: { conditionGroups: [{ conditions: [pro] }] },
    reentryCriteria: { duration: 1, unit: 'day' },
  };
  const answer = await api.flows.createFlow(named('Welcome', definition));
  same('createFlow: status', answer.response.status, 201);
  const { id, attributes } = answer.body.data;
  const { name, status, triggerType } = attributes;
  same('createFlow', [name, status, triggerType], [mine('Welcome'), 'draft', 'Metric']);
  const made = attributes.definition;
  const [first, second] = made.actions;
  same('createFlow: entry', made.entryActionId, first.id);
  same('createFlow: links', first.links.next, second.id);
  same('createFlow: trigger', made.triggers[0].id, ordered);
  const [condition] = made.profileFilter.conditionGroups[0].conditions;
  same('createFlow: filter', condition.filter.value, 'pro');

  const options = { additionalFieldsFlow: ['definition'], include: ['flow-actions'] };
  const got = (await api.flows.getFlow(id, options)).body;
  same('getFlow: entry', got.data.attributes.definition.entryActionId, first.id);
  same('getFlow: included', got.included.map((one) => one.id), [first.id, second.id]);
  const live = resource('flow', { id, attributes: { status: 'live' } });
  const changed = (await api.flows.updateFlow(id, live)).body.data.attributes;
  same('updateFlow', changed.status, 'live');
  await acting(api, id, first.id, second.id);
  await triggers(api, id, ordered);
  const { response } = await api.flows.deleteFlow(id);
  same('deleteFlow: status', response.status, 204);
  await refusal('getFlow: deleted', 404, () => api.flows.getFlow(id));
}

async function acting(api, flow, first, second) {
  const { flows } = api;
  const list = (options) => flows.getActionsForFlow(flow, options);
  await walk('getActionsForFlow', list, [first, second], { sort: 'id', pageSize: 1 });
  const filter = 'equals(action_type,"SEND_WEBHOOK"),equals(status,"live")';
  same('getActionsForFlow: by type', ids((await list({ filter })).body), [second]);
  const named = ids((await flows.getActionIdsForFlow(flow)).body);
  same('getActionIdsForFlow', named, [first, second]);
  same('getTagsForFlow', ids((await flows.getTagsForFlow(flow)).body), []);
  same('getTagIdsForFlow', ids((await flows.getTagIdsForFlow(flow)).body), []);

  const got = (await flows.getFlowAction(second, { include: ['flow', 'flow-messages'] })).body;
  const { definition } = got.data.attributes;
  same('getFlowAction', [got.data.id, definition.type], [second, 'send-webhook']);
  const own = (await flows.getFlowForFlowAction(second)).body.data.id;
  const ownId = (await flows.getFlowIdForFlowAction(second)).body.data.id;
  same('getFlowForFlowAction', [own, ownId], [flow, flow]);
  definition.data.message.body = '{}';
  const change = resource('flow-action', { id: second, attributes: { definition } });
  await flows.updateFlowAction(second, change);

  const messages = (await flows.getFlowActionMessages(second)).body;
  const [message] = ids(messages);
  same('getFlowActionMessages: channel', messages.data[0].attributes.channel, 'webhook');
  const messageIds = ids((await flows.getMessageIdsForFlowAction(second)).body);
  same('getMessageIdsForFlowAction', messageIds, [message]);
  same('getFlowActionMessages: none', ids((await flows.getFlowActionMessages(first)).body), []);
  const read = (await flows.getFlowMessage(message, { include: ['flow-action'] })).body.data;
  const { url, body } = read.attributes.definition;
  same('updateFlowAction', [url, body], [URL, '{}']);
  const action = (await flows.getActionForFlowMessage(message)).body.data.id;
  const actionId = (await flows.getActionIdForFlowMessage(message)).body.data.id;
  same('getActionForFlowMessage', [action, actionId], [second, second]);

  const { response } = await flows.deleteFlowAction(first);
  same('deleteFlowAction: status', response.status, 204);
  const left = await flows.getFlow(flow, { additionalFieldsFlow: ['definition'] });
  const { entryActionId } = left.body.data.attributes.definition;
  same('deleteFlowAction: entry', entryActionId, second);
}

async function triggers(api, flow, ordered) {
  const found = async (call) => ids((await call).body);
  const ofMetric = await found(api.metrics.getFlowsTriggeredByMetric(ordered));
  same('getFlowsTriggeredByMetric', ofMetric, [flow]);
  const metricIds = await found(api.metrics.getIdsForFlowsTriggeredByMetric(ordered));
  same('getIdsForFlowsTriggeredByMetric', metricIds, [flow]);
  const beside = (await api.metrics.getMetric(ordered, { include: ['flow-triggers'] })).body;
  same('getMetric: flow-triggers', beside.included.map((one) => one.id), [flow]);

  const newsletter = resource('list', { attributes: { name: mine('Newsletter') } });
  const list = (await api.lists.createList(newsletter)).body.data.id;
  const joined = named('Joined', defined({ type: 'list', id: list }, delay('a')));
  const ofList = (await api.flows.createFlow(joined)).body.data.id;
  same('getFlowsTriggeredByList', await found(api.lists.getFlowsTriggeredByList(list)), [ofList]);
  const listIds = await found(api.lists.getIdsForFlowsTriggeredByList(list));
  same('getIdsForFlowsTriggeredByList', listIds, [ofList]);

  const filter = { type: 'existence', operator: 'is-set' };
  const property = `properties['${mine('nobody has it')}']`;
  const condition = { type: 'profile-property', property, filter };
  const definition = { conditionGroups: [{ conditions: [condition] }] };
  const known = resource('segment', { attributes: { name: mine('Known'), definition } });
  const segment = (await api.segments.createSegment(known)).body.data.id;
  const entered = named('Known', defined({ type: 'segment', id: segment }, delay('a')));
  const ofSegment = (await api.flows.createFlow(entered)).body.data.id;
  const flows = await found(api.segments.getFlowsTriggeredBySegment(segment));
  same('getFlowsTriggeredBySegment', flows, [ofSegment]);
  const segmentIds = await found(api.segments.getIdsForFlowsTriggeredBySegment(segment));
  same('getIdsForFlowsTriggeredBySegment', segmentIds, [ofSegment]);
}

async function reading(api) {
  const list = (options) => api.flows.getFlows(options);
  const found = async (options) => ids((await list(options)).body);
  const trigger = { type: 'metric', id: await madeMetric(api) };
  const made = {};
  for (const name of 'cab') {
    const body = named(name, defined(trigger, delay('a')));
    made[name] = (await api.flows.createFlow(body)).body.data.id;
  }
  const inTime = Object.values(made);
  const inOrder = [made.a, made.b, made.c];
  const filter = `any(id,${quoted(inTime)})`;
  for (const [sort, order] of Object.entries({ name: inOrder, id: [...inTime].sort() })) {
    await walk(`getFlows: ${sort}`, list, order, { filter, sort, pageSize: 2 });
    const back = { filter, sort: `-${sort}`, pageSize: 1 };
    await walk(`getFlows: -${sort}`, list, [...order].reverse(), back);
  }
  same('getFlows: by name', await found({ filter: `equals(name,"${mine('b')}")` }), [made.b]);
  const drafts = `equals(status,"draft"),equals(archived,false),${filter}`;
  same('getFlows: by status', await found({ filter: drafts, sort: 'name' }), inOrder);
  const page = (await list({ filter, include: ['flow-actions', 'tags'] })).body;
  same('getFlows: included', page.included.length, 3);
  const fields = { fieldsFlow: ['name'] };
  const sparse = (await api.flows.getFlow(made.a, fields)).response.data.data.attributes;
  same('getFlow: fields', sparse, { name: mine('a') });
  const unknown = () => found({ filter: 'equals(x,"y")' });
  const said = await refusal('getFlows: unknown field', 400, unknown);
  same('getFlows: parameter', said.source?.parameter, 'filter');
  for (const id of inTime) await api.flows.deleteFlow(id);
  same('getFlows: none left', await found({ filter }), []);
}

async function refusals(api) {
  const trigger = { type: 'metric', id: await madeMetric(api) };
  const mail = { temporaryId: 'a', type: 'send-email', links: { next: null }, data: {} };
  const call = () => api.flows.createFlow(named('Mail', defined(trigger, mail)));
  const said = await refusal('createFlow: mail', 400, call);
  const pointer = '/data/attributes/definition/actions/0/type';
  same('createFlow: mail: pointer', said.source?.pointer, pointer);
  await refusal('getFlowAction: malformed', 400, () => api.flows.getFlowAction('x'));
  await refusal('getFlowAction: unknown', 404, () => api.flows.getFlowAction('5'));
}

await run(working, reading, refusals);
