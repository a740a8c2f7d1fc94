//! An expression after it was read: a tree in which every name is resolved.

use regex::Regex;

use super::functions::Function;

/// A part of an expression.
#[derive(Debug)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Box<str>),
    /// `event.a.b`: the names after `event`.
    Path(Box<[Box<str>]>),
    /// The variable of an enclosing loop, by how many loops are outside of that one.
    Variable(usize),
    Select(Box<Node>, Box<str>),
    Has(Box<Node>, Box<str>),
    Index(Box<[Node; 2]>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    /// Condition, then, else.
    Conditional(Box<[Node; 3]>),
    Compare(Comparison, Box<[Node; 2]>),
    Compute(Operator, Box<[Node; 2]>),
    List(Box<[Node]>),
    Map(Box<[(Node, Node)]>),
    Call(Function, Box<[Node]>),
    /// A text and the pattern that is looked for in it.
    Matches(Box<Node>, Box<Regex>),
    Loop(Box<Loop>),
}

/// A comparison of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Different,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

/// An operation on two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// One of `all`, `exists`, `exists_one`, `filter`, `map` over a list, or over the keys of a map.
#[derive(Debug)]
pub(super) struct Loop {
    pub kind: Kind,
    pub range: Node,
    /// What is asked of each element; of a `map` without a condition, none.
    pub condition: Option<Node>,
    /// What a `map` makes of each.
    pub made: Option<Node>,
}

/// What a loop brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    All,
    Exists,
    ExistsOne,
    /// A list: `map` and `filter`.
    List,
}

impl Node {
    /// What it gives, if that can never be true or false.
    pub fn never_a_condition(&self) -> Option<&'static str> {
        match self {
            Self::Null => Some("null"),
            Self::Int(_) | Self::Double(_) | Self::Negate(_) => Some("a number"),
            Self::Text(_) => Some("a text"),
            Self::Path(names) if names.is_empty() => Some("the whole event"),
            Self::Compute(..) => Some("a number or a text"),
            Self::List(_) => Some("a list"),
            Self::Map(_) => Some("a map"),
            Self::Call(function, _) => function.never_a_condition(),
            Self::Loop(inner) => (inner.kind == Kind::List).then_some("a list"),
            Self::Bool(_)
            | Self::Path(_)
            | Self::Variable(_)
            | Self::Select(..)
            | Self::Has(..)
            | Self::Index(_)
            | Self::Not(_)
            | Self::And(_)
            | Self::Or(_)
            | Self::Conditional(_)
            | Self::Compare(..)
            | Self::Matches(..) => None,
        }
    }
}
