//! `.env`: the secrets of a folder that is being worked on.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cli::Failure;

/// The file's name.
pub const FILE: &str = ".env";

/// The secrets of the folder; none when there is no file.
pub fn read(root: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let path = root.join(FILE);
    if !path.is_file() {
        return Ok(BTreeMap::new());
    }
    let wrong = |error: dotenvy::Error| {
        Failure::usage(format!("{}: {error}", path.display())).help("write a secret per line: NAME=value")
    };
    dotenvy::from_path_iter(&path).map_err(wrong)?.map(|pair| pair.map_err(wrong)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_per_line() {
        let root = tempfile::tempdir().unwrap();
        assert!(read(root.path()).unwrap().is_empty());
        std::fs::write(root.path().join(FILE), "# chat\nCHAT_TOKEN=abc\nexport QUOTED=\"a b\"\n").unwrap();
        let secrets = read(root.path()).unwrap();
        assert_eq!((secrets["CHAT_TOKEN"].as_str(), secrets["QUOTED"].as_str()), ("abc", "a b"));
        std::fs::write(root.path().join(FILE), "not a line\n").unwrap();
        assert!(read(root.path()).unwrap_err().message.contains(FILE));
    }
}
