//! The bytes of webhooks in the file, those of old ones too, and what is sealed of them.

use std::time::Duration;

use zeroize::Zeroizing;

use super::settings::{AuthRow, BatchRow, RateLimitRow};
use super::*;
use crate::clock::Clock;
use crate::egress::Policy;
use crate::metric::Metrics;
use crate::store::{Store, from_hex, hex_of};

use crate::webhook::settings::{Auth, Settings};
use crate::webhook::{ChangeError, WebhookPatch, Webhooks};

const ID: WebhookId = WebhookId::from_u128(1);

/// What the first release wrote.
const FROZEN_V1: &str = "01016e000b68747470733a2f2f682f78107369787465656e2d6c6574746572732101010b6576656e743a6170692e7802048a72901a00881e5a";

fn row_with_everything() -> WebhookRow {
    WebhookRow {
        name: "n".to_owned(),
        description: Some("d".to_owned()),
        endpoint_url: "https://h/x".to_owned(),
        enabled: false,
        disabled: Some(DisabledRow { at_micros: 3, reason: 2, detail: "410".to_owned() }),
        skip_before: Some(DeliveryId::from_u128(5)),
        topics: vec!["event:api.x".to_owned()],
        created_micros: 1,
        updated_micros: 2,
        previous_expires_micros: Some(4),
        previous_signs_klaviyo: true,
        settings: SettingsRow {
            method: 2,
            header_names: vec!["X-A".to_owned()],
            filter: Some(FILTER.to_owned()),
            include_metric: true,
            include_profile: false,
            timeout_seconds: Some(9),
            schedule: 4,
            schedule_seconds: vec![5, 120],
            max_age_seconds: Some(86_400),
            concurrency: Some(1),
            rate_limit: Some(RateLimitRow { requests: 10, period: 2 }),
            ordering: 3,
            park_after_seconds: Some(3_600),
            batch: Some(BatchRow { max_events: 100, max_wait_millis: 1_000, max_bytes: 65_536 }),
            ca: Some("ca".to_owned()),
            client_certificate: Some("cert".to_owned()),
            auth: Some(AuthRow {
                kind: 3,
                name: "c".to_owned(),
                token_url: "https://h/t".to_owned(),
                scope: Some("s".to_owned()),
            }),
            signatures: vec![1, 2, 3, 4, 5],
            is_paused: true,
            has_handshake: true,
        },
        secrets: SecretsRow::Sealed(vec![1, 2, 3]),
    }
}

const FILTER: &str = r#"{"condition_groups":[{"conditions":[{"type":"metric-property","field":"Brand","filter":{"type":"string","operator":"equals","value":"X"}}]}]}"#;

fn sealed_with_everything() -> SealedRow {
    let mut row = SealedRow::of_secret("current-secret".to_owned());
    row.previous = Some("previous-secret".to_owned());
    row.ed25519 = Some([1; 32]);
    row.ed25519_previous = Some([2; 32]);
    row.header_values = vec!["header-secret".to_owned()];
    row.auth = Some("auth-secret".to_owned());
    row.client_key = Some("key-secret".to_owned());
    row
}

fn vault(key: u8) -> Vault {
    Vault::from_key(&Zeroizing::new([key; 32]))
}

#[test]
fn rows_have_frozen_bytes() {
    const FROZEN: &str = "02016e0101640b68747470733a2f2f682f7800010602033431300105010b6576656e743a6170692e780204010801020103582d41018d7b22636f6e646974696f6e5f67726f757073223a5b7b22636f6e646974696f6e73223a5b7b2274797065223a226d65747269632d70726f7065727479222c226669656c64223a224272616e64222c2266696c746572223a7b2274797065223a22737472696e67222c226f70657261746f72223a22657175616c73222c2276616c7565223a2258227d7d5d7d5d7d010001090402057801fc805101000101010a020301fb100e0164fbe803fc0000010001026361010463657274010301630b68747470733a2f2f682f7401017305010203040501010003010203bceca3d705622e1e";
    const FROZEN_SEALED: &str = "010e63757272656e742d736563726574010f70726576696f75732d736563726574010101010101010101010101010101010101010101010101010101010101010101010202020202020202020202020202020202020202020202020202020202020202010d6865616465722d736563726574010b617574682d736563726574010a6b65792d736563726574c56b3ca9f30aef1c";
    assert_eq!(hex_of(&row_with_everything()), FROZEN);
    assert_eq!(from_hex::<WebhookRow>(FROZEN), Ok(row_with_everything()));
    assert_eq!(hex_of(&sealed_with_everything()), FROZEN_SEALED);
    let read = from_hex::<SealedRow>(FROZEN_SEALED).unwrap();
    assert_eq!(hex_of(&read), FROZEN_SEALED);
}

