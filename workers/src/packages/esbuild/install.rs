//! Fetches esbuild when it is first needed, and takes it only if it hashes to what is written here.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use tokio::sync::Mutex;

use crate::packages::digest::Digest;
use crate::packages::refusal::broken;
use crate::packages::registry::Registry;
use crate::{Error, Result};

/// The version; `tests/esbuild/package.json` has the same.
pub(in crate::packages) const VERSION: &str = "0.28.2";

/// System, processor, npm package, and the integrity that npm's registry gives for it.
const BUILDS: [(&str, &str, &str, &str); 4] = [
    (
        "linux",
        "x86_64",
        "@esbuild/linux-x64",
        "sha512-4xTZr1FUmSoQW4XIWmit3tzQrUTZM+N3P0XV8xROKYF50XfI7xeO90+1bZvNwxIufQ9hDQVRJH5YhgPVF8A/HQ==",
    ),
    (
        "linux",
        "aarch64",
        "@esbuild/linux-arm64",
        "sha512-pW4AC0P3it8c7do9MVM4p51FzHzdM/TZrerurgRcHJ2WTa1VQ1CIq18xncfpBJw4ojkiZZrKW2yIBWBP92j6Ug==",
    ),
    (
        "macos",
        "x86_64",
        "@esbuild/darwin-x64",
        "sha512-uq6suIWYP37qzGddBKPw5QEQPi6HiLGsO7UmkpfyaYNQ3D+rN6w6WfwH+nuqcGXWvawGwxOEroO4YGnFh95azw==",
    ),
    (
        "macos",
        "aarch64",
        "@esbuild/darwin-arm64",
        "sha512-n4KqkOQrraxHJcgjM1RvwbigfQKIKJVpM7xp+KsxiyUSrRdIXnt73VhrPAx0fV44hgfmIVKjxMN9J1t5jySVkw==",
    ),
];
/// Where the program is in the package, and the most bytes of it.
const INSIDE: &str = "package/bin/esbuild";
const MAX_BYTES: u64 = 64 << 20;

/// The bundler of this process.
pub(in crate::packages) struct Esbuild {
    /// The operator's own.
    given: Option<PathBuf>,
    installed: PathBuf,
    installing: Mutex<()>,
}

impl Esbuild {
    /// One that will be installed below `tools`, unless the operator has one.
    pub(in crate::packages) fn new(given: Option<PathBuf>, tools: &Path) -> Self {
        let installed = tools.join(format!("esbuild-{VERSION}")).join("esbuild");
        Self { given, installed, installing: Mutex::default() }
    }

    /// The program, installed now if it is not yet.
    pub(in crate::packages) async fn program(&self, registry: &Registry) -> Result<&Path> {
        if let Some(given) = &self.given {
            return if given.is_file() { Ok(given) } else { Err(broken("packages.esbuild", given.display())) };
        }
        let _alone = self.installing.lock().await;
        if !self.installed.is_file() {
            self.install(registry).await?;
        }
        Ok(&self.installed)
    }

    async fn install(&self, registry: &Registry) -> Result<()> {
        let (os, processor) = (std::env::consts::OS, std::env::consts::ARCH);
        let build = BUILDS.iter().find(|(its_os, its_processor, ..)| (*its_os, *its_processor) == (os, processor));
        let (.., package, integrity) = build.ok_or_else(|| {
            Error::Unavailable(format!("there is no esbuild for {os} on {processor}; set packages.esbuild to one"))
        })?;
        let digest = Digest::parse(Some(integrity), None).ok_or_else(|| broken("esbuild's hash", integrity))?;
        tracing::info!(package, version = VERSION, "fetching the bundler");
        let tarball = registry.pinned(package, VERSION, digest).await?;
        let to = self.installed.clone();
        let written = tokio::task::spawn_blocking(move || write(&tarball, &to)).await;
        written
            .map_err(|error| broken("installing esbuild", error))?
            .map_err(|error| broken("installing esbuild", error))
    }
}

/// Writes the one file that is needed, whole or not at all.
fn write(tarball: &[u8], to: &Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(GzDecoder::new(tarball));
    for entry in archive.entries()? {
        let entry = entry?;
        if &*entry.path_bytes() != INSIDE.as_bytes() {
            continue;
        }
        let folder = to.parent().unwrap_or(to);
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        io::copy(&mut entry.take(MAX_BYTES), &mut file)?;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o755))?;
        file.into_temp_path().persist(to)?;
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::NotFound, format!("the package has no {INSIDE}")))
}
