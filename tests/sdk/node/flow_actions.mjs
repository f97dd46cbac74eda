// The actions of flows and their messages: read, changed, deleted (Node SDK).

import { ids, quoted, refusal, run, same, walk } from './checks.mjs';
import {
  action,
  actionsOf,
  defined,
  groups,
  listMade,
  made,
  ofEvent,
  ofPerson,
  orderedMetric,
  plain,
  sending,
  split,
  waiting,
  withDefinition,
} from './flow_shapes.mjs';

async function actions(api) {
  const trigger = { type: 'metric', id: await orderedMetric(api) };
  const steps = [sending('a1', { next: 'a2' }), waiting('a2', 'a3'), sending('a3')];
  const flow = await made(api, 'Actions', defined(trigger, steps));
  const [first, wait, last] = actionsOf(flow).map((one) => one.id);
  await readingActions(api, flow.id, [first, wait, last]);

  const include = ['flow', 'flow-messages'];
  const got = (await api.flows.getFlowAction(first, { include })).body;
  const { definition } = got.data.attributes;
  same('getFlowAction', definition, actionsOf(flow)[0]);
  const messageId = definition.data.message.id;
  const related = got.data.relationships;
  same('getFlowAction: its flow', related.flow.data.id, flow.id);
  same('getFlowAction: its messages', ids(related.flowMessages), [messageId]);
  same('getFlowAction: included', got.included.map((one) => one.id), [flow.id, messageId]);
  const fields = { fieldsFlowAction: ['definition'] };
  const sparse = (await api.flows.getFlowAction(first, fields)).response.data.data.attributes;
  same('getFlowAction: fields', Object.keys(sparse), ['definition']);
  const itsFlow = (await api.flows.getFlowForFlowAction(first)).body.data;
  same('getFlowForFlowAction', itsFlow.id, flow.id);
  const itsFlowId = (await api.flows.getFlowIdForFlowAction(first)).body.data;
  same('getFlowIdForFlowAction', itsFlowId.id, flow.id);
  await messages(api, first, wait, definition.data.message);

  definition.data.message.body = '{"changed": true}';
  const changed = await api.flows.updateFlowAction(first, withDefinition(first, definition));
  same('updateFlowAction', changed.body.data.attributes.definition, definition);
  const { response } = await api.flows.deleteFlowAction(wait);
  same('deleteFlowAction: status', response.status, 204);
  await refusal('deleteFlowAction: gone', 404, () => api.flows.getFlowAction(wait));
  const leads = (await api.flows.getFlowAction(first)).body.data.attributes.definition.links;
  same('deleteFlowAction: the one before leads on', leads.next, last);
  await api.flows.deleteFlow(flow.id);
}

async function readingActions(api, flow, inOrder) {
  const [first, wait, last] = inOrder;
  const listings = {
    actions: (options) => api.flows.getActionsForFlow(flow, options),
    ids: (options) => api.flows.getActionIdsForFlow(flow, options),
  };
  for (const [name, list] of Object.entries(listings)) {
    const found = async (options) => ids((await list(options)).body);
    await walk(`${name} of a flow`, list, inOrder, { sort: 'id', pageSize: 2 });
    const back = { sort: '-id', pageSize: 1 };
    await walk(`${name} of a flow: back`, list, [...inOrder].reverse(), back);
    same(`${name} of a flow: by type`, await found({ sort: 'action_type' }), [first, last, wait]);
    const expected = {
      'equals(action_type,"TIME_DELAY")': [wait],
      'any(action_type,["SEND_WEBHOOK","SEND_EMAIL"])': [first, last],
      [`any(id,${quoted([last, wait])})`]: [wait, last],
      'equals(status,"live")': [first, last],
      'less-than(created,2026-01-01T00:00:00Z)': [],
    };
    for (const [filter, own] of Object.entries(expected)) {
      same(`${name} of a flow: ${filter}`, await found({ filter, sort: 'id' }), own);
    }
  }
}

