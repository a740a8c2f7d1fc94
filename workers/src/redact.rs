//! Masks secret values in everything a run prints or returns, in the encodings they turn up in.
//!
//! A value is searched for as it is, trimmed, in hex and in base64 (both alphabets, whatever precedes it). Percent- and
//! JSON-escaping have too many variants to list, so the text is unescaped instead ([`views`]) and the same search runs
//! over what comes out; hits are mapped back to the text as it stands. That also finds base64 inside a query string, or
//! JSON inside JSON.
//!
//! Values shorter than [`MIN_SECRET_BYTES`] are not masked: one character would mask half of every log. They are
//! refused where secrets are stored, so the redactor never meets one.

mod patterns;
mod views;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use views::View;

/// What stands in a secret's place.
pub const MASK: &str = "******";
/// The shortest secret that can be masked; whoever stores secrets refuses shorter ones.
pub const MIN_SECRET_BYTES: usize = 4;

/// Finds the secrets of one run.
#[derive(Clone)]
pub struct Redactor {
    search: Search,
}

#[derive(Clone)]
enum Search {
    /// There are no secrets.
    Nothing,
    /// Any of these.
    For(AhoCorasick),
    /// The search could not be built; then nothing is shown at all.
    Everything,
}

impl Redactor {
    /// A redactor for these values.
    pub fn new(secrets: &[String]) -> Self {
        let patterns = patterns::of(secrets);
        if patterns.is_empty() {
            return Self { search: Search::Nothing };
        }
        // All overlapping hits are wanted, and a run builds this each time: the kind that is quickest to build.
        let built = AhoCorasick::builder().kind(Some(AhoCorasickKind::ContiguousNFA)).build(patterns);
        Self { search: built.map_or(Search::Everything, Search::For) }
    }

    /// `text` with [`MASK`] in place of every secret; borrowed when there is none in it.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match &self.search {
            Search::Nothing => Cow::Borrowed(text),
            Search::Everything => Cow::Borrowed(MASK),
            Search::For(search) => mask(text, hits(search, View::plain(text), 0)),
        }
    }

    /// JSON text with every secret masked that stays JSON: strings keep their quotes, and a number or literal that is a
    /// secret becomes a string. When the secret is a whole object or list, the mask is all that is left. Text that is
    /// not JSON is masked as [`Self::redact`] does.
    pub fn redact_json<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Search::For(search) = &self.search else {
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
    spans(json) || views::compact_json(json).is_some_and(|compact| spans(&compact))
}

/// Where the secrets are in `view` and everything that can be unescaped from it, as ranges of the original text.
fn hits(search: &AhoCorasick, view: View<'_>, depth: usize) -> Vec<Range<usize>> {
    let mut found: Vec<_> = search.find_overlapping_iter(view.bytes()).map(|hit| view.origin(hit.range())).collect();
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
