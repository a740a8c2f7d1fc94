//! The writer when something fails: an operation, a commit, the disk, the thread itself.

use schedules::ManualClock;

use super::*;
use crate::conformance::{START, Sample, integration, job};
use crate::embedded::Embedded;
use crate::embedded::enqueue::{self, Backlog};
use crate::queue::{Enqueued, Inspect, JobFilter, NewJob, PageRequest, Queue};

type Answer = oneshot::Receiver<Result<Vec<Enqueued>>>;

fn writer(folder: &Path, max_jobs: u64) -> Writer {
    let (changes, _) = watch::channel(0);
    let options = Options { max_jobs, ..Options::default() };
    Writer::open(&folder.join("queue.db"), options, Arc::new(ManualClock::new(START)), changes).expect("it opens")
}

fn call(verb: impl Fn(&mut Step<'_>) -> Result<Vec<Enqueued>> + Send + 'static) -> (Box<dyn Operation>, Answer) {
    let (reply, answer) = oneshot::channel();
    (Box::new(Call { verb, weight: 1, answer: None, reply }), answer)
}

fn put(new: NewJob) -> (Box<dyn Operation>, Answer) {
    call(move |step| enqueue::enqueue(step, std::slice::from_ref(&new), Backlog::Bounded))
}

fn apply(writer: &mut Writer, calls: Vec<(Box<dyn Operation>, Answer)>) -> Vec<Result<Vec<Enqueued>>> {
    let (group, answers): (Vec<_>, Vec<_>) = calls.into_iter().unzip();
    writer.apply(group);
    answers.into_iter().map(|mut answer| answer.try_recv().expect("every call is answered")).collect()
}

fn jobs_in_file(writer: &Writer) -> i64 {
    writer.connection.query_row("SELECT count(*) FROM jobs", (), |row| row.get(0)).expect("it counts")
}

#[test]
fn a_failed_operation_leaves_its_neighbours_alone() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let mut writer = writer(folder.path(), 100);
    let half = call(|step| {
        enqueue::enqueue(step, &[job(2), job(2)], Backlog::Bounded)?;
        Err(Error::Corrupt("it breaks half way".into()))
    });
    let answers = apply(&mut writer, vec![put(job(1)), half, put(job(3))]);
    assert!(matches!(answers[0], Ok(ref answer) if *answer == [Enqueued::Created]), "{answers:?}");
    assert!(matches!(answers[1], Err(Error::Corrupt(_))), "{answers:?}");
    assert!(matches!(answers[2], Ok(ref answer) if *answer == [Enqueued::Created]), "{answers:?}");
    assert_eq!((jobs_in_file(&writer), writer.books.jobs), (2, 2));
    let lanes = "SELECT count(*) FROM integrations WHERE head IS NOT NULL";
    let lanes: i64 = writer.connection.query_row(lanes, (), |row| row.get(0)).expect("it counts");
    assert_eq!(lanes, 2, "the neighbours' lanes are up to date");
}

#[test]
fn a_failed_operation_alone_leaves_nothing() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let mut writer = writer(folder.path(), 100);
    let half = call(|step| {
        enqueue::enqueue(step, &[job(2), job(2)], Backlog::Bounded)?;
        Err(Error::Corrupt("it breaks half way".into()))
    });
    let answers = apply(&mut writer, vec![half]);
    assert!(matches!(answers[0], Err(Error::Corrupt(_))), "{answers:?}");
    assert_eq!((jobs_in_file(&writer), writer.books.jobs), (0, 0));
}

#[test]
fn a_full_queue_refuses_the_one_and_keeps_the_others() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let mut writer = writer(folder.path(), 2);
    let two_more = call(|step| enqueue::enqueue(step, &[job(2), job(2)], Backlog::Bounded));
    let answers = apply(&mut writer, vec![put(job(1)), two_more, put(job(3)), put(job(3))]);
    let full = |answer: &Result<Vec<Enqueued>>| matches!(answer, Err(Error::Full { limit: 2, .. }));
    assert_eq!(answers.iter().map(full).collect::<Vec<_>>(), [false, true, false, true], "{answers:?}");
    assert_eq!((jobs_in_file(&writer), writer.books.jobs), (2, 2));
}

