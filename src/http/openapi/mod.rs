//! The routes with their description: what is served and what `/v1/openapi.json` says come from one place.

pub mod bodies;
mod describe;
mod table;

use std::sync::LazyLock;

pub use table::Table;

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let mut document = crate::http::router::table().into_openapi();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    serde_json::to_string_pretty(&document).unwrap_or_default()
});

/// The description as JSON text.
pub fn document() -> &'static str {
    &DOCUMENT
}
