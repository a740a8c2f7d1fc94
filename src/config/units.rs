//! Spans of time and sizes as people write them, read strictly: digits and a unit, nothing else.

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A span of time, in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Its length.
    pub ms: u64,
}

/// A size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// One hundred years: longer than any span that means something here.
const LONGEST_MS: u64 = 100 * 365 * 86_400_000;

const SPANS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZES: [(&str, u64); 5] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

impl Span {
    /// Reads `30s`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let ms = measure(text, &SPANS).ok_or_else(|| {
            format!("`{text}` is not a span of time: write a number and ms, s, m, h or d, such as \"30s\"")
        })?;
        if ms > LONGEST_MS { Err(format!("`{text}` is longer than 36500d")) } else { Ok(Self { ms }) }
    }

    /// As the standard library has it.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.ms)
    }

    /// As the engine counts time; a span is at most 100 years, so it always fits.
    pub fn signed_ms(self) -> i64 {
        i64::try_from(self.ms).unwrap_or(i64::MAX)
    }
}

impl Bytes {
    /// Reads `1GiB`.
    pub fn parse(text: &str) -> Result<Self, String> {
        measure(text, &SIZES).map(Self).ok_or_else(|| {
            format!("`{text}` is not a size: write a number and B, KiB, MiB, GiB or TiB, such as \"256MiB\"")
        })
    }
}

/// The number times its unit; `None` when either is missing or the product overflows.
fn measure(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(end);
    let factor = units.iter().find(|(name, _)| *name == unit)?.1;
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// Reads a string with `parse`, and says what a bare number lacks.
struct Unit<T>(fn(&str) -> Result<T, String>);

impl<T> Visitor<'_> for Unit<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string with a number and its unit, such as \"30s\" or \"256MiB\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Unit(Self::parse))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Unit(Self::parse))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_need_a_number_and_a_unit() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(Span::parse(text).ok().map(|span| span.ms), expected, "{text:?}");
        };
        check("250ms", Some(250));
        check("30s", Some(30_000));
        check("15m", Some(900_000));
        check("12h", Some(43_200_000));
        check("90d", Some(7_776_000_000));
        check("0s", Some(0));
        for wrong in ["", "30", "s", "1.5s", "-1s", "30 s", "30S", "30sec", " 30s", "99999999999999999999s", "36501d"] {
            check(wrong, None);
        }
    }

    #[test]
    fn sizes_need_a_number_and_a_unit() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(Bytes::parse(text).ok().map(|bytes| bytes.0), expected, "{text:?}");
        };
        check("512B", Some(512));
        check("64KiB", Some(65_536));
        check("1GiB", Some(1 << 30));
        for wrong in ["", "1", "1GB", "1gib", "GiB", "1 GiB", "99999999999TiB"] {
            check(wrong, None);
        }
    }
}
