//! Sets of weekdays, as people write them: `monday`, `mon-fri`, `friday-monday`, `mon, wed`.

const NAMES: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const SHORT: [(&str, u8); 4] = [("tues", 1), ("weds", 2), ("thur", 3), ("thurs", 3)];
const MAX_CHARS: usize = 200;

/// A set of weekdays; bit 0 is monday.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Days(u8);

impl Days {
    pub const ALL: Self = Self(0b111_1111);

    pub fn one(weekday: u8) -> Self {
        Self(1 << (weekday % 7))
    }

    pub fn contains(self, weekday: u8) -> bool {
        self.0 & (1 << (weekday % 7)) != 0
    }

    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// From one day to another, both included, over the weekend's end if need be.
    fn range(from: u8, to: u8) -> Self {
        (0..=(to + 7 - from) % 7).fold(Self::default(), |days, step| days.union(Self::one(from + step)))
    }

    /// Reads a comma list of days and ranges of days.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_CHARS {
            return Err(format!("must be at most {MAX_CHARS} characters"));
        }
        text.split(',').try_fold(Self::default(), |days, part| {
            let part = part.trim();
            let found = match part.split_once('-') {
                Some((from, to)) => Self::range(day(from)?, day(to)?),
                None => Self::one(day(part)?),
            };
            Ok(days.union(found))
        })
    }

    /// `monday to friday and sunday`.
    pub fn to_text(self) -> String {
        if self == Self::ALL {
            return "every day".into();
        }
        let starts = (0..7).filter(|day| self.contains(*day) && !self.contains(day + 6));
        let runs = starts.map(|first| {
            let length = (1..7).take_while(|step| self.contains(first + step)).count();
            run_text(first, u8::try_from(length).unwrap_or_default())
        });
        join(&runs.flatten().collect::<Vec<_>>())
    }
}

fn run_text(first: u8, more: u8) -> Vec<String> {
    match more {
        0 | 1 => (first..=first + more).map(|day| name(day).to_owned()).collect(),
        _ => vec![format!("{} to {}", name(first), name(first + more))],
    }
}

/// The name of a weekday: 0 is monday.
pub(crate) fn name(weekday: u8) -> &'static str {
    NAMES[usize::from(weekday % 7)]
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn join(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// The weekday of a name, an English three-letter short form or a common longer one, in any case.
pub(crate) fn find(text: &str) -> Option<u8> {
    let text = text.trim().to_ascii_lowercase();
    let full = NAMES.iter().position(|name| text == *name || text == name[..3]);
    let short = || SHORT.iter().find(|(name, _)| *name == text).map(|(_, day)| *day);
    full.and_then(|index| u8::try_from(index).ok()).or_else(short)
}

fn day(text: &str) -> Result<u8, String> {
    find(text).ok_or_else(|| {
        let text = text.trim();
        format!("{text:?} is not a day; write monday, mon-fri, friday-monday or a list such as mon,wed")
    })
}
