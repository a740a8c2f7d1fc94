//! What must be on the machine, and who installs it.

use std::path::{Path, PathBuf};

/// Where packages put libfaketime, after a folder of libraries.
const FAKETIME: [&str; 2] = ["faketime/libfaketimeMT.so.1", "libfaketimeMT.so.1"];

/// Fails, with the way out, when `program` is not on the path.
pub fn need(program: &str) {
    assert!(has(program), "{program} is missing: `make tools-test` installs it");
}

/// Whether `program` is on the path.
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The library that fakes the clock of programs with threads.
pub fn libfaketime() -> PathBuf {
    let found = library_folders().into_iter().flat_map(|folder| FAKETIME.map(|name| folder.join(name)));
    found.into_iter().find(|file| file.is_file()).expect("libfaketime is missing: `make tools-test` installs it")
}

fn library_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = ["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from).into();
    let of_machines = Path::new("/usr/lib").read_dir().into_iter().flatten().flatten();
    folders.extend(of_machines.map(|entry| entry.path()).filter(|path| path.to_string_lossy().ends_with("-linux-gnu")));
    folders
}
