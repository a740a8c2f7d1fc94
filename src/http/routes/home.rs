//! The page at `/`: what this is, whether it is well, and three commands to try, until there is a console.

use axum::extract::State as Extracted;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};

use super::probes::{Readiness, readiness};
use crate::http::state::State;

const PAGE: &str = include_str!("home.html");

/// The page at `/`
#[utoipa::path(get, operation_id = "home", path = "/", tag = "probes",
    responses((status = 200, description = "A page for people", content_type = "text/html", body = String)))]
pub async fn home(Extracted(state): Extracted<State>, headers: HeaderMap) -> Response {
    let nonce = format!("{:032x}", rand::random::<u128>());
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let page = fill(&nonce, state.version, &base(&headers), &readiness(&state).await);
    let mut response = ([(CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn fill(nonce: &str, version: &str, base: &str, readiness: &Readiness) -> String {
    let mark = |ok: bool| if ok { "ok" } else { "bad" };
    let checks: String =
        readiness.checks.iter().map(|check| format!("<li class=\"{}\">{}</li>", mark(check.ok), check.name)).collect();
    PAGE.replace("{nonce}", nonce)
        .replace("{version}", version)
        .replace("{base}", base)
        .replace("{status}", readiness.status)
        .replace("{mark}", mark(readiness.status == "ready"))
        .replace("{checks}", &checks)
}

/// The address the reader used, if it is one and nothing else: it goes into the page.
fn base(headers: &HeaderMap) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '[' | ']');
    let host = if !host.is_empty() && host.len() <= 255 && host.chars().all(plain) { host } else { "127.0.0.1:7070" };
    format!("http://{host}")
}

#[cfg(test)]
mod tests {
    use super::super::probes::Check;
    use super::*;

    #[test]
    fn a_page_has_no_holes_and_no_foreign_assets() {
        let checks = vec![Check { name: "queue", ok: false, duration_ms: 1 }];
        let page = fill("n0nce", "1.2.3", "http://h:1", &Readiness { status: "unready", checks });
        assert!(page.contains("1.2.3") && page.contains("http://h:1") && page.contains("<li class=\"bad\">queue</li>"));
        for bad in
            ["{nonce}", "{version}", "{base}", "{status}", "{mark}", "{checks}", "src=", "@import", "<script", "style="]
        {
            assert!(!page.contains(bad), "{bad}");
        }
    }

    #[test]
    fn a_hostile_host_header_stays_out_of_the_page() {
        let check = |host: &'static str, expected: &str| {
            let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
            assert_eq!(base(&headers), expected);
        };
        check("tide.example:8080", "http://tide.example:8080");
        check("[::1]:7070", "http://[::1]:7070");
        check("<script>", "http://127.0.0.1:7070");
        check("a\"b", "http://127.0.0.1:7070");
        check("", "http://127.0.0.1:7070");
    }
}
