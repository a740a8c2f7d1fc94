//! Events from a Redis stream: read as one of a consumer group, and published like any others.
//!
//! An entry is done with after what it starts is in the queue. Whoever dies in between leaves it to another process, which
//! publishes it again; as its id is that of the event, nothing starts twice.

use std::time::Duration;

use schedules::{Millis, Stopwatch};
use serde_json::Value;
use store::Engine;
use store::redis::{Entry, Lag, Stream};
use tokio::sync::Mutex;

use super::{Incoming, Reach, Verdict, Via, cloudevents, publish};
use crate::queue::{self, Location};
use crate::{Error, Result, Services};

/// The field of an entry that holds the event, as JSON.
pub const FIELD: &str = "event";
/// How many entries are published at a time.
const BATCH: usize = 200;
/// How many batches are published before the duty shows that it is alive.
const BATCHES: usize = 50;
/// The pause before an empty stream is looked at again, in milliseconds.
const PAUSE_MS: i64 = 50;
/// An entry is taken over from a process that has had it for so long, in milliseconds; if that one is only slow, both
/// publish it, which does no harm.
const ABANDONED_MS: u64 = 5_000;
/// How often abandoned entries are looked for, and the stream is tidied.
const TIDIED_EVERY: Duration = Duration::from_secs(2);
/// So many refused entries of a batch are in the process's log.
const WARNED: usize = 3;
/// An entry that was handed out so often is published by itself: it may be what its processes died of.
const SUSPECT: u64 = 3;
/// And after so many times it is given up.
const MOST_DELIVERIES: u64 = 10;

/// The stream, as this process reads it.
#[derive(Debug)]
pub struct EventStream {
    stream: Stream,
    turn: Mutex<Turn>,
}

#[derive(Debug, Default)]
struct Turn {
    /// Handed out to this process, and not yet done with.
    under_way: Vec<Entry>,
    tidied: Option<Stopwatch>,
}

impl EventStream {
    /// The stream on the queue's server, if there is to be one; its group is named after the queue.
    pub(crate) fn beside(queue: &Engine, options: &queue::Options) -> Option<Self> {
        let (Engine::Redis(redis), Location::Redis(remote)) = (queue, &options.location) else { return None };
        let key = remote.stream.as_deref()?;
        // A name that no process had before: what another one has is taken over by its age alone.
        let reader = format!("{:032x}", rand::random::<u128>());
        Some(Self { stream: redis.stream(key, &remote.prefix, &reader), turn: Mutex::default() })
    }

    /// The stream's key.
    pub fn key(&self) -> &str {
        self.stream.key()
    }

    /// How far the group has read.
    pub async fn lag(&self) -> Result<Lag> {
        Ok(self.stream.lag().await?)
    }

    /// Publishes what there is; when to look again.
    async fn read(&self, services: &Services) -> Result<Option<Millis>> {
        let mut turn = self.turn.lock().await;
        self.finish(services, &mut turn).await?;
        if turn.tidied.is_none_or(|tidied| tidied.elapsed() >= TIDIED_EVERY) {
            self.take_over(services, &mut turn).await?;
            self.stream.tidy().await?;
            turn.tidied = Some(Stopwatch::start());
        }
        for _ in 0..BATCHES {
            turn.under_way = self.stream.read(BATCH).await?;
            if turn.under_way.is_empty() {
                return Ok(Some(services.clock.now().after(PAUSE_MS)));
            }
            self.finish(services, &mut turn).await?;
        }
        Ok(Some(services.clock.now()))
    }

    /// Publishes what is under way. If that fails it stays so, and is published again the next time.
    async fn finish(&self, services: &Services, turn: &mut Turn) -> Result<()> {
        if turn.under_way.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = turn.under_way.iter().map(|entry| entry.id.clone()).collect();
        let events = turn.under_way.iter().map(|entry| event(self.stream.key(), entry)).collect();
        match publish(services, events, Via::Stream, Reach::All).await {
            Ok(verdicts) => self.warn(&turn.under_way, &verdicts),
            // The queue or the catalog does not take them: only deaths count against an entry.
            Err(error) => {
                self.stream.keep(&ids).await?;
                return Err(error);
            }
        }
        self.stream.done(&ids).await?;
        turn.under_way.clear();
        Ok(())
    }

