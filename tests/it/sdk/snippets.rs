//! The snippets of docs/CLIENTS.md, taken from there and run.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{package, run};
use crate::support::{KEY, Server, tidegate_in, until};

/// What each snippet prints: the result, and that the job it scheduled was there to be cancelled.
const PRINTS: [&str; 2] = ["\"sent\":1001", "\"cancelled\":1"];

/// The one block of this language below this heading.
fn snippet(heading: &str, language: &str) -> String {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CLIENTS.md")).expect("the file");
    let section = text.split("\n## ").find(|section| section.starts_with(&format!("{heading}\n")));
    let section = section.unwrap_or_else(|| panic!("docs/CLIENTS.md has no section {heading}"));
    let (_, code) =
        section.split_once(&format!("```{language}\n")).unwrap_or_else(|| panic!("{heading}: no {language}"));
    let (code, _) = code.split_once("\n```").expect("the block ends");
    format!("{code}\n")
}

struct Scene {
    server: Server,
    folder: TempDir,
    key: String,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start().await;
        let code = "module.exports = ({ payload, key }) => ({ sent: payload.order, customer: key.customer })";
        server.deploy("order-alert", code, json!({})).await;
        let folder = tempfile::tempdir().expect("a folder");
        let args = ["keys", "create", "backend", "--scope", "invoke", "--integration", "order-alert"];
        let made = tidegate_in(folder.path(), &args, &[("TIDEGATE_SERVER", server.url()), ("TIDEGATE_KEY", KEY)]).ok();
        Self { server, folder, key: made.out.trim().to_owned() }
    }

    /// Runs `program` on the snippet in `file`, with more in its environment.
    async fn check(&self, file: &str, code: &str, program: &[&str], env: &[(&str, &str)]) {
        let path = self.folder.path().join(file);
        std::fs::write(&path, code).expect("it can be written");
        let args = [&program[1..], &[file]].concat();
        let ours = [("TIDEGATE_URL", self.server.url()), ("TIDEGATE_KEY", self.key.as_str())];
        let out = run(program[0], &args, self.folder.path(), &[&ours, env].concat()).await;
        let bare: String = out.chars().filter(|c| !c.is_whitespace()).collect();
        PRINTS.into_iter().for_each(|part| assert!(bare.contains(part), "{file} printed {out}"));
        // A cancelled job enters the history a moment after the answer.
        let runs = until("both runs", async || {
            let runs = self.server.get("/v1/runs?integration=order-alert").await;
            (runs["totalCount"] == 2).then_some(runs)
        });
        let runs = runs.await;
        let outcomes: Vec<&Value> =
            runs["items"].as_array().expect("items").iter().map(|run| &run["outcome"]).collect();
        assert!(outcomes.contains(&&json!("succeeded")) && outcomes.contains(&&json!("cancelled")), "{file}: {runs}");
    }
}

#[tokio::test]
async fn the_curl_snippet_runs() {
    Scene::new().await.check("snippet.sh", &snippet("curl", "sh"), &["sh", "-eu"], &[]).await;
}

#[tokio::test]
async fn the_python_snippet_runs() {
    Scene::new().await.check("snippet.py", &snippet("Python", "python"), &["python3"], &[]).await;
}

#[tokio::test]
async fn the_go_snippet_runs() {
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/go");
    let cache = cache.to_str().expect("UTF-8");
    let env =
        [("GOCACHE", cache), ("GOPATH", cache), ("GOFLAGS", "-mod=mod"), ("GOPROXY", "off"), ("GOTOOLCHAIN", "local")];
    Scene::new().await.check("snippet.go", &snippet("Go", "go"), &["go", "run"], &env).await;
}

#[tokio::test]
async fn the_node_snippet_runs() {
    let scene = Scene::new().await;
    let scope = scene.folder.path().join("node_modules/@tidegate");
    std::fs::create_dir_all(&scope).expect("a folder");
    std::os::unix::fs::symlink(package(), scope.join("client")).expect("a link");
    scene.check("snippet.mjs", &snippet("Node", "js"), &["node"], &[]).await;
}
