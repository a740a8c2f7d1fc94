//! What a cache keeps, for how long, and what it gives up first: in memory and in Redis alike, and against a model.

use std::collections::HashMap;

use proptest::prelude::*;
use schedules::{ManualClock, Millis};
use ulid::Ulid;

use super::memory::entry_bytes;
use super::*;

const A: IntegrationId = IntegrationId(Ulid(1));
const B: IntegrationId = IntegrationId(Ulid(2));
/// Later than any clock that ends keys by itself.
const START: Millis = Millis(4_102_444_800_000);

/// A cache with a clock of its own, and what it lives in.
struct World {
    cache: Cache,
    clock: Arc<ManualClock>,
    #[cfg(feature = "conformance")]
    _server: Option<crate::servers::Server>,
}

/// In memory, and in Redis where there is a server to start.
async fn worlds(max_bytes: usize, max_keys: usize) -> Vec<World> {
    vec![
        World::in_memory(max_bytes, max_keys),
        #[cfg(feature = "conformance")]
        World::in_redis(max_bytes, max_keys).await,
    ]
}

impl World {
    fn in_memory(max_bytes: usize, max_keys: usize) -> Self {
        let clock = Arc::new(ManualClock::new(START));
        Self {
            cache: Cache(Kind::Memory(Memory::bounded(clock.clone(), max_bytes, max_keys))),
            clock,
            #[cfg(feature = "conformance")]
            _server: None,
        }
    }

    #[cfg(feature = "conformance")]
    async fn in_redis(max_bytes: usize, max_keys: usize) -> Self {
        use crate::redis::{Config, Options, Redis};
        let clock = Arc::new(ManualClock::new(START));
        let server = crate::servers::Server::start(crate::servers::Options::default()).await;
        let options = Options { clock: Some(clock.clone()), ..Options::default() };
        let queue = Redis::connect(Config::parse(&server.url()).expect("a URL"), options).await.expect("Redis answers");
        Self { cache: Cache(Kind::Shared(queue.cache().bounded(max_bytes, max_keys))), clock, _server: Some(server) }
    }

    async fn kept(&self, of: IntegrationId, key: &str) -> Option<String> {
        self.cache.get(of, key).await.expect("the cache answers").map(|value| value.to_string())
    }

    async fn keep(&self, of: IntegrationId, key: &str, value: &str, ttl_ms: Option<i64>) {
        let entry = Entry::new(key, value, ttl_ms).expect("an entry");
        self.cache.set(of, entry).await.expect("the cache answers");
    }
}

#[tokio::test]
async fn values_live_as_long_as_they_are_told() {
    for world in worlds(1 << 20, 100).await {
        for (ttl_ms, until) in
            [(Some(1), 1), (Some(1000), 1000), (None, DEFAULT_TTL_MS), (Some(MAX_TTL_MS), MAX_TTL_MS)]
        {
            world.keep(A, "k", "1", ttl_ms).await;
            world.clock.advance(until - 1);
            assert_eq!(world.kept(A, "k").await.as_deref(), Some("1"), "{ttl_ms:?} {:?}", world.cache);
            world.clock.advance(1);
            assert_eq!(world.kept(A, "k").await, None, "{ttl_ms:?} {:?}", world.cache);
        }
    }
}

#[test]
fn what_cannot_be_kept_is_refused() {
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
        assert_eq!(Entry::new(key, value, ttl_ms).unwrap_err().code(), expected);
    }
    let fits = format!("\"{}\"", "x".repeat(MAX_VALUE_BYTES - 2));
    assert!(Entry::new(&"k".repeat(256), &fits, None).is_ok());
}

