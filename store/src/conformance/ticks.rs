//! Schedules of one integration beside each other: cursors that count, overlap within one, the outbox of their ticks.

use futures_util::future::join_all;

use super::*;
use crate::queue::{
    Cause, Cursor, Edit, Fired, Firing, IfBusy, Inspect, NewJob, Next, Queue, ScheduleRef, State, Tick, TickRecord,
    Verdict,
};

fn tick(of: ScheduleRef, cause: Cause) -> NewJob {
    let mut new = job(1).cause(cause);
    new.job.tick = Some(Tick { schedule: of.schedule, nominal: START, previous: None, upcoming: None });
    new
}

fn record(schedule: ScheduleRef, first: i64, verdict: Verdict) -> TickRecord {
    TickRecord {
        schedule,
        first: at(first),
        last: at(first + 5),
        count: Some(2),
        verdict,
        job: None,
        cause: None,
        effective: None,
        revision: 3,
        recorded: START,
    }
}

fn firing(of: ScheduleRef, from: Option<Cursor>, to: i64) -> Firing {
    Firing { ticks: vec![tick(of, Cause::Schedule)], ..Firing::new(of, from, at(to)) }
}

async fn fire<Q: Queue + Inspect>(t: &Fresh<Q>, firing: Firing) -> Fired {
    t.queue.fire(firing).await.expect("fire answers")
}

fn queued() -> Fired {
    Fired::Queued { revoked: vec![] }
}

async fn outbox<Q: Queue + Inspect>(t: &Fresh<Q>) -> Vec<TickRecord> {
    let mut records = t.queue.outbox(100).await.expect("outbox answers");
    records.sort_by_key(TickRecord::name);
    records
}

/// A cursor counts the ticks that were queued, not those that were skipped.
pub async fn count_what_they_fire<Q: Queue + Inspect>(t: Fresh<Q>) {
    let of = schedule(1, 1);
    let two = vec![tick(of, Cause::Schedule), tick(of, Cause::Schedule)];
    fire(&t, Firing { ticks: two, ..firing(of, None, 10) }).await;
    let from = cursor_of(&t.queue, of).await;
    assert_eq!(from, Some(Cursor { fired: 2, ..Cursor::at(at(10)) }));
    assert_eq!(fire(&t, Firing { if_busy: IfBusy::Skip, ..firing(of, from, 20) }).await, Fired::Skipped);
    assert_eq!(cursor_of(&t.queue, of).await, Some(Cursor { fired: 2, ..Cursor::at(at(20)) }));
    let forgetful = firing(of, Some(Cursor::at(at(20))), 30);
    assert!(matches!(fire(&t, forgetful).await, Fired::Lost { .. }), "a count that is wrong is another cursor");
}

/// Each schedule has a cursor of its own.
pub async fn keep_apart<Q: Queue + Inspect>(t: Fresh<Q>) {
    let (own, one, two) = (ScheduleRef::from(integration(1)), schedule(1, 1), schedule(1, 2));
    for (of, to) in [(own, 10), (one, 20), (two, 30)] {
        assert_eq!(fire(&t, firing(of, None, to)).await, queued());
    }
    for (of, to) in [(own, 10), (one, 20), (two, 30)] {
        assert_eq!(cursor_of(&t.queue, of).await.map(|cursor| cursor.nominal), Some(at(to)));
    }
    assert_eq!(cursor_of(&t.queue, schedule(2, 1)).await, None, "another integration's");
}

/// Many can be asked for at once; the answers are in the order of the call.
pub async fn know_where_each_is<Q: Queue + Inspect>(t: Fresh<Q>) {
    for number in 1..20 {
        let of = schedule(1 + number % 3, number);
        assert_eq!(fire(&t, Firing::new(of, None, at(i64::from(number)))).await, queued());
    }
    let all: Vec<ScheduleRef> = (0..21).rev().map(|number| schedule(1 + number % 3, number)).collect();
    let wanted: Vec<Option<Cursor>> =
        (0..21).rev().map(|number| Some(Cursor::at(at(number))).filter(|_| (1..20).contains(&number))).collect();
    assert_eq!(t.queue.cursors(all).await.expect("cursors answers"), wanted);
}

