//! What a script asks of the call `fetch`, and the one place where that is read.

use serde::Deserialize;

use super::{Call, HostError};

/// The arguments of the call `fetch`; the body travels beside them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fetch {
    /// The method as it was written.
    pub method: String,
    /// The URL as it was written.
    pub url: String,
    /// Headers in order.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// What to do with an answer that redirects.
    #[serde(default)]
    pub redirect: Redirect,
    /// A client that writes its headers itself, as Node's `http`; `fetch` accepts anything unless it says something else.
    #[serde(default)]
    pub plain: bool,
    /// How long it may take, if the script says so.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// In a test: the values of secrets that it has given to the handler.
    #[serde(default)]
    pub secrets: Vec<String>,
}

/// What to do with an answer that redirects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Redirect {
    /// Go where it leads.
    #[default]
    Follow,
    /// Give it to the script.
    Manual,
    /// Fail.
    Error,
}

impl Fetch {
    /// Reads the arguments of `call`; an error with the code `invalid_call` says what is wrong with them.
    pub fn read(call: &Call) -> Result<Self, HostError> {
        serde_json::from_str(&call.args).map_err(|error| HostError {
            code: "invalid_call".to_owned(),
            message: format!("{}: {error}", call.op),
            retry_after_ms: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &str) -> Result<Fetch, HostError> {
        Fetch::read(&Call { id: 1, call: 1, op: "fetch".to_owned(), args: args.to_owned(), body: None })
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let least = read(r#"{"method":"GET","url":"https://a.example"}"#).unwrap();
        assert_eq!((least.redirect, least.plain, least.timeout_ms), (Redirect::Follow, false, None));
        assert!(least.headers.is_empty() && least.secrets.is_empty());
        let all = r#"{"method":"get","url":"u","headers":[["a","b"]],"redirect":"manual","plain":true,"timeoutMs":5,"secrets":["s"]}"#;
        let all = read(all).unwrap();
        assert_eq!((all.redirect, all.plain, all.timeout_ms), (Redirect::Manual, true, Some(5)));
        assert_eq!((all.headers, all.secrets), (vec![("a".to_owned(), "b".to_owned())], vec!["s".to_owned()]));
    }

    #[test]
    fn what_no_client_of_ours_sends_is_refused() {
        for args in [
            "",
            "{}",
            "[]",
            r#"{"method":"GET"}"#,
            r#"{"method":"GET","url":1}"#,
            r#"{"method":"GET","url":"u","redirect":"x"}"#,
        ] {
            let refused = read(args).unwrap_err();
            assert!(refused.code == "invalid_call" && refused.message.starts_with("fetch: "), "{args}: {refused:?}");
        }
    }
}
