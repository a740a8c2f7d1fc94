//! `migrate.json`: how far a migration has come, so that it can go on; and afterwards, where the queue went.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use ::store::migration::{Progress, Sum};
use ::store::queue::{Mark, Survey};
use schedules::Millis;
use serde::{Deserialize, Serialize};

use super::report;
use super::side::Side;
use crate::cli::Failure;
use crate::config::{Config, Engine};

const FILE: &str = "migrate.json";
const VERSION: u32 = 1;

/// A migration that has begun.
#[derive(Clone)]
pub struct State {
    path: PathBuf,
    wire: Wire,
}

/// What the file says.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    version: u32,
    from: String,
    to: String,
    /// What tells the source from another one at its place.
    source: Option<String>,
    held: Held,
    mark: Option<String>,
    read: u64,
    records: u64,
    /// Hexadecimal.
    hashes: String,
    is_copied: bool,
    /// When both sides were found to be the same.
    finished: Option<String>,
}

/// What the source held when it began.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Held {
    pending: u64,
    overdue: u64,
    dead: u64,
    controls: u64,
    cursors: u64,
    #[serde(default)]
    ticks: u64,
    idempotency: u64,
    #[serde(default)]
    holds: u64,
    buckets: u64,
    pulse: String,
}

impl State {
    /// Reads the file of a folder, if there is one.
    pub fn load(folder: &Path) -> Result<Option<Self>, Failure> {
        let path = folder.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(error) => return Err(Failure::new(format!("{}: {error}", path.display()))),
        };
        let unreadable = |why: String| {
            Failure::new(format!("{} cannot be read: {why}", path.display()))
                .help("delete it to give up the migration it is about; the target must be emptied then")
        };
        let wire: Wire = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        if wire.version != VERSION {
            let version = wire.version;
            return Err(unreadable(format!("its format is {version}, this program reads {VERSION}")));
        }
        Ok(Some(Self { path, wire }))
    }

    /// A new migration, written down before anything is copied.
    pub fn begun(folder: &Path, from: &Side, to: &Side, survey: &Survey) -> Result<Self, Failure> {
        fs::create_dir_all(folder)?;
        let mut state = Self {
            path: folder.join(FILE),
            wire: Wire {
                version: VERSION,
                from: from.name(),
                to: to.name(),
                source: from.id(),
                held: Held::from(survey),
                mark: None,
                read: 0,
                records: 0,
                hashes: String::new(),
                is_copied: false,
                finished: None,
            },
        };
        state.save(&Progress::default())?;
        Ok(state)
    }

    /// The same migration, if its source still is what it was; `found` is what the target holds.
    pub fn resumed(self, survey: &Survey, found: &Survey) -> Result<Self, Failure> {
        if !survey.stands_still_since(&self.wire.held.survey()) {
            let then = report::in_short(&self.wire.held.survey());
            return Err(Failure::new(format!(
                "the source was used since the migration began: it held {then} then, and holds {} now",
                report::in_short(survey)
            ))
            .help(format!("stop all servers, empty the target, delete {}, and begin again", self.path.display())));
        }
        if self.wire.read > 0 && found.is_empty() {
            return Err(Failure::new("the target is empty, though a part of the migration was done".to_owned())
                .help(format!("delete {}, and begin again", self.path.display())));
        }
        Ok(self)
    }

    /// How far it has come.
    pub fn progress(&self) -> Result<Progress, Failure> {
        let hashes = match self.wire.hashes.as_str() {
            "" => Ok(0),
            text => u128::from_str_radix(text, 16),
        };
        let hashes = hashes.map_err(|error| Failure::new(format!("{}: {error}", self.path.display())))?;
        Ok(Progress {
            mark: self.wire.mark.clone().map(Mark),
            is_done: self.wire.is_copied,
            read: self.wire.read,
            lasting: Sum { records: self.wire.records, hashes },
        })
    }

    /// Records that were copied.
    pub fn read(&self) -> u64 {
        self.wire.read
    }

    /// Writes down how far it has come.
    pub fn save(&mut self, progress: &Progress) -> Result<(), Failure> {
        self.wire.mark = progress.mark.as_ref().map(|mark| mark.0.clone());
        self.wire.is_copied = progress.is_done;
        self.wire.read = progress.read;
        self.wire.records = progress.lasting.records;
        self.wire.hashes = format!("{:032x}", progress.lasting.hashes);
        self.write()
    }

    /// Writes down that both sides are the same.
    pub fn finish(&mut self, now: Millis) -> Result<(), Failure> {
        self.wire.finished = Some(now.to_rfc3339());
        self.write()
    }

    /// Renamed into place, so that it is whole whatever happens.
    fn write(&self) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(&self.wire).map_err(|error| Failure::new(error.to_string()))?;
        let next = self.path.with_extension("json.next");
        let write = || {
            let mut file = File::create(&next)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&next, &self.path)
        };
        write().map_err(|error| Failure::new(format!("{}: {error}", self.path.display())))
    }
}

