//! What a caller writes when a secret is set, and the rules for it.

use std::fmt;

use zeroize::Zeroizing;

use crate::gateway::HostRule;
use crate::{Error, Result};

/// The longest value, in bytes.
pub const MAX_SECRET_BYTES: usize = 8 << 10;
/// The shortest value, in bytes, spaces around it not counted: masking a shorter one would mask half of every log.
pub const MIN_SECRET_BYTES: usize = 6;
/// The most hosts that one secret may name.
const MAX_HOSTS: usize = 20;
const MAX_NAME_BYTES: usize = 64;

/// A secret to set. Its `Debug` hides the value.
#[derive(Clone)]
pub struct NewSecret {
    /// Its name: a letter or `_`, then up to 63 letters, digits or `_`.
    pub name: String,
    /// Its value.
    pub value: Zeroizing<String>,
    /// Whether scripts see `$(secret:NAME)` only, which the gateway alone resolves.
    pub gateway_only: bool,
    /// The hosts it may be sent to, such as `api.example.com` or `*.example.com:8443`; empty is any.
    pub hosts: Vec<String>,
}

impl NewSecret {
    /// Refuses what cannot be stored, masked or sent; errors name the field.
    pub(super) fn check(&self) -> Result<()> {
        check_name(&self.name)?;
        let (whole, inside) = (self.value.len(), self.value.trim().len());
        if whole > MAX_SECRET_BYTES {
            let message = format!("must have at most {MAX_SECRET_BYTES} bytes, has {whole}");
            return Err(Error::invalid("value", "secret_too_long", message));
        }
        if inside < MIN_SECRET_BYTES {
            let message = format!(
                "must have at least {MIN_SECRET_BYTES} bytes besides spaces around it: a shorter value cannot be masked \
                 in logs without masking much else; if it is no secret, keep it in the code or the payload"
            );
            return Err(Error::invalid("value", "secret_too_short", message));
        }
        if self.value.contains('\0') {
            return Err(Error::invalid("value", "invalid_secret", "must not have NUL characters"));
        }
        if self.hosts.len() > MAX_HOSTS {
            return Err(Error::invalid("hosts", "out_of_range", format!("must have at most {MAX_HOSTS} entries")));
        }
        for (at, host) in self.hosts.iter().enumerate() {
            let read = host.parse::<HostRule>();
            read.map_err(|error| Error::invalid(format!("hosts[{at}]"), "invalid_host", error.to_string()))?;
        }
        Ok(())
    }
}

/// Refuses a name that no secret can have.
pub fn check_name(name: &str) -> Result<()> {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest = name.len() <= MAX_NAME_BYTES && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if first && rest {
        return Ok(());
    }
    let message = format!("must be a letter or _, then up to {} letters, digits or _", MAX_NAME_BYTES - 1);
    Err(Error::invalid("secret", "invalid_secret_name", message))
}

impl fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSecret").field("name", &self.name).finish_non_exhaustive()
    }
}
