//! One side of a migration: which queue it is, and how it is opened.

use std::path::PathBuf;
use std::sync::Arc;

use ::store::Engine;
use ::store::embedded::{self, Embedded};
use ::store::redis::{self as remote, Redis};
use schedules::SystemClock;

use crate::cli::Failure;
use crate::cli::failure::code;
use crate::config::{self, Config};

/// A queue by its place.
pub enum Side {
    /// In a file.
    Embedded(PathBuf),
    /// In Redis.
    Redis {
        /// Where that is.
        config: Box<remote::Config>,
        /// What its keys begin with, and how a new queue is divided.
        options: remote::Options,
    },
}

/// Jobs that were taken once are not refused on a move.
const NO_LIMIT: u64 = 1 << 53;

impl Side {
    /// Reads what a flag says. No error repeats it: it may hold a password.
    pub fn new(flag: &str, text: &str, prefix: Option<&str>, config: &Config) -> Result<Self, Failure> {
        let engine = config::Engine::parse(text).map_err(|why| Failure::usage(format!("{flag} {why}")))?;
        Ok(match engine {
            config::Engine::Embedded => {
                let data = &config.server.data;
                let folder = data.canonicalize().or_else(|_| std::path::absolute(data))?;
                Self::Embedded(folder.join("queue.db"))
            }
            config::Engine::Redis(place) => {
                let prefix = prefix.unwrap_or(&config.queue.prefix).to_owned();
                let partitions = config.queue.partitions;
                let options = remote::Options { prefix, partitions, max_jobs: NO_LIMIT, ..remote::Options::default() };
                Self::Redis { config: place, options }
            }
        })
    }

    /// What it is called, in talk and in `migrate.json`.
    pub fn name(&self) -> String {
        match self {
            Self::Embedded(file) => format!("embedded, {}", file.display()),
            Self::Redis { config, options } => format!("{}, prefix {}", config.shown(), options.prefix),
        }
    }

    /// What tells it from another one that was put in its place, where that can be told.
    pub fn id(&self) -> Option<String> {
        use std::os::unix::fs::MetadataExt;
        let Self::Embedded(file) = self else { return None };
        let file = file.metadata().ok()?;
        Some(format!("{}:{}", file.dev(), file.ino()))
    }

    /// Whether there is a queue; makes none.
    pub async fn is_there(&self) -> Result<bool, Failure> {
        match self {
            Self::Embedded(file) => Ok(file.is_file()),
            Self::Redis { config, options } => {
                Redis::is_there(config, &options.prefix).await.map_err(|error| self.explain(&error))
            }
        }
    }

    /// There is none.
    pub fn missing(&self) -> Failure {
        let (message, help) = match self {
            Self::Embedded(file) => (format!("there is no queue at {}", file.display()), "name its folder with --data"),
            Self::Redis { config, options } => (
                format!("there is no queue at {} under the prefix {}", config.shown(), options.prefix),
                "name what its keys begin with: --prefix",
            ),
        };
        Failure::new(message).help(help).exit(code::NOT_FOUND)
    }

    /// Opens it, or makes it.
    pub async fn open(&self) -> Result<Engine, Failure> {
        match self {
            Self::Embedded(file) => {
                if let Some(folder) = file.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                let options = embedded::Options { max_jobs: NO_LIMIT, ..embedded::Options::default() };
                Ok(Embedded::open(file, options, Arc::new(SystemClock))?.into())
            }
            Self::Redis { config, options } => {
                let queue = Redis::connect((**config).clone(), options.clone()).await;
                Ok(queue.map_err(|error| self.explain(&error))?.into())
            }
        }
    }

    /// What about it may lose jobs.
    pub async fn warnings(&self) -> Result<Vec<String>, Failure> {
        match self {
            Self::Embedded(_) => Ok(Vec::new()),
            Self::Redis { config, .. } => Redis::warnings_of(config).await.map_err(|error| self.explain(&error)),
        }
    }

    /// How an operator makes it empty.
    pub fn how_to_empty(&self) -> String {
        match self {
            Self::Embedded(file) => {
                let file = file.display();
                format!(
                    "if nobody needs it, delete {file}, {file}-wal and {file}-shm; or choose another folder with --data"
                )
            }
            Self::Redis { .. } => {
                "if nobody needs it, delete its keys, or the whole database with FLUSHDB if there is \
                                   nothing else in it; or choose another prefix with --to-prefix"
                    .to_owned()
            }
        }
    }

    fn explain(&self, error: &::store::Error) -> Failure {
        Failure::new(format!("{}: {error}", self.name()))
    }
}
