//! From a draft's files to checked code: installed, bundled and tried, or found where that was done before.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use schedules::Clock;
use scripts::protocol::{Bundle, Code, Format, Limits, ScriptError};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use store::catalog::Files;
use tokio::sync::Semaphore;

use super::digest::{Digest, hex};
use super::esbuild::{self, Bundler, Esbuild, Meta, Output};
use super::evict::evict;
use super::folders::Folders;
use super::kept::{modified, put, touch};
use super::lock::{Lock, Locked, package_of};
use super::project::Project;
use super::refusal::{broken, refused};
use super::registry::{Registry, mismatch};
use super::resolve::resolve;
use super::{Options, SecretSource, files, sources};
use crate::{Error, Result, runners};

/// How many bundles are made at one time, and how many tarballs fetched for each.
const BUILDS_AT_ONCE: usize = 2;
const DOWNLOADS_AT_ONCE: usize = 12;
/// For all of it.
const TIMEOUT: Duration = Duration::from_secs(300);
/// Half-made folders older than this were left by a crash.
const ABANDONED_MS: i64 = 3_600_000;
/// Raised when bundles are made in another way.
const WAY: u32 = 1;

/// Code that was checked.
#[derive(Clone, Debug)]
pub struct Built {
    /// The code as it runs.
    pub bundle: Bundle,
    /// What is in it; `None` without packages.
    pub lock: Option<Lock>,
    /// Whether it was made before.
    pub cached: bool,
}

/// Who compiles code and makes sure that it exports a handler.
pub trait Checker: Sync {
    /// Gives the code as it runs.
    fn check(&self, code: Code) -> impl Future<Output = Result<Bundle>> + Send;
}

impl Checker for runners::Pool {
    async fn check(&self, code: Code) -> Result<Bundle> {
        // Boxed, for it holds buffers, and those who save have little room for them on their stacks.
        Box::pin(Self::check(self, code, Limits::default())).await.map_err(|error| match error.code.as_str() {
            runners::UNAVAILABLE => Error::Unavailable(error.message),
            _ => error.into(),
        })
    }
}

/// Takes a bundle without a look at what it exports.
struct AsItIs;

impl Checker for AsItIs {
    async fn check(&self, code: Code) -> Result<Bundle> {
        match code {
            Code::Bundle(bundle) => Ok(*bundle),
            Code::Files(_) | Code::Test { .. } => Err(refused("no_entry", "only bundles are taken as they are")),
        }
    }
}

/// The installer and the bundler.
pub struct Packages {
    registry: Registry,
    esbuild: Esbuild,
    confiner: Option<PathBuf>,
    folders: Folders,
    root: PathBuf,
    cache_bytes: u64,
    builds: Semaphore,
    clock: Arc<dyn Clock>,
}

impl Packages {
    /// Keeps what it fetches below `data`.
    ///
    /// Tokens of registries that are secrets are read from `secrets`.
    pub fn new(options: Options, secrets: SecretSource, data: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        // The bundler runs in a folder of its own, so what it is called by holds from everywhere.
        let whole = |path: &Path| std::path::absolute(path).map_err(|error| broken("the data folder", error));
        let data = whole(data)?;
        let given = options.esbuild.as_deref().map(whole).transpose()?;
        let root = data.join("packages");
        let packages = Self {
            esbuild: Esbuild::new(given, &data.join("tools")),
            confiner: options.confiner.clone(),
            folders: Folders::new(root.join("unpacked")),
            cache_bytes: options.cache_bytes,
            registry: Registry::new(options, secrets, root.join("described"), clock.clone())?,
            builds: Semaphore::new(BUILDS_AT_ONCE),
            root,
            clock,
        };
        if let Err(error) = packages.tidy() {
            tracing::warn!(%error, "what a crash left of bundling cannot be removed");
        }
        Ok(packages)
    }

    /// Makes code of a draft's files and has it checked. The lock before is kept as long as it is what is asked for.
    pub async fn build(&self, files: &Files, before: Option<&Lock>, checker: &impl Checker) -> Result<Built> {
        let project = Project::read(files)?;
        if project.dependencies.is_empty() && !files::are_several(files) {
            files::check_names(files)?;
            let bundle = checker.check(Code::Files(files.clone())).await?;
            return Ok(Built { bundle, lock: None, cached: false });
        }
        let entry = files::entry(files)?;
        let building = Box::pin(self.bundle(files, entry, &project, before, checker));
        let late = || {
            let message = format!("installing the packages took longer than {} s; try again", TIMEOUT.as_secs());
            Err(Error::Registry { message, retry_after_ms: 1_000 })
        };
        let built = tokio::time::timeout(TIMEOUT, building).await.unwrap_or_else(|_| late());
        if !built.as_ref().is_ok_and(|built| built.cached) {
            self.make_room().await;
        }
        built
    }

