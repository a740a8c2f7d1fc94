//! From a draft's files to a bundle: finds the entry, checks its syntax, turns TypeScript into JavaScript.

mod entry;
mod syntax;

pub(crate) use syntax::missing_module;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::protocol::{Bundle, Format, Place, ScriptError};

/// A bundle, and where it exports something, for errors about the export.
pub(crate) struct Compiled {
    pub bundle: Bundle,
    pub export: Option<Place>,
}

impl Compiled {
    /// A bundle that was made elsewhere.
    pub fn ready(bundle: Bundle) -> Self {
        let text = bundle.source.as_deref().unwrap_or(&bundle.code);
        let export = syntax::place_of_export(&bundle.entry, text);
        Self { bundle, export }
    }
}

/// Compiles a draft's files.
pub(crate) fn compile(files: &BTreeMap<String, String>) -> Result<Compiled, ScriptError> {
    let entry = entry::find(files)?;
    let mut parsed = syntax::compile(entry.name, entry.text, entry.typescript)?;
    let export = parsed.export.take();
    Ok(Compiled { bundle: bundle(entry.name, entry.text, parsed), export })
}

/// Compiles a file of tests, which exports nothing.
pub(crate) fn compile_test(name: &str, text: &str) -> Result<Bundle, ScriptError> {
    entry::check_size(name, text)?;
    Ok(bundle(name, text, syntax::compile(name, text, name.ends_with(".ts"))?))
}

fn bundle(name: &str, text: &str, parsed: syntax::Parsed) -> Bundle {
    Bundle {
        entry: name.to_owned(),
        format: parsed.format,
        hash: hash(parsed.format, &parsed.code),
        source: parsed.map.is_some().then(|| text.to_owned()),
        code: parsed.code,
        map: parsed.map,
    }
}

/// The identity of code: [`Bundle::hash`].
pub fn hash(format: Format, code: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(match format {
        Format::CommonJs => b"commonjs\0".as_slice(),
        Format::Module => b"module\0".as_slice(),
    });
    hasher.update(code);
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
