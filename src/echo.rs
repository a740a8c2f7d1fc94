//! The echo server that the examples talk to, so that trying them needs no internet: made-up services, and `/`.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Where the examples expect it.
pub const USUAL_ADDRESS: &str = "127.0.0.1:7071";

const MAX_BODY_BYTES: usize = 1 << 20;

const FIRST: [&str; 12] =
    ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Radia", "Ken", "Frances", "Niklaus", "Hedy", "Linus"];
const LAST: [&str; 12] = [
    "Okafor",
    "Lindqvist",
    "Moreau",
    "Tanaka",
    "Silva",
    "Novak",
    "Haddad",
    "Byrne",
    "Rossi",
    "Mensah",
    "Kaur",
    "Vogel",
];
const CITIES: [(&str, &str, &str); 8] = [
    ("Lisbon", "Portugal", "PT"),
    ("Hamburg", "Germany", "DE"),
    ("Osaka", "Japan", "JP"),
    ("Accra", "Ghana", "GH"),
    ("Montréal", "Canada", "CA"),
    ("Cork", "Ireland", "IE"),
    ("Recife", "Brazil", "BR"),
    ("Pune", "India", "IN"),
];
/// Units of a currency for one euro, in ten-thousandths.
const RATES: [(&str, u64); 8] = [
    ("EUR", 10_000),
    ("USD", 10_850),
    ("GBP", 8_560),
    ("CHF", 9_630),
    ("JPY", 1_642_000),
    ("SEK", 112_400),
    ("BRL", 58_900),
    ("INR", 903_500),
];

/// Answers on `listener` until `stop`.
pub async fn serve(listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
    axum::serve(listener, router()).with_graceful_shutdown(stop.cancelled_owned()).await
}

fn router() -> Router {
    Router::new()
        .route("/chat/webhook", post(chat))
        .route("/mail/send", post(mail))
        .route("/random-user/api/", get(random_user))
        .route("/rates/latest", get(rates))
        .route("/oauth/token", post(token))
        .route("/status", get(|| async { Json(json!({ "status": "ok" })) }))
        .fallback(echo)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}

type Answer = (StatusCode, Json<Value>);

/// A chat service's incoming webhook: takes `{text}`.
async fn chat(body: Bytes) -> Answer {
    match parse(&body)["text"].as_str() {
        Some(text) if !text.is_empty() => (StatusCode::OK, Json(json!({ "ok": true, "id": id(&body) }))),
        _ => (StatusCode::BAD_REQUEST, Json(json!({ "ok": false, "error": "no_text" }))),
    }
}

/// A mail service: takes `{to, subject, …}`.
async fn mail(body: Bytes) -> Answer {
    let mail = parse(&body);
    match mail["to"].as_str() {
        Some(to) if to.contains('@') => (
            StatusCode::ACCEPTED,
            Json(json!({ "id": id(&body), "status": "queued", "to": to, "subject": mail["subject"] })),
        ),
        _ => (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "error": "`to` must be an e-mail address" }))),
    }
}

#[derive(Deserialize)]
struct Seed {
    #[serde(default)]
    seed: String,
    results: Option<u8>,
}

/// Made-up people; the same seed gives the same ones.
async fn random_user(Query(Seed { seed, results }): Query<Seed>) -> Json<Value> {
    let people: Vec<Value> = (0..results.unwrap_or(1).clamp(1, 50)).map(|n| person(&format!("{seed}/{n}"))).collect();
    let info = json!({ "seed": seed, "results": people.len(), "page": 1, "version": "1.4" });
    Json(json!({ "results": people, "info": info }))
}

fn person(seed: &str) -> Value {
    let dice = Sha256::digest(seed);
    let pick = |at: usize, of: usize| usize::from(dice[at]) % of;
    let (first, last) = (FIRST[pick(0, FIRST.len())], LAST[pick(1, LAST.len())]);
    let (city, country, nat) = CITIES[pick(2, CITIES.len())];
    let year = 1950 + pick(3, 55);
    json!({
        "name": { "first": first, "last": last },
        "email": format!("{}.{}@example.com", first.to_lowercase(), last.to_lowercase()),
        "location": { "city": city, "country": country },
        "dob": { "date": format!("{year}-{:02}-{:02}", 1 + pick(4, 12), 1 + pick(5, 28)) },
        "phone": format!("+00 555 {:03} {:03}", pick(6, 256) * 3, pick(7, 256) * 3),
        "nat": nat,
        "login": { "uuid": id(seed.as_bytes()), "username": format!("{}{}", first.to_lowercase(), dice[8]) },
    })
}