    /// Makes code of a file of tests, `entry`, among the files of its integration. It is compiled, and not tried.
    pub async fn build_tests(
        &self,
        files: &Files,
        entry: &str,
        before: Option<&Lock>,
        checker: &impl Checker,
    ) -> Result<Bundle> {
        let project = Project::read(files)?;
        let others = files.iter().filter(|(name, _)| *name != entry).map(|(name, text)| (name.clone(), text.clone()));
        if project.dependencies.is_empty() && !files::are_several(&others.collect()) {
            let text = files.get(entry).cloned().unwrap_or_default();
            return checker.check(Code::Test { name: entry.to_owned(), text }).await;
        }
        let built = Box::pin(self.bundle(files, entry, &project, before, &AsItIs)).await?;
        Ok(built.bundle)
    }

    async fn bundle(
        &self,
        files: &Files,
        entry: &str,
        project: &Project,
        before: Option<&Lock>,
        checker: &impl Checker,
    ) -> Result<Built> {
        files::check_names(files)?;
        let kept = before.filter(|lock| lock.wanted == project.wanted());
        let mut lock = match kept {
            Some(lock) => lock.clone(),
            None => {
                tracing::debug!(dependencies = project.dependencies.len(), "resolving packages");
                resolve(project, before, &self.registry, self.registry.no_younger()).await?
            }
        };
        let known =
            |lock: &Lock| lock.packages.values().all(|locked| matches!(locked.digest(), Some(Digest::Sha512(_))));
        let known_before = known(&lock).then(|| key(files, entry, &lock));
        if let Some(bundle) = known_before.and_then(|key| self.made_before(&key)) {
            return Ok(Built { bundle, lock: Some(lock), cached: true });
        }
        self.fetch(&mut lock).await?;
        let key = key(files, entry, &lock);
        let Ok(_slot) = self.builds.acquire().await else {
            return Err(Error::Unavailable("the engine is stopping".into()));
        };
        // Another one may have made it while this one waited.
        if let Some(bundle) = self.made_before(&key) {
            return Ok(Built { bundle, lock: Some(lock), cached: true });
        }
        let output = self.run_esbuild(files, project, &lock, entry).await?;
        self.refuse_native(&lock, &output.meta)?;
        let (bundle, meta) = bundle_of(files, entry, output);
        let checked = checker.check(Code::Bundle(Box::new(bundle))).await.map_err(|error| explained(error, &meta))?;
        self.keep(&key, &checked).await;
        Ok(Built { bundle: checked, lock: Some(lock), cached: false })
    }

    /// Fetches what is not here, verifies and unpacks it; the lock then says SHA-512 of everything.
    async fn fetch(&self, lock: &mut Lock) -> Result<()> {
        let mut wanted: BTreeMap<String, Locked> = BTreeMap::new();
        for locked in lock.packages.values() {
            wanted.entry(locked.integrity.clone()).or_insert_with(|| locked.clone());
        }
        let fetch = |(integrity, locked): (String, Locked)| async move {
            let found = self.fetch_one(&locked).await?;
            Ok::<_, Error>((integrity, found))
        };
        let fetches: Vec<_> = wanted.into_iter().map(fetch).collect();
        let fetched: BTreeMap<String, Digest> =
            stream::iter(fetches).buffer_unordered(DOWNLOADS_AT_ONCE).try_collect().await?;
        for (path, locked) in &mut lock.packages {
            let Some(digest) = fetched.get(&locked.integrity).map(Digest::text) else { continue };
            if digest != locked.integrity {
                lock.notes.push(format!("the registry knows only an old kind of hash (SHA-1) of {path}"));
                locked.integrity = digest;
            }
        }
        Ok(())
    }

    async fn fetch_one(&self, locked: &Locked) -> Result<Digest> {
        let what = format!("{}@{}", locked.name, locked.version);
        let promised = locked
            .digest()
            .ok_or_else(|| refused("package_without_integrity", format!("there is no usable hash of {what}")))?;
        let now = self.clock.now();
        if matches!(promised, Digest::Sha512(_)) && self.folders.find(&promised, now).is_some() {
            return Ok(promised);
        }
        let tarball = self.registry.tarball(locked).await?;
        let folders = self.folders.clone();
        let added = tokio::task::spawn_blocking(move || {
            if !promised.matches(&tarball) {
                return Ok(Err(None));
            }
            let digest = Digest::of(&tarball);
            folders.add(&digest, &tarball, now).map(|added| added.map(|()| digest).map_err(Some))
        });
        match added.await.map_err(|error| broken("unpacking", error))?.map_err(|error| broken("unpacking", error))? {
            Ok(digest) => Ok(digest),
            Err(None) => Err(mismatch(&what, promised)),
            Err(Some(why)) => Err(refused("package_malformed", format!("the tarball of {what} is refused: {why}"))),
        }
    }

