//! What a test asks from outside: requests without a stub, answered by the recording, or by the network while recording.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use scripts::protocol::{Answer, Call, Fetch, HostError, Line};
use serde_json::json;
use workers::gateway::{Gateway, Outgoing, Policy};
use workers::redact::Redactor;
use workers::runners::Host;

use super::recording::{Answered, Asked, Entry, take};

/// The most requests of one test that are recorded.
const MAX_REQUESTS: usize = 1_000;

/// The host of one test.
pub struct TestHost<'a> {
    /// The way out, while recording.
    out: Option<(&'a Gateway, &'a Policy)>,
    timeout: Duration,
    /// What the recording has left.
    left: Mutex<Vec<Entry>>,
    made: Mutex<Vec<Entry>>,
    lines: Mutex<Vec<Line>>,
}

impl<'a> TestHost<'a> {
    /// One that answers from `recorded`, or with a way out asks and records.
    pub fn new(recorded: Vec<Entry>, out: Option<(&'a Gateway, &'a Policy)>, timeout: Duration) -> Self {
        Self { out, timeout, left: Mutex::new(recorded), made: Mutex::default(), lines: Mutex::default() }
    }

    /// The test's console, and what was recorded of it.
    pub fn into_parts(self) -> (Vec<Line>, Vec<Entry>) {
        let lines = self.lines.into_inner().unwrap_or_else(PoisonError::into_inner);
        (lines, self.made.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    async fn fetch(&self, args: Fetch, body: Option<Vec<u8>>) -> Result<Answer, HostError> {
        let redactor = Redactor::new(args.secrets.iter().map(String::as_str));
        let asked = Asked::new(&args.method, &args.url, body.as_deref(), &redactor);
        let Some((gateway, policy)) = self.out else {
            let found = take(&mut self.left.lock().unwrap_or_else(PoisonError::into_inner), &asked);
            return found.map(|found| answer(&found)).ok_or_else(|| not_recorded(&asked));
        };
        if self.made.lock().unwrap_or_else(PoisonError::into_inner).len() >= MAX_REQUESTS {
            return Err(refused("too_many_requests", format!("a test records at most {MAX_REQUESTS} requests")));
        }
        let outgoing = Outgoing {
            method: args.method,
            url: args.url,
            headers: args.headers,
            body,
            redirect: args.redirect.into(),
            timeout: args.timeout_ms.map_or(self.timeout, Duration::from_millis).min(self.timeout),
        };
        let received = gateway.send(outgoing, policy).await.result.map_err(|refused| HostError {
            code: refused.code.to_owned(),
            message: refused.message,
            retry_after_ms: refused.retry_after_ms,
        })?;
        // The test sees what it will see when this is replayed.
        let response = Answered::new(&received, &redactor);
        let given = answer(&response);
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(Entry { request: asked, response });
        Ok(given)
    }
}

impl Host for TestHost<'_> {
    fn line(&self, line: Line) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    async fn call(&self, call: Call) -> Result<Answer, HostError> {
        if call.op != "fetch" {
            return Err(refused("unknown_call", format!("there is no host call {:?} in tests", call.op)));
        }
        self.fetch(Fetch::read(&call)?, call.body).await
    }
}

fn answer(response: &Answered) -> Answer {
    let value = json!({
        "status": response.status, "statusText": response.status_text, "url": response.url,
        "redirected": response.redirected, "headers": response.headers,
    });
    Answer { value: value.to_string(), body: Some(response.body()) }
}

fn not_recorded(asked: &Asked) -> HostError {
    let Asked { method, url, .. } = asked;
    let message = format!(
        "{method} {url} has no answer in this test: give one with http.on('{method} {url}', {{ json: … }}), or record \
         the real one with `tidegate test --record`"
    );
    refused("not_recorded", message)
}

fn refused(code: &str, message: String) -> HostError {
    HostError { code: code.to_owned(), message, retry_after_ms: None }
}
