//! What the environment says: `TIDEGATE_SECTION__KEY`, a few short names, secrets and the first admin key.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::{Error, did_you_mean};

/// Short names for keys that are set often.
const SHORT: [(&str, &str); 10] = [
    ("TIDEGATE_LISTEN", "server.listen"),
    ("TIDEGATE_DATA", "server.data"),
    ("TIDEGATE_ROLES", "server.roles"),
    ("TIDEGATE_LOG_FORMAT", "server.log_format"),
    ("TIDEGATE_LOG_LEVEL", "server.log_level"),
    ("TIDEGATE_QUEUE", "queue.engine"),
    ("TIDEGATE_CATALOG", "catalog.engine"),
    ("TIDEGATE_EGRESS_ALLOW", "egress.allow"),
    ("TIDEGATE_SANDBOX", "runs.sandbox"),
    ("TIDEGATE_ESBUILD", "packages.esbuild"),
];

/// Variables that are no keys of the file: the client's settings, keys, the file to read, what is migrated.
const OTHERS: [&str; 7] = [
    "TIDEGATE_CONFIG",
    "TIDEGATE_SERVER",
    "TIDEGATE_KEY",
    "TIDEGATE_ADMIN_KEY",
    "TIDEGATE_MASTER_KEY",
    "TIDEGATE_FROM",
    "TIDEGATE_TO",
];

const SECRET: &str = "TIDEGATE_SECRET_";

/// The `TIDEGATE_*` variables of a process.
#[derive(Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// This process's. Variables that are not UTF-8 and those of other programs are left out.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self::new(std::env::vars_os().filter_map(text))
    }

    /// These, for tests.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(variables.into_iter().filter(|(name, _)| name.starts_with("TIDEGATE_") && !injected(name)).collect())
    }

    /// Of these, the ones that are called so.
    pub fn only(self, names: &[&str]) -> Self {
        Self(self.0.into_iter().filter(|(name, _)| names.contains(&name.as_str())).collect())
    }

    /// One variable; an empty one counts as not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The secrets: `TIDEGATE_SECRET_<NAME>`.
    pub fn secrets(&self) -> Result<BTreeMap<String, String>, Error> {
        let named = self.0.iter().filter_map(|(name, value)| Some((name.strip_prefix(SECRET)?, value)));
        named.map(|(name, value)| secret(name, value)).collect()
    }

    /// Every variable that sets a key: variable, dotted key, value in the type of its default.
    pub fn settings(&self, defaults: &Table) -> Result<Vec<(String, String, Value)>, Error> {
        let ours = self.0.keys().filter(|name| !OTHERS.contains(&name.as_str()) && !name.starts_with(SECRET));
        ours.filter(|name| self.get(name).is_some()).map(|name| self.setting(name, defaults)).collect()
    }

    fn setting(&self, name: &str, defaults: &Table) -> Result<(String, String, Value), Error> {
        let key = SHORT.iter().find(|(short, _)| *short == name).map_or_else(
            || name.trim_start_matches("TIDEGATE_").to_lowercase().replace("__", "."),
            |(_, key)| (*key).to_owned(),
        );
        let default = lookup(defaults, &key).ok_or_else(|| unknown(name, defaults))?;
        let value = typed(self.get(name).unwrap_or_default(), default)
            .map_err(|expected| Error(format!("the environment variable {name} must be {expected}")))?;
        Ok((name.to_owned(), key, value))
    }
}

/// Kubernetes gives every pod such variables for a service called `tidegate`; they are no settings.
fn injected(name: &str) -> bool {
    name == "TIDEGATE_PORT" || name.starts_with("TIDEGATE_PORT_") || name.starts_with("TIDEGATE_SERVICE_")
}

fn secret(name: &str, value: &str) -> Result<(String, String), Error> {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest = name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !first || !rest {
        return Err(Error(format!(
            "{SECRET}{name}: a secret's name is a letter or _, then up to 63 letters, digits or _"
        )));
    }
    if value.len() > 8 << 10 {
        return Err(Error(format!("{SECRET}{name}: a secret is at most 8 KiB long")));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// The default at a dotted key of two parts.
fn lookup<'a>(defaults: &'a Table, key: &str) -> Option<&'a Value> {
    let (section, key) = key.split_once('.')?;
    defaults.get(section)?.as_table()?.get(key)
}

fn unknown(name: &str, defaults: &Table) -> Error {
    let keys = defaults.iter().flat_map(|(section, table)| {
        let keys = table.as_table().into_iter().flat_map(Table::keys);
        keys.map(move |key| format!("TIDEGATE_{}__{}", section.to_uppercase(), key.to_uppercase()))
    });
    let others = SHORT.iter().map(|(short, _)| *short).chain(OTHERS).map(str::to_owned);
    let names: Vec<String> = keys.chain(others).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Error(format!("the environment variable {name} sets nothing{}", did_you_mean(name, &names)))
}

fn typed(text: &str, default: &Value) -> Result<Value, &'static str> {
    match default {
        Value::Array(_) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Ok(Value::Array(parts.map(|part| Value::String(part.to_owned())).collect()))
        }
        Value::Integer(_) => text.parse().map(Value::Integer).map_err(|_| "a whole number"),
        Value::Boolean(_) => text.parse().map(Value::Boolean).map_err(|_| "true or false"),
        _ => Ok(Value::String(text.to_owned())),
    }
}
