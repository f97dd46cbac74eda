// Jobs: import, subscribe, unsubscribe, suppress, unsuppress, deletion; each by its effects
// (Node SDK).

import {
  RUN,
  check,
  email,
  event,
  ids,
  isGone,
  metric,
  mine,
  phone,
  profile,
  quoted,
  refusal,
  related,
  resource,
  run,
  same,
  until,
} from './checks.mjs';

const MORE = { additionalFieldsProfile: ['subscriptions'] };

async function create(api, name, attributes = {}) {
  const body = profile({ email: email(name), ...attributes });
  return (await api.profiles.createProfile(body)).body.data.id;
}

async function newList(api, name) {
  const body = resource('list', { attributes: { name: mine(name) } });
  return (await api.lists.createList(body)).body.data.id;
}

/** The person with this address; undefined if there is none. */
async function foundByMail(api, name) {
  const filter = `equals(email,"${email(name)}")`;
  return (await api.profiles.getProfiles({ filter })).body.data[0];
}

const members = async (api, list) => ids((await api.lists.getProfilesForList(list)).body).sort();

const subscriptions = async (api, id) =>
  (await api.profiles.getProfile(id, MORE)).body.data.attributes.subscriptions;

/** What is known of the person's consent to marketing by e-mail. */
const marketing = async (api, id) => (await subscriptions(api, id)).email.marketing;

const reasons = async (api, id) =>
  ((await marketing(api, id)).suppression ?? []).map((one) => one.reason);

const toList = (id) => (id ? { relationships: { list: { data: { type: 'list', id } } } } : {});

/** A subscription job; each of the people is the attributes of one, with its channels. */
function consenting(consent, people, { list, customSource } = {}) {
  const change = consent === 'SUBSCRIBED' ? 'create' : 'delete';
  const data = people.map(([identity, ...channels]) => {
    const said = Object.fromEntries(channels.map((one) => [one, { marketing: { consent } }]));
    return profile({ ...identity, subscriptions: said }).data;
  });
  const attributes = { profiles: { data }, ...(customSource && { customSource }) };
  const type = `profile-subscription-bulk-${change}-job`;
  return resource(type, { attributes, ...toList(list) });
}

function suppressing(change, names, list) {
  const data = names.map((name) => profile({ email: email(name) }).data);
  const attributes = names.length > 0 ? { profiles: { data } } : {};
  const type = `profile-suppression-bulk-${change}-job`;
  return resource(type, { attributes, ...toList(list) });
}

/** Waits until a job is complete; its attributes. */
async function completed(name, read) {
  const attributes = async () => (await read()).body.data.attributes;
  await until(name, async () => (await attributes()).status === 'complete', attributes);
  return attributes();
}

async function importing(api) {
  const list = await newList(api, 'Imported');
  const known = await create(api, 'import-a', { firstName: 'Old' });
  const names = ['a', 'b', 'c'];
  const entry = (name) => profile({ email: email(`import-${name}`), firstName: name }).data;
  const data = names.map(entry);
  const body = resource('profile-bulk-import-job', {
    attributes: { profiles: { data } },
    relationships: { lists: related('list', [list]) },
  });
  const answer = await api.profiles.bulkImportProfiles(body);
  same('bulkImportProfiles: status', answer.response.status, 202);
  const job = answer.body.data;
  same('bulkImportProfiles: total', job.attributes.totalCount, 3);
  const read = () => api.profiles.getBulkImportProfilesJob(job.id);
  const done = await completed('bulkImportProfiles: complete', read);
  same('bulkImportProfiles: counts', [done.completedCount, done.failedCount], [3, 0]);
  const made = [];
  for (const name of names) made.push(await foundByMail(api, `import-${name}`));
  same('bulkImportProfiles: people', made.map((one) => one?.attributes.firstName), names);
  same('bulkImportProfiles: the known one', made[0]?.id, known);
  same('bulkImportProfiles: list', await members(api, list), made.map((one) => one?.id).sort());
}

async function subscribing(api) {
  const list = await newList(api, 'Subscribed');
  const known = await create(api, 'known', { phoneNumber: phone(1) });
  const people = [
    [{ email: email('known'), phoneNumber: phone(1) }, 'email', 'sms'],
    [{ email: email('unknown') }, 'email'],
  ];
  const body = consenting('SUBSCRIBED', people, { list, customSource: 'Footer' });
  const { response } = await api.profiles.bulkSubscribeProfiles(body);
  same('bulkSubscribeProfiles: status', response.status, 202);
  const said = () => marketing(api, known);
  const isSubscribed = async () => (await said()).consent === 'SUBSCRIBED';
  await until('bulkSubscribeProfiles: consent', isSubscribed, said);
  const consent = await said();
  check('bulkSubscribeProfiles: can receive', consent.canReceiveEmailMarketing, consent);
  check('bulkSubscribeProfiles: since', consent.consentTimestamp instanceof Date, consent);
  same('bulkSubscribeProfiles: source', consent.customMethodDetail, 'Footer');
  const sms = (await subscriptions(api, known)).sms.marketing;
  const found = [sms.consent, sms.canReceiveSmsMarketing];
  same('bulkSubscribeProfiles: sms', found, ['SUBSCRIBED', true]);
  const isMade = () => foundByMail(api, 'unknown');
  const made = await until('bulkSubscribeProfiles: who was unknown', isMade);
  const both = [known, made?.id].sort().join();
  const haveJoined = async () => (await members(api, list)).join() === both;
  await until('bulkSubscribeProfiles: list', haveJoined);
  await unsubscribing(api, list, known);
  const again = consenting('SUBSCRIBED', [[{ email: email('known') }, 'email']]);
  const oldName = await api.profiles.subscribeProfiles(again);
  same('subscribeProfiles: the old name', oldName.response.status, 202);
  await until('bulkSubscribeProfiles: again', isSubscribed, said);
}

