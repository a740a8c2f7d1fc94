//! A text with its escapes undone, which knows where each byte came from.

use std::borrow::Cow;
use std::ops::Range;

/// How many layers of escaping are undone.
pub(super) const MAX_DEPTH: usize = 3;

/// Bytes of a text, unescaped or not.
pub(super) struct View<'t> {
    bytes: Cow<'t, [u8]>,
    /// For each byte, and the end, where in the original text it begins; `None` when the bytes are the original.
    starts: Option<Vec<usize>>,
}

impl<'t> View<'t> {
    /// The text as it stands.
    pub(super) fn plain(text: &'t str) -> Self {
        Self { bytes: Cow::Borrowed(text.as_bytes()), starts: None }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The part of the original text that became `range`.
    pub(super) fn origin(&self, range: Range<usize>) -> Range<usize> {
        match &self.starts {
            None => range,
            Some(starts) => starts[range.start]..starts[range.end],
        }
    }

    /// The views one layer further in, as far as there is anything to undo.
    pub(super) fn unescaped(&self) -> Vec<View<'static>> {
        let mut views = Vec::new();
        if self.bytes.contains(&b'%') {
            views.push(self.rewritten(percent));
        }
        if self.bytes.contains(&b'+') {
            views.push(self.rewritten(form));
        }
        if self.bytes.contains(&b'\\') {
            views.push(self.json());
        }
        views
    }

    /// The view without the escapes of JSON and JavaScript strings.
    pub(super) fn json(&self) -> View<'static> {
        self.rewritten(json_escape)
    }

    /// `step` reads one item off the front: how many bytes it takes, and what they stand for.
    fn rewritten(&self, step: fn(&[u8]) -> (usize, Piece)) -> View<'static> {
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut starts = Vec::with_capacity(self.bytes.len() + 1);
        let mut at = 0;
        while at < self.bytes.len() {
            let (taken, piece) = step(&self.bytes[at..]);
            bytes.extend_from_slice(piece.as_bytes());
            starts.resize(bytes.len(), self.origin(at..at).start);
            at += taken;
        }
        starts.push(self.origin(at..at).start);
        View { bytes: Cow::Owned(bytes), starts: Some(starts) }
    }
}

/// Up to four bytes.
struct Piece([u8; 4], usize);

impl Piece {
    fn byte(byte: u8) -> Self {
        Self([byte, 0, 0, 0], 1)
    }

    fn char(c: char) -> Self {
        let mut bytes = [0; 4];
        let length = c.encode_utf8(&mut bytes).len();
        Self(bytes, length)
    }

    fn as_bytes(&self) -> &[u8] {
        &self.0[..self.1]
    }
}

/// `%41` is `A`; anything else is itself.
fn percent(rest: &[u8]) -> (usize, Piece) {
    if let [b'%', high, low, ..] = rest
        && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
    {
        return (3, Piece::byte(high << 4 | low));
    }
    (1, Piece::byte(rest[0]))
}

/// As [`percent`], and `+` is a space.
fn form(rest: &[u8]) -> (usize, Piece) {
    if rest[0] == b'+' { (1, Piece::byte(b' ')) } else { percent(rest) }
}

/// `\n`, `\"`, `\u0041`, `\ud83d\ude00`, and JavaScript's `\x41` and `\'`; anything else is itself.
fn json_escape(rest: &[u8]) -> (usize, Piece) {
    let (b'\\', Some(&kind)) = (rest[0], rest.get(1)) else {
        return (1, Piece::byte(rest[0]));
    };
    match kind {
        b'u' => unicode_escape(rest),
        b'x' => match number(rest.get(2..4)) {
            Some(code) => (4, Piece::char(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))),
            None => (1, Piece::byte(b'\\')),
        },
        b'n' => (2, Piece::byte(b'\n')),
        b't' => (2, Piece::byte(b'\t')),
        b'r' => (2, Piece::byte(b'\r')),
        b'b' => (2, Piece::byte(8)),
        b'f' => (2, Piece::byte(12)),
        b'v' => (2, Piece::byte(11)),
        b'"' | b'\'' | b'`' | b'\\' | b'/' => (2, Piece::byte(kind)),
        _ => (1, Piece::byte(b'\\')),
    }
}

fn unicode_escape(rest: &[u8]) -> (usize, Piece) {
    let Some(first) = number(rest.get(2..6)) else {
        return (1, Piece::byte(b'\\'));
    };
    if let Some(c) = char::from_u32(first) {
        return (6, Piece::char(c));
    }
    let second = rest.get(6..8).filter(|mark| *mark == b"\\u").and_then(|_| number(rest.get(8..12)));
    match second {
        Some(second @ 0xdc00..=0xdfff) if first < 0xdc00 => {
            let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            (12, Piece::char(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)))
        }
        _ => (6, Piece::char(char::REPLACEMENT_CHARACTER)),
    }
}

fn number(digits: Option<&[u8]>) -> Option<u32> {
    digits?.iter().try_fold(0, |number, digit| Some(number << 4 | u32::from(hex_digit(*digit)?)))
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// The strings (with their quotes), numbers and literals of valid JSON.
pub(super) fn json_tokens(json: &str) -> Vec<Range<usize>> {
    let bytes = json.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = match bytes[at] {
            b'"' => string_length(&bytes[at..]),
            b'{' | b'}' | b'[' | b']' | b':' | b',' | b' ' | b'\t' | b'\r' | b'\n' => 0,
            _ => bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)).count(),
        };
        if length > 0 {
            tokens.push(at..at + length);
        }
        at += length.max(1);
    }
    tokens
}

/// The length of the string that `bytes` begin with, both quotes included.
fn string_length(bytes: &[u8]) -> usize {
    let mut at = 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    bytes.len().min(at + 1)
}

/// The JSON without white space between its tokens; `None` when there was none.
pub(super) fn compact_json(json: &str) -> Option<String> {
    let mut compact = String::with_capacity(json.len());
    let mut copied = 0;
    for token in json_tokens(json) {
        compact.extend(json[copied..token.start].split_ascii_whitespace());
        compact.push_str(&json[token.clone()]);
        copied = token.end;
    }
    compact.extend(json[copied..].split_ascii_whitespace());
    (compact.len() < json.len()).then_some(compact)
}
