//! The model sees what an engine must not do.

use std::collections::HashMap;

use serde_json::json;
use store::conformance::{Sample, at, job};
use store::queue::{Enqueued, IfExists, NewJob};

use super::model::{Log, Model, Span, Start};

fn span(begin: u64) -> Span {
    Span { begin, end: begin + 1 }
}

fn start(begin: u64, payload: u64) -> Start {
    Start { span: span(begin), payload, due: at(0), now: at(0), settled: Some((span(begin + 2), false)) }
}

fn new(mode: IfExists) -> NewJob {
    job(1).key(json!({ "k": 1 })).if_exists(mode)
}

/// Whether a model that has seen these calls objects to these starts of the first job.
fn check(calls: impl Fn(&mut Model, &NewJob), starts: &[Start], objects: bool) {
    let (mut model, first) = (Model::default(), new(IfExists::Replace));
    model.enqueued(&first, 1, &Enqueued::Created, span(0));
    calls(&mut model, &first);
    let log: Log = HashMap::from([(first.job.id, starts.to_vec())]);
    let found = model.divergences(&log);
    assert_eq!(!found.is_empty(), objects, "{found:?} of {starts:?}");
}

#[test]
fn a_job_starts_once_with_its_payload_when_it_is_due() {
    let nothing = |_: &mut Model, _: &NewJob| {};
    check(nothing, &[start(10, 1)], false);
    check(nothing, &[], true);
    check(nothing, &[start(10, 2)], true);
    check(nothing, &[Start { due: at(5), ..start(10, 1) }], true);
    check(nothing, &[Start { settled: None, ..start(10, 1) }], true);
    let retried = Start { settled: Some((span(12), true)), ..start(10, 1) };
    check(nothing, &[retried.clone(), start(20, 1)], false);
    check(nothing, &[retried], true);
}

#[test]
fn nothing_starts_after_its_cancellation_was_acknowledged() {
    let cancel = |model: &mut Model, first: &NewJob| model.cancelled(&[first.job.id], true, span(10));
    check(cancel, &[], false);
    check(cancel, &[start(20, 1)], true);
    check(cancel, &[start(5, 1)], true);
    let retried = Start { settled: Some((span(7), true)), ..start(5, 1) };
    check(cancel, &[retried], false);
}

#[test]
fn a_job_that_waits_is_seen_and_one_that_left_is_not() {
    let nobody = |model: &mut Model, _: &NewJob| model.cancelled(&[], true, span(10));
    check(nobody, &[start(20, 1)], true);
    check(nobody, &[start(5, 1)], false);
    let kept = |model: &mut Model, first: &NewJob| {
        let answer = Enqueued::Kept { existing: first.job.id, due: first.job.due };
        model.enqueued(&new(IfExists::Keep), 2, &answer, span(10));
    };
    check(kept, &[start(20, 1)], false);
    check(kept, &[start(5, 1)], true);
    let singleton = |model: &mut Model, first: &NewJob| {
        let answer = Enqueued::Kept { existing: first.job.id, due: first.job.due };
        model.enqueued(&new(IfExists::Singleton), 2, &answer, span(10));
    };
    let running = Start { settled: Some((span(15), false)), ..start(5, 1) };
    check(singleton, &[running], false);
    check(singleton, &[start(5, 1)], true);
}
