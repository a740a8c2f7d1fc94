//! The commands' way to a server: its address and key, and its refusals as sentences that say what to do.

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;

use super::failure::{Failure, code};
use super::sse::{Event, Parser};

/// Which server, and as whom.
#[derive(clap::Args, Clone)]
pub struct Connection {
    /// The server's address
    #[arg(long, env = "TIDEGATE_SERVER", value_name = "URL", default_value = "http://127.0.0.1:7070")]
    pub server: String,
    /// The API key; better kept in the environment than on the command line
    #[arg(long, visible_alias = "api-key", env = "TIDEGATE_KEY", value_name = "KEY", hide_env_values = true)]
    pub key: Option<String>,
}

/// The same for commands whose `--key` is a job's key.
#[derive(clap::Args, Clone)]
pub struct Account {
    /// The server's address
    #[arg(long, env = "TIDEGATE_SERVER", value_name = "URL", default_value = "http://127.0.0.1:7070")]
    server: String,
    /// The API key; better kept in the environment than on the command line
    #[arg(long, env = "TIDEGATE_KEY", value_name = "KEY", hide_env_values = true)]
    api_key: Option<String>,
}

impl Account {
    /// A client of the server.
    pub fn client(&self) -> Result<Client, Failure> {
        Client::new(&Connection { server: self.server.clone(), key: self.api_key.clone() })
    }
}

/// A client of one server.
pub struct Client {
    http: reqwest::Client,
    base: String,
    key: Option<String>,
}

impl Client {
    /// A client; nothing is sent yet.
    pub fn new(connection: &Connection) -> Result<Self, Failure> {
        let base = connection.server.trim_end_matches('/').to_owned();
        let url =
            reqwest::Url::parse(&base).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if url.is_none() {
            return Err(Failure::usage(format!("`{base}` is not the address of a server"))
                .help("--server takes http://HOST:PORT or https://HOST"));
        }
        Ok(Self {
            http: workers::gateway::operator_client(),
            base,
            key: connection.key.clone().filter(|key| !key.is_empty()),
        })
    }

    /// The JSON at `path`.
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        json(self.accepted(self.request(Method::GET, path)).await?).await
    }

    /// The JSON at `path`; `None` when there is nothing.
    pub async fn find(&self, path: &str) -> Result<Option<Value>, Failure> {
        match self.get(path).await {
            Ok(value) => Ok(Some(value)),
            Err(failure) if failure.code == code::NOT_FOUND => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Sends JSON with `method`, and reads the JSON of the answer.
    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Value, Failure> {
        let request = self.request(method, path).header(CONTENT_TYPE, "application/json").body(body.to_string());
        json(self.accepted(request).await?).await
    }

    /// Posts JSON of some media type, and reads the JSON of the answer.
    pub async fn post(&self, path: &str, media: &str, body: &Value) -> Result<Value, Failure> {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, media).body(body.to_string());
        json(self.accepted(request).await?).await
    }

    /// Opens a stream of events.
    pub async fn stream(&self, path: &str) -> Result<Events, Failure> {
        let request = self.request(Method::GET, path).header(ACCEPT, "text/event-stream");
        Ok(Events { response: self.accepted(request).await?, parser: Parser::default(), ready: Vec::new().into_iter() })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.key {
            Some(key) => request.header(AUTHORIZATION, format!("Bearer {key}")),
            None => request,
        }
    }

    async fn accepted(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = response.text().await.unwrap_or_default();
        Err(self.refused(status, &serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        if error.is_connect() {
            return Failure::new(format!("there is no server at {}", self.base))
                .help("start one with `tidegate serve`, or name another with --server or TIDEGATE_SERVER");
        }
        if error.is_builder() {
            return Failure::usage("the API key has characters that no key has").help("check --key or TIDEGATE_KEY");
        }
        Failure::new(format!("{} did not answer: {error}", self.base))
    }

    fn refused(&self, status: StatusCode, body: &Value) -> Failure {
        let problem = if body["error"].is_object() { &body["error"] } else { body };
        let text = |name: &str| problem[name].as_str().filter(|text| !text.is_empty());
        let said = text("detail").or_else(|| text("message")).map_or_else(|| status.to_string(), str::to_owned);
        let message = text("field").map_or_else(|| said.clone(), |field| format!("{field}: {said}"));
        match status {
            StatusCode::UNAUTHORIZED if self.key.is_none() => Failure::new(format!("{} needs an API key", self.base))
                .help("pass it with --key, or set TIDEGATE_KEY; a server prints its admin key at its first start")
                .exit(code::NOT_ALLOWED),
            StatusCode::UNAUTHORIZED => Failure::new(format!("{} does not know this API key", self.base))
                .help("check --key or TIDEGATE_KEY; the server's TIDEGATE_ADMIN_KEY presets an admin key")
                .exit(code::NOT_ALLOWED),
            StatusCode::FORBIDDEN => Failure::new(message).exit(code::NOT_ALLOWED),
            StatusCode::NOT_FOUND => Failure::new(message).exit(code::NOT_FOUND),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Failure::new(message).busy(),
            _ => Failure::new(with_frame(message, problem)),
        }
    }
}

/// Adds the code frame of a script's error.
fn with_frame(message: String, problem: &Value) -> String {
    let Some(frame) = problem["at"]["frame"].as_str() else {
        return message;
    };
    let at = &problem["at"];
    let (file, line, column) = (at["file"].as_str().unwrap_or_default(), &at["line"], &at["column"]);
    format!("{message}\n --> {file}:{line}:{column}\n{}", frame.trim_end())
}

async fn json(response: Response) -> Result<Value, Failure> {
    let text = response.text().await.map_err(|error| Failure::new(format!("the answer broke off: {error}")))?;
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text)
        .map_err(|_| Failure::new("the answer is not JSON").help("is --server the address of a Tidegate server?"))
}

/// A stream of events.
pub struct Events {
    response: Response,
    parser: Parser,
    ready: std::vec::IntoIter<Event>,
}

impl Events {
    /// The next event; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Event>, Failure> {
        loop {
            if let Some(event) = self.ready.next() {
                return Ok(Some(event));
            }
            let piece =
                self.response.chunk().await.map_err(|error| Failure::new(format!("the stream broke off: {error}")))?;
            let Some(piece) = piece else { return Ok(None) };
            let events =
                self.parser.push(&piece).ok_or_else(|| Failure::new("the server sent an event without end"))?;
            self.ready = events.into_iter();
        }
    }
}

/// A name as a part of a path; names have no characters that need escaping, everything else is made harmless.
pub fn segment(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(escape).collect()
}
