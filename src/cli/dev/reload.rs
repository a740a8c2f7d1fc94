//! Reads the folders after every save and brings what changed into the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ::schedules::Stopwatch;
use ::store::catalog::Trigger;
use tokio_util::sync::CancellationToken;
use workers::settings::Settings;
use workers::{Error, Services, authoring, hooks};

use super::secrets;
use super::watch::Watching;
use crate::cli::folder::{self, Folder};
use crate::cli::local::{self, Deployed};
use crate::cli::{Failure, terminal};

/// Why an integration without a folder is paused; it is how a folder that comes back finds its integration.
const GONE: &str = "its folder is gone";

/// What was read of a folder, or said about it.
type Seen = Result<Folder, String>;

/// Keeps the engine and the folders the same.
pub struct Reloader {
    services: Services,
    root: PathBuf,
    seen: BTreeMap<PathBuf, Seen>,
    env: Option<String>,
    empty: bool,
}

impl Reloader {
    /// For the folders at `root`; nothing is read yet.
    pub fn new(services: Services, root: PathBuf) -> Self {
        let env = read_env(&root);
        Self { services, root, seen: BTreeMap::new(), env, empty: false }
    }

    /// Reads everything for the first time.
    pub async fn first(&mut self, watching: &Watching) {
        self.reload(watching, Stopwatch::start()).await;
    }

    /// Reloads after every save, until `stop`.
    pub async fn run(mut self, mut watching: Watching, stop: CancellationToken) {
        loop {
            let saved = tokio::select! {
                () = stop.cancelled() => return,
                saved = watching.saved() => saved,
            };
            let Some(since) = saved else { return };
            self.reload(&watching, since).await;
        }
    }

    async fn reload(&mut self, watching: &Watching, since: Stopwatch) {
        watching.follow(&self.root);
        let paths = match folder::find(&self.root) {
            Ok(paths) => paths,
            Err(failure) => return say_failure(&failure),
        };
        let read = |path: PathBuf| {
            let seen = folder::load(&path).map_err(|failure| failure.message);
            (path, seen)
        };
        let now: BTreeMap<PathBuf, Seen> = paths.into_iter().map(read).collect();
        for (path, seen) in &now {
            if self.seen.get(path) != Some(seen) {
                self.bring(path, seen, since).await;
            }
        }
        self.seen = now;
        self.pause_the_gone().await;
        self.look_at_env();
        self.say_if_empty();
    }

    async fn bring(&self, path: &Path, seen: &Seen, since: Stopwatch) {
        let folder = match seen {
            Ok(folder) => folder,
            Err(message) => return self.refused(&label(path), message),
        };
        let known = self.services.directory.by_name(&folder.name).is_some();
        match self.deploy(folder).await {
            Ok(Deployed::Released(number)) => {
                let verb = if known { "reloaded" } else { "loaded" };
                let (verb, name) = (terminal::good(verb), terminal::bold(&folder.name));
                terminal::say(&format!("{verb} {name} {number} in {} ms", since.elapsed_ms()));
                self.say_of_hook(folder);
            }
            Ok(Deployed::Unchanged) => {}
            Err(Error::Script(error)) => self.refused(&folder.name, &terminal::script_error(&error)),
            Err(error) => self.refused(&folder.name, &error.to_string()),
        }
    }

    async fn deploy(&self, folder: &Folder) -> Result<Deployed, Error> {
        let deployed = match local::deploy(&self.services, folder).await {
            // On a server a trigger is for ever; here nobody depends on it yet.
            Err(Error::Conflict { code: "trigger_immutable", .. }) => {
                authoring::remove(&self.services, &folder.name).await?;
                local::deploy(&self.services, folder).await?
            }
            deployed => deployed?,
        };
        if self.pause_note(&folder.name).await?.is_some_and(|note| note == GONE) {
            authoring::resume(&self.services, &folder.name).await?;
            terminal::say(&format!("{} is back", terminal::bold(&folder.name)));
        }
        Ok(deployed)
    }

    /// Where an HTTP trigger is called, and what is missing for it to answer.
    fn say_of_hook(&self, folder: &Folder) {
        let Some(entry) = self.services.directory.by_name(&folder.name) else { return };
        if entry.trigger != Trigger::Http {
            return;
        }
        terminal::say(&terminal::dim(&format!("  called at {}", hooks::path(&entry.workspace, &entry.name))));
        let Ok(settings) = Settings::parse(&folder.body["settings"]) else { return };
        for warning in hooks::missing_secrets(&self.services, entry.id, &settings) {
            terminal::say(&format!("  {} {warning}", terminal::changed("warning:")));
        }
    }

    async fn pause_note(&self, name: &str) -> Result<Option<String>, Error> {
        let integration = self.services.catalog.integration(&self.services.options.workspace, name).await?;
        Ok(integration.and_then(|integration| integration.pause).map(|pause| pause.note))
    }

    fn refused(&self, name: &str, message: &str) {
        terminal::error(&format!("{} was not reloaded\n{message}", terminal::bold(name)));
        if let Some(number) = self.services.directory.by_name(name).and_then(|entry| entry.latest) {
            terminal::help(&format!("{number}, the last good release, keeps running"));
        }
    }

    /// Integrations whose folder is gone are paused: their history stays, and their jobs wait.
    async fn pause_the_gone(&self) {
        let here =
            |(path, seen): (&PathBuf, &Seen)| seen.as_ref().map_or_else(|_| label(path), |folder| folder.name.clone());
        let here: BTreeSet<String> = self.seen.iter().map(here).collect();
        for entry in self.services.directory.all() {
            if entry.paused || here.contains(&*entry.name) {
                continue;
            }
            match authoring::pause(&self.services, &entry.name, GONE.to_owned()).await {
                Ok(_) => terminal::say(&format!("paused {}: {GONE}", terminal::bold(&entry.name))),
                Err(error) => terminal::error(&error.to_string()),
            }
        }
    }

    fn look_at_env(&mut self) {
        let env = read_env(&self.root);
        if env != self.env {
            self.env = env;
            terminal::say(&format!("{} changed: start `tidegate dev` again to use it", secrets::FILE));
        }
    }

    fn say_if_empty(&mut self) {
        if self.seen.is_empty() && !self.empty {
            terminal::say("there is no integration in this folder yet; in another terminal:\n\n  tidegate new hello\n");
        }
        self.empty = self.seen.is_empty();
    }
}

/// What an integration is called as long as its manifest cannot be read.
fn label(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn read_env(root: &Path) -> Option<String> {
    std::fs::read_to_string(root.join(secrets::FILE)).ok()
}

fn say_failure(failure: &Failure) {
    terminal::error(&failure.message);
}
