//! Masks secrets in the body of an answer: bytes of any kind, and perhaps many of them, so a window at a time.

use std::borrow::Cow;
use std::ops::Range;

use super::views::View;
use super::{Known, MASK, Redactor, Search, merged};

/// A body up to this size is looked at as one text, JSON as JSON.
const SMALL_BYTES: usize = 256 << 10;
/// What a window moves by.
const STEP_BYTES: usize = 256 << 10;
/// How many times longer than a pattern its escaped form may be, and be found at the border of two windows.
const SPREAD: usize = 12;
/// Of a large body so many layers of escaping are undone: the last one there is.
const LARGE_DEPTH: usize = super::views::MAX_DEPTH - 1;

impl Redactor {
    /// Whether there is anything to look for.
    pub fn is_empty(&self) -> bool {
        matches!(self.search, Search::Nothing)
    }

    /// `body` with [`MASK`] in place of every secret; borrowed when there is none in it. A small one that is JSON stays
    /// JSON. A larger one is searched as it is and with one layer of escaping undone.
    pub fn redact_body<'b>(&self, body: &'b [u8]) -> Cow<'b, [u8]> {
        let known = match &self.search {
            Search::Nothing => return Cow::Borrowed(body),
            Search::Everything => return Cow::Borrowed(MASK.as_bytes()),
            Search::For(known) => known,
        };
        if body.len() <= SMALL_BYTES
            && let Ok(text) = std::str::from_utf8(body)
        {
            return match self.redact_json(text) {
                Cow::Borrowed(same) if same.len() == text.len() => Cow::Borrowed(body),
                masked => Cow::Owned(masked.into_owned().into_bytes()),
            };
        }
        known.in_windows(body, STEP_BYTES)
    }
}

impl Known {
    /// Each window reaches so far into the next that whatever begins in it is whole.
    fn in_windows<'b>(&self, body: &'b [u8], step: usize) -> Cow<'b, [u8]> {
        let reach = step + self.longest * SPREAD;
        let mut hits: Vec<Range<usize>> = Vec::new();
        for start in (0..body.len()).step_by(step) {
            let window = &body[start..body.len().min(start + reach)];
            let found = self.hits(View::of(window), LARGE_DEPTH, false);
            hits.extend(found.into_iter().map(|hit| hit.start + start..hit.end + start));
        }
        if hits.is_empty() {
            return Cow::Borrowed(body);
        }
        let mut masked = Vec::with_capacity(body.len());
        let mut copied = 0;
        for hit in merged(hits) {
            masked.extend_from_slice(&body[copied..hit.start]);
            masked.extend_from_slice(MASK.as_bytes());
            copied = hit.end;
        }
        masked.extend_from_slice(&body[copied..]);
        Cow::Owned(masked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "Kq7-vT2_xW9.zR4 mB6/nD3+fG8=hJ1";

    fn check(body: &[u8], expected: &[u8]) {
        let masked = Redactor::new([SECRET]).redact_body(body);
        assert_eq!(masked.escape_ascii().to_string(), expected.escape_ascii().to_string());
    }

    #[test]
    fn bodies_are_masked_as_what_they_are() {
        check(b"", b"");
        check(b"nothing here", b"nothing here");
        check(format!("you sent {SECRET}.").as_bytes(), b"you sent ******.");
        check(
            format!("{{\"headers\":{{\"k\":\"Bearer {SECRET}\"}},\"n\":1}}").as_bytes(),
            b"{\"headers\":{\"k\":\"Bearer ******\"},\"n\":1}",
        );
        check(format!("\u{0}{SECRET}").as_bytes(), b"\0******");
        check(&[b"\xff\xfe", SECRET.as_bytes(), b"\xff"].concat(), b"\xff\xfe******\xff");
        check(b"\xffKq7-vT2_xW9.zR4%20mB6%2FnD3%2BfG8%3DhJ1\xff", b"\xff******\xff");
        let number = Redactor::new(["123456789"]).redact_body(b"{\"pin\":123456789}").into_owned();
        assert_eq!(number, b"{\"pin\":\"******\"}");
        assert_eq!(Redactor::new([]).redact_body(b"x").as_ref(), b"x");
    }

    #[test]
    fn a_large_body_is_masked_wherever_the_secret_is() {
        let filling = "0123456789abcde\n".repeat(STEP_BYTES / 16);
        for before in [0, 1, STEP_BYTES - 40, STEP_BYTES - 16, STEP_BYTES - 1, STEP_BYTES, STEP_BYTES + 1] {
            let body = [
                &filling.as_bytes()[..before.min(filling.len())],
                &b"-".repeat(before.saturating_sub(filling.len()))[..],
                SECRET.as_bytes(),
                filling.as_bytes(),
            ]
            .concat();
            let masked = Redactor::new([SECRET]).redact_body(&body).into_owned();
            assert_eq!(masked.len(), body.len() - SECRET.len() + MASK.len(), "{before}");
        }
        let plain = filling.repeat(3);
        assert!(matches!(Redactor::new([SECRET]).redact_body(plain.as_bytes()), Cow::Borrowed(_)));
    }

    #[test]
    fn no_border_of_two_windows_lets_anything_through() {
        let redactor = Redactor::new([SECRET]);
        let Search::For(known) = &redactor.search else { panic!("there is a secret") };
        let percent: String = SECRET.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let unicode: String = SECRET.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
        for shown in [SECRET.to_owned(), percent, unicode, hex] {
            for step in [1, 2, 7, 64, 100, 1000] {
                for before in 0..=70 {
                    let body = format!("{}{shown} behind", "-".repeat(before));
                    let masked = known.in_windows(body.as_bytes(), step).into_owned();
                    assert_eq!(
                        String::from_utf8_lossy(&masked),
                        format!("{}{MASK} behind", "-".repeat(before)),
                        "{step}"
                    );
                }
            }
        }
    }
}
