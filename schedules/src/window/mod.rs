//! The days and hours in which a job may start.
//!
//! A window is open exactly while the wall clock of its zone shows a time inside it. Where clocks jump forward over an
//! edge, it opens or closes at the first instant after the gap; where they go back, the times shown twice are inside
//! both times, so a window that ends in the repeated hour closes, and opens again for what is shown a second time.

mod hours;
mod parse;
mod search;

pub use search::open_with_jitter;

use crate::{Error, Zone};

/// What happens to a job whose time falls outside its window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Outside {
    /// It moves to the next opening.
    #[default]
    Move,
    /// It is dropped (`dropped_window`).
    Drop,
}

/// A window as the caller wrote it; stores keep this, `Window::parse` reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct WindowSpec {
    /// Days: `monday`, `mon-fri`, wrapping `friday-monday`, comma lists, any case.
    pub day: Option<String>,
    /// Hours: `HH:MM-HH:MM`, comma lists; `22:00-06:00` wraps.
    pub time: Option<String>,
    /// An IANA zone name.
    pub timezone: Option<String>,
    /// Minutes UTC − local, as browsers give it.
    pub timezone_offset_minutes: Option<i32>,
    /// Dates (`YYYY-MM-DD`, in the window's zone) on which it stays closed.
    pub holidays: Vec<String>,
    /// What happens outside of it.
    pub outside: Outside,
}

/// A window that was read and understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    spec: WindowSpec,
    zone: Zone,
    hours: hours::Hours,
}

impl Window {
    /// Reads a window. Errors: field `window` or `window.<part>`, code `invalid_window`.
    pub fn parse(spec: &WindowSpec) -> Result<Self, Error> {
        Ok(Self { spec: spec.clone(), zone: parse::zone(spec)?, hours: parse::hours(spec)? })
    }

    /// The window as it was written.
    pub fn spec(&self) -> &WindowSpec {
        &self.spec
    }

    /// The zone whose wall clock counts.
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// What happens to a job whose time falls outside.
    pub fn outside(&self) -> Outside {
        self.spec.outside
    }
}
