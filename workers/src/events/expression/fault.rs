//! What is wrong with an expression, with a caret under the place.

use std::fmt;

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub message: String,
    /// The line that is wrong.
    excerpt: String,
}

/// The most characters of a line that are shown, on either side of the place.
const SHOWN_CHARS: usize = 60;

impl Fault {
    /// A fault at a line and column, both from 1.
    pub(super) fn at(text: &str, (line, column): (usize, usize), message: impl Into<String>) -> Self {
        // What is missing after the last line is missing at its end.
        let last = text.lines().count().max(1);
        let (line, column) = if line > last { (last, usize::MAX) } else { (line.max(1), column.max(1)) };
        let excerpt = text.lines().nth(line - 1).unwrap_or("").to_owned();
        let column = column.min(excerpt.chars().count() + 1);
        Self { line, column, message: message.into(), excerpt }
    }

    /// A fault at a byte, from 0.
    pub(super) fn at_byte(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Self::at(text, (line, column), message)
    }

    /// A fault of the expression as a whole.
    pub(super) fn whole(text: &str, message: impl Into<String>) -> Self {
        Self::at(text, (1, 1), message)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = self.column.saturating_sub(SHOWN_CHARS + 1);
        let shown: String = self.excerpt.chars().skip(from).take(2 * SHOWN_CHARS).map(one_column).collect();
        let caret = " ".repeat(self.column - 1 - from);
        write!(f, "{} (line {}, column {})\n  {shown}\n  {caret}^", self.message, self.line, self.column)
    }
}

/// What takes no column, or many, would move the caret away from its place.
fn one_column(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}
