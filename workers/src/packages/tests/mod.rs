//! The installer and the bundler against a registry of our own, without the internet and without a runner.

mod bundling;
mod hostile;
mod installing;
mod resolving;

#[path = "../../../../tests/it/support/registry.rs"]
#[expect(dead_code, reason = "a part of it serves the tests of the whole product only")]
mod registry;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use schedules::{ManualClock, Millis};
use scripts::protocol::{Bundle, Code, ScriptError};
use serde_json::{Value, json};
use store::catalog::Files;
use tempfile::TempDir;

use super::build::{Checker, Packages};
use super::options::{Options, RegistryOptions, Token};
use super::{Built, Lock, SecretSource};
use crate::gateway::Insert;
use crate::{Error, Result};
use registry::Registry;

const NOW: Millis = Millis(1_800_000_000_000);

/// An installer with a registry, in a folder of its own.
struct World {
    registry: Registry,
    packages: Packages,
    clock: Arc<ManualClock>,
    options: Options,
    folder: TempDir,
}

/// Takes every bundle for good.
struct Trusting;

impl Checker for Trusting {
    async fn check(&self, code: Code) -> Result<Bundle> {
        match code {
            Code::Bundle(bundle) => Ok(*bundle),
            Code::Files(_) | Code::Test { .. } => panic!("this draft is to be bundled"),
        }
    }
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(set: impl FnOnce(&mut Options)) -> Self {
        let registry = Registry::start();
        let mut options = Options::new(RegistryOptions::parse(&registry.url(), None).expect("an address"));
        options.openings = vec![registry.opening().parse().expect("an opening")];
        options.esbuild = Some(esbuild());
        set(&mut options);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = Arc::new(ManualClock::new(NOW));
        let packages = Packages::new(options.clone(), secrets(), folder.path(), clock.clone()).expect("packages");
        Self { registry, packages, clock, options, folder }
    }

    /// Another process on the same folder.
    fn again(&self) -> Packages {
        Packages::new(self.options.clone(), secrets(), self.folder.path(), self.clock.clone()).expect("packages")
    }

    async fn build(&self, files: &Files, before: Option<&Lock>) -> Result<Built> {
        self.packages.build(files, before, &Trusting).await
    }

    /// The refusal of a draft with these dependencies that requires all of them.
    async fn refusal(&self, dependencies: Value) -> ScriptError {
        match self.build(&draft(dependencies), None).await {
            Err(Error::Script(error)) => *error,
            other => panic!("{other:?}"),
        }
    }

    fn data(&self) -> &Path {
        self.folder.path()
    }
}

/// The workspace's secrets: one for any host, one for another host, one that no header can have.
fn secrets() -> SecretSource {
    Arc::new(|name| {
        let insert = |value: &str, hosts: &[&str]| {
            let hosts = hosts.iter().map(|host| host.parse().expect("a host")).collect();
            Some(Insert { value: value.to_owned().into(), hosts })
        };
        Ok(match name {
            "NPM_TOKEN" => insert("s3cret\n", &[]),
            "BOUND" => insert("s3cret", &["npm.acme.example"]),
            "BROKEN" => insert("s3cret s3cret", &[]),
            _ => None,
        })
    })
}

/// A draft that requires each of these dependencies.
fn draft(dependencies: Value) -> Files {
    let names = dependencies.as_object().into_iter().flatten().map(|(name, _)| name);
    let required: Vec<String> = names.map(|name| format!("require({name:?})")).collect();
    let code = format!("const all = [{}];\nmodule.exports = async () => all.length;\n", required.join(", "));
    files(&code, json!({ "dependencies": dependencies }))
}

fn files(code: &str, package: Value) -> Files {
    [("integration.js".to_owned(), code.to_owned()), ("package.json".to_owned(), package.to_string())].into()
}

/// The bundler that `make test` fetches.
fn esbuild() -> PathBuf {
    let named = std::env::var_os("TIDEGATE_ESBUILD").map(PathBuf::from);
    let path = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/esbuild"));
    assert!(path.is_file(), "{} is missing: `make esbuild` fetches it", path.display());
    path.canonicalize().expect("a path")
}