/// A schedule that is forgotten is nowhere; its jobs stay.
pub async fn are_forgotten<Q: Queue + Inspect>(t: Fresh<Q>) {
    let (gone, stays) = (schedule(1, 1), schedule(1, 2));
    let of_it = firing(gone, None, 10);
    let id = of_it.ticks[0].job.id;
    fire(&t, of_it).await;
    fire(&t, Firing::new(stays, None, at(10))).await;
    t.queue.forget_schedules(vec![gone, schedule(2, 9)]).await.expect("forget_schedules answers");
    assert_eq!(cursor_of(&t.queue, gone).await, None);
    assert_eq!(cursor_of(&t.queue, stays).await, Some(Cursor::at(at(10))));
    assert_eq!(t.state(id).await, Some(State::Pending));
}

/// With [`IfBusy::Wait`] a tick waits for the earlier one of its schedule: the cursor stays, and keeps what was seen.
pub async fn wait_for_their_own_ticks<Q: Queue + Inspect>(t: Fresh<Q>) {
    let (of, other) = (schedule(1, 1), schedule(1, 2));
    let waits = |of, from, to| Firing { if_busy: IfBusy::Wait, seen: Some(at(99)), ..firing(of, from, to) };
    assert_eq!(fire(&t, waits(of, None, 10)).await, queued());
    let seen = Cursor { fired: 1, seen: Some(at(99)), ..Cursor::at(at(10)) };
    assert_eq!(cursor_of(&t.queue, of).await, Some(seen));
    let later = Firing { seen: Some(at(200)), ..waits(of, Some(seen), 20) };
    assert_eq!(fire(&t, later).await, Fired::Skipped);
    let seen = Cursor { seen: Some(at(200)), ..seen };
    assert_eq!(cursor_of(&t.queue, of).await, Some(seen));
    assert_eq!(fire(&t, waits(other, None, 10)).await, queued(), "another schedule's tick is not in its way");
    assert_eq!(fire(&t, waits(integration(1).into(), None, 10)).await, queued());
    for leased in t.claim(10).await.jobs {
        t.settle(leased.lease, Next::Remove).await;
    }
    assert_eq!(fire(&t, waits(of, Some(seen), 20)).await, queued());
    assert_eq!(cursor_of(&t.queue, of).await.map(|cursor| (cursor.nominal, cursor.fired)), Some((at(20), 2)));
}

/// Ticks of another schedule do not make one busy, and are not revoked with its own.
pub async fn skip_and_revoke_their_own_ticks<Q: Queue + Inspect>(t: Fresh<Q>) {
    let (own, one, two) = (ScheduleRef::from(integration(1)), schedule(1, 1), schedule(1, 2));
    for if_busy in [IfBusy::Skip, IfBusy::Revoke] {
        let mut running = Vec::new();
        for of in [own, one, two] {
            let from = cursor_of(&t.queue, of).await;
            assert_eq!(fire(&t, Firing { if_busy, ..firing(of, from, 10) }).await, queued());
            running.push(t.claim_one().await);
        }
        let from = cursor_of(&t.queue, one).await;
        let fired = fire(&t, Firing { if_busy, ..firing(one, from, 20) }).await;
        match if_busy {
            IfBusy::Skip => assert_eq!(fired, Fired::Skipped),
            _ => assert_eq!(fired, Fired::Queued { revoked: vec![running[1].job.clone()] }),
        }
        assert_eq!(t.queue.check().await.expect("check answers"), []);
        running.extend(t.claim(10).await.jobs);
        for leased in running {
            t.settle(leased.lease, Next::Remove).await;
        }
    }
}

