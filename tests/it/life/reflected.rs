//! Services that repeat what they were sent: a secret for the gateway alone does not come back to its script by them.

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Uri};
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::Server;

/// Says what it was sent in a header, and in a body that has so much before it.
async fn echo(uri: Uri, headers: HeaderMap, body: Bytes) -> (HeaderMap, Vec<u8>) {
    let before = headers.get("x-before").and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    let token = headers.get("authorization").cloned();
    let mut told = "-".repeat(before.unwrap_or(0)).into_bytes();
    told.extend_from_slice(uri.to_string().as_bytes());
    told.push(b' ');
    told.extend_from_slice(token.as_ref().map_or(b"", |token| token.as_bytes()));
    told.push(b' ');
    told.extend_from_slice(&body);
    let echoed = token.into_iter().map(|token| ("x-token".parse().expect("a name"), token));
    (echoed.collect(), told)
}

const SENDER: &str = r#"
module.exports = async ({ secrets, payload }) => {
  const told = [];
  for (const before of [0, 100, 262144 - 20, 300000]) {
    const answer = await fetch(`${payload.url}/?k=${secrets.HIDDEN}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secrets.HIDDEN}`, 'x-before': String(before) },
      body: `${secrets.HIDDEN} ${secrets.SHOWN}`,
    });
    const text = (await answer.text()).slice(before);
    // What a script sees is compared letter by letter, as logs and results are masked anyway.
    const codes = (value) => Array.from(value, (c) => c.charCodeAt(0) + 1000);
    told.push({ text: codes(text), header: codes(answer.headers.get('x-token')) });
  }
  return told;
};
"#;

#[tokio::test]
async fn an_echo_tells_a_script_nothing_of_a_secret_for_the_gateway_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(echo)).await });
    let opening = format!("127.0.0.1/32:{}", address.port());
    let server = Server::start_env(&[("TIDEGATE_EGRESS_ALLOW", &opening)]).await;
    server.deploy("sender", SENDER, json!({})).await;
    for (name, body) in [
        ("HIDDEN", json!({ "value": "h1dden+value/of=it", "gatewayOnly": true })),
        ("SHOWN", json!({ "value": "sh0wn-value" })),
    ] {
        assert_eq!(server.call("PUT", &format!("/v1/secrets/{name}"), Some(body)).await.0, 204);
    }
    let told = server.execute("sender", json!({ "payload": { "url": format!("http://{address}") } })).await;
    let text = |codes: &serde_json::Value| -> String {
        let codes = codes.as_array().expect("codes").iter().map(|code| code.as_u64().expect("a code") - 1000);
        codes.map(|code| char::from(u8::try_from(code).expect("ASCII"))).collect()
    };
    let told: Vec<_> =
        told.as_array().expect("answers").iter().map(|one| (text(&one["text"]), text(&one["header"]))).collect();
    for (body, header) in told {
        // The one that the script may see comes back whole.
        assert_eq!((body.as_str(), header.as_str()), ("/?k=****** Bearer ****** ****** sh0wn-value", "Bearer ******"));
    }
}
