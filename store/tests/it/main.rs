//! The store's tests beyond units: engines against the conformance suite, a model, a kill and earlier files.

mod calls;
mod contradictions;
mod durability;
mod embedded;
mod faulty;
mod formats;
mod keyed;
mod model;
mod redis;
mod sequences;
