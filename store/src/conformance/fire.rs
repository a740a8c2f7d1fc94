//! fire: queue the due ticks of a schedule and move its cursor, if nobody else has.

use schedules::Millis;

use super::*;
use crate::Error;
use crate::queue::{
    Cause, Cursor, Fired, Firing, IfBusy, Inspect, Job, MAX_BATCH, NewJob, Next, Queue, Settled, State,
};

fn tick() -> NewJob {
    job(1).cause(Cause::Schedule)
}

fn queued() -> Fired {
    Fired::Queued { revoked: vec![] }
}

fn firing(from: Option<Millis>, to: i64, ticks: Vec<NewJob>) -> Firing {
    Firing { ticks, ..Firing::new(integration(1), from.map(Cursor::at), at(to)) }
}

/// Fires; the cursor to move from counts as many ticks as there were.
async fn fire<Q: Queue + Inspect>(t: &Fresh<Q>, firing: Firing) -> Fired {
    let fired = cursor_of(&t.queue, integration(1)).await.map_or(0, |cursor| cursor.fired);
    let from = firing.from.map(|from| Cursor { fired, ..from });
    match t.queue.fire(Firing { from, ..firing }).await.expect("fire answers") {
        Fired::Lost { cursor } => Fired::Lost { cursor: cursor.map(|cursor| Cursor { fired: 0, ..cursor }) },
        other => other,
    }
}

async fn cursor<Q: Queue + Inspect>(t: &Fresh<Q>) -> Option<Millis> {
    cursor_of(&t.queue, integration(1)).await.map(|cursor| cursor.nominal)
}

/// A schedule that never fired has no cursor.
pub async fn starts_without_a_cursor<Q: Queue + Inspect>(t: Fresh<Q>) {
    assert_eq!(cursor(&t).await, None);
    t.put(job(1)).await;
    assert_eq!(cursor(&t).await, None);
}

/// Ticks are queued and the cursor is moved.
pub async fn queues_and_moves<Q: Queue + Inspect>(t: Fresh<Q>) {
    let (one, two) = (tick(), tick());
    let wanted = [one.job.id, two.job.id];
    assert_eq!(fire(&t, firing(None, 10, vec![one, two])).await, queued());
    assert_eq!(cursor(&t).await, Some(at(10)));
    assert_eq!(ids(&t.claim(10).await.jobs), wanted);
    assert_eq!(fire(&t, firing(Some(at(10)), 20, vec![tick()])).await, queued());
    assert_eq!(cursor(&t).await, Some(at(20)));
}

/// A cursor that is not where the ticks were computed from: nothing changes, and the answer says where it is.
pub async fn loses_to_another_scheduler<Q: Queue + Inspect>(t: Fresh<Q>) {
    fire(&t, firing(None, 10, vec![])).await;
    for from in [None, Some(at(9)), Some(at(20))] {
        assert_eq!(fire(&t, firing(from, 30, vec![tick()])).await, Fired::Lost { cursor: Some(Cursor::at(at(10))) });
    }
    assert_eq!((cursor(&t).await, t.claim(10).await.jobs), (Some(at(10)), vec![]));
}

/// A schedule that never fired is not at any time.
pub async fn loses_from_a_cursor_that_is_gone<Q: Queue + Inspect>(t: Fresh<Q>) {
    assert_eq!(fire(&t, firing(Some(at(9)), 30, vec![tick()])).await, Fired::Lost { cursor: None });
    assert_eq!((cursor(&t).await, t.claim(10).await.jobs), (None, vec![]));
}

/// Of schedulers that fire the same tick at the same time, one does.
pub async fn fires_once<Q: Queue + Inspect>(t: Fresh<Q>) {
    let attempt = || fire(&t, firing(None, 10, vec![tick()]));
    let (a, b, c) = tokio::join!(attempt(), attempt(), attempt());
    assert_eq!([a, b, c].iter().filter(|fired| **fired == queued()).count(), 1);
    assert_eq!(t.claim(10).await.jobs.len(), 1);
}

/// No ticks move the cursor alone, busy or not.
pub async fn moves_the_cursor_alone<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.running(tick()).await;
    let idle = Firing { if_busy: IfBusy::Skip, ..firing(None, 10, vec![]) };
    assert_eq!(fire(&t, idle).await, queued());
    assert_eq!(cursor(&t).await, Some(at(10)));
}

fn if_idle(from: Option<Millis>, to: i64) -> Firing {
    Firing { if_busy: IfBusy::Skip, ..firing(from, to, vec![tick()]) }
}

/// With [`IfBusy::Skip`] a pending tick lets the next be skipped; the cursor moves.
pub async fn skips_while_one_is_pending<Q: Queue + Inspect>(t: Fresh<Q>) {
    assert_eq!(fire(&t, if_idle(None, 10)).await, queued());
    assert_eq!(fire(&t, if_idle(Some(at(10)), 20)).await, Fired::Skipped);
    assert_eq!((cursor(&t).await, t.claim(10).await.jobs.len()), (Some(at(20)), 1));
}

