//! The engine's stacks in the user's own files, lines and columns.

use std::sync::{Arc, OnceLock};

use oxc_sourcemap::SourceMap;

use crate::place;
use crate::protocol::{Bundle, Format, Place};

/// What a CommonJS module's code stands in; the first line is shifted by it.
pub(crate) const PREFIX: &str = "(function (module, exports, require) {";
/// The end of it.
pub(crate) const SUFFIX: &str = "\n})";

/// Where the files of packages are, in the names of a source map.
const PACKAGES: &str = "node_modules/";

/// Frames shown of a stack.
const FRAMES: usize = 20;

/// Translates the stacks of one bundle.
pub(crate) struct Trace {
    entry: String,
    /// What the user wrote into the entry.
    text: String,
    shift: u32,
    map: Option<String>,
    origins: OnceLock<Origins>,
    /// That of another bundle in the same run.
    other: Option<Arc<Self>>,
}

/// Where the parts of a bundle come from.
#[derive(Default)]
struct Origins {
    /// The files' names; their texts, if the map has them.
    files: Vec<(String, Option<String>)>,
    positions: Vec<Position>,
}

/// From the compiled code to the source; both from 0.
struct Position {
    compiled: (u32, u32),
    file: usize,
    source: (u32, u32),
}

struct Frame<'a> {
    function: &'a str,
    file: &'a str,
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
            origins: OnceLock::new(),
            other: None,
        }
    }

    /// The same, for stacks that lead through another bundle as well.
    pub fn beside(self, other: &Arc<Self>) -> Self {
        Self { other: Some(Arc::clone(other)), ..self }
    }

    pub fn entry(&self) -> &str {
        &self.entry
    }

    /// The user's frames of a stack, one per line.
    pub fn render(&self, stack: &str) -> String {
        let lines: Vec<String> = self.frames(stack).take(FRAMES).map(|frame| Self::line(&frame)).collect();
        lines.join("\n")
    }

    /// Where the topmost frame is that is not in a package, else the topmost of all.
    pub fn top(&self, stack: &str) -> Option<Place> {
        let own = self.frames(stack).find(|frame| !frame.file.starts_with(PACKAGES));
        let frame = own.or_else(|| self.frames(stack).next())?;
        Some(place::at(frame.file, self.text_of(frame.file), frame.line, frame.column))
    }

    /// The file of the topmost frame, in a package or not.
    pub fn file(&self, stack: &str) -> Option<String> {
        self.frames(stack).next().map(|frame| frame.file.to_owned())
    }

    fn text_of(&self, file: &str) -> &str {
        if file == self.entry {
            return &self.text;
        }
        let found = self.origins().files.iter().find(|(name, _)| name == file);
        let text = found.and_then(|(_, text)| text.as_deref());
        text.or_else(|| self.other.as_ref().map(|other| other.text_of(file))).unwrap_or_default()
    }

    fn line(frame: &Frame<'_>) -> String {
        let Frame { function, file, line, column } = frame;
        match *function {
            "" | "<anonymous>" | "<eval>" => format!("    at {file}:{line}:{column}"),
            _ => format!("    at {function} ({file}:{line}:{column})"),
        }
    }

    fn frames<'a>(&'a self, stack: &'a str) -> impl Iterator<Item = Frame<'a>> {
        stack.lines().filter_map(|line| self.frame(line))
    }

    fn frame<'a>(&'a self, whole: &'a str) -> Option<Frame<'a>> {
        let line = whole.trim().strip_prefix("at ")?;
        let (function, location) = match line.strip_suffix(')').and_then(|line| line.rsplit_once(" (")) {
            Some((function, location)) => (function, location),
            None => ("", line),
        };
        let mut parts = location.rsplitn(3, ':');
        let column: u32 = parts.next()?.parse().ok()?;
        let line: u32 = parts.next()?.parse().ok()?;
        if parts.next()? != self.entry {
            return self.other.as_ref()?.frame(whole);
        }
        let (file, line, column) = self.place(line, column)?;
        Some(Frame { function, file, line, column })
    }

    /// From the engine's line and column to the user's file, line and column.
    fn place(&self, line: u32, column: u32) -> Option<(&str, u32, u32)> {
        // What the engine places before the user's first character is at it.
        let column = if line == 1 { column.saturating_sub(self.shift).max(1) } else { column };
        if self.map.is_none() {
            return Some((&self.entry, line, column));
        }
        let wanted = (line.checked_sub(1)?, column.checked_sub(1)?);
        let Origins { files, positions } = self.origins();
        let after = positions.partition_point(|position| position.compiled <= wanted);
        let found = positions[..after].last().filter(|position| position.compiled.0 == wanted.0)?;
        let (file, _) = files.get(found.file)?;
        Some((file, found.source.0 + 1, found.source.1 + 1))
    }

    fn origins(&self) -> &Origins {
        self.origins.get_or_init(|| self.read_map())
    }

    fn read_map(&self) -> Origins {
        let Some(map) = self.map.as_deref().and_then(|map| SourceMap::from_json_string(map).ok()) else {
            return Origins::default();
        };
        let texts = map.get_source_contents().map(|text| text.map(|text| text.to_string()));
        let texts = texts.chain(std::iter::repeat(None));
        let files = map.get_sources().map(|name| name.to_string()).zip(texts).collect();
        let mut positions: Vec<Position> = map
            .get_tokens()
            .filter_map(|token| {
                Some(Position {
                    compiled: (token.get_dst_line(), token.get_dst_col()),
                    file: token.get_source_id()? as usize,
                    source: (token.get_src_line(), token.get_src_col()),
                })
            })
            .collect();
        positions.sort_by_key(|position| position.compiled);
        Origins { files, positions }
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
