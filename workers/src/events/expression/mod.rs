//! Expressions over an event, in CEL: `event.user.loyalty.tier == "gold"`. They are read once, when settings are, and
//! every evaluation ends: it fails before it has taken too many steps, and never otherwise.
//!
//! The `cel` crate reads the language (`parse.rs`, the only file that knows it). The values are computed here, as the
//! crate's own interpreter has no bound on its work, and stops with an error at the first path that is not there. Here
//! such a path is null, and so is whatever cannot be computed of the values there are: `null` counts as false.

mod compute;
mod evaluate;
mod fault;
mod functions;
mod parse;
mod syntax;
#[cfg(test)]
mod tests;
mod value;

use serde_json::Value;

pub use fault::Fault;

use evaluate::Evaluation;
use syntax::Node;

/// The most bytes of an expression.
pub const MAX_EXPRESSION_BYTES: usize = 4_096;
/// How deep an expression may nest.
pub const MAX_DEPTH: usize = 40;
/// The most steps of one evaluation: an operation, an element of a list, or 16 bytes of a text are one.
pub const MAX_STEPS: u32 = 100_000;

/// An expression that was read, and whose names are known.
#[derive(Debug)]
pub struct Expression {
    text: Box<str>,
    node: Node,
}

/// An evaluation took more than [`MAX_STEPS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("takes more than {MAX_STEPS} steps with this event")]
pub struct TooExpensive;

impl Expression {
    /// Reads an expression for any value.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let node = parse::parse(text)?;
        Ok(Self { text: text.into(), node })
    }

    /// Reads an expression that is to be true or false.
    pub fn condition(text: &str) -> Result<Self, Fault> {
        let read = Self::parse(text)?;
        match read.node.never_a_condition() {
            Some(what) => Err(Fault::whole(text, format!("gives {what}, and must be true or false: compare it"))),
            None => Ok(read),
        }
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is true of this event.
    pub fn holds(&self, event: &Value) -> Result<bool, TooExpensive> {
        Evaluation::of(event).truth(&self.node)
    }

    /// Its value for this event.
    pub fn value(&self, event: &Value) -> Result<Value, TooExpensive> {
        let mut evaluation = Evaluation::of(event);
        let value = evaluation.value(&self.node)?;
        evaluation.json_of(&value)
    }
}
