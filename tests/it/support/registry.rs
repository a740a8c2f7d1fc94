//! An npm registry of our own on a free port: packages made on the fly, tarballs as hostile as a test wants them, and a
//! record of who asked for what.
//!
//! Plain threads, so that it serves tests with and without a runtime.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

/// A request that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Such as `/axios`.
    pub path: String,
    /// The header `Authorization`.
    pub authorization: Option<String>,
}

/// What is answered to a path.
#[derive(Clone)]
enum Answer {
    /// A package's document; `ADDRESS` in it is where this registry is.
    Document(Value),
    Bytes(Vec<u8>),
    /// A file, read when it is asked for.
    File(PathBuf),
    Redirect(String),
    Status(u16),
}

#[derive(Default)]
struct State {
    answers: BTreeMap<String, Answer>,
    asked: Vec<Asked>,
    is_down: bool,
}

/// The bundler that `make test` fetches.
pub fn esbuild() -> PathBuf {
    let named = std::env::var_os("TIDEGATE_ESBUILD").map(PathBuf::from);
    let path = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/esbuild"));
    assert!(path.is_file(), "{} is missing: `make esbuild` fetches it", path.display());
    path
}

/// The registry; it serves as long as the process lives.
#[derive(Clone)]
pub struct Registry {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Registry {
    /// An empty one on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State::default()));
        let serving = Self { address, state };
        let registry = serving.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let serving = serving.clone();
                thread::spawn(move || serving.serve(connection));
            }
        });
        registry
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What opens it, for `packages.allow`.
    pub fn opening(&self) -> String {
        format!("{}/32:{}", self.address.ip(), self.address.port())
    }

    /// Publishes a package of these files; `manifest` adds to its `package.json`.
    pub fn publish(&self, name: &str, version: &str, manifest: Value, files: &[(&str, &str)]) {
        let mut package = json!({ "name": name, "version": version });
        merge(&mut package, &manifest);
        let text = package.to_string();
        let files = files.iter().copied().chain([("package.json", text.as_str())]);
        self.publish_tarball(name, version, manifest, tarball(files));
    }

    /// Publishes a tarball as it is.
    pub fn publish_tarball(&self, name: &str, version: &str, manifest: Value, tarball: Vec<u8>) {
        let integrity = format!("sha512-{}", BASE64_STANDARD.encode(Sha512::digest(&tarball)));
        let path = format!("/{name}/-/{}-{version}.tgz", name.rsplit('/').next().unwrap_or(name));
        let mut facts = json!({
            "name": name, "version": version, "dist": { "tarball": format!("ADDRESS{path}"), "integrity": integrity },
        });
        merge(&mut facts, &manifest);
        self.list(name, version, facts);
        self.answer(&path, Answer::Bytes(tarball));
    }

    /// Lists a version that has these facts; its tarball is another matter.
    pub fn list(&self, name: &str, version: &str, facts: Value) {
        let mut state = self.state();
        let document = state
            .answers
            .entry(document_path(name))
            .or_insert_with(|| Answer::Document(json!({ "name": name, "dist-tags": {}, "versions": {}, "time": {} })));
        let Answer::Document(document) = document else { return };
        document["versions"][version] = facts;
        document["dist-tags"]["latest"] = json!(version);
        document["time"][version] = json!("2020-01-01T00:00:00.000Z");
    }

    /// Changes a package's document.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut Value)) {
        if let Some(Answer::Document(document)) = self.state().answers.get_mut(&document_path(name)) {
            change(document);
        }
    }

    /// Answers a path with these bytes.
    pub fn bytes(&self, path: &str, bytes: Vec<u8>) {
        self.answer(path, Answer::Bytes(bytes));
    }

    /// Redirects a path.
    pub fn redirect(&self, path: &str, to: &str) {
        self.answer(path, Answer::Redirect(to.to_owned()));
    }

    /// Answers a path with a status.
    pub fn status(&self, path: &str, status: u16) {
        self.answer(path, Answer::Status(status));
    }

    /// From now on, or no longer, every request is answered 503.
    pub fn go_down(&self, down: bool) {
        self.state().is_down = down;
    }

    /// What was asked for so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// Serves the packages that a file such as `tests/compat/lock.json` lists, from the cache of npm at `cache`.
    pub fn serve_locked(&self, lock: &Path, cache: &Path) {
        let text = std::fs::read_to_string(lock).unwrap_or_else(|error| panic!("{}: {error}", lock.display()));
        let packages: BTreeMap<String, BTreeMap<String, Value>> = serde_json::from_str(&text).expect("a lock is JSON");
        for (name, versions) in packages {
            for (version, mut facts) in versions {
                let integrity = facts["dist"]["integrity"].as_str().expect("an integrity").to_owned();
                let hash = integrity.strip_prefix("sha512-").and_then(|hash| BASE64_STANDARD.decode(hash).ok());
                let hex: String = hash.expect("a SHA-512").iter().map(|byte| format!("{byte:02x}")).collect();
                let path = format!("/{name}/-/{version}.tgz");
                facts["dist"]["tarball"] = json!(format!("ADDRESS{path}"));
                self.list(&name, &version, facts);
                let file = cache.join("_cacache/content-v2/sha512").join(&hex[..2]).join(&hex[2..4]).join(&hex[4..]);
                self.answer(&path, Answer::File(file));
            }
        }
    }

    fn answer(&self, path: &str, answer: Answer) {
        self.state().answers.insert(path.to_owned(), answer);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut connection: TcpStream) {
        let Ok(reading) = connection.try_clone() else { return };
        let mut lines = BufReader::new(reading).lines().map_while(Result::ok);
        let Some(first) = lines.next() else { return };
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut authorization = None;
        for line in lines.take_while(|line| !line.is_empty()) {
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("authorization")
            {
                authorization = Some(value.trim().to_owned());
            }
        }
        let answer = {
            let mut state = self.state();
            state.asked.push(Asked { path: path.clone(), authorization });
            if state.is_down { Some(Answer::Status(503)) } else { state.answers.get(&path).cloned() }
        };
        let (status, headers, body) = match answer {
            Some(Answer::Document(document)) => {
                (200, String::new(), document.to_string().replace("ADDRESS", &self.url()).into_bytes())
            }
            Some(Answer::Bytes(bytes)) => (200, String::new(), bytes),
            Some(Answer::File(file)) => match std::fs::read(&file) {
                Ok(bytes) => (200, String::new(), bytes),
                Err(_) => (500, String::new(), Vec::new()),
            },
            Some(Answer::Redirect(to)) => (302, format!("location: {to}\r\n"), Vec::new()),
            Some(Answer::Status(status)) => (status, String::new(), Vec::new()),
            None => (404, String::new(), Vec::new()),
        };
        let head =
            format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
        // The other side may have gone away; that is its affair.
        let _ = connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(&body));
    }
}

fn document_path(name: &str) -> String {
    format!("/{}", name.replacen('/', "%2f", 1))
}

fn merge(into: &mut Value, from: &Value) {
    for (key, value) in from.as_object().into_iter().flatten() {
        into[key] = value.clone();
    }
}

/// A package's tarball of these files.
pub fn tarball<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, format!("package/{name}"), text.as_bytes()).expect("an entry");
    }
    archive.into_inner().and_then(flate2::write::GzEncoder::finish).expect("a tarball")
}