/// The ticks of a backfill look out for each other.
pub async fn count_backfilled_ticks<Q: Queue + Inspect>(t: Fresh<Q>) {
    let of = schedule(1, 7);
    let backfill = |from, to| Firing {
        ticks: vec![tick(of, Cause::Backfill)],
        if_busy: IfBusy::Wait,
        ..Firing::new(of, from, at(to))
    };
    assert_eq!(fire(&t, backfill(None, 10)).await, queued());
    let from = cursor_of(&t.queue, of).await;
    assert_eq!(fire(&t, backfill(from, 20)).await, Fired::Skipped);
    let leased = t.claim_one().await;
    t.settle(leased.lease, Next::Remove).await;
    assert_eq!(fire(&t, backfill(from, 20)).await, queued());
}

/// A tick is its schedule's through retries, a lane, a key, and while it is dead; a replay is nobody's.
pub async fn keep_a_tick_through_its_life<Q: Queue + Inspect>(t: Fresh<Q>) {
    let of = schedule(1, 1);
    let new = tick(of, Cause::Schedule).key(serde_json::json!({"a": 1})).lane("one").closes(50);
    let id = new.job.id;
    fire(&t, Firing { ticks: vec![new], ..Firing::new(of, None, at(10)) }).await;
    let busy = async || {
        let from = cursor_of(&t.queue, of).await;
        let probe = Firing { if_busy: IfBusy::Wait, ..firing(of, from, 20) };
        fire(&t, probe).await == Fired::Skipped
    };
    assert!(busy().await, "pending");
    let leased = t.claim_one().await;
    assert_eq!(leased.job.schedule(), of);
    assert!(busy().await, "running");
    t.settle(leased.lease, retry(0)).await;
    assert!(busy().await, "retrying");
    assert_eq!(t.queue.check().await.expect("check answers"), []);
    let leased = t.claim_one().await;
    t.settle(leased.lease, bury()).await;
    assert_eq!(t.view(id).await.expect("it is dead").job.schedule(), of);
    assert_eq!(t.queue.check().await.expect("check answers"), []);
    assert!(t.queue.replay(id, START, Edit::default()).await.expect("replay answers"));
    assert!(!busy().await, "a replay is in no tick's way");
    assert_eq!(t.queue.check().await.expect("check answers"), []);
}

/// What a firing says of its ticks is in the outbox in the same step, the part that came true; until it is cleared.
pub async fn put_records_into_the_outbox<Q: Queue + Inspect>(t: Fresh<Q>) {
    let of = schedule(1, 1);
    let told = |from, to| Firing {
        if_busy: IfBusy::Skip,
        records: vec![record(of, to, Verdict::Fired), record(of, to - 7, Verdict::Superseded)],
        records_if_skipped: vec![record(of, to, Verdict::Overlap)],
        ..firing(of, from, to)
    };
    assert_eq!(outbox(&t).await, []);
    fire(&t, told(None, 10)).await;
    let first = [record(of, 3, Verdict::Superseded), record(of, 10, Verdict::Fired)];
    assert_eq!(outbox(&t).await, first);
    let from = cursor_of(&t.queue, of).await;
    assert_eq!(fire(&t, told(from, 20)).await, Fired::Skipped);
    assert_eq!(outbox(&t).await, [first[0], first[1], record(of, 20, Verdict::Overlap)]);
    assert_eq!(t.queue.outbox(1).await.expect("outbox answers").len(), 1);
    for _ in 0..2 {
        t.queue.clear_outbox(first.to_vec()).await.expect("clear_outbox answers");
        assert_eq!(outbox(&t).await, [record(of, 20, Verdict::Overlap)]);
    }
}

/// A firing that lost tells nothing.
pub async fn lose_with_their_records<Q: Queue + Inspect>(t: Fresh<Q>) {
    let of = schedule(1, 1);
    let lost = Firing {
        records: vec![record(of, 1, Verdict::Fired)],
        records_if_skipped: vec![record(of, 1, Verdict::Overlap)],
        ..firing(of, Some(Cursor::at(at(9))), 10)
    };
    assert_eq!(fire(&t, lost).await, Fired::Lost { cursor: None });
    assert_eq!(outbox(&t).await, []);
}

