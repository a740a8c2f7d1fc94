//! Moving a queue from one engine to another: what arrives is what was there.

mod holds;
mod interrupted;
mod orders;
mod records;
mod refusals;
mod round_trip;
mod used;
mod world;
