//! What can be kept: a checked key, value and time.

use serde::de::IgnoredAny;

/// The most bytes of a key.
pub const MAX_KEY_BYTES: usize = 256;
/// The most bytes of a value as JSON.
pub const MAX_VALUE_BYTES: usize = 256 << 10;
/// How long a value is kept when nothing else is said: one hour.
pub const DEFAULT_TTL_MS: i64 = 60 * 60 * 1000;
/// The longest a value can be kept: 30 days.
pub const MAX_TTL_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Why a value cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The key is empty or too long.
    #[error("a cache key has 1 to {MAX_KEY_BYTES} bytes; this one has {0}")]
    Key(usize),
    /// The value is too long.
    #[error("a cached value has at most {MAX_VALUE_BYTES} bytes as JSON; this one has {0}")]
    TooLarge(usize),
    /// The value is not JSON.
    #[error("a cached value must be JSON")]
    NotJson,
    /// The time to live is out of range.
    #[error("`ttl` is a number of milliseconds from 1 to {MAX_TTL_MS} (30 days), not {0}")]
    Ttl(i64),
}

impl Invalid {
    /// A stable code for the script.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Key(_) => "invalid_cache_key",
            Self::TooLarge(_) => "cache_value_too_large",
            Self::NotJson => "invalid_cache_value",
            Self::Ttl(_) => "invalid_cache_ttl",
        }
    }
}

/// A value under a key, for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub(crate) key: &'a str,
    pub(crate) value: &'a str,
    pub(crate) ttl_ms: i64,
}

impl<'a> Entry<'a> {
    /// An entry with `value`, which is JSON, kept for `ttl_ms` (an hour if absent).
    pub fn new(key: &'a str, value: &'a str, ttl_ms: Option<i64>) -> Result<Self, Invalid> {
        let ttl_ms = ttl_ms.unwrap_or(DEFAULT_TTL_MS);
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            return Err(Invalid::Key(key.len()));
        }
        if value.len() > MAX_VALUE_BYTES {
            return Err(Invalid::TooLarge(value.len()));
        }
        if !(1..=MAX_TTL_MS).contains(&ttl_ms) {
            return Err(Invalid::Ttl(ttl_ms));
        }
        serde_json::from_str::<IgnoredAny>(value).map_err(|_| Invalid::NotJson)?;
        Ok(Self { key, value, ttl_ms })
    }
}
