//! The table of consents, and the index of suppressions, which is written beside it.

use serde::{Deserialize, Serialize};

use super::index;
use super::{Channel, Consents, ListSuppression, Reason, Status, Subscription, Suppression};
use crate::clock::Timestamp;
use crate::id::{GroupId, ProfileId};
use crate::profile::{Aspect, Change, note};
use crate::store::{DecodeError, Read, Row, StoreError, Table, Tx};

const PROFILE_CONSENTS: Table<ProfileId, ConsentsRow> = Table::new("profile_consents");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct SubscriptionRow {
    channel: u8,
    is_subscribed: bool,
    since_micros: i64,
    recorded_micros: i64,
    first_micros: i64,
    method: String,
    custom_source: Option<String>,
    double_opt_in: bool,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ConsentsRow {
    subscriptions: Vec<SubscriptionRow>,
    /// Reason, since when in microseconds.
    suppressions: Vec<(u8, i64)>,
    /// List, reason, since when in microseconds.
    list_suppressions: Vec<(GroupId, u8, i64)>,
}

impl Row for ConsentsRow {
    const SCHEMA: u8 = 1;
}

/// The numbers stand in the file; they never change.
const CHANNELS: [(Channel, u8); 8] = [
    (Channel::EmailMarketing, 1),
    (Channel::EmailOpenTracking, 2),
    (Channel::SmsMarketing, 3),
    (Channel::SmsTransactional, 4),
    (Channel::PushMarketing, 5),
    (Channel::WhatsappMarketing, 6),
    (Channel::WhatsappTransactional, 7),
    (Channel::WhatsappConversational, 8),
];

/// The number of a reason in the file; it never changes.
pub(super) const fn reason_number(reason: Reason) -> u8 {
    match reason {
        Reason::HardBounce => 1,
        Reason::InvalidEmail => 2,
        Reason::SpamComplaint => 3,
        Reason::Unsubscribe => 4,
        Reason::UserSuppressed => 5,
    }
}

fn reason(number: u8) -> Option<Reason> {
    Reason::ALL.into_iter().find(|reason| reason_number(*reason) == number)
}

fn row(consents: &Consents) -> ConsentsRow {
    let said = CHANNELS.iter().filter_map(|(channel, number)| {
        let said = consents.subscription(*channel)?;
        Some(SubscriptionRow {
            channel: *number,
            is_subscribed: said.status == Status::Subscribed,
            since_micros: said.since.micros(),
            recorded_micros: said.recorded.micros(),
            first_micros: said.first.micros(),
            method: said.method.clone(),
            custom_source: said.custom_source.clone(),
            double_opt_in: said.double_opt_in,
        })
    });
    let held = |held: &Suppression| (reason_number(held.reason), held.at.micros());
    let held_of_list =
        |held: &ListSuppression| (held.list, reason_number(held.reason), held.at.micros());
    ConsentsRow {
        subscriptions: said.collect(),
        suppressions: consents.suppressions.iter().map(held).collect(),
        list_suppressions: consents.list_suppressions.iter().map(held_of_list).collect(),
    }
}

fn consents(row: ConsentsRow) -> Option<Consents> {
    let mut consents = Consents::default();
    for said in row.subscriptions {
        let (channel, _) = CHANNELS.iter().find(|(_, number)| *number == said.channel)?;
        consents.subscriptions[*channel as usize] = Some(Subscription {
            status: if said.is_subscribed { Status::Subscribed } else { Status::Unsubscribed },
            since: Timestamp::from_micros(said.since_micros),
            recorded: Timestamp::from_micros(said.recorded_micros),
            first: Timestamp::from_micros(said.first_micros),
            method: said.method,
            custom_source: said.custom_source,
            double_opt_in: said.double_opt_in,
        });
    }
    for (number, micros) in row.suppressions {
        let at = Timestamp::from_micros(micros);
        consents.suppressions.push(Suppression { reason: reason(number)?, at });
    }
    for (list, number, micros) in row.list_suppressions {
        let at = Timestamp::from_micros(micros);
        consents.list_suppressions.push(ListSuppression { list, reason: reason(number)?, at });
    }
    Some(consents)
}

/// What a person said; nothing where they have no row.
///
/// # Errors
/// Where the store can not be read.
pub fn get(from: &impl Read, profile: ProfileId) -> Result<Consents, StoreError> {
    let Some(row) = from.get(&PROFILE_CONSENTS, &profile)? else {
        return Ok(Consents::default());
    };
    let corrupt =
        || StoreError::Corrupt { table: PROFILE_CONSENTS.name(), error: DecodeError::Content };
    consents(row).ok_or_else(corrupt)
}

/// Writes a person's consents, which were `before`, with the index of suppressions, and notes the
/// change; returns whether there was one.
///
/// # Errors
/// Where the store fails.
pub fn put(
    tx: &mut Tx<'_, '_>,
    profile: ProfileId,
    before: &Consents,
    after: &Consents,
) -> Result<bool, StoreError> {
    let is_changed = write(tx, profile, before, after)?;
    if is_changed {
        note(tx, Change { profile, aspect: Aspect::Consents, quiet: false })?;
    }
    Ok(is_changed)
}

fn write(
    tx: &mut Tx<'_, '_>,
    profile: ProfileId,
    before: &Consents,
    after: &Consents,
) -> Result<bool, StoreError> {
    if before == after {
        return Ok(false);
    }
    index::update(tx, profile, before, after)?;
    if after.is_empty() {
        tx.remove(&PROFILE_CONSENTS, &profile);
    } else {
        tx.put(&PROFILE_CONSENTS, &profile, &row(after))?;
    }
    Ok(true)
}

/// Gives what one person said to another, who turned out to be the same. The destination's own
/// word counts where both said something. The change is noted as one that starts nothing anew.
///
/// # Errors
/// Where the store fails.
pub fn carry_over(
    tx: &mut Tx<'_, '_>,
    source: ProfileId,
    destination: ProfileId,
) -> Result<(), StoreError> {
    let theirs = get(tx, source)?;
    write(tx, source, &theirs, &Consents::default())?;
    let own = get(tx, destination)?;
    let mut united = own.clone();
    united.unite(theirs);
    if write(tx, destination, &own, &united)? {
        let change = Change { profile: destination, aspect: Aspect::Consents, quiet: true };
        note(tx, change)?;
    }
    Ok(())
}

/// Forgets all that a person said. Nothing is noted: the person is about to be gone.
///
/// # Errors
/// Where the store fails.
pub fn erase(tx: &mut Tx<'_, '_>, profile: ProfileId) -> Result<(), StoreError> {
    let before = get(tx, profile)?;
    write(tx, profile, &before, &Consents::default())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::How;
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn rows_have_frozen_bytes() {
        let mut said = Consents::default();
        let how = How {
            at: Timestamp::from_seconds(5),
            now: Timestamp::from_seconds(6),
            method: "API",
            custom_source: Some("form".to_owned()),
        };
        said.subscribe(Channel::SmsMarketing, &how);
        said.unsubscribe(Channel::EmailMarketing, &how);
        said.leave_list("AAAAAA".parse().unwrap(), Timestamp::from_seconds(7));
        const FROZEN: &str = "01020100fc80969800fc001bb700fc80969800034150490104666f726d000301fc80969800fc001bb700fc80969800034150490104666f726d000104fc809698000141414141414104fc809fd50061ce8ddce61ea5fb";
        assert_eq!(hex_of(&row(&said)), FROZEN);
        assert_eq!(from_hex::<ConsentsRow>(FROZEN), Ok(row(&said)));
        assert_eq!(consents(row(&said)), Some(said));
    }

    #[test]
    fn every_channel_and_reason_has_a_number_of_its_own() {
        let how =
            How { at: Timestamp::EPOCH, now: Timestamp::EPOCH, method: "API", custom_source: None };
        let mut said = Consents::default();
        for channel in Channel::ALL {
            said.subscribe(channel, &how);
        }
        for reason in Reason::ALL {
            said.suppressions.push(Suppression { reason, at: Timestamp::EPOCH });
        }
        assert_eq!(consents(row(&said)), Some(said));
        let strange = ConsentsRow { suppressions: vec![(9, 0)], ..row(&Consents::default()) };
        assert_eq!(consents(strange), None);
    }
}
