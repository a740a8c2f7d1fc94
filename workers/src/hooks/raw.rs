//! Bytes that came over HTTP, as scripts can have them: as text, or in base64 where they are none.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Bytes as a text, and how they are written in it: `utf8` or `base64`.
pub fn written(bytes: &[u8]) -> (String, &'static str) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), "utf8"),
        Err(_) => (STANDARD.encode(bytes), "base64"),
    }
}
