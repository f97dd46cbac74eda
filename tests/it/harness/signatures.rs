//! Signatures checked from the contract alone (wire.md §1.2) and by a stranger's library.
//!
//! Nothing of `tidings::signing` is used here: a mistake made there must not be made here too.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::Recorded;

/// Asserts that both signatures of a delivery are good and that their ids and times agree.
#[track_caller]
pub(crate) fn assert_signed(delivered: &Recorded, secret: &str) {
    let date = delivered.header("Klaviyo-Timestamp");
    let expected = hex_hmac(secret, &[&delivered.body, date.as_bytes()]);
    assert_eq!(delivered.header("Klaviyo-Signature"), expected);
    let webhook = &delivered.json()["meta"]["klaviyo_webhook_id"];
    assert_eq!(delivered.header("Klaviyo-Webhook-Id"), webhook);

    let (id, seconds) = (delivered.header("webhook-id"), delivered.header("webhook-timestamp"));
    let seconds: i64 = seconds.parse().expect("the time is in whole seconds");
    let sent = httpdate::parse_http_date(date).expect("the date is an HTTP date");
    let since = sent.duration_since(std::time::UNIX_EPOCH).expect("it lies after 1970");
    assert_eq!(i64::try_from(since.as_secs()), Ok(seconds), "both headers tell one time");
    let stranger = standardwebhooks::Webhook::from_bytes(secret.as_bytes().to_vec());
    let signed = stranger.and_then(|own| own.sign(id, seconds, &delivered.body));
    let signed = signed.expect("the stranger can sign");
    let signatures: Vec<_> = delivered.header("webhook-signature").split(' ').collect();
    assert!(signatures.contains(&signed.as_str()), "{signatures:?} lacks {signed}");
}

/// HMAC-SHA256 over the parts one after the other, in lower-case hex.
fn hex_hmac(secret: &str, parts: &[&[u8]]) -> String {
    let mut state = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length is good");
    for part in parts {
        state.update(part);
    }
    state.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
