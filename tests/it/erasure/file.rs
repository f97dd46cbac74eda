//! Looks into the file of a stopped daemon, at every row of every table, as bytes.

use std::path::Path;

use redb::{ReadableDatabase as _, ReadableTable as _, TableDefinition, TableHandle as _};

/// The tables with a row whose key or value has these bytes; with `folded`, in lower case, as ASCII
/// text.
pub(super) fn rows_with(file: &Path, bytes: &[u8], folded: bool) -> Vec<String> {
    let database = redb::Database::open(file).expect("nobody has it open");
    let transaction = database.begin_read().expect("it can be read");
    let mut found = Vec::new();
    for handle in transaction.list_tables().expect("it has tables") {
        let definition: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new(handle.name());
        let table = transaction.open_table(definition).expect("all tables are bytes to bytes");
        let has_it = table.iter().expect("it can be read").any(|row| {
            let (key, value) = row.expect("it can be read");
            [key.value(), value.value()].iter().any(|of| has(of, bytes, folded))
        });
        if has_it {
            found.push(handle.name().to_owned());
        }
    }
    found
}

fn has(of: &[u8], bytes: &[u8], folded: bool) -> bool {
    let of = if folded { of.to_ascii_lowercase() } else { of.to_vec() };
    of.windows(bytes.len()).any(|window| window == bytes)
}
