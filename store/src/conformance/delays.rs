//! claim under rate limits that delay: the line at a full limit, and who holds up whom.

use schedules::Millis;
use serde_json::json;

use super::*;
use crate::JobId;
use crate::queue::Grant::{Closed, Start};
use crate::queue::{Control, Enqueued, IfExists, Inspect, Move, NewJob, Next, Queue, Selector, Settlement, State};

/// Puts jobs in, claims them all, and returns those that started; the others must wait.
async fn start<Q: Queue + Inspect>(t: &Fresh<Q>, jobs: Vec<NewJob>) -> Vec<JobId> {
    t.queue.enqueue(jobs).await.expect("enqueue answers");
    starts(t).await
}

/// Claims all there is, which must start.
async fn starts<Q: Queue + Inspect>(t: &Fresh<Q>) -> Vec<JobId> {
    let jobs = t.claim_all().await.jobs;
    assert!(jobs.iter().all(|it| it.grant == Start), "{jobs:?}");
    ids(&jobs)
}

/// What starts at a time.
async fn starts_at<Q: Queue + Inspect>(t: &Fresh<Q>, ms: i64) -> Vec<JobId> {
    t.clock.set(at(ms));
    starts(t).await
}

fn ids_of<const N: usize>(jobs: &[NewJob; N]) -> [JobId; N] {
    jobs.each_ref().map(|new| new.job.id)
}

/// One start a second, the others wait.
async fn one_a_second<Q: Queue + Inspect>(t: &Fresh<Q>) {
    t.control(1, limited([limit(1).delaying()])).await;
}

/// A job that finds the limit full waits, pending and free of charge, and starts when there is room.
pub async fn waits_for_room<Q: Queue + Inspect>(t: Fresh<Q>) {
    one_a_second(&t).await;
    let jobs = [job(1), job(1)];
    let [first, second] = ids_of(&jobs);
    t.queue.enqueue(jobs.to_vec()).await.expect("enqueue answers");
    let claimed = t.claim_all().await;
    assert_eq!((ids(&claimed.jobs), claimed.next_due), (vec![first], Some(at(1_000))));
    let view = t.view(second).await.expect("it is there");
    assert_eq!((view.state, view.attempt, view.job.due), (State::Pending, 0, START));
    assert_eq!((view.delayed_by_limit, view.charged), (true, false));
    assert_eq!(starts_at(&t, 999).await, []);
    assert_eq!(starts_at(&t, 1_000).await, [second]);
    let view = t.view(second).await.expect("it is there");
    assert_eq!((view.delayed_by_limit, view.charged, view.attempt), (false, true, 1));
}

/// It holds up neither other keys nor jobs that the limit does not count.
pub async fn holds_up_no_other_key<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(1).by(&["email"]).delaying()])).await;
    let jobs = [of("a"), of("a"), of("b"), of("a"), job(1), of("c")];
    let [a, _, b, _, none, c] = ids_of(&jobs);
    assert_eq!(start(&t, jobs.to_vec()).await, [a, b, none, c]);
}

/// Nor other integrations.
pub async fn holds_up_no_other_integration<Q: Queue + Inspect>(t: Fresh<Q>) {
    one_a_second(&t).await;
    t.queue.enqueue((0..300).map(|_| job(1)).collect()).await.expect("enqueue answers");
    let other = t.put(job(2)).await;
    assert!(starts(&t).await.contains(&other));
}

/// Those in line start one by one: by their due times, then by priority, then as they came.
pub async fn keeps_the_order_of_the_line<Q: Queue + Inspect>(t: Fresh<Q>) {
    one_a_second(&t).await;
    t.running(job(1)).await;
    let jobs = [job(1).due(3), job(1).due(2), job(1).due(2).priority(9), job(1).due(2), job(1).due(1).priority(0)];
    let [last, second, urgent, third, first] = ids_of(&jobs);
    t.clock.set(at(5));
    assert_eq!(start(&t, jobs.to_vec()).await, []);
    for (place, id) in (1..).zip([first, urgent, second, third, last]) {
        assert_eq!(starts_at(&t, place * 1_000).await, [id], "in place {place}");
    }
}