/** One leaves the list only, the other marketing by e-mail. */
async function unsubscribing(api, list, known) {
  const leaving = consenting('UNSUBSCRIBED', [[{ email: email('unknown') }, 'email']], { list });
  const { response } = await api.profiles.bulkUnsubscribeProfiles(leaving);
  same('bulkUnsubscribeProfiles: status', response.status, 202);
  const hasLeft = async () => (await members(api, list)).join() === known;
  await until('bulkUnsubscribeProfiles: list', hasLeft);
  const body = consenting('UNSUBSCRIBED', [[{ email: email('known') }, 'email']]);
  await api.profiles.bulkUnsubscribeProfiles(body);
  const said = () => marketing(api, known);
  const isOver = async () => (await said()).consent === 'UNSUBSCRIBED';
  await until('bulkUnsubscribeProfiles: consent', isOver, said);
  const { canReceiveEmailMarketing } = await said();
  same('bulkUnsubscribeProfiles: can receive', canReceiveEmailMarketing, false);
  const { consent } = (await subscriptions(api, known)).sms.marketing;
  same('bulkUnsubscribeProfiles: another channel stays', consent, 'SUBSCRIBED');
}

async function suppressions(api) {
  const [held, other] = [await create(api, 'held'), await create(api, 'other')];
  const answer = await api.profiles.bulkSuppressProfiles(suppressing('create', ['held']));
  same('bulkSuppressProfiles: status', answer.response.status, 202);
  const { id } = answer.body.data;
  const read = () => api.profiles.getBulkSuppressProfilesJob(id);
  await completed('bulkSuppressProfiles: complete', read);
  same('bulkSuppressProfiles: reason', await reasons(api, held), ['USER_SUPPRESSED']);
  same('bulkSuppressProfiles: nobody else', await reasons(api, other), []);
  const { canReceiveEmailMarketing } = await marketing(api, held);
  same('bulkSuppressProfiles: can receive', canReceiveEmailMarketing, false);
  const field = 'subscriptions.email.marketing.suppression';
  const own = async (filter) => {
    const { body } = await api.profiles.getProfiles({ filter, pageSize: 100 });
    return ids(body).filter((one) => [held, other].includes(one));
  };
  same('getProfiles: suppressed', await own(`equals(${field}.reason,"USER_SUPPRESSED")`), [held]);
  const long = `${field}.timestamp,2020-01-01T00:00:00Z`;
  same('getProfiles: suppressed since', await own(`greater-than(${long})`), [held]);
  same('getProfiles: suppressed before', await own(`less-than(${long})`), []);

  const lifted = await api.profiles.bulkUnsuppressProfiles(suppressing('delete', ['held']));
  same('bulkUnsuppressProfiles: status', lifted.response.status, 202);
  const readLifted = () => api.profiles.getBulkUnsuppressProfilesJob(lifted.body.data.id);
  await completed('bulkUnsuppressProfiles: complete', readLifted);
  same('bulkUnsuppressProfiles', await reasons(api, held), []);

  const list = await newList(api, 'Suppressed');
  await api.lists.addProfilesToList(list, related('profile', [held, other]));
  await api.profiles.bulkSuppressProfiles(suppressing('create', [], list));
  const areHeld = async () =>
    (await reasons(api, held)).length === 1 && (await reasons(api, other)).length === 1;
  await until('bulkSuppressProfiles: a list', areHeld);
  const both = suppressing('create', ['held'], list);
  const call = () => api.profiles.bulkSuppressProfiles(both);
  await refusal('bulkSuppressProfiles: people and a list', 400, call);
}

/** Three people, each named in another way; all that was theirs is gone with them. */
async function deletion(api) {
  const list = await newList(api, 'Deleted');
  const names = ['del-id', 'del-mail', 'del-phone'];
  const people = [];
  for (const [n, name] of names.entries()) {
    people.push(await create(api, name, { phoneNumber: phone(10 + n) }));
  }
  await api.lists.addProfilesToList(list, related('profile', people));
  for (const name of names) {
    const whose = profile({ email: email(name) });
    const sent = event(metric(mine('Left a trace')), whose, { uniqueId: RUN });
    await api.events.createEvent(sent);
  }
  const named = [
    { type: 'profile', id: people[0], attributes: {} },
    profile({ email: email(names[1]) }).data,
    profile({ phoneNumber: phone(12) }).data,
  ];
  for (const data of named) {
    const body = resource('data-privacy-deletion-job', { attributes: { profile: { data } } });
    const { response } = await api.dataPrivacy.requestProfileDeletion(body);
    same('requestProfileDeletion: status', response.status, 202);
  }
  for (const [n, id] of people.entries()) {
    const gone = () => isGone(() => api.profiles.getProfile(id));
    await until(`requestProfileDeletion: ${names[n]} is gone`, gone);
  }
  const isEmpty = async () => (await members(api, list)).length === 0;
  await until('requestProfileDeletion: list', isEmpty);
  const filter = `any(email,${quoted(names.map(email))})`;
  const left = (await api.profiles.getProfiles({ filter })).body;
  same('requestProfileDeletion: addresses', ids(left), []);
  const recent = (await api.events.getEvents({ sort: '-datetime', pageSize: 1000 })).body.data;
  const traces = recent.filter((one) => people.includes(one.relationships.profile.data.id));
  same('requestProfileDeletion: events', traces, []);
  const again = await create(api, names[1]);
  check('requestProfileDeletion: the address may come again', !people.includes(again), again);
}

await run(importing, subscribing, suppressions, deletion);
