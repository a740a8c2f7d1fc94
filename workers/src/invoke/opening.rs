//! When a job with a window may start, and until when: both are computed together, wherever a due time is.

use schedules::window::open_with_jitter;
use schedules::{Millis, Outside, Window};
use store::JobId;
use store::queue::Job;

use crate::{Error, Result};

/// A due time, and the end of the opening that it lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Not before this time.
    pub due: Millis,
    /// From then on the queue hands it out as closed; `None`: it may start at any later time.
    pub closes: Option<Millis>,
}

impl Opening {
    /// Of a job without a window.
    pub fn always(due: Millis) -> Self {
        Self { due, closes: None }
    }

    /// From `at` on, in the job's own window.
    pub fn of(job: &Job, at: Millis) -> Result<Self> {
        let window = job.window.as_ref().map(Window::parse).transpose()?;
        Self::find(window.as_ref(), at, job.jitter_ms, job.id)
    }

    /// `at`, or the next opening. A job whose window drops it keeps its due time; if the window is closed then, the
    /// opening is over before it begins.
    pub fn find(window: Option<&Window>, at: Millis, jitter_ms: u32, job: JobId) -> Result<Self> {
        let Some(window) = window else { return Ok(Self::always(at)) };
        let due = match window.outside() {
            Outside::Drop if !window.is_open(at) => return Ok(Self { due: at, closes: Some(at) }),
            Outside::Drop => at,
            Outside::Move => open_with_jitter(window, at, jitter_ms, &job.to_bytes()).ok_or_else(|| {
                Error::invalid("window", "window_never_opens", "never opens again: every opening is a holiday")
            })?,
        };
        Ok(Self { due, closes: window.closes_at(due) })
    }
}

#[cfg(test)]
mod tests {
    use schedules::WindowSpec;

    use super::*;
    use crate::world::NOW;

    /// 2026-03-02T00:00:00Z, a Monday.
    const MONDAY: Millis = Millis(1_772_409_600_000);
    const HOUR_MS: i64 = 3_600_000;

    fn check(outside: Outside, at: f64, expected: (f64, Option<f64>)) {
        let hours = |hours: f64| MONDAY.after((hours * 3_600_000.0) as i64);
        let spec = WindowSpec { time: Some("09:00-17:00".into()), outside, ..WindowSpec::default() };
        let window = Window::parse(&spec).expect("a window");
        let found = Opening::find(Some(&window), hours(at), 0, JobId::new(NOW)).expect("it opens");
        let expected = Opening { due: hours(expected.0), closes: expected.1.map(hours) };
        assert_eq!(found, expected, "{outside:?} {at}");
    }

    #[test]
    fn an_opening_has_a_beginning_and_an_end() {
        check(Outside::Move, 8.0, (9.0, Some(17.0)));
        check(Outside::Move, 9.0, (9.0, Some(17.0)));
        check(Outside::Move, 12.5, (12.5, Some(17.0)));
        check(Outside::Move, 17.0, (33.0, Some(41.0)));
        check(Outside::Drop, 12.0, (12.0, Some(17.0)));
        check(Outside::Drop, 17.0, (17.0, Some(17.0)));
        check(Outside::Drop, 8.0, (8.0, Some(8.0)));
    }

    #[test]
    fn jitter_stays_inside_the_opening() {
        let spec = WindowSpec { time: Some("09:00-10:00".into()), ..WindowSpec::default() };
        let window = Window::parse(&spec).expect("a window");
        for _ in 0..100 {
            let found = Opening::find(Some(&window), MONDAY, u32::MAX, JobId::new(NOW)).expect("it opens");
            let closes = MONDAY.after(10 * HOUR_MS);
            assert!(found.due >= MONDAY.after(9 * HOUR_MS) && found.due < closes, "{found:?}");
            assert_eq!(found.closes, Some(closes));
        }
    }

    #[test]
    fn without_a_window_nothing_closes() {
        assert_eq!(Opening::find(None, NOW, 5, JobId::new(NOW)).expect("open"), Opening::always(NOW));
    }
}
