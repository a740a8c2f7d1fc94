//! Opening the file: the lock beside it, what it must be, how SQLite treats it, and its migrations.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::find;
use crate::{Error, Result};

/// What marks an SQLite file as a queue ("TGQ1").
const APPLICATION_ID: i32 = 0x5447_5131;
/// The steps from an empty file to today's tables; `user_version` counts those that were taken.
const MIGRATIONS: [&str; 5] = [
    include_str!("migrations/1.sql"),
    include_str!("migrations/2.sql"),
    include_str!("migrations/3.sql"),
    include_str!("migrations/4.sql"),
    include_str!("migrations/5.sql"),
];
/// Statements that stay prepared on a connection.
const CACHED_STATEMENTS: usize = 128;

/// How far a commit goes before it is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// To the disk: an answered step survives a power cut.
    #[default]
    Full,
    /// To the operating system: an answered step survives a kill; a power cut may take the last ones.
    Normal,
}

/// How a queue's file is opened.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The most jobs it may hold, in all states.
    pub max_jobs: u64,
    /// How far a commit goes before it is answered.
    pub sync: Sync,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_jobs: 5_000_000, sync: Sync::default() }
    }
}

/// Takes the lock beside `path`; it lasts as long as the answer lives.
pub(super) fn lock(path: &Path) -> Result<File> {
    let beside = beside(path);
    let unavailable = |error: std::io::Error| Error::Unavailable(format!("{}: {error}", beside.display()));
    let file = File::options().create(true).truncate(false).write(true).open(&beside).map_err(unavailable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: path.display().to_string() }),
        Err(TryLockError::Error(error)) => Err(unavailable(error)),
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// Opens the file for writing; makes it, or brings it up to date, if need be.
pub(super) fn open(path: &Path, sync: Sync) -> Result<Connection> {
    let named = |error: Error| match error {
        Error::Corrupt(what) => Error::Corrupt(format!("{}: {what}", path.display())),
        Error::Unavailable(what) => Error::Unavailable(format!("{}: {what}", path.display())),
        other => other,
    };
    let mut connection = Connection::open(path).map_err(|error| named(error.into()))?;
    prepare(&mut connection, sync).map_err(named)?;
    sync_folder(path).map_err(|error| named(Error::Unavailable(error.to_string())))?;
    Ok(connection)
}

fn prepare(connection: &mut Connection, sync: Sync) -> Result<()> {
    let version = version(connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let level = match sync {
        Sync::Full => "FULL",
        Sync::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", level)?;
    connection.pragma_update(None, "fullfsync", "ON")?;
    connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    share(connection)?;
    migrate(connection, version)
}

/// How many migrations the file has; an error if it is not a queue, or a later program's.
fn version(connection: &Connection) -> Result<usize> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    if application != APPLICATION_ID && (tables > 0 || application != 0 || version != 0) {
        return Err(Error::Corrupt("this is another program's database: move it away".into()));
    }
    match usize::try_from(version) {
        Ok(version) if version <= MIGRATIONS.len() => Ok(version),
        _ => Err(Error::Corrupt(format!(
            "a later version of the program wrote it (format {version}, this one reads up to {}): use that version",
            MIGRATIONS.len()
        ))),
    }
}

fn migrate(connection: &mut Connection, version: usize) -> Result<()> {
    for (migration, number) in MIGRATIONS.iter().zip(1_i32..).skip(version) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}

/// What every connection to the file sets.
fn share(connection: &Connection) -> Result<()> {
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "mmap_size", 1_i64 << 30)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    // Otherwise the planner looks at the value bound to a LIMIT, and a statement is compiled anew with each other value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Opens the file for questions.
pub(super) fn open_to_read(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    share(&connection)?;
    find::define_key_contains(&connection)?;
    Ok(connection)
}

/// Makes the new file's name durable; its content is SQLite's business.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) && !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}
