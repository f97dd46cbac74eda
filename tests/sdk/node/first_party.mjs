// First-party events: what changes of people, lists and segments reaches a webhook (Node SDK).

import {
  RUN,
  check,
  email,
  mine,
  profile,
  related,
  resource,
  run,
  same,
  until,
  webhook,
} from './checks.mjs';
import { ENCODED_SECRET, Receiver } from './receiver.mjs';

const PATH = '/first-party';
const TOPICS = [
  'event:klaviyo.manually_suppressed_from_email_marketing',
  'event:klaviyo.merged_profile',
  'event:klaviyo.subscribed_to_email_marketing',
  'event:klaviyo.subscribed_to_list',
  'event:tidings.segment_entered',
];
const [SUPPRESSED, MERGED, SUBSCRIBED, JOINED, ENTERED] = TOPICS;

async function create(api, name, attributes = {}) {
  const body = profile({ email: email(name), ...attributes });
  return (await api.profiles.createProfile(body)).body.data.id;
}

/** The properties of the delivered event of this topic about this person. */
async function arrives(receiver, topic, profileId) {
  const whose = (item) => item.payload.data.relationships.profile.data.id;
  const wanted = (item) => item.topic === topic && whose(item) === profileId;
  const item = await receiver.find(PATH, wanted);
  check(`${topic} arrives`, item, receiver.faults);
  return item?.payload.data.attributes.event_properties ?? {};
}

async function joining(api, receiver) {
  const person = await create(api, 'joins');
  const named = resource('list', { attributes: { name: mine('News') } });
  const list = (await api.lists.createList(named)).body.data.id;
  await api.lists.addProfilesToList(list, related('profile', [person]));
  const properties = await arrives(receiver, JOINED, person);
  same('subscribed_to_list: which', properties.List, mine('News'));
}

async function subscribing(api, receiver) {
  const person = await create(api, 'subscribes');
  const channels = { email: { marketing: { consent: 'SUBSCRIBED' } } };
  const { data } = profile({ email: email('subscribes'), subscriptions: channels });
  const attributes = { profiles: { data: [data] } };
  const body = resource('profile-subscription-bulk-create-job', { attributes });
  await api.profiles.bulkSubscribeProfiles(body);
  await arrives(receiver, SUBSCRIBED, person);
}

async function suppressing(api, receiver) {
  const person = await create(api, 'suppressed');
  const attributes = { profiles: { data: [profile({ email: email('suppressed') }).data] } };
  const body = resource('profile-suppression-bulk-create-job', { attributes });
  await api.profiles.bulkSuppressProfiles(body);
  await arrives(receiver, SUPPRESSED, person);
}

async function merging(api, receiver) {
  const [into, source] = [await create(api, 'into'), await create(api, 'source')];
  const relationships = { profiles: related('profile', [source]) };
  await api.profiles.mergeProfiles(resource('profile-merge', { id: into, relationships }));
  const properties = await arrives(receiver, MERGED, into);
  check('merged_profile: who', JSON.stringify(properties).includes(source), properties);
}

async function entering(api, receiver) {
  const filter = { type: 'string', operator: 'equals', value: RUN };
  const condition = { type: 'profile-property', property: "properties['mark']", filter };
  const definition = { conditionGroups: [{ conditions: [condition] }] };
  const body = resource('segment', { attributes: { name: mine('Marked'), definition } });
  const segment = (await api.segments.createSegment(body)).body.data.id;
  const isComputed = async () =>
    !(await api.segments.getSegment(segment)).body.data.attributes.isProcessing;
  await until('segment_entered: computed', isComputed);
  const person = await create(api, 'enters', { properties: { mark: RUN } });
  const properties = await arrives(receiver, ENTERED, person);
  const known = Object.values(properties).filter((one) => [segment, mine('Marked')].includes(one));
  check('segment_entered: which', known.length > 0, properties);
}

async function main(api) {
  const receiver = new Receiver({ [PATH]: ENCODED_SECRET });
  await receiver.start();
  try {
    const hook = webhook('first-party', receiver.url(PATH), ENCODED_SECRET, TOPICS);
    const { id } = (await api.webhooks.createWebhook(hook)).body.data;
    for (const part of [joining, subscribing, suppressing, merging, entering]) {
      await part(api, receiver);
    }
    await api.webhooks.deleteWebhook(id);
    same(`every one of ${receiver.requests} deliveries verified`, receiver.faults, []);
  } finally {
    receiver.stop();
  }
}

await run(main);
