//! The options of `webhook create` and `webhook update` that say how deliveries look and leave, as
//! attributes of the API. What they may be is the daemon's to judge.
//!
//! Secrets come from files, never from the command line, where others on the host could see them;
//! headers are the exception, because most are no secrets, and may come from a file as well.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::cli::client::{CliError, read_text};

/// What a webhook says beyond the original.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "How deliveries look")]
pub(super) struct SettingsArgs {
    /// POST, PUT or PATCH [default: POST]
    #[arg(long, ignore_case = true, value_parser = ["POST", "PUT", "PATCH"])]
    method: Option<String>,
    /// A header to send; `Name: @FILE` reads its value from a file, `Name:` removes it
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<Header>,
    /// Which events are wanted: condition_groups in JSON, or @FILE
    #[arg(long, value_name = "JSON|@FILE")]
    filter: Option<String>,
    /// What the payload holds besides the event: metric, profile or both
    #[arg(long, value_delimiter = ',', value_parser = ["metric", "profile"])]
    include: Vec<String>,
    /// A signature that deliveries carry; several with commas, or repeated [default: klaviyo,standard]
    #[arg(long = "signature", value_name = "SCHEME", value_delimiter = ',')]
    #[arg(value_parser = ["klaviyo", "standard", "ed25519", "github", "stripe"])]
    signatures: Vec<String>,

    /// The deadline of an attempt, in seconds, 1 to 120 [default: the configured one]
    #[arg(long, value_name = "SECONDS", help_heading = "When deliveries leave")]
    timeout: Option<u64>,
    /// standard, klaviyo, fast, none, or the delays before each retry, such as 5s,2m,1h [default:
    /// standard]
    #[arg(long, value_name = "NAME|LIST", help_heading = "When deliveries leave")]
    retry: Option<String>,
    /// A delivery older than this is not tried again, such as 3d [default: as the retries say]
    #[arg(long, value_name = "DURATION", help_heading = "When deliveries leave")]
    max_age: Option<String>,
    /// Attempts under way at once, 1 to 256 [default: the configured number]
    #[arg(long, value_name = "N", help_heading = "When deliveries leave")]
    concurrency: Option<u64>,
    /// How many attempts may begin in a second, minute or hour, such as 10/second [default: any]
    #[arg(long, value_name = "N/PERIOD", value_parser = rate, help_heading = "When deliveries leave")]
    rate: Option<Rate>,
    /// What is kept in order [default: none]
    #[arg(long, value_parser = ["none", "by-profile", "strict"])]
    #[arg(help_heading = "When deliveries leave")]
    ordering: Option<String>,
    /// With an ordering, a delivery that failed this long is put aside, such as 1h
    #[arg(long, value_name = "DURATION", help_heading = "When deliveries leave")]
    park_after: Option<String>,
    /// Send events in batches of at most N [other batch options alone: 100]
    #[arg(long, value_name = "N", help_heading = "When deliveries leave")]
    batch_events: Option<u64>,
    /// How long the first event of a batch waits, in milliseconds [with batches: 1000]
    #[arg(long, value_name = "MS", help_heading = "When deliveries leave")]
    batch_wait: Option<u64>,
    /// How large the data of a batch gets [with batches: 1048576]
    #[arg(long, value_name = "BYTES", help_heading = "When deliveries leave")]
    batch_bytes: Option<u64>,
    /// Take events, but hold their deliveries back
    #[arg(long, help_heading = "When deliveries leave")]
    paused: bool,

    /// Authorities (PEM) that are trusted for this endpoint; replaces all TLS options
    #[arg(long, value_name = "FILE", help_heading = "Trust")]
    ca: Option<PathBuf>,
    /// The certificate (PEM) that we show to this endpoint; replaces all TLS options
    #[arg(long, value_name = "FILE", help_heading = "Trust")]
    client_cert: Option<PathBuf>,
    /// Its private key (PEM); without it, the one there is stays
    #[arg(long, value_name = "FILE", requires = "client_cert", help_heading = "Trust")]
    client_key: Option<PathBuf>,
    /// HTTP Basic authentication as this user
    #[arg(long, value_name = "USER", conflicts_with_all = ["bearer_file", "oauth_token_url"])]
    #[arg(help_heading = "Trust")]
    basic: Option<String>,
    /// A file with its password
    #[arg(long, value_name = "FILE", requires = "basic", help_heading = "Trust")]
    password_file: Option<PathBuf>,
    /// A file with a bearer token
    #[arg(long, value_name = "FILE", conflicts_with = "oauth_token_url", help_heading = "Trust")]
    bearer_file: Option<PathBuf>,
    /// Where OAuth 2.0 tokens are given out for client credentials
    #[arg(long, value_name = "URL", requires = "oauth_client_id", help_heading = "Trust")]
    oauth_token_url: Option<String>,
    /// Who we are there
    #[arg(long, value_name = "ID", requires = "oauth_token_url", help_heading = "Trust")]
    oauth_client_id: Option<String>,
    /// A file with the client secret
    #[arg(long, value_name = "FILE", requires = "oauth_token_url", help_heading = "Trust")]
    oauth_secret_file: Option<PathBuf>,
    /// What is asked for
    #[arg(long, value_name = "SCOPE", requires = "oauth_token_url", help_heading = "Trust")]
    oauth_scope: Option<String>,
    /// Ask the endpoint for its consent when its address is saved [default: none]
    #[arg(long, value_parser = ["none", "cloudevents"], help_heading = "Trust")]
    handshake: Option<String>,
}

