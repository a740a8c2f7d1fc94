//! Events on their way in, from HTTP, a stream or elsewhere: checked one by one, each does its cancellations, then makes
//! its jobs, then is in the log. Whatever breaks off in between, the same events sent again end it: a job of an event is
//! made once, because the queue knows the pair of integration and event id for a day.

use std::collections::HashMap;
use std::sync::Arc;

use schedules::Millis;
use serde_json::json;
use sha2::{Digest, Sha256};
use store::catalog::{EventVia, LoggedEvent};
use store::queue::{Cause, Enqueued, Idempotency, IfExists, Job, NewJob, Queue};
use store::{EventPlace, JobId};

use super::matching::Wanted;
use super::verdict::{Cancelled, Judged, Match, Miss, Verdict};
use super::{Checked, Incoming, Reason, Subscriber, Subscriptions};
use crate::invoke::{self, lane};
use crate::services::to_the_end;
use crate::{Error, Event, Result, Services};

/// For how long an event id means the same event, in milliseconds: a day.
pub const DUPLICATE_MS: i64 = 86_400_000;
/// The most events of one call.
pub const MAX_EVENTS: usize = 500;

/// Jobs wait until so many, or so many bytes of payloads, are queued together.
const FEW_JOBS: usize = 500;
const FEW_BYTES: usize = 4 << 20;

/// Which integrations a publisher may start.
#[derive(Clone, Debug, Default)]
pub enum Reach {
    /// All.
    #[default]
    All,
    /// Those with these names.
    Only(Arc<[String]>),
}

impl Reach {
    fn includes(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|it| it == name),
        }
    }
}

/// Takes events in, at most [`MAX_EVENTS`]; one verdict each, in order. A wrong event has a verdict that says why, and
/// harms no other.
///
/// Errors: `Busy` or `Unavailable` if the queue or the catalog does not take them. Then none is acknowledged, and all are
/// to be sent again: what was done already is not done twice.
pub async fn publish(services: &Services, events: Vec<Incoming>, via: EventVia, reach: Reach) -> Result<Vec<Verdict>> {
    if events.len() > MAX_EVENTS {
        let message = format!("at most {MAX_EVENTS} events at a time, there are {}", events.len());
        return Err(Error::invalid("body", "too_many_events", message));
    }
    let owned = services.clone();
    to_the_end(async move { Intake::open(&owned, via, reach).await?.take(events).await }).await
}

/// One call's work.
struct Intake<'a> {
    services: &'a Services,
    subscriptions: Arc<Subscriptions>,
    via: EventVia,
    reach: Reach,
    now: Millis,
    /// Jobs that are not queued yet, with the places of their event and of their verdict's entry.
    waiting: Vec<Waiting>,
    /// The bytes of their payloads.
    waiting_bytes: usize,
}

struct Waiting {
    place: usize,
    name: Arc<str>,
    new: NewJob,
}

/// An event of the call that was not seen before, and what it did so far.
struct Open {
    event: Checked,
    judged: Judged,
}

/// What is known of an event of the call before it is judged.
enum Slot {
    Refused(Error),
    /// The same as an earlier one of this call, or of one within the last day.
    Repeated {
        id: String,
        kind: String,
        of: First,
    },
    /// Its place among those that are open.
    Open(usize),
}

enum First {
    Kept(Judged),
    Open(usize),
}

impl<'a> Intake<'a> {
    async fn open(services: &'a Services, via: EventVia, reach: Reach) -> Result<Self> {
        let subscriptions = services.subscriptions.open(services).await?;
        let now = services.clock.now();
        Ok(Self { services, subscriptions, via, reach, now, waiting: Vec::new(), waiting_bytes: 0 })
    }

    async fn take(mut self, events: Vec<Incoming>) -> Result<Vec<Verdict>> {
        let (slots, mut open) = self.sort(events).await?;
        for place in 0..open.len() {
            self.cancel(&mut open, place).await?;
            self.judge(&mut open, place).await?;
            // Many filters are work for a while: others get their turn in between.
            tokio::task::yield_now().await;
        }
        self.enqueue(&mut open).await?;
        self.log(&mut open).await?;
        let verdicts: Vec<Verdict> = slots.into_iter().map(|slot| verdict(slot, &open)).collect();
        self.tell(&verdicts);
        Ok(verdicts)
    }

