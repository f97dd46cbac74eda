//! What holds after any sequence of changes, merges and erasures: each identifier leads to the one
//! who has it, and every order lists everybody once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use proptest::prelude::*;
use redb::backends::InMemoryBackend;

use super::*;
use crate::clock::Clock;
use crate::store::{Order, Snapshot, Store, StoreError, Tx};

/// One thing that is done; numbers choose identifiers and people.
#[derive(Clone, Debug)]
enum Step {
    Event { email: u8, external: Option<u8> },
    Import { email: Option<u8>, external: u8 },
    Change { of: u8, email: Option<u8> },
    Append { of: u8, email: u8 },
    Unappend { of: u8, email: u8 },
    Merge { into: u8, source: u8 },
    Erase { of: u8 },
}

const EMAILS: u8 = 6;
const EXTERNALS: u8 = 4;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let email = || 0..EMAILS;
    let person = || 0..8_u8;
    let step = prop_oneof![
        3 => (email(), prop::option::of(0..EXTERNALS))
            .prop_map(|(email, external)| Step::Event { email, external }),
        3 => (prop::option::of(email()), 0..EXTERNALS)
            .prop_map(|(email, external)| Step::Import { email, external }),
        2 => (person(), prop::option::of(email())).prop_map(|(of, email)| Step::Change { of, email }),
        3 => (person(), email()).prop_map(|(of, email)| Step::Append { of, email }),
        1 => (person(), email()).prop_map(|(of, email)| Step::Unappend { of, email }),
        2 => (person(), person()).prop_map(|(into, source)| Step::Merge { into, source }),
        1 => person().prop_map(|of| Step::Erase { of }),
    ];
    prop::collection::vec(step, 1..40)
}

fn email(number: u8) -> String {
    // Spelt in two ways, which are the same.
    let name = if number.is_multiple_of(2) { "E" } else { "e" };
    format!("{name}{}@x.org", number / 2)
}

fn patch(kind: Identifier, text: Option<String>) -> ProfilePatch {
    let mut patch = ProfilePatch::default();
    patch.identifiers[kind as usize] = Some(text);
    patch
}

/// Does one thing; a refusal changes nothing.
fn take(tx: &mut Tx<'_, '_>, step: &Step, people: &[ProfileId]) -> Result<(), StoreError> {
    let person = |number: u8| people.get(usize::from(number) % people.len().max(1)).copied();
    let alias = |number: u8| Alias { kind: Identifier::Email, text: email(number) };
    match *step {
        Step::Event { email: number, external } => {
            let mut patch = patch(Identifier::Email, Some(email(number)));
            patch.identifiers[Identifier::ExternalId as usize] =
                external.map(|number| Some(number.to_string()));
            drop(resolve(tx, &patch));
        }
        Step::Import { email: number, external } => {
            let mut patch = patch(Identifier::ExternalId, Some(external.to_string()));
            patch.identifiers[Identifier::Email as usize] =
                number.map(|number| Some(email(number)));
            drop(upsert(tx, &patch));
        }
        Step::Change { of, email: number } => {
            if let Some(id) = person(of) {
                drop(update(tx, id, &patch(Identifier::Email, number.map(email))));
            }
        }
        Step::Append { of, email } | Step::Unappend { of, email } => {
            let mut patch = ProfilePatch::default();
            match step {
                Step::Append { .. } => patch.append_identifiers.push(alias(email)),
                _ => patch.unappend_identifiers.push(alias(email)),
            }
            if let Some(id) = person(of) {
                drop(update(tx, id, &patch));
            }
        }
        Step::Merge { into, source } => {
            if let (Some(into), Some(source)) = (person(into), person(source))
                && into != source
                && absorb(tx, into, &[source]).is_ok()
            {
                redirect(tx, source, into)?;
            }
        }
        Step::Erase { of } => {
            if let Some(id) = person(of) {
                erase(tx, id)?;
            }
        }
    }
    Ok(())
}

fn listed(from: &Snapshot, sort: Sort) -> Vec<ProfileId> {
    let ever = (Bound::Unbounded, Bound::Unbounded);
    let mut listing = Listing {
        sort,
        order: Order::Descending,
        created: ever,
        updated: ever,
        among: None,
        after: None,
        size: 2,
    };
    let mut ids = Vec::new();
    loop {
        let (people, next) = page(from, &listing, |_, _| Ok(true)).unwrap();
        ids.extend(people.into_iter().map(|person| person.id));
        let Some(next) = next else { return ids };
        listing.after = Some(next);
    }
}

fn check(from: &Snapshot) -> Result<Vec<ProfileId>, TestCaseError> {
    let people = listed(from, Sort::Id);
    let set: BTreeSet<_> = people.iter().copied().collect();
    prop_assert_eq!(set.len(), people.len());
    for sort in [Sort::Email, Sort::Updated] {
        let ids = listed(from, sort);
        prop_assert_eq!(ids.len(), people.len(), "{:?} lists each once", sort);
        prop_assert_eq!(&ids.into_iter().collect::<BTreeSet<_>>(), &set);
    }
    let mut leads = BTreeMap::new();
    for id in &people {
        let person = get(from, *id).unwrap().unwrap();
        let shown = Identifier::ALL.into_iter().filter_map(|kind| {
            person.identifier(kind).map(|text| Alias { kind, text: text.to_owned() })
        });
        for alias in shown.chain(rows::aliases(from, *id).unwrap()) {
            let before = leads.insert((alias.kind, alias.kind.folded(&alias.text)), *id);
            prop_assert_eq!(before, None, "an identifier is one person's, once");
        }
    }
    for (kind, text) in (0..EMAILS)
        .map(|number| (Identifier::Email, email(number)))
        .chain((0..EXTERNALS).map(|number| (Identifier::ExternalId, number.to_string())))
    {
        let expected = leads.get(&(kind, kind.folded(&text))).copied();
        prop_assert_eq!(find(from, kind, &text).unwrap(), expected, "{:?} {}", kind, text);
    }
    Ok(people)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn identifiers_and_orders_agree_with_the_people(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let clock = Clock::manual(Timestamp::from_seconds(1_788_529_135));
            let (store, writer) =
                Store::open_on(InMemoryBackend::new(), 1 << 20, clock.clone()).unwrap();
            let mut people = Vec::new();
            for (number, step) in steps.into_iter().enumerate() {
                // Also several changes at one moment.
                if number % 3 == 0 {
                    clock.advance(Duration::from_millis(1));
                }
                store.commit(move |tx| take(tx, &step, &people)).await.unwrap();
                people = check(&store.snapshot().unwrap())?;
            }
            Sweeper::new(store.clone()).catch_up().await.unwrap();
            check(&store.snapshot().unwrap())?;
            let all = (Bound::Unbounded, Bound::Unbounded);
            let places = rows::by_updated(&store.snapshot().unwrap(), all, Order::Ascending, 1_000);
            prop_assert_eq!(places.unwrap().len(), people.len(), "nothing stale is left");
            drop(store);
            writer.join().unwrap();
            Ok(())
        })?;
    }
}