    async fn run_esbuild(&self, files: &Files, project: &Project, lock: &Lock, entry: &str) -> Result<Output> {
        let program = self.esbuild.program(&self.registry).await?;
        let (work, folders) = (self.work(), self.folders.clone());
        let (files, lock, package) = (files.clone(), lock.clone(), project.bundling.clone());
        let laid = tokio::task::spawn_blocking(move || lay_out(&work, &files, &package, &lock, &folders));
        let folder =
            laid.await.map_err(|error| broken("bundling", error))?.map_err(|error| broken("bundling", error))?;
        let output =
            esbuild::bundle(Bundler { program, confiner: self.confiner.as_deref() }, folder.path(), entry).await;
        // Thousands of files: not on a thread that others wait for.
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || folder.close()).await {
            tracing::warn!(%error, "a folder that was bundled cannot be removed");
        }
        output
    }

    fn refuse_native(&self, lock: &Lock, meta: &Meta) -> Result<()> {
        for path in meta.packages() {
            let digest = lock.packages.get(path).and_then(Locked::digest);
            if digest.and_then(|digest| self.folders.find(&digest, self.clock.now())).is_some_and(|found| found.native)
            {
                return Err(esbuild::native(package_of(path).map_or(path, |(name, _)| name)));
            }
        }
        Ok(())
    }

    // ---- what was made before

    fn made_before(&self, key: &str) -> Option<Bundle> {
        let path = self.made().join(key);
        let bundle = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
        touch(&path, self.clock.now()).ok()?;
        Some(bundle)
    }

    async fn keep(&self, key: &str, bundle: &Bundle) {
        let (made, now) = (self.made(), self.clock.now());
        let (path, bytes) = (made.join(key), serde_json::to_vec(bundle).unwrap_or_default());
        let kept = tokio::task::spawn_blocking(move || {
            fs::create_dir_all(&made)?;
            put(&path, &bytes)?;
            touch(&path, now)
        });
        if let Ok(Err(error)) = kept.await {
            tracing::warn!(%error, "a bundle cannot be kept");
        }
    }

    /// Keeps the folder within its bound; also after what failed, which may have fetched much.
    async fn make_room(&self) {
        let (made, described, unpacked) = (self.made(), self.root.join("described"), self.root.join("unpacked"));
        let (bound, now) = (self.cache_bytes, self.clock.now());
        let evicted = tokio::task::spawn_blocking(move || evict(&unpacked, &[&made, &described], bound, now));
        if let Ok(Err(error)) = evicted.await {
            tracing::warn!(%error, "the folder of packages cannot be kept in order");
        }
    }

    fn made(&self) -> PathBuf {
        self.root.join("bundles")
    }

    fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// Removes what a crash left.
    fn tidy(&self) -> io::Result<()> {
        let entries = match fs::read_dir(self.work()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let path = entry?.path();
            if self.clock.now().since(modified(&path)?) > ABANDONED_MS {
                fs::remove_dir_all(path)?;
            }
        }
        Ok(())
    }
}

/// A folder with the draft's files and its packages, as a bundler wants it.
fn lay_out(
    work: &Path,
    files: &Files,
    package: &Value,
    lock: &Lock,
    folders: &Folders,
) -> io::Result<tempfile::TempDir> {
    fs::create_dir_all(work)?;
    let folder = tempfile::tempdir_in(work)?;
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        let text = if name == files::PACKAGE { &package.to_string() } else { text };
        fs::write(path, text)?;
    }
    for (path, locked) in &lock.packages {
        let digest = locked.digest().ok_or_else(|| io::Error::other("a package without a hash"))?;
        folders.link(&digest, &folder.path().join(path))?;
    }
    Ok(folder)
}

fn bundle_of(files: &Files, entry: &str, output: Output) -> (Bundle, Meta) {
    let Output { code, map, meta } = output;
    let bundle = Bundle {
        entry: entry.to_owned(),
        format: Format::CommonJs,
        hash: scripts::hash(Format::CommonJs, &code),
        map: map.and_then(|map| sources::named(&map, files)),
        source: files.get(entry).cloned(),
        code,
    };
    (bundle, meta)
}

/// The identity of what is made of these files with these packages.
fn key(files: &Files, entry: &str, lock: &Lock) -> String {
    let what = json!([WAY, esbuild::VERSION, files, entry, lock.hash()]);
    hex(&Sha256::digest(what.to_string()))
}

/// Says which file requires a module that the runtime does not have.
fn explained(error: Error, meta: &Meta) -> Error {
    match error {
        Error::Script(error) => {
            let quoted = |module: &&str| error.message.contains(&format!("'{module}'"));
            let by = meta.externals().into_iter().find(quoted).and_then(|module| meta.required_by(module));
            let Some(by) = by.filter(|by| !error.message.contains(by)) else { return Error::Script(error) };
            Error::Script(Box::new(ScriptError { message: format!("{} (required by {by})", error.message), ..*error }))
        }
        other => other,
    }
}
