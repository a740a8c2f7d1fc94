//! Every situation over HTTP: set up, called, explained by job and by key, and then played: what was said must happen.

use schedules::Millis;
use serde_json::{Value, json};
use store::JobId;
use store::catalog::Trigger;
use workers::explain::GateName;
use workers::simulate::{Call, Verb};
use workers::situations::{Asked, Moment, RUN_MS, START, Situation, Stage, all, simulated};

use super::{Ask, Method, StatusCode, World};

impl World {
    async fn put_limiter(&self, name: &str, body: &Value) {
        let ask = Ask::new(Method::PUT, format!("/v1/limiters/{name}")).key(&self.admin).json(body);
        let answer = self.ask(&ask).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    }

    /// Makes a call; the job that it is answered with.
    async fn make(&self, call: &Call) -> Option<JobId> {
        let mut body = call.body.clone();
        let rule = body["rule"].clone();
        let path = match call.verb {
            Verb::Execute => panic!("nobody waits here"),
            Verb::Schedule => "schedule".into(),
            Verb::Reschedule => "reschedule".into(),
            Verb::Cancel => "cancel".into(),
            Verb::Pause => "pause".into(),
            Verb::Resume => "resume".into(),
            Verb::PauseKey => format!("limits/{rule}/keys/pause"),
            Verb::ResumeKey => format!("limits/{rule}/keys/resume"),
            Verb::ResetKey => format!("limits/{rule}/keys/reset"),
        };
        body.as_object_mut().expect("an object").remove("rule");
        let answer = self.post(&format!("/v1/integrations/{}/{path}", call.integration), &body).await;
        assert!(answer.status.is_success(), "{call:?}: {} {}", answer.status, answer.text());
        if call.verb == Verb::Schedule { answer.json()["data"]["jobId"].as_str()?.parse().ok() } else { None }
    }

    /// Asks about a job, by its id and by its key; both must say the same.
    async fn explained(&self, job: JobId, call: &Call) -> Value {
        let explained = self.get(&format!("/v1/jobs/{job}/explain")).await;
        assert_eq!(explained.status, StatusCode::OK, "{}", explained.text());
        if call.body["key"].is_object() {
            let key = call.body["key"].to_string();
            let key = percent_encoding::utf8_percent_encode(&key, percent_encoding::NON_ALPHANUMERIC);
            let by_key = self.get(&format!("/v1/integrations/{}/explain?key={key}", call.integration)).await;
            assert_eq!(by_key.json(), explained.json());
        }
        explained.json()
    }
}

fn check(name: &str, explained: &Value, asked: &Asked) {
    let start = asked.start_ms.map(|start_ms| START.after(start_ms).to_rfc3339());
    let held_by = asked.gate.map(GateName::name);
    assert_eq!(explained["heldBy"], json!(held_by), "{name}: {explained:#}");
    assert_eq!(explained["earliestStart"], json!(start), "{name}: {explained:#}");
    let gates = explained["gates"].as_array().expect("gates");
    assert_eq!(gates.len(), 8, "{name}");
    let holding = gates.iter().find(|gate| gate["state"] == "holds");
    assert_eq!(holding.map(|gate| &gate["gate"]), held_by.map(|gate| json!(gate)).as_ref(), "{name}");
    for (field, value) in asked.shows.as_object().into_iter().flatten() {
        let said = &holding.expect("a gate that holds")[field];
        let (part, text) = (value.as_str().unwrap_or_default(), said.as_str().unwrap_or_default());
        assert!(said == value || (field == "message" && text.contains(part)), "{name}: {field} is {said}");
    }
}

async fn play(situation: &Situation) {
    let name = situation.name;
    let world = World::with_room(situation.room).await;
    world.clock.set(START);
    for (limiter, body) in situation.limiters.as_object().into_iter().flatten() {
        world.put_limiter(limiter, body).await;
    }
    for (integration, settings) in &situation.integrations {
        world.integration(integration, Trigger::Experience, settings.clone()).await;
    }
    let mut stage = Stage::open(world.state.services.clone(), world.clock.clone(), RUN_MS).await;
    let mut jobs = vec![None; situation.calls.len()];
    let mut promised: Vec<(JobId, Millis, Millis)> = Vec::new();
    for (at, moment) in situation.moments() {
        stage.until(at).await;
        match moment {
            Moment::Call(place) => {
                let call = &situation.calls[place];
                jobs[place] = world.make(call).await;
                stage.made(place, call, jobs[place]).await;
            }
            Moment::Ask(place) => {
                let asked = &situation.asked[place];
                let job = jobs[asked.call].expect("a job");
                check(name, &world.explained(job, &situation.calls[asked.call]).await, asked);
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
async fn each_is_explained_over_http_as_it_happens() {
    let all = all();
    assert!(all.len() >= 20, "{}", all.len());
    for situation in &all {
        play(situation).await;
    }
}
