//! What is sealed opens again only where it should; a key is made once, and kept from others.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::*;

const CONTEXT: &[u8] = b"webhook:01HF7AYTK76RHR4F17G6DGTRGF";
const PLAIN: &[u8] = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// `PLAIN` sealed with the key 0, 1, …, 31 by Python's cryptography: what stores of version 1 hold.
const FROZEN: &str = "018ac5f7636465666768696a6b6c6d6e6fdbe4d1801fb0a3ee13cf2ce2d87357f28c744864f6\
    4043290529c3718141441d5f6640a02310d9f150b03ddb83d3f09d0f0f7824c268";
/// The key 0, 1, …, 31 as its file has it.
const LINE: &str = "tidings-master-key-1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn key(first: u8) -> MasterKey {
    Zeroizing::new(std::array::from_fn(|at| first + at as u8))
}

fn vault() -> Vault {
    Vault::from_key(&key(0))
}

fn frozen() -> Vec<u8> {
    let digits = FROZEN.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

/// The key's file in a directory of its own, with this text and mode.
fn key_file(text: &[u8], mode: u32) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("master-key");
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
    (directory, file)
}

fn beside(data_dir: &Path, may_make: bool) -> KeySources {
    let data_dir = data_dir.to_owned();
    KeySources { configured: None, credentials_dir: None, data_dir, may_make }
}

/// What `load` says, with the directory's name left out.
fn told(directory: &Path, sources: &KeySources) -> String {
    let error = load(sources).unwrap_err().to_string();
    error.replace(&format!("{}/", directory.display()), "")
}

#[test]
fn what_was_sealed_opens() {
    for plain in [&b""[..], PLAIN, &[0xff; limits::SEALED_BYTES_MAX]] {
        let sealed = vault().seal(CONTEXT, plain).unwrap();
        assert_eq!(sealed.len(), HEAD_BYTES + NONCE_LEN + plain.len() + TAG_BYTES);
        assert_eq!(*vault().open(CONTEXT, &sealed).unwrap(), plain);
    }
    let [one, other] = [(); 2].map(|()| vault().seal(CONTEXT, PLAIN).unwrap());
    assert_ne!(one, other, "each has a nonce of its own");
    assert!(!one.windows(4).any(|window| PLAIN.windows(4).any(|plain| plain == window)));
    let secret = vault().open_secret(CONTEXT, &one).unwrap();
    assert_eq!(secret.expose().as_bytes(), PLAIN);
    let sealed = vault().seal(CONTEXT, &[0xff]).unwrap();
    assert!(matches!(vault().open_secret(CONTEXT, &sealed), Err(VaultError::NotText)));
}

#[test]
fn too_much_is_not_sealed() {
    let error = vault().seal(CONTEXT, &[0; limits::SEALED_BYTES_MAX + 1]).unwrap_err();
    assert_eq!(error.to_string(), "2097153 bytes are more than the 2097152 that can be sealed");
}

#[test]
fn what_an_older_store_holds_opens() {
    assert_eq!(*vault().open(CONTEXT, &frozen()).unwrap(), PLAIN);
}

#[test]
fn another_context_does_not_open_it() {
    let sealed = vault().seal(CONTEXT, PLAIN).unwrap();
    for context in [&b""[..], b"webhook:01HF7AYTK76RHR4F17G6DGTRGG", b"key check"] {
        let error = vault().open(context, &sealed).unwrap_err();
        assert_eq!(error.to_string(), "the sealed value was changed, or belongs elsewhere");
    }
}

#[test]
fn no_changed_bit_and_no_lost_byte_goes_unseen() {
    let sealed = frozen();
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let error = vault().open(CONTEXT, &changed).unwrap_err();
        let as_expected = match bit / 8 {
            0 => matches!(error, VaultError::NotSealed),
            1..HEAD_BYTES => matches!(error, VaultError::OtherKey(None)),
            _ => matches!(error, VaultError::Changed),
        };
        assert!(as_expected, "bit {bit}: {error}");
    }
    for length in 0..sealed.len() {
        let error = vault().open(CONTEXT, &sealed[..length]).unwrap_err();
        let is_short = length < HEAD_BYTES + NONCE_LEN;
        assert_eq!(matches!(error, VaultError::NotSealed), is_short, "{length}: {error}");
    }
    let longer = [sealed, vec![0]].concat();
    assert!(matches!(vault().open(CONTEXT, &longer), Err(VaultError::Changed)));
}

#[test]
fn a_store_knows_its_key_again() {
    let check = vault().key_check().unwrap();
    vault().verify(&check).unwrap();
    let told = |check: &[u8], vault: &Vault| vault.verify(check).unwrap_err().to_string();
    let expected = "is not the one this store was sealed with; nothing was changed";
    let other = Vault::from_key(&key(1));
    assert_eq!(told(&check, &other), format!("the master key given {expected}"));

    let (_directory, file) = key_file(LINE.as_bytes(), 0o400);
    let configured = Some(file.clone());
    let sources = KeySources { configured, ..beside(Path::new("/nowhere"), false) };
    let here = load(&sources).unwrap();
    here.verify(&check).unwrap();
    let other_check = other.key_check().unwrap();
    let expected = format!("the master key in {} {expected}", file.display());
    assert_eq!(told(&other_check, &here), expected);

    let damaged = "the store's check of its master key is damaged; restore the store from a backup";
    for check in [&b""[..], &frozen(), check.split_last().unwrap().1] {
        assert_eq!(told(check, &here), damaged);
    }
}

