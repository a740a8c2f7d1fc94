//! What expressions give, what is refused of them, and what they may cost.

use schedules::Stopwatch;
use serde_json::{Value, json};

use super::*;

fn event() -> Value {
    json!({
        "meta": { "type": "ecUser", "id": "e1", "ts": 1_772_409_600_000_i64 },
        "user": { "email": "ada@example.com", "loyalty": { "tier": "gold", "points": 120 }, "tags": ["a", "b"] },
        "basket": { "total": 10.5, "items": [{ "sku": "x", "price": 5 }, { "sku": "y", "price": 5.5 }] },
        "nothing": null,
        "big": 18_446_744_073_709_551_615_u64,
    })
}

fn check(text: &str, expected: Value) {
    let read = Expression::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
    assert_eq!(read.value(&event()).expect(text), expected, "{text}");
    assert_eq!(read.holds(&event()).expect(text), expected == json!(true), "{text}");
}

#[test]
fn the_filters_of_the_docs() {
    check(r#"event.user.loyalty.tier == "gold""#, json!(true));
    check(r#"event.user.loyalty.tier in ["gold", "platinum"] || event.user.loyalty.points > 1000"#, json!(true));
    check(r#"event.meta.type.startsWith("ec") && event.basket.total >= 10"#, json!(true));
    check(r#"event.user.email.matches("@example[.]com$")"#, json!(true));
    check(r#"event.basket.items.exists(item, item.price > 5)"#, json!(true));
    check(
        r#"{"email": event.user.email, "total": event.basket.total}"#,
        json!({"email": "ada@example.com", "total": 10.5}),
    );
}

#[test]
fn what_is_not_there_is_null_and_what_does_not_fit_is_false() {
    check("event.a.b.c.d", json!(null));
    check("event.user.email.domain", json!(null));
    check("event.a.b == null", json!(true));
    check("event.nothing == event.missing", json!(true));
    check("event.a.b > 5", json!(false));
    check("event.user.email > 5", json!(false));
    check("event.user.email < 5", json!(false));
    check("event.user.email == 5", json!(false));
    check("event.user.email != 5", json!(true));
    check("!(event.user.email > 5)", json!(true));
    check("event.a.b && true", json!(false));
    check("event.a.b || true", json!(true));
    check("true || event.a.b", json!(true));
    check("!event.a.b", json!(true));
    check("event.a.b ? 1 : 2", json!(2));
    check("event.a.b + 1", json!(null));
    check("event.a.b + 1 > 0", json!(false));
    check("event.user + 1", json!(null));
    check("-event.user", json!(null));
    check("event.a.b.contains('x')", json!(false));
    check("event.a.b.matches('x')", json!(false));
    check("event.basket.total.startsWith('1')", json!(false));
    check("event.a.b.all(x, true)", json!(false));
    check("event.a.b.exists(x, true)", json!(false));
    check("event.a.b.map(x, x)", json!(null));
    check("size(event.a.b)", json!(null));
    check("5 in event.a.b", json!(false));
    check("event.user.tags[7]", json!(null));
    check("event.user.tags[-1]", json!(null));
    check("event.user.tags['a']", json!(null));
    check("event.user[0]", json!(null));
    check("int('ten')", json!(null));
    check("timestamp('soon')", json!(null));
    check("1 / 0", json!(null));
    check("1 % 0", json!(null));
    check("1.0 / 0.0", json!(null));
    check("9223372036854775807 + 1", json!(null));
    check("-9223372036854775808 / -1", json!(null));
}

#[test]
fn presence_is_not_the_same_as_a_value() {
    check("has(event.user.email)", json!(true));
    check("has(event.user.phone)", json!(false));
    check("has(event.a.b.c)", json!(false));
    check("has(event.nothing)", json!(true));
    check("'email' in event.user", json!(true));
    check("'phone' in event.user", json!(false));
}

#[test]
fn numbers_mix_as_in_json() {
    check("event.basket.total * 2", json!(21.0));
    check("event.user.loyalty.points + 0.5", json!(120.5));
    check("event.user.loyalty.points == 120.0", json!(true));
    check("1 < 1.5 && 2 > 1.5 && 1.0 <= 1", json!(true));
    check("9007199254740993 == 9007199254740992.0", json!(false));
    check("9223372036854775807 < 9223372036854775808.0", json!(true));
    check("event.big > 9223372036854775807", json!(true));
    check("7 / 2", json!(3));
    check("7 % 4", json!(3));
    check("-7 + 2 * 3", json!(-1));
    check("5u == 5", json!(true));
    check("int(7.9) == 7 && int('12') == 12 && double('1.5') == 1.5", json!(true));
}

#[test]
fn texts_lists_maps_and_loops() {
    check("'a' + 'b' + string(1) + string(true)", json!("ab1true"));
    check("'Ünïcode'.size()", json!(7));
    check("size(event.user.tags) + size(event.user.loyalty)", json!(4));
    check("' Mixed '.trim().lowerAscii() + 'up'.upperAscii()", json!("mixedUP"));
    check("event.user.email.split('@')[1]", json!("example.com"));
    check("['a', 'b'].join('-')", json!("a-b"));
    check("[1, 2] + event.user.tags", json!([1, 2, "a", "b"]));
    check("event.user.tags == ['a', 'b'] && {'a': 1} == {'a': 1.0} && {'a': 1} != {'b': 1}", json!(true));
    check("event.basket.items.map(i, i.sku)", json!(["x", "y"]));
    check("event.basket.items.map(i, i.price > 5, i.sku)", json!(["y"]));
    check("event.basket.items.filter(i, i.price > 5)", json!([{"sku": "y", "price": 5.5}]));
    check("event.basket.items.all(i, i.price >= 5)", json!(true));
    check("event.basket.items.all(i, i.price > 5)", json!(false));
    check("event.basket.items.exists_one(i, i.sku == 'x')", json!(true));
    check("event.basket.items.exists(i, event.user.tags.exists(t, t == 'b' && i.sku == 'y'))", json!(true));
    check("event.user.loyalty.map(name, name)", json!(["points", "tier"]));
    check("event['user']['email'] == event.user.email", json!(true));
    check("{'a': {'b': 1}}.a.b", json!(1));
    check("[[1, 2], [3]][1][0]", json!(3));
    check("true ? 'yes' : 'no'", json!("yes"));
}

#[test]
fn times_and_durations() {
    check("timestamp(event.meta.ts) == timestamp('2026-03-02T00:00:00Z')", json!(true));
    check("timestamp('2026-03-02T00:00:00Z') + duration('1h')", json!("2026-03-02T01:00:00.000Z"));
    check("timestamp('2026-03-02T00:01:00Z') - timestamp('2026-03-02T00:00:00Z')", json!("60s"));
    check("duration('90s') > duration('1m')", json!(true));
    check("string(duration('1500'))", json!("1.5s"));
}

fn refused(text: &str, place: (usize, usize), part: &str) {
    let fault = Expression::condition(text).expect_err(text);
    assert_eq!((fault.line, fault.column), place, "{text}: {fault}");
    assert!(fault.message.contains(part), "{text}: {fault}");
}

#[test]
fn a_mistake_is_shown_where_it_is() {
    refused("user.email == 'a'", (1, 1), "there is no variable \"user\": the event is event, as in event.user");
    refused("event.a == 1 &&\n  evnt.b == 2", (2, 3), "no variable \"evnt\"");
    refused("'é' == event.x && user.y", (1, 19), "no variable");
    refused("event.a.lenght() > 5", (1, 15), "no function \"lenght\"");
    refused("event.a ==", (1, 11), "no CEL expression");
    refused("event.a ==\n", (1, 11), "no CEL expression");
    refused("event.a = 1", (1, 9), "no CEL expression");
    refused("event.a == 'x", (1, 12), "no CEL expression");
    refused("event.a.matches('(')", (1, 17), "no regular expression");
    refused("event.a.matches(event.b)", (1, 22), "a pattern in quotes");
    let patterns = ["event.a.matches('a')"; 9].join(" || ");
    refused(&patterns, (1, 209), "may have 8");
    refused("event.list.all(x)", (1, 15), "item");
    refused("contains('a', 'b')", (1, 9), "event.text.contains");
    refused("x.exists(x, x.y)", (1, 1), "no variable \"x\"");
    refused("event.x.exists(x, y)", (1, 19), "no variable \"y\"");
    refused("b'abc' == event.a", (1, 1), "bytes");
    refused("", (1, 1), "empty");
    refused("  ", (1, 1), "empty");
    refused("event.a + 1", (1, 1), "a number or a text");
    refused("'gold'", (1, 1), "a text");
    refused("event", (1, 1), "the whole event");
    refused(&format!("event.a == '{}'", "x".repeat(MAX_EXPRESSION_BYTES)), (1, 1), "4096");
}

#[test]
fn the_caret_is_under_the_mistake() {
    let shown = Expression::condition("event.a == 1 && usr.b == 2").expect_err("refused").to_string();
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 3, "{shown}");
    assert_eq!(lines[1].find("usr"), lines[2].find('^'), "{shown}");
    let far = format!("{} || usr.b == 2", vec!["event.a == 1"; 20].join(" || "));
    let shown = Expression::condition(&far).expect_err("refused").to_string();
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[1].find("usr"), lines[2].find('^'), "{shown}");
}

/// What a hostile author may write: each is read or refused, in little time, and nothing falls over.
#[test]
fn hostile_expressions_are_read_or_refused() {
    let fill = |unit: &str| unit.repeat(MAX_EXPRESSION_BYTES / unit.len());
    let wrap = |open: &str, close: &str| {
        let n = (MAX_EXPRESSION_BYTES - 10) / (open.len() + close.len());
        format!("{}event{}", open.repeat(n), close.repeat(n))
    };
    let hostile = [
        fill("("),
        fill("["),
        fill("{"),
        fill("!"),
        fill("-"),
        fill("a."),
        fill("1+"),
        fill("a["),
        fill("f("),
        fill("a?"),
        fill("{'a':"),
        fill("\"\"\""),
        fill("\\"),
        fill("`"),
        fill("\u{0}"),
        fill("é"),
        fill("a.all(b,"),
        wrap("(", ")"),
        wrap("[", "]"),
        wrap("!(", ")"),
        wrap("-(", ")"),
        wrap("f(", ")"),
        wrap("true ? ", " : 1"),
        wrap("event.all(x, ", ")"),
        format!("event{}", fill(".a")).chars().take(MAX_EXPRESSION_BYTES).collect(),
        format!("event{}", fill("[0]")).chars().take(MAX_EXPRESSION_BYTES - 3).collect(),
        format!("1{}", fill("+1")).chars().take(MAX_EXPRESSION_BYTES - 1).collect(),
        format!("true{}", fill("&&true")).chars().take(MAX_EXPRESSION_BYTES - 2).collect(),
        "event.a.matches('(a{1000}){1000}')".to_owned(),
    ];
    for text in hostile {
        let watch = Stopwatch::start();
        if let Ok(read) = Expression::parse(&text) {
            let _any = read.value(&event());
        }
        let ms = watch.elapsed_ms();
        assert!(ms < 5_000, "{ms} ms: {}", &text[..text.char_indices().nth(40).map_or(text.len(), |(at, _)| at)]);
    }
}

#[test]
fn an_evaluation_ends_after_so_many_steps() {
    let list: Vec<u32> = (0..10_000).collect();
    let text = "x".repeat(200_000);
    let event = json!({ "list": list, "text": text });
    let expensive = [
        "event.list.all(a, event.list.all(b, event.list.all(c, a + b + c >= 0)))",
        "event.list.map(a, event.list)",
        "event.list.map(a, event.list + event.list).size() > 0",
        "event.list.map(a, event.text + event.text)",
        "event.list.all(a, event.list == event.list)",
        "event.list.all(a, event.text.contains('y') || true)",
        "event.list.all(a, event.text.matches('(x+x+)+y') || true)",
        "event.list.all(a, size(event.text) > 0)",
        "event.list.all(a, event.text.split('').size() > 0)",
        "event.list.all(a, a in event.list)",
        "event.list.all(a, event.text == event.text)",
        "event.list.all(a, event.text <= event.text)",
    ];
    for text in expensive {
        let read = Expression::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        let watch = Stopwatch::start();
        let value = read.value(&event);
        assert!(value.is_err(), "{text}");
        assert!(watch.elapsed_ms() < 2_000, "{text}: {} ms", watch.elapsed_ms());
    }
}

#[test]
fn the_largest_event_can_be_copied_whole() {
    let event = json!({ "list": vec![1; 128 << 10] });
    assert_eq!(Expression::parse("event").expect("reads").value(&event), Ok(event.clone()));
}

proptest::proptest! {
    /// Whatever is written is read or refused; what is read gives a value or is too expensive; a fault has a place in
    /// the text.
    #[test]
    fn any_text_is_read_or_refused(text in "[a-z.0-9()\\[\\]{}'\"+*/%<>=!&|?: ,é\n-]{0,60}") {
        match Expression::parse(&text) {
            Ok(read) => drop(read.value(&event())),
            Err(fault) => {
                proptest::prop_assert!(fault.line <= text.lines().count().max(1), "{}", fault);
                proptest::prop_assert!(!fault.to_string().is_empty());
            }
        }
    }

    #[test]
    fn comparisons_of_any_two_values_are_consistent(a in any_json(), b in any_json()) {
        let event = json!({ "a": a, "b": b });
        let holds = |text: &str| Expression::parse(text).expect("reads").holds(&event).expect("is cheap");
        proptest::prop_assert_eq!(holds("event.a == event.b"), !holds("event.a != event.b"));
        proptest::prop_assert_eq!(holds("event.a < event.b"), holds("event.b > event.a"));
        proptest::prop_assert!(!(holds("event.a < event.b") && holds("event.a >= event.b")));
        proptest::prop_assert!(holds("event.a == event.a"));
    }
}

fn any_json() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3_i64..3).prop_map(Value::from),
        (-3_i64..3).prop_map(|n| Value::from(n as f64 / 2.0)),
        "[ab]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[ab]", inner, 0..3)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}
