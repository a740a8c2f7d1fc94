//! Masks secret values in everything a run prints or returns, in the encodings they turn up in.
//!
//! A value is searched for as it is, trimmed, reversed, in hex and in base64 (both alphabets, whatever precedes it).
//! Percent-, HTML- and JSON-escaping have too many variants to list, so the text is unescaped instead ([`views`]) and the
//! same search runs over what comes out; hits are mapped back to the text as it stands. That also finds base64 inside a
//! query string, JSON inside JSON, and the bytes of a printed buffer.
//!
//! Values shorter than [`MIN_SECRET_BYTES`] are not masked: one character would mask half of every log. They are
//! refused where secrets are stored; in the environment they are the operator's to avoid.

mod patterns;
mod views;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use views::View;

/// What stands in a secret's place.
pub const MASK: &str = "******";
/// The shortest secret that is masked.
pub const MIN_SECRET_BYTES: usize = 4;
/// A text that was cut off may end within a secret: so much of its beginning is masked as well.
const MIN_TAIL_BYTES: usize = 8;

/// Finds the secrets of one run.
#[derive(Clone)]
pub struct Redactor {
    search: Search,
}

#[derive(Clone)]
enum Search {
    /// There are no secrets.
    Nothing,
    /// Any of these patterns.
    For { search: AhoCorasick, patterns: Arc<BTreeSet<Vec<u8>>> },
    /// The search could not be built; then nothing is shown at all.
    Everything,
}

impl Redactor {
    /// A redactor for these values.
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s str>) -> Self {
        let patterns = patterns::of(secrets);
        if patterns.is_empty() {
            return Self { search: Search::Nothing };
        }
        // All overlapping hits are wanted, and memory is worth more than speed: the smallest kind. In any case, as host
        // and header names are written in small letters.
        let built = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&patterns);
        let search = built.map(|search| Search::For { search, patterns: Arc::new(patterns) });
        Self { search: search.unwrap_or(Search::Everything) }
    }

    /// `text` with [`MASK`] in place of every secret; borrowed when there is none in it. When it ends with the beginning
    /// of one, as a text that was cut off may, that is masked too.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match &self.search {
            Search::Nothing => Cow::Borrowed(text),
            Search::Everything => Cow::Borrowed(MASK),
            Search::For { search, patterns } => {
                let mut found = hits(search, View::plain(text), 0);
                found.extend(tail(patterns, text.as_bytes()));
                mask(text, found)
            }
        }
    }

    /// JSON text with every secret masked that stays JSON: strings keep their quotes, and a number or literal that is a
    /// secret becomes a string. When the secret is a whole object or list, the mask is all that is left. Text that is
    /// not JSON is masked as [`Self::redact`] does.
    pub fn redact_json<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Search::For { search, .. } = &self.search else {
            return if matches!(self.search, Search::Nothing) {
                Cow::Borrowed(text)
            } else {
                Cow::Borrowed("\"******\"")
            };
        };
        if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
            return self.redact(text);
        }
        let mut masked = String::new();
        let mut copied = 0;
        for token in views::json_tokens(text) {
            let Some(replacement) = masked_token(search, &text[token.clone()]) else {
                continue;
            };
            masked.push_str(&text[copied..token.start]);
            masked.push_str(&replacement);
            copied = token.end;
        }
        masked.push_str(&text[copied..]);
        if spans_tokens(search, &masked) {
            return Cow::Borrowed("\"******\"");
        }
        if copied == 0 { Cow::Borrowed(text) } else { Cow::Owned(masked) }
    }
}

impl fmt::Debug for Redactor {
    /// Says nothing: the search would print the secrets byte by byte.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

/// A string, number or literal of JSON without its secrets; `None` when it has none.
fn masked_token(search: &AhoCorasick, token: &str) -> Option<String> {
    let Some(inside) = token.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return search.is_match(token).then(|| format!("\"{MASK}\""));
    };
    match mask(inside, hits(search, View::plain(inside).json(), 1)) {
        Cow::Borrowed(_) => None,
        Cow::Owned(masked) => Some(format!("\"{masked}\"")),
    }
}

/// Whether a secret that is itself JSON, such as a key file, stands in `json` as more than the inside of one string.
fn spans_tokens(search: &AhoCorasick, json: &str) -> bool {
    let spans = |json: &str| {
        let tokens = views::json_tokens(json);
        search.find_overlapping_iter(json).any(|hit| {
            let around = tokens.partition_point(|token| token.start < hit.start()).checked_sub(1);
            around.is_none_or(|at| tokens[at].end <= hit.end())
        })
    };
    spans(json) || views::compact_json(json).is_some_and(|compact| spans(&compact)) || lists_bytes(search, json)
}

/// Whether the bytes of a secret stand in `json` as a list of numbers.
fn lists_bytes(search: &AhoCorasick, json: &str) -> bool {
    View::plain(json).byte_lists().iter().any(|view| search.is_match(view.bytes()))
}

/// The end of `text` that is the beginning of a pattern, if it is long enough to tell.
fn tail(patterns: &BTreeSet<Vec<u8>>, text: &[u8]) -> Option<Range<usize>> {
    let longest = patterns.iter().map(Vec::len).max().unwrap_or(0).min(text.len());
    let begins = |length: &usize| {
        let end = &text[text.len() - length..];
        patterns.range(end.to_vec()..).next().is_some_and(|pattern| pattern.starts_with(end))
    };
    let length = (MIN_TAIL_BYTES..=longest).rev().find(begins)?;
    Some(text.len() - length..text.len())
}

/// Where the secrets are in `view` and everything that can be unescaped from it, as ranges of the original text.
fn hits(search: &AhoCorasick, view: View<'_>, depth: usize) -> Vec<Range<usize>> {
    let mut found: Vec<_> = search.find_overlapping_iter(view.bytes()).map(|hit| view.origin(hit.range())).collect();
    if depth < views::MAX_LISTS_DEPTH {
        for bytes in view.byte_lists() {
            found.extend(search.find_overlapping_iter(bytes.bytes()).map(|hit| bytes.origin(hit.range())));
        }
    }
    if depth < views::MAX_DEPTH {
        for deeper in view.unescaped() {
            found.extend(hits(search, deeper, depth + 1));
        }
    }
    found
}

fn mask(text: &str, mut hits: Vec<Range<usize>>) -> Cow<'_, str> {
    if hits.is_empty() {
        return Cow::Borrowed(text);
    }
    hits.sort_unstable_by_key(|hit| hit.start);
    let mut masked = String::with_capacity(text.len());
    let mut copied = 0;
    let mut hits = hits.into_iter().peekable();
    while let Some(mut hit) = hits.next() {
        while let Some(next) = hits.next_if(|next| next.start <= hit.end) {
            hit.end = hit.end.max(next.end);
        }
        masked.push_str(&text[copied..text.floor_char_boundary(hit.start)]);
        masked.push_str(MASK);
        copied = text.ceil_char_boundary(hit.end);
    }
    masked.push_str(&text[copied..]);
    Cow::Owned(masked)
}

#[cfg(test)]
mod tests;
