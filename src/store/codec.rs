//! The envelope of every stored row: schema byte, bincode, checksum.
//!
//! bincode is named in this file alone. It is no longer maintained upstream: replacing it takes
//! this file and a new schema byte per row. Rows are plain structs without `flatten`, `untagged`
//! or skipped fields, because bincode does not describe itself: field order is the format, and
//! frozen example bytes of each row type stand in the tests of its `rows.rs`.
//!
//! The checksum is verified on every read. A row that does not verify is reported with its table
//! and never passed on.

use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64;

use crate::limits::ROW_BYTES_MAX;

const CHECKSUM_BYTES: usize = 8;

/// A stored row. When its shape changes, the old shape stays as a type of its own, `SCHEMA` goes
/// up by one, and `upgrade` reads the old bytes.
pub trait Row: Serialize + DeserializeOwned {
    /// The number of the shape that is written.
    const SCHEMA: u8;

    /// Reads a row written with an earlier schema; `None` where there is no such schema.
    fn upgrade(_schema: u8, _payload: &[u8]) -> Option<Self> {
        None
    }
}

/// A row that means only that its key is there.
impl Row for () {
    const SCHEMA: u8 = 1;
}

/// Why bytes are not a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Shorter than an envelope.
    Short,
    /// The checksum does not match: the bytes were changed after they were written.
    Checksum,
    /// Written by a later version of tidings.
    Schema(u8),
    /// The checksum holds, but the content is not this kind of row.
    Content,
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Short => f.write_str("the row is cut off"),
            Self::Checksum => f.write_str("the row's checksum does not match"),
            Self::Schema(schema) => write!(f, "the row has schema {schema}, which is unknown"),
            Self::Content => f.write_str("the row's content does not fit its table"),
        }
    }
}

const fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<ROW_BYTES_MAX>()
}

/// Writes a row with its envelope. A row over [`ROW_BYTES_MAX`] is an error of the caller, who
/// bounds what goes into it.
pub(super) fn encode<V: Row>(row: &V) -> Result<Vec<u8>, DecodeError> {
    let mut bytes = vec![V::SCHEMA];
    let content = bincode::serde::encode_to_vec(row, config()).map_err(|_| DecodeError::Content)?;
    if content.len() > ROW_BYTES_MAX {
        return Err(DecodeError::Content);
    }
    bytes.extend_from_slice(&content);
    let checksum = xxh3_64(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    Ok(bytes)
}

/// Reads a row, after its checksum.
pub(super) fn decode<V: Row>(bytes: &[u8]) -> Result<V, DecodeError> {
    let (body, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(DecodeError::Short)?;
    if xxh3_64(body).to_le_bytes() != *checksum {
        return Err(DecodeError::Checksum);
    }
    let (schema, payload) = body.split_first().ok_or(DecodeError::Short)?;
    if *schema != V::SCHEMA {
        return V::upgrade(*schema, payload).ok_or(DecodeError::Schema(*schema));
    }
    read_payload(payload).ok_or(DecodeError::Content)
}

/// Reads the content of a row in a shape that is no longer written, for [`Row::upgrade`]. `None`
/// where the bytes are not of that shape, all of them.
pub fn read_payload<V: DeserializeOwned>(payload: &[u8]) -> Option<V> {
    let (row, read) = bincode::serde::decode_from_slice::<V, _>(payload, config()).ok()?;
    (read == payload.len()).then_some(row)
}

/// A row with its envelope as bytes, for one that is kept inside another: a sealed one.
///
/// # Errors
/// Where it is larger than a row may be.
pub fn pack<V: Row>(row: &V) -> Result<Vec<u8>, DecodeError> {
    encode(row)
}

/// The row that [`pack`] made these bytes of.
///
/// # Errors
/// Where the bytes are no such row.
pub fn unpack<V: Row>(bytes: &[u8]) -> Result<V, DecodeError> {
    decode(bytes)
}

/// The bytes of a row as they stand in the file, in hex: for the frozen examples in tests.
#[cfg(test)]
pub(crate) fn hex_of<V: Row>(row: &V) -> String {
    let bytes = encode(row).expect("a test row is small");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The row whose bytes are given in hex.
#[cfg(test)]
pub(crate) fn from_hex<V: Row>(hex: &str) -> Result<V, DecodeError> {
    let bytes: Vec<u8> = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("hex is ASCII");
            u8::from_str_radix(pair, 16).expect("a pair of hex digits")
        })
        .collect();
    decode(&bytes)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Example {
        name: String,
        count: u64,
    }

    impl Row for Example {
        const SCHEMA: u8 = 3;
    }

    fn example() -> Example {
        Example { name: "n".to_owned(), count: 300 }
    }

    #[test]
    fn the_envelope_is_schema_content_checksum() {
        assert_eq!(hex_of(&example()), "03016efb2c01528d16ba19f17423");
        assert_eq!(from_hex::<Example>(&hex_of(&example())), Ok(example()));
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let good = encode(&example()).unwrap();
        for place in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[place / 8] ^= 1 << (place % 8);
            assert_eq!(decode::<Example>(&bad), Err(DecodeError::Checksum));
        }
        assert_eq!(decode::<Example>(&good[..7]), Err(DecodeError::Short));
    }

    #[test]
    fn a_later_schema_is_named() {
        let mut bytes = vec![9, 1];
        bytes.extend_from_slice(&xxh3_64(&bytes).to_le_bytes());
        assert_eq!(decode::<Example>(&bytes), Err(DecodeError::Schema(9)));
    }
}
