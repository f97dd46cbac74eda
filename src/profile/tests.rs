//! People in a store: changed, merged, erased and listed, and what the rows and the log of changes
//! hold afterwards.

use std::ops::Bound;
use std::time::Duration;

use redb::backends::InMemoryBackend;

use super::*;
use crate::clock::Clock;
use crate::store::{Order, Snapshot, Store, StoreError, Tx, WriterHandle};

struct World {
    store: Store,
    clock: Clock,
    writer: WriterHandle,
}

impl World {
    fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_seconds(1_788_529_135));
        let opened = Store::open_on(InMemoryBackend::new(), 1 << 20, clock.clone());
        let (store, writer) = opened.unwrap();
        Self { store, clock, writer }
    }

    /// Runs a command, a second after the one before.
    async fn run<T: Send + 'static>(
        &self,
        command: impl FnOnce(&mut Tx<'_, '_>) -> T + Send + 'static,
    ) -> T {
        self.clock.advance(Duration::from_secs(1));
        let done = self.store.commit(move |tx| Ok::<_, StoreError>(command(tx))).await;
        done.unwrap()
    }

    async fn make(&self, attributes: &str) -> ProfileId {
        let patch = patch(attributes, "{}");
        self.run(move |tx| create(tx, &patch).unwrap().id).await
    }

    async fn change(&self, id: ProfileId, attributes: &str, meta: &str) -> Effect {
        let patch = patch(attributes, meta);
        self.run(move |tx| update(tx, id, &patch).unwrap().effect).await
    }

    fn now(&self) -> Snapshot {
        self.store.snapshot().unwrap()
    }

    /// The last change that waits to be followed.
    fn last_change(&self) -> Option<crate::id::ChangeId> {
        changes(&self.now(), usize::MAX).unwrap().last().map(|(id, _)| *id)
    }

    fn person(&self, id: ProfileId) -> Profile {
        get(&self.now(), id).unwrap().unwrap()
    }

    fn owner(&self, kind: Identifier, text: &str) -> Option<ProfileId> {
        find(&self.now(), kind, text).unwrap()
    }

    fn list(&self, listing: &Listing) -> Vec<ProfileId> {
        let (mut ids, mut listing) = (Vec::new(), listing.clone());
        loop {
            let (people, next) = page(&self.now(), &listing, |_, _| Ok(true)).unwrap();
            assert!(people.len() <= listing.size);
            ids.extend(people.into_iter().map(|person| person.id));
            let Some(next) = next else { return ids };
            // Cursors go out as text and come back.
            listing.after = Some(next.to_string().parse().unwrap());
            assert!(next.is_of(listing.sort));
        }
    }

    fn end(self) {
        drop(self.store);
        self.writer.join().unwrap();
    }
}