/** The message of a webhook, which others do not have. */
async function messages(api, post, wait, definition) {
  const { id } = definition;
  const listed = (await api.flows.getFlowActionMessages(post)).body.data;
  const shown = listed.map((one) => [one.id, one.attributes.channel, one.attributes.definition]);
  same('getFlowActionMessages', shown, [[id, 'webhook', definition]]);
  const listings = {
    getFlowActionMessages: (...of) => api.flows.getFlowActionMessages(...of),
    getMessageIdsForFlowAction: (...of) => api.flows.getMessageIdsForFlowAction(...of),
  };
  for (const [name, list] of Object.entries(listings)) {
    const found = async (...of) => ids((await list(...of)).body);
    same(`${name}: of a delay`, await found(wait), []);
    same(`${name}: by name`, await found(post, { filter: 'equals(name,"a1")' }), [id]);
    same(`${name}: by another name`, await found(post, { filter: 'contains(name,"x")' }), []);
    same(`${name}: a page`, await found(post, { sort: '-name', pageSize: 1 }), [id]);
  }

  const include = ['flow-action', 'template'];
  const got = (await api.flows.getFlowMessage(id, { include })).body;
  same('getFlowMessage', got.data.attributes.definition, definition);
  same('getFlowMessage: its action', got.data.relationships.flowAction.data.id, post);
  same('getFlowMessage: included', got.included.map((one) => one.id), [post]);
  const fields = { fieldsFlowMessage: ['channel'] };
  const sparse = (await api.flows.getFlowMessage(id, fields)).response.data.data.attributes;
  same('getFlowMessage: fields', sparse, { channel: 'webhook' });
  const its = (await api.flows.getActionForFlowMessage(id)).body.data.attributes;
  same('getActionForFlowMessage', its.definition.data.message, definition);
  const itsId = (await api.flows.getActionIdForFlowMessage(id)).body.data.id;
  same('getActionIdForFlowMessage', itsId, post);
}

/** A flow of every kind of action: each is changed to what was read of it, and stays that. */
async function everyKind(api) {
  const id = await orderedMetric(api);
  const pro = groups(ofPerson('plan', 'pro'));
  const asked = { triggerFilter: groups(ofEvent(id, 'Brand', 'X')), triggerId: id };
  const branches = [
    { branchId: 'b1', order: 0, branchFilter: pro, links: { next: 'update' } },
    { branchId: 'b2', order: 1, isElse: true, links: { next: 'wait' } },
  ];
  const values = { string: 'x', boolean: true, numeric: 1.5, date: 'today' };
  const profileOperations = Object.entries(values).map(([propertyType, propertyValue]) => {
    return { operator: 'update', propertyType, propertyKey: propertyType, propertyValue };
  });
  const ofList = { propertyOperation: 'add', propertyKey: 'tags', propertyValue: 'x' };
  profileOperations.push({ operator: 'create', propertyType: 'list', ...ofList });
  profileOperations.push({ operator: 'delete', propertyKey: 'old' });
  const join = { name: 'join', onExecution: true, listId: await listMade(api, 'Kinds') };
  const { links: _, ...many } = action('many', 'multi-branch-split', { name: 'Plans', branches });
  const kinds = [
    split('person', 'conditional-split', { profileFilter: pro }, 'event', 'wait'),
    split('event', 'trigger-split', { ...asked, triggerType: 'metric' }, 'many', null),
    many,
    action('update', 'update-profile', { profileOperations, status: 'draft' }, 'join'),
    action('join', 'list-update', { ...join, status: 'draft' }, 'wait'),
    waiting('wait', 'post'),
    sending('post', { next: 'code' }),
    action('code', 'code', null),
  ];
  await unchanged(api, await made(api, 'Kinds', defined({ type: 'metric', id }, kinds)), kinds);
}

async function dates(api) {
  const trigger = {
    type: 'date',
    dateFieldType: 'profile-property',
    dateProfileProperty: 'birthday',
    timedeltaUnitBeforeDate: 'days',
    timedeltaValueBeforeDate: 3,
    recurrenceFrequency: 'annually',
    timezone: 'profile',
    triggerTime: '09:00:00',
    triggerDays: ['monday', 'friday'],
  };
  const untilDate = { timezone: 'Europe/Berlin', targetTime: '10:30:00', targetDays: null };
  const kinds = [action('until', 'target-date', untilDate, 'post'), sending('post')];
  const flow = await made(api, 'Dates', defined(trigger, kinds));
  same('createFlow: date trigger', flow.attributes.triggerType, 'Date Based');
  same("createFlow: date trigger's parts", plain(flow.attributes.definition.triggers), [trigger]);
  same('createFlow: target date', plain(actionsOf(flow)[0].data), untilDate);
  await unchanged(api, flow, kinds);
}

async function unchanged(api, flow, kinds) {
  same('createFlow: kinds', actionsOf(flow).map((one) => one.type), kinds.map((one) => one.type));
  for (const one of actionsOf(flow)) {
    // What the SDK finds no model for stays as it came, in the API's spelling.
    same(`createFlow: ${one.type} has models`, JSON.stringify(one).match(/"\w+_\w+":/g), null);
    const changed = await api.flows.updateFlowAction(one.id, withDefinition(one.id, one));
    same(`updateFlowAction: ${one.type}`, changed.body.data.attributes.definition, one);
  }
  await api.flows.deleteFlow(flow.id);
}

await run(actions, everyKind, dates);
