//! Good and bad configurations, and the exact line that each bad one is answered with.

use std::collections::BTreeSet;
use std::fs;

use super::keys::Keys;
use super::raw::RawFile;
use super::*;

const EXAMPLE: &str = include_str!("../../packaging/tidings.toml");

fn here() -> Overrides {
    Overrides { data_dir: Some(PathBuf::from("/data")), ..Overrides::default() }
}

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What `load` does after reading the file, which is here `tidings.toml` without a disk.
fn load(text: &str, env: &[(&str, &str)]) -> Result<Config, String> {
    let told = |error: ConfigError| error.to_string();
    let file = RawFile::parse(Path::new("tidings.toml"), text).map_err(told)?;
    let mut keys = Keys::new(file, variables(env));
    let config = Config::read(&mut keys, here(), PathBuf::new());
    keys.finish().map(|()| config).map_err(told)
}

fn defaults() -> Config {
    Config::default_for(PathBuf::from("/data"))
}

#[test]
fn the_defaults_are_those_documented() {
    let config = defaults();
    assert_eq!(config.listen.to_string(), "127.0.0.1:4780");
    assert_eq!(config.data_dir, Path::new("/data"));
    assert_eq!(config.shutdown_grace, Duration::from_secs(10));
    assert_eq!(config.delivery.timeout, Duration::from_secs(15));
    assert_eq!(config.delivery.concurrency, 16);
    assert_eq!(config.delivery.retry_schedule.len(), 12);
    assert_eq!(config.events.unique_id_window, Duration::from_secs(604_800));
    assert_eq!(config.store.cache_bytes, 134_217_728);
    assert!(!config.client.enabled && config.client.allowed_origins.is_empty());
    assert_eq!(config.rate_limit.requests_per_second, None);
    assert_eq!(config.secrets.master_key_file, None);
    assert_eq!((config.log.level.as_str(), config.log.format), ("info", LogFormat::Text));
    assert!(!config.dev && !config.egress.allow_http && !config.egress.allow_loopback);
    assert_eq!(load("", &[]), Ok(config));
}

#[test]
fn the_example_as_shipped_is_the_defaults() {
    assert_eq!(load(EXAMPLE, &[]), Ok(defaults()));
}

#[test]
fn the_example_uncommented_has_every_key_and_every_default() {
    let uncommented = uncommented_example();
    let mut config = load(&uncommented, &[]).unwrap();
    config.public_url = None;
    config.account = Account {
        public_api_key: None,
        default_sender_name: None,
        default_sender_email: None,
        website_url: None,
        industry: None,
        ..config.account
    };
    config.rate_limit = RateLimit { requests_per_second: None, requests_per_minute: None };
    config.secrets = Secrets { master_key_file: None };
    assert_eq!(config, defaults());

    let mut keys = Keys::default();
    Config::read(&mut keys, here(), PathBuf::new());
    let asked: BTreeSet<&str> = keys.asked().iter().copied().collect();
    let file = RawFile::parse(Path::new("tidings.toml"), &uncommented).unwrap();
    let leaves = file.entries.iter().filter(|(_, entry)| entry.raw != raw::Raw::Table);
    let shown: BTreeSet<&str> = leaves.map(|(path, _)| path.as_str()).collect();
    assert_eq!(shown, asked);
    assert_eq!(keys.asked().len(), asked.len(), "a key is read twice");
}

/// The example with `#key = …` turned into `key = …`; prose begins with `# `.
fn uncommented_example() -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(key) if key.starts_with(|first: char| first.is_ascii_lowercase()) => key.to_owned(),
        _ => line.to_owned(),
    };
    EXAMPLE.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn flags_win_over_the_environment_over_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tidings.toml");
    fs::write(&path, "listen = \"1.1.1.1:1\"\ndata_dir = \"/file\"\n[log]\nlevel = \"warn\"\n")
        .unwrap();
    let env = variables(&[("TIDINGS_LISTEN", "2.2.2.2:2"), ("TIDINGS_DATA_DIR", "/env")]);
    let flags = Overrides { listen: Some(LISTEN), ..Overrides::default() };
    let config = Config::load(Some(&path), env, flags).unwrap();
    assert_eq!(config.listen, LISTEN);
    assert_eq!(config.data_dir, Path::new("/env"));
    assert_eq!(config.log.level, "warn");
}

