//! The compatibility corpus: per npm package an integration, the server it talks to, and what Node 20 answers.

mod corpus;
mod mock;