/// Who comes later waits behind the line, also if it comes at the moment at which there is room.
pub async fn goes_before_newcomers<Q: Queue + Inspect>(t: Fresh<Q>) {
    one_a_second(&t).await;
    let jobs = [job(1), job(1), job(1)];
    let [_, second, third] = ids_of(&jobs);
    start(&t, jobs.to_vec()).await;
    t.clock.set(at(1_000));
    let newcomer = job(1).due(1_000).priority(9);
    let fourth = newcomer.job.id;
    assert_eq!(start(&t, vec![newcomer]).await, [second]);
    assert_eq!(starts_at(&t, 2_000).await, [third]);
    assert_eq!(starts_at(&t, 3_000).await, [fourth]);
}

/// Also if the line is only one job.
pub async fn goes_before_newcomers_alone<Q: Queue + Inspect>(t: Fresh<Q>) {
    one_a_second(&t).await;
    let jobs = [job(1), job(1)];
    let [_, second] = ids_of(&jobs);
    start(&t, jobs.to_vec()).await;
    t.clock.set(at(1_000));
    let newcomer = job(1).due(1_000).priority(9);
    let third = newcomer.job.id;
    assert_eq!(start(&t, vec![newcomer]).await, [second]);
    assert_eq!(starts_at(&t, 2_000).await, [third]);
}

/// Retries are charged already, and pass the line.
pub async fn lets_retries_pass<Q: Queue + Inspect>(t: Fresh<Q>) {
    one_a_second(&t).await;
    let leased = t.running(job(1)).await;
    assert_eq!(start(&t, vec![job(1)]).await, []);
    t.settle(leased.lease, retry(10)).await;
    assert_eq!(starts_at(&t, 10).await, [leased.job.id]);
}

/// A cancelled job leaves the line, however it was named, and costs nothing: those behind it move up.
pub async fn cancelled_jobs_leave_the_line<Q: Queue + Inspect>(t: Fresh<Q>) {
    one_a_second(&t).await;
    let jobs = [job(1), job(1).key(json!({"k": 1})), job(1).key(json!({"k": 2, "all": 1})), job(1), job(1)];
    let [_, by_key, by_match, by_id, last] = ids_of(&jobs);
    start(&t, jobs.to_vec()).await;
    let selectors =
        [Selector::Key(key(json!({"k": 1}))), Selector::Match(key(json!({"all": 1}))), Selector::Job(by_id)];
    for (selector, id) in selectors.into_iter().zip([by_key, by_match, by_id]) {
        let cancelled = t.queue.cancel(integration(1), selector).await.expect("cancel answers");
        assert_eq!(cancelled.jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [id]);
    }
    assert_eq!(starts_at(&t, 1_000).await, [last]);
    assert_eq!(t.claim_all().await.next_due, None, "the line is empty");
}

/// So does all of it.
pub async fn the_whole_line_is_cancelled<Q: Queue + Inspect>(t: Fresh<Q>) {
    one_a_second(&t).await;
    start(&t, vec![job(1), job(1), job(1)]).await;
    let cancelled = t.queue.cancel(integration(1), Selector::All).await.expect("cancel answers");
    assert_eq!((cancelled.jobs.len(), cancelled.more), (2, false));
    assert_eq!(t.claim_all().await.next_due, None);
    assert_eq!(start(&t, vec![job(1)]).await, [], "the limit is still full");
    assert_eq!(starts_at(&t, 1_000).await.len(), 1);
}

/// A replaced job leaves the line; the new one has a due time of its own.
pub async fn replaced_jobs_leave_the_line<Q: Queue + Inspect>(t: Fresh<Q>) {
    one_a_second(&t).await;
    let keyed = || job(1).key(json!({"k": 1}));
    let jobs = [job(1), keyed(), job(1)];
    let [_, old, last] = ids_of(&jobs);
    start(&t, jobs.to_vec()).await;
    let new = keyed().due(1_500);
    let id = new.job.id;
    assert_eq!(t.put_any(new).await, Enqueued::Replaced { old });
    assert_eq!(starts_at(&t, 1_000).await, [last]);
    assert_eq!(starts_at(&t, 1_999).await, []);
    assert_eq!(starts_at(&t, 2_000).await, [id]);
}

/// A rescheduled job leaves the line, and queues up again when it is due.
pub async fn rescheduled_jobs_leave_the_line<Q: Queue + Inspect>(t: Fresh<Q>) {
    one_a_second(&t).await;
    let jobs = [job(1), job(1), job(1)];
    let [_, moved, last] = ids_of(&jobs);
    start(&t, jobs.to_vec()).await;
    let later = Move { job: moved, due: at(5_000), closes: None, window: None };
    assert_eq!(t.queue.reschedule(vec![later]).await.expect("reschedule answers"), [true]);
    assert!(!t.view(moved).await.expect("it is there").delayed_by_limit);
    assert_eq!(starts_at(&t, 1_000).await, [last]);
    assert_eq!(t.claim_all().await.next_due, Some(at(5_000)));
    assert_eq!(starts_at(&t, 5_000).await, [moved]);
}

