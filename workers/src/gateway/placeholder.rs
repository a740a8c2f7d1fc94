//! Finds `$(secret:NAME)` in a text: whole ones only, as they are written or as URLs and forms escape them.

use std::ops::Range;

/// A placeholder in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placeholder<'t> {
    /// Where it stands.
    pub(super) range: Range<usize>,
    /// The secret's name.
    pub(super) name: &'t str,
}

/// Whether `$`, `(`, `:` and `)` may stand there as `%24`, `%28`, `%3A` and `%29`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As they are.
    Plain,
    /// Either way: a library may have escaped them.
    Escaped,
}

const MAX_NAME_BYTES: usize = 64;

/// Every placeholder of `text`, in order.
pub(super) fn find(text: &str, spelling: Spelling) -> Vec<Placeholder<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(step) = text.as_bytes()[at..].iter().position(|byte| matches!(byte, b'$' | b'%')) {
        let start = at + step;
        match read(text, start, spelling) {
            Some(placeholder) => {
                at = placeholder.range.end;
                found.push(placeholder);
            }
            None => at = start + 1,
        }
    }
    found
}

fn read(text: &str, start: usize, spelling: Spelling) -> Option<Placeholder<'_>> {
    let bytes = text.as_bytes();
    let at = sign(bytes, start, b'$', spelling)?;
    let at = sign(bytes, at, b'(', spelling)?;
    let at = at + bytes[at..].strip_prefix(b"secret").map(|_| "secret".len())?;
    let from = sign(bytes, at, b':', spelling)?;
    let length = bytes[from..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let named = (1..=MAX_NAME_BYTES).contains(&length) && !bytes[from].is_ascii_digit();
    let end = sign(bytes, from + length, b')', spelling).filter(|_| named)?;
    Some(Placeholder { range: start..end, name: &text[from..from + length] })
}

/// The place behind `sign`, if it stands at `at`.
fn sign(bytes: &[u8], at: usize, sign: u8, spelling: Spelling) -> Option<usize> {
    let rest = bytes.get(at..)?;
    if rest.first() == Some(&sign) {
        return Some(at + 1);
    }
    let escape = rest.get(..3).filter(|_| spelling == Spelling::Escaped)?;
    escape.eq_ignore_ascii_case(format!("%{sign:02X}").as_bytes()).then_some(at + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, spelling: Spelling, expected: &[&str]) {
        let found: Vec<&str> = find(text, spelling).iter().map(|placeholder| placeholder.name).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn only_whole_placeholders_are_found() {
        let long = "A".repeat(65);
        for (text, expected) in [
            ("$(secret:A)", &["A"][..]),
            ("Bearer $(secret:A_1)!$(secret:_b)", &["A_1", "_b"]),
            ("$(secret:$(secret:A))", &["A"]),
            ("$$(secret:A)", &["A"]),
            ("$(secret:)", &[]),
            ("$(secret:A", &[]),
            ("$(secret: A)", &[]),
            ("$(secret:1A)", &[]),
            ("$(secret:A-B)", &[]),
            ("$(Secret:A)", &[]),
            ("$ (secret:A)", &[]),
            ("${secret:A}", &[]),
            ("$(secret:é)", &[]),
            ("%24%28secret%3AA%29", &[]),
            (&format!("$(secret:{long})"), &[]),
            (&format!("$(secret:{})", &long[1..]), &[&long[1..]]),
        ] {
            check(text, Spelling::Plain, expected);
        }
    }

    #[test]
    fn escaped_ones_are_found_where_things_are_escaped() {
        for text in ["%24%28secret%3AA%29", "%24(secret%3aA)", "$(secret:A)", "x=%24%28secret:A%29&y"] {
            check(text, Spelling::Escaped, &["A"]);
        }
        for text in ["%2524%28secret%3AA%29", "%24%28secret%3AA%2", "%28%24secret%3AA%29", "é%24%28"] {
            check(text, Spelling::Escaped, &[]);
        }
    }
}
