//! The only outgoing HTTP client of the product: every connection it makes goes to an address that was checked.
//!
//! Scripts, webhooks, tokens and packages all leave through [`Gateway::send`]. What keeps it tight is that sockets are
//! opened in one place, [`connector`], from an address and never from a text: literals and the answers of DNS take the
//! same way through [`address`]. Redirects are followed by hand, so each hop is a request like the first.
//!
//! HTTP/1.1 only, by choice: it is what Node's `fetch` speaks by default, every service answers it, it carries status
//! texts, and the floods of HTTP/2 (empty frames, resets, continuations) have nothing to aim at.

mod address;
mod client;
mod connector;
mod decode;
mod domains;
mod host_rule;
mod insert;
mod names;
mod opening;
mod operator;
mod own;
mod placeholder;
mod redirects;
mod refused;
mod request;
mod response;
mod route;
#[cfg(test)]
mod tests;
mod tls;
mod trace;

pub use client::{Config, Error, Exchange, Gateway};
pub use domains::check_domain;
pub use host_rule::{HostRule, HostRuleError};
pub use insert::{Insert, Inserts};
pub use opening::{Opening, OpeningError};
pub use operator::operator_client;
pub use refused::Refused;
pub use request::{Outgoing, Policy, Redirect};
pub use response::Received;
pub use route::{Proxy, ProxyAddress, ProxyError, Route};
pub use trace::Trace;
