//! Places in the user's files, with the lines around them.

use crate::protocol::Place;

/// Lines shown before and after the place.
const AROUND: usize = 2;
/// Characters of a line that are shown; a longer one is cut around the column.
const WIDTH: usize = 120;

/// The place at a line and column (from 1, in characters) of a file's text.
pub fn at(file: &str, text: &str, line: u32, column: u32) -> Place {
    Place { file: file.into(), line, column, frame: frame(text, line as usize, column as usize) }
}

/// The place at a byte offset.
pub fn at_offset(file: &str, text: &str, offset: usize) -> Place {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    at(file, text, to_u32(line), to_u32(column))
}

fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn frame(text: &str, line: usize, column: usize) -> String {
    let first = line.saturating_sub(AROUND).max(1);
    let shown: Vec<(usize, &str)> = text
        .split('\n')
        .enumerate()
        .skip(first - 1)
        .take_while(|(index, _)| *index < line + AROUND)
        .map(|(index, content)| (index + 1, content.trim_end_matches('\r')))
        .collect();
    let skip = column.saturating_sub(WIDTH * 2 / 3);
    let gutter = shown.last().map_or(1, |(number, _)| number.to_string().len());
    let mut lines = Vec::with_capacity(shown.len() + 1);
    for (number, content) in shown {
        let mark = if number == line { '>' } else { ' ' };
        let content = window(content, skip);
        lines.push(format!("{mark} {number:>gutter$} | {content}").trim_end().to_owned());
        if number == line {
            let caret = " ".repeat(column.saturating_sub(1).saturating_sub(skip) + usize::from(skip > 0));
            lines.push(format!("  {:>gutter$} | {caret}^", ""));
        }
    }
    lines.join("\n")
}

/// A line's part from character `skip` on, cut to the width; tabs take one place, so that the caret stays true.
fn window(content: &str, skip: usize) -> String {
    let mut shown: String = content.chars().skip(skip).take(WIDTH).collect();
    if skip > 0 {
        shown.insert(0, '…');
    }
    if content.chars().nth(skip + WIDTH).is_some() {
        shown.push('…');
    }
    shown.replace('\t', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_marks_the_line_and_the_column() {
        let text = "one\ntwo\nthree\nfour\nfive\nsix";
        let place = at_offset("a.js", text, text.find("ree").unwrap());
        assert_eq!((place.line, place.column), (3, 3));
        assert_eq!(place.frame, "  1 | one\n  2 | two\n> 3 | three\n    |   ^\n  4 | four\n  5 | five");
    }

    #[test]
    fn places_outside_of_the_text_and_long_lines_are_harmless() {
        assert_eq!(at_offset("a.js", "é", 1).column, 1);
        assert_eq!(at("a.js", "x", 9, 9).frame, "");
        assert_eq!(at("a.js", "", 0, 0).line, 0);
        let long = "x".repeat(1_000_000);
        let place = at("a.js", &long, 1, 500_000);
        assert!(place.frame.len() < 400, "{}", place.frame.len());
        let caret = place.frame.lines().nth(1).unwrap().chars().count();
        assert!(caret < WIDTH, "{caret}");
    }
}
