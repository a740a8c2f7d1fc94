//! cancel, reschedule, replay: what becomes of jobs that nobody runs.

use std::collections::{HashMap, HashSet};

use futures_util::future::try_join_all;
use schedules::Millis;

use super::answer::{self, Answer};
use super::handle::Redis;
use super::{blob, claim, script};
use crate::queue::{Cancelled, Cause, Edit, Job, JobView, MAX_BATCH, Move, Selector, State};
use crate::{IntegrationId, JobId, Result};

impl Redis {
    pub(super) async fn take_out(&self, integration: IntegrationId, selector: Selector) -> Result<Cancelled> {
        let mut arguments = self.arguments();
        arguments.add(integration.to_bytes());
        let mut is_more = false;
        match selector {
            Selector::Key(key) => {
                arguments.add("k").add(key.canonical());
            }
            Selector::Job(job) => {
                arguments.add("i").add(job.to_bytes());
            }
            Selector::All => {
                arguments.add("a").number(MAX_BATCH);
            }
            Selector::Match(part) => {
                let mut found = self.matching(Some(integration), "p", &part).await?;
                found.sort();
                is_more = found.len() > MAX_BATCH;
                arguments.add("i");
                arguments.add_all(found.into_iter().take(MAX_BATCH).map(JobId::to_bytes));
            }
        }
        let partition = self.partition_of(integration);
        let mut answer = Answer::new(self.call(&script::cancel, partition, &arguments).await?)?;
        let more = answer.number()? == 1 || is_more;
        Ok(Cancelled { jobs: claim::read_jobs(answer)?, more })
    }

    pub(super) async fn move_all(&self, moves: &[Move]) -> Result<Vec<bool>> {
        let mut answers = vec![false; moves.len()];
        let mut left: Vec<usize> = (0..moves.len()).collect();
        while !left.is_empty() {
            // A job that is moved several times is moved once per round, so that the last move is the one that stays.
            let mut jobs = HashSet::new();
            let (now, later): (Vec<usize>, Vec<usize>) =
                left.into_iter().partition(|place| jobs.insert(moves[*place].job));
            let windows: Vec<JobId> =
                now.iter().map(|place| &moves[*place]).filter(|it| it.window.is_some()).map(|it| it.job).collect();
            let views: HashMap<JobId, Job> =
                self.views(&windows).await?.into_iter().map(|view| (view.job.id, view.job)).collect();
            let mut arguments = self.arguments();
            for place in &now {
                lay_out(&moves[*place], views.get(&moves[*place].job), &mut arguments)?;
            }
            let calls = (0..self.partitions()).map(|partition| self.call(&script::reschedule, partition, &arguments));
            left = Vec::new();
            for value in try_join_all(calls).await? {
                let mut answer = Answer::new(value)?;
                for place in &now {
                    match answer.number()? {
                        1 => answers[*place] = true,
                        2 => left.push(*place),
                        _ => {}
                    }
                }
            }
            left.extend(later);
        }
        Ok(answers)
    }

    pub(super) async fn start_over(&self, job: JobId, due: Millis, edit: &Edit) -> Result<bool> {
        let mut arguments = self.arguments();
        arguments.add(job.to_bytes()).number(blob::time(due)).add([blob::cause_byte(Cause::Replay)]);
        if edit.is_empty() {
            arguments.add("").add("");
        } else {
            // A dead job does not change but by being replayed or forgotten: then its body is another one, or none.
            let views = self.views(&[job]).await?;
            let Some(dead) = views.into_iter().next().filter(|view| view.state == State::Dead) else {
                return Ok(false);
            };
            arguments.add(blob::body(&dead.job)?).add(blob::body(&edit.of(dead.job))?);
        }
        Ok(self.sum(&script::replay, &arguments).await? > 0)
    }

    pub(super) async fn forget_dead(&self, jobs: &[JobId]) -> Result<u64> {
        let mut arguments = self.arguments();
        arguments.add_all(jobs.iter().map(|job| job.to_bytes()));
        Ok(u64::try_from(self.sum(&script::discard, &arguments).await?).unwrap_or(0))
    }

    /// The job that a pending key names.
    pub(super) async fn named(&self, integration: IntegrationId, key: &schedules::Key) -> Result<Vec<JobView>> {
        let tag = &self.partition(self.partition_of(integration))?.tag;
        let keys = [format!("{tag}:k:").as_bytes(), &integration.to_bytes()].concat();
        let found = self.shared.link.command(redis::cmd("HGET").arg(keys).arg(key.canonical())).await?;
        match answer::bytes(found)?.and_then(|id| <[u8; 16]>::try_from(id).ok()) {
            Some(id) => self.views(&[JobId::from_bytes(id)]).await,
            None => Ok(Vec::new()),
        }
    }
}

fn lay_out(wanted: &Move, job: Option<&Job>, arguments: &mut super::link::Arguments) -> Result<()> {
    arguments.add(wanted.job.to_bytes()).number(blob::time(wanted.due));
    arguments.add(wanted.closes.map_or(String::new(), |closes| blob::time(closes).to_string()));
    match job {
        Some(job) => {
            let moved = Job { window: wanted.window.clone(), ..job.clone() };
            arguments.add(blob::body(job)?).add(blob::body(&moved)?);
        }
        None => {
            arguments.add("").add("");
        }
    }
    Ok(())
}
