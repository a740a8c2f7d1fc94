//! Two hundred secrets in every encoding, told by scripts in every way there is: no way out of the engine has one.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{Server, Sink, until};

const CANARIES: usize = 200;
/// How many of them one run tells.
const BATCH: usize = 8;
/// So much of a canary, or of one of its encodings, is a leak.
const LEAK_BYTES: usize = 8;
const LEAK_OF_ENCODING_BYTES: usize = 16;
/// The same of one that writes more than two characters for one: eight of `&#x1F600;`.
const LEAK_OF_ESCAPES_BYTES: usize = 72;

/// Logs, returns, or throws what it is given, and sends it away in every part of a request.
const TELLER: &str = r#"
module.exports = async ({ payload }) => {
  for (const text of payload.texts) {
    console.log('log', text);
    console.error({ nested: [text], [text]: new Error(text) });
    console.debug('bytes', new TextEncoder().encode(text.slice(0, 60)));
  }
  console.warn(payload.texts.join(' '));
  for (const text of payload.sent) {
    const safe = encodeURIComponent(text).slice(0, 3000);
    const requests = [
      [`${payload.url}/path/${safe}?q=${safe}#${safe}`, { headers: { accept: 'a', 'x-custom': safe, 'user-agent': safe } }],
      [payload.url, { method: 'POST', headers: { 'x-text': text }, body: text }],
      [`https://${safe}.invalid/`, { method: text }],
    ];
    for (const [url, options] of requests.slice(0, payload.deep ? 3 : 1)) {
      try { await (await fetch(url, options)).text(); } catch (error) { console.log('refused', error.message, String(error.stack)); }
    }
  }
  if (payload.throws) {
    const error = new TypeError(payload.texts.join(' '));
    error.name = 'E' + payload.texts[0];
    throw error;
  }
  return { texts: payload.texts, [payload.texts[0]]: payload.texts.map((text) => ({ [text]: text })) };
};
"#;

