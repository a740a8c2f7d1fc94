//! The embedded engine's file in its earlier formats: it is taken over as it is.

use std::sync::Arc;

use rusqlite::Connection;
use schedules::ManualClock;
use store::conformance::{START, at, cursor_of, integration, job};
use store::embedded::{Embedded, Options};
use store::queue::{Claim, Control, Cursor, Inspect, Next, Queue, Settlement, State};
use store::{IntegrationId, JobId};

const FIRST: &str = include_str!("../../src/embedded/migrations/1.sql");
const APPLICATION_ID: i32 = 0x5447_5131;
/// A body of the first format: the payload `1` and nothing else.
const BODY: [u8; 12] = [1, 0x99, 0xa1, b'1', 0xc0, 0xc0, 0xc0, 0, 0xc0, 0xc0, 0, 0xc0];

fn put(file: &Connection, id: JobId, of: IntegrationId, state: u8, due: i64, attempt: u32) {
    file.execute(
        "INSERT INTO jobs (id, integration, state, cause, priority, due, attempt, token, lease_until, died, body)
         VALUES (?1, ?2, ?3, 'manual', 5, ?4, ?5, iif(?3 = 1, 77, NULL), iif(?3 = 1, ?4, NULL), iif(?3 = 2, ?4, NULL), ?6)",
        (&id.to_bytes()[..], &of.to_bytes()[..], state, at(due).0, attempt, &BODY[..]),
    )
    .expect("a row of the first format");
}

#[tokio::test]
async fn the_first_format_is_taken_over() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("queue.db");
    let [pending, later, running, dead, paused] = [1, 1, 1, 1, 2].map(|of| job(of).job.id);
    let file = Connection::open(&path).expect("a new file");
    file.execute_batch(FIRST).expect("the first format");
    file.pragma_update(None, "application_id", APPLICATION_ID).expect("it is marked");
    file.pragma_update(None, "user_version", 1).expect("it is marked");
    put(&file, pending, integration(1), 0, 0, 0);
    put(&file, later, integration(1), 0, 50, 2);
    put(&file, running, integration(1), 1, 0, 1);
    put(&file, dead, integration(1), 2, 0, 3);
    put(&file, paused, integration(2), 0, 0, 0);
    let rows = [(1, 0, Some(3), Some(at(9).0), Some(START.0), 41), (2, 1, None, None, None, 40)];
    for (of, paused, concurrency, cursor, head, served) in rows {
        file.execute(
            "INSERT INTO lanes (integration, paused, concurrency, cursor, head, ready, served)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)",
            (&integration(of).to_bytes()[..], paused, concurrency, cursor, head, served),
        )
        .expect("a row of the first format");
    }
    drop(file);

    let queue = Embedded::open(&path, Options::default(), Arc::new(ManualClock::new(START))).expect("it is taken over");
    assert_eq!(queue.check().await.expect("check answers"), []);
    assert_eq!(cursor_of(&queue, integration(1)).await, Some(Cursor::at(at(9))));
    let control = queue.control_of(integration(1)).await.expect("control_of answers");
    assert_eq!(control, Control { concurrency: Some(3), ..Control::default() });
    assert!(queue.control_of(integration(2)).await.expect("control_of answers").paused);
    let states = [(pending, State::Pending, false), (later, State::Pending, true), (dead, State::Dead, true)];
    for (id, state, charged) in states {
        let view = queue.get(id).await.expect("get answers").expect("it is there");
        assert_eq!((view.state, view.charged, &*view.job.payload), (state, charged, "1"));
        assert_eq!((view.job.closes, view.job.lane, view.job.awaited), (None, None, false));
    }
    let claimed = queue.claim(Claim { limit: 10, lease_ms: 1 }).await.expect("claim answers");
    assert_eq!(claimed.jobs.iter().map(|it| it.job.id).collect::<Vec<_>>(), [pending]);
    assert_eq!(claimed.next_due, Some(at(50)));
    let rescued = queue.rescue(10, 1_000).await.expect("rescue answers");
    assert_eq!((rescued[0].job.id, rescued[0].attempt), (running, 1));
    let back = Settlement { lease: rescued[0].lease, next: Next::Return { due: at(60), closes: None } };
    queue.settle(vec![back]).await.expect("settle answers");
    assert_eq!(queue.get(running).await.expect("get answers").expect("it is there").attempt, 0);
    assert_eq!(queue.check().await.expect("check answers"), []);
}
