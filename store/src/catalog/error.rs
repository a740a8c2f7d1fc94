//! What a database's error means to the caller of the catalog.

use sqlx::error::DatabaseError;

use crate::Error;

/// SQLite's primary result codes for a damaged file and for a file that is no database.
const SQLITE_DAMAGED: [i32; 2] = [11, 26];
/// And for a lock that another connection holds.
const SQLITE_BUSY: i32 = 5;

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) if is_damage(database.as_ref()) => Self::Corrupt(database.to_string()),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
                Self::Corrupt(error.to_string())
            }
            sqlx::Error::RowNotFound => Self::NotFound { what: "the row".to_owned() },
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

/// Whether SQLite says that someone else is writing.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| sqlite_code(error) == Some(SQLITE_BUSY))
}

/// SQLite's primary result code: the low byte of its up to four digits; PostgreSQL's codes have five characters.
fn sqlite_code(error: &dyn DatabaseError) -> Option<i32> {
    let code = error.code().filter(|code| code.len() < 5)?;
    code.parse::<i32>().ok().map(|number| number & 0xff)
}

/// Whether the database says that what it stores is broken: SQLite by its result code, PostgreSQL by `XX001` or `XX002`.
fn is_damage(error: &dyn DatabaseError) -> bool {
    let code = error.code().unwrap_or_default();
    let sqlite = code.parse::<i32>().is_ok_and(|number| SQLITE_DAMAGED.contains(&(number & 0xff)));
    sqlite || code == "XX001" || code == "XX002"
}

/// A failed insert: [`Error::Exists`] when `what` was there before, else what the database says.
pub(super) fn taken(error: sqlx::Error, what: impl FnOnce() -> String) -> Error {
    match &error {
        sqlx::Error::Database(database) if database.is_unique_violation() => Error::Exists { what: what() },
        _ => error.into(),
    }
}

/// The refusal of an id nobody has.
pub(super) fn missing(noun: &str, id: impl std::fmt::Display) -> Error {
    Error::NotFound { what: format!("{noun} {id}") }
}
