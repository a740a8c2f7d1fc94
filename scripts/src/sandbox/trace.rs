//! The engine's stacks in the user's own lines and columns.

use std::sync::OnceLock;

use oxc_sourcemap::SourceMap;

use crate::place;
use crate::protocol::{Bundle, Format, Place};

/// What a CommonJS module's code stands in; the first line is shifted by it.
pub(crate) const PREFIX: &str = "(function (module, exports, require) {";
/// The end of it.
pub(crate) const SUFFIX: &str = "\n})";

/// Frames shown of a stack.
const FRAMES: usize = 20;

/// Translates the stacks of one bundle.
pub(crate) struct Trace {
    entry: String,
    /// What the user wrote.
    text: String,
    shift: u32,
    map: Option<String>,
    positions: OnceLock<Vec<Position>>,
}

/// From the compiled code to the source; both from 0.
struct Position {
    compiled: (u32, u32),
    source: (u32, u32),
}

struct Frame<'a> {
    function: &'a str,
    line: u32,
    column: u32,
}

impl Trace {
    pub fn new(bundle: &Bundle) -> Self {
        Self {
            entry: bundle.entry.clone(),
            text: bundle.source.as_ref().unwrap_or(&bundle.code).clone(),
            shift: match bundle.format {
                Format::CommonJs => u32::try_from(PREFIX.len()).unwrap_or(0),
                Format::Module => 0,
            },
            map: bundle.map.clone(),
            positions: OnceLock::new(),
        }
    }

    pub fn entry(&self) -> &str {
        &self.entry
    }

    /// The user's frames of a stack, one per line.
    pub fn render(&self, stack: &str) -> String {
        let lines: Vec<String> = self.frames(stack).take(FRAMES).map(|frame| self.line(&frame)).collect();
        lines.join("\n")
    }

    /// Where the topmost of the user's frames is.
    pub fn top(&self, stack: &str) -> Option<Place> {
        let frame = self.frames(stack).next()?;
        Some(place::at(&self.entry, &self.text, frame.line, frame.column))
    }

    fn line(&self, frame: &Frame<'_>) -> String {
        let Frame { function, line, column } = frame;
        match *function {
            "" | "<anonymous>" | "<eval>" => format!("    at {}:{line}:{column}", self.entry),
            _ => format!("    at {function} ({}:{line}:{column})", self.entry),
        }
    }

    fn frames<'a>(&'a self, stack: &'a str) -> impl Iterator<Item = Frame<'a>> {
        stack.lines().filter_map(|line| self.frame(line))
    }

    fn frame<'a>(&self, line: &'a str) -> Option<Frame<'a>> {
        let line = line.trim().strip_prefix("at ")?;
        let (function, location) = match line.strip_suffix(')').and_then(|line| line.rsplit_once(" (")) {
            Some((function, location)) => (function, location),
            None => ("", line),
        };
        let mut parts = location.rsplitn(3, ':');
        let column: u32 = parts.next()?.parse().ok()?;
        let line: u32 = parts.next()?.parse().ok()?;
        if parts.next()? != self.entry {
            return None;
        }
        let (line, column) = self.place(line, column)?;
        Some(Frame { function, line, column })
    }

    /// From the engine's line and column to the user's.
    fn place(&self, line: u32, column: u32) -> Option<(u32, u32)> {
        // What the engine places before the user's first character is at it.
        let column = if line == 1 { column.saturating_sub(self.shift).max(1) } else { column };
        if self.map.is_none() {
            return Some((line, column));
        }
        let wanted = (line.checked_sub(1)?, column.checked_sub(1)?);
        let positions = self.positions.get_or_init(|| self.read_map());
        let after = positions.partition_point(|position| position.compiled <= wanted);
        let found = positions[..after].last().filter(|position| position.compiled.0 == wanted.0)?;
        Some((found.source.0 + 1, found.source.1 + 1))
    }

    fn read_map(&self) -> Vec<Position> {
        let Some(map) = self.map.as_deref().and_then(|map| SourceMap::from_json_string(map).ok()) else {
            return Vec::new();
        };
        let mut positions: Vec<Position> = map
            .get_tokens()
            .filter(|token| token.get_source_id().is_some())
            .map(|token| Position {
                compiled: (token.get_dst_line(), token.get_dst_col()),
                source: (token.get_src_line(), token.get_src_col()),
            })
            .collect();
        positions.sort_by_key(|position| position.compiled);
        positions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(format: Format) -> Trace {
        Trace::new(&Bundle {
            entry: "integration.js".into(),
            format,
            code: "a\nb".into(),
            map: None,
            source: None,
            hash: String::new(),
        })
    }

    #[test]
    fn only_the_users_frames_stay_and_the_first_line_is_shifted_back() {
        let shift = PREFIX.len() + 3;
        let stack = format!(
            "    at go (integration.js:1:{shift})\n    at map (native)\n    at tidegate:core:3:1\n    at <anonymous> \
             (integration.js:2:7)\n    at x (other.js:1:1)\n    at odd (integration.js:1:4)\nnonsense\n    at :::\n"
        );
        let shown = trace(Format::CommonJs).render(&stack);
        assert_eq!(shown, "    at go (integration.js:1:3)\n    at integration.js:2:7\n    at odd (integration.js:1:1)");
        assert_eq!(trace(Format::CommonJs).top(&stack).unwrap().column, 3);
        assert_eq!(trace(Format::Module).top("at integration.js:2:1").unwrap().line, 2);
    }
}
