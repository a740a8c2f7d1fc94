//! npm packages through the whole product: saved with their `package.json`, bundled, run in the jail, and what they
//! answered compared with what Node 20 answers to the same code and the same server.

mod corpus;
mod mock;
mod product;
mod seeds;
mod serving;
mod table;
