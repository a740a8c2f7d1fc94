//! A text with its escapes undone, which knows where each byte came from.

use std::borrow::Cow;
use std::ops::Range;

/// How many layers of escaping are undone.
pub(super) const MAX_DEPTH: usize = 3;
/// How many layers of escaping there may be around bytes that are printed one by one.
pub(super) const MAX_LISTS_DEPTH: usize = 2;

/// Bytes of a text, unescaped or not.
pub(super) struct View<'t> {
    bytes: Cow<'t, [u8]>,
    /// For each byte, what part of the original text it stands for; `None` when the bytes are the original.
    origins: Option<Vec<Range<usize>>>,
}

impl<'t> View<'t> {
    /// The text as it stands.
    pub(super) fn plain(text: &'t str) -> Self {
        Self { bytes: Cow::Borrowed(text.as_bytes()), origins: None }
    }

    /// Bytes that are perhaps no text.
    pub(super) fn of(bytes: &'t [u8]) -> Self {
        Self { bytes: Cow::Borrowed(bytes), origins: None }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The part of the original text that became `range`, which is not empty.
    pub(super) fn origin(&self, range: Range<usize>) -> Range<usize> {
        match &self.origins {
            None => range,
            Some(origins) => origins[range.start].start..origins[range.end - 1].end,
        }
    }

    /// The views one layer further in, as far as there is anything to undo; `depth` layers are undone already.
    pub(super) fn unescaped(&self, depth: usize) -> Vec<View<'static>> {
        let kinds: [(u8, Step); 5] =
            [(b'%', percent), (b'+', form), (b'\\', json_escape), (b'&', html), (b'\n', unwrapped)];
        match depth {
            0 => self.changed(&kinds),
            depth if depth < MAX_DEPTH => self.changed(&kinds[..4]),
            _ => Vec::new(),
        }
    }

    /// The bytes that the text prints one by one, as numbers or in hex, as far as there are any.
    pub(super) fn byte_lists(&self) -> Vec<View<'static>> {
        let separators = |byte: &&u8| matches!(byte, b',' | b' ' | b':' | b'-' | b'\n');
        if self.bytes.iter().filter(separators).count() + 1 < super::MIN_SECRET_BYTES {
            return Vec::new();
        }
        [self.rewritten(decimal), self.rewritten(hex_pair)]
            .into_iter()
            .filter(|view| view.bytes != self.bytes)
            .collect()
    }

    /// A view for each step whose sign is there and which changes anything.
    fn changed(&self, steps: &[(u8, Step)]) -> Vec<View<'static>> {
        let there = steps.iter().filter(|(sign, _)| self.bytes.contains(sign));
        there.map(|(_, step)| self.rewritten(*step)).filter(|view| view.bytes != self.bytes).collect()
    }

    /// The view without the escapes of JSON and JavaScript strings.
    pub(super) fn json(&self) -> View<'static> {
        self.rewritten(json_escape)
    }

    /// The text as `step` reads it.
    fn rewritten(&self, step: Step) -> View<'static> {
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut origins = Vec::with_capacity(self.bytes.len());
        let mut at = 0;
        while at < self.bytes.len() {
            let (taken, piece) = step(&self.bytes[at..]);
            bytes.extend_from_slice(piece.as_bytes());
            origins.resize(bytes.len(), self.origin(at..at + taken));
            at += taken;
        }
        View { bytes: Cow::Owned(bytes), origins: Some(origins) }
    }
}

/// Reads one item off the front of a text: how many bytes it takes, and what they stand for.
type Step = fn(&[u8]) -> (usize, Piece);

/// Up to four bytes.
struct Piece([u8; 4], usize);

impl Piece {
    fn nothing() -> Self {
        Self([0; 4], 0)
    }

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

/// A text that was broken into lines, in one piece.
fn unwrapped(rest: &[u8]) -> (usize, Piece) {
    match rest[0] {
        b'\n' | b'\r' => (1, Piece::nothing()),
        byte => (1, Piece::byte(byte)),
    }
}

/// `&amp;`, `&#65;`, `&#x41;`; anything else is itself.
fn html(rest: &[u8]) -> (usize, Piece) {
    entity(rest).unwrap_or((1, Piece::byte(rest[0])))
}

fn entity(rest: &[u8]) -> Option<(usize, Piece)> {
    let name = rest.strip_prefix(b"&")?;
    let end = name.iter().take(10).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(&name[..end]).ok()?;
    let code = match name {
        "amp" => u32::from(b'&'),
        "lt" => u32::from(b'<'),
        "gt" => u32::from(b'>'),
        "quot" => u32::from(b'"'),
        "apos" => u32::from(b'\''),
        "nbsp" => u32::from(b' '),
        name => match name.strip_prefix('#')?.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => name[1..].parse().ok()?,
        },
    };
    Some((end + 2, Piece::char(char::from_u32(code)?)))
}

/// `104, ` is `h`: a number below 256 and what separates it from the next; anything else is itself.
fn decimal(rest: &[u8]) -> (usize, Piece) {
    let digits = rest.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    let byte = std::str::from_utf8(&rest[..digits]).ok().and_then(|digits| digits.parse::<u8>().ok());
    match byte.filter(|_| rest.get(digits).is_none_or(|next| !next.is_ascii_alphanumeric())) {
        Some(byte) => (digits + separator(&rest[digits..], b", \t\r\n"), Piece::byte(byte)),
        None => (1, Piece::byte(rest[0])),
    }
}

/// `68 ` is `h`: two hexadecimal digits and what separates them from the next; anything else is itself.
fn hex_pair(rest: &[u8]) -> (usize, Piece) {
    let pair = number(rest.get(..2)).and_then(|value| u8::try_from(value).ok());
    match pair.filter(|_| rest.get(2).is_none_or(|next| !next.is_ascii_alphanumeric())) {
        Some(byte) => (2 + separator(&rest[2..], b", :-\t\r\n"), Piece::byte(byte)),
        None => (1, Piece::byte(rest[0])),
    }
}

/// How many bytes separate an item from the next one. None when nothing that is an item follows: what ends a list stays.
fn separator(rest: &[u8], of: &[u8]) -> usize {
    let length = rest.iter().take_while(|byte| of.contains(byte)).count();
    if rest.get(length).is_some_and(u8::is_ascii_hexdigit) { length } else { 0 }
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
