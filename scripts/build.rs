//! Says what to run when the modules made from npm packages are not there.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=node/dist");
    let made = Path::new("node/dist/NOTICE").exists();
    if !made {
        println!("cargo::error=scripts/node/dist is missing: run `make node` (npm ci and a build of a few seconds)");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
