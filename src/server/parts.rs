//! What a daemon is put together from: everything that is read from configuration and store before
//! anything runs.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use super::{DEV_KEY_FILE, DevKey, StartError};
use crate::account::{self, Account};
use crate::api::ClientAccess;
use crate::automation::{Automation, Organization};
use crate::clock::Clock;
use crate::config::Config;
use crate::delivery::Deliveries;
use crate::egress::{Egress, Policy};
use crate::event::UniqueIds;
use crate::flow::Flows;
use crate::id::AccountId;
use crate::ingest::{self, Ingest, Reactors};
use crate::key::{KeyError, Keys, NewKey};
use crate::master_key;
use crate::metric::{MetricError, Metrics, OPERATIONAL};
use crate::sandbox::{self, Sandbox};
use crate::secret::Secret;
use crate::segment::Segments;
use crate::segmentation;
use crate::store::{Store, StoreError};
use crate::webhook::Webhooks;

/// The registries and mechanisms of a daemon that does not run yet.
pub(super) struct Registries {
    pub(super) policy: Policy,
    pub(super) egress: Egress,
    pub(super) metrics: Metrics,
    pub(super) keys: Keys,
    pub(super) webhooks: Webhooks,
    pub(super) segments: Segments,
    pub(super) flows: Flows,
    pub(super) unique_ids: UniqueIds,
    pub(super) account: Account,
    pub(super) dev_key: Option<DevKey>,
}

impl Registries {
    /// Reads them all; makes what a first start has to make.
    pub(super) async fn load(config: &Config, store: &Store) -> Result<Self, StartError> {
        let policy = Policy {
            allow: config.egress.allow.clone(),
            allow_http: config.egress.allow_http,
            allow_loopback: config.egress.allow_loopback,
        };
        let egress =
            Egress::new(policy.clone(), &config.egress.extra_ca).map_err(StartError::Egress)?;
        let metrics = Metrics::load(&store.snapshot()?)?;
        let keys = Keys::load(&store.snapshot()?)?;
        let key_file = config.secrets.master_key_file.clone();
        let vault = master_key::open(store, key_file, config.data_dir.clone()).await;
        let vault = vault.map_err(StartError::MasterKey)?;
        let webhooks = Webhooks::open(store, &policy, vault.clone()).await?;
        let segments = Segments::load(&store.snapshot()?)?;
        let flows = Flows::load(&store.snapshot()?, vault, &policy, webhooks.clone())?;
        let unique_ids = UniqueIds::load(&store.snapshot()?, config.events.unique_id_window)?;
        let account = prepare(store, &metrics, config).await?;
        let dev_key = if config.dev { Some(dev_key(store, &keys, config).await?) } else { None };
        Ok(Self {
            policy,
            egress,
            metrics,
            keys,
            webhooks,
            segments,
            flows,
            unique_ids,
            account,
            dev_key,
        })
    }
}

impl Registries {
    /// What events are recorded through, and what brings them to endpoints.
    pub(super) fn recording(
        &self,
        config: &Config,
        store: &Store,
        clock: &Clock,
    ) -> Result<(Deliveries, Ingest), StoreError> {
        let reactors = Reactors {
            webhooks: self.webhooks.clone(),
            segments: self.segments.clone(),
            flows: self.flows.clone(),
        };
        let deliveries = Deliveries::new(
            self.webhooks.clone(),
            clock.clone(),
            config.delivery.concurrency,
            &store.snapshot()?,
        )?;
        let ingest = Ingest::new(
            store.clone(),
            self.metrics.clone(),
            reactors,
            deliveries.clone(),
            self.unique_ids.clone(),
        )?;
        Ok((deliveries, ingest))
    }
}

impl Registries {
    /// What brings people through flows.
    pub(super) fn automation(
        &self,
        config: &Config,
        (store, clock): (&Store, &Clock),
        (deliveries, ingest): (&Deliveries, &Ingest),
    ) -> Automation {
        Automation {
            store: store.clone(),
            flows: self.flows.clone(),
            ingest: ingest.clone(),
            deliveries: deliveries.clone(),
            sandbox: sandbox(config),
            clock: clock.clone(),
            zone: self.account.zone(),
            organization: Arc::new(organization(&self.account)),
            awaits_answers: true,
        }
    }
}

/// What every start makes sure of: the first-party metrics and the account.
async fn prepare(store: &Store, metrics: &Metrics, config: &Config) -> Result<Account, StartError> {
    let configured: Option<AccountId> =
        config.account.public_api_key.as_ref().and_then(|text| text.parse().ok());
    let metrics = metrics.clone();
    let id = store
        .commit(move |tx| {
            match metrics
                .seed(tx, &[&OPERATIONAL[..], &ingest::METRICS, &segmentation::METRICS].concat())
            {
                Ok(()) | Err(MetricError::TooMany) => {}
                Err(MetricError::Store(error)) => return Err(error),
            }
            account::id(tx, configured)
        })
        .await?;
    let from = &config.account;
    Ok(Account {
        id,
        organization_name: from.organization_name.clone(),
        default_sender_name: from.default_sender_name.clone().unwrap_or_default(),
        default_sender_email: from.default_sender_email.clone().unwrap_or_default(),
        website_url: from.website_url.as_ref().map(ToString::to_string),
        industry: from.industry.clone(),
        timezone: from.timezone.clone(),
        preferred_currency: from.preferred_currency.clone(),
        locale: from.locale.clone(),
    })
}

/// The key of `--dev`: the one in its file while it is good, else a new one.
async fn dev_key(store: &Store, keys: &Keys, config: &Config) -> Result<DevKey, StartError> {
    let path = config.data_dir.join(DEV_KEY_FILE);
    let written = fs::read_to_string(&path).unwrap_or_default();
    let written = written.trim();
    if keys.find(written).is_some() {
        return Ok(DevKey { key: Secret::new(written.to_owned()), is_new: false });
    }
    let registry = keys.clone();
    let made = store.commit(move |tx| registry.create(tx, NewKey::full("dev"))).await;
    let (_, key) = made.map_err(|error| match error {
        KeyError::Store(error) => StartError::Store(error),
        other => StartError::Store(StoreError::Failed(format!("{other:?}").into())),
    })?;
    write_private(&path, key.expose()).map_err(|error| StartError::DataDir(path, error))?;
    Ok(DevKey { key, is_new: true })
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    writeln!(file, "{text}")
}

/// The processes that render templates.
fn sandbox(config: &Config) -> Sandbox {
    let usual = sandbox::Settings::default();
    let program = config.sandbox.program.clone().unwrap_or(usual.program);
    Sandbox::new(sandbox::Settings { program, workers: config.sandbox.workers, ..usual })
}

/// What templates call `organization`.
fn organization(account: &Account) -> Organization {
    Organization {
        name: account.organization_name.clone(),
        url: account.website_url.clone().unwrap_or_default(),
        timezone: account.timezone.clone(),
    }
}

/// What pages in browsers may do.
pub(super) fn client_access(config: &Config) -> ClientAccess {
    ClientAccess {
        enabled: config.client.enabled,
        allowed_origins: config.client.allowed_origins.clone(),
    }
}

/// The names that requests may be addressed to, besides loopback's.
pub(super) fn allowed_hosts(config: &Config) -> Vec<String> {
    let public = config.public_url.as_ref().and_then(|url| url.host_str().map(str::to_owned));
    config.allowed_hosts.iter().map(ToString::to_string).chain(public).collect()
}
