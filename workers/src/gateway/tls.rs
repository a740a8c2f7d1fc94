//! What the gateway believes about certificates: Mozilla's authorities, built in, and those an operator adds.
//!
//! The authorities are compiled in because a machine or container without `ca-certificates` must work, and because
//! what a request trusts should not depend on where the engine runs. A private authority is added by its PEM text.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// A client configuration that trusts Mozilla's authorities and the certificates in `extra_pem`.
pub(super) fn config(extra_pem: &str) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in CertificateDer::pem_slice_iter(extra_pem.as_bytes()) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if !extra_pem.trim().is_empty() && roots.len() == webpki_roots::TLS_SERVER_ROOTS.len() {
        return Err("the text holds no `-----BEGIN CERTIFICATE-----` block".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = versions.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