/// A header as it was typed; a value that is `@FILE` is not read yet.
#[derive(Clone, Debug)]
struct Header {
    name: String,
    value: String,
}

fn header(text: &str) -> Result<Header, &'static str> {
    let (name, value) = text.split_once(':').ok_or("a header looks like `Name: value`")?;
    Ok(Header { name: name.trim().to_owned(), value: value.trim().to_owned() })
}

#[derive(Clone, Debug)]
struct Rate {
    requests: u64,
    period: String,
}

fn rate(text: &str) -> Result<Rate, &'static str> {
    let (requests, period) = text.split_once('/').ok_or("a rate looks like `10/second`")?;
    let requests = requests.parse().map_err(|_| "a rate begins with a number")?;
    match period {
        "second" | "minute" | "hour" => Ok(Rate { requests, period: period.to_owned() }),
        _ => Err("the period of a rate is second, minute or hour"),
    }
}

impl SettingsArgs {
    /// The attributes that were named, their files read.
    pub(super) fn attributes(&self) -> Result<Map<String, Value>, CliError> {
        let mut all = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                all.insert(name.to_owned(), value);
            }
        };
        let given = |list: &[String]| (!list.is_empty()).then(|| json!(list));
        set("method", self.method.as_ref().map(|method| json!(method.to_ascii_uppercase())));
        set("headers", self.headers()?);
        set("filter", self.filter.as_deref().map(filter).transpose()?);
        set("include", given(&self.include));
        set("signatures", given(&self.signatures));
        set("timeout_seconds", self.timeout.map(Value::from));
        set("retry_schedule", self.retry.as_deref().map(retry));
        set("retry_max_age", self.max_age.clone().map(Value::from));
        set("concurrency", self.concurrency.map(Value::from));
        set("rate_limit", self.rate.as_ref().map(Rate::value));
        set("ordering", self.ordering.clone().map(Value::from));
        set("park_after", self.park_after.clone().map(Value::from));
        set("batch", self.batch());
        set("paused", self.paused.then_some(Value::Bool(true)));
        set("tls", self.tls()?);
        set("auth", self.auth()?);
        set("handshake", self.handshake.clone().map(Value::from));
        Ok(all)
    }

    fn headers(&self) -> Result<Option<Value>, CliError> {
        let mut headers = Map::new();
        for Header { name, value } in &self.headers {
            let value = match value.strip_prefix('@') {
                Some(file) => Value::from(line_of(Path::new(file))?.as_str()),
                None if value.is_empty() => Value::Null,
                None => Value::from(value.as_str()),
            };
            headers.insert(name.clone(), value);
        }
        Ok((!headers.is_empty()).then_some(Value::Object(headers)))
    }

    fn batch(&self) -> Option<Value> {
        let members = [
            ("max_events", self.batch_events),
            ("max_wait_ms", self.batch_wait),
            ("max_bytes", self.batch_bytes),
        ];
        let members = members.into_iter();
        let given: Map<String, Value> =
            members.filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect();
        (!given.is_empty()).then_some(Value::Object(given))
    }

    fn tls(&self) -> Result<Option<Value>, CliError> {
        let mut members = Map::new();
        for (name, file) in [
            ("ca", &self.ca),
            ("client_certificate", &self.client_cert),
            ("client_key", &self.client_key),
        ] {
            if let Some(file) = file {
                let text = Zeroizing::new(read_text(file)?);
                members.insert(name.to_owned(), text.as_str().into());
            }
        }
        Ok((!members.is_empty()).then_some(Value::Object(members)))
    }

    fn auth(&self) -> Result<Option<Value>, CliError> {
        let (mut auth, secret, file) = if let Some(user) = &self.basic {
            let auth = json!({ "type": "basic", "username": user });
            (auth, "password", self.password_file.as_ref())
        } else if self.bearer_file.is_some() {
            (json!({ "type": "bearer" }), "token", self.bearer_file.as_ref())
        } else if let Some(url) = &self.oauth_token_url {
            let mut auth = json!({
                "type": "oauth2", "token_url": url, "client_id": self.oauth_client_id,
            });
            if let Some(scope) = &self.oauth_scope {
                auth["scope"] = json!(scope);
            }
            (auth, "client_secret", self.oauth_secret_file.as_ref())
        } else {
            return Ok(None);
        };
        if let Some(file) = file {
            auth[secret] = json!(line_of(file)?.as_str());
        }
        Ok(Some(auth))
    }
}

impl Rate {
    fn value(&self) -> Value {
        json!({ "requests": self.requests, "period": self.period })
    }
}

fn retry(text: &str) -> Value {
    match text {
        "standard" | "klaviyo" | "fast" => text.into(),
        "none" => json!([]),
        delays => delays.split(',').map(str::trim).collect::<Vec<_>>().into(),
    }
}

fn filter(text: &str) -> Result<Value, CliError> {
    let text = match text.strip_prefix('@') {
        Some(file) => read_text(Path::new(file))?,
        None => text.to_owned(),
    };
    serde_json::from_str(&text)
        .map_err(|error| CliError::Usage(format!("--filter is not JSON: {error}")))
}

/// The line in a file: what stands before the newline at its end.
pub(super) fn line_of(file: &Path) -> Result<Zeroizing<String>, CliError> {
    let text = Zeroizing::new(read_text(file)?);
    let line = text.trim_end_matches(['\n', '\r']);
    if line.is_empty() {
        return Err(CliError::Usage(format!("{} is empty", file.display())));
    }
    Ok(Zeroizing::new(line.to_owned()))
}
