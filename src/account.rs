//! The account: the one that the API's clients see, made at the first start.
//!
//! tidings has no accounts; integrations ask for one to test their connection (contract: wire.md
//! §4.1), and deliveries carry its id. What it says of itself comes from the configuration.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::id::AccountId;
use crate::store::{Read as _, Row, StoreError, Table, Tx};

const ACCOUNT: Table<(), AccountRow> = Table::new("account");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct AccountRow(AccountId);

impl Row for AccountRow {
    const SCHEMA: u8 = 1;
}

/// The account as it presents itself.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id and public API key.
    pub id: AccountId,
    /// The name of the organization.
    pub organization_name: String,
    /// The name that its mail comes from.
    pub default_sender_name: String,
    /// The address that its mail comes from.
    pub default_sender_email: String,
    /// Its web site.
    pub website_url: Option<String>,
    /// Its line of business.
    pub industry: Option<String>,
    /// Its time zone, an IANA name.
    pub timezone: String,
    /// Its currency, three letters.
    pub preferred_currency: String,
    /// Its language and country.
    pub locale: String,
}

impl Account {
    /// The calendar of its time zone.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        TimeZone::get(&self.timezone).unwrap_or(TimeZone::UTC)
    }
}

/// The account's id: the configured one, else the one made at the first start.
///
/// # Errors
/// Where the store fails.
pub fn id(tx: &mut Tx<'_, '_>, configured: Option<AccountId>) -> Result<AccountId, StoreError> {
    let stored = tx.get(&ACCOUNT, &())?.map(|AccountRow(id)| id);
    let id = match configured.or(stored) {
        Some(id) => id,
        None => AccountId::from_random(tx.random()?),
    };
    if stored != Some(id) {
        tx.put(&ACCOUNT, &(), &AccountRow(id))?;
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{from_hex, hex_of};

    #[test]
    fn rows_have_frozen_bytes() {
        const FROZEN: &str = "01416243313233dc6873f3be7e00e9";
        let row = AccountRow("AbC123".parse().unwrap());
        assert_eq!(hex_of(&row), FROZEN);
        assert_eq!(from_hex::<AccountRow>(FROZEN), Ok(row));
    }
}
