//! The client of the command line: it talks to the operator's own engine, wherever that is, so no address is refused.

use super::tls;

/// A client for talking to an engine; it ignores proxies and follows no redirect, as the API sends none.
pub fn operator_client() -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    match tls::config("") {
        Ok(config) => builder.tls_backend_preconfigured(config).build().unwrap_or_default(),
        // Without certificates to add, the configuration has nothing that can be wrong.
        Err(_) => reqwest::Client::default(),
    }
}
