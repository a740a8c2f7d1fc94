//! A bundle's source map with the names an author knows, and the texts of the author's own files.

use serde_json::{Value, json};
use store::catalog::Files;

/// What esbuild puts before the name of every source: the way out of the folder it writes into.
const UP: &str = "../";

/// The map to keep; `None` if it is no map.
pub(super) fn named(map: &str, files: &Files) -> Option<String> {
    let mut map: Value = serde_json::from_str(map).ok()?;
    let sources: Vec<String> = map
        .get("sources")?
        .as_array()?
        .iter()
        .map(|name| name.as_str().unwrap_or_default().trim_start_matches(UP).to_owned())
        .collect();
    let texts: Vec<Option<&String>> = sources.iter().map(|name| files.get(name)).collect();
    map["sourcesContent"] = json!(texts);
    map["sources"] = json!(sources);
    Some(map.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_named_as_the_author_knows_them() {
        let files = [("integration.js".to_owned(), "code".to_owned())].into();
        let map =
            json!({ "version": 3, "sources": ["../node_modules/a/x.js", "../integration.js"], "mappings": "AAAA" });
        let named: Value = serde_json::from_str(&named(&map.to_string(), &files).unwrap()).unwrap();
        assert_eq!(named["sources"], json!(["node_modules/a/x.js", "integration.js"]));
        assert_eq!(named["sourcesContent"], json!([null, "code"]));
        assert_eq!(named["mappings"], "AAAA");
    }
}
