//! Opening the catalog's database; the one file that knows which database it is.

use std::path::Path;
use std::time::Duration;

use schedules::Stopwatch;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{Sqlite, Transaction};

use super::{error, migrate};
use crate::{Error, Result};

/// The database the statements run on.
pub(super) type Db = Sqlite;
/// One of its rows.
pub(super) type Row = SqliteRow;
/// A change that is applied whole or not at all; dropped without a commit, it is undone.
pub(super) type Change = Transaction<'static, Db>;

/// Reads beside each other; more would only compete for the same disk.
const READERS: u32 = 4;
/// What is left of the write-ahead log's file after a large change.
const LOG_BYTES: &str = "67108864";
/// How long a call waits for a connection of this process, or for a writer of another.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two tries to switch a new file's journal.
const PAUSE: Duration = Duration::from_millis(10);

/// Integrations with their drafts and releases, API keys, and the history of runs. Clones share one database.
///
/// Every call that changes something is durable when it answers: it survives a kill and a power cut.
#[derive(Clone, Debug)]
pub struct Catalog {
    // One connection: writers of this process queue up for it instead of meeting SQLITE_BUSY.
    writer: sqlx::Pool<Db>,
    readers: sqlx::Pool<Db>,
}

impl Catalog {
    /// Opens the catalog in the file at `path`, makes it if it is missing, and brings its tables up to date.
    ///
    /// A file that is damaged, is no catalog or was written by a newer version is [`Error::Corrupt`], and left as it
    /// is; one that cannot be reached is [`Error::Unavailable`].
    pub async fn open(path: &Path) -> Result<Self> {
        Self::connect(path).await.map_err(|error| at(path, error))
    }

    async fn connect(path: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .busy_timeout(PATIENCE)
            .foreign_keys(true)
            .synchronous(SqliteSynchronous::Full);
        let plain = pool(1).connect_with(options.clone()).await?;
        refuse_foreign(&plain).await?;
        plain.close().await;

        // Only now, as it changes the file.
        let options = options.journal_mode(SqliteJournalMode::Wal).pragma("journal_size_limit", LOG_BYTES);
        let writer = connect_writer(&options).await?;
        let readers = pool(READERS).connect_with(options.pragma("query_only", "ON")).await?;
        let catalog = Self { writer, readers };
        migrate::migrate(&catalog).await?;
        Ok(catalog)
    }

    /// Closes the connections once their work is done; calls after it are [`Error::Unavailable`].
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Where to read: sees every change that has been answered.
    pub(super) fn reader(&self) -> &sqlx::Pool<Db> {
        &self.readers
    }

    /// Starts a change. It takes the write lock at once: a lock taken halfway could be refused.
    pub(super) async fn begin(&self) -> Result<Change> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }
}

/// Connects the writer. The first one of a new file switches it to write-ahead logging, and SQLite refuses that at once,
/// without waiting its busy timeout, while another process is about the same: then it is tried again.
async fn connect_writer(options: &SqliteConnectOptions) -> Result<sqlx::Pool<Db>> {
    let started = Stopwatch::start();
    loop {
        match pool(1).connect_with(options.clone()).await {
            Err(error) if error::is_busy(&error) && started.elapsed() < PATIENCE => tokio::time::sleep(PAUSE).await,
            answer => return Ok(answer?),
        }
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
}

const TABLES: &str = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
const OUR_TABLES: &str =
    "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name IN ('schema_migrations', 'catalog_version')";

/// Refuses another program's database before anything is written into it.
async fn refuse_foreign(pool: &sqlx::Pool<Db>) -> Result<()> {
    let tables: i64 = sqlx::query_scalar(TABLES).fetch_one(pool).await?;
    let ours: i64 = sqlx::query_scalar(OUR_TABLES).fetch_one(pool).await?;
    if tables > 0 && ours < 2 {
        return Err(Error::Corrupt("it is a database of something else, not a catalog".to_owned()));
    }
    Ok(())
}

/// The error with the file it is about.
fn at(path: &Path, error: Error) -> Error {
    match error {
        Error::Corrupt(message) => Error::Corrupt(format!("{}: {message}", path.display())),
        Error::Unavailable(message) => Error::Unavailable(format!("{}: {message}", path.display())),
        other => other,
    }
}
