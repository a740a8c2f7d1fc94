//! Masks secret values in everything a run prints or returns, in the encodings they turn up in.
//!
//! A value is searched for as it is, trimmed, reversed, in hex and in base64 (both alphabets, whatever precedes it).
//! Percent-, HTML- and JSON-escaping have too many variants to list, so the text is unescaped instead ([`views`]) and the
//! same search runs over what comes out; hits are mapped back to the text as it stands. That also finds base64 inside a
//! query string, JSON inside JSON, and the bytes of a printed buffer.
//!
//! Values shorter than [`MIN_SECRET_BYTES`] are not masked: one character would mask half of every log. They are
//! refused where secrets are stored; in the environment they are the operator's to avoid.

mod body;
mod patterns;
mod views;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
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
/// What may be left of an escape at the end of such a text: the longest is a pair of `\\u0041`.
const MAX_CUT_ESCAPE_BYTES: usize = 11;
/// What stands where something was left out ...
const ELLIPSES: [&[u8]; 2] = [b"...", "…".as_bytes()];
/// ... after so much of quotes, commas and line ends at most.
const MAX_ENDING_BYTES: usize = 40;
/// The shortest string inside JSON that may have been cut off: a runner cuts the messages of errors to so many
/// characters. Results are never cut, and may end as a secret begins.
const MIN_CUT_BYTES: usize = 8 << 10;

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
    For(Arc<Known>),
    /// The search could not be built; then nothing is shown at all.
    Everything,
}

/// What is searched for.
struct Known {
    search: AhoCorasick,
    /// The patterns that are long enough to be recognised by their beginning, by that.
    heads: HashMap<[u8; MIN_TAIL_BYTES], Vec<Vec<u8>>>,
    longest: usize,
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
        let longest = patterns.iter().map(Vec::len).max().unwrap_or(0);
        let mut heads: HashMap<_, Vec<_>> = HashMap::new();
        for pattern in patterns {
            if let Some(head) = pattern.first_chunk() {
                heads.entry(*head).or_default().push(pattern);
            }
        }
        let search = built.map(|search| Search::For(Arc::new(Known { search, heads, longest })));
        Self { search: search.unwrap_or(Search::Everything) }
    }

    /// `text` with [`MASK`] in place of every secret; borrowed when there is none in it. When it ends with the beginning
    /// of one, as a text that was cut off may, that is masked too.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match &self.search {
            Search::Nothing => Cow::Borrowed(text),
            Search::Everything => Cow::Borrowed(MASK),
            Search::For(known) => mask(text, known.hits(View::plain(text), 0, true)),
        }
    }

    /// JSON text with every secret masked that stays JSON: strings keep their quotes, and a number or literal that is a
    /// secret becomes a string. When the secret is a whole object or list, the mask is all that is left. Text that is
    /// not JSON is masked as [`Self::redact`] does.
    pub fn redact_json<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Search::For(known) = &self.search else {
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
            let Some(replacement) = known.masked_token(&text[token.clone()]) else {
                continue;
            };
            masked.push_str(&text[copied..token.start]);
            masked.push_str(&replacement);
            copied = token.end;
        }
        masked.push_str(&text[copied..]);
        if known.spans_tokens(&masked) {
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

impl Known {
    /// A string, number or literal of JSON without its secrets; `None` when it has none.
    fn masked_token(&self, token: &str) -> Option<String> {
        let Some(inside) = token.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
            return self.search.is_match(token).then(|| format!("\"{MASK}\""));
        };
        match mask(inside, self.hits(View::plain(inside).json(), 1, inside.len() >= MIN_CUT_BYTES)) {
            Cow::Borrowed(_) => None,
            Cow::Owned(masked) => Some(format!("\"{masked}\"")),
        }
    }

    /// Whether a secret that is itself JSON, such as a key file, stands in `json` as more than the inside of one string;
    /// or its bytes as a list of numbers.
    fn spans_tokens(&self, json: &str) -> bool {
        let spans = |json: &str| {
            let tokens = views::json_tokens(json);
            self.search.find_overlapping_iter(json).any(|hit| {
                let around = tokens.partition_point(|token| token.start < hit.start()).checked_sub(1);
                around.is_none_or(|at| tokens[at].end <= hit.end())
            })
        };
        let lists = || View::plain(json).byte_lists().iter().any(|view| self.search.is_match(view.bytes()));
        spans(json) || views::compact_json(json).is_some_and(|compact| spans(&compact)) || lists()
    }

    /// Where the secrets are in `view` and everything that can be unescaped from it, as ranges of the original text; and
    /// if that may have been `cut` off, the beginning of one at its end.
    fn hits(&self, view: View<'_>, depth: usize, cut: bool) -> Vec<Range<usize>> {
        let mut found = self.hits_in(&view, cut, is_cut_escape);
        let mut seen = HashSet::new();
        let mut layer = vec![view];
        for depth in depth..=views::MAX_DEPTH {
            if depth < views::MAX_LISTS_DEPTH {
                let lists = layer.iter().flat_map(View::byte_lists);
                found.extend(lists.flat_map(|bytes| self.hits_in(&bytes, cut, is_cut_number)));
            }
            let deeper = layer.iter().flat_map(|view| view.unescaped(depth));
            // Most orders of undoing escapes come to the same.
            layer = deeper.filter(|view| seen.insert(view.bytes().to_vec())).collect();
            found.extend(layer.iter().flat_map(|view| self.hits_in(view, cut, is_cut_escape)));
        }
        found
    }

    fn hits_in(&self, view: &View<'_>, cut: bool, is_rest: fn(&[u8]) -> bool) -> Vec<Range<usize>> {
        let hits = self.search.find_overlapping_iter(view.bytes()).map(|hit| hit.range());
        let tail = self.tail(view.bytes(), is_rest).filter(|_| cut);
        hits.chain(tail).chain(self.elided(view.bytes())).map(|hit| view.origin(hit)).collect()
    }

    /// Beginnings of patterns that something cut short within `text`, as printers of long values do: `abc'... 9 more
    /// characters`, `61 62 ... 9 more bytes`.
    fn elided(&self, text: &[u8]) -> Vec<Range<usize>> {
        if !ELLIPSES.iter().any(|mark| find(text, mark).is_some()) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for start in 0..text.len() {
            let head = text[start..].first_chunk::<MIN_TAIL_BYTES>();
            for pattern in head.and_then(|head| self.heads.get(head)).into_iter().flatten() {
                let same = pattern.iter().zip(&text[start..]).take_while(|(a, b)| a == b).count();
                let near = &text[start..text.len().min(start + same + MAX_CUT_ESCAPE_BYTES + MAX_ENDING_BYTES)];
                found.extend(before_ellipsis(near, same).map(|end| start..start + end));
            }
        }
        found
    }

    /// The end of `text` that is the beginning of a pattern, if it is long enough to tell; what is left of an escape or a
    /// number that was cut itself, as `is_rest` tells, belongs to it.
    fn tail(&self, text: &[u8], is_rest: fn(&[u8]) -> bool) -> Option<Range<usize>> {
        let from = text.len().saturating_sub(self.longest + MAX_CUT_ESCAPE_BYTES);
        let begins = |start: &usize| {
            let head = text[*start..].first_chunk::<MIN_TAIL_BYTES>();
            let patterns = head.and_then(|head| self.heads.get(head)).into_iter().flatten();
            patterns.map(|pattern| pattern.as_slice()).any(|pattern| {
                let same = pattern.iter().zip(&text[*start..]).take_while(|(a, b)| a == b).count();
                same < pattern.len() && is_rest(&text[start + same..])
            })
        };
        (from..text.len()).find(begins).map(|start| start..text.len())
    }
}