#[test]
fn a_named_file_must_be_there_and_small() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tidings.toml");
    let told = || Config::load(Some(&path), [], here()).unwrap_err().to_string();
    let name = path.display();
    let missing = "No such file or directory (os error 2)";
    assert_eq!(told(), format!("cannot read the configuration `{name}`: {missing}"));
    fs::write(&path, "#".repeat(64 * 1024 + 1)).unwrap();
    assert_eq!(told(), format!("cannot read the configuration `{name}`: larger than 65536 bytes"));
}

#[test]
fn dev_opens_http_and_loopback_from_any_layer() {
    let flag = Overrides { dev: true, ..here() };
    let env = variables(&[("TIDINGS_DEV", "false")]);
    let configs = [
        Config::load(None, env, flag).unwrap(),
        load("", &[("TIDINGS_DEV", "true")]).unwrap(),
        load("dev = true", &[]).unwrap(),
    ];
    for config in configs {
        assert!(config.dev && config.egress.allow_http && config.egress.allow_loopback);
    }
}

#[test]
fn the_data_directory_follows_systemd_then_xdg_then_home() {
    type Case<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>);
    let cases: [Case<'_>; 6] = [
        (&[("STATE_DIRECTORY", "/s"), ("XDG_DATA_HOME", "/x"), ("HOME", "/h")], Some("/s")),
        (&[("STATE_DIRECTORY", "/s:/t")], Some("/s")),
        (&[("XDG_DATA_HOME", "/x"), ("HOME", "/h")], Some("/x/tidings")),
        (&[("XDG_DATA_HOME", "x"), ("HOME", "/h")], Some("/h/.local/share/tidings")),
        (&[("STATE_DIRECTORY", ""), ("HOME", "/h")], Some("/h/.local/share/tidings")),
        (&[("HOME", "")], None),
    ];
    for (env, expected) in cases {
        let found = Config::load(None, variables(env), Overrides::default());
        assert_eq!(found.ok().map(|config| config.data_dir), expected.map(PathBuf::from));
    }
    let nowhere = Config::load(None, [], Overrides::default()).unwrap_err();
    assert_eq!(
        nowhere.to_string(),
        "no place for the data: set `data_dir`, `TIDINGS_DATA_DIR` or `--data-dir` \
         (neither STATE_DIRECTORY, XDG_DATA_HOME nor HOME names one)"
    );
}

#[test]
fn links_start_from_the_public_url_or_from_what_is_bound() {
    let derived = |bound: &str| defaults().public_url_at(bound.parse().unwrap()).to_string();
    assert_eq!(derived("127.0.0.1:4780"), "http://127.0.0.1:4780/");
    assert_eq!(derived("0.0.0.0:81"), "http://localhost:81/");
    assert_eq!(derived("[::]:81"), "http://localhost:81/");
    assert_eq!(derived("[fe80::1%3]:81"), "http://[fe80::1]:81/");
    let config = load("public_url = \"https://h.example/base\"", &[]).unwrap();
    assert_eq!(config.public_url_at(LISTEN).as_str(), "https://h.example/base/");
}