/// The lanes in the order of their turns.
fn rotation(writer: &Writer) -> Vec<String> {
    let mut statement = writer.connection.prepare("SELECT lane FROM lanes ORDER BY served").expect("there are lanes");
    row::all(&mut statement, (), |row| Ok(row.get(0)?)).expect("they can be read")
}

#[test]
fn lanes_take_turns_in_the_order_of_arrival_whatever_is_written_together() {
    let in_lane = |lane: &str| put(job(1).lane(lane));
    let fails = || {
        call(|step| {
            enqueue::enqueue(step, &[job(1).lane("a")], Backlog::Bounded)?;
            Err(Error::Corrupt("it breaks half way".into()))
        })
    };
    let one_by_one = {
        let folder = tempfile::TempDir::new().expect("a folder");
        let mut writer = writer(folder.path(), 100);
        for call in [fails(), in_lane("c"), in_lane("a"), in_lane("b"), in_lane("c")] {
            apply(&mut writer, vec![call]);
        }
        rotation(&writer)
    };
    assert_eq!(one_by_one, ["c", "a", "b"].map(|lane| job(1).lane(lane).job.lane.expect("it has one").into_string()));
    let folder = tempfile::TempDir::new().expect("a folder");
    let mut writer = writer(folder.path(), 100);
    apply(&mut writer, vec![fails(), in_lane("c"), in_lane("a"), in_lane("b"), in_lane("c")]);
    assert_eq!(rotation(&writer), one_by_one);
}

#[test]
fn a_failed_commit_fails_everybody() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let mut writer = writer(folder.path(), 100);
    let gone = call(|step| {
        step.connection.execute_batch("ROLLBACK")?;
        Ok(vec![])
    });
    let answers = apply(&mut writer, vec![put(job(1)), gone]);
    assert!(answers.iter().all(|answer| matches!(answer, Err(Error::Unavailable(_)))), "{answers:?}");
    assert_eq!((jobs_in_file(&writer), writer.books.jobs), (0, 0));
    let answers = apply(&mut writer, vec![put(job(1))]);
    assert!(answers[0].is_ok(), "the next group is none the worse: {answers:?}");
}

#[test]
fn a_full_disk_is_an_error_until_there_is_room() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let mut writer = writer(folder.path(), 100);
    assert!(apply(&mut writer, vec![put(job(1))])[0].is_ok());
    writer.connection.pragma_update(None, "max_page_count", 1).expect("the file may not grow");
    let large = || job(1).payload(&"x".repeat(1 << 20));
    let answers = apply(&mut writer, vec![put(large()), put(large())]);
    assert!(answers.iter().all(|answer| matches!(answer, Err(Error::Unavailable(_)))), "{answers:?}");
    writer.connection.pragma_update(None, "max_page_count", 1 << 30).expect("the file may grow");
    assert!(apply(&mut writer, vec![put(large())])[0].is_ok());
    assert_eq!((jobs_in_file(&writer), writer.books.jobs), (2, 2));
}

#[tokio::test]
async fn a_panic_in_the_writer_is_an_answer() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let clock = Arc::new(ManualClock::new(START));
    let queue = Embedded::open(&folder.path().join("queue.db"), Options::default(), clock).expect("it opens");
    queue.enqueue(vec![job(1)]).await.expect("it works");
    let answer = queue.call(1, |_| -> Result<()> { panic!("on purpose") }).await;
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    let answer = queue.enqueue(vec![job(1)]).await;
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    // A worker that waits finds out at its next claim.
    queue.wait(None).await;
    let page = PageRequest { first: 1, after: None, before: None };
    assert_eq!(queue.list(JobFilter::default(), page).await.expect("it can be read").total, 1);
    assert_eq!(queue.cursors(vec![integration(1).into()]).await.expect("it can be read"), [None]);
}

#[test]
fn a_commit_goes_to_the_disk_unless_asked_otherwise() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let writer = writer(folder.path(), 100);
    let pragma = |name| writer.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    assert_eq!(pragma("synchronous").expect("it is known"), 2);
    let mode: String =
        writer.connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).expect("it is known");
    assert_eq!(mode, "wal");
}
