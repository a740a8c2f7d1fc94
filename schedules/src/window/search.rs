//! Finds a window's openings and closings on the line of instants, across changes of the clocks.

use super::Window;
use crate::Millis;
use crate::calendar::YEAR_MS;
use crate::spread::spread;

/// An opening further away than this counts as never.
const HORIZON_MS: i64 = 10 * YEAR_MS;

impl Window {
    /// Whether a job may start at this instant: the wall clock shows a time inside.
    pub fn is_open(&self, at: Millis) -> bool {
        self.hours.is_open(self.zone.local(at))
    }

    /// `at` if the window is open then, or its next opening; `None` if it stays closed for ten years.
    pub fn next_open(&self, at: Millis) -> Option<Millis> {
        self.seek(at, |hours, local| if hours.is_open(local) { Some(local) } else { hours.next_start(local) })
    }

    /// When the window closes next; `None` if it is closed at `at`, or does not close for ten years.
    pub fn closes_at(&self, at: Millis) -> Option<Millis> {
        self.is_open(at).then(|| self.seek(at, |hours, local| hours.next_end(local))).flatten()
    }

    /// Follows what `target` finds on the wall clock, one stretch of unchanged clocks after the other.
    ///
    /// `target` answers the first local time from a given one on that qualifies. If the clocks change before that time
    /// is reached, the search starts again with what they show after the change.
    fn seek(&self, at: Millis, target: impl Fn(&super::hours::Hours, i64) -> Option<i64>) -> Option<Millis> {
        if !at.is_writable() {
            return None;
        }
        let mut cursor = at;
        loop {
            let offset_ms = self.zone.offset_ms(cursor);
            let found = Millis(target(&self.hours, cursor.0 + offset_ms)? - offset_ms);
            if found.since(at) > HORIZON_MS {
                return None;
            }
            match self.zone.next_change(cursor, found) {
                Some(change) => cursor = change,
                None => return Some(found),
            }
        }
    }
}

/// When a job due at `at` may start. One that has to move to an opening starts up to `jitter_ms` after it, always the
/// same time for the same seed, and always before the window closes again; `None` as for [`Window::next_open`].
pub fn open_with_jitter(window: &Window, at: Millis, jitter_ms: u32, seed: &[u8]) -> Option<Millis> {
    let opening = window.next_open(at)?;
    if opening == at || jitter_ms == 0 {
        return Some(opening);
    }
    let length_ms = window.closes_at(opening).map_or(i64::MAX, |end| end.since(opening));
    let span_ms = length_ms.min(i64::from(jitter_ms));
    let shift_ms = spread(seed, span_ms.unsigned_abs());
    Some(opening.after(i64::try_from(shift_ms).unwrap_or_default()))
}
