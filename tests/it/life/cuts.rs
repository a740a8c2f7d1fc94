//! A long text is cut in many places on its way into a log: no cut shows the beginning of a secret.

use serde_json::{Value, json};

use crate::support::{KEY, Server};

/// Prints a secret at every distance from the limit at which each way of printing leaves off.
const PRINTER: &str = r#"
module.exports = async ({ secrets, payload: { way } }) => {
  const secret = secrets.TOKEN;
  for (let before = 0; before <= secret.length; before++) {
    const text = (limit) => 'x'.repeat(Math.max(0, limit - before)) + secret + ' and more behind it';
    const bytes = (limit) => new TextEncoder().encode(text(limit).slice(0, 4000));
    if (way === 'string') console.log([text(10000)], { [secret]: text(10000) });
    if (way === 'buffer') console.log(Buffer.from(bytes(50)), bytes(50).buffer);
    if (way === 'list') console.log(bytes(100), { a: [Array.from(bytes(100))] });
    if (way === 'own') console.log(`${text(60).slice(0, 60)}...`, `${text(60).slice(0, 60)}\u2026`, text(60).slice(0, 60));
    if (way === 'error' && before === secret.length >> 1) throw new Error(text(8192));
    if (way === 'name' && before === secret.length >> 1) { const e = new Error('x'); e.name = text(8192); throw e; }
    if (way === 'thrown' && before === secret.length >> 1) throw { text: text(8182) };
  }
  if (way === 'log') { for (let n = 0; n < 20; n++) console.log('y'.repeat(13000)); for (let n = 0; n < 200; n++) console.log(secret.repeat(9)); }
};
"#;

const SECRET: &str = "Kq7-vT2_xW9.zR4mB6/nD3+fG8=hJ1";

#[tokio::test]
async fn no_cut_shows_eight_bytes_of_a_secret() {
    let server = Server::start().await;
    server.deploy("printer", PRINTER, json!({ "retry": { "attempts": 1 }, "timeoutMs": 60_000 })).await;
    let (status, _) = server.call("PUT", "/v1/secrets/TOKEN", Some(json!({ "value": SECRET }))).await;
    assert_eq!(status, 204);
    for (way, cut) in [
        ("string", "more characters"),
        ("buffer", "more bytes"),
        ("list", "more items"),
        ("own", "..."),
        ("error", "xxx"),
        ("name", "xxx"),
        ("thrown", "xxx"),
        ("log", "Log truncated"),
    ] {
        let body = json!({ "payload": { "way": way } });
        server.call_with(KEY, "POST", "/v1/integrations/printer/execute", Some(body)).await;
        let runs = server.get("/v1/runs?first=1").await;
        let run = server.get(&format!("/v1/runs/{}", runs["items"][0]["id"].as_str().expect("an id"))).await;
        let text = all_texts(&run);
        assert!(text.contains(cut), "{way}: nothing was cut in {text:.2000}");
        assert!(text.contains("******"), "{way}: nothing was masked");
        for piece in pieces() {
            let at = text.find(&piece);
            assert!(at.is_none(), "{way}: {piece:?} in {:?}", &text[at.unwrap_or(0).saturating_sub(80)..][..200]);
        }
    }
}

/// Eight bytes of the secret, in the ways they are printed.
fn pieces() -> Vec<String> {
    let list =
        |piece: &[u8], between: &str, one: fn(&u8) -> String| piece.iter().map(one).collect::<Vec<_>>().join(between);
    let windows = SECRET.as_bytes().windows(8);
    windows
        .flat_map(|piece| {
            [
                String::from_utf8_lossy(piece).into_owned(),
                list(piece, " ", |byte| format!("{byte:02x}")),
                list(piece, ", ", u8::to_string),
            ]
        })
        .collect()
}

/// Every text in the answer, with white space made one space.
fn all_texts(json: &Value) -> String {
    let text = match json {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(all_texts).collect::<Vec<_>>().join(" "),
        Value::Object(fields) => fields.values().map(all_texts).collect::<Vec<_>>().join(" "),
        _ => String::new(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