/// And a running one, until it is settled.
pub async fn skips_while_one_is_running<Q: Queue + Inspect>(t: Fresh<Q>) {
    for cause in [Cause::Schedule, Cause::Catchup] {
        let from = cursor(&t).await;
        let leased = t.running(job(1).cause(cause)).await;
        assert_eq!(fire(&t, if_idle(from, 20)).await, Fired::Skipped);
        t.settle(leased.lease, Next::Remove).await;
        assert_eq!(fire(&t, if_idle(Some(at(20)), 30)).await, queued());
        let leased = t.claim_one().await;
        t.settle(leased.lease, Next::Remove).await;
    }
}

/// Jobs that are no ticks, dead ticks and other integrations' ticks do not count.
pub async fn is_idle_beside_other_jobs<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.dead(tick()).await;
    t.put(job(2).cause(Cause::Schedule)).await;
    for cause in [Cause::Manual, Cause::Execute, Cause::Backfill, Cause::Event] {
        t.put(job(1).cause(cause)).await;
    }
    assert_eq!(fire(&t, if_idle(None, 10)).await, queued());
}

/// With [`IfBusy::Queue`] ticks pile up.
pub async fn piles_up_otherwise<Q: Queue + Inspect>(t: Fresh<Q>) {
    fire(&t, firing(None, 10, vec![tick()])).await;
    fire(&t, firing(Some(at(10)), 20, vec![tick()])).await;
    assert_eq!(t.claim(10).await.jobs.len(), 2);
}

fn revoking(from: Option<Millis>, to: i64) -> Firing {
    Firing { if_busy: IfBusy::Revoke, ..firing(from, to, vec![tick()]) }
}

/// What a firing that queues took out, in the order of the ids.
fn revoked(fired: Fired) -> Vec<Job> {
    let Fired::Queued { mut revoked } = fired else { panic!("it queues: {fired:?}") };
    revoked.sort_by_key(|job| job.id);
    revoked
}

/// With [`IfBusy::Revoke`] the running ticks come back and are gone; their leases are stale, the new ticks are queued.
pub async fn revokes_running_ticks<Q: Queue + Inspect>(t: Fresh<Q>) {
    let mut jobs = Vec::new();
    for cause in [Cause::Schedule, Cause::Catchup] {
        jobs.push(t.running(job(1).cause(cause)).await);
    }
    let firing = revoking(None, 10);
    let new = firing.ticks[0].job.id;
    assert_eq!(revoked(fire(&t, firing).await), [jobs[0].job.clone(), jobs[1].job.clone()]);
    for leased in jobs {
        assert_eq!(t.state(leased.job.id).await, None);
        assert_eq!(t.settle(leased.lease, retry(0)).await, Settled::Stale);
        assert_eq!(t.queue.extend(vec![leased.lease], 1).await.expect("extend answers"), [leased.lease]);
    }
    assert_eq!((cursor(&t).await, t.claim_one().await.job.id), (Some(at(10)), new));
}

/// Pending and dead ticks, running jobs that are no ticks and other integrations' ticks stay.
pub async fn revokes_nothing_else<Q: Queue + Inspect>(t: Fresh<Q>) {
    let dead = t.dead(tick()).await;
    let manual = t.running(job(1)).await.job.id;
    let other = t.running(job(2).cause(Cause::Schedule)).await.job.id;
    let pending = t.put(tick()).await;
    assert_eq!(fire(&t, revoking(None, 10)).await, queued());
    assert_eq!(t.state(dead).await, Some(State::Dead));
    assert_eq!(t.state(pending).await, Some(State::Pending));
    assert_eq!((t.state(manual).await, t.state(other).await), (Some(State::Running), Some(State::Running)));
}

/// A firing that lost, or has no ticks, revokes nothing.
pub async fn revokes_nothing_without_ticks<Q: Queue + Inspect>(t: Fresh<Q>) {
    let running = t.running(tick()).await.job.id;
    assert_eq!(fire(&t, revoking(Some(at(9)), 10)).await, Fired::Lost { cursor: None });
    assert_eq!(fire(&t, Firing { ticks: vec![], ..revoking(None, 10) }).await, queued());
    assert_eq!((cursor(&t).await, t.state(running).await), (Some(at(10)), Some(State::Running)));
}

/// Revoking frees places.
pub async fn revoking_frees_places<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, at_once(1)).await;
    t.running(tick()).await;
    let waiting = t.put(job(1)).await;
    assert_eq!(t.claim(10).await.jobs, []);
    fire(&t, revoking(None, 10)).await;
    let leased = t.claim_one().await;
    assert_eq!(leased.job.id, waiting);
    t.settle(leased.lease, Next::Remove).await;
}

/// A cursor may go back: an edited schedule starts over.
pub async fn moves_back<Q: Queue + Inspect>(t: Fresh<Q>) {
    fire(&t, firing(None, 10, vec![])).await;
    assert_eq!(fire(&t, firing(Some(at(10)), 5, vec![])).await, queued());
    assert_eq!(cursor(&t).await, Some(at(5)));
}

/// One call carries at most `MAX_BATCH` ticks; nothing of a longer one is applied.
pub async fn refuses_too_many<Q: Queue + Inspect>(t: Fresh<Q>) {
    let answer = t.queue.fire(firing(None, 10, vec![tick(); MAX_BATCH + 1])).await;
    assert!(matches!(answer, Err(Error::TooMany { limit: MAX_BATCH, .. })), "{answer:?}");
    assert_eq!(cursor(&t).await, None);
}
