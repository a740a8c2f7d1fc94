//! Which bundles a runner has: the engine alone decides, so both sides always agree.

use std::collections::VecDeque;
use std::sync::Arc;

use scripts::protocol::Bundle;

/// The most bytes of text that a runner keeps; the oldest bundles go first. Its bytecode is about twice as large.
const MAX_BYTES: usize = 16 << 20;

/// The bundles of one runner, least recently used first.
#[derive(Default)]
pub(super) struct Known {
    held: VecDeque<(u32, Arc<Bundle>)>,
    bytes: usize,
    next: u32,
}

/// What a runner must be told before it can run a bundle.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct News {
    /// Its number there.
    pub number: u32,
    /// Whether it must be sent.
    pub load: bool,
    /// What it no longer needs to keep.
    pub forget: Vec<u32>,
}

impl Known {
    /// Uses a bundle. The same release is the same bundle: another one with equal text counts as another bundle.
    pub(super) fn needs(&mut self, bundle: &Arc<Bundle>) -> News {
        if let Some(at) = self.held.iter().position(|(_, held)| Arc::ptr_eq(held, bundle)) {
            let used = self.held.remove(at);
            let number = used.as_ref().map_or(0, |(number, _)| *number);
            self.held.extend(used);
            return News { number, load: false, forget: Vec::new() };
        }
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.bytes += weight(bundle);
        self.held.push_back((number, bundle.clone()));
        let mut forget = Vec::new();
        while self.bytes > MAX_BYTES && self.held.len() > 1 {
            let Some((oldest, gone)) = self.held.pop_front() else { break };
            self.bytes -= weight(&gone);
            forget.push(oldest);
        }
        News { number, load: true, forget }
    }
}

fn weight(bundle: &Bundle) -> usize {
    let of = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    bundle.code.len() + of(&bundle.map) + of(&bundle.source)
}

#[cfg(test)]
mod tests {
    use scripts::protocol::Format;

    use super::*;

    fn bundle(bytes: usize) -> Arc<Bundle> {
        Arc::new(Bundle {
            entry: "integration.js".into(),
            format: Format::CommonJs,
            code: " ".repeat(bytes),
            map: None,
            source: None,
            hash: String::new(),
        })
    }

    #[test]
    fn a_bundle_is_sent_once_until_it_is_forgotten() {
        let mut known = Known::default();
        let (a, b, c) = (bundle(MAX_BYTES / 2), bundle(MAX_BYTES / 2), bundle(1));
        let mut check = |bundle: &Arc<Bundle>, number, load, forget: &[u32]| {
            assert_eq!(known.needs(bundle), News { number, load, forget: forget.to_vec() });
        };
        check(&a, 0, true, &[]);
        check(&b, 1, true, &[]);
        check(&a, 0, false, &[]);
        check(&c, 2, true, &[1]);
        check(&b, 3, true, &[0]);
        check(&c, 2, false, &[]);
    }

    #[test]
    fn the_one_in_use_is_kept_however_large_it_is() {
        let mut known = Known::default();
        let large = bundle(2 * MAX_BYTES);
        assert!(known.needs(&large).load && !known.needs(&large).load);
    }
}
