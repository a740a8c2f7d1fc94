//! What is masked, and that nothing gets through.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

fn redactor(secrets: &[&str]) -> Redactor {
    Redactor::new(secrets.iter().copied())
}

#[track_caller]
fn check(secret: &str, text: &str, expected: &str) {
    assert_eq!(redactor(&[secret]).redact(text), expected, "{secret:?} in {text:?}");
}

#[track_caller]
fn check_json(secret: &str, text: &str, expected: &str) {
    assert_eq!(redactor(&[secret]).redact_json(text), expected, "{secret:?} in {text:?}");
}

#[test]
fn secrets_are_masked_in_every_encoding() {
    for (secret, text, expected) in [
        ("hunter22", "token=hunter22!", "token=******!"),
        ("hunter22", "hunter22hunter22", "******"),
        ("hunter22", "Hunter22 HUNTER22", "****** ******"),
        ("abcd", "xabcabcdx", "xabc******x"),
        ("abc", "abc is too short to mask", "abc is too short to mask"),
        ("", "nothing", "nothing"),
        ("hunter22\n", "hunter22", "******"),
        ("hunter22", "aHVudGVyMjI= aHVudGVyMjI", "****** ******"),
        ("hunter22", "Basic dXNlcjpodW50ZXIyMg==", "Basic dXNlcjp******"),
        ("hunter22", "68756e7465723232 68756E7465723232", "****** ******"),
        ("p@ss w/rd", "?q=p%40ss%20w%2Frd", "?q=******"),
        ("p@ss w/rd", "?q=p%40ss+w%2frd&x=1", "?q=******&x=1"),
        ("p@ss w/rd", "?q=p@ss%20w/rd", "?q=******"),
        ("p@ss w/rd", "p%2540ss%2520w%252Frd", "******"),
        ("hunter22", "%68%75%6e%74%65%72%32%32", "******"),
        ("say \"hi\"\n", r#"{"a":"say \"hi\"\n"}"#, r#"{"a":"******"}"#),
        ("say \"hi\"", r#"{"a":"{\"b\":\"say \\\"hi\\\"\"}"}"#, r#"{"a":"{\"b\":\"******\"}"}"#),
        ("é€😀!", r"\u00e9\u20AC\ud83d\ude00!", "******"),
        ("é€😀!", "%C3%A9%E2%82%AC%F0%9F%98%80!", "******"),
        ("a/b/c", r"a\/b\/c", "******"),
        ("it's 'me'", r"'it\'s \'me\''", "'******'"),
        ("a\nfirst line of a key\nb", "  'first line of a key\\n' +", "  '******\\n' +"),
        ("****", "**** ******", "**** ******"),
        ("hunter22", "22retnuh", "******"),
        ("p&ss'w<rd", "p&amp;ss&#39;w&lt;rd p&#38;ss&#x27;w&#x3C;rd p&amp;ss&apos;w<rd", "****** ****** ******"),
        (
            "-----BEGIN-----\nabcdefghijklmnopqrst\n-----END-----\n",
            "&#x2D;&#x2D;&#x2D;&#x2D;&#x2D;&#x42;&#x45;&#x47;&#x49;&#x4E;&#x2D;&#x2D;&#x2D;&#x2D;&#x2D;&#xA;&#x61;&#x62;&#x63;&#x64;&#x65;&#x66;&#x67;&#x68;&#x69;&#x6A;&#x6B;&#x6C;&#x6D;&#x6E;&#x6F;&#x70;&#x71;&#x72;&#x73;&#x74;&#xA;&#x2D;&#x2D;&#x2D;&#x2D;&#x2D;&#x45;&#x4E;&#x44;&#x2D;&#x2D;&#x2D;&#x2D;&#x2D;&#xA;",
            "******",
        ),
        ("hunter22", "<Buffer 68 75 6e 74 65 72 32 32>", "<Buffer ******>"),
        ("hunter22", "68:75:6E:74:65:72:32:32", "******"),
        ("hunter22", "[\n  104, 117, 110,\n  116, 101, 114,\n   50,  50\n]", "[\n  ******\n]"),
        ("hunter22", "{ data: [104,117,110,116,101,114,50,50] }", "{ data: [******] }"),
        ("a secret of words", "YSBzZWNy\nZXQgb2Yg\nd29yZHM=", "******"),
        ("hunter22-and-more", "this was cut: hunter22-an", "this was cut: ******"),
        ("hunter22-and-more", "cut: 104,117,110,116,101,114,50,50,45,9", "cut: ******"),
        ("hunter22-and-more", "this is not: hunter2", "this is not: hunter2"),
        ("hunter22-and-more", "'x hunter22-a'... 7 more characters ]", "'x ******'... 7 more characters ]"),
        ("hunter22-and-more", "hunter22-a… and on", "******… and on"),
        ("hunter22-and-more", "hunter22-a is not cut ...", "hunter22-a is not cut ..."),
        (
            "hunter22-and-more",
            "<Buffer 20 68 75 6e 74 65 72 32 32 2d ... 9 more bytes>",
            "<Buffer 20 ****** ... 9 more bytes>",
        ),
        ("p@ss word/d", "p%40ss%20word%2... and on", "******... and on"),
        ("hunter22", "1, 2, 3: 4 & 5; &amp &#; &#xzz; 68 75", "1, 2, 3: 4 & 5; &amp &#; &#xzz; 68 75"),
        ("hunter22", "50% off \\ and + of C:\\new %zz \\uZZZZ \\", "50% off \\ and + of C:\\new %zz \\uZZZZ \\"),
    ] {
        check(secret, text, expected);
    }
}

#[test]
fn overlapping_secrets_leave_nothing_between_them() {
    let both = redactor(&["abcdef", "defghi"]);
    assert_eq!(both.redact("xabcdefghix"), "x******x");
    let nested = redactor(&["cdef", "abcdefgh"]);
    assert_eq!(nested.redact("abcdefgh abcdefg"), "****** ab******g");
}

#[test]
fn json_stays_json() {
    for (secret, text, expected) in [
        ("hunter22", r#"{"a":"hunter22","hunter22":[1]}"#, r#"{"a":"******","******":[1]}"#),
        ("hunter22", r#""hunter22""#, r#""******""#),
        ("12345678", r#"{"a":12345678,"b":[-12345678.5]}"#, r#"{"a":"******","b":["******"]}"#),
        ("true", "[true,false]", r#"["******",false]"#),
        ("nabcd", r#"["\nabcd","nabcd"]"#, r#"["\nabcd","******"]"#),
        ("say \"hi\"", r#"["say \"hi\" x"]"#, r#"["****** x"]"#),
        ("p@ss word", r#"["p%40ss+word","\u0070@ss word"]"#, r#"["******","******"]"#),
        ("hunter22", r#"["{\"a\":\"hunter\\u00322\"}"]"#, r#"["{\"a\":\"******\"}"]"#),
        ("hunter22", r#"["\ud800 hunter22"]"#, r#"["\ud800 ******"]"#),
        (r#"{"a":1}"#, r#"{"x":{"a":1}}"#, r#""******""#),
        (r#"{"a":1}"#, r#"{"x":{ "a" : 1 }}"#, r#""******""#),
        ("hunter22", r#"{"type":"Buffer","data":[104,117,110,116,101,114,50,50]}"#, r#""******""#),
        ("hunter22", "{broken hunter22", "{broken ******"),
        ("hunter22", "", ""),
    ] {
        check_json(secret, text, expected);
    }
}

#[test]
fn a_long_secret_and_a_long_text_are_fine() {
    let secret = "k".repeat(8 << 10);
    let text = format!("{}x{}", "k".repeat(20 << 10), "k".repeat((8 << 10) - 1));
    let masked = redactor(&[&secret]).redact(&text).into_owned();
    assert_eq!(masked, "******x******", "also the beginning of one at the end");
}

#[test]
fn debug_output_holds_no_secret() {
    let shown = format!("{:?}", redactor(&["hunter22"]));
    assert_eq!(shown, "Redactor { .. }");
}

/// Canaries that cannot come up by chance and are not made of the mask's own character.
fn canary() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-z0-9]{4,40}", "[ -)+-~]{4,40}", "[ -)+-~é€😀\\n\\t\"\\\\]{4,20}"]
        .prop_filter("would be trimmed", |canary| canary.trim() == canary)
}

fn percent(text: &str, every: bool, plus: bool) -> String {
    let one = |byte: u8| match byte {
        b' ' if plus => "+".to_owned(),
        byte if !every && (byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte)) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    quoted[1..quoted.len() - 1].to_owned()
}

fn unicode(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// The canary as it turns up in practice.
fn encodings(canary: &str) -> Vec<String> {
    vec![
        canary.to_owned(),
        STANDARD.encode(canary),
        STANDARD_NO_PAD.encode(canary),
        URL_SAFE.encode(canary),
        URL_SAFE_NO_PAD.encode(canary),
        percent(canary, false, false),
        percent(canary, false, true),
        percent(canary, true, false),
        percent(canary, true, false).to_lowercase(),
        percent(&STANDARD.encode(canary), false, false),
        hex(canary),
        hex(canary).to_uppercase(),
        json(canary),
        json(&json(canary)),
        unicode(canary),
        percent(&json(canary), false, false),
        json(&percent(canary, false, true)),
    ]
}

/// Ways to print a text of which only so many bytes are shown.
fn cut_short(text: &str, at: usize) -> Vec<String> {
    let bytes = &text.as_bytes()[..at];
    let (left, list) = (text.len() - at, |one: fn(&u8) -> String| bytes.iter().map(one).collect::<Vec<_>>());
    let decimal = list(u8::to_string);
    vec![
        text[..at].to_owned(),
        format!("{{ a: '{}'... {left} more characters }}", &text[..at]),
        format!("[\n  '{}'... {left} more characters,\n  'b'\n]", &text[..at]),
        format!("{}… and on", &text[..at]),
        format!("<Buffer {} ... {left} more bytes>", list(|byte| format!("{byte:02x}")).join(" ")),
        format!("[\n  {},\n  ... {left} more items\n]", decimal.join(", ")),
        format!("{{\n  a: [\n    {},\n    ... {left} more items\n  ]\n}}", decimal.join(",\n    ")),
        format!("{}... {left} more", percent(&text[..at], true, false)),
        format!("{}... {left} more", hex(&text[..at])),
        format!("{}... {left} more", unicode(&text[..at])),
        format!("{}... {left} more", &STANDARD.encode(text)[..at]),
    ]
}

#[test]
fn a_text_cut_at_any_place_around_a_secret_shows_less_than_eight_of_its_bytes() {
    let secret = "Kq7-vT2_xW9.zR4 mB6/nD3+fG8=hJ1";
    let redactor = redactor(&[secret]);
    let list =
        |piece: &str, between: &str, one: fn(u8) -> String| piece.bytes().map(one).collect::<Vec<_>>().join(between);
    let pieces: Vec<String> = (0..=secret.len() - 8)
        .map(|from| &secret[from..from + 8])
        .flat_map(|piece| {
            [
                piece.to_owned(),
                list(piece, " ", |byte| format!("{byte:02x}")),
                list(piece, ", ", |byte| byte.to_string()),
                list(piece, ",\n    ", |byte| byte.to_string()),
                percent(piece, true, false),
                hex(piece),
                unicode(piece),
            ]
        })
        .collect();
    for before in ["", "Bearer ", "seven of them: a, b "] {
        let text = format!("{before}{secret} and more behind it");
        for at in 0..=text.len() {
            for (way, cut) in cut_short(&text, at).into_iter().enumerate() {
                let quoted = serde_json::to_string(&[&cut]).unwrap();
                let texts = [
                    redactor.redact(&cut).into_owned(),
                    // As the text of an error that reached its limit, and as a part of a result.
                    redactor
                        .redact_json(&serde_json::to_string(&["x".repeat(MIN_CUT_BYTES) + &cut]).unwrap())
                        .into_owned(),
                    if way == 0 { String::new() } else { redactor.redact_json(&quoted).into_owned() },
                ];
                for masked in texts {
                    assert!(!pieces.iter().any(|piece| masked.contains(piece)), "{way} {at}: {masked:?}");
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn no_canary_survives_in_any_encoding(canary in canary(), before in "[ -~é]{0,12}", after in "[ -~é]{0,12}") {
        let redactor = redactor(&[&canary]);
        for encoded in encodings(&canary) {
            // A backslash or percent sign just before would change what the encoded text means.
            let text = format!("{} {encoded} {}", before.trim_end_matches('\\'), after);
            let masked = redactor.redact(&text);
            prop_assert!(!masked.contains(&encoded), "{:?} in {:?}", encoded, masked);
            prop_assert!(masked.contains(MASK));
        }
    }

    #[test]
    fn no_canary_survives_inside_longer_base64(canary in canary(), before in "[a-z]{0,7}", after in "[a-z]{0,7}") {
        let redactor = redactor(&[&canary]);
        for alphabet in [STANDARD, URL_SAFE] {
            let text = alphabet.encode(format!("{before}{canary}{after}"));
            let masked = redactor.redact(&text).into_owned();
            let left = masked.len() - MASK.len();
            // At most the bytes around it, and a character on either side that also holds bits of them.
            prop_assert!(masked.contains(MASK), "{}", masked);
            prop_assert!(left <= (before.len() + after.len()) * 4 / 3 + 6, "{} of {}", masked, text);
        }
    }

    #[test]
    fn json_with_canaries_stays_json_without_them(canary in canary(), number in 100_000u64.., key in "[a-z]{1,8}") {
        let secrets = redactor(&[&canary, &number.to_string()]);
        let value = serde_json::json!({
            &canary: [number, &canary, { &key: format!("x{canary}y{number}") }],
            &key: encodings(&canary),
            "nested": serde_json::json!({ &key: &canary }).to_string(),
        });
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let masked = secrets.redact_json(&text);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&masked).is_ok(), "{}", masked);
            for encoded in encodings(&canary).iter().chain([&number.to_string()]) {
                prop_assert!(!masked.contains(encoded), "{:?} in {}", encoded, masked);
            }
        }
    }

    #[test]
    fn text_without_secrets_is_handed_back(text in "(?s).{0,200}") {
        let redactor = redactor(&["Zq9-never-generated-canary"]);
        prop_assert!(matches!(redactor.redact(&text), Cow::Borrowed(same) if same == text));
        let json = serde_json::to_string(&[&text]).unwrap();
        prop_assert!(matches!(redactor.redact_json(&json), Cow::Borrowed(same) if same == json));
    }

    #[test]
    fn a_text_that_was_cut_in_an_encoding_shows_less_than_eight_bytes(canary in "[A-Za-z0-9]{20,40}", at in 0usize..400) {
        let redactor = redactor(&[&canary]);
        for encoded in [canary.clone(), percent(&canary, true, false), unicode(&canary), json(&json(&canary)), hex(&canary)] {
            let encoded = &encoded[..at.min(encoded.len())];
            let masked = redactor.redact(encoded).into_owned();
            // Of an escape that was cut itself, a few characters stay.
            let left = masked.replace(MASK, "");
            prop_assert!(left.len() < 8 * 6 + 6, "{} of {}", masked, encoded);
            prop_assert!(!canary.as_bytes().windows(8).any(|part| masked.contains(std::str::from_utf8(part).unwrap())));
        }
    }

    #[test]
    fn nothing_panics(secrets in proptest::collection::vec("(?s).{0,12}|[\\\\u%0-9a-f]{4,8}", 0..4),
                      text in "(?s).{0,60}|[\\\\u%+0-9a-fA-F\"é]{0,60}") {
        let redactor = Redactor::new(secrets.iter().map(String::as_str));
        let _ = redactor.redact(&text);
        let _ = redactor.redact_json(&text);
    }
}