/// Secrets of many kinds that cannot come up by chance.
fn canaries() -> Vec<String> {
    let kinds = [
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        "abcdefABCDEF0123456789-_",
        "abcdefghijkl !#$%&'()+,-./:;<=>?@[]^_`{|}~",
        "abcdefghijk\"\\/'&<> \t",
        "abcdefghé€😀ßü漢",
        "0123456789",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    let mut made = Vec::new();
    for at in 0..CANARIES {
        let letters: Vec<char> = kinds[at % kinds.len()].chars().collect();
        let length = 10 + next(31);
        // Neither end is white space, and no two begin alike.
        let middle: String = (0..length).map(|_| letters[next(letters.len())]).collect();
        made.push(format!("{}{middle}{}", 100 + at, 7 + next(2)));
    }
    made[0] = format!("-----BEGIN KEY-----\n{}\n{}\n-----END KEY-----\n", "Zk3".repeat(20), "q9X".repeat(17));
    made
}

fn percent(text: &str, every: bool, plus: bool) -> String {
    let one = |byte: u8| match byte {
        b' ' if plus => "+".to_owned(),
        byte if !every && (byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte)) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

fn list(text: &str, between: &str, one: fn(u8) -> String) -> String {
    text.bytes().map(one).collect::<Vec<_>>().join(between)
}

fn inside(json: &str) -> String {
    let quoted = Value::from(json).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// The canary as it turns up. Of the last ones only parts are the canary's own.
fn encodings(canary: &str) -> (Vec<String>, Vec<String>) {
    let hex = |byte: u8| format!("{byte:02x}");
    let html = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let whole = vec![
        canary.to_owned(),
        canary.to_ascii_uppercase(),
        canary.to_ascii_lowercase(),
        canary.chars().rev().collect(),
        STANDARD.encode(canary),
        STANDARD_NO_PAD.encode(canary),
        URL_SAFE.encode(canary),
        URL_SAFE_NO_PAD.encode(canary),
        percent(canary, false, false),
        percent(canary, false, true),
        percent(canary, true, false),
        percent(&percent(canary, true, false), false, false),
        percent(&STANDARD.encode(canary), false, false),
        list(canary, "", hex),
        list(canary, "", hex).to_uppercase(),
        list(canary, " ", hex),
        list(canary, ":", hex),
        list(canary, ",", |byte| byte.to_string()),
        inside(canary),
        inside(&inside(canary)),
        canary.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
        html(canary),
        canary.chars().map(|c| format!("&#{};", u32::from(c))).collect(),
        canary.chars().map(|c| format!("&#x{:X};", u32::from(c))).collect(),
    ];
    let around = ["u:", "user:", "me:x", "{\"a\":\""];
    let partly = around
        .iter()
        .map(|before| STANDARD.encode(format!("{before}{canary}")))
        .chain([URL_SAFE_NO_PAD.encode(format!("x{canary}yz")), STANDARD.encode(format!("xy{canary}\"}}"))]);
    (whole, partly.collect())
}

/// What must not be found: pieces of canaries and of their encodings.
struct Leaks {
    raw: Pieces,
    encoded: Pieces,
    escaped: Pieces,
}

/// Pieces of one length; which pairs of bytes they begin with is looked at first, for there is much to look through.
struct Pieces {
    all: HashSet<Vec<u8>>,
    begins: Vec<bool>,
}

impl Pieces {
    fn of(all: HashSet<Vec<u8>>) -> Self {
        let mut begins = vec![false; 1 << 16];
        all.iter().for_each(|piece| begins[usize::from(u16::from_be_bytes([piece[0], piece[1]]))] = true);
        Self { all, begins }
    }

    fn has(&self, piece: &[u8]) -> bool {
        self.begins[usize::from(u16::from_be_bytes([piece[0], piece[1]]))] && self.all.contains(piece)
    }
}

impl Leaks {
    fn of(canaries: &[String]) -> Self {
        let pieces = |text: &str, size: usize| text.as_bytes().windows(size).map(<[u8]>::to_vec).collect::<Vec<_>>();
        // The head and the foot of a key file are no secret.
        let secret = |canary: &&String| !canary.starts_with("-----");
        let raw = canaries.iter().filter(secret).flat_map(|canary| pieces(canary, LEAK_BYTES)).collect();
        let (mut encoded, mut escaped) = (HashSet::new(), HashSet::new());
        for canary in canaries.iter().filter(secret) {
            for text in encodings(canary).0.into_iter().skip(3) {
                match text.len() <= 2 * canary.len() {
                    true => encoded.extend(pieces(&text, LEAK_OF_ENCODING_BYTES)),
                    false => escaped.extend(pieces(&text, LEAK_OF_ESCAPES_BYTES)),
                }
            }
        }
        Self { raw: Pieces::of(raw), encoded: Pieces::of(encoded), escaped: Pieces::of(escaped) }
    }

    fn check(&self, way: &str, text: &str) {
        let near = |at: usize, size: usize| {
            let bytes = &text.as_bytes()[at.saturating_sub(60)..(at + size + 60).min(text.len())];
            format!(
                "{way}: {:?} in {:?}",
                &text.as_bytes()[at..at + size].escape_ascii().to_string(),
                bytes.escape_ascii().to_string()
            )
        };
        for (size, leaks) in
            [(LEAK_BYTES, &self.raw), (LEAK_OF_ENCODING_BYTES, &self.encoded), (LEAK_OF_ESCAPES_BYTES, &self.escaped)]
        {
            let found = text.as_bytes().windows(size).position(|piece| leaks.has(piece));
            assert!(found.is_none(), "{}", near(found.unwrap_or(0), size));
        }
    }

    /// Checks JSON as it is written, and every text in it.
    fn check_json(&self, way: &str, json: &Value) {
        self.check(way, &json.to_string());
        let mut texts = String::new();
        collect(json, &mut texts);
        self.check(way, &texts);
    }
}

fn collect(json: &Value, into: &mut String) {
    match json {
        Value::String(text) => into.extend([text, "\n"]),
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            into.extend([name, "\n"]);
            collect(value, into);
        }),
        _ => {}
    }
}

#[test]
fn the_check_would_find_a_leak() {
    let canaries = canaries();
    let leaks = Leaks::of(&canaries);
    leaks.check("nothing", "a text without any");
    for canary in [&canaries[7], &canaries[9], &canaries[16]] {
        for text in encodings(canary).0.iter().take(1).chain(encodings(canary).0.iter().skip(3)) {
            let told = format!("told {text} here");
            assert!(std::panic::catch_unwind(|| leaks.check("told", &told)).is_err(), "{text}");
        }
    }
}

#[tokio::test]
async fn no_canary_leaves_the_engine_but_in_the_requests_of_its_scripts() {
    let sink = Sink::start().await;
    let mut server =
        Server::start_opened(&sink, "[server]\nlog_level = \"info,workers=trace,tidegate=trace,store=trace\"\n").await;
    let canaries = canaries();
    let leaks = Leaks::of(&canaries);
    for (at, canary) in canaries.iter().enumerate() {
        let path = format!("/v1/{}secrets/S{at}", if at % 2 == 0 { "" } else { "integrations/teller/" });
        if at == 1 {
            server.deploy("teller", TELLER, json!({ "timeoutMs": 120_000, "retry": { "attempts": 1 } })).await;
        }
        let (status, answer) = server.call("PUT", &path, Some(json!({ "value": canary }))).await;
        assert_eq!(status, 204, "{answer}");
        let (status, answer) = server.call("PUT", &path, Some(json!({ "value": [canary], "hosts": [canary] }))).await;
        assert_eq!(status, 400);
        leaks.check_json("the refusal of a secret", &answer);
    }
    let (mut runs, mut told) = (0, 0);
    for (at, batch) in canaries.chunks(BATCH).enumerate() {
        let texts: Vec<String> = batch
            .iter()
            .flat_map(|canary| {
                let (whole, partly) = encodings(canary);
                whole.into_iter().chain(partly)
            })
            .collect();
        told += texts.len();
        // A request escapes once more, which is as far as masking looks: not what is escaped twice already.
        let twice = |text: &&String| text.contains("%25") || text.contains("\\\\");
        let sent: Vec<&String> = texts.iter().filter(|text| !twice(text)).skip(at % 5).step_by(5).collect();
        let payload =
            |throws| json!({ "texts": texts, "sent": sent, "url": sink.url(), "throws": throws, "deep": at % 8 == 0 });
        let execute = "/v1/integrations/teller/execute";
        let (status, answer) = server.call("POST", execute, Some(json!({ "payload": payload(false) }))).await;
        assert_eq!(status, 200, "{answer}");
        leaks.check_json("the answer of execute", &answer);
        let (status, answer) = server.call("POST", execute, Some(json!({ "payload": payload(true) }))).await;
        assert_eq!(status, 422, "{answer}");
        leaks.check_json("the error of execute", &answer);
        if at % 8 == 0 {
            let body = json!({ "payload": payload(true), "key": { "secret": batch[1] } });
            server.post("/v1/integrations/teller/schedule", body).await;
            runs += 1;
        }
        runs += 2;
    }
    // The live stream of one more run, read while it runs: a reader that is too slow is told that it missed something.
    let mut live = server.stream("/v1/runs/stream").await;
    let texts: Vec<String> = canaries[..2].iter().flat_map(|canary| encodings(canary).0).collect();
    let body = json!({ "payload": { "texts": texts, "sent": [], "throws": true } });
    let heard = async {
        let mut finished = 0;
        while finished == 0 {
            let event = live.next().await;
            finished += usize::from(event.name == "finished");
            leaks.check_json(&format!("the live stream's {}", event.name), &event.data);
        }
    };
    let ((status, _), ()) = tokio::join!(server.call("POST", "/v1/integrations/teller/execute", Some(body)), heard);
    assert_eq!(status, 422);
    runs += 1;
    let dead = until("dead jobs", async || {
        let dead = server.get("/v1/jobs?state=dead&first=100").await;
        (dead["totalCount"].as_u64() >= Some(4)).then_some(dead)
    })
    .await;
    leaks.check_json("the list of dead jobs", &dead);
    for job in dead["items"].as_array().expect("items") {
        let id = job["id"].as_str().expect("an id");
        leaks.check_json("a dead job", &server.get(&format!("/v1/jobs/{id}")).await);
        leaks.check_json("its explanation", &server.get(&format!("/v1/jobs/{id}/explain")).await);
    }
    let list = server.get("/v1/runs?first=100").await;
    assert_eq!(list["items"].as_array().map(Vec::len), Some(runs), "all of them");
    leaks.check_json("the list of runs", &list);
    let mut lines = 0;
    for run in list["items"].as_array().expect("items") {
        let run = server.get(&format!("/v1/runs/{}", run["id"].as_str().expect("an id"))).await;
        lines += run["logs"].as_array().map_or(0, Vec::len);
        leaks.check_json("a run", &run);
    }
    assert!(lines > 10_000 && told > 5_000, "{lines} lines of {told} texts");
    for path in ["/metrics", "/v1/secrets", "/v1/integrations/teller/secrets", "/v1/integrations/teller", "/v1/jobs"] {
        leaks.check_json(path, &server.get(path).await);
    }
    assert!(
        sink.requests().iter().any(|request| request.path.contains("/path/")),
        "the requests themselves go out whole"
    );
    server.terminate().await;
    let stderr = server.process().rest().await.join("\n");
    assert!(stderr.contains("listening on"));
    leaks.check("the server's own log", &stderr);
    // At rest: the catalog, its log, and the key file beside it. A payload is the caller's, and in the queue as it came.
    for entry in std::fs::read_dir(server.data()).expect("the data folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_file() && !name.starts_with("queue") {
            let bytes = std::fs::read(entry.path()).expect("a file");
            let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
            assert!(canaries.iter().all(|canary| !text.contains(canary.trim())), "{name}");
        }
    }
}
