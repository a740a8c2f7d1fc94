//! What the cache keeps, for how long, and what it gives up first.

use proptest::prelude::*;

use super::*;

const A: Scope = Scope(1);
const B: Scope = Scope(2);

fn kept(cache: &Cache, scope: Scope, key: &str, now: i64) -> Option<String> {
    cache.get(scope, key, Millis(now)).map(|value| value.to_string())
}

fn keep(cache: &Cache, scope: Scope, key: &str, value: &str, now: i64) {
    cache.set(scope, key, value, Some(1000), Millis(now)).unwrap();
}

#[test]
fn values_live_as_long_as_they_are_told() {
    for (ttl_ms, until) in [(Some(1), 1), (Some(1000), 1000), (None, DEFAULT_TTL_MS), (Some(MAX_TTL_MS), MAX_TTL_MS)] {
        let cache = Cache::new();
        cache.set(A, "k", "1", ttl_ms, Millis(5)).unwrap();
        assert_eq!(kept(&cache, A, "k", 5 + until - 1).as_deref(), Some("1"), "{ttl_ms:?}");
        assert_eq!(kept(&cache, A, "k", 5 + until), None, "{ttl_ms:?}");
        assert_eq!(kept(&cache, A, "k", 5), None, "an expired value does not come back");
    }
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let cache = Cache::new();
    let long = format!("\"{}\"", "x".repeat(MAX_VALUE_BYTES - 1));
    for (key, value, ttl_ms, expected) in [
        ("", "1", None, "invalid_cache_key"),
        (&*"k".repeat(257), "1", None, "invalid_cache_key"),
        ("k", &*long, None, "cache_value_too_large"),
        ("k", "", None, "invalid_cache_value"),
        ("k", "{", None, "invalid_cache_value"),
        ("k", "1 2", None, "invalid_cache_value"),
        ("k", "1", Some(0), "invalid_cache_ttl"),
        ("k", "1", Some(-1), "invalid_cache_ttl"),
        ("k", "1", Some(MAX_TTL_MS + 1), "invalid_cache_ttl"),
    ] {
        assert_eq!(cache.set(A, key, value, ttl_ms, Millis(0)).unwrap_err().code(), expected);
    }
    let fits = format!("\"{}\"", "x".repeat(MAX_VALUE_BYTES - 2));
    cache.set(A, &"k".repeat(256), &fits, None, Millis(0)).unwrap();
}

#[test]
fn scopes_and_previews_are_apart() {
    let (cache, preview) = (Cache::new(), Cache::isolated());
    keep(&cache, A, "k", "1", 0);
    keep(&cache, B, "k", "2", 0);
    keep(&preview, A, "k", "3", 0);
    assert_eq!(kept(&cache, A, "k", 0).as_deref(), Some("1"));
    assert_eq!(kept(&cache.clone(), B, "k", 0).as_deref(), Some("2"));
    assert_eq!(kept(&preview, A, "k", 0).as_deref(), Some("3"));
    assert!(cache.delete(A, "k", Millis(0)));
    assert!(!cache.delete(A, "k", Millis(0)));
    cache.forget_scope(B);
    assert_eq!((kept(&cache, A, "k", 0), kept(&cache, B, "k", 0)), (None, None));
    assert_eq!(cache.shelves().bytes, 0);
}

#[test]
fn the_least_recently_used_key_of_a_full_scope_goes() {
    let cache = Cache::bounded(1 << 20, 3);
    for key in ["a", "b", "c"] {
        keep(&cache, A, key, "1", 0);
    }
    keep(&cache, B, "a", "1", 0);
    assert!(kept(&cache, A, "a", 0).is_some());
    keep(&cache, A, "c", "2", 0);
    keep(&cache, A, "d", "1", 0);
    let left = ["a", "b", "c", "d"].map(|key| kept(&cache, A, key, 0).is_some());
    assert_eq!(left, [true, false, true, true]);
    assert!(kept(&cache, B, "a", 0).is_some());
}

