//! Situations in which a job does not start at once: what is set up, who calls, and what `explain` must say of it.
//!
//! Tests play them on a [`Stage`], through functions or over HTTP: each job that is asked about must be told the right gate
//! and the right time, must start exactly then, and `simulate` must have foretold every start. A library, so that the tests
//! of the edge can play them too.

mod all;
mod stage;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use schedules::Millis;
use serde_json::{Value, json};
use store::IntegrationId;
use store::catalog::Trigger;

use crate::explain::GateName;
use crate::limits::Limiters;
use crate::settings::Settings;
use crate::simulate::{Call, Name, Plan, Row, Subject, What, simulate};
pub use all::all;
pub use stage::Stage;

/// When a situation begins: 2027-01-15T08:00:00Z, a Friday.
pub const START: Millis = Millis(1_800_000_000_000);
/// How long runs take of which nobody says it.
pub const RUN_MS: u64 = 100;

/// A situation.
#[derive(Clone, Debug)]
pub struct Situation {
    /// What it is.
    pub name: &'static str,
    /// The limiters, each as `PUT /v1/limiters/{name}` takes it.
    pub limiters: Value,
    /// The integrations and their settings, in the order in which they are made.
    pub integrations: Vec<(&'static str, Value)>,
    /// How many runs there may be at once.
    pub room: usize,
    /// The calls, in the order of their times.
    pub calls: Vec<Call>,
    /// What is asked, in the order of time.
    pub asked: Vec<Asked>,
    /// How long it is played, in milliseconds.
    pub lasts_ms: i64,
}

/// A question about a job, and the right answer.
#[derive(Clone, Debug)]
pub struct Asked {
    /// When, in milliseconds after [`START`]: after the calls of that instant, before workers look.
    pub at_ms: i64,
    /// About the job of which call.
    pub call: usize,
    /// The gate that holds it.
    pub gate: Option<GateName>,
    /// When it starts, in milliseconds after [`START`]; `None`: nobody knows.
    pub start_ms: Option<i64>,
    /// What the gate says beside, as the API has it: each field equal, of `message` a part.
    pub shows: Value,
}

/// What comes next in a situation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// The call with this place.
    Call(usize),
    /// The question with this place.
    Ask(usize),
}

/// An attempt that starts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Start {
    /// When.
    pub at: Millis,
    /// The integration.
    pub integration: String,
    /// The job, as a simulation calls it.
    pub name: Name,
    /// Which attempt, from 1.
    pub attempt: u32,
}

impl Situation {
    /// What comes, in order, with the time.
    pub fn moments(&self) -> Vec<(Millis, Moment)> {
        let calls = self.calls.iter().enumerate().map(|(place, call)| (call.at, Moment::Call(place)));
        let asked = self.asked.iter().enumerate();
        let asked = asked.map(|(place, asked)| (START.after(asked.at_ms), Moment::Ask(place)));
        let mut moments: Vec<_> = calls.chain(asked).collect();
        moments.sort();
        moments
    }

    /// When it is over.
    pub fn end(&self) -> Millis {
        START.after(self.lasts_ms)
    }

    /// The same for `simulate`. Errors: settings or limiters that cannot be read.
    pub fn plan(&self, id: impl Fn(&str) -> Option<IntegrationId>) -> crate::Result<Plan> {
        let subject = |(name, settings): &(&str, Value)| {
            let settings = Settings::parse(settings)?;
            Ok(Subject { name: (*name).to_owned(), id: id(name), trigger: Trigger::Experience, settings })
        };
        Ok(Plan {
            subjects: self.integrations.iter().map(subject).collect::<crate::Result<_>>()?,
            calls: self.calls.clone(),
            from: START,
            to: self.end(),
            run_ms: RUN_MS,
            limiters: Limiters::parse(self.limiters.clone())?,
            room: Some(self.room),
        })
    }
}

/// The starts that a simulation foretells. Errors: a call that the API would refuse.
pub fn simulated(plan: &Plan) -> crate::Result<BTreeSet<Start>> {
    let mut starts = BTreeSet::new();
    simulate(plan, &mut |Row { at, subject, job, what }| {
        if let What::Started { attempt, .. } = what {
            starts.insert(Start { at, integration: plan.subjects[subject].name.clone(), name: job, attempt });
        }
    })?;
    Ok(starts)
}

/// A call as a file for `simulate` has it.
fn line(at_ms: i64, integration: &str, verb: &str, body: Value) -> Value {
    json!({ "at": START.after(at_ms).0, "integration": integration, "call": verb, "body": body })
}
