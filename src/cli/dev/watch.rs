//! Watches a folder of integrations: the folder itself, the ones directly below, and the ones in these; nothing deeper.
//!
//! Not recursive on purpose: `node_modules` has thousands of folders, and the engine writes into `.tidegate` all the time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ::schedules::Stopwatch;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use crate::cli::Failure;
use crate::cli::folder;

/// A save is over when nothing has happened for this long: editors write in several steps.
const QUIET: Duration = Duration::from_millis(50);
/// A folder that is written to without end is read all the same, this long after the first step.
const LONGEST: Duration = Duration::from_millis(200);

/// A watched folder.
pub struct Watching {
    watcher: Mutex<(RecommendedWatcher, BTreeSet<PathBuf>)>,
    saved: mpsc::Receiver<Stopwatch>,
}

/// Starts watching `root`.
pub fn watch(root: &Path) -> Result<Watching, Failure> {
    // One waiting message says everything: something was saved, at that time.
    let (save, saved) = mpsc::channel(1);
    let heard = move |event: notify::Result<Event>| {
        if event.map_or(true, |event| matters(&event)) {
            let _another_one_waits = save.try_send(Stopwatch::start());
        }
    };
    let mut watcher = notify::recommended_watcher(heard).map_err(|error| unwatchable(root, &error))?;
    watcher.watch(root, RecursiveMode::NonRecursive).map_err(|error| unwatchable(root, &error))?;
    let watching = Watching { watcher: Mutex::new((watcher, BTreeSet::new())), saved };
    watching.follow(root);
    Ok(watching)
}

/// Reading a file is an event too, and not one that changes anything.
fn matters(event: &Event) -> bool {
    !matches!(event.kind, EventKind::Access(_))
}

fn unwatchable(root: &Path, error: &notify::Error) -> Failure {
    Failure::new(format!("{} cannot be watched: {error}", root.display()))
        .help("the limit of watched files may be reached: see fs.inotify.max_user_watches")
}

impl Watching {
    /// Also watches the folders that are below `root` by now. To be called before they are read.
    pub fn follow(&self, root: &Path) {
        let mut guard = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        let (watcher, followed) = &mut *guard;
        // A folder that went away and came back needs a new watch.
        followed.retain(|folder| folder.is_dir());
        for folder in below(root) {
            if !followed.contains(&folder) && watcher.watch(&folder, RecursiveMode::NonRecursive).is_ok() {
                followed.insert(folder);
            }
        }
    }

    /// Waits for a save; gives the time since its first step.
    pub async fn saved(&mut self) -> Option<Stopwatch> {
        let first = self.saved.recv().await?;
        while first.elapsed() < LONGEST {
            match tokio::time::timeout(QUIET, self.saved.recv()).await {
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
        Some(first)
    }
}

/// The folders that hold an integration, or may one day, and those with files of its own.
fn below(root: &Path) -> Vec<PathBuf> {
    let folders = directly_below(root);
    let inner: Vec<PathBuf> = folders.iter().flat_map(|folder| directly_below(folder)).collect();
    folders.into_iter().chain(inner).take(folder::MAX_FOLDERS).collect()
}

fn directly_below(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let hidden = |path: &Path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.') || name == "node_modules" || name == "target")
    };
    let folders = entries.map(|entry| entry.path()).filter(|path| path.is_dir() && !hidden(path));
    folders.take(folder::MAX_FOLDERS).collect()
}
