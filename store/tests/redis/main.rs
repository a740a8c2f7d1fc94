//! The Redis engine against the suite that defines an engine: on one server, and on a cluster of three nodes.

mod cluster;
mod fresh;
mod single;
