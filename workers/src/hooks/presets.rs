//! The schemes of services that are met often.

use std::str::FromStr;

use http::HeaderName;

use super::replay::Replay;
use super::scheme::{Algorithm, Encoding, Form, KeyForm, Scheme, Template, TimestampPlace};

/// How far from now the time of a signature may be unless the settings say otherwise, in milliseconds.
pub(super) const TOLERANCE_MS: i64 = 5 * 60_000;

/// A service whose scheme is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// `Stripe-Signature: t=…,v1=…` over `{timestamp}.{body}`; retries are signed anew.
    Stripe,
    /// `X-Hub-Signature-256: sha256=…` over the body; a redelivery has the same signature.
    Github,
    /// `X-Slack-Signature: v0=…` over `v0:{timestamp}:{body}`; retries are signed anew.
    Slack,
    /// `X-Shopify-Hmac-Sha256` (base64) over the body; retries have the same signature.
    Shopify,
}

impl Preset {
    /// Every preset with its name.
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::Stripe, "stripe"), (Self::Github, "github"), (Self::Slack, "slack"), (Self::Shopify, "shopify")];

    /// The scheme, with these secrets.
    pub(super) fn scheme(self, secrets: Vec<String>) -> Scheme {
        let (header, form, template, timestamp) = match self {
            Self::Stripe => ("stripe-signature", Form::Pairs, "{timestamp}.{body}", Some(TimestampPlace::Signature)),
            Self::Github => ("x-hub-signature-256", Form::Whole("sha256=".into()), "{body}", None),
            Self::Slack => {
                let at = HeaderName::from_static("x-slack-request-timestamp");
                let form = Form::Whole("v0=".into());
                ("x-slack-signature", form, "v0:{timestamp}:{body}", Some(TimestampPlace::Header(at)))
            }
            Self::Shopify => ("x-shopify-hmac-sha256", Form::Whole(String::new()), "{body}", None),
        };
        Scheme {
            header: HeaderName::from_static(header),
            form,
            algorithm: Algorithm::Sha256,
            encoding: if self == Self::Shopify { Encoding::Base64 } else { Encoding::Hex },
            template: fixed(template),
            timestamp,
            id_header: None,
            tolerance_ms: TOLERANCE_MS,
            // Shopify sends again, signed the same, what was not answered within seconds; it stops only at a 2xx.
            replay: if self == Self::Shopify { Replay::Ignore } else { Replay::Refuse },
            key: KeyForm::Text,
            secrets,
        }
    }
}

impl FromStr for Preset {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(preset, _)| *preset).ok_or(())
    }
}

/// A template that is written here.
pub(super) fn fixed(text: &str) -> Template {
    Template::parse(text).unwrap_or_else(|error| unreachable!("{text}: {error}"))
}