    /// Checks the events, and finds those that came before.
    async fn sort(&self, events: Vec<Incoming>) -> Result<(Vec<Slot>, Vec<Open>)> {
        let read: Vec<Result<Checked>> =
            events.into_iter().map(|event| event.and_then(|body| Checked::read(body, self.now))).collect();
        let ids: Vec<&str> = read.iter().flatten().map(|event| event.id.as_str()).collect();
        let workspace = &self.services.options.workspace;
        let known = self.services.catalog.known_events(workspace, &ids, self.now.after(-DUPLICATE_MS)).await?;
        let mut known: HashMap<String, LoggedEvent> = known.into_iter().map(|it| (it.event.clone(), it)).collect();
        let (mut slots, mut open, mut firsts) = (Vec::new(), Vec::new(), HashMap::new());
        for event in read {
            slots.push(match event {
                Err(error) => Slot::Refused(error),
                Ok(event) => {
                    let kept = known.get(&event.id).and_then(|it| Judged::kept(&it.verdict));
                    match (kept, firsts.get(&event.id)) {
                        (Some(kept), _) => Slot::Repeated { id: event.id, kind: event.kind, of: First::Kept(kept) },
                        (None, Some(first)) => {
                            Slot::Repeated { id: event.id, kind: event.kind, of: First::Open(*first) }
                        }
                        (None, None) => {
                            known.remove(&event.id);
                            firsts.insert(event.id.clone(), open.len());
                            open.push(Open { event, judged: Judged::default() });
                            Slot::Open(open.len() - 1)
                        }
                    }
                }
            });
        }
        Ok((slots, open))
    }

    /// Cancels what the event cancels. Jobs of the events before it are queued first, so that it finds them.
    async fn cancel(&mut self, open: &mut [Open], place: usize) -> Result<()> {
        let subscriptions = self.subscriptions.clone();
        let cancels = subscriptions.cancels(&open[place].event);
        if cancels.is_empty() {
            return Ok(());
        }
        self.enqueue(open).await?;
        for (subscriber, chosen) in cancels {
            let entry = &subscriber.entry;
            if !self.reach.includes(&entry.name) {
                continue;
            }
            let (jobs, detail) = match chosen {
                Ok(selector) => (invoke::take_out(self.services.clone(), entry.clone(), selector).await?, None),
                Err(reason) => (0, Some(reason.detail().unwrap_or(reason.code()).to_owned())),
            };
            open[place].judged.cancelled.push(Cancelled { integration: entry.name.to_string(), jobs, detail });
        }
        Ok(())
    }

    /// Finds out which integrations the event is for; their jobs wait to be queued.
    async fn judge(&mut self, open: &mut [Open], place: usize) -> Result<()> {
        let subscriptions = self.subscriptions.clone();
        open[place].judged.others = subscriptions.count_others(&open[place].event.kind) as u64;
        for (subscriber, wanted) in subscriptions.judge(&open[place].event) {
            let name = &subscriber.entry.name;
            let wanted = if self.reach.includes(name) { wanted } else { Err(Reason::NotAllowed) };
            match wanted {
                Ok(wanted) => {
                    let new = new_job(subscriber, &open[place].event, wanted, (Cause::Event, self.now));
                    self.waiting_bytes += new.job.payload.len() + new.job.context.as_ref().map_or(0, |it| it.len());
                    self.waiting.push(Waiting { place, name: name.clone(), new });
                    if self.waiting.len() >= FEW_JOBS || self.waiting_bytes >= FEW_BYTES {
                        self.enqueue(open).await?;
                    }
                }
                Err(reason) => open[place].judged.missed.push(Miss::new(name, &reason)),
            }
        }
        Ok(())
    }

    /// Queues the jobs that wait, and writes down what became of them.
    async fn enqueue(&mut self, open: &mut [Open]) -> Result<()> {
        self.waiting_bytes = 0;
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        let mut made: HashMap<Arc<str>, u64> = HashMap::new();
        let ids: Vec<JobId> = waiting.iter().map(|it| it.new.job.id).collect();
        let (places, jobs): (Vec<_>, Vec<_>) = waiting.into_iter().map(|it| ((it.place, it.name), it.new)).unzip();
        let answers = self.services.queue.enqueue(jobs).await?;
        for (((place, integration), id), answer) in places.into_iter().zip(ids).zip(answers) {
            let judged = &mut open[place].judged;
            let job = match answer {
                Enqueued::Created | Enqueued::Replaced { .. } => {
                    *made.entry(integration.clone()).or_default() += 1;
                    id
                }
                Enqueued::Repeated { first, .. } | Enqueued::Conflict { first } => {
                    judged.duplicate = true;
                    first
                }
                Enqueued::Kept { existing, .. }
                | Enqueued::Pushed { existing, .. }
                | Enqueued::Rejected { existing } => existing,
                Enqueued::Crowded { .. } => {
                    self.services.events.emit(Event::BacklogFull { integration: integration.clone() });
                    judged.missed.push(Miss::new(&integration, &Reason::BacklogFull));
                    continue;
                }
            };
            judged.matched.push(Match { integration: integration.to_string(), job });
        }
        for (integration, n) in made {
            self.services.events.emit(Event::JobQueued { integration, cause: Cause::Event, n });
        }
        Ok(())
    }

