//! claim: lease jobs that are due. Partitions take turns as integrations do: the one goes first in which somebody is
//! ready longest.

use futures_util::future::try_join_all;
use schedules::Millis;

use super::answer::Answer;
use super::handle::{Outlook, Redis};
use super::{blob, lease, script};
use crate::queue::{Claim, Claimed, Grant, Leased, Refusal};
use crate::{JobId, Result};

/// The most jobs of one script call, so that it stays short.
const BATCH: usize = 128;

impl Redis {
    pub(super) async fn take(&self, claim: Claim) -> Result<Claimed> {
        let before = self.shared.wake.changes();
        let mut jobs = Vec::with_capacity(claim.limit);
        if self.partitions() == 1 {
            while jobs.len() < claim.limit {
                let count = (claim.limit - jobs.len()).min(BATCH);
                let taken = self.take_from(0, count, claim.lease_ms).await?;
                let is_over = taken.len() < count && !self.has_work(0);
                jobs.extend(taken);
                if is_over {
                    break;
                }
            }
        } else {
            self.take_from_all(claim, &mut jobs).await?;
        }
        let next_due = (0..self.partitions()).filter_map(|number| self.outlook(number)?.next_due).min();
        let is_left = next_due.zip(self.about_now()).is_some_and(|(due, now)| due <= now);
        // Work is left: whoever waits now is not to wait.
        self.saw(if is_left { before.wrapping_sub(1) } else { before });
        Ok(Claimed { jobs, next_due })
    }

    /// Shares the claim among the partitions with work; what is left goes to whoever has more.
    async fn take_from_all(&self, claim: Claim, jobs: &mut Vec<Leased>) -> Result<()> {
        let mut order: Vec<usize> = (0..self.partitions()).collect();
        order.sort_by(|a, b| self.turn(*a).total_cmp(&self.turn(*b)));
        let busy = order.iter().filter(|number| self.has_work(**number)).count().max(1);
        let share = claim.limit.div_ceil(busy).min(BATCH);
        let (mut left, mut shares) = (claim.limit, Vec::new());
        for number in order.iter().copied().filter(|number| self.has_work(*number)) {
            let count = share.min(left);
            left -= count;
            shares.push(self.take_from(number, count, claim.lease_ms));
        }
        jobs.extend(try_join_all(shares).await?.into_iter().flatten());
        let mut idle: Vec<usize> = order.iter().copied().filter(|number| !self.has_work(*number)).collect();
        while jobs.len() < claim.limit {
            order.sort_by(|a, b| self.turn(*a).total_cmp(&self.turn(*b)));
            let next = order.iter().copied().find(|number| self.has_work(*number));
            let Some(number) = next.or_else(|| idle.pop()) else { break };
            idle.retain(|other| *other != number);
            jobs.extend(self.take_from(number, (claim.limit - jobs.len()).min(BATCH), claim.lease_ms).await?);
        }
        Ok(())
    }

    fn outlook(&self, number: usize) -> Option<Outlook> {
        self.partition(number).ok().and_then(super::handle::Partition::outlook)
    }

    /// Whether somebody was ready in a partition when it was asked last.
    fn has_work(&self, number: usize) -> bool {
        self.outlook(number).is_some_and(|outlook| outlook.turn.is_some())
    }

    fn turn(&self, number: usize) -> f64 {
        self.outlook(number).and_then(|outlook| outlook.turn).unwrap_or(f64::INFINITY)
    }

    async fn take_from(&self, partition: usize, count: usize, lease_ms: u32) -> Result<Vec<Leased>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let mut arguments = self.arguments();
        let token = lease::token(u8::try_from(partition).unwrap_or(u8::MAX));
        arguments.number(count).number(lease_ms).add(token);
        let mut answer = Answer::new(self.call(&script::claim, partition, &arguments).await?)?;
        self.told_time(answer.time()?);
        let (next_due, turn) = (answer.number()?, answer.float()?);
        let turn = Some(turn).filter(|turn| *turn >= 0.0);
        let next_due = Some(Millis(next_due)).filter(|due| due.0 >= 0);
        self.partition(partition)?.set_outlook(Outlook { next_due, turn });
        let mut jobs = read(answer.list()?)?;
        grants(answer.list()?, &mut jobs)?;
        Ok(jobs)
    }
}

/// Reads a list of lease and blob for each job.
pub(super) fn read(mut answer: Answer) -> Result<Vec<Leased>> {
    let mut jobs = Vec::with_capacity(answer.len() / 2);
    while !answer.is_empty() {
        let lease = lease::decode(&answer.bytes()?)?;
        let (job, header) = blob::decode(lease.job, &answer.bytes()?)?;
        let counted = u32::from(lease::flags(&lease) & lease::UNCOUNTED == 0);
        let attempt = header.attempts + counted;
        jobs.push(Leased { job, lease, attempt, lost: header.lost, grant: Grant::Start });
    }
    Ok(jobs)
}

/// Reads why some of them may not run.
fn grants(mut answer: Answer, jobs: &mut [Leased]) -> Result<()> {
    while !answer.is_empty() {
        let (place, limit, wait_ms) = (answer.count()?, answer.number()?, answer.number()?);
        let grant = match usize::try_from(limit) {
            Ok(limit) => Grant::Refused(Refusal { limit, retry_after_ms: u64::try_from(wait_ms).ok() }),
            Err(_) => Grant::Closed,
        };
        if let Some(leased) = usize::try_from(place).ok().and_then(|place| jobs.get_mut(place)) {
            leased.grant = grant;
        }
    }
    Ok(())
}

/// Reads a list of id and blob for each job.
pub(super) fn read_jobs(mut answer: Answer) -> Result<Vec<crate::queue::Job>> {
    let mut jobs = Vec::with_capacity(answer.len() / 2);
    while !answer.is_empty() {
        let id: JobId = answer.job_id()?;
        jobs.push(blob::decode(id, &answer.bytes()?)?.0);
    }
    Ok(jobs)
}
