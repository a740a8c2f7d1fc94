//! Takes out of an answer what it repeats of secrets that scripts must not see: many services echo what they were sent.

use std::borrow::Cow;

use crate::gateway::{Received, Refused};
use crate::redact::Redactor;

/// A larger body is searched on a thread that may be busy for a while.
const QUICK_BYTES: usize = 64 << 10;

/// The answer with these secrets masked, wherever it has them: address, status text, headers, body.
pub(super) async fn strip(received: Received, secrets: &Redactor) -> Received {
    if secrets.is_empty() {
        return received;
    }
    if received.body.len() <= QUICK_BYTES {
        return stripped(received, secrets);
    }
    let secrets = secrets.clone();
    let searched = tokio::task::spawn_blocking(move || stripped(received, &secrets)).await;
    // It cannot fail; if it did, nothing of the answer may be shown.
    searched.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// The refusal with these secrets masked: it may name where a server wanted to redirect to.
pub(super) fn strip_refusal(refused: Refused, secrets: &Redactor) -> Refused {
    Refused { message: secrets.redact(&refused.message).into_owned(), ..refused }
}

fn stripped(mut received: Received, secrets: &Redactor) -> Received {
    let body = match secrets.redact_body(&received.body) {
        Cow::Borrowed(_) => None,
        Cow::Owned(masked) => Some(masked),
    };
    if let Some(masked) = body {
        received.body = masked;
        received.headers.retain(|(name, _)| name != "content-length");
    }
    for (name, value) in &mut received.headers {
        *name = text(name, secrets);
        *value = text(value, secrets);
    }
    received.status_text = text(&received.status_text, secrets);
    received.url = secrets.redact(&received.url).into_owned();
    received
}

/// A text of which each character is a byte, as headers have it; the bytes may be Latin-1, as the gateway itself writes
/// headers, or UTF-8.
fn text(latin1: &str, secrets: &Redactor) -> String {
    let latin1 = secrets.redact(latin1);
    let bytes: Option<Vec<u8>> = latin1.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    match secrets.redact_body(&bytes.unwrap_or_default()) {
        Cow::Borrowed(_) => latin1.into_owned(),
        Cow::Owned(masked) => masked.into_iter().map(char::from).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "pa55-wörd/of three";

    fn received(headers: &[(&str, &str)], body: &[u8]) -> Received {
        Received {
            status: 200,
            status_text: format!("OK {SECRET}"),
            url: "https://a.example/?k=pa55-w%C3%B6rd%2Fof+three".to_owned(),
            redirected: true,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: body.to_vec(),
        }
    }

    #[tokio::test]
    async fn every_part_of_an_answer_is_masked() {
        let latin1: String = SECRET.bytes().map(char::from).collect();
        let headers =
            [("x-echo", &*format!("Bearer {latin1}")), ("x-same", SECRET), ("etag", "\"1\""), ("content-length", "99")];
        let stripped = strip(received(&headers, SECRET.as_bytes()), &Redactor::new([SECRET])).await;
        assert_eq!(stripped.url, "https://a.example/?k=******");
        assert_eq!(stripped.status_text, "OK ******");
        assert_eq!(
            stripped.headers,
            [("x-echo", "Bearer ******"), ("x-same", "******"), ("etag", "\"1\"")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert_eq!(stripped.body, b"******");
    }

    #[tokio::test]
    async fn an_answer_without_them_stays_as_it_is() {
        let plain = Received {
            url: "https://a.example/".to_owned(),
            status_text: "OK".to_owned(),
            ..received(&[("content-length", "2")], b"\xff{")
        };
        assert_eq!(strip(plain.clone(), &Redactor::new([SECRET])).await, plain);
        let echo = received(&[], SECRET.as_bytes());
        assert_eq!(strip(echo.clone(), &Redactor::new([])).await, echo, "no secret is for the gateway alone");
    }
}