/// A purge forgets the line.
pub async fn a_purge_forgets_the_line<Q: Queue + Inspect>(t: Fresh<Q>) {
    one_a_second(&t).await;
    start(&t, vec![job(1), job(1)]).await;
    t.queue.purge(integration(1)).await.expect("purge answers");
    let claimed = t.claim_all().await;
    assert_eq!((claimed.jobs, claimed.next_due), (vec![], None));
    assert_eq!(t.queue.counts().await.expect("counts answers"), []);
}

/// Jobs in line are pending: counted by their own due times, listed and found.
pub async fn shows_the_line<Q: Queue + Inspect>(t: Fresh<Q>) {
    one_a_second(&t).await;
    start(&t, vec![job(1)]).await;
    t.clock.set(at(20));
    let jobs = [job(1).due(10).key(json!({"k": 1})), job(1).due(15)];
    let [one, two] = ids_of(&jobs);
    start(&t, jobs.to_vec()).await;
    let counts = t.queue.counts().await.expect("counts answers");
    assert_eq!((counts[0].1.ready, counts[0].1.delayed, counts[0].1.oldest_ready), (2, 0, Some(at(10))));
    let found = t.queue.find(integration(1), Selector::All, 10).await.expect("find answers");
    assert_eq!(
        found.iter().map(|view| (view.job.id, view.delayed_by_limit)).collect::<Vec<_>>(),
        [(one, true), (two, true)]
    );
    let again = t.put_any(job(1).key(json!({"k": 1})).if_exists(IfExists::Keep)).await;
    assert_eq!(again, Enqueued::Kept { existing: one, due: at(10) });
}

/// While its integration is held, a line is nothing to wait for.
pub async fn a_held_line_waits<Q: Queue + Inspect>(t: Fresh<Q>) {
    one_a_second(&t).await;
    let jobs = [job(1), job(1)];
    let [_, second] = ids_of(&jobs);
    start(&t, jobs.to_vec()).await;
    let control = limited([limit(1).delaying()]);
    t.control(1, Control { paused: true, ..control.clone() }).await;
    t.clock.set(at(2_000));
    let claimed = t.claim_all().await;
    assert_eq!((claimed.jobs, claimed.next_due), (vec![], None));
    t.control(1, control).await;
    assert_eq!(starts(&t).await, [second]);
}

/// With several limits a job waits until all have room, and is charged to all at once.
pub async fn waits_for_all_limits<Q: Queue + Inspect>(t: Fresh<Q>) {
    let by_email = limit(1).per(3_000).by(&["email"]).delaying();
    t.control(1, limited([limit(1).delaying(), by_email])).await;
    let jobs = [of("a"), of("a"), of("b")];
    let [first, second, third] = ids_of(&jobs);
    assert_eq!(start(&t, jobs.to_vec()).await, [first]);
    assert_eq!(starts_at(&t, 1_000).await, [third]);
    assert_eq!(starts_at(&t, 2_999).await, []);
    assert_eq!(starts_at(&t, 3_000).await, [second]);
    assert_eq!(start(&t, vec![of("c")]).await, [], "it was charged to both");
    assert_eq!(starts_at(&t, 4_000).await.len(), 1);
}

/// A full limit that refuses goes before one that delays; so it does when the job's turn in line has come, and the room
/// that it leaves is the next one's.
pub async fn refuses_before_it_delays<Q: Queue + Inspect>(t: Fresh<Q>) {
    let by_email = limit(1).per(60_000).by(&["email"]);
    t.control(1, limited([limit(1).delaying(), by_email])).await;
    t.running(of("a")).await;
    t.put(of("a")).await;
    assert_eq!(grants(&t.claim_all().await.jobs), [refused(1, 60_000)]);
    let jobs = [of("b"), of("b"), of("c")];
    let [first, second, third] = ids_of(&jobs);
    assert_eq!(start(&t, jobs.to_vec()).await, []);
    assert_eq!(starts_at(&t, 1_000).await, [first]);
    t.clock.set(at(2_000));
    let jobs = t.claim_all().await.jobs;
    assert_eq!((ids(&jobs), grants(&jobs)), (vec![second, third], vec![refused(1, 59_000), Start]));
}

