// The requests about flows that several checks send (Node SDK).
//
// It checks nothing by itself.

import { email, event, metric, metricId, mine, profile, resource } from './checks.mjs';

export const ORDERED = mine('Ordered');
// Nobody listens there; the flows that name it stay drafts, or nobody enters them.
const NOWHERE = 'http://127.0.0.1:9/';

/** One condition of each group has to hold, and each group has one. */
export const groups = (...conditions) => ({
  conditionGroups: conditions.map((one) => ({ conditions: [one] })),
});
const equals = (value) => ({ type: 'string', operator: 'equals', value });

export function ofPerson(name, value) {
  return { type: 'profile-property', property: `properties['${name}']`, filter: equals(value) };
}

export const ofEvent = (itsMetric, field, value) => ({
  type: 'metric-property',
  metricId: itsMetric,
  field,
  filter: equals(value),
});

export const action = (temporaryId, type, data, next = null) => ({
  temporaryId,
  type,
  links: { next },
  data,
});

export const split = (temporaryId, type, data, nextIfTrue, nextIfFalse) => ({
  temporaryId,
  type,
  links: { nextIfTrue, nextIfFalse },
  data,
});

export function sending(name, { next, ...more } = {}) {
  const message = { name, url: NOWHERE, headers: { 'X-Key': 'v' }, body: '{}', ...more };
  return action(name, 'send-webhook', { status: 'live', message }, next);
}

export const waiting = (name, next) =>
  action(name, 'time-delay', { unit: 'minutes', value: 5 }, next);

/** People begin with the first action. */
export const defined = (trigger, actions, more) => ({
  triggers: [trigger],
  entryActionId: actions[0].temporaryId,
  actions,
  ...more,
});

export const named = (name, definition) =>
  resource('flow', { attributes: { name: mine(name), definition } });

export const made = async (api, name, definition) =>
  (await api.flows.createFlow(named(name, definition))).body.data;

export const withDefinition = (id, definition) =>
  resource('flow-action', { id, attributes: { definition } });

export const actionsOf = (flow) => flow.attributes.definition.actions;

/** The status that the flow has after it was given this one. */
export async function turned(api, id, status) {
  const body = resource('flow', { id, attributes: { status } });
  return (await api.flows.updateFlow(id, body)).body.data.attributes.status;
}

export async function listMade(api, name) {
  const body = resource('list', { attributes: { name: mine(name) } });
  return (await api.lists.createList(body)).body.data.id;
}

/** The metric's id; it is made by its first event, which starts nothing yet. */
export async function orderedMetric(api) {
  await api.events.createEvent(event(metric(ORDERED), profile({ email: email('first') })));
  return metricId(api, ORDERED);
}

/** Without the classes of the SDK's models, which would be compared too. */
export const plain = (value) => JSON.parse(JSON.stringify(value));
