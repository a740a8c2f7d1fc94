//! One proven request of a hook: queued, and answered as its settings say.

use serde_json::Value;
use store::catalog::Outcome;
use store::{JobId, RunId};

use super::auth::Refusal;
use super::open::Open;
use super::replay::{Replay, Seen};
use super::respond::{self, Answer, Respond};
use crate::invoke::{ExecuteAnswer, HookAnswer, HookCall, Refused, hook};
use crate::{Result, Services};

/// What a proven request holds.
#[derive(Clone, Debug)]
pub struct Hook {
    /// The parsed body.
    pub payload: Value,
    /// The handler's `request`.
    pub request: Value,
    /// How it is known again, if it is signed.
    pub seen: Option<Seen>,
}

/// What the caller is told.
#[derive(Clone, Debug)]
pub enum Received {
    /// The handler's answer.
    Answered(Answer),
    /// It is queued.
    Accepted {
        /// The job.
        job: JobId,
    },
    /// It came before; nothing runs.
    Duplicate {
        /// The job of the first.
        job: JobId,
    },
    /// It came before, and is refused.
    Refused(Refusal),
    /// The run did not succeed.
    Failed {
        /// The job.
        job: JobId,
        /// The run.
        run: RunId,
        /// How it ended.
        outcome: Outcome,
    },
    /// What the handler returned cannot be sent.
    Unsendable {
        /// The job.
        job: JobId,
        /// The run.
        run: RunId,
        /// What is wrong with it.
        message: String,
    },
    /// A rate limit refused it.
    RateLimited {
        /// The job.
        job: JobId,
        /// Which, and when to come back.
        refused: Refused,
    },
    /// It runs longer than the caller may wait, and goes on.
    Waiting {
        /// The job.
        job: JobId,
    },
    /// Its integration is paused, and the caller would wait in vain.
    Paused,
}

/// Queues a proven request and, unless the settings say `accepted`, waits for its end.
pub async fn receive(services: &Services, open: &Open, request: Hook) -> Result<Received> {
    let http = &open.http;
    let waits = http.respond != Respond::Accepted;
    if open.entry.paused && waits {
        return Ok(Received::Paused);
    }
    let key = http.key.of(&request.payload, &request.request)?;
    let replay = request.seen.as_ref().map(|seen| seen.replay);
    let call = HookCall {
        entry: open.entry.clone(),
        major: open.major,
        payload: request.payload,
        request: request.request,
        key,
        seen: request.seen,
        waits,
    };
    Ok(match hook(services, call).await? {
        HookAnswer::Repeated { job } if replay == Some(Replay::Ignore) => Received::Duplicate { job },
        HookAnswer::Repeated { .. } => Received::Refused(Refusal::Replayed),
        HookAnswer::Accepted { job } => Received::Accepted { job },
        HookAnswer::Ended(answer) => ended(answer, http.respond),
    })
}

fn ended(answer: ExecuteAnswer, respond: Respond) -> Received {
    match answer {
        ExecuteAnswer::Finished { outcome: Outcome::Succeeded, result, job, run, .. } => {
            match respond::answer(&result, respond) {
                Ok(answer) => Received::Answered(answer),
                Err(message) => Received::Unsendable { job, run, message },
            }
        }
        ExecuteAnswer::Finished { job, run, outcome, .. } => Received::Failed { job, run, outcome },
        ExecuteAnswer::RateLimited { job, refused, .. } => Received::RateLimited { job, refused },
        ExecuteAnswer::Waiting { job } => Received::Waiting { job },
        ExecuteAnswer::Accepted { job } => Received::Accepted { job },
    }
}