    /// Says which entries hold no event that can be taken in: nobody waits for an answer.
    fn warn(&self, entries: &[Entry], verdicts: &[Verdict]) {
        let refused =
            entries.iter().zip(verdicts).filter_map(|(entry, verdict)| Some((entry, verdict.judged.as_ref().err()?)));
        for (entry, error) in refused.take(WARNED) {
            tracing::warn!(stream = self.key(), entry = entry.id, %error, "an entry of the stream was refused");
        }
    }

    /// Publishes what other processes had when they died.
    async fn take_over(&self, services: &Services, turn: &mut Turn) -> Result<()> {
        loop {
            let taken = self.stream.take_over(ABANDONED_MS, BATCH).await?;
            if taken.is_empty() {
                return Ok(());
            }
            tracing::info!(
                stream = self.stream.key(),
                entries = taken.len(),
                "took over what another process had not done"
            );
            let (suspects, others): (Vec<_>, Vec<_>) = taken.into_iter().partition(|entry| entry.deliveries > SUSPECT);
            turn.under_way = others;
            self.finish(services, turn).await?;
            for suspect in suspects {
                if suspect.deliveries > MOST_DELIVERIES {
                    tracing::error!(
                        stream = self.stream.key(),
                        entry = suspect.id,
                        deliveries = suspect.deliveries,
                        "gave up an event: every process that had it died"
                    );
                    self.stream.done(&[suspect.id]).await?;
                    continue;
                }
                turn.under_way = vec![suspect];
                self.finish(services, turn).await?;
            }
        }
    }
}

/// The event in an entry, as JSON or as a structured CloudEvent. One without an id has that of the entry, so that it is the
/// same one whoever reads it.
fn event(key: &str, entry: &Entry) -> Incoming {
    let text = entry.fields.iter().find(|(name, _)| name == FIELD.as_bytes()).map(|(_, text)| text);
    let text = text.ok_or_else(|| {
        let message = format!(
            "is missing: an entry has the event as JSON in the field `{FIELD}`, as in XADD {key} * {FIELD} '{{\"meta\": {{\"type\": \"ecUser\"}}}}'"
        );
        Error::invalid(FIELD, "missing_field", message)
    })?;
    let mut event: Value = serde_json::from_slice(text)
        .map_err(|error| Error::invalid(FIELD, "invalid_json", format!("is not JSON: {error}")))?;
    if event.get("specversion").is_some() {
        return cloudevents::structured(event);
    }
    if let Some(Value::Object(meta)) = event.get_mut("meta")
        && meta.get("id").is_none_or(Value::is_null)
    {
        meta.insert("id".into(), format!("{key}/{}", entry.id).into());
    }
    Ok(event)
}

/// The duty.
pub(crate) async fn run(services: Services) -> Result<Option<Millis>> {
    match &services.event_stream {
        Some(stream) => stream.read(&services).await,
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(field: &str, text: &str) -> Entry {
        let fields = vec![(b"other".to_vec(), b"x".to_vec()), (field.into(), text.into())];
        Entry { id: "15-1".into(), fields, deliveries: 1 }
    }

    fn check(text: &str, expected: Value) {
        assert_eq!(event("s", &entry(FIELD, text)).expect(text), expected);
    }

    fn refused(entry: &Entry, code: &str) {
        match event("s", entry) {
            Err(Error::Invalid { code: found, field, .. }) => assert_eq!((found, &*field), (code, FIELD)),
            other => panic!("{entry:?}: {other:?}"),
        }
    }

    #[test]
    fn an_event_without_an_id_has_that_of_its_entry() {
        check(r#"{"meta":{"type":"a"}}"#, json!({"meta": {"type": "a", "id": "s/15-1"}}));
        check(r#"{"meta":{"type":"a","id":null}}"#, json!({"meta": {"type": "a", "id": "s/15-1"}}));
        check(r#"{"meta":{"type":"a","id":"b"}}"#, json!({"meta": {"type": "a", "id": "b"}}));
    }

    #[test]
    fn a_cloudevent_is_one() {
        let text = r#"{"specversion":"1.0","id":"1","source":"s","type":"a","data":{"n":1}}"#;
        let meta = json!({"specversion": "1.0", "id": "1", "source": "s", "type": "a"});
        check(text, json!({"meta": meta, "n": 1}));
    }

    #[test]
    fn what_is_no_event_is_refused() {
        refused(&entry("evnt", "{}"), "missing_field");
        refused(&entry(FIELD, "{"), "invalid_json");
        refused(&entry(FIELD, "\u{fffd}"), "invalid_json");
        check("7", json!(7));
    }
}
