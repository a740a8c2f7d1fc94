//! The HTTP plane: one route table, one file per noun in `routes/`, and what every request passes on its way.
//!
//! A request goes through [`mod@edge`] (headers on every answer, panics, limits), the route's `auth::guard` (deny by
//! default) and its handler, which only converts: domain types in, wire structs out. Every refusal is a
//! [`error::Problem`]; one file gives it a status and its shape.

mod access;
pub mod auth;
mod body;
mod drain;
mod edge;
mod error;
mod json;
mod openapi;
mod params;
mod publication;
mod router;
mod routes;
mod serve;
mod state;
mod streams;
mod wire;

pub use serve::serve;
pub use state::{Limits, MetricsAccess, State};

#[cfg(test)]
mod tests;