/// What is known of this very migration; refuses to forget another one that has not finished.
pub fn of_this_move(known: Option<State>, from: &Side, to: &Side, data: &Path) -> Result<Option<State>, Failure> {
    let Some(state) = known else { return Ok(None) };
    let is_same = state.wire.from == from.name() && state.wire.to == to.name();
    match (&state.wire.finished, is_same) {
        (None, true) if state.wire.source == from.id() => Ok(Some(state)),
        (None, true) => Err(Failure::new(format!("{} is not the queue that the migration began with", from.name()))
            .help(format!("empty the target, delete {}, and begin again", state.path.display()))),
        (None, false) => Err(Failure::new(format!(
            "{} knows of a migration that has not finished: from {} to {}",
            data.join(FILE).display(),
            state.wire.from,
            state.wire.to
        ))
        .help("finish it first; or empty its target and delete the file")),
        (Some(_), _) => Ok(None),
    }
}

/// Refuses to serve a queue that is being moved, or that was moved away: its jobs would run twice.
pub fn guard(config: &Config) -> Result<(), Failure> {
    let Some(State { path, wire }) = State::load(&config.server.data)? else { return Ok(()) };
    let engine = match &config.queue.engine {
        Engine::Embedded => "embedded",
        Engine::Redis(redis) => redis.shown(),
    };
    let is_ours = Side::new("", engine, None, config).map(|side| side.name());
    let is_ours = is_ours.unwrap_or_default();
    let path = path.display();
    match wire.finished {
        None if is_ours == wire.from || is_ours == wire.to => Err(Failure::new(format!(
            "this queue is being moved, and that has not finished: from {} to {}",
            wire.from, wire.to
        ))
        .help(format!("let `tidegate store migrate` finish; or, to give it up, empty the target and delete {path}"))),
        Some(when) if is_ours == wire.from => Err(Failure::new(format!(
            "this queue was moved to {} at {when}: its jobs would run a second time",
            wire.to
        ))
        .help(format!("set queue.engine to where it is now; or, to use the old one all the same, delete {path}"))),
        _ => Ok(()),
    }
}

impl From<&Survey> for Held {
    fn from(survey: &Survey) -> Self {
        Self {
            pending: survey.pending,
            overdue: survey.overdue,
            dead: survey.dead,
            controls: survey.controls,
            cursors: survey.cursors,
            ticks: survey.ticks,
            idempotency: survey.idempotency,
            holds: survey.holds,
            buckets: survey.buckets,
            pulse: survey.pulse.clone(),
        }
    }
}

impl Held {
    fn survey(&self) -> Survey {
        Survey {
            pending: self.pending,
            overdue: self.overdue,
            dead: self.dead,
            controls: self.controls,
            cursors: self.cursors,
            ticks: self.ticks,
            idempotency: self.idempotency,
            holds: self.holds,
            buckets: self.buckets,
            pulse: self.pulse.clone(),
            ..Survey::default()
        }
    }
}
