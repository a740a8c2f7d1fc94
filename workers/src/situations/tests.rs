//! Every situation on a server without HTTP: explained, simulated, and played.

use store::JobId;

use super::*;
use crate::explain::{Explanation, Found, by_job};
use crate::limits;
use crate::world::World;

async fn explain(world: &World, job: JobId) -> Explanation {
    match by_job(&world.services, job).await.expect("it is explained") {
        Found::Queued(_, explanation) => explanation,
        Found::Ended(run) => panic!("it has ended: {run:?}"),
    }
}

async fn play(situation: &Situation) {
    let name = situation.name;
    let world = World::with_room(situation.room).await;
    for (limiter, body) in situation.limiters.as_object().into_iter().flatten() {
        limits::put(&world.services, limiter, body.clone()).await.expect("made");
    }
    for (integration, settings) in &situation.integrations {
        world.released(integration, Trigger::Experience, settings).await;
    }
    let mut stage = Stage::open(world.services.clone(), world.clock.clone(), RUN_MS).await;
    let mut jobs = vec![None; situation.calls.len()];
    let mut promised = Vec::new();
    for (at, moment) in situation.moments() {
        stage.until(at).await;
        match moment {
            Moment::Call(place) => jobs[place] = stage.make(place, &situation.calls[place]).await,
            Moment::Ask(place) => {
                let asked = &situation.asked[place];
                let job = jobs[asked.call].expect("a job");
                let explained = explain(&world, job).await;
                assert_eq!(explained.held_by, asked.gate, "{name}: {explained:#?}");
                assert_eq!(
                    explained.earliest_start.map(|at| at.since(START)),
                    asked.start_ms,
                    "{name}: {explained:#?}"
                );
                assert_eq!(explained.gates.len(), 8, "{name}");
                promised.extend(asked.start_ms.map(|start_ms| (job, at, START.after(start_ms))));
            }
        }
    }
    stage.until(situation.end()).await;
    for (job, at, start) in promised {
        let next = stage.starts_of(job).into_iter().find(|start| *start >= at);
        assert_eq!(next, Some(start), "{name}: it starts when it was said");
    }
    let plan = situation.plan(|name| stage.id_of(name)).expect("a plan");
    assert_eq!(simulated(&plan).expect("simulated"), stage.starts(), "{name}: simulated, and real");
}

#[tokio::test]
async fn each_is_explained_and_simulated_as_it_happens() {
    let all = all();
    assert!(all.len() >= 20, "{}", all.len());
    for situation in &all {
        play(situation).await;
    }
}
