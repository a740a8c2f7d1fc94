//! The first admin key: the operator's preset one, or a new one that is shown once.

use store::catalog::{ApiKey, Scope};
use ulid::Ulid;
use workers::{Error, Services};

use super::{Token, fingerprint, token};

const MIN_PRESET_CHARS: usize = 8;
const MAX_PRESET_CHARS: usize = 256;
const GOOD_PRESET_CHARS: usize = 24;

/// Makes sure that someone can administrate. With a preset key, that one is valid from now on; without, a key is made
/// when there is no valid admin key, and returned: the caller shows it once.
pub async fn ensure_admin_key(services: &Services, preset: Option<String>) -> Result<Option<String>, Error> {
    let keys = services.catalog.list_api_keys(&services.options.workspace).await?;
    let keys: Vec<ApiKey> = keys.into_iter().filter(|key| key.revoked.is_none()).collect();
    match preset.map(|preset| preset.trim().to_owned()).filter(|preset| !preset.is_empty()) {
        Some(preset) => {
            check_preset(&preset)?;
            if keys.iter().any(|key| key.hash == fingerprint(&preset)) {
                return Ok(None);
            }
            insert(services, &preset, "preset admin key").await?;
            Ok(None)
        }
        None if keys.iter().any(|key| key.scopes.contains(&Scope::Admin) && key.integrations.is_empty()) => Ok(None),
        None => {
            let token = Token::generate();
            insert(services, token.reveal(), "first admin key").await?;
            Ok(Some(token.reveal().to_owned()))
        }
    }
}

fn check_preset(preset: &str) -> Result<(), Error> {
    let visible = preset.bytes().all(|byte| byte.is_ascii_graphic());
    if !visible || !(MIN_PRESET_CHARS..=MAX_PRESET_CHARS).contains(&preset.len()) {
        let message =
            format!("must be {MIN_PRESET_CHARS} to {MAX_PRESET_CHARS} visible ASCII characters without spaces");
        return Err(Error::invalid("TIDEGATE_ADMIN_KEY", "invalid_api_key", message));
    }
    if preset.len() < GOOD_PRESET_CHARS {
        tracing::warn!("TIDEGATE_ADMIN_KEY has fewer than {GOOD_PRESET_CHARS} characters: it may be guessed");
    }
    Ok(())
}

async fn insert(services: &Services, key: &str, name: &str) -> Result<(), Error> {
    let now = services.clock.now();
    let id = Ulid::from_parts(u64::try_from(now.0).unwrap_or(0), rand::random());
    let inserted = services.catalog.add_api_key(ApiKey {
        id: id.to_string(),
        workspace: services.options.workspace.clone(),
        name: name.into(),
        hash: fingerprint(key),
        prefix: token::shown(key),
        scopes: vec![Scope::Admin],
        integrations: Vec::new(),
        origins: Vec::new(),
        publishable: false,
        may_match: false,
        rate: None,
        created: now,
        revoked: None,
    });
    inserted.await.map_err(|error| match error {
        store::Error::Exists { .. } => {
            Error::conflict("api_key_revoked", "the preset admin key was revoked: choose another TIDEGATE_ADMIN_KEY")
        }
        error => error.into(),
    })
}
