//! fire: the ticks of several schedules in one script call. Ten thousand schedules may be due in the same second, and a call
//! for each would take longer than all of their ticks do.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use redis::Value;
use tokio::sync::oneshot;

use super::answer::Answer;
use super::handle::Redis;
use super::link::Arguments;
use super::{claim, enqueue, script};
use crate::queue::{Cursor, Fired, Firing, IfBusy, NewJob, ScheduleRef};
use crate::{Error, Result};

/// The most schedules of one script call,
const TOGETHER: usize = 64;
/// and the most jobs and records, so that it stays short.
const MOST: usize = 256;

/// A firing that waits for its call.
struct Waiting {
    arguments: Arguments,
    /// How many jobs and records it has.
    weight: usize,
    answer: oneshot::Sender<Result<Value>>,
}

/// The firings of a partition: those that come while a call is under way go together in the next one.
#[derive(Default)]
pub(super) struct Firings {
    waiting: Mutex<Vec<Waiting>>,
    calling: tokio::sync::Mutex<()>,
}

impl Firings {
    fn push(&self, waiting: Waiting) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(waiting);
    }

    /// The first ones, as many as go together.
    fn take(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut count, mut weight) = (0, 0);
        for next in waiting.iter().take(TOGETHER) {
            weight += next.weight;
            if count > 0 && weight > MOST {
                break;
            }
            count += 1;
        }
        waiting.drain(..count).collect()
    }
}

impl Redis {
    pub(super) async fn fire_ticks(&self, firing: &Firing) -> Result<Fired> {
        let number = self.partition_of(firing.schedule.integration);
        let (answer, mut answered) = oneshot::channel();
        let weight = firing.ticks.len() + firing.records.len() + firing.records_if_skipped.len();
        let firings = &self.partition(number)?.firings;
        firings.push(Waiting { arguments: lay_out(firing)?, weight, answer });
        let cut_off = || Error::Unavailable("Redis: fire: the call was cut off".into());
        loop {
            let calling = firings.calling.lock().await;
            match answered.try_recv() {
                Ok(answer) => return self.read_fired(answer?),
                Err(oneshot::error::TryRecvError::Closed) => return Err(cut_off()),
                Err(oneshot::error::TryRecvError::Empty) => self.fire_together(number, firings).await,
            }
            drop(calling);
        }
    }

    /// One call for all of them; each is answered. While the server is away nobody waits longer than one call does: those
    /// that came meanwhile are told the same.
    async fn fire_together(&self, partition: usize, waiting: &Firings) {
        let mut firings = waiting.take();
        let mut arguments = self.arguments();
        arguments.number(self.most_jobs());
        for firing in &firings {
            arguments.number(firing.arguments.len()).add_all(firing.arguments.iter());
        }
        let answer = self.call(&script::fire, partition, &arguments).await.and_then(Answer::new);
        let mut answers = answer.map_err(|error| match error {
            Error::Unavailable(text) => text,
            other => other.to_string(),
        });
        while answers.is_err() {
            let more = waiting.take();
            if more.is_empty() {
                break;
            }
            firings.extend(more);
        }
        for firing in firings {
            let answer = match &mut answers {
                Ok(answers) => answers.value(),
                Err(error) => Err(Error::Unavailable(error.clone())),
            };
            // Whoever asked may have gone.
            let _gone = firing.answer.send(answer);
        }
    }

    fn read_fired(&self, answer: Value) -> Result<Fired> {
        let mut answer = Answer::new(answer)?;
        match answer.text()?.as_str() {
            "queued" => Ok(Fired::Queued { revoked: claim::read_jobs(answer)? }),
            "skipped" => Ok(Fired::Skipped),
            "failed" => Err(Error::Unavailable(format!("Redis: fire: {}", answer.text()?))),
            "full" => Err(Error::Full { what: "jobs in the queue", limit: self.shared.options.max_jobs }),
            "lost" => {
                let text = answer.text()?;
                let cursor = if text.is_empty() { None } else { Some(Cursor::parse(&text)?) };
                Ok(Fired::Lost { cursor })
            }
            other => Err(Error::Corrupt(format!("a script answered {other:?}"))),
        }
    }
}

/// A firing's arguments, as fire.lua reads them.
fn lay_out(firing: &Firing) -> Result<Arguments> {
    let if_busy = match firing.if_busy {
        IfBusy::Queue => "q",
        IfBusy::Skip | IfBusy::Wait => "s",
        IfBusy::Revoke => "r",
    };
    let ScheduleRef { integration, schedule } = firing.schedule;
    let mut arguments = Arguments::default();
    arguments.add(integration.to_bytes());
    arguments.add(if firing.schedule.is_own() { Vec::new() } else { schedule.to_bytes().to_vec() });
    arguments.add(firing.from.map_or(String::new(), Cursor::to_text));
    arguments.add(firing.cursor_if_queued().to_text()).add(firing.cursor_if_skipped().to_text()).add(if_busy);
    arguments.number(firing.records.len()).number(firing.records_if_skipped.len());
    for record in firing.records.iter().chain(&firing.records_if_skipped) {
        arguments.add(record.name_bytes()).add(record.encode()?);
    }
    let ticks: Vec<&NewJob> = firing.ticks.iter().collect();
    enqueue::lay_out(&ticks, &HashMap::new(), &mut arguments)?;
    Ok(arguments)
}
