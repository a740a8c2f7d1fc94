//! `<file>.http.json` beside a file of tests: what was asked and answered, per test, with secrets masked.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use workers::gateway::Received;
use workers::redact::Redactor;

use super::Failure;

/// The most bytes of a recording.
const MAX_BYTES: u64 = 64 << 20;
/// Headers that are not kept: they are credentials, or say how bytes were packed that are no longer.
const LEFT_OUT: [&str; 4] = ["set-cookie", "content-encoding", "content-length", "transfer-encoding"];

/// What a file's tests asked and were answered.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// By the test's name, in the order of the requests.
    pub tests: BTreeMap<String, Vec<Entry>>,
}

/// A request and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What was asked.
    pub request: Asked,
    /// What was answered.
    pub response: Answered,
}

/// What identifies a request; its headers do not, and are not stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// The method, in capitals as scripts send it.
    pub method: String,
    /// The URL, masked.
    pub url: String,
    /// SHA-256 of the masked body, in hex; none without a body.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body_sha256: Option<String>,
}

/// An answer, masked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// Its text.
    pub status_text: String,
    /// The URL in the end, after redirects.
    pub url: String,
    /// Whether there were redirects.
    pub redirected: bool,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
    /// The body in hex, when it is no text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hex: Option<String>,
}

impl Asked {
    /// The identity of a request, whatever the secrets in it are.
    pub fn new(method: &str, url: &str, body: Option<&[u8]>, redactor: &Redactor) -> Self {
        let body = body.filter(|body| !body.is_empty());
        let hash = |body: &[u8]| match std::str::from_utf8(body) {
            Ok(text) => hex(&Sha256::digest(redactor.redact_json(text).as_bytes())),
            Err(_) => hex(&Sha256::digest(body)),
        };
        Self { method: method.to_owned(), url: redactor.redact(url).into_owned(), body_sha256: body.map(hash) }
    }
}

impl Answered {
    /// The answer as it is kept.
    pub fn new(received: &Received, redactor: &Redactor) -> Self {
        let mask = |text: &str| redactor.redact(text).into_owned();
        let kept = |(name, value): &(String, String)| {
            let named = LEFT_OUT.iter().any(|left_out| left_out.eq_ignore_ascii_case(name));
            (!named).then(|| (name.clone(), mask(value)))
        };
        let text = std::str::from_utf8(&received.body).ok().map(|text| redactor.redact_json(text).into_owned());
        Self {
            status: received.status,
            status_text: received.status_text.clone(),
            url: mask(&received.url),
            redirected: received.redirected,
            headers: received.headers.iter().filter_map(kept).collect(),
            hex: text.is_none().then(|| hex(&received.body)),
            text,
        }
    }

    /// The body as it came.
    pub fn body(&self) -> Vec<u8> {
        match (&self.text, &self.hex) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(hex)) => bytes(hex),
            (None, None) => Vec::new(),
        }
    }
}

/// Takes the first entry that answers `asked` out of those that are left.
pub fn take(left: &mut Vec<Entry>, asked: &Asked) -> Option<Answered> {
    let at = left.iter().position(|entry| entry.request == *asked)?;
    Some(left.remove(at).response)
}

impl Recording {
    /// Reads it; empty when there is none.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let at = path.display();
        match fs::metadata(path) {
            Err(_) => return Ok(Self::default()),
            Ok(facts) if facts.len() > MAX_BYTES => {
                return Err(Failure::usage(format!("{at} is larger than {} MiB", MAX_BYTES >> 20)));
            }
            Ok(_) => {}
        }
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::usage(format!("{at} cannot be read: {error}")).help("remove it, and make it again with --record")
        };
        let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
        serde_json::from_str(&text).map_err(|error| wrong(&error))
    }

    /// Writes it; tests without requests are left out, and a recording without tests is no file.
    pub fn write(&mut self, path: &Path) -> Result<(), Failure> {
        self.tests.retain(|_, entries| !entries.is_empty());
        if self.tests.is_empty() {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        fs::write(path, text).map_err(|error| Failure::new(format!("{} cannot be written: {error}", path.display())))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing into a String cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

/// What is no hex is left out.
fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).filter_map(|d| u8::try_from(d).ok()).collect();
    digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, url: &str, body: &str, secret: &str) -> Asked {
        Asked::new(method, url, Some(body.as_bytes()), &Redactor::new([secret]))
    }

    fn answered(body: &[u8], secret: &str) -> Answered {
        let headers = vec![("x-echo".to_owned(), secret.to_owned()), ("Set-Cookie".to_owned(), "s=1".to_owned())];
        let received = Received {
            status: 200,
            status_text: "OK".into(),
            url: format!("https://x.example/?k={secret}"),
            redirected: false,
            headers,
            body: body.to_vec(),
        };
        Answered::new(&received, &Redactor::new([secret]))
    }

    #[test]
    fn a_request_is_the_same_whatever_the_value_of_its_secret() {
        let recorded = asked("POST", "https://x.example/?k=first-secret", "{\"k\":\"first-secret\"}", "first-secret");
        let check = |method: &str, url: &str, body: &str, same: bool| {
            assert_eq!(asked(method, url, body, "another") == recorded, same, "{method} {url} {body}");
        };
        check("POST", "https://x.example/?k=another", "{\"k\":\"another\"}", true);
        check("PUT", "https://x.example/?k=another", "{\"k\":\"another\"}", false);
        check("POST", "https://x.example/?k=other", "{\"k\":\"another\"}", false);
        check("POST", "https://x.example/?k=another", "{\"k\":1}", false);
        assert_eq!(asked("GET", "https://x.example/", "", "another").body_sha256, None);
    }

    #[test]
    fn nothing_of_a_secret_is_kept() {
        let secret = "t-20394857";
        let kept = serde_json::to_string(&answered(b"{\"echo\":\"t-20394857\"}", secret)).unwrap();
        assert!(!kept.contains(secret) && kept.contains("******") && !kept.contains("s=1"), "{kept}");
        assert_eq!(answered(&[0xff, 0, 0x1a], secret).body(), [0xff, 0, 0x1a]);
        assert_eq!(answered(b"\xe2\x9c\x93 plain", secret).body(), "✓ plain".as_bytes());
    }

    #[test]
    fn each_answer_is_given_once_and_in_order() {
        let entry = |url: &str, status: u16| Entry {
            request: asked("GET", url, "", "another"),
            response: Answered { status, ..Answered::default() },
        };
        let mut left = vec![entry("https://a/", 1), entry("https://b/", 2), entry("https://a/", 3)];
        let mut ask = |url: &str| take(&mut left, &asked("GET", url, "", "another")).map(|found| found.status);
        assert_eq!([ask("https://a/"), ask("https://a/"), ask("https://a/")], [Some(1), Some(3), None]);
        assert_eq!((ask("https://b/"), ask("https://c/")), (Some(2), None));
    }

    #[test]
    fn a_recording_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.http.json");
        assert_eq!(Recording::read(&path).unwrap(), Recording::default());
        let entry = Entry { request: asked("GET", "https://a/", "", "another"), response: answered(b"{}", "another") };
        let mut recording = Recording::default();
        recording.tests.insert("one".into(), vec![entry]);
        recording.tests.insert("without".into(), Vec::new());
        recording.write(&path).unwrap();
        let read = Recording::read(&path).unwrap();
        assert_eq!((read.tests.len(), &read), (1, &recording));
        fs::write(&path, "{").unwrap();
        assert!(Recording::read(&path).unwrap_err().message.contains("x.http.json"));
    }
}
