//! The layers of the configuration, merged: defaults, a file, the environment, flags.

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use toml::{Table, Value};

use super::{Config, DEFAULTS, Environment, Error, did_you_mean};

/// Files that are read when none is named.
const USUAL: [&str; 2] = ["tidegate.toml", "/etc/tidegate/tidegate.toml"];

/// Flags that set a key: dotted key and value.
pub type Flags = Vec<(&'static str, Value)>;

/// Merges all layers. `file` is `--config`.
pub fn load(file: Option<&Path>, environment: &Environment, flags: Flags) -> Result<Config, Error> {
    let defaults: Table = toml::from_str(DEFAULTS).map_err(|error| Error(format!("config.default.toml: {error}")))?;
    let mut figment = Figment::from(Toml::string(DEFAULTS));
    if let Some(path) = chosen(file, environment)? {
        let text = read(&path, &defaults)?;
        figment = figment.merge(Named::new(path.display().to_string(), Toml::string(&text)));
    }
    for (variable, key, value) in environment.settings(&defaults)? {
        figment = figment.merge(Named::new(variable, Serialized::default(&key, value)));
    }
    for (key, value) in flags {
        figment = figment.merge(Named::new("the command line", Serialized::default(key, value)));
    }
    let mut config: Config = figment.extract().map_err(|error| explain(&error))?;
    config.environment_secrets = environment.secrets()?;
    config.master_key = environment.get("TIDEGATE_MASTER_KEY").map(str::to_owned);
    config.admin_key = environment.get("TIDEGATE_ADMIN_KEY").map(str::to_owned);
    check(config)
}

/// The file to read, if any. One that is named must exist.
fn chosen(file: Option<&Path>, environment: &Environment) -> Result<Option<PathBuf>, Error> {
    let named = file.map(Path::to_path_buf).or_else(|| environment.get("TIDEGATE_CONFIG").map(PathBuf::from));
    match named {
        Some(path) if path.is_file() => Ok(Some(path)),
        Some(path) => Err(Error(format!("the configuration file {} does not exist", path.display()))),
        None => Ok(USUAL.iter().map(PathBuf::from).find(|path| path.is_file())),
    }
}

fn read(path: &Path, defaults: &Table) -> Result<String, Error> {
    let at = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| Error(format!("{at} cannot be read: {error}")))?;
    let table: Table = toml::from_str(&text).map_err(|error| Error(format!("{at}: {error}")))?;
    for (section, value) in &table {
        let known = defaults.get(section).and_then(Value::as_table).ok_or_else(|| unknown(path, section, defaults))?;
        let keys =
            value.as_table().ok_or_else(|| Error(format!("{at}: `{section}` is a section: write [{section}]")))?;
        if let Some(key) = keys.keys().find(|key| !known.contains_key(*key)) {
            return Err(unknown(path, &format!("{section}.{key}"), known));
        }
    }
    Ok(text)
}

fn unknown(path: &Path, key: &str, known: &Table) -> Error {
    let names: Vec<&str> = known.keys().map(String::as_str).collect();
    let last = key.rsplit('.').next().unwrap_or(key);
    Error(format!("{}: unknown key `{key}`{}", path.display(), did_you_mean(last, &names)))
}

fn explain(error: &figment::Error) -> Error {
    let source = error.metadata.as_ref().map_or("the configuration", |metadata| metadata.name.as_ref());
    Error(format!("{source}: `{}`: {}", error.path.join("."), error.kind))
}

/// What no type can say.
fn check(config: Config) -> Result<Config, Error> {
    if config.catalog.engine != "embedded" {
        // Not repeated: it may hold a password.
        let message = "catalog.engine: others than \"embedded\" come with a later version";
        return Err(Error(message.to_owned()));
    }
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let prefix = &config.queue.prefix;
    let prefix_fits = (1..=64).contains(&prefix.len()) && prefix.chars().all(fits);
    let limits = [
        ("server.roles", !config.server.roles.is_empty(), "names at least one of api, worker, scheduler"),
        ("queue.max_jobs", config.queue.max_jobs > 0, "is at least 1"),
        ("queue.prefix", prefix_fits, "is 1 to 64 letters, digits, dots, - or _"),
        ("queue.partitions", config.queue.partitions <= 64, "is at most 64"),
        ("queue.lease", (1_000..=3_600_000).contains(&config.queue.lease.ms), "is from 1s to 1h"),
        ("queue.horizon", config.queue.horizon.ms > 0, "is longer than 0s"),
        ("runs.concurrency", config.runs.concurrency <= 1_000, "is at most 1000"),
        ("runs.runners", config.runs.runners <= 256, "is at most 256"),
        ("limits.connections", (1..=1_000_000).contains(&config.limits.connections), "is from 1 to 1000000"),
        ("limits.streams", (1..=100_000).contains(&config.limits.streams), "is from 1 to 100000"),
        ("limits.body_read", config.limits.body_read.ms > 0, "is longer than 0s"),
        (
            "limits.integration_body",
            (1 << 10..=64 << 20).contains(&config.limits.integration_body.0),
            "is from 1KiB to 64MiB",
        ),
        ("runs.sync_wait", (1..=900_000).contains(&config.runs.sync_wait.ms), "is from 1ms to 15m"),
    ];
    match limits.iter().find(|(_, holds, _)| !holds) {
        Some((key, _, rule)) => Err(Error(format!("{key} {rule}"))),
        None => Ok(config),
    }
}

/// A provider under the name its errors show.
struct Named<P> {
    name: String,
    provider: P,
}

impl<P> Named<P> {
    fn new(name: impl Into<String>, provider: P) -> Self {
        Self { name: name.into(), provider }
    }
}

impl<P: figment::Provider> figment::Provider for Named<P> {
    fn metadata(&self) -> figment::Metadata {
        figment::Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<figment::value::Map<figment::Profile, figment::value::Dict>, figment::Error> {
        self.provider.data()
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