fn patch(attributes: &str, meta: &str) -> ProfilePatch {
    let text =
        format!(r#"{{"data":{{"type":"profile","attributes":{attributes},"meta":{meta}}}}}"#);
    ProfilePatch::of_update(text.as_bytes(), ProfileId::from_u128(0)).unwrap()
}

fn listing(sort: Sort, order: Order, size: usize) -> Listing {
    let ever = (Bound::Unbounded, Bound::Unbounded);
    Listing { sort, order, created: ever, updated: ever, among: None, after: None, size }
}

fn updated(names: &[&str]) -> Effect {
    Effect::Updated(names.iter().map(ToString::to_string).collect())
}

#[tokio::test]
async fn a_call_changes_what_it_names_and_nulls_clear() {
    let world = World::new();
    let ann = world
        .make(r#"{"email":"Ann@x.org","external_id":"ann","title":"Dr","location":{"city":"Bonn"},"properties":{"a":1,"b":[1]}}"#)
        .await;
    let attributes = r#"{"email":"ann@x.org","title":null,"location":{"city":null,"zip":"5"},"properties":{"a":null}}"#;
    let meta = r#"{"patch_properties":{"append":{"b":2}}}"#;
    let effect = world.change(ann, attributes, meta).await;
    let names = ["email", "location.city", "location.zip", "properties.a", "properties.b", "title"];
    assert_eq!(effect, updated(&names));
    assert_eq!(world.change(ann, attributes, r#"{}"#).await, Effect::Unchanged);
    let person = world.person(ann);
    assert_eq!(person.identifier(Identifier::Email), Some("ann@x.org"));
    assert_eq!(person.properties.to_text(), r#"{"b":[1,2]}"#);
    assert_eq!(person.location.to_text(), r#"{"zip":"5"}"#);
    assert_eq!(world.change(ann, r#"{"email":null}"#, "{}").await, updated(&["email"]));
    assert_eq!(world.owner(Identifier::Email, "ann@x.org"), None);
    assert_eq!(world.owner(Identifier::ExternalId, "ann"), Some(ann));
    world.end();
}

#[tokio::test]
async fn what_belongs_to_another_refuses_a_call_and_changes_nothing() {
    let world = World::new();
    let ann = world.make(r#"{"email":"ann@x.org"}"#).await;
    let bob = world.make(r#"{"external_id":"bob"}"#).await;
    for (attributes, meta) in [
        (r#"{"email":"ANN@x.org","first_name":"B"}"#, "{}"),
        (r#"{"first_name":"B"}"#, r#"{"patch_identifiers":{"append":{"email":"ann@x.org"}}}"#),
    ] {
        let patch = patch(attributes, meta);
        let refused = world.run(move |tx| update(tx, bob, &patch)).await;
        assert!(matches!(refused, Err(ChangeError::Taken(id)) if id == ann), "{attributes}");
        assert_eq!(world.person(bob).texts[0], None);
    }
    let both = patch(r#"{"email":"ann@x.org","external_id":"bob"}"#, "{}");
    let refused = world.run(move |tx| upsert(tx, &both)).await;
    assert!(matches!(refused, Err(ChangeError::Taken(id)) if id == ann), "bob is found first");
    let again = patch(r#"{"email":"ann@x.org"}"#, "{}");
    let refused = world.run(move |tx| create(tx, &again)).await;
    assert!(matches!(refused, Err(ChangeError::Taken(id)) if id == ann));
    world.end();
}

#[tokio::test]
async fn further_identifiers_lead_to_their_person() {
    let world = World::new();
    let ann = world.make(r#"{"email":"a@x.org"}"#).await;
    let append =
        r#"{"patch_identifiers":{"append":{"email":["b@x.org","c@x.org"],"external_id":"1"}}}"#;
    assert_eq!(world.change(ann, "{}", append).await, updated(&["email", "external_id"]));
    assert_eq!(world.change(ann, "{}", append).await, Effect::Unchanged);
    let shown = |world: &World| world.person(ann).identifier(Identifier::Email).map(str::to_owned);
    assert_eq!(world.person(ann).identifier(Identifier::ExternalId), Some("1"));
    assert_eq!(shown(&world).as_deref(), Some("a@x.org"));
    for text in ["a@x.org", "B@x.org", "c@x.org"] {
        assert_eq!(world.owner(Identifier::Email, text), Some(ann), "{text}");
        // An event by any of them finds her and leaves what is shown.
        let by = patch(&format!(r#"{{"email":"{text}"}}"#), "{}");
        let done = world.run(move |tx| resolve(tx, &by).unwrap()).await;
        assert_eq!((done.id, done.effect), (ann, Effect::Unchanged), "{text}");
    }
    let import = patch(r#"{"email":"c@x.org"}"#, "{}");
    let done = world.run(move |tx| upsert(tx, &import).unwrap()).await;
    assert_eq!((done.id, done.effect), (ann, Effect::Unchanged));
    // Naming one in a change of her makes it the one that is shown; the other is given up.
    assert_eq!(world.change(ann, r#"{"email":"c@x.org"}"#, "{}").await, updated(&["email"]));
    assert_eq!(shown(&world).as_deref(), Some("c@x.org"));
    assert_eq!(world.owner(Identifier::Email, "a@x.org"), None);
    let unappend = r#"{"patch_identifiers":{"unappend":{"email":["c@x.org","nobody@x.org"]}}}"#;
    assert_eq!(world.change(ann, "{}", unappend).await, updated(&["email"]));
    assert_eq!(shown(&world).as_deref(), Some("b@x.org"), "the next one takes its place");
    assert_eq!(world.owner(Identifier::Email, "c@x.org"), None);
    world.change(ann, "{}", append).await;
    world.change(ann, r#"{"email":null}"#, "{}").await;
    for text in ["a@x.org", "b@x.org", "c@x.org"] {
        assert_eq!(world.owner(Identifier::Email, text), None, "{text}");
    }
    world.end();
}

#[tokio::test]
async fn an_import_and_an_event_differ_in_who_finds_whom() {
    let world = World::new();
    let import = patch(r#"{"email":"a@x.org","first_name":"A"}"#, "{}");
    let again = import.clone();
    let made = world.run(move |tx| upsert(tx, &import).unwrap()).await;
    assert_eq!(made.effect, Effect::Created(vec!["email"]));
    let same = world.run(move |tx| upsert(tx, &again).unwrap()).await;
    assert_eq!((same.id, same.effect), (made.id, Effect::Unchanged));
    let stranger = ProfilePatch::of(ProfileId::from_u128(7));
    let refused = world.run(move |tx| upsert(tx, &stranger)).await;
    assert!(matches!(refused, Err(ChangeError::Unknown(_))));
    world.end();
}

#[tokio::test]
async fn merging_gives_the_destination_what_it_lacks() {
    let world = World::new();
    let ann =
        world.make(r#"{"email":"ann@x.org","first_name":"Ann","properties":{"plan":"pro"}}"#).await;
    let old = world
        .make(r#"{"email":"old@x.org","phone_number":"+15005550001","title":"Old","properties":{"plan":"free","n":1,"o":1}}"#)
        .await;
    let new = world
        .make(r#"{"phone_number":"+15005550002","title":"New","location":{"city":"Bonn"},"properties":{"n":2}}"#)
        .await;
    let before = world.last_change();
    let merged = world
        .run(move |tx| {
            let merged = absorb(tx, ann, &[old, new]).unwrap();
            redirect(tx, old, ann).unwrap();
            redirect(tx, new, ann).unwrap();
            merged
        })
        .await;
    let names = ["email", "location.city", "phone_number", "properties.n", "properties.o", "title"];
    assert_eq!(merged.changed, names);
    let person = world.person(ann);
    assert_eq!(person.identifier(Identifier::PhoneNumber), Some("+15005550002"), "newest first");
    assert_eq!(
        person.texts[TEXTS.iter().position(|name| *name == "title").unwrap()].as_deref(),
        Some("New")
    );
    assert_eq!(person.properties.to_text(), r#"{"plan":"pro","n":2,"o":1}"#);
    for (kind, text) in [
        (Identifier::Email, "ann@x.org"),
        (Identifier::Email, "old@x.org"),
        (Identifier::PhoneNumber, "+15005550001"),
        (Identifier::PhoneNumber, "+15005550002"),
    ] {
        assert_eq!(world.owner(kind, text), Some(ann), "{text}");
    }
    for id in [old, new] {
        assert!(get(&world.now(), id).unwrap().is_none());
        assert_eq!(current(&world.now(), id).unwrap(), ann);
    }
    let mut told = changes(&world.now(), 100).unwrap();
    told.retain(|(id, _)| Some(*id) > before);
    let expected = Change { profile: ann, aspect: Aspect::Everything, quiet: true };
    assert_eq!(told.into_iter().map(|(_, change)| change).collect::<Vec<_>>(), [expected]);
    let by_id = listing(Sort::Id, Order::Ascending, 10);
    assert_eq!(world.list(&by_id), [ann]);
    // A chain leads to its end, and who was merged can not be merged again.
    let eve = world.make(r#"{"external_id":"eve"}"#).await;
    world
        .run(move |tx| {
            absorb(tx, eve, &[ann]).unwrap();
            redirect(tx, ann, eve).unwrap();
        })
        .await;
    assert_eq!(current(&world.now(), old).unwrap(), eve);
    let refused = world.run(move |tx| absorb(tx, eve, &[old])).await;
    let Err(AbsorbError::Source(0, ChangeError::Merged(id, now))) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((id, now), (old, eve));
    let refused = world.run(move |tx| absorb(tx, old, &[eve])).await;
    assert!(matches!(refused, Err(AbsorbError::Destination(ChangeError::Merged(..)))));
    // An event that names a former id is about the person of today.
    let done = world.run(move |tx| resolve(tx, &ProfilePatch::of(old)).unwrap()).await;
    assert_eq!(done.id, eve);
    world.end();
}

#[tokio::test]
async fn nothing_of_an_erased_person_is_left() {
    let world = World::new();
    let ann = world.make(r#"{"email":"ann@x.org","external_id":"ann"}"#).await;
    let bob = world.make(r#"{"email":"bob@x.org"}"#).await;
    let eve = world.make(r#"{"external_id":"eve"}"#).await;
    world
        .run(move |tx| {
            absorb(tx, ann, &[bob]).unwrap();
            redirect(tx, bob, ann).unwrap();
        })
        .await;
    let erased = world.run(move |tx| erase(tx, ann).unwrap()).await;
    assert_eq!(erased.former, [bob]);
    let texts: Vec<_> = erased.identifiers.iter().map(|alias| alias.text.as_str()).collect();
    assert_eq!(texts, ["ann", "ann@x.org", "bob@x.org"]);
    assert!(get(&world.now(), ann).unwrap().is_none());
    assert_eq!(current(&world.now(), bob).unwrap(), bob);
    for text in ["ann@x.org", "bob@x.org"] {
        assert_eq!(world.owner(Identifier::Email, text), None);
    }
    for sort in [Sort::Id, Sort::Email, Sort::Updated] {
        assert_eq!(world.list(&listing(sort, Order::Ascending, 10)), [eve]);
    }
    let again = world.run(move |tx| erase(tx, ann).unwrap()).await;
    assert_eq!(again, Erased::default());
    world.end();
}

#[tokio::test]
async fn every_order_lists_everybody_once() {
    let world = World::new();
    let mut ids = Vec::new();
    for (number, email) in
        [Some("c@x"), None, Some("B@x"), Some("a@x"), None, Some("d@x")].iter().enumerate()
    {
        let email = email.map_or_else(|| "null".to_owned(), |text| format!("\"{text}\""));
        let attributes = format!(r#"{{"external_id":"{number}","email":{email}}}"#);
        ids.push(world.make(&attributes).await);
    }
    let [c, n1, b, a, n2, d] = ids[..] else { panic!("six were made") };
    let alias = r#"{"patch_identifiers":{"append":{"email":["aa@x","zz@x"]}}}"#;
    world.change(c, "{}", alias).await;
    world.change(n1, r#"{"title":"T"}"#, "{}").await;
    world.change(c, r#"{"title":"T"}"#, "{}").await;
    for size in [1, 2, 5, 100] {
        let list = |sort, order| world.list(&listing(sort, order, size));
        assert_eq!(list(Sort::Id, Order::Ascending), [c, n1, b, a, n2, d]);
        assert_eq!(list(Sort::Id, Order::Descending), [d, n2, a, b, n1, c]);
        assert_eq!(list(Sort::Email, Order::Ascending), [a, b, c, d, n1, n2]);
        assert_eq!(list(Sort::Email, Order::Descending), [d, c, b, a, n2, n1]);
        assert_eq!(list(Sort::Updated, Order::Ascending), [b, a, n2, d, n1, c]);
        assert_eq!(list(Sort::Updated, Order::Descending), [c, n1, d, n2, a, b]);
        // The same of some of them.
        for sort in [Sort::Id, Sort::Email, Sort::Updated] {
            for order in [Order::Ascending, Order::Descending] {
                let wanted = [n2, c, n1, b];
                let among = Some(vec![n2, c, n1, b, c, ProfileId::from_u128(3)]);
                let some = world.list(&Listing { among, ..listing(sort, order, size) });
                let mut all = list(sort, order);
                all.retain(|id| wanted.contains(id));
                assert_eq!(some, all, "{sort:?} {order:?}");
            }
        }
    }
    world.end();
}

#[tokio::test]
async fn spans_of_time_are_answered_in_every_order() {
    let world = World::new();
    let mut made = Vec::new();
    for number in 0..8 {
        let id = world.make(&format!(r#"{{"external_id":"{number}"}}"#)).await;
        made.push((id, world.clock.now()));
    }
    let (from, to) = (made[2].1, made[5].1);
    for (span, expected) in [
        ((Bound::Included(from), Bound::Included(to)), 2..6),
        ((Bound::Excluded(from), Bound::Excluded(to)), 3..5),
        ((Bound::Excluded(from), Bound::Unbounded), 3..8),
        ((Bound::Unbounded, Bound::Excluded(from)), 0..2),
        ((Bound::Excluded(to), Bound::Excluded(from)), 0..0),
        ((Bound::Included(to), Bound::Excluded(to)), 0..0),
    ] {
        let expected: Vec<_> = made[expected].iter().map(|(id, _)| *id).collect();
        for sort in [Sort::Id, Sort::Updated, Sort::Email] {
            let by_created = Listing { created: span, ..listing(sort, Order::Ascending, 2) };
            assert_eq!(world.list(&by_created), expected, "{span:?}");
            let by_updated = Listing { updated: span, ..listing(sort, Order::Descending, 2) };
            let mut reversed = world.list(&by_updated);
            reversed.reverse();
            assert_eq!(reversed, expected, "{span:?}");
        }
    }
    world.end();
}

#[tokio::test]
async fn places_of_before_are_no_places_and_are_swept() {
    let world = World::new();
    let ann = world.make(r#"{"external_id":"ann"}"#).await;
    let bob = world.make(r#"{"external_id":"bob"}"#).await;
    for number in 0..5 {
        world.change(ann, &format!(r#"{{"title":"{number}"}}"#), "{}").await;
    }
    let by_update = listing(Sort::Updated, Order::Ascending, 1);
    assert_eq!(world.list(&by_update), [bob, ann]);
    let places = |world: &World| {
        let all = (Bound::Unbounded, Bound::Unbounded);
        rows::by_updated(&world.now(), all, Order::Ascending, 100).unwrap().len()
    };
    assert_eq!(places(&world), 7);
    Sweeper::new(world.store.clone()).catch_up().await.unwrap();
    assert_eq!(places(&world), 2);
    assert!(!rows::has_stale(&world.now()).unwrap());
    assert_eq!(world.list(&by_update), [bob, ann]);
    // Who is gone leaves nothing either.
    world.change(bob, r#"{"title":"B"}"#, "{}").await;
    world.run(move |tx| erase(tx, bob).unwrap()).await;
    Sweeper::new(world.store.clone()).catch_up().await.unwrap();
    assert_eq!((places(&world), world.list(&by_update)), (1, vec![ann]));
    world.end();
}

#[tokio::test]
async fn a_file_of_before_gets_its_orders_once() {
    let world = World::new();
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(world.make(&format!(r#"{{"external_id":"{number}"}}"#)).await);
    }
    let people: Vec<_> = ids.iter().map(|id| world.person(*id)).collect();
    world.run(move |tx| people.iter().for_each(|person| rows::forget_order(tx, person))).await;
    let by_update = listing(Sort::Updated, Order::Ascending, 10);
    assert!(world.list(&by_update).is_empty());
    catch_up(&world.store).await.unwrap();
    for sort in [Sort::Updated, Sort::Email] {
        assert_eq!(world.list(&listing(sort, Order::Ascending, 10)), ids);
    }
    let before = world.last_change();
    catch_up(&world.store).await.unwrap();
    assert_eq!(world.last_change(), before, "nobody changed");
    world.end();
}

#[tokio::test]
async fn the_log_has_the_names_of_each_change() {
    let world = World::new();
    let ann = world.make(r#"{"email":"a@x.org","title":"Dr","properties":{"a":1}}"#).await;
    let steps = [
        (r#"{"email":"b@x.org"}"#, "{}", &["email"][..]),
        (r#"{"title":null}"#, "{}", &["title"]),
        (r#"{"location":{"city":"Bonn"}}"#, "{}", &["location.city"]),
        (r#"{"location":{"city":null}}"#, "{}", &["location.city"]),
        (r#"{"properties":{"a":null,"b":[1]}}"#, "{}", &["properties.a", "properties.b"]),
        ("{}", r#"{"patch_properties":{"append":{"b":2}}}"#, &["properties.b"]),
        ("{}", r#"{"patch_properties":{"unappend":{"b":2}}}"#, &["properties.b"]),
        ("{}", r#"{"patch_properties":{"unset":"b"}}"#, &["properties.b"]),
        ("{}", r#"{"patch_identifiers":{"append":{"external_id":"1"}}}"#, &["external_id"]),
        ("{}", r#"{"patch_identifiers":{"unappend":{"external_id":"1"}}}"#, &["external_id"]),
    ];
    for (attributes, meta, expected) in steps {
        let before = world.last_change();
        assert_eq!(world.change(ann, attributes, meta).await, updated(expected));
        let mut names = Names::default();
        expected.iter().chain(&["updated"]).for_each(|name| names.add(name));
        let mut told = changes(&world.now(), 100).unwrap();
        told.retain(|(id, _)| Some(*id) > before);
        let change = Change { profile: ann, aspect: Aspect::Attributes(names), quiet: false };
        assert_eq!(told.into_iter().map(|(_, change)| change).collect::<Vec<_>>(), [change]);
        world.change(ann, attributes, meta).await;
    }
    world.end();
}

#[tokio::test]
async fn an_event_says_what_it_changed() {
    let world = World::new();
    let first = ProfilePatch::external("ann");
    let same = first.clone();
    let made = world.run(move |tx| resolve(tx, &first).unwrap()).await;
    assert_eq!(made.effect, Effect::Created(vec!["external_id"]));
    let again = world.run(move |tx| resolve(tx, &same).unwrap()).await;
    assert_eq!((again.id, again.effect), (made.id, Effect::Unchanged));
    let told = changes(&world.now(), 10).unwrap();
    assert_eq!(told.len(), 1);
    // Nobody has asked anything about somebody new.
    let expected = Change { profile: made.id, aspect: Aspect::Everything, quiet: false };
    assert_eq!(told[0].1, expected);
    world.end();
}
