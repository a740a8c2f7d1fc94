//! Standard Webhooks (https://www.standardwebhooks.com): its scheme and its secrets.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use http::HeaderName;
use zeroize::Zeroizing;

use super::presets::{TOLERANCE_MS, fixed};
use super::replay::Replay;
use super::scheme::{Algorithm, Encoding, Form, KeyForm, Scheme, TimestampPlace};

const PREFIX: &str = "whsec_";

/// The scheme, with these secrets.
pub(super) fn scheme(secrets: Vec<String>) -> Scheme {
    Scheme {
        header: HeaderName::from_static("webhook-signature"),
        form: Form::Versions,
        algorithm: Algorithm::Sha256,
        encoding: Encoding::Base64,
        template: fixed("{id}.{timestamp}.{body}"),
        timestamp: Some(TimestampPlace::Header(HeaderName::from_static("webhook-timestamp"))),
        id_header: Some(HeaderName::from_static("webhook-id")),
        tolerance_ms: TOLERANCE_MS,
        replay: Replay::Refuse,
        key: KeyForm::WebhookSecret,
        secrets,
    }
}

/// The key in a secret such as `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`.
pub(super) fn key(secret: &str) -> Option<Zeroizing<Vec<u8>>> {
    let encoded = secret.trim().strip_prefix(PREFIX).unwrap_or(secret.trim());
    let decoded = STANDARD.decode(encoded).or_else(|_| STANDARD_NO_PAD.decode(encoded));
    decoded.ok().filter(|key| !key.is_empty()).map(Zeroizing::new)
}
