//! The file of the master key: where it is looked for, how it is read, and how one is made once.
//!
//! One line, `tidings-master-key-1` and the base64 of 32 bytes. A key is made only beside a store
//! in which nothing is sealed yet, and never over a file that is there.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{MasterKey, Vault, VaultError};
use crate::limits;

/// The name of the key in the data directory.
const KEY_FILE: &str = "master-key";
/// The name of the key among systemd's credentials.
const CREDENTIAL: &str = "tidings-master-key";
const PREFIX: &str = "tidings-master-key-1 ";
/// Readable by the owner, and not even the owner changes it by mistake.
const KEY_MODE: u32 = 0o400;
const OTHERS: u32 = 0o077;

/// Where the master key may come from, the first that is there being taken.
#[derive(Clone, Debug)]
pub struct KeySources {
    /// The file that the operator names; then no other is looked at.
    pub configured: Option<PathBuf>,
    /// systemd's `$CREDENTIALS_DIRECTORY`, whose `tidings-master-key` is taken if it is there.
    pub credentials_dir: Option<PathBuf>,
    /// The data directory, which must exist; its `master-key` is the last resort.
    pub data_dir: PathBuf,
    /// Whether a key may be made in the data directory: only while nothing in the store is sealed.
    pub may_make: bool,
}

/// Finds the master key, or makes it.
///
/// # Errors
/// Where there is none and none may be made, or its file is not as it must be.
pub fn load(sources: &KeySources) -> Result<Vault, VaultError> {
    if let Some(file) = &sources.configured {
        return read(file, Guard::Owner).map(|key| Vault::new(&key, Some(file.clone()), false));
    }
    if let Some(file) = credential(sources)? {
        return read(&file, Guard::System).map(|key| Vault::new(&key, Some(file), false));
    }
    let file = sources.data_dir.join(KEY_FILE);
    let is_new = if is_there(&file)? {
        false
    } else if sources.may_make {
        make(&file)?
    } else {
        return Err(VaultError::Missing(file));
    };
    // A new key is read back as well: what cannot be read must not seal anything.
    read(&file, Guard::Owner).map(|key| Vault::new(&key, Some(file), is_new))
}

fn credential(sources: &KeySources) -> Result<Option<PathBuf>, VaultError> {
    let Some(directory) = &sources.credentials_dir else { return Ok(None) };
    let file = directory.join(CREDENTIAL);
    Ok(is_there(&file)?.then_some(file))
}

/// Whether something has that name, be it a link that leads nowhere.
fn is_there(file: &Path) -> Result<bool, VaultError> {
    match file.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(VaultError::Unreadable(file.to_owned(), error)),
    }
}

/// Who keeps others from a key's file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Guard {
    /// Its owner, by its mode.
    Owner,
    /// systemd, by the directory that it lies in; the file may be open to a group.
    System,
}

fn read(file: &Path, guard: Guard) -> Result<MasterKey, VaultError> {
    let unreadable = |error| VaultError::Unreadable(file.to_owned(), error);
    let opened = File::open(file).map_err(unreadable)?;
    let mode = opened.metadata().map_err(unreadable)?.mode() & 0o7777;
    if guard == Guard::Owner && mode & OTHERS != 0 {
        return Err(VaultError::Exposed { file: file.to_owned(), mode });
    }
    // All of the room at once: growing would leave copies of the key behind.
    let bytes_max = limits::MASTER_KEY_FILE_BYTES_MAX;
    let mut bytes = Zeroizing::new(vec![0; bytes_max + 1]);
    let length = fill(&opened, &mut bytes).map_err(unreadable)?;
    let malformed = |what| VaultError::Malformed { file: file.to_owned(), what };
    if length > bytes_max {
        return Err(malformed("is too large for the one line that it should be"));
    }
    bytes.truncate(length);
    parse(&bytes).map_err(malformed)
}

/// Reads until the end or until `bytes` is full, and returns how many bytes came.
fn fill(mut from: &File, bytes: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(room) = bytes.get_mut(length..).filter(|room| !room.is_empty()) {
        match from.read(room) {
            Ok(0) => break,
            Ok(came) => length += came,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// Reads the one line; the error completes "the master key FILE …".
fn parse(bytes: &[u8]) -> Result<MasterKey, &'static str> {
    let text = str::from_utf8(bytes).map_err(|_| "is not text")?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err("is empty");
    }
    if line.contains('\n') {
        return Err("has more than one line");
    }
    let encoded = line
        .strip_prefix(PREFIX)
        .ok_or("does not begin with `tidings-master-key-1` and a space")?;
    let bytes = STANDARD.decode(encoded).map(Zeroizing::new);
    let bytes = bytes.map_err(|_| "has no base64 after `tidings-master-key-1`")?;
    let mut key = MasterKey::default();
    if bytes.len() != key.len() {
        return Err("has not 32 bytes in its base64");
    }
    key.copy_from_slice(&bytes);
    Ok(key)
}

/// Writes a new key under a name of its own, and gives it the right name once it is on disk.
/// `false` where another daemon was quicker: then its key stands.
fn make(file: &Path) -> Result<bool, VaultError> {
    let mut key = MasterKey::default();
    getrandom::fill(key.as_mut_slice()).map_err(|_| VaultError::NoRandomness)?;
    let suffix = getrandom::u64().map_err(|_| VaultError::NoRandomness)?;
    let encoded = Zeroizing::new(STANDARD.encode(key.as_slice()));
    let line = Zeroizing::new([PREFIX, &encoded, "\n"].concat());
    let mut name = OsString::from(file);
    name.push(format!(".new-{suffix:016x}"));
    let temporary = PathBuf::from(name);

    let placed = write(&temporary, &line).and_then(|()| {
        // Unlike a rename, a link never replaces a file that is there.
        fs::hard_link(&temporary, file)
    });
    let removed = fs::remove_file(&temporary);
    let is_ours = match placed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    };
    let synced = || removed.and_then(|()| file.parent().map_or(Ok(()), sync_directory));
    let made = is_ours.and_then(|is_ours| synced().map(|()| is_ours));
    made.map_err(|error| VaultError::NotMade(file.to_owned(), error))
}

fn write(file: &Path, line: &str) -> io::Result<()> {
    let mut new = OpenOptions::new().write(true).create_new(true).mode(KEY_MODE).open(file)?;
    new.write_all(line.as_bytes())?;
    new.sync_all()
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
