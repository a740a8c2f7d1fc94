//! A stream and its consumer group, on one server and in a cluster.

use store::redis::{Config, Entry, Lag, Options, Redis, Stream};
use store::servers::{self, Cluster, Server};

const KEY: &str = "tidegate:events";

async fn redis(url: &str) -> Redis {
    Redis::connect(Config::parse(url).expect("a URL"), Options::default()).await.expect("a queue")
}

fn texts(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| String::from_utf8_lossy(&entry.fields[0].1).into_owned()).collect()
}

fn ids(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| entry.id.clone()).collect()
}

async fn add(stream: &Stream, texts: &[&str]) {
    let values: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    assert_eq!(stream.add("event", &values).await.expect("it is written").len(), texts.len());
}

/// What a group does, on any server.
async fn check(redis: &Redis) {
    let (one, two) = (redis.stream(KEY, "tidegate", "one"), redis.stream(KEY, "tidegate", "two"));
    assert_eq!(one.lag().await.expect("it is asked"), Lag::default());
    one.tidy().await.expect("nothing is there to tidy");
    assert_eq!(one.read(10).await.expect("it is read"), []);

    add(&one, &["a", "b", "c", "d"]).await;
    let first = one.read(2).await.expect("it is read");
    assert_eq!(texts(&first), ["a", "b"]);
    assert_eq!((first[0].fields[0].0.as_slice(), first[0].deliveries), (&b"event"[..], 1));
    let second = two.read(10).await.expect("it is read");
    assert_eq!(texts(&second), ["c", "d"], "each is handed to one reader");
    assert_eq!(one.lag().await.expect("it is asked"), Lag { waiting: Some(0), pending: 4, length: 4 });

    // `two` is never heard of again; `one` is done with its own.
    one.done(&ids(&first)).await.expect("done");
    assert_eq!(one.take_over(60_000, 10).await.expect("asked"), [], "not yet gone for long");
    let taken = one.take_over(0, 10).await.expect("asked");
    assert_eq!((texts(&taken), taken[0].deliveries), (vec!["c".into(), "d".into()], 2));
    // What cannot be done with at the moment is nobody's fault, and stays with who has it.
    one.keep(&ids(&taken)).await.expect("kept");
    assert_eq!(one.take_over(60_000, 10).await.expect("asked"), []);
    let again = two.take_over(0, 10).await.expect("asked");
    assert_eq!((again.len(), again[0].deliveries), (2, 2), "it was counted anew");
    one.keep(&[]).await.expect("nothing is kept");
    one.tidy().await.expect("tidied");
    let pending = one.lag().await.expect("it is asked").pending;
    assert_eq!(pending, 2, "what is not done stays");
    one.done(&ids(&taken)).await.expect("done");
    one.done(&[]).await.expect("nothing is done");
    assert_eq!(one.take_over(0, 10).await.expect("asked"), []);

    // Entries that were deleted while they were handed out are nothing to act on.
    add(&one, &["e"]).await;
    let deleted = one.read(10).await.expect("it is read");
    redis.stream(KEY, "tidegate", "x").delete(&ids(&deleted)).await.expect("deleted");
    assert_eq!(one.take_over(0, 10).await.expect("asked"), []);
}

#[tokio::test]
async fn a_group_hands_each_entry_to_one_reader() {
    let server = Server::start(servers::Options::default()).await;
    check(&redis(&server.url()).await).await;
}

#[tokio::test]
async fn a_group_works_in_a_cluster() {
    let cluster = Cluster::start(3, 0).await;
    let url = format!("redis+cluster://{}", cluster.urls().join(",").replace("redis://", "").replace('/', ""));
    check(&redis(&url).await).await;
}

#[tokio::test]
async fn a_lost_group_is_made_again_from_the_beginning() {
    let server = Server::start(servers::Options::default()).await;
    let redis = redis(&server.url()).await;
    let stream = redis.stream(KEY, "tidegate", "one");
    add(&stream, &["a", "b"]).await;
    let before = stream.read(1).await.expect("it is read");
    assert_eq!(texts(&before), ["a"]);
    server.ask::<()>(&["XGROUP", "DESTROY", KEY, "tidegate"]).await;
    stream.done(&ids(&before)).await.expect("a group that knows nothing of it does not mind");
    assert_eq!(texts(&stream.read(10).await.expect("it is read")), ["a", "b"]);
    server.ask::<()>(&["FLUSHALL"]).await;
    assert_eq!(stream.read(10).await.expect("it is read"), []);
    assert_eq!(stream.take_over(0, 10).await.expect("it is asked"), []);
    add(&stream, &["c"]).await;
    assert_eq!(texts(&stream.read(10).await.expect("it is read")), ["c"]);
}

#[tokio::test]
async fn a_stream_is_emptied_unless_another_group_reads_it() {
    let server = Server::start(servers::Options::default()).await;
    let redis = redis(&server.url()).await;
    let stream = redis.stream(KEY, "tidegate", "one");
    // A trim takes whole nodes of a hundred entries.
    let texts: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
    add(&stream, &texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut read = Vec::new();
    while read.len() < 900 {
        read.extend(stream.read(100).await.expect("it is read"));
    }
    stream.done(&ids(&read[..850])).await.expect("done");
    server.ask::<()>(&["XGROUP", "CREATE", KEY, "others", "0"]).await;
    stream.tidy().await.expect("tidied");
    assert_eq!(stream.lag().await.expect("asked").length, 1_000, "the others have not read it");
    server.ask::<()>(&["XGROUP", "DESTROY", KEY, "others"]).await;
    stream.tidy().await.expect("tidied");
    let lag = stream.lag().await.expect("asked");
    assert_eq!((lag.waiting, lag.pending), (Some(100), 50));
    assert!((150..=300).contains(&lag.length), "{lag:?}");
    assert_eq!(stream.take_over(0, 1_000).await.expect("asked").len(), 50, "nothing that is not done was removed");
    let left = stream.read(1_000).await.expect("it is read").len();
    assert_eq!(left, 100, "nor what was not read");
}

#[tokio::test]
async fn a_key_that_is_no_stream_is_named() {
    let server = Server::start(servers::Options::default()).await;
    let redis = redis(&server.url()).await;
    server.ask::<()>(&["SET", KEY, "text"]).await;
    let error = redis.stream(KEY, "tidegate", "one").read(1).await.expect_err("it is no stream").to_string();
    assert!(error.contains("the key `tidegate:events` in Redis is no stream"), "{error}");
}
