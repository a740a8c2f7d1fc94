//! Certificates count: by their authority and by their name.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::listener::Listener;
use super::{Config, Gateway, gateway, gateway_trusting, get, received, refused, send};

/// A server with a certificate of its own for `a.example`, and that certificate.
async fn secure() -> (Listener, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    (Listener::start_tls(TlsAcceptor::from(Arc::new(config))).await, cert.pem())
}

const NAMES: [(&str, &[&str]); 2] = [("a.example", &["127.0.0.1"]), ("b.example", &["127.0.0.1"])];

#[tokio::test]
async fn a_private_authority_is_trusted_only_when_it_is_given() {
    let (listener, pem) = secure().await;
    let url = |host: &str| format!("https://{host}:{}/", listener.port());
    let stranger = gateway(&[listener.opening()], &NAMES);
    refused(send(&stranger, get(url("a.example"))).await, "tls_failed");
    assert_eq!(listener.requests().len(), 0);
    let friend = gateway_trusting(&[listener.opening()], &NAMES, &pem);
    let exchange = send(&friend, get(url("a.example"))).await;
    assert!(exchange.trace.tls_ms.is_some());
    assert_eq!(received(exchange).body, b"secure");
    for host in ["b.example", "127.0.0.1"] {
        refused(send(&friend, get(url(host))).await, "tls_failed");
    }
    assert_eq!(listener.requests().len(), 1);
}

#[tokio::test]
async fn https_to_a_plain_server_fails_as_tls() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await.unwrap();
        tcp.read_to_end(&mut Vec::new()).await
    });
    let gateway = gateway(&[format!("127.0.0.1/32:{port}")], &NAMES);
    refused(send(&gateway, get(format!("https://a.example:{port}/"))).await, "tls_failed");
}

#[test]
fn unusable_roots_are_an_error() {
    for text in [
        "no certificate",
        "-----BEGIN CERTIFICATE-----\n%%\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let result = Gateway::new(Config { extra_roots_pem: text.to_owned(), ..Config::default() });
        assert!(result.err().unwrap().to_string().contains("root certificates"), "{text}");
    }
}
