//! A server's API, spoken as a client does: JSON in, status and JSON out.

use reqwest::Method;
use serde_json::{Value, json};

use super::process::Server;
use super::{KEY, within};

impl Server {
    /// Sends a request; gives the status and the JSON of the answer.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.call_with(KEY, method, path, body).await
    }

    /// The same with another API key.
    pub async fn call_with(&self, key: &str, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self.client().request(method, format!("{}{path}", self.url()));
        let mut request = request.header("authorization", format!("Bearer {key}"));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        within(path, async {
            let response = request.send().await.expect("the server answers");
            let status = response.status().as_u16();
            let text = response.text().await.expect("the answer is complete");
            (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
        })
        .await
    }

    /// GET; anything but a success fails the test.
    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, None).await;
        assert!(status < 300, "GET {path}: {status} {body}");
        body
    }

    /// POST; anything but a success fails the test.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call("POST", path, Some(body)).await;
        assert!(status < 300, "POST {path}: {status} {answer}");
        answer
    }

    /// Saves and releases an integration with this code and these settings.
    pub async fn deploy(&self, name: &str, code: &str, settings: Value) {
        self.deploy_as(name, "experience", code, settings).await;
    }

    /// The same with another trigger.
    pub async fn deploy_as(&self, name: &str, trigger: &str, code: &str, settings: Value) {
        let path = format!("/v1/integrations/{name}");
        let body = json!({ "trigger": trigger, "files": { "integration.js": code }, "settings": settings });
        let (status, answer) = self.call("PUT", &path, Some(body)).await;
        assert!(status < 300, "PUT {path}: {status} {answer}");
        self.post(&format!("{path}/releases"), json!({})).await;
    }

    /// Executes it; gives the result.
    pub async fn execute(&self, name: &str, body: Value) -> Value {
        self.post(&format!("/v1/integrations/{name}/execute"), body).await["data"].clone()
    }
}