#[test]
fn the_largest_scope_gives_way_and_the_expired_first() {
    let value = format!("\"{}\"", "x".repeat(998));
    let cache = Cache::bounded(10 * entry_bytes("00", &value), 100);
    keep(&cache, B, "00", &value, 0);
    for key in 0..9 {
        keep(&cache, A, &format!("{key:02}"), &value, 0);
    }
    keep(&cache, A, "09", &value, 0);
    assert_eq!(kept(&cache, A, "00", 0), None);
    assert!(kept(&cache, B, "00", 0).is_some());
    keep(&cache, A, "10", &value, 0);
    keep(&cache, B, "01", &value, 2000);
    assert_eq!(cache.shelves().bytes, entry_bytes("01", &value), "everything expired went at once");
}

#[test]
fn pruning_forgets_what_has_expired() {
    let cache = Cache::new();
    keep(&cache, A, "old", "1", 0);
    keep(&cache, B, "new", "1", 500);
    assert_eq!((cache.prune(Millis(999)), cache.prune(Millis(1000)), cache.prune(Millis(1000))), (0, 1, 0));
    assert!(kept(&cache, B, "new", 1000).is_some());
}

#[derive(Clone, Debug)]
enum Step {
    Set { scope: u128, key: u8, length: usize, ttl_ms: i64 },
    Get { scope: u128, key: u8 },
    Delete { scope: u128, key: u8 },
    Forget { scope: u128 },
    Pass { ms: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let at = (0u128..3, 0u8..12);
    prop_oneof![
        4 => (at.clone(), 0usize..400, 1i64..50)
            .prop_map(|((scope, key), length, ttl_ms)| Step::Set { scope, key, length, ttl_ms }),
        4 => at.clone().prop_map(|(scope, key)| Step::Get { scope, key }),
        1 => at.prop_map(|(scope, key)| Step::Delete { scope, key }),
        1 => (0u128..3).prop_map(|scope| Step::Forget { scope }),
        2 => (0i64..20).prop_map(|ms| Step::Pass { ms }),
    ]
}

proptest! {
    /// Whatever happens: nothing stale or foreign is returned, and every bound and count holds.
    #[test]
    fn it_is_a_map_that_may_forget(steps in proptest::collection::vec(step(), 1..200)) {
        let (max_bytes, max_keys) = (3000, 8);
        let cache = Cache::bounded(max_bytes, max_keys);
        let mut model: HashMap<(u128, u8), (String, i64)> = HashMap::new();
        let mut now = 0;
        for step in steps {
            match step {
                Step::Set { scope, key, length, ttl_ms } => {
                    let value = format!("\"{}\"", "v".repeat(length));
                    cache.set(Scope(scope), &key.to_string(), &value, Some(ttl_ms), Millis(now)).unwrap();
                    prop_assert_eq!(kept(&cache, Scope(scope), &key.to_string(), now), Some(value.clone()));
                    model.insert((scope, key), (value, now + ttl_ms));
                }
                Step::Get { scope, key } => {
                    let expected = model.get(&(scope, key)).filter(|(_, until)| *until > now).map(|(value, _)| value);
                    if let Some(value) = kept(&cache, Scope(scope), &key.to_string(), now) {
                        prop_assert_eq!(Some(&value), expected);
                    } else {
                        model.remove(&(scope, key));
                    }
                }
                Step::Delete { scope, key } => {
                    cache.delete(Scope(scope), &key.to_string(), Millis(now));
                    model.remove(&(scope, key));
                }
                Step::Forget { scope } => {
                    cache.forget_scope(Scope(scope));
                    model.retain(|(of, _), _| *of != scope);
                }
                Step::Pass { ms } => now += ms,
            }
            let shelves = cache.shelves();
            prop_assert!(shelves.bytes <= max_bytes);
            prop_assert_eq!(shelves.bytes, shelves.scopes.values().map(|shelf| shelf.bytes).sum::<usize>());
            for shelf in shelves.scopes.values() {
                let bytes: usize = shelf.entries.iter().map(|(key, entry)| entry_bytes(key, &entry.value)).sum();
                prop_assert_eq!((shelf.bytes, shelf.by_use.len()), (bytes, shelf.entries.len()));
                prop_assert!(!shelf.entries.is_empty() && shelf.entries.len() <= max_keys);
            }
        }
    }
}