#[test]
fn lists_come_from_arrays_commas_and_arrays_in_variables() {
    let networks = |text: &str, env: &[(&str, &str)]| load(text, env).unwrap().egress.allow;
    let both = networks("[egress]\nallow = [\"10.0.0.0/8\", \"fd00::/8\"]", &[]);
    assert_eq!(both.len(), 2);
    assert_eq!(networks("", &[("TIDINGS_EGRESS_ALLOW", "10.0.0.0/8, fd00::/8")]), both);
    assert_eq!(networks("", &[("TIDINGS_EGRESS_ALLOW", "[\"10.0.0.0/8\", 'fd00::/8']")]), both);
    let over = networks("egress.allow = [\"10.0.0.0/8\"]", &[("TIDINGS_EGRESS_ALLOW", "")]);
    assert_eq!(over, []);
    let hosts = load("", &[("TIDINGS_ALLOWED_HOSTS", "[::1],Hooks.Example.COM")]).unwrap();
    let hosts: Vec<_> = hosts.allowed_hosts.iter().map(ToString::to_string).collect();
    assert_eq!(hosts, ["[::1]", "hooks.example.com"]);
    let schedule = load("", &[("TIDINGS_DELIVERY_RETRY_SCHEDULE", "90s,2h,7d")]).unwrap();
    let seconds: Vec<_> = schedule.delivery.retry_schedule.iter().map(Duration::as_secs).collect();
    assert_eq!(seconds, [90, 7_200, 604_800]);
}

#[test]
fn good_values_are_taken() {
    let good = [
        "shutdown_grace_seconds = 300",
        "store.cache_bytes = 0x80_0000",
        "delivery.retry_schedule = []",
        "events.unique_id_window = \"400d\"",
        "rate_limit.requests_per_second = 1",
        "account = { timezone = \"America/Argentina/Buenos_Aires\" }",
        "account.timezone = \"Etc/GMT+5\"",
        "account.locale = \"zh-Hant-TW\"",
        "secrets.master_key_file = \"/run/secrets/tidings-master-key\"",
        "account.public_api_key = \"a1B2c3\"",
        "log.level = \"warn,tidings::delivery=debug\"",
        "[log]\nformat = \"json\"",
    ];
    for text in good {
        assert!(load(text, &[]).is_ok(), "{text}: {:?}", load(text, &[]));
    }
}

#[test]
fn strangers_are_refused_with_a_suggestion() {
    let cases = [
        ("\n\nlisen = 1", "tidings.toml:3: unknown key `lisen`; did you mean `listen`?"),
        ("data-dir = 1", "tidings.toml:1: unknown key `data-dir`; did you mean `data_dir`?"),
        (
            "timezone = 1",
            "tidings.toml:1: unknown key `timezone`; did you mean `account.timezone`?",
        ),
        (
            "[delivery]\ntimeout = 5",
            "tidings.toml:2: unknown key `delivery.timeout`; did you mean `delivery.timeout_seconds`?",
        ),
        (
            "[log]\nfromat = 1",
            "tidings.toml:2: unknown key `log.fromat`; did you mean `log.format`?",
        ),
        ("colour = 1", "tidings.toml:1: unknown key `colour`"),
        (
            "\"log.level\" = 1",
            "tidings.toml:1: unknown key `\"log.level\"`; did you mean `log.level`?",
        ),
        ("\"a\\nb\" = 1", "tidings.toml:1: unknown key `a\\nb`"),
        (
            "[acount]\nx = 1",
            "tidings.toml:1: unknown section `[acount]`; did you mean `[account]`?",
        ),
        ("[kafka]", "tidings.toml:1: unknown section `[kafka]`"),
        ("zz = 1\naa = 1", "tidings.toml:1: unknown key `zz`"),
    ];
    for (text, expected) in cases {
        assert_eq!(load(text, &[]).unwrap_err(), expected);
    }
}

#[test]
fn strange_variables_are_refused_with_a_suggestion() {
    let cases = [
        ("TIDINGS_LISTN", "unknown variable `TIDINGS_LISTN`; did you mean `TIDINGS_LISTEN`?"),
        (
            "TIDINGS_TIMEZONE",
            "unknown variable `TIDINGS_TIMEZONE`; did you mean `TIDINGS_ACCOUNT_TIMEZONE`?",
        ),
        ("TIDINGS_COLOUR", "unknown variable `TIDINGS_COLOUR`"),
    ];
    for (name, expected) in cases {
        assert_eq!(load("", &[(name, "x")]).unwrap_err(), expected);
    }
    let others = [("TIDINGS_CONFIG", "x"), ("TIDINGS_LOG", "x"), ("PATH", "x")];
    assert_eq!(load("", &others), Ok(defaults()));
}

