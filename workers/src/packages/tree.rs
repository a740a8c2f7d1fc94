//! Where packages stand: each as high up in `node_modules` as nobody is misled by it, as npm places them.

use std::collections::BTreeMap;

use nodejs_semver::Version;

use super::packument::Facts;
use super::requested::Requested;

/// The draft itself.
pub(super) const ROOT: usize = 0;

/// Packages in their folders.
pub(super) struct Tree {
    nodes: Vec<Node>,
}

/// A package in its folder.
pub(super) struct Node {
    /// What it is required by; empty for the draft.
    name: String,
    /// The package's name in the registry; empty for the draft.
    pub package: String,
    /// Its version; `None` for the draft.
    pub version: Option<Version>,
    /// What it says of itself.
    pub facts: Facts,
    parent: usize,
    children: BTreeMap<String, usize>,
    /// What it needs and has been given a place for: where the search starts, and the request.
    needs: Vec<(usize, String, Requested)>,
}

/// What a request finds where it is made.
pub(super) enum Found {
    /// A package that will do.
    Fitting,
    /// One that will not; another may be put below it.
    Other,
    /// None.
    Nothing,
}

impl Tree {
    /// The draft, with nothing installed.
    pub(super) fn new() -> Self {
        let draft = Node {
            name: String::new(),
            package: String::new(),
            version: None,
            facts: Facts::default(),
            parent: ROOT,
            children: BTreeMap::new(),
            needs: Vec::new(),
        };
        Self { nodes: vec![draft] }
    }

    /// How many packages there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len() - 1
    }

    pub(super) fn node(&self, at: usize) -> &Node {
        &self.nodes[at]
    }

    /// The folder a search for a dependency of `of` starts in: its own, or for a peer the one it stands in.
    pub(super) fn start(&self, of: usize, peer: bool) -> usize {
        if peer { self.nodes[of].parent } else { of }
    }

    /// What a package in the folder `start` gets when it requires `name`.
    pub(super) fn find(&self, start: usize, name: &str, requested: &Requested) -> Found {
        match self.lookup(start, name) {
            None => Found::Nothing,
            Some((_, at)) if self.fits(at, requested) => Found::Fitting,
            Some(_) => Found::Other,
        }
    }

    /// Notes that a package relies on what it finds, so that nothing put in between misleads it.
    pub(super) fn rely(&mut self, of: usize, start: usize, name: &str, requested: Requested) {
        self.nodes[of].needs.push((start, name.to_owned(), requested));
    }

    /// Puts a package into the highest folder from `start` up where nothing of that name is in its way, and where it is
    /// in nobody else's. `None` if `start` has another one already.
    pub(super) fn place(
        &mut self,
        start: usize,
        name: &str,
        package: &str,
        version: Version,
        facts: Facts,
    ) -> Option<usize> {
        let mut home = None;
        for folder in self.upwards(start) {
            if self.nodes[folder].children.contains_key(name) {
                break;
            }
            if folder == start || !self.misleads(folder, name, package, &version) {
                home = Some(folder);
            }
        }
        let parent = home?;
        let at = self.nodes.len();
        self.nodes.push(Node {
            name: name.to_owned(),
            package: package.to_owned(),
            version: Some(version),
            facts,
            parent,
            children: BTreeMap::new(),
            needs: Vec::new(),
        });
        self.nodes[parent].children.insert(name.to_owned(), at);
        Some(at)
    }

    /// Every package with its path, in the order of paths.
    pub(super) fn paths(&self) -> BTreeMap<String, usize> {
        (1..self.nodes.len()).map(|at| (self.path(at), at)).collect()
    }

    /// Whether the draft itself finds this one.
    pub(super) fn is_at_the_top(&self, at: usize) -> bool {
        self.nodes[at].parent == ROOT
    }

    /// The path of a package, such as `node_modules/a/node_modules/b`.
    pub(super) fn path(&self, at: usize) -> String {
        let packages = self.upwards(at).filter(|node| *node != ROOT);
        let mut parts: Vec<&str> = packages.map(|node| self.nodes[node].name.as_str()).collect();
        parts.reverse();
        parts.iter().map(|name| format!("node_modules/{name}")).collect::<Vec<_>>().join("/")
    }

    /// How many folders of packages a package is below.
    pub(super) fn depth(&self, at: usize) -> usize {
        self.upwards(at).count()
    }

    /// A folder and those around it, up to the draft's.
    fn upwards(&self, from: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(from), |&at| (at != ROOT).then(|| self.nodes[at].parent))
    }

    fn lookup(&self, start: usize, name: &str) -> Option<(usize, usize)> {
        self.upwards(start).find_map(|folder| Some((folder, *self.nodes[folder].children.get(name)?)))
    }

    fn fits(&self, at: usize, requested: &Requested) -> bool {
        let Node { package, version, .. } = &self.nodes[at];
        version.as_ref().is_some_and(|version| requested.accepts(package, version))
    }

    /// Whether a package put into `folder` would be found, instead of what it relies on now, by one that it does not fit.
    fn misleads(&self, folder: usize, name: &str, package: &str, version: &Version) -> bool {
        let needs = self.nodes.iter().flat_map(|node| &node.needs).filter(|(_, needed, _)| needed == name);
        needs.filter(|(_, _, requested)| !requested.accepts(package, version)).any(|(start, ..)| {
            let above = |found: usize| self.upwards(folder).skip(1).any(|upper| upper == found);
            let inside = self.upwards(*start).any(|around| around == folder);
            inside && self.lookup(*start, name).is_some_and(|(found, _)| above(found))
        })
    }
}