#[test]
fn a_key_is_made_once_and_is_its_owners_alone() {
    let directory = tempfile::tempdir().unwrap();
    let sources = beside(directory.path(), true);
    let made = load(&sources).unwrap();
    let file = directory.path().join("master-key");
    assert_eq!((made.file(), made.is_new()), (Some(file.as_path()), true));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o400);
    let line = fs::read_to_string(&file).unwrap();
    assert!(line.starts_with("tidings-master-key-1 ") && line.ends_with("=\n"), "{}", line.len());
    let names: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing else is left: {names:?}");

    let sealed = made.seal(CONTEXT, PLAIN).unwrap();
    for may_make in [true, false] {
        let again = load(&beside(directory.path(), may_make)).unwrap();
        assert!(!again.is_new());
        assert_eq!(*again.open(CONTEXT, &sealed).unwrap(), PLAIN);
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), line, "it stays as it was made");
}

#[test]
fn of_several_that_make_a_key_one_wins() {
    let directory = tempfile::tempdir().unwrap();
    let sources = beside(directory.path(), true);
    let barrier = std::sync::Barrier::new(8);
    let made: Vec<Vault> = std::thread::scope(|scope| {
        let make = || {
            barrier.wait();
            load(&sources).unwrap()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let sealed = made[0].seal(CONTEXT, PLAIN).unwrap();
    assert_eq!(made.iter().filter(|vault| vault.is_new()).count(), 1);
    assert!(made.iter().all(|vault| vault.open(CONTEXT, &sealed).is_ok()));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_missing_key_of_a_sealed_store_is_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let told = told(directory.path(), &beside(directory.path(), false));
    assert_eq!(
        told,
        "the master key is missing: master-key; the secrets in the store are sealed with it: \
         restore it from a backup, or say in `secrets.master_key_file` where it is; nothing was \
         changed"
    );
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_configured_file_is_taken_alone() {
    let (directory, file) = key_file(LINE.as_bytes(), 0o600);
    let elsewhere = tempfile::tempdir().unwrap();
    let configured = Some(file.clone());
    let mut sources = KeySources { configured, ..beside(elsewhere.path(), true) };
    assert_eq!(load(&sources).unwrap().file(), Some(file.as_path()));
    sources.configured = Some(directory.path().join("lost"));
    let expected = "cannot read the master key lost: No such file or directory (os error 2)";
    assert_eq!(told(directory.path(), &sources), expected);
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0, "no other one is made");
}

#[test]
fn systemds_credential_goes_before_the_data_directory() {
    let (directory, file) = key_file(LINE.as_bytes(), 0o440);
    let data = tempfile::tempdir().unwrap();
    let credentials_dir = Some(directory.path().to_owned());
    let sources = KeySources { credentials_dir, ..beside(data.path(), true) };
    assert!(load(&sources).unwrap().is_new(), "it has another name");
    let credential = directory.path().join("tidings-master-key");
    fs::rename(file, &credential).unwrap();
    let taken = load(&sources).unwrap();
    assert_eq!(taken.file(), Some(credential.as_path()));
    assert_eq!(*taken.open(CONTEXT, &frozen()).unwrap(), PLAIN);
}

#[test]
fn a_file_that_others_may_open_is_refused() {
    for mode in [0o440, 0o644, 0o420, 0o404, 0o402, 0o777] {
        let (directory, _file) = key_file(LINE.as_bytes(), mode);
        let expected = format!(
            "the master key master-key is open to others than its owner (its mode is {mode:04o}); \
             run: chmod 0400 master-key"
        );
        assert_eq!(told(directory.path(), &beside(directory.path(), true)), expected);
    }
}

#[test]
fn a_file_that_is_no_key_is_named_and_not_shown() {
    let large = "x".repeat(limits::MASTER_KEY_FILE_BYTES_MAX + 1);
    let cases: [(&[u8], &str); 9] = [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff", "is not text"),
        (b"SECRET", "does not begin with `tidings-master-key-1` and a space"),
        (b"tidings-master-key-2 SECRET", "does not begin with `tidings-master-key-1` and a space"),
        (b"tidings-master-key-1 SECRET!", "has no base64 after `tidings-master-key-1`"),
        (b"tidings-master-key-1 SECRETSECRET", "has not 32 bytes in its base64"),
        (b"tidings-master-key-1 SECRET\nSECRET", "has more than one line"),
        (large.as_bytes(), "is too large for the one line that it should be"),
    ];
    for (text, expected) in cases {
        let (directory, _file) = key_file(text, 0o400);
        let told = told(directory.path(), &beside(directory.path(), true));
        assert_eq!(told, format!("the master key master-key {expected}"));
    }
    for end in ["", "\n", "\r\n"] {
        let (directory, _file) = key_file(format!("{LINE}{end}").as_bytes(), 0o400);
        load(&beside(directory.path(), false)).unwrap();
    }
}

#[test]
fn nothing_secret_is_printed() {
    let (directory, _file) = key_file(LINE.as_bytes(), 0o400);
    let sources = beside(directory.path(), false);
    let vault = load(&sources).unwrap();
    assert_eq!(format!("{vault:?}"), "Vault(…)");
    let sealed = vault.seal(CONTEXT, PLAIN).unwrap();
    let error = Vault::from_key(&key(1)).open(CONTEXT, &sealed).unwrap_err();
    let shown = format!("{error:?} {error} {sources:?}");
    assert!(!shown.contains("AAEC") && !shown.contains("whsec_"), "{shown}");
}
