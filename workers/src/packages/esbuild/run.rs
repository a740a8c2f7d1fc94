//! Runs esbuild over a folder, within bounds.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use super::meta::{Meta, TOO_LARGE};
use super::said;
use crate::packages::confined::{ADDRESS_SPACE_BYTES, BUSY, CONFINED, NOT_CONFINED};
use crate::packages::refusal::{broken, refused};
use crate::{Error, Result};

/// How long it may take, and the most bytes of what it says, of the code and of the map.
const TIMEOUT: Duration = Duration::from_secs(60);
const MAX_SAID_BYTES: u64 = 256 << 10;
const MAX_CODE_BYTES: u64 = 5 << 20;
const MAX_MAP_BYTES: u64 = 16 << 20;
const MAX_META_BYTES: u64 = 64 << 20;
/// Attempts to start a program that was written a moment ago: a process that is just being started elsewhere may still
/// hold it open.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(25);

/// Where it writes, below the folder it reads.
const OUT: &str = ".out";

/// CommonJS as Node has it: `main` before `module`, and no condition that only bundlers know, so that a package is the
/// same here as in Node. What a module knows of its place is a place that does not exist.
const OPTIONS: [&str; 23] = [
    "--bundle",
    "--platform=node",
    "--format=cjs",
    "--target=es2023",
    "--main-fields=main,module",
    "--conditions=node",
    "--supported:dynamic-import=false",
    // Packages that open sockets themselves: the runtime has its own in their place.
    "--external:undici",
    "--external:xhr2",
    "--external:xmlhttprequest",
    "--external:tidegate:test",
    "--define:import.meta.url=\"file:///integration/integration.js\"",
    "--define:__filename=\"/integration/integration.js\"",
    "--define:__dirname=\"/integration\"",
    "--tsconfig-raw={}",
    "--charset=utf8",
    "--legal-comments=none",
    "--sourcemap=external",
    "--sources-content=false",
    "--outfile=.out/bundle.js",
    "--metafile=.out/meta.json",
    "--log-level=error",
    "--color=false",
];

/// The program, and the one that locks it up.
#[derive(Clone, Copy)]
pub(in crate::packages) struct Bundler<'a> {
    pub program: &'a Path,
    /// This program, if the bundler is to be confined.
    pub confiner: Option<&'a Path>,
}

impl Bundler<'_> {
    /// The command up to the bundler's own arguments. Only [`OUT`] may be written, if it is confined.
    fn command(self, folder: &Path) -> Command {
        let Some(confiner) = self.confiner else { return Command::new(self.program) };
        let mut command = Command::new(confiner);
        command.arg(CONFINED).arg(folder).arg(folder.join(OUT)).arg(self.program);
        command
    }
}

/// What came of it.
pub(in crate::packages) struct Output {
    pub code: String,
    /// The source map, unless it is too large to be of use.
    pub map: Option<String>,
    pub meta: Meta,
}

/// Bundles `entry` in `folder`. Files outside of it are not bundled, whatever a package names. What would be too large is
/// minified: functions then have short names in stacks, but it runs.
pub(in crate::packages) async fn bundle(bundler: Bundler<'_>, folder: &Path, entry: &str) -> Result<Output> {
    match bundle_as(bundler, folder, entry, &[]).await {
        Err(Error::Script(error)) if error.code == TOO_LARGE => bundle_as(bundler, folder, entry, &["--minify"]).await,
        bundled => bundled,
    }
}

async fn bundle_as(bundler: Bundler<'_>, folder: &Path, entry: &str, more: &[&str]) -> Result<Output> {
    let ended = tokio::time::timeout(TIMEOUT, run(bundler, folder, entry, more)).await;
    let (status, said) = match ended {
        Ok(ended) => ended.map_err(|error| broken("esbuild", error))?,
        Err(_) => {
            // Dropping the child kills it.
            let message = format!("putting the packages together took longer than {} s", TIMEOUT.as_secs());
            return Err(refused("bundle_timeout", message));
        }
    };
    if bundler.confiner.is_some() && status.code() == Some(NOT_CONFINED.into()) {
        return Err(broken("esbuild cannot be confined", said.trim()));
    }
    let folder = folder.to_owned();
    let read = tokio::task::spawn_blocking(move || match status.success() {
        true => read(&folder),
        false => Err(said::error(&said, &folder)),
    });
    read.await.map_err(|error| broken("esbuild", error))?
}

/// Starts it, and waits for its end.
async fn run(bundler: Bundler<'_>, folder: &Path, entry: &str, more: &[&str]) -> io::Result<(ExitStatus, String)> {
    tokio::fs::create_dir_all(folder.join(OUT)).await?;
    let mut attempt = 0;
    loop {
        let started = bundler
            .command(folder)
            .arg(entry)
            .args(OPTIONS)
            .args(more)
            .current_dir(folder)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        let ended = match started {
            Ok(mut child) => {
                bound(&child);
                listen(&mut child).await
            }
            Err(error) => Err(error),
        };
        let busy = match &ended {
            Ok((status, _)) => bundler.confiner.is_some() && status.code() == Some(BUSY.into()),
            Err(error) => error.kind() == io::ErrorKind::ExecutableFileBusy,
        };
        if !busy || attempt == ATTEMPTS {
            return ended;
        }
        attempt += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Memory is bounded from outside: a package may name a device that never ends.
#[cfg(target_os = "linux")]
fn bound(child: &Child) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    let limit = Rlimit { current: Some(ADDRESS_SPACE_BYTES), maximum: Some(ADDRESS_SPACE_BYTES) };
    let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(id) = id
        && let Err(error) = prlimit(Some(id), Resource::As, limit)
    {
        // It may have ended already.
        tracing::debug!(%error, "esbuild's memory cannot be bounded");
    }
}

#[cfg(not(target_os = "linux"))]
fn bound(_child: &Child) {}

/// What it says, up to a bound, and how it ended.
async fn listen(child: &mut Child) -> io::Result<(ExitStatus, String)> {
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        let mut stderr = stderr.take(MAX_SAID_BYTES);
        stderr.read_to_end(&mut said).await?;
        // The rest is read and dropped, so that it can end.
        tokio::io::copy(stderr.get_mut(), &mut tokio::io::sink()).await?;
    }
    Ok((child.wait().await?, String::from_utf8_lossy(&said).into_owned()))
}

fn read(folder: &Path) -> Result<Output> {
    let out = folder.join(OUT);
    let open = |name: &str, limit: u64| -> io::Result<Option<String>> {
        let path = out.join(name);
        if std::fs::metadata(&path)?.len() > limit { Ok(None) } else { std::fs::read_to_string(path).map(Some) }
    };
    let failed = |error: io::Error| broken("reading what esbuild made", error);
    let meta = open("meta.json", MAX_META_BYTES).map_err(failed)?.unwrap_or_default();
    let meta = Meta::parse(&meta).ok_or_else(|| broken("esbuild's metafile", "it cannot be read"))?;
    meta.check_places()?;
    let code = open("bundle.js", MAX_CODE_BYTES).map_err(failed)?.ok_or_else(|| meta.too_large(MAX_CODE_BYTES))?;
    Ok(Output { code, map: open("bundle.js.map", MAX_MAP_BYTES).map_err(failed)?, meta })
}
