//! Semantics §4, key: scalar fields, limits, identity by canonical JSON.

use proptest::prelude::*;
use schedules::Key;
use serde_json::{Map, Value, json};

fn key(value: Value) -> Key {
    Key::parse(&value).unwrap()
}

#[test]
fn identity_follows_canonical_json() {
    let check = |one: &str, other: &str, same: bool| {
        let parse = |text| key(serde_json::from_str(text).unwrap());
        assert_eq!(parse(one).identity() == parse(other).identity(), same, "{one} {other}");
    };
    check(r#"{"a":1,"b":"x"}"#, r#"{"b":"x","a":1}"#, true);
    check(r#"{"a":1}"#, r#"{"a":"1"}"#, false);
    check(r#"{"a":1}"#, r#"{"a":1.0}"#, true);
    check(r#"{"a":1}"#, r#"{"a":1e0}"#, true);
    check(r#"{"a":0}"#, r#"{"a":-0.0}"#, true);
    check(r#"{"a":100}"#, r#"{"a":1e2}"#, true);
    check(r#"{"a":null}"#, r#"{"a":false}"#, false);
    check(r#"{"a":"é"}"#, r#"{"a":"\u00e9"}"#, true);
    check(r#"{"a":"é"}"#, r#"{"a":"e\u0301"}"#, false);
    check(r#"{"a":""}"#, r#"{"a":null}"#, false);
    check(r#"{"a":"x","b":"y"}"#, r#"{"a":"y","b":"x"}"#, false);
    check(r#"{"email":"a@b.c"}"#, r#"{"Email":"a@b.c"}"#, false);
}

#[test]
fn canonical_text_is_sorted_and_dense() {
    let shown = key(json!({"b": 2.5, "a": "x", "😀": true, "é": null}));
    assert_eq!(shown.canonical(), r#"{"a":"x","b":2.5,"é":null,"😀":true}"#);
}

#[test]
fn refuses_what_is_no_key() {
    let check = |value: Value, field: &str| {
        let error = Key::parse(&value).unwrap_err();
        assert_eq!((error.field.as_str(), error.code), (field, "invalid_key"), "{value}");
    };
    check(json!(null), "key");
    check(json!("text"), "key");
    check(json!([1]), "key");
    check(json!({}), "key");
    check(json!({"a": {}}), "key.a");
    check(json!({"a": []}), "key.a");
    check(json!({"a": 9_007_199_254_740_992u64}), "key.a");
    check(json!({"a": -9_007_199_254_740_992i64}), "key.a");
    check(json!({"a": u64::MAX}), "key.a");
    check(json!({"a": "x".repeat(1100)}), "key");
    check(Value::Object((0..17).map(|n| (n.to_string(), json!(n))).collect()), "key");
    let long = "n".repeat(5000);
    assert!(Key::parse(&json!({long: []})).unwrap_err().field.len() < 100);
}

#[test]
fn allows_up_to_the_limits() {
    key(Value::Object((0..16).map(|n| (n.to_string(), json!(n))).collect()));
    let around = r#"{"a":""}"#.len();
    key(json!({"a": "x".repeat(1024 - around)}));
    assert!(Key::parse(&json!({"a": "x".repeat(1025 - around)})).is_err());
    key(json!({"a": 9_007_199_254_740_991u64, "b": -9_007_199_254_740_991i64, "c": 1.5e300}));
}

#[test]
fn contains_compares_fields() {
    let whole = key(json!({"email": "x", "n": 1, "vip": true}));
    let check = |part: Value, expected| assert_eq!(whole.contains(&key(part)), expected);
    check(json!({"email": "x"}), true);
    check(json!({"n": 1.0, "vip": true}), true);
    check(json!({"n": "1"}), false);
    check(json!({"email": "y"}), false);
    check(json!({"other": null}), false);
}

#[test]
fn lone_surrogates_never_become_a_key() {
    assert!(serde_json::from_str::<Value>(r#"{"a":"\ud800"}"#).is_err());
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991i64..=9_007_199_254_740_991).prop_map(Value::from),
        any::<f64>().prop_filter("finite", |n| n.is_finite() && n.abs() < 1e15).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ]
}

fn text_in_order(fields: &[(String, Value)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{}: {value}", json!(name))).collect();
    format!("{{ {} }}", fields.join(" , "))
}

proptest! {
    #[test]
    fn reordered_fields_keep_identity(
        fields in prop::collection::btree_map(".{0,8}", scalar(), 1..8)
            .prop_flat_map(|fields| {
                let fields: Vec<_> = fields.into_iter().collect();
                (Just(fields.clone()), Just(fields).prop_shuffle())
            })
    ) {
        let parse = |fields: &[(String, Value)]| Key::parse(&serde_json::from_str(&text_in_order(fields)).unwrap()).unwrap();
        prop_assert_eq!(parse(&fields.0).identity(), parse(&fields.1).identity());
    }

    #[test]
    fn a_changed_field_changes_identity(
        fields in prop::collection::btree_map("[a-z]{1,4}", scalar(), 1..6), other in scalar(), place in 0usize..6
    ) {
        let before: Map<String, Value> = fields.into_iter().collect();
        let mut after = before.clone();
        let name = before.keys().nth(place % before.len()).unwrap().clone();
        after.insert(name.clone(), other.clone());
        let equal = match (&before[&name], &other) {
            (Value::Number(one), Value::Number(two)) => one.as_f64() == two.as_f64(),
            (one, two) => one == two,
        };
        let (before, after) = (key(Value::Object(before)), key(Value::Object(after)));
        prop_assert_eq!(before.identity() == after.identity(), equal);
        prop_assert_eq!(before.contains(&after), equal);
    }

    #[test]
    fn never_panics(text in ".{0,200}") {
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            let _ = Key::parse(&value);
        }
    }
}