#[tokio::test]
async fn integrations_are_apart_and_any_text_is_a_key() {
    for world in worlds(1 << 20, 100).await {
        for key in ["k", "bytes", " ", "1 2", "ключ\u{0}\n"] {
            world.keep(A, key, "1", None).await;
            world.keep(B, key, "{\"a\": \"ü b\"}", None).await;
            assert_eq!(world.kept(A, key).await.as_deref(), Some("1"), "{key:?} {:?}", world.cache);
            assert_eq!(world.kept(B, key).await.as_deref(), Some("{\"a\": \"ü b\"}"), "{key:?}");
            assert!(world.cache.delete(A, key).await.unwrap(), "{key:?} {:?}", world.cache);
            assert!(!world.cache.delete(A, key).await.unwrap(), "{key:?}");
        }
        world.cache.forget(B).await.unwrap();
        assert_eq!((world.kept(A, "k").await, world.kept(B, "k").await), (None, None), "{:?}", world.cache);
    }
}

#[tokio::test]
async fn what_is_over_its_time_cannot_be_deleted() {
    for world in worlds(1 << 20, 100).await {
        world.keep(A, "k", "1", Some(10)).await;
        world.clock.advance(10);
        assert!(!world.cache.delete(A, "k").await.unwrap(), "{:?}", world.cache);
    }
}

#[tokio::test]
async fn a_full_cache_goes_on_and_stays_within_its_bounds() {
    for world in worlds(10_000, 5).await {
        for n in 0..20 {
            world.keep(A, &n.to_string(), "1", Some(1_000 + n)).await;
            assert!(world.kept(A, &n.to_string()).await.is_some(), "{n} {:?}", world.cache);
        }
        let mut left = 0;
        for n in 0..20 {
            left += usize::from(world.kept(A, &n.to_string()).await.is_some());
        }
        assert_eq!(left, 5, "{:?}", world.cache);
        let large = format!("\"{}\"", "x".repeat(4_000));
        for n in 0..20 {
            world.keep(A, &n.to_string(), &large, Some(1_000 + n)).await;
            assert!(world.kept(A, &n.to_string()).await.is_some(), "{n} {:?}", world.cache);
        }
        let mut left = 0;
        for n in 0..20 {
            left += usize::from(world.kept(A, &n.to_string()).await.is_some());
        }
        assert_eq!(left, 2, "{:?}", world.cache);
    }
}

/// In memory the least recently used goes first; Redis drops what ends soonest.
#[tokio::test]
async fn the_least_recently_used_key_of_a_full_shelf_goes() {
    let world = World::in_memory(1 << 20, 3);
    for key in ["a", "b", "c"] {
        world.keep(A, key, "1", None).await;
    }
    world.keep(B, "a", "1", None).await;
    assert!(world.kept(A, "a").await.is_some());
    world.keep(A, "c", "2", None).await;
    world.keep(A, "d", "1", None).await;
    let mut left = Vec::new();
    for key in ["a", "b", "c", "d"] {
        left.push(world.kept(A, key).await.is_some());
    }
    assert_eq!(left, [true, false, true, true]);
    assert!(world.kept(B, "a").await.is_some());
}

#[tokio::test]
async fn the_largest_shelf_gives_way_and_the_expired_first() {
    let value = format!("\"{}\"", "x".repeat(998));
    let world = World::in_memory(10 * entry_bytes("00", &value), 100);
    world.keep(B, "00", &value, Some(1_000)).await;
    for key in 0..10 {
        world.keep(A, &format!("{key:02}"), &value, Some(1_000)).await;
    }
    assert_eq!(world.kept(A, "00").await, None);
    assert!(world.kept(B, "00").await.is_some());
    world.keep(A, "10", &value, Some(1_000)).await;
    world.clock.advance(2_000);
    world.keep(B, "01", &value, Some(1_000)).await;
    let Kind::Memory(memory) = &world.cache.0 else {
        panic!("it lives in memory");
    };
    assert_eq!(memory.shelves().bytes, entry_bytes("01", &value), "everything expired went at once");
}

#[tokio::test]
async fn pruning_forgets_what_has_expired() {
    let world = World::in_memory(1 << 20, 100);
    world.keep(A, "old", "1", Some(1_000)).await;
    world.clock.advance(999);
    world.keep(B, "new", "1", Some(1_000)).await;
    assert_eq!(world.cache.prune(), 0);
    world.clock.advance(1);
    assert_eq!((world.cache.prune(), world.cache.prune()), (1, 0));
    assert!(world.kept(B, "new").await.is_some());
}

