//! From what is asked for to a lock: package by package, in npm's order, each dependency gets a version and a place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use nodejs_semver::Version;
use schedules::Millis;

use super::digest::Digest;
use super::files::PACKAGE;
use super::lock::{Lock, Locked};
use super::packument::{Facts, Packument};
use super::project::Project;
use super::refusal::refused;
use super::requested::{Requested, Versions};
use super::tree::{Found, ROOT, Tree};
use crate::Result;

/// The most packages of one draft.
const MAX_PACKAGES: usize = 2_000;
/// How many documents are asked for at one time.
const AT_ONCE: usize = 16;

/// Where descriptions of packages come from.
pub(super) trait Source: Sync {
    /// The description of a package; `by` is who wants it.
    fn packument(&self, name: &str, by: &str) -> impl Future<Output = Result<Arc<Packument>>> + Send;
}

/// A dependency that has no place yet.
#[derive(Clone)]
struct Open {
    of: usize,
    name: String,
    requested: Requested,
    peer: bool,
    by: String,
}

/// Installs what `project` asks for. Versions of the lock before are kept where they will do; with `before`, no version
/// that is younger is chosen anew.
pub(super) async fn resolve(
    project: &Project,
    before: Option<&Lock>,
    source: &impl Source,
    no_younger: Option<Millis>,
) -> Result<Lock> {
    let mut resolving = Resolving {
        project,
        known: Known::new(before),
        no_younger,
        packuments: BTreeMap::new(),
        tree: Tree::new(),
        notes: Vec::new(),
    };
    // As npm goes about it: what stands higher up comes first, then what comes first by its path.
    let mut waiting = BTreeMap::from([((0, String::new()), ROOT)]);
    while let Some((_, of)) = waiting.pop_first() {
        if resolving.lacks(&resolving.needs(of)?) {
            // What the others need will be asked for anyway: all at one time.
            let all = std::iter::once(&of).chain(waiting.values()).map(|of| resolving.needs(*of));
            let all = all.collect::<Result<Vec<_>>>()?.concat();
            resolving.read(&all, source).await?;
        }
        for dependency in resolving.needs(of)? {
            if let Some(at) = resolving.place(dependency)? {
                waiting.insert((resolving.tree.depth(at), resolving.tree.path(at)), at);
            }
        }
    }
    resolving.lock()
}

struct Resolving<'a> {
    project: &'a Project,
    known: Known,
    no_younger: Option<Millis>,
    packuments: BTreeMap<String, Arc<Packument>>,
    tree: Tree,
    notes: Vec<String>,
}