#[test]
fn a_row_of_the_first_release_is_the_original_and_unsealed() {
    let row = from_hex::<WebhookRow>(FROZEN_V1).unwrap();
    assert!(matches!(&row.secrets, SecretsRow::Clear(secret) if secret == "sixteen-letters!"));
    let read = read(ID, row, &vault(1)).unwrap();
    assert_eq!(
        (read.name.as_str(), read.topics.as_slice()),
        ("n", ["event:api.x".to_owned()].as_slice())
    );
    assert_eq!(read.secrets.current.expose(), "sixteen-letters!");
    assert_eq!((read.created.micros(), read.updated.micros()), (1, 2));
    assert!(read.enabled && read.disabled.is_none());
    assert_eq!(read.settings, Settings::default());
}

#[test]
fn a_webhook_is_read_as_it_was_written() {
    let written = webhook(ID, row_with_everything(), sealed_with_everything()).unwrap();
    assert_eq!(written.settings.timeout, Some(Duration::from_secs(9)));
    assert_eq!(written.settings.headers[0].1.expose(), "header-secret");
    assert!(matches!(&written.settings.auth, Some(Auth::OAuth2 { client_secret, .. })
        if client_secret.expose() == "auth-secret"));
    let shown = written.settings.tls.client_certificate.as_ref().unwrap();
    assert_eq!(shown.key.expose(), "key-secret");
    assert_eq!(written.disabled.as_ref().map(|off| off.reason), Some(DisableReason::Gone));
    let previous = written.secrets.previous.as_ref().unwrap();
    assert_eq!((previous.secret.expose(), previous.signs_klaviyo), ("previous-secret", true));
    assert_eq!(previous.ed25519.as_ref().unwrap().seed(), &[2; 32]);

    let sealed = sealed::seal(ID, &SealedRow::of(&written), &vault(1)).unwrap();
    let again = row(&written, sealed);
    assert_eq!(again.settings, row_with_everything().settings);
    let opened = read(ID, again, &vault(1)).unwrap();
    assert_eq!(opened.settings, written.settings);
    assert_eq!(hex_of(&SealedRow::of(&opened)), hex_of(&sealed_with_everything()));
}

#[test]
fn secrets_open_only_with_their_key_and_as_their_webhook() {
    let written = webhook(ID, row_with_everything(), sealed_with_everything()).unwrap();
    let sealed = sealed::seal(ID, &SealedRow::of(&written), &vault(1)).unwrap();
    let stored = hex_of(&row(&written, sealed.clone()));
    for secret in ["current", "previous", "header-secret", "auth-secret", "key-secret"] {
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!stored.contains(&hex), "{secret}");
    }
    for (id, key, opens) in [(ID, 1, true), (ID, 2, false), (WebhookId::from_u128(2), 1, false)] {
        let opened = read(id, row(&written, sealed.clone()), &vault(key));
        assert_eq!(opened.is_ok(), opens);
    }
}

#[test]
fn nothing_of_a_secret_is_printed() {
    let clear = from_hex::<WebhookRow>(FROZEN_V1).unwrap();
    let written = webhook(ID, row_with_everything(), sealed_with_everything()).unwrap();
    let shown = format!("{clear:?} {written:?}");
    assert!(!shown.contains("-secret") && !shown.contains("sixteen"), "{shown}");
}