/// Exchange rates; they never change, so that a report's text can be compared.
async fn rates(Query(query): Query<BTreeMap<String, String>>) -> Answer {
    let base = query.get("base").map_or("EUR", String::as_str);
    let Some((_, of_base)) = RATES.iter().find(|(currency, _)| *currency == base) else {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": format!("unknown currency {base}") })));
    };
    let others = RATES.iter().filter(|(currency, _)| *currency != base);
    let rate = |of: u64| (of * 10_000 / of_base) as f64 / 10_000.0;
    let rates: BTreeMap<&str, f64> = others.map(|(currency, of)| (*currency, rate(*of))).collect();
    (StatusCode::OK, Json(json!({ "base": base, "date": "2026-01-02", "rates": rates })))
}

/// An OAuth 2.0 token endpoint: every client gets a token for an hour.
async fn token(body: Bytes) -> Json<Value> {
    let token = format!("echo-{}", id(&body));
    Json(json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3600 }))
}

/// Anything else: the request, as it arrived.
async fn echo(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        named.entry(name.to_string()).and_modify(|all| *all += &format!(", {value}")).or_insert_with(|| value.into());
    }
    let text = String::from_utf8_lossy(&body);
    let body = serde_json::from_slice::<Value>(&body).unwrap_or_else(|_| text.into());
    Json(json!({
        "method": method.as_str(), "path": uri.path(), "query": uri.query().unwrap_or(""), "headers": named, "body": body,
    }))
}

fn parse(body: &Bytes) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

/// An id that depends on nothing but `bytes`.
fn id(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    async fn ask(method: &str, uri: &str, body: &str) -> (u16, Value) {
        let request =
            Request::builder().method(method).uri(uri).header("x-a", "1").body(Body::from(body.to_owned())).unwrap();
        let response = router().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&to_bytes(response.into_body(), MAX_BODY_BYTES).await.unwrap()).unwrap())
    }

    #[tokio::test]
    async fn the_same_seed_gives_the_same_person() {
        let (_, one) = ask("GET", "/random-user/api/?seed=tide", "").await;
        let (_, again) = ask("GET", "/random-user/api/?seed=tide", "").await;
        let (_, other) = ask("GET", "/random-user/api/?seed=gate", "").await;
        assert_eq!(one, again);
        assert_ne!(one["results"], other["results"]);
        assert!(one["results"][0]["email"].as_str().unwrap().ends_with("@example.com"));
    }

    #[tokio::test]
    async fn made_up_services_check_what_they_get() {
        assert_eq!(ask("POST", "/chat/webhook", "{\"text\":\"hi\"}").await.0, 200);
        assert_eq!(ask("POST", "/chat/webhook", "{}").await.0, 400);
        assert_eq!(ask("POST", "/mail/send", "{\"to\":\"a@b\",\"subject\":\"s\"}").await.1["subject"], "s");
        assert_eq!(ask("POST", "/mail/send", "{\"to\":\"a\"}").await.0, 422);
        assert_eq!(ask("POST", "/oauth/token", "grant_type=client_credentials").await.1["token_type"], "Bearer");
        assert_eq!(ask("GET", "/rates/latest?base=EUR", "").await.1["rates"]["USD"], 1.085);
        assert_eq!(ask("GET", "/rates/latest?base=USD", "").await.1["rates"]["EUR"], 0.9216);
        assert_eq!(ask("GET", "/rates/latest?base=XXX", "").await.0, 400);
        assert_eq!(ask("GET", "/status", "").await.1["status"], "ok");
    }

    #[tokio::test]
    async fn everything_else_is_echoed() {
        let (status, echoed) = ask("PATCH", "/some/where?a=1", "{\"b\":2}").await;
        assert_eq!(status, 200);
        assert_eq!(
            (&echoed["method"], &echoed["path"], &echoed["query"]),
            (&json!("PATCH"), &json!("/some/where"), &json!("a=1"))
        );
        assert_eq!((&echoed["headers"]["x-a"], &echoed["body"]["b"]), (&json!("1"), &json!(2)));
        assert_eq!(ask("GET", "/", "plain").await.1["body"], "plain");
    }
}