impl Resolving<'_> {
    /// What a package needs, by name.
    fn needs(&self, of: usize) -> Result<Vec<Open>> {
        let node = self.tree.node(of);
        let (by, dependencies, peers) = match &node.version {
            None => (PACKAGE.to_owned(), &self.project.dependencies, &BTreeMap::new()),
            Some(version) => (format!("{}@{version}", node.package), &node.facts.dependencies, &node.facts.peers),
        };
        let dependent = node.version.is_some().then_some(node.package.as_str());
        let all = dependencies.iter().map(|entry| (entry, false)).chain(peers.iter().map(|entry| (entry, true)));
        let open = |((name, spec), peer): ((&String, &String), bool)| {
            let spec = self.project.overrides.spec(dependent, name, spec);
            Ok(Open { of, name: name.clone(), requested: Requested::parse(name, spec, &by)?, peer, by: by.clone() })
        };
        all.map(open).collect()
    }

    /// Whether the description of something is needed that nobody asked for yet.
    fn lacks(&self, open: &[Open]) -> bool {
        open.iter().any(|open| self.is_unknown(open))
    }

    fn is_unknown(&self, open: &Open) -> bool {
        self.known.find(&open.requested).is_none()
            && !self.packuments.contains_key(&open.requested.package)
            && !matches!(self.found(open), Found::Fitting)
    }

    /// Asks for the descriptions of what is not known.
    async fn read(&mut self, open: &[Open], source: &impl Source) -> Result<()> {
        let missing = open.iter().filter(|open| self.is_unknown(open));
        let missing: BTreeMap<String, String> =
            missing.map(|open| (open.requested.package.clone(), open.by.clone())).collect();
        let ask = |(name, by): (String, String)| async move {
            let packument = source.packument(&name, &by).await?;
            Ok::<_, crate::Error>((name, packument))
        };
        let asked: Vec<_> = missing.into_iter().map(ask).collect();
        let read: Vec<_> = stream::iter(asked).buffer_unordered(AT_ONCE).try_collect().await?;
        self.packuments.extend(read);
        Ok(())
    }

    fn found(&self, open: &Open) -> Found {
        self.tree.find(self.tree.start(open.of, open.peer), &open.name, &open.requested)
    }

    /// Gives a dependency its place; gives the new package, if there is one.
    fn place(&mut self, open: Open) -> Result<Option<usize>> {
        let start = self.tree.start(open.of, open.peer);
        if matches!(self.found(&open), Found::Fitting) {
            self.tree.rely(open.of, start, &open.name, open.requested);
            return Ok(None);
        }
        let (version, facts) = self.choose(&open)?;
        let package = &open.requested.package;
        let placed = self.tree.place(start, &open.name, package, version.clone(), facts);
        if placed.is_none() {
            self.notes.push(format!(
                "{} wants {} {} beside it, but another version is there; it gets that one",
                open.by, open.name, open.requested.text
            ));
        }
        if self.tree.len() > MAX_PACKAGES {
            let message = format!("the dependencies need more than {MAX_PACKAGES} packages in all");
            return Err(refused("too_many_packages", message));
        }
        self.tree.rely(open.of, start, &open.name, open.requested);
        Ok(placed)
    }

    fn choose(&self, open: &Open) -> Result<(Version, Facts)> {
        if let Some((version, facts)) = self.known.find(&open.requested) {
            return Ok((version.clone(), facts.clone()));
        }
        let packument = self.packuments.get(&open.requested.package).ok_or_else(|| {
            refused("package_not_found", format!("{}, required by {}, was not found", open.name, open.by))
        })?;
        let version = packument.choose(&open.requested, &open.by, self.no_younger)?;
        Ok((version.clone(), packument.facts(version)?))
    }

    fn lock(self) -> Result<Lock> {
        let direct: BTreeSet<String> =
            self.project.dependencies.keys().map(|name| format!("node_modules/{name}")).collect();
        let mut packages = BTreeMap::new();
        for (path, at) in self.tree.paths() {
            let node = self.tree.node(at);
            let version = node.version.as_ref().map(ToString::to_string).unwrap_or_default();
            let Facts { dependencies, peers, url, integrity, shasum } = node.facts.clone();
            let digest = Digest::parse(integrity.as_deref(), shasum.as_deref()).ok_or_else(|| {
                let message = format!("the registry gives no usable hash of {}@{version}", node.package);
                refused("package_without_integrity", message)
            })?;
            let direct = self.tree.is_at_the_top(at) && direct.contains(&path);
            let name = node.package.clone();
            let locked = Locked { name, version, url, integrity: digest.text(), direct, dependencies, peers };
            packages.insert(path, locked);
        }
        Ok(Lock { wanted: self.project.wanted(), packages, notes: self.notes })
    }
}

/// What the lock before says of its packages.
struct Known(BTreeMap<String, Vec<(Version, Facts)>>);

impl Known {
    fn new(lock: Option<&Lock>) -> Self {
        let mut known: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for locked in lock.into_iter().flat_map(|lock| lock.packages.values()) {
            let Ok(version) = Version::parse(&locked.version) else { continue };
            let facts = Facts {
                dependencies: locked.dependencies.clone(),
                peers: locked.peers.clone(),
                url: locked.url.clone(),
                integrity: Some(locked.integrity.clone()),
                shasum: None,
            };
            known.entry(locked.name.clone()).or_default().push((version, facts));
        }
        Self(known)
    }

    /// The highest that will do. What a tag stands for is asked anew.
    fn find(&self, requested: &Requested) -> Option<(&Version, &Facts)> {
        let Versions::In(range) = &requested.versions else { return None };
        let versions = self.0.get(&requested.package)?.iter().filter(|(version, _)| range.satisfies(version));
        versions.max_by(|a, b| a.0.cmp(&b.0)).map(|(version, facts)| (version, facts))
    }
}
