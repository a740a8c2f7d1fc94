//! Reading columns: SQL knows text and numbers; names, ids, times and JSON are checked on the way out.

use std::str::FromStr;

use schedules::Millis;
use serde::de::DeserializeOwned;
use sqlx::Row as _;

use super::ReleaseNumber;
use super::open::{Db, Row};
use crate::{Error, Result};

/// Typed access to a row's columns; a value that should not be there is [`Error::Corrupt`].
pub(super) trait Columns {
    /// A column as the database has it.
    fn value<T>(&self, column: &str) -> Result<T>
    where
        T: for<'r> sqlx::Decode<'r, Db> + sqlx::Type<Db>;

    /// A text.
    fn text(&self, column: &str) -> Result<String> {
        self.value(column)
    }

    /// A number that must fit its type.
    fn number<N: TryFrom<i64>>(&self, column: &str) -> Result<N> {
        let value: i64 = self.value(column)?;
        N::try_from(value).map_err(|_| unreadable(column, value))
    }

    /// A time.
    fn millis(&self, column: &str) -> Result<Millis> {
        self.value(column).map(Millis)
    }

    /// A time that may be absent.
    fn maybe_millis(&self, column: &str) -> Result<Option<Millis>> {
        Ok(self.value::<Option<i64>>(column)?.map(Millis))
    }

    /// An id or the name of a variant.
    fn parsed<T: FromStr>(&self, column: &str) -> Result<T> {
        let text = self.text(column)?;
        text.parse().map_err(|_| unreadable(column, text))
    }

    /// A JSON text.
    fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        serde_json::from_str(&self.text(column)?).map_err(|error| unreadable(column, error))
    }

    /// A release's number in two columns, both null when there is none.
    fn release_number(&self, major: &str, minor: &str) -> Result<Option<ReleaseNumber>> {
        if self.value::<Option<i64>>(major)?.is_none() {
            return Ok(None);
        }
        Ok(Some(ReleaseNumber { major: self.number(major)?, minor: self.number(minor)? }))
    }
}

impl Columns for Row {
    fn value<T>(&self, column: &str) -> Result<T>
    where
        T: for<'r> sqlx::Decode<'r, Db> + sqlx::Type<Db>,
    {
        Ok(self.try_get(column)?)
    }
}

/// The error for a column that holds `found`, which nothing of this version wrote.
pub(super) fn unreadable(column: &str, found: impl std::fmt::Display) -> Error {
    Error::Corrupt(format!("column {column} of the catalog: {found}"))
}

/// JSON text of a value whose serialisation cannot fail: maps of text, lists, plain structs.
pub(super) fn to_json<T: serde::Serialize>(column: &str, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| unreadable(column, error))
}

/// A count as SQL numbers it; what does not fit is as good as the largest.
pub(super) fn signed(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}