/// Whether this is nothing, or the beginning of an escape.
fn is_cut_escape(rest: &[u8]) -> bool {
    rest.len() <= MAX_CUT_ESCAPE_BYTES && rest.first().is_none_or(|first| b"%\\&".contains(first))
}

/// Whether this is at most one number, which may have lost digits.
fn is_cut_number(rest: &[u8]) -> bool {
    rest.len() <= 1
}

/// Where a beginning of a pattern ends that `near` begins with, and after which a mark says that something was left out;
/// what is left of an escape belongs to it. As much as `same` is the pattern's, if the mark does not come earlier.
fn before_ellipsis(near: &[u8], same: usize) -> Option<usize> {
    let marks = ELLIPSES.iter().filter_map(|mark| find(near.get(MIN_TAIL_BYTES..)?, mark));
    let mark = marks.min()? + MIN_TAIL_BYTES;
    if mark <= same {
        return Some(mark);
    }
    let ending = near[same..mark].iter().rev().take_while(|byte| b"'\"`, \t\r\n".contains(byte)).count();
    is_cut_escape(&near[same..mark - ending]).then_some(mark - ending)
}

fn find(text: &[u8], mark: &[u8]) -> Option<usize> {
    text.windows(mark.len()).position(|part| part == mark)
}

/// The same ranges in order, those that touch as one.
fn merged(mut hits: Vec<Range<usize>>) -> Vec<Range<usize>> {
    hits.sort_unstable_by_key(|hit| hit.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for hit in hits {
        match merged.last_mut().filter(|last| hit.start <= last.end) {
            Some(last) => last.end = last.end.max(hit.end),
            None => merged.push(hit),
        }
    }
    merged
}

fn mask(text: &str, hits: Vec<Range<usize>>) -> Cow<'_, str> {
    if hits.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut copied = 0;
    for hit in merged(hits) {
        masked.push_str(&text[copied..text.floor_char_boundary(hit.start)]);
        masked.push_str(MASK);
        copied = text.ceil_char_boundary(hit.end);
    }
    masked.push_str(&text[copied..]);
    Cow::Owned(masked)
}

#[cfg(test)]
mod tests;
