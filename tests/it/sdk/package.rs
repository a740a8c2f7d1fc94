//! The package's own tests, in Node.

use super::{package, run};

#[tokio::test]
async fn the_client_passes_its_tests() {
    let out = run("npm", &["test", "--silent"], &package(), &[]).await;
    let passed = out.lines().find_map(|line| line.trim_start_matches(['#', 'ℹ', ' ']).strip_prefix("pass "));
    let passed: u32 = passed.and_then(|count| count.trim().parse().ok()).unwrap_or_else(|| panic!("no count in {out}"));
    assert!(passed >= 50, "{passed} tests");
}
