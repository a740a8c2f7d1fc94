//! What can go wrong in a store, by what a caller can do about it.

/// A failed call; nothing of it was applied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// As many are stored as may be: shed load, delete some, or raise the limit.
    #[error("the limit of {limit} {what} is reached")]
    Full {
        /// What was counted, in the plural.
        what: &'static str,
        /// How many there may be.
        limit: u64,
    },
    /// The call asks for more than one call may do: split it.
    #[error("{what} is limited to {limit} per call")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
    /// Something with this name exists already.
    #[error("{what} exists already")]
    Exists {
        /// The thing, as a reader would call it.
        what: String,
    },
    /// What the call refers to does not exist (any more).
    #[error("{what} does not exist")]
    NotFound {
        /// The thing, as a reader would call it.
        what: String,
    },
    /// What is stored cannot be read: another version of the program wrote it, or the file is damaged.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
    /// Another process holds this store's files.
    #[error("{path} is in use by another process: stop it first, or choose another data directory with --data")]
    InUse {
        /// The locked file.
        path: String,
    },
    /// Jobs are running, so that what is stored does not stand still.
    #[error("stop the workers first: jobs are running ({jobs}); their leases end in {} s", .left_ms.div_ceil(1_000))]
    Busy {
        /// How many.
        jobs: u64,
        /// Until the last of their leases ends.
        left_ms: u64,
    },
    /// The storage does not answer or refuses (disk full, connection lost); trying again later may work.
    #[error("storage is unavailable: {0}")]
    Unavailable(String),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
                Self::Corrupt(error.to_string())
            }
            _ => Self::Unavailable(error.to_string()),
        }
    }
}
