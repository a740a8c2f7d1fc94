//! The gateway against real listeners, judged by what the listeners saw.

mod denied;
mod dns_server;
mod limits;
mod listener;
mod redirected;
mod routes;
mod secrets;
mod sent;
mod spellings;
mod tls;
mod wire;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::names::Names;
use super::{Config, Exchange, Gateway, Insert, Inserts, Outgoing, Policy, Received, Redirect, Refused};

/// A gateway with these openings and nothing but these names in its DNS.
fn gateway(openings: &[String], names: &[(&str, &[&str])]) -> Gateway {
    gateway_trusting(openings, names, "")
}

fn gateway_trusting(openings: &[String], names: &[(&str, &[&str])], extra_roots_pem: &str) -> Gateway {
    let openings = openings.iter().map(|opening| opening.parse().unwrap()).collect();
    let addresses = |list: &[&str]| list.iter().map(|ip| ip.parse::<IpAddr>().unwrap()).collect();
    let table: HashMap<_, _> = names.iter().map(|(name, list)| ((*name).to_owned(), addresses(list))).collect();
    let config = Config { openings, extra_roots_pem: extra_roots_pem.to_owned(), ..Config::default() };
    Gateway::with_names(config, Names::Table(Arc::new(table))).unwrap()
}

fn get(url: impl Into<String>) -> Outgoing {
    Outgoing {
        method: "GET".to_owned(),
        url: url.into(),
        headers: vec![],
        body: None,
        redirect: Redirect::Follow,
        timeout: Duration::from_secs(10),
    }
}

fn post(url: impl Into<String>, headers: &[(&str, &str)], body: &str) -> Outgoing {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Outgoing { method: "POST".to_owned(), headers, body: Some(body.as_bytes().to_vec()), ..get(url) }
}

async fn send(gateway: &Gateway, request: Outgoing) -> Exchange {
    gateway.send(request, &Policy::default()).await
}

#[track_caller]
fn received(exchange: Exchange) -> Received {
    exchange.result.unwrap()
}

#[track_caller]
fn refused(exchange: Exchange, code: &str) -> Refused {
    assert_eq!(exchange.trace.error, Some(code), "{:?}", exchange.result);
    exchange.result.unwrap_err()
}