#[derive(Clone, Debug)]
enum Step {
    Set { of: u128, key: u8, length: usize, ttl_ms: i64 },
    Get { of: u128, key: u8 },
    Delete { of: u128, key: u8 },
    Forget { of: u128 },
    Pass { ms: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let at = (0u128..3, 0u8..12);
    prop_oneof![
        4 => (at.clone(), 0usize..400, 1i64..50)
            .prop_map(|((of, key), length, ttl_ms)| Step::Set { of, key, length, ttl_ms }),
        4 => at.clone().prop_map(|(of, key)| Step::Get { of, key }),
        1 => at.prop_map(|(of, key)| Step::Delete { of, key }),
        1 => (0u128..3).prop_map(|of| Step::Forget { of }),
        2 => (0i64..20).prop_map(|ms| Step::Pass { ms }),
    ]
}

/// Whatever happens, nothing stale or foreign is returned.
async fn follow(world: &World, steps: Vec<Step>) {
    let mut model: HashMap<(u128, u8), (String, Millis)> = HashMap::new();
    for step in steps {
        let now = world.clock.now();
        match step {
            Step::Set { of, key, length, ttl_ms } => {
                let value = format!("\"{}\"", "v".repeat(length));
                world.keep(IntegrationId(Ulid(of)), &key.to_string(), &value, Some(ttl_ms)).await;
                assert_eq!(world.kept(IntegrationId(Ulid(of)), &key.to_string()).await, Some(value.clone()));
                model.insert((of, key), (value, now.after(ttl_ms)));
            }
            Step::Get { of, key } => {
                let expected = model.get(&(of, key)).filter(|(_, until)| *until > now).map(|(value, _)| value);
                if let Some(value) = world.kept(IntegrationId(Ulid(of)), &key.to_string()).await {
                    assert_eq!(Some(&value), expected);
                } else {
                    model.remove(&(of, key));
                }
            }
            Step::Delete { of, key } => {
                world.cache.delete(IntegrationId(Ulid(of)), &key.to_string()).await.expect("the cache answers");
                model.remove(&(of, key));
            }
            Step::Forget { of } => {
                world.cache.forget(IntegrationId(Ulid(of))).await.expect("the cache answers");
                model.retain(|(whose, _), _| *whose != of);
            }
            Step::Pass { ms } => world.clock.advance(ms),
        }
        if let Kind::Memory(memory) = &world.cache.0 {
            counts_hold(memory);
        }
    }
}

const MODEL_BYTES: usize = 3_000;
const MODEL_KEYS: usize = 8;

fn counts_hold(memory: &Memory) {
    let shelves = memory.shelves();
    assert!(shelves.bytes <= MODEL_BYTES);
    assert_eq!(shelves.bytes, shelves.integrations.values().map(|shelf| shelf.bytes).sum::<usize>());
    for shelf in shelves.integrations.values() {
        let bytes: usize = shelf.entries.iter().map(|(key, entry)| entry_bytes(key, &entry.value)).sum();
        assert_eq!((shelf.bytes, shelf.by_use.len()), (bytes, shelf.entries.len()));
        assert!(!shelf.entries.is_empty() && shelf.entries.len() <= MODEL_KEYS);
    }
}

fn run(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work);
}

proptest! {
    #[test]
    fn it_is_a_map_that_may_forget(steps in proptest::collection::vec(step(), 1..200)) {
        run(async { follow(&World::in_memory(MODEL_BYTES, MODEL_KEYS), steps).await });
    }
}

#[cfg(feature = "conformance")]
#[test]
fn in_redis_too_it_is_a_map_that_may_forget() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::default();
    run(async {
        let world = World::in_redis(MODEL_BYTES, MODEL_KEYS).await;
        for _ in 0..20 {
            let steps = proptest::collection::vec(step(), 1..100).new_tree(&mut runner).expect("steps").current();
            for of in 0..3 {
                world.cache.forget(IntegrationId(Ulid(of))).await.expect("the cache answers");
            }
            follow(&world, steps).await;
        }
    });
}
