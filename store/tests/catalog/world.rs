//! A catalog in a folder of its own, and things to put into it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schedules::Millis;
use store::catalog::{
    ApiKey, Catalog, Draft, Integration, LogLine, NewIntegration, NewRelease, Outcome, ReleaseNumber, RunRecord, Scope,
    Trigger,
};
use store::queue::{Cause, PageRequest};
use store::{IntegrationId, JobId, RunId};
use tempfile::TempDir;

/// A catalog whose folder goes when it does.
pub struct World {
    pub catalog: Catalog,
    pub folder: TempDir,
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.db")).await.unwrap();
        Self { catalog, folder }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("catalog.db")
    }

    /// Closes the catalog and opens its file again.
    pub async fn reopened(self) -> Self {
        self.catalog.close().await;
        let catalog = Catalog::open(&self.path()).await.unwrap();
        Self { catalog, folder: self.folder }
    }

    /// An integration of workspace `w`.
    pub async fn integration(&self, name: &str) -> Integration {
        self.catalog.create(new_integration(name)).await.unwrap()
    }
}

/// A runtime for the tests that are loops of their own.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub fn draft(code: &str) -> Draft {
    Draft {
        files: BTreeMap::from([("integration.js".to_owned(), code.to_owned())]),
        settings: r#"{"timeoutMs":1000}"#.to_owned(),
        sample: r#"{"n":1}"#.to_owned(),
        lock: Some(r#"{"packages":{}}"#.to_owned()),
    }
}

pub fn new_integration(name: &str) -> NewIntegration {
    NewIntegration {
        id: IntegrationId::new(Millis(1_000)),
        workspace: "w".to_owned(),
        name: name.to_owned(),
        description: format!("does \"{name}\"; it's quoted ✓"),
        trigger: Trigger::Recurring,
        draft: draft("module.exports = async () => 1"),
        created: Millis(1_000),
    }
}

pub fn new_release(integration: IntegrationId, note: &str) -> NewRelease {
    let Draft { files, settings, lock, .. } = draft(note);
    NewRelease {
        integration,
        files,
        settings,
        bundle: format!("[{note:?}]"),
        lock,
        note: note.to_owned(),
        created: Millis(7),
    }
}

pub fn api_key(id: &str, hash: u8) -> ApiKey {
    ApiKey {
        id: id.to_owned(),
        workspace: "w".to_owned(),
        name: format!("key {id}"),
        hash: [hash; 32],
        prefix: "tg_abcd".to_owned(),
        scopes: vec![Scope::Invoke, Scope::Read],
        integrations: vec!["order-alert".to_owned()],
        origins: vec!["https://shop.example".to_owned()],
        publishable: false,
        may_match: false,
        rate: None,
        created: Millis(5),
        revoked: None,
    }
}

/// A run that ended at `finished`, with as many bytes of result as `size`.
pub fn run(finished: i64, size: usize) -> RunRecord {
    RunRecord {
        id: RunId::new(Millis(finished)),
        job: JobId::new(Millis(finished)),
        integration: IntegrationId::new(Millis(1)),
        workspace: "w".to_owned(),
        integration_name: "order-alert".to_owned(),
        release: Some(ReleaseNumber { major: 1, minor: 2 }),
        cause: Cause::Schedule,
        attempt: 1,
        outcome: Outcome::Succeeded,
        queued: Millis(finished - 3),
        due: Millis(finished - 2),
        started: Some(Millis(finished - 1)),
        finished: Millis(finished),
        key: Some(r#"{"email":"a@b.example"}"#.to_owned()),
        result: Some("x".repeat(size)),
        error: None,
        logs: vec![log("info", None), log("http", Some(r#"{"status":200}"#))],
    }
}

fn log(level: &str, detail: Option<&str>) -> LogLine {
    LogLine {
        at_ms: 12,
        level: level.to_owned(),
        message: "a \"line\"\u{0}\nand another".to_owned(),
        detail: detail.map(str::to_owned),
    }
}

/// The first `first` of a list.
pub fn first<Id>(first: usize) -> PageRequest<Id> {
    PageRequest { first, after: None, before: None }
}
