//! A window's hours on the wall clock alone, before any zone makes instants of them.

use std::collections::BTreeSet;

use crate::calendar::{DAY_MS, day_of, weekday_of};
use crate::days::Days;

/// Further ahead than this nobody looks for an opening; a little over ten years.
const SEARCH_DAYS: i64 = 3660;

/// One opening of a day, in milliseconds since that day's midnight; ends after `DAY_MS` when it runs overnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub start_ms: i64,
    pub end_ms: i64,
}

/// On which days it opens, and for which ranges. An overnight range belongs to the day it opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hours {
    days: Days,
    ranges: Vec<Range>,
    holidays: BTreeSet<i64>,
}

impl Hours {
    pub fn new(days: Days, mut ranges: Vec<Range>, holidays: BTreeSet<i64>) -> Self {
        ranges.sort_by_key(|range| range.start_ms);
        Self { days, ranges, holidays }
    }

    fn opens_on(&self, day: i64) -> bool {
        self.days.contains(weekday_of(day)) && !self.holidays.contains(&day)
    }

    pub fn is_open(&self, local_ms: i64) -> bool {
        self.end_of(local_ms).is_some()
    }

    /// The latest end of the openings a local time lies in.
    fn end_of(&self, local_ms: i64) -> Option<i64> {
        let today = day_of(local_ms);
        let openings = [today - 1, today]
            .into_iter()
            .filter(|day| self.opens_on(*day))
            .flat_map(|day| self.ranges.iter().map(move |range| (day, range)))
            .map(|(day, range)| (day * DAY_MS + range.start_ms, day * DAY_MS + range.end_ms));
        openings.filter(|(start, end)| (*start..*end).contains(&local_ms)).map(|(_, end)| end).max()
    }

    /// The first local time from here on at which an opening starts.
    pub fn next_start(&self, local_ms: i64) -> Option<i64> {
        let today = day_of(local_ms);
        (today..=today + SEARCH_DAYS)
            .filter(|day| self.opens_on(*day))
            .flat_map(|day| self.ranges.iter().map(move |range| day * DAY_MS + range.start_ms))
            .find(|start| *start >= local_ms)
    }

    /// The first local time from here on that lies in no opening; `None` if there is none in sight.
    pub fn next_end(&self, local_ms: i64) -> Option<i64> {
        let mut end = local_ms;
        while let Some(later) = self.end_of(end) {
            end = later;
            if end - local_ms > SEARCH_DAYS * DAY_MS {
                return None;
            }
        }
        Some(end)
    }
}