#[test]
fn wrong_types_and_syntax_name_their_line() {
    let cases = [
        (
            "\nlisten = 4780",
            "2: `listen` must be an IP address with a port such as `127.0.0.1:4780`, not an integer",
        ),
        (
            "[listen]\nport = 1",
            "1: `listen` must be an IP address with a port such as `127.0.0.1:4780`, not a table",
        ),
        ("account = 5", "1: `account` must be a section, `[account]`, not an integer"),
        ("[[account]]", "1: `account` must be a section, `[account]`, not an array"),
        ("dev = \"true\"", "1: `dev` must be `true` or `false`, not a string"),
        (
            "store.cache_bytes = 1e9",
            "1: `store.cache_bytes` must be an integer from 8388608 to 68719476736, not a float",
        ),
        (
            "allowed_hosts = \"a\"",
            "1: `allowed_hosts` must be a list in which each entry is a host name without a port \
             such as `hooks.example.com`, not a string",
        ),
        (
            "[egress]\nextra_ca = [\n  \"/a.pem\",\n  5,\n]",
            "4: `egress.extra_ca` must be a list in which each entry is a path (`~` is not \
             expanded), not an integer",
        ),
        ("dev = true\ndev = true", "2: duplicate key"),
        ("a = \n", "1: string values must be quoted, expected literal string"),
    ];
    for (text, expected) in cases {
        assert_eq!(load(text, &[]).unwrap_err(), format!("tidings.toml:{expected}"));
    }
}

#[test]
fn origins_are_as_browsers_write_them() {
    let with = |origin: &str| load(&format!("client.allowed_origins = [\"{origin}\"]"), &[]);
    for good in ["*", "https://shop.example.com", "http://localhost:3000"] {
        assert_eq!(with(good).unwrap().client.allowed_origins, [good]);
    }
    for bad in ["shop.example.com", "https://shop.example.com/", "https://a.b/c", "null", ""] {
        let expected = "an origin such as `https://shop.example.com`, or `*` for any";
        let refused = with(bad).unwrap_err();
        assert!(refused.contains(expected), "{bad}: {refused}");
    }
}

#[test]
fn bad_values_say_what_is_expected() {
    let cases = [
        ("listen", "localhost", "an IP address with a port such as `127.0.0.1:4780`"),
        ("data_dir", "~/tidings", "a path (`~` is not expanded)"),
        ("data_dir", "", "a path (`~` is not expanded)"),
        ("secrets.master_key_file", "~/key", "a path (`~` is not expanded)"),
        ("account.public_api_key", "abc", "6 letters and digits"),
        ("account.organization_name", " ", "1 to 200 characters of text on one line"),
        ("account.default_sender_email", "a b@c", "an e-mail address such as `hello@example.com`"),
        ("account.website_url", "ftp://a", "a URL such as `https://www.example.com`"),
        ("account.timezone", "Berlin time", "an IANA time zone such as `Europe/Berlin`"),
        ("account.preferred_currency", "usd", "an ISO 4217 code such as `USD`"),
        ("account.locale", "en_US", "a language tag such as `en-US`"),
        (
            "public_url",
            "https://u@h.example",
            "an http or https URL without user, query and fragment such as \
             `https://hooks.example.com`",
        ),
        (
            "events.unique_id_window",
            "59s",
            "a duration from `1m` to `400d` (a number and s, m, h or d)",
        ),
        ("log.format", "xml", "`text` or `json`"),
        ("log.level", "inof", "a filter such as `info` or `info,tidings::delivery=debug`"),
        ("log.level", "a=b=c", "a filter such as `info` or `info,tidings::delivery=debug`"),
    ];
    for (key, value, expected) in cases {
        let file = load(&format!("{key} = \"{value}\""), &[]).unwrap_err();
        assert_eq!(file, format!("tidings.toml:1: `{key}` must be {expected}, not `{value}`"));
        let name = format!("TIDINGS_{}", key.replace('.', "_").to_uppercase());
        let env = load("", &[(&name, value)]).unwrap_err();
        assert_eq!(env, format!("`{name}` must be {expected}, not `{value}`"));
    }
}

