//! The store's tests beyond units: engines against the conformance suite, a model and a kill.

mod calls;
mod durability;
mod embedded;
mod model;
mod redis;
mod sequences;
