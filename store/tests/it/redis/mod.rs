//! The Redis engine against the suite that defines an engine, on one server and on a cluster of three nodes, and
//! against the model.

mod cluster;
mod fresh;
mod sequences;
mod single;
mod stream;
mod together;

pub use single::fresh as fresh_on_one_server;