/// A job whose opening ends while it is in line is closed when its turn comes, and leaves the room to the next.
pub async fn closes_in_line<Q: Queue + Inspect>(t: Fresh<Q>) {
    one_a_second(&t).await;
    let jobs = [job(1), job(1).closes(500), job(1).closes(900), job(1).closes(2_000)];
    let [_, second, third, fourth] = ids_of(&jobs);
    start(&t, jobs.to_vec()).await;
    t.clock.set(at(1_000));
    let jobs = t.claim_all().await.jobs;
    assert_eq!((ids(&jobs), grants(&jobs)), (vec![second, third, fourth], vec![Closed, Closed, Start]));
}

/// Places to run are needed as well.
pub async fn waits_for_a_place<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, Control { concurrency: Some(1), ..limited([limit(1).delaying()]) }).await;
    let jobs = [job(1), job(1), job(1)];
    let [_, second, third] = ids_of(&jobs);
    t.queue.enqueue(jobs.to_vec()).await.expect("enqueue answers");
    let leased = t.claim_all().await.jobs.remove(0);
    t.clock.set(at(5_000));
    let claimed = t.claim_all().await;
    assert_eq!((claimed.jobs, claimed.next_due), (vec![], None));
    t.settle(leased.lease, Next::Remove).await;
    let leased = t.claim_all().await.jobs.remove(0);
    assert_eq!(leased.job.id, second);
    t.settle(leased.lease, Next::Remove).await;
    assert_eq!(starts(&t).await, [], "the limit was charged when the second started");
    assert_eq!(starts_at(&t, 6_000).await, [third]);
}

/// A sliding window has a line as well.
pub async fn waits_for_a_sliding_window<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(2).sliding().delaying()])).await;
    assert_eq!(start(&t, vec![job(1)]).await.len(), 1);
    t.clock.set(at(600));
    let jobs = [job(1), job(1), job(1)];
    let [first, second, third] = ids_of(&jobs);
    assert_eq!(start(&t, jobs.to_vec()).await, [first]);
    assert_eq!(starts_at(&t, 1_000).await, [second]);
    assert_eq!(starts_at(&t, 1_599).await, []);
    assert_eq!(starts_at(&t, 1_600).await, [third]);
}

/// Every start of what waits, with its time: the clock is set to when each claim says that there is something to do.
async fn run_off<Q: Queue + Inspect>(t: &Fresh<Q>, jobs: usize) -> Vec<(Millis, JobId)> {
    let (mut started, mut now) = (Vec::new(), START);
    while started.len() < jobs {
        let claimed = t.claim_all().await;
        started.extend(claimed.jobs.iter().map(|it| (now, it.job.id)));
        let settlements = claimed.jobs.iter().map(|it| Settlement { lease: it.lease, next: Next::Remove });
        t.queue.settle(settlements.collect()).await.expect("settle answers");
        if started.len() < jobs {
            now = claimed.next_due.expect("there are jobs in line");
            t.clock.set(now);
        }
    }
    started
}

/// A long line passes at its rate: never more than the bound in any interval, every slot used, in order.
pub async fn a_long_line_keeps_its_bound<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(10).delaying()])).await;
    let jobs: Vec<_> = (0..1_000).map(|_| job(1)).collect();
    let wanted: Vec<_> = jobs.iter().map(|new| new.job.id).collect();
    t.queue.enqueue(jobs).await.expect("enqueue answers");
    let started = run_off(&t, 1_000).await;
    for (from, _) in &started {
        let within = started.iter().filter(|(time, _)| *from <= *time && *time < from.after(1_000)).count();
        assert!(within <= 19, "{within} in a second");
    }
    assert_eq!(started.last().map(|(time, _)| *time), Some(at(99_000)), "ten at once, then one every 100 ms");
    assert_eq!(started.iter().map(|(_, id)| *id).collect::<Vec<_>>(), wanted);
}

/// Many lines at once pass each at its own rate.
pub async fn many_lines_keep_their_rates<Q: Queue + Inspect>(t: Fresh<Q>) {
    t.control(1, limited([limit(1).by(&["email"]).delaying()])).await;
    for round in 0..3 {
        let jobs = (0..200).map(|n| job(1).key(json!({"email": n, "round": round}))).collect();
        t.queue.enqueue(jobs).await.expect("enqueue answers");
    }
    let started = run_off(&t, 600).await;
    for (round, starts) in (0..).zip(started.chunks(200)) {
        assert!(starts.iter().all(|(time, _)| *time == at(round * 1_000)), "each key starts once a second");
    }
}
