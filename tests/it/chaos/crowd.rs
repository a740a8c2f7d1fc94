//! An API, two workers and a scheduler, each a process of its own, on one data folder and one Redis.

use std::path::PathBuf;

use crate::support::{Server, Sink, Spawned};

/// How long a lease lasts, so that the jobs of a killed worker start again soon.
const LEASE: &str = "2s";

/// One process that answers no HTTP.
pub struct Member {
    process: Spawned,
    roles: &'static str,
}

/// The processes.
pub struct Crowd {
    pub api: Server,
    pub members: Vec<Member>,
    folder: tempfile::TempDir,
    url: String,
}

impl Crowd {
    /// Starts them; scripts may reach `sink`.
    pub async fn start(url: &str, sink: &Sink) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = format!(
            "[server]\nlog_level = \"warn,tidegate=info\"\n[queue]\nlease = \"{LEASE}\"\n[runs]\nconcurrency = 8\n[egress]\nallow = [\"{}\"]\n",
            sink.opening()
        );
        std::fs::write(folder.path().join("tidegate.toml"), config).expect("the configuration can be written");
        let data = folder.path().join("data");
        let api = Server::start_on(&data, &["--queue", url, "--roles", "api"]).await;
        let mut crowd = Self { api, members: Vec::new(), folder, url: url.to_owned() };
        for roles in ["worker", "worker", "scheduler"] {
            let process = crowd.launch(roles).await;
            crowd.members.push(Member { process, roles });
        }
        crowd
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    async fn launch(&self, roles: &str) -> Spawned {
        let data = self.data();
        let data = data.to_str().expect("the folder's name is UTF-8");
        let args = ["serve", "--data", data, "--queue", &self.url, "--roles", roles];
        let mut process = Spawned::start(self.folder.path(), &args, &[]);
        process.hears("jobs wait in Redis").await;
        process
    }

    /// `kill -9` for a member, and another one in its place.
    pub async fn replace(&mut self, number: usize) {
        self.members[number].process.kill().await;
        let roles = self.members[number].roles;
        self.members[number].process = self.launch(roles).await;
    }
}