#[test]
fn parts_that_do_not_belong_together_are_no_webhook() {
    type Spoil = fn(&mut WebhookRow);
    let spoils: [Spoil; 7] = [
        |row| row.settings.method = 9,
        |row| row.settings.schedule = 9,
        |row| row.settings.header_names.clear(),
        |row| row.settings.filter = Some("{}".to_owned()),
        |row| row.settings.signatures = vec![9],
        |row| row.disabled.as_mut().unwrap().reason = 9,
        |row| row.previous_expires_micros = None,
    ];
    for (place, spoil) in spoils.into_iter().enumerate() {
        let mut row = row_with_everything();
        spoil(&mut row);
        assert!(webhook(ID, row, sealed_with_everything()).is_none(), "{place}");
    }
}

/// The table as the first release knew it.
const OLD: Table<WebhookId, WebhookRowV1> = Table::new("webhooks");

impl Row for WebhookRowV1 {
    const SCHEMA: u8 = 1;
}

fn old_row() -> WebhookRowV1 {
    WebhookRowV1 {
        name: "n".to_owned(),
        description: None,
        endpoint_url: "https://h.example/x".to_owned(),
        secret: "sixteen-letters!".to_owned(),
        enabled: true,
        topics: vec!["event:api.x".to_owned()],
        created_micros: 1,
        updated_micros: 2,
    }
}

#[tokio::test]
async fn secrets_in_the_clear_are_counted_and_sealed_once() {
    let directory = tempfile::tempdir().unwrap();
    let (file, clock) = (directory.path().join("store"), Clock::manual(Timestamp::from_seconds(9)));
    let (store, writer) = Store::open(&file, 8 << 20, clock).unwrap();
    store.commit(|tx| tx.put(&OLD, &ID, &old_row())).await.unwrap();
    let load = || Webhooks::load(&store.snapshot().unwrap(), &Policy::default(), vault(1));
    let (webhooks, unsealed) = load().unwrap();
    assert_eq!(unsealed, 1);
    let resealing = webhooks.clone();
    store.commit(move |tx| resealing.reseal(tx)).await.unwrap();
    let (webhooks, unsealed) = load().unwrap();
    assert_eq!(unsealed, 0);
    let kept = webhooks.get(ID).unwrap();
    assert_eq!(kept.webhook.secrets.current.expose(), "sixteen-letters!");
    assert_eq!(kept.webhook.updated.micros(), 2, "nothing but the form has changed");
    assert!(Webhooks::load(&store.snapshot().unwrap(), &Policy::default(), vault(2)).is_err());

    let disable = async |detail: &'static str| {
        let webhooks = webhooks.clone();
        let command =
            move |tx: &mut Tx<'_, '_>| webhooks.disable(tx, ID, DisableReason::Gone, detail);
        store.commit(command).await.unwrap()
    };
    assert!(disable("answered 410").await);
    assert!(!disable("answered 410 again").await, "it is off already");
    let off = webhooks.get(ID).unwrap();
    let disabled = off.webhook.disabled.clone().unwrap();
    assert_eq!((disabled.reason, disabled.detail.as_str()), (DisableReason::Gone, "answered 410"));
    assert!(off.webhook.is_held() && webhooks.matching("event:api.x").is_empty());

    let body = format!(
        r#"{{"data":{{"type":"webhook","id":"{ID}","attributes":{{"enabled":true,"backlog":"skip"}}}}}}"#
    );
    let (policy, metrics) = (Policy::default(), Metrics::default());
    let patch = WebhookPatch::parse(body.as_bytes(), ID, &policy, &metrics).unwrap();
    let enabling = webhooks.clone();
    let command = move |tx: &mut Tx<'_, '_>| {
        let waiting = DeliveryId::from_u128(tx.ulid()?);
        Ok::<_, ChangeError>((waiting, enabling.update(tx, ID, patch)?.skip_before))
    };
    let (waiting, skip_before) = store.commit(command).await.unwrap();
    assert!(skip_before.is_some_and(|bound| waiting < bound), "what waits is before the bound");
    assert_eq!(webhooks.matching("event:api.x").len(), 1);
    drop((store, webhooks));
    writer.join().unwrap();
}
