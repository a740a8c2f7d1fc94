//! The runner from outside: a fake engine on the other end of its socket.

#![expect(clippy::result_large_err, reason = "the shape is the protocol's")]

mod bombs;
mod calls;
mod compile;
mod console;
mod crypto;
mod engine;
mod errors;
mod examples;
mod frames;
mod globals;
mod http;
mod intl;
mod logs;
mod modules;
mod node;
mod results;
mod together;
