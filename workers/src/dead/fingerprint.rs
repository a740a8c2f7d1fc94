//! What makes two errors the same: their code, name and message without its particulars, and the place they came from.

use std::fmt;
use std::str::FromStr;

use scripts::protocol::ScriptError;
use sha2::{Digest, Sha256};

/// The longest part of a message that is looked at, in characters.
const MAX_MESSAGE_CHARS: usize = 2_000;

/// The name of a group of errors: 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u64);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Fingerprint {
    type Err = ();

    /// Reads 16 hexadecimal digits; anything else is `Err(())`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let is_one = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_one { u64::from_str_radix(text, 16).map(Self).map_err(|_| ()) } else { Err(()) }
    }
}

/// The fingerprint of an error: the same for errors that differ in numbers, ids, addresses, quoted parts and lines.
pub fn fingerprint(error: &ScriptError) -> Fingerprint {
    let frame = error.stack.as_deref().and_then(top_frame).unwrap_or_default();
    let text = format!("{}\n{}\n{}\n{frame}", error.code, error.name, masked(&error.message));
    let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(Sha256::digest(text));
    Fingerprint(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
}

/// The innermost frame of a stack, without line and column: they change with every release.
fn top_frame(stack: &str) -> Option<String> {
    let frame = stack.lines().find_map(|line| line.trim_start().strip_prefix("at "))?;
    let mut parts = frame.trim_end().split(':');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let is_number = rest.len() < part.len() && (rest.is_empty() || rest == ")");
        text.push_str(if is_number { rest } else { ":" });
        if !is_number {
            text.push_str(part);
        }
    }
    Some(text)
}

/// A message without its particulars: `'…'` for what is quoted, `#` for words with a digit or an `@`.
fn masked(message: &str) -> String {
    let mut masked = String::new();
    let mut chars = message.chars().take(MAX_MESSAGE_CHARS).collect::<Vec<_>>().into_iter().peekable();
    let mut previous = ' ';
    while let Some(c) = chars.next() {
        let closing = closing(c).filter(|_| !is_of_word(previous));
        if let Some(closing) = closing
            && let Some(length) = chars.clone().position(|c| c == closing)
        {
            chars.nth(length);
            masked.push_str("'…'");
            previous = closing;
        } else if is_of_word(c) {
            let mut word = c.to_string();
            while let Some(more) = chars.next_if(|c| is_of_word(*c)) {
                word.push(more);
            }
            let is_particular = word.chars().any(|c| c.is_ascii_digit() || c == '@');
            masked.push_str(if is_particular { "#" } else { &word });
            previous = 'a';
        } else {
            masked.push(c);
            previous = c;
        }
    }
    masked
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '@')
}

/// What ends a quotation that begins so.
fn closing(opening: char) -> Option<char> {
    match opening {
        '"' | '\'' | '`' => Some(opening),
        '“' => Some('”'),
        '‘' => Some('’'),
        '«' => Some('»'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(message: &str, stack: &str) -> ScriptError {
        ScriptError {
            code: "exception".into(),
            name: "Error".into(),
            message: message.into(),
            stack: Some(stack.into()),
            ..ScriptError::default()
        }
    }

    #[test]
    fn a_message_is_masked() {
        let check = |message: &str, expected: &str| assert_eq!(masked(message), expected, "{message}");
        check("out of stock", "out of stock");
        check("order 17 is unknown", "order # is unknown");
        check("status 503, after 1.5s", "status #, after #.#");
        check("no user 01JD4Z8M3V9Q6T5X2Y7W0K1B8C here", "no user # here");
        check("f47ac10b-58cc-4372-a567-0e02b2c3d479", "#");
        check("mail to a.b@example.com bounced", "mail to a.#.com bounced");
        check("unexpected token '}' in \"{a}\" or `b c`", "unexpected token '…' in '…' or '…'");
        check("“x” «y» ‘z’", "'…' '…' '…'");
        check("can't open it", "can't open it");
        check("it's 5 o'clock", "it's # o'clock");
        check("an open \" quote", "an open \" quote");
        check("", "");
        check("é 1", "é #");
    }

    #[test]
    fn a_frame_has_no_line() {
        let check = |stack: &str, expected: Option<&str>| assert_eq!(top_frame(stack).as_deref(), expected, "{stack}");
        check(
            "Error: x\n    at send (integration.js:3:9)\n    at handler (integration.js:9:1)",
            Some("send (integration.js)"),
        );
        check("    at integration.ts:3:9", Some("integration.ts"));
        check("    at <anonymous> (lib/a.js:12)\n", Some("<anonymous> (lib/a.js)"));
        check("    at load (https://a.example/x.js:1:2)", Some("load (https://a.example/x.js)"));
        check("    at native", Some("native"));
        check("Error: x", None);
        check("", None);
    }

    #[test]
    fn errors_that_differ_in_particulars_are_the_same() {
        let of = |message: &str, stack: &str| fingerprint(&error(message, stack));
        let one = of("order 17 of \"Ann\"", "at send (a.js:1:2)");
        assert_eq!(one, of("order 4711 of \"Bob\"", "at send (a.js:30:4)"));
        assert_ne!(one, of("order 17 of \"Ann\"", "at load (a.js:1:2)"));
        assert_ne!(one, of("orders 17 of \"Ann\"", "at send (a.js:1:2)"));
        let other = ScriptError { code: "timeout".into(), ..error("order 17 of \"Ann\"", "at send (a.js:1:2)") };
        assert_ne!(one, fingerprint(&other));
        let other = ScriptError { name: "TypeError".into(), ..error("order 17 of \"Ann\"", "at send (a.js:1:2)") };
        assert_ne!(one, fingerprint(&other));
    }

    #[test]
    fn a_fingerprint_is_stable_text() {
        let one = fingerprint(&error("order 17", "at send (a.js:1:2)"));
        assert_eq!(one.to_string().parse(), Ok(one));
        for wrong in ["", "0", "g000000000000000", "00000000000000000", "ABCDEF0123456789", "+123456789abcdef"] {
            assert_eq!(wrong.parse::<Fingerprint>(), Err(()), "{wrong}");
        }
    }
}