    /// Writes the events down. One that another call was quicker with is a duplicate of that.
    async fn log(&self, open: &mut [Open]) -> Result<()> {
        let logged = open.iter().map(|Open { event, judged }| LoggedEvent {
            place: EventPlace::new(self.now),
            workspace: self.services.options.workspace.clone(),
            event: event.id.clone(),
            kind: event.kind.clone(),
            source: event.source.clone(),
            occurred: event.ts,
            received: self.now,
            via: self.via,
            matched: judged.matched.len() as u64,
            body: event.text.clone(),
            verdict: judged.keep(),
        });
        let mut logged: Vec<LoggedEvent> = logged.collect();
        // Ids of one millisecond are in no order; the log is in the order of the call.
        let mut places: Vec<EventPlace> = logged.iter().map(|event| event.place).collect();
        places.sort_unstable();
        for (event, place) in logged.iter_mut().zip(places) {
            event.place = place;
        }
        let new = self.services.event_log.write(logged).await?;
        for (open, new) in open.iter_mut().zip(new) {
            open.judged.duplicate |= !new;
        }
        Ok(())
    }

    fn tell(&self, verdicts: &[Verdict]) {
        let (via, count) =
            (self.via.name(), |fits: fn(&Verdict) -> bool| verdicts.iter().filter(|it| fits(it)).count());
        let fresh = |it: &Verdict| it.judged.as_ref().is_ok_and(|judged| !judged.duplicate);
        let matched = |it: &&Verdict| it.judged.as_ref().is_ok_and(|judged| !judged.matched.is_empty());
        let (matched, unmatched): (Vec<&Verdict>, Vec<&Verdict>) =
            verdicts.iter().filter(|it| fresh(it)).partition(matched);
        self.services.events.emit(Event::EventsReceived {
            via,
            matched: matched.len() as u64,
            unmatched: unmatched.len() as u64,
            duplicate: count(|it| it.judged.as_ref().is_ok_and(|judged| judged.duplicate)) as u64,
            rejected: count(|it| it.judged.is_err()) as u64,
        });
    }
}

fn verdict(slot: Slot, open: &[Open]) -> Verdict {
    match slot {
        Slot::Refused(error) => Verdict { id: None, kind: None, judged: Err(error) },
        Slot::Repeated { id, kind, of } => {
            let first = match of {
                First::Kept(kept) => kept,
                First::Open(place) => open[place].judged.clone(),
            };
            Verdict { id: Some(id), kind: Some(kind), judged: Ok(Judged { duplicate: true, ..first }) }
        }
        Slot::Open(place) => {
            let Open { event, judged } = &open[place];
            Verdict { id: Some(event.id.clone()), kind: Some(event.kind.clone()), judged: Ok(judged.clone()) }
        }
    }
}

/// The job of an event. The queue keeps its idempotency key for as long as the event's id means this event.
fn new_job(subscriber: &Subscriber, event: &Checked, wanted: Wanted, (cause, now): (Cause, Millis)) -> NewJob {
    let job = job(subscriber, (&event.body, &event.text), wanted, (cause, now, now));
    let key = format!("event:{}", event.id);
    let fingerprint = Sha256::digest(&key).into();
    let idempotency = Some(Idempotency { key, fingerprint, until: now.after(DUPLICATE_MS) });
    NewJob { job, if_exists: IfExists::Beside, idempotency }
}

/// The job of an event that is due at some time.
pub(super) fn job(
    subscriber: &Subscriber,
    (body, text): (&serde_json::Value, &str),
    wanted: Wanted,
    (cause, due, now): (Cause, Millis, Millis),
) -> Job {
    // A handler whose payload is the event finds the event there.
    let context = wanted.payload.as_ref().map(|_| json!({ "event": body }).to_string().into());
    Job {
        id: JobId::new(now),
        integration: subscriber.entry.id,
        cause,
        release: None,
        payload: wanted.payload.unwrap_or_else(|| text.into()),
        lane: lane(subscriber.lanes.as_ref(), wanted.key.as_ref(), IfExists::Beside),
        key: wanted.key,
        due,
        closes: None,
        window: None,
        jitter_ms: 0,
        priority: 0,
        weight: 1,
        awaited: false,
        tick: None,
        debounce: None,
        attempts: None,
        context,
        created: now,
    }
}
