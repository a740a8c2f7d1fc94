//! What esbuild reports of a bundle: the files that went into it, their sizes, and who required what.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::packages::lock::package_of;
use crate::packages::refusal::refused;
use crate::{Error, Result};

/// The code of the error of a bundle that is over its bound.
pub(super) const TOO_LARGE: &str = "bundle_too_large";

/// How many packages a message lists.
const LISTED: usize = 5;

/// The report.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::packages) struct Meta {
    inputs: BTreeMap<String, Input>,
    outputs: BTreeMap<String, Made>,
}

#[derive(Clone, Debug, Deserialize)]
struct Input {
    #[serde(default)]
    imports: Vec<Import>,
}

#[derive(Clone, Debug, Deserialize)]
struct Import {
    path: String,
    #[serde(default)]
    external: bool,
}

#[derive(Clone, Debug, Deserialize)]
struct Made {
    #[serde(default)]
    inputs: BTreeMap<String, Share>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Share {
    bytes_in_output: u64,
}

impl Meta {
    pub(super) fn parse(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// Refuses a bundle that holds files from outside of the folder: a package may name any file of this machine.
    pub(super) fn check_places(&self) -> Result<()> {
        let outside = |name: &&String| !is_inside(name);
        let Some(name) = self.inputs.keys().find(outside) else { return Ok(()) };
        let by = self.inputs.iter().find(|(_, input)| input.imports.iter().any(|import| import.path == *name));
        Err(outside_of(by.map_or("the draft", |(by, _)| by)))
    }

    /// The paths of packages that are in the bundle, such as `node_modules/axios`.
    pub(in crate::packages) fn packages(&self) -> BTreeSet<&str> {
        self.inputs.keys().filter_map(|file| Some(package_of(file)?.1)).collect()
    }

    /// Who requires a module that is not in the bundle.
    pub(in crate::packages) fn required_by(&self, module: &str) -> Option<&str> {
        let bare = |path: &str| path.trim_start_matches("node:").to_owned();
        let wants =
            |input: &Input| input.imports.iter().any(|import| import.external && bare(&import.path) == bare(module));
        self.inputs.iter().find(|(_, input)| wants(input)).map(|(file, _)| file.as_str())
    }

    /// Modules that are not in the bundle: Node's own.
    pub(in crate::packages) fn externals(&self) -> BTreeSet<&str> {
        let imports = self.inputs.values().flat_map(|input| &input.imports);
        imports.filter(|import| import.external).map(|import| import.path.as_str()).collect()
    }

    /// What makes a bundle too large.
    pub(super) fn too_large(&self, limit: u64) -> Error {
        let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
        for (file, share) in self.outputs.values().flat_map(|made| &made.inputs) {
            *sizes.entry(package_of(file).map_or("the draft's own files", |(name, _)| name)).or_default() +=
                share.bytes_in_output;
        }
        let total: u64 = sizes.values().sum();
        let mut largest: Vec<_> = sizes.into_iter().collect();
        largest.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        let shown = largest.iter().take(LISTED).map(|(name, bytes)| format!("{name} ({} KiB)", bytes >> 10));
        let message = format!(
            "the bundled code has {} KiB; at most {} KiB are allowed. The largest parts are {}",
            total >> 10,
            limit >> 10,
            shown.collect::<Vec<_>>().join(", ")
        );
        refused(TOO_LARGE, message)
    }
}

/// Whether a file's name, as esbuild has it, is one below the folder. Its own (`(disabled):…`) are no files.
pub(super) fn is_inside(name: &str) -> bool {
    let name = name.strip_prefix("(disabled):").unwrap_or(name);
    !name.starts_with('/') && !name.starts_with("data:") && !name.split('/').any(|part| part == "..")
}

/// The refusal of a file that is not the draft's.
pub(super) fn outside_of(by: &str) -> Error {
    let by = if is_inside(by) { by } else { "the draft" };
    refused("module_not_found", format!("{by} requires a file outside of the draft, and there is none"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn meta(inputs: serde_json::Value) -> Meta {
        Meta::parse(&json!({ "inputs": inputs, "outputs": {} }).to_string()).unwrap()
    }

    #[test]
    fn files_of_this_machine_are_not_bundled() {
        let check = |file: &str, fine: bool| {
            let found = meta(json!({ "integration.js": { "imports": [{ "path": file }] }, file: {} })).check_places();
            assert_eq!(found.is_ok(), fine, "{file}");
            if let Err(error) = found {
                assert!(error.to_string().contains("integration.js") && !error.to_string().contains(file), "{error}");
            }
        };
        check("node_modules/a/index.js", true);
        check("lib/a..b.js", true);
        check("(disabled):node_modules/a/browser.js", true);
        check("../../etc/secrets.json", false);
        check("/etc/secrets.json", false);
        check("node_modules/a/../../../x.json", false);
        check("(disabled):../x.js", false);
    }

    #[test]
    fn it_is_known_who_requires_what() {
        let imports = json!([{ "path": "node:child_process", "external": true }, { "path": "integration.js" }]);
        let meta = meta(json!({ "integration.js": {}, "node_modules/@s/a/x.js": { "imports": imports } }));
        assert_eq!(meta.required_by("child_process"), Some("node_modules/@s/a/x.js"));
        assert_eq!(meta.required_by("fs"), None);
        assert_eq!(meta.packages().into_iter().collect::<Vec<_>>(), ["node_modules/@s/a"]);
    }

    #[test]
    fn a_large_bundle_names_its_largest_parts() {
        let share = |bytes: u64| json!({ "bytesInOutput": bytes });
        let inputs = json!({
            "integration.js": share(10 << 10), "node_modules/a/1.js": share(300 << 10), "node_modules/a/2.js": share(300 << 10),
            "node_modules/b/x.js": share(500 << 10), "node_modules/c/x.js": share(1), "node_modules/d/x.js": share(2),
            "node_modules/e/x.js": share(3),
        });
        let json = json!({ "inputs": {}, "outputs": { ".out/bundle.js": { "inputs": inputs } } });
        let said = Meta::parse(&json.to_string()).unwrap().too_large(1 << 20).to_string();
        let expected = "a (600 KiB), b (500 KiB), the draft's own files (10 KiB), e (0 KiB), d (0 KiB)";
        assert!(said.ends_with(expected), "{said}");
    }
}