/// Purging an integration takes its cursors and records; those of others stay.
pub async fn keep_other_records<Q: Queue + Inspect>(t: Fresh<Q>) {
    for of in [schedule(1, 1), schedule(2, 1), integration(1).into()] {
        fire(&t, Firing { records: vec![record(of, 1, Verdict::Cap)], ..Firing::new(of, None, at(1)) }).await;
    }
    t.queue.purge(integration(1)).await.expect("purge answers");
    assert_eq!(outbox(&t).await, [record(schedule(2, 1), 1, Verdict::Cap)]);
    assert_eq!(cursor_of(&t.queue, schedule(1, 1)).await, None);
    assert_eq!(cursor_of(&t.queue, schedule(2, 1)).await, Some(Cursor::at(at(1))));
}

/// The cursor keeps the revision of the last firing, and is another one when that is.
pub async fn note_a_revision<Q: Queue + Inspect>(t: Fresh<Q>) {
    let of = schedule(1, 1);
    fire(&t, Firing { revision: 4, ..Firing::new(of, None, at(1)) }).await;
    let from = cursor_of(&t.queue, of).await;
    assert_eq!(from, Some(Cursor { revision: 4, ..Cursor::at(at(1)) }));
    let stale = firing(of, Some(Cursor { revision: 3, ..Cursor::at(at(1)) }), 2);
    assert_eq!(fire(&t, stale).await, Fired::Lost { cursor: from });
}

/// Many schedules at one time, each by two schedulers: each fires once, and what one has to do changes nothing for others.
pub async fn fire_together<Q: Queue + Inspect>(t: Fresh<Q>) {
    let busy = |n: u16| match n % 3 {
        0 => IfBusy::Queue,
        1 => IfBusy::Skip,
        _ => IfBusy::Revoke,
    };
    let one = |n: u16, from: Option<Cursor>, to: i64| {
        let of = schedule(1 + n % 2, n);
        let mut new = tick(of, Cause::Schedule);
        new.job.integration = of.integration;
        let records = vec![record(of, to, Verdict::Fired)];
        let records_if_skipped = vec![record(of, to, Verdict::Overlap)];
        Firing { ticks: vec![new], if_busy: busy(n), records, records_if_skipped, ..Firing::new(of, from, at(to)) }
    };
    let both = (0..150).flat_map(|n| [one(n, None, 10), one(n, None, 10)]);
    let answers = join_all(both.map(|firing| fire(&t, firing))).await;
    for pair in answers.chunks(2) {
        assert_eq!(pair.iter().filter(|fired| **fired == queued()).count(), 1, "{pair:?}");
        assert!(pair.iter().any(|fired| matches!(fired, Fired::Lost { cursor: Some(cursor) } if cursor.fired == 1)));
    }
    let first = t.claim_all().await.jobs;
    assert_eq!(first.len(), 150, "all of them run");
    let from = Some(Cursor { fired: 1, ..Cursor::at(at(10)) });
    let answers = join_all((0..150).map(|n| fire(&t, one(n, from, 20)))).await;
    for (n, answer) in (0..150).zip(answers) {
        match (busy(n), answer) {
            (IfBusy::Queue, Fired::Queued { revoked }) => assert_eq!(revoked, vec![]),
            (IfBusy::Revoke, Fired::Queued { revoked }) => {
                assert_eq!(revoked.len(), 1);
                assert_eq!(revoked[0].tick.map(|tick| tick.schedule), Some(schedule(1, n).schedule));
            }
            (IfBusy::Skip, answer) => assert_eq!(answer, Fired::Skipped),
            (_, answer) => panic!("{n}: {answer:?}"),
        }
    }
    assert_eq!(t.claim_all().await.jobs.len(), 100, "but those that were skipped");
    let records = t.queue.outbox(1_000).await.expect("outbox answers");
    let skipped = records.iter().filter(|record| record.verdict == Verdict::Overlap).count();
    assert_eq!((records.len(), skipped), (300, 50));
    assert_eq!(t.queue.check().await.expect("check answers"), []);
}
