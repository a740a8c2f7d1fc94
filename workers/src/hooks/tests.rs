//! Proofs of callers: published vectors of each scheme, and every way in which a request can be wrong.

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use schedules::Millis;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::*;

/// A request that its sender signed.
struct Vector {
    auth: Value,
    secret: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: &'static [u8],
    /// When it was signed, in Unix seconds; 0 where the scheme has no time.
    at: i64,
}

/// A command of the example in "Verifying requests from Slack" (https://docs.slack.dev/authentication/verifying-requests-from-slack).
const SLACK_BODY: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V\
&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2F\
hooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803\
a0bc887a14d10d2c447fce8b6703c";

fn vectors() -> Vec<Vector> {
    let preset = |name: &str| json!({ "preset": name, "secret": "S" });
    vec![
        // "Testing the webhook payload validation" in GitHub's "Validating webhook deliveries".
        Vector {
            auth: preset("github"),
            secret: "It's a Secret to Everybody",
            headers: vec![(
                "x-hub-signature-256",
                "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
            )],
            body: b"Hello, World!",
            at: 0,
        },
        Vector {
            auth: preset("slack"),
            secret: "8f742231b10e8888abcd99yyyzzz85a5",
            headers: vec![
                ("x-slack-signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
                ("x-slack-request-timestamp", "1531420618"),
            ],
            body: SLACK_BODY,
            at: 1_531_420_618,
        },
        // The first signature in the tests of the Standard Webhooks libraries.
        Vector {
            auth: json!({ "kind": "standard_webhooks", "secret": "S" }),
            secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            headers: vec![
                ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
                ("webhook-timestamp", "1614265330"),
                ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
            ],
            body: b"{\"test\": 2432232314}",
            at: 1_614_265_330,
        },
        // Stripe publishes the scheme ("Verify webhook signatures manually") and no digest: made with Python's hmac.
        Vector {
            auth: preset("stripe"),
            secret: "whsec_test_secret",
            headers: vec![(
                "stripe-signature",
                "t=1492774577,v1=88a022085c6bdb887b02cb26ff76dd681234d9675c0f22844059f55552a8883a,v0=6ffbb59b2300aae63f27",
            )],
            body: b"{\"id\":\"evt_test_webhook\",\"object\":\"event\"}",
            at: 1_492_774_577,
        },
        // Shopify publishes the scheme ("Verify webhook deliveries") and no digest: made with Python's hmac.
        Vector {
            auth: preset("shopify"),
            secret: "hush",
            headers: vec![("x-shopify-hmac-sha256", "D0UMXmhjwBRi4y66TmhJrDlhQABD7zI2fm3p6/QLMo8=")],
            body: b"{\"id\":820982911946154508,\"email\":\"jon@example.com\"}",
            at: 0,
        },
        // RFC 2202, test case 2 of HMAC-SHA-1.
        Vector {
            auth: json!({ "kind": "hmac", "secret": "S", "algorithm": "sha1", "header": "X-Sig" }),
            secret: "Jefe",
            headers: vec![("x-sig", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")],
            body: b"what do ya want for nothing?",
            at: 0,
        },
        // RFC 4231, test case 2 of HMAC-SHA-512.
        Vector {
            auth: json!({ "kind": "hmac", "secret": "S", "algorithm": "sha512", "header": "X-Sig", "prefix": "mac:" }),
            secret: "Jefe",
            headers: vec![(
                "x-sig",
                "mac:164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            )],
            body: b"what do ya want for nothing?",
            at: 0,
        },
    ]
}

fn auth(value: &Value) -> Auth {
    read_auth("auth", value.clone()).expect("valid")
}

fn header_map<'h>(headers: impl IntoIterator<Item = (&'h str, &'h str)>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().expect("a name");
        map.append(name, HeaderValue::from_str(value).expect("a value"));
    }
    map
}

/// What becomes of a request: both steps, as the route makes them.
fn check(
    auth: &Auth,
    secrets: &[(&str, &str)],
    headers: &HeaderMap,
    body: &[u8],
    now: i64,
) -> Result<Option<Seen>, Refusal> {
    let secret = |name: &str| {
        secrets.iter().find(|(known, _)| *known == name).map(|(_, value)| Zeroizing::new((*value).to_owned()))
    };
    match auth.check_head(headers, "", secret, Millis(now * 1_000))? {
        None => Ok(None),
        Some(claim) => claim.check_body(body),
    }
}

impl Vector {
    fn now(&self) -> i64 {
        self.at.max(1)
    }

    fn with(&self, secret: &str, headers: &HeaderMap, body: &[u8], now: i64) -> Result<Option<Seen>, Refusal> {
        check(&auth(&self.auth), &[("S", secret)], headers, body, now)
    }

    fn headers(&self) -> HeaderMap {
        header_map(self.headers.iter().copied())
    }
}

#[test]
fn published_signatures_are_taken_and_everything_beside_them_is_not() {
    for vector in vectors() {
        let name = vector.auth.to_string();
        let (headers, body, now) = (vector.headers(), vector.body, vector.now());
        let seen =
            vector.with(vector.secret, &headers, body, now).unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"));
        assert!(seen.is_some(), "{name}: known again");
        let refused = |secret: &str, headers: &HeaderMap, body: &[u8], now: i64, expected: Refusal| {
            assert_eq!(vector.with(secret, headers, body, now), Err(expected), "{name}");
        };
        // Another body, by a byte more, a byte less, or none at all; another secret.
        refused(vector.secret, &headers, &[body, b"\n"].concat(), now, Refusal::WrongSignature);
        refused(vector.secret, &headers, &body[1..], now, Refusal::WrongSignature);
        refused(vector.secret, &headers, b"", now, Refusal::WrongSignature);
        let other = if vector.auth["kind"] == "standard_webhooks" { "whsec_c2VjcmV0" } else { "another" };
        refused(other, &headers, body, now, Refusal::WrongSignature);
        // Each header is needed, and needed once.
        for (header, value) in &vector.headers {
            let mut without = headers.clone();
            without.remove(*header);
            refused(vector.secret, &without, body, now, Refusal::MissingSignature);
            let mut doubled = headers.clone();
            doubled.append(*header, HeaderValue::from_static(value));
            refused(vector.secret, &doubled, body, now, Refusal::MalformedSignature);
            let mut odd = headers.clone();
            odd.insert(*header, HeaderValue::from_bytes(b"\xff").expect("a value"));
            refused(vector.secret, &odd, body, now, Refusal::MalformedSignature);
        }
        if vector.at > 0 {
            for late in [301, 3_600, 1_000_000_000] {
                refused(vector.secret, &headers, body, now + late, Refusal::Late);
                refused(vector.secret, &headers, body, now - late, Refusal::Early);
            }
            for fine in [-300, 300] {
                assert!(vector.with(vector.secret, &headers, body, now + fine).is_ok(), "{name}");
            }
        }
        assert_eq!(check(&auth(&vector.auth), &[], &headers, body, now), Err(Refusal::NoSecret), "{name}");
    }
}

proptest! {
    /// In the body, and in every header of the signature.
    #[test]
    fn no_single_byte_can_be_another(which in 0..7_usize, place: prop::sample::Index, part in 0..4_usize, flip in 1..=255_u8) {
        let vector = &vectors()[which];
        let (mut body, mut headers) = (vector.body.to_vec(), vector.headers.clone());
        let mut changed = String::new();
        if part == 0 || headers.len() < part {
            let at = place.index(body.len());
            body[at] ^= flip;
        } else {
            let value = headers[part - 1].1;
            let mut bytes = value.as_bytes().to_vec();
            let at = place.index(bytes.len());
            bytes[at] ^= flip;
            // Hex says the same in capitals; what is no ASCII cannot be looked at; `v0` and what follows is not looked at.
            prop_assume!(bytes.is_ascii() && !bytes.eq_ignore_ascii_case(value.as_bytes()));
            prop_assume!(value.find(",v0=").is_none_or(|ignored| at < ignored));
            changed = String::from_utf8(bytes).expect("ASCII");
            prop_assume!(HeaderValue::from_str(&changed).is_ok());
        }
        if !changed.is_empty() {
            headers[part - 1].1 = "";
        }
        let sent = headers.iter().map(|(name, value)| (*name, if value.is_empty() { changed.as_str() } else { value }));
        let refused = vector.with(vector.secret, &header_map(sent), &body, vector.now());
        prop_assert!(refused.is_err(), "{} {changed:?}", vector.auth);
    }

    #[test]
    fn whatever_is_sent_nothing_panics(value in "[ -~]{0,80}", body: Vec<u8>, query in "[ -~]{0,40}") {
        for auth in every_way() {
            let names: Vec<&str> = ["stripe-signature", "x-hub-signature-256", "x-slack-signature", "x-slack-request-timestamp",
                "x-shopify-hmac-sha256", "webhook-id", "webhook-timestamp", "webhook-signature", "x-sig", "authorization"].into();
            let headers = header_map(names.iter().map(|name| (*name, value.as_str())));
            let secret = |_: &str| Some(Zeroizing::new("c2VjcmV0".to_owned()));
            if let Ok(Some(claim)) = auth.check_head(&headers, &query, secret, Millis(0)) {
                prop_assert!(claim.check_body(&body).is_err());
            }
        }
    }

    /// What `tidegate hooks sign` makes is what hooks take.
    #[test]
    fn a_proof_that_is_made_here_is_taken_here(body: Vec<u8>, seconds in 1_000_000_000..2_000_000_000_i64) {
        for auth in every_way() {
            let signing = Signing { timestamp: seconds, id: "msg_1".into() };
            let (headers, query) = auth.prove("c2VjcmV0", &body, &signing).expect("a key");
            let headers = header_map(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            let query: String = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let secret = |name: &str| (name == "S").then(|| Zeroizing::new("c2VjcmV0".to_owned()));
            let claim = auth.check_head(&headers, &query, secret, Millis(seconds * 1_000)).expect("taken");
            if let Some(claim) = claim {
                prop_assert!(claim.check_body(&body).is_ok(), "{auth:?}");
            }
        }
    }
}

fn every_way() -> Vec<Auth> {
    let signed = vectors().into_iter().map(|vector| vector.auth);
    let others = [
        json!({ "kind": "token", "secret": "S" }),
        json!({ "kind": "token", "secret": "S", "header": "X-Token" }),
        json!({ "kind": "token", "secret": "S", "query": "token" }),
        json!({ "kind": "basic", "secret": "S", "user": "shop" }),
        json!({ "kind": "hmac", "secret": "S", "header": "X-Sig", "signs": "{body}|{timestamp}|{id}", "timestampHeader": "X-At",
                "idHeader": "X-Id", "encoding": "base64" }),
    ];
    signed.chain(others).map(|value| auth(&value)).collect()
}

#[test]
fn of_several_secrets_and_signatures_one_of_each_is_enough() {
    let auth = auth(&json!({ "preset": "stripe", "secrets": ["OLD", "NEW"] }));
    let sign = |secret: &str| {
        let signing = Signing { timestamp: 1_700_000_000, id: String::new() };
        auth.prove(secret, b"{}", &signing).expect("a key").0[0].1.clone()
    };
    let both = [("OLD", "old-secret"), ("NEW", "new-secret")];
    let seen = |header: &str, secrets: &[(&str, &str)]| {
        check(&auth, secrets, &header_map([("stripe-signature", header)]), b"{}", 1_700_000_000)
    };
    let (old, new) = (sign("old-secret"), sign("new-secret"));
    let first = seen(&old, &both).expect("by the old secret");
    assert_eq!(seen(&new, &both).expect("by the new one"), first, "another signature of the same is the same request");
    assert_eq!(seen(&old.to_uppercase().replace("T=", "t=").replace("V1=", "v1="), &both), Ok(first.clone()));
    assert_eq!(seen(&old, &both[1..]), Err(Refusal::WrongSignature), "the old one is gone");
    let several = format!("{},v1={}", "t=1700000000,v1=00ff,v1=zz", new.split_once("v1=").expect("one").1);
    assert_eq!(seen(&several, &both[1..]), Ok(first));
    let many = format!("t=1700000000{}", ",v1=00".repeat(11));
    assert_eq!(seen(&many, &both), Err(Refusal::MalformedSignature));
    assert_eq!(seen(&format!("t=1700000001,{new}"), &both), Err(Refusal::MalformedSignature), "two times");
    for bad in ["", "t=1700000000", "v1=00", "t=,v1=00", "t=+1700000000,v1=00", "t=99999999999999,v1=00", "t=1e9,v1=00"]
    {
        assert_eq!(seen(bad, &both), Err(Refusal::MalformedSignature), "{bad}");
    }
}

#[test]
fn a_signature_is_remembered_as_long_as_it_would_be_taken() {
    let vector = &vectors()[1];
    let until = |now: i64| {
        let seen =
            vector.with(vector.secret, &vector.headers(), vector.body, now).expect("taken").expect("known again");
        seen.until.0 / 1_000
    };
    // Late by 290 s, or early by 290 s: it is in the tolerance until 300 s after its own time.
    assert!(until(vector.at + 290) >= vector.at + 590 && until(vector.at - 290) >= vector.at + 300);
    let allowed = json!({ "preset": "slack", "secret": "S", "replay": "allow" });
    let seen = check(&auth(&allowed), &[("S", vector.secret)], &vector.headers(), vector.body, vector.at);
    assert_eq!(seen, Ok(None));
}

#[test]
fn a_body_need_not_be_text() {
    for auth in every_way() {
        let body = [0_u8, 255, 254, 10, 13, 0];
        let signing = Signing { timestamp: 1_700_000_000, id: "1".into() };
        let headers = auth.prove("c2VjcmV0", &body, &signing).expect("a key").0;
        let headers = header_map(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        if matches!(auth, Auth::Signed(_)) {
            assert!(check(&auth, &[("S", "c2VjcmV0")], &headers, &body, 1_700_000_000).is_ok(), "{auth:?}");
        }
    }
}

#[test]
fn what_separates_the_parts_of_a_message_cannot_be_moved() {
    let auth = auth(&json!({ "kind": "standard_webhooks", "secret": "S" }));
    let signing = Signing { timestamp: 1_700_000_000, id: "msg_1".into() };
    let headers = auth.prove("c2VjcmV0", b"1700000099.{}", &signing).expect("a key").0;
    let signature = headers.iter().find(|(name, _)| name == "webhook-signature").expect("one").1.clone();
    // The same bytes are signed: "msg_1.1700000000.1700000099.{}".
    let moved = [
        ("webhook-id", "msg_1.1700000000"),
        ("webhook-timestamp", "1700000099"),
        ("webhook-signature", signature.as_str()),
    ];
    assert_eq!(
        check(&auth, &[("S", "c2VjcmV0")], &header_map(moved), b"{}", 1_700_000_099),
        Err(Refusal::MalformedSignature)
    );
}

#[test]
fn a_secret_that_is_no_key_lets_nobody_in() {
    let vector = &vectors()[2];
    assert_eq!(vector.with("whsec_*", &vector.headers(), vector.body, vector.at), Err(Refusal::NoSecret));
    assert_eq!(vector.with("whsec_", &vector.headers(), vector.body, vector.at), Err(Refusal::NoSecret));
}

#[test]
fn tokens_and_passwords_are_compared_whole() {
    let bearer = auth(&json!({ "kind": "token", "secrets": ["A", "B"] }));
    let basic = auth(&json!({ "kind": "basic", "user": "shop", "secret": "A" }));
    let secrets = [("A", "first-token"), ("B", "second-token")];
    let given = |auth: &Auth, values: &[&str]| {
        let headers = header_map(values.iter().map(|value| ("authorization", *value)));
        check(auth, &secrets, &headers, b"", 1)
    };
    assert_eq!(given(&bearer, &["Bearer first-token"]), Ok(None));
    assert_eq!(given(&bearer, &["bearer second-token"]), Ok(None));
    assert_eq!(given(&bearer, &[]), Err(Refusal::MissingCredentials));
    for wrong in
        ["Bearer first-toke", "Bearer first-token2", "Bearer ", "Bearer", "", "Basic first-token", "first-token"]
    {
        assert_eq!(given(&bearer, &[wrong]), Err(Refusal::WrongCredentials), "{wrong}");
    }
    assert_eq!(given(&bearer, &["Bearer first-token", "Bearer first-token"]), Err(Refusal::WrongCredentials));
    // shop:first-token, with a colon more, with another user, and what is no base64.
    assert_eq!(given(&basic, &["Basic c2hvcDpmaXJzdC10b2tlbg=="]), Ok(None));
    for wrong in
        ["Basic c2hvcDpmaXJzdC10b2tlbjo=", "Basic U2hvcDpmaXJzdC10b2tlbg==", "Basic c2hvcA==", "Basic *", "Basic"]
    {
        assert_eq!(given(&basic, &[wrong]), Err(Refusal::WrongCredentials), "{wrong}");
    }
    assert_eq!(check(&bearer, &[], &header_map([("authorization", "Bearer ")]), b"", 1), Err(Refusal::NoSecret));
    let query = auth(&json!({ "kind": "token", "secret": "A", "query": "key" }));
    let asked = |query_text: &str| {
        let secret = |_: &str| Some(Zeroizing::new("a b&c/token".to_owned()));
        query.check_head(&HeaderMap::new(), query_text, secret, Millis(1)).map(|_| ())
    };
    assert_eq!(asked("x=1&key=a+b%26c%2Ftoken"), Ok(()));
    assert_eq!(asked("x=1"), Err(Refusal::MissingCredentials));
    assert_eq!(asked("key=a+b"), Err(Refusal::WrongCredentials));
    assert_eq!(asked("key=a+b%26c%2Ftoken&key=a+b%26c%2Ftoken"), Err(Refusal::WrongCredentials));
}

#[test]
fn what_proved_the_caller_is_not_shown_to_the_handler() {
    let mut headers =
        header_map([("authorization", "Bearer first-token"), ("x-token", "x"), ("x-hub-signature-256", "s")]);
    auth(&json!({ "kind": "token", "secret": "A", "header": "X-Token" })).conceal(&mut headers);
    assert!(!headers.contains_key("x-token") && headers.contains_key("authorization"));
    auth(&json!({ "kind": "basic", "secret": "A", "user": "u" })).conceal(&mut headers);
    assert!(!headers.contains_key("authorization"));
    auth(&json!({ "preset": "github", "secret": "A" })).conceal(&mut headers);
    assert!(headers.contains_key("x-hub-signature-256"));
}
