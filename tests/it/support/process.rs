//! A running `tidegate` process: started, listened to, ended by its id.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::{KEY, within};

/// The most lines of a process's talk that wait to be read.
const LINES: usize = 10_000;

/// A process whose stderr is read line by line. It is killed when it is dropped.
pub struct Spawned {
    child: Child,
    lines: mpsc::Receiver<String>,
    heard: Vec<String>,
}

impl Spawned {
    /// Starts `tidegate` with these arguments in `folder`.
    pub fn start(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        for name in std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("TIDEGATE_")) {
            command.env_remove(name);
        }
        command.args(args).current_dir(folder).envs(env.iter().copied()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let (send, lines) = mpsc::channel(LINES);
        let stderr = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        tokio::spawn(forward(stderr, send));
        Self { child, lines, heard: Vec::new() }
    }

    /// Waits for a line of stderr that contains `part`.
    pub async fn hears(&mut self, part: &str) -> String {
        let found = within(part, async {
            while let Some(line) = self.lines.recv().await {
                self.heard.push(line.clone());
                if line.contains(part) {
                    return Some(line);
                }
            }
            None
        });
        found.await.unwrap_or_else(|| panic!("the process ended without {part:?}; it said:\n{}", self.heard.join("\n")))
    }

    /// Every line there was, once the process has ended.
    pub async fn rest(&mut self) -> &[String] {
        while let Some(line) = self.lines.recv().await {
            self.heard.push(line);
        }
        &self.heard
    }

    /// Every line heard so far.
    pub fn heard(&self) -> &[String] {
        &self.heard
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id().expect("the process runs")
    }

    /// `kill -9`, and waits until it is gone.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("the process can be killed");
    }

    /// SIGTERM; gives the exit status.
    pub async fn terminate(&mut self) -> ExitStatus {
        let id = self.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().await.expect("`kill` runs");
        assert!(sent.success(), "SIGTERM could not be sent to {id}");
        within("the process to end", self.child.wait()).await.expect("the process can be waited for")
    }
}

async fn forward(mut lines: Lines<impl AsyncBufRead + Unpin>, to: mpsc::Sender<String>) {
    while let Ok(Some(line)) = lines.next_line().await {
        if to.send(line).await.is_err() {
            return;
        }
    }
}

/// A running server on a free port, with its data in a folder that lives as long as the test.
pub struct Server {
    process: Spawned,
    data: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    address: String,
    client: reqwest::Client,
    _folder: Option<tempfile::TempDir>,
}

impl Server {
    /// A server with nothing in it.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with more arguments.
    pub async fn start_with(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut server = Self::start_on(&folder.path().join("data"), args).await;
        server._folder = Some(folder);
        server
    }

    /// A server with more in its environment.
    pub async fn start_env(env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut server = Self::open(&folder.path().join("data"), Vec::new(), env).await;
        server._folder = Some(folder);
        server
    }

    /// A server that installs packages from `registry`, with more in its environment.
    pub async fn start_with_registry(registry: &super::Registry, env: &[(&str, &str)]) -> Self {
        let (url, opening, esbuild) = (registry.url(), registry.opening(), super::registry::esbuild());
        let ours = [
            ("TIDEGATE_PACKAGES__REGISTRY", url.as_str()),
            ("TIDEGATE_PACKAGES__ALLOW", opening.as_str()),
            ("TIDEGATE_ESBUILD", esbuild.to_str().expect("UTF-8")),
        ];
        Self::start_env(&[&ours, env].concat()).await
    }

    /// A server whose scripts may reach `sink`, with more lines of configuration.
    pub async fn start_opened(sink: &super::Sink, config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("tidegate.toml");
        let text = format!("{config}\n[egress]\nallow = [\"{}\"]\n", sink.opening());
        std::fs::write(&file, text).expect("the configuration can be written");
        let file = file.to_str().expect("the folder's name is UTF-8");
        let mut server = Self::start_on(&folder.path().join("data"), &["--config", file]).await;
        server._folder = Some(folder);
        server
    }

    /// A server on data that somebody else looks after.
    pub async fn start_on(data: &Path, args: &[&str]) -> Self {
        Self::open(data, args.iter().map(|arg| (*arg).to_owned()).collect(), Vec::new()).await
    }

    async fn open(data: &Path, args: Vec<String>, env: Vec<(String, String)>) -> Self {
        let (process, address) = launch(data, &args, &env).await;
        let client = workers::gateway::operator_client();
        Self { process, data: data.to_owned(), args, env, address, client, _folder: None }
    }

    /// Its address, such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> &str {
        &self.address
    }

    /// The client of its API; one for all calls, so that connections are used again.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Where its data is.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Spawned {
        &mut self.process
    }

    /// `kill -9`; nothing is tidied up.
    pub async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// SIGTERM; gives the exit status.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.process.terminate().await
    }

    /// Starts again on the same data; the port may be another one.
    pub async fn restart(&mut self) {
        (self.process, self.address) = launch(&self.data, &self.args, &self.env).await;
    }
}

async fn launch(data: &Path, args: &[String], env: &[(String, String)]) -> (Spawned, String) {
    let data_text = data.to_str().expect("the folder's name is UTF-8");
    let mut all = vec!["serve", "--listen", "127.0.0.1:0", "--data", data_text];
    all.extend(args.iter().map(String::as_str));
    let folder = data.parent().expect("data is in a folder");
    let mut vars = vec![("TIDEGATE_ADMIN_KEY", KEY)];
    vars.extend(env.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let mut process = Spawned::start(folder, &all, &vars);
    let line = process.hears("listening on ").await;
    let address = line.split_once("listening on ").map(|(_, address)| address.trim().to_owned());
    (process, address.expect("the line has an address"))
}