#[test]
fn integers_keep_their_bounds() {
    let cases = [
        ("shutdown_grace_seconds", "0", "1 to 300"),
        ("shutdown_grace_seconds", "301", "1 to 300"),
        ("delivery.timeout_seconds", "121", "1 to 120"),
        ("delivery.concurrency", "-1", "1 to 256"),
        ("rate_limit.requests_per_minute", "0", "1 to 4294967295"),
        ("store.cache_bytes", "8388607", "8388608 to 68719476736"),
    ];
    for (key, value, bounds) in cases {
        let file = load(&format!("{key} = {value}"), &[]).unwrap_err();
        let expected = format!("`{key}` must be an integer from {bounds}, not {value}");
        assert_eq!(file, format!("tidings.toml:1: {expected}"));
    }
    let word = load("", &[("TIDINGS_DELIVERY_CONCURRENCY", "many")]).unwrap_err();
    assert_eq!(word, "`TIDINGS_DELIVERY_CONCURRENCY` must be an integer from 1 to 256, not `many`");
}

#[test]
fn lists_check_each_entry_and_their_length() {
    let entry = |expected: &str| format!("must be a list in which each entry is {expected}");
    let network = entry("a network such as `10.0.0.0/8`, with no bit set beyond its prefix");
    let delay = entry("a duration from `1s` to `7d` (a number and s, m, h or d)");
    let host = entry("a host name without a port such as `hooks.example.com`");
    let cases = [
        ("TIDINGS_EGRESS_ALLOW", "10.0.0.0/8,", format!("{network}, not ``")),
        ("TIDINGS_EGRESS_ALLOW", "10.1.2.3/8", format!("{network}, not `10.1.2.3/8`")),
        ("TIDINGS_EGRESS_ALLOW", "[\"a\"", format!("{network}, not `[\"a\"`")),
        ("TIDINGS_DELIVERY_RETRY_SCHEDULE", "5", format!("{delay}, not `5`")),
        ("TIDINGS_DELIVERY_RETRY_SCHEDULE", "+5s", format!("{delay}, not `+5s`")),
        ("TIDINGS_DELIVERY_RETRY_SCHEDULE", "8d", format!("{delay}, not `8d`")),
        ("TIDINGS_DELIVERY_RETRY_SCHEDULE", "0s", format!("{delay}, not `0s`")),
        ("TIDINGS_ALLOWED_HOSTS", "a:80", format!("{host}, not `a:80`")),
        ("TIDINGS_ALLOWED_HOSTS", "*.a", format!("{host}, not `*.a`")),
    ];
    for (name, value, expected) in cases {
        assert_eq!(load("", &[(name, value)]).unwrap_err(), format!("`{name}` {expected}"));
    }
    let long = vec!["1s"; 33].join(",");
    let told = load("", &[("TIDINGS_DELIVERY_RETRY_SCHEDULE", &long)]).unwrap_err();
    let expected = "must be a list of at most 32 entries, not 33";
    assert_eq!(told, format!("`TIDINGS_DELIVERY_RETRY_SCHEDULE` {expected}"));
}

#[test]
fn a_mistake_in_the_file_is_told_even_if_overridden_and_shortened() {
    let value = "x".repeat(100);
    let told = load(&format!("log.format = \"{value}\""), &[("TIDINGS_LOG_FORMAT", "json")]);
    let shown = "x".repeat(60);
    assert_eq!(
        told.unwrap_err(),
        format!("tidings.toml:1: `log.format` must be `text` or `json`, not `{shown}…`")
    );
}
