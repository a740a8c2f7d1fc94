//! claim: lease jobs that are due. Partitions take turns as integrations do: the one goes first in which somebody is
//! ready longest.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use schedules::{Millis, Stopwatch};

use super::answer::Answer;
use super::fetch::Want;
use super::handle::{LONGEST_WAIT, Outlook, Partition, Redis};
use super::{blob, fetch, lease, script};
use crate::queue::{Claim, Claimed, Grant, Leased, Refusal};
use crate::{JobId, Result};

/// The most jobs of one script call, so that it stays short.
const BATCH: usize = 128;
/// How often one claim fetches units of limiters: what is in line behind may need some too.
const FETCHES: usize = 3;

impl Redis {
    pub(super) async fn take(&self, claim: Claim) -> Result<Claimed> {
        let before = self.shared.wake.changes();
        let mut jobs = Vec::with_capacity(claim.limit);
        if self.partitions() == 1 {
            loop {
                let count = (claim.limit - jobs.len()).min(BATCH);
                match self.take_from(0, count, claim.lease_ms).await {
                    Ok(taken) => jobs.extend(taken),
                    // What was taken before is ours, and is to run.
                    Err(error) if jobs.is_empty() => return Err(error),
                    Err(_) => break,
                }
                if jobs.len() == claim.limit || !self.has_work(0) {
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

    /// Shares the claim among the partitions with work, in the order of their turns. Those that nothing was heard of for
    /// a while are asked first, and all others before the claim comes back with less than it wanted. A partition that
    /// does not answer (its slot is being moved, its node is gone) keeps nobody from the others' jobs.
    async fn take_from_all(&self, claim: Claim, jobs: &mut Vec<Leased>) -> Result<()> {
        let mut unasked: BTreeSet<usize> = (0..self.partitions()).collect();
        let mut ask: Vec<usize> = unasked.iter().copied().filter(|number| !self.is_known(*number)).collect();
        let mut failed = None;
        loop {
            unasked.retain(|number| !ask.contains(number));
            let peeks = ask.drain(..).map(|number| self.take_from(number, 0, claim.lease_ms));
            failed = failed.or(join_all(peeks).await.into_iter().find_map(std::result::Result::err));
            if jobs.len() == claim.limit {
                break;
            }
            let mut busy: Vec<(usize, f64)> =
                (0..self.partitions()).filter_map(|number| Some((number, self.outlook(number)?.turn?))).collect();
            busy.sort_by(|a, b| a.1.total_cmp(&b.1));
            if busy.is_empty() {
                if unasked.is_empty() {
                    break;
                }
                ask.extend(&unasked);
                continue;
            }
            let mut left = claim.limit - jobs.len();
            let share = left.div_ceil(busy.len()).min(BATCH);
            let mut shares = Vec::new();
            for (number, _) in busy {
                let count = share.min(left);
                left -= count;
                if count > 0 {
                    unasked.remove(&number);
                    shares.push(self.take_from(number, count, claim.lease_ms));
                }
            }
            for taken in join_all(shares).await {
                match taken {
                    Ok(taken) => jobs.extend(taken),
                    Err(error) => failed = Some(error),
                }
            }
        }
        match failed {
            Some(error) if jobs.is_empty() => Err(error),
            _ => Ok(()),
        }
    }

    fn outlook(&self, number: usize) -> Option<Outlook> {
        self.partition(number).ok().and_then(Partition::outlook)
    }

    /// Whether somebody was ready in a partition when it was asked last.
    fn has_work(&self, number: usize) -> bool {
        self.outlook(number).is_some_and(|outlook| outlook.turn.is_some())
    }

    /// Whether what a partition said last still holds, as far as one can know.
    fn is_known(&self, number: usize) -> bool {
        self.outlook(number).is_some_and(|outlook| {
            let is_due = outlook.next_due.zip(self.about_now()).is_some_and(|(due, now)| due <= now);
            let is_heard = self.shared.wake.changes_in(number) == outlook.seen;
            outlook.turn.is_some() || (!is_due && is_heard && outlook.asked.elapsed() < LONGEST_WAIT)
        })
    }

    /// Claims from one partition; fetches the units of limiters that its jobs need, and claims again.
    async fn take_from(&self, partition: usize, count: usize, lease_ms: u32) -> Result<Vec<Leased>> {
        let (mut jobs, mut wants, mut now) = self.ask_for(partition, count, lease_ms).await?;
        for _ in 0..FETCHES {
            if wants.is_empty() {
                break;
            }
            self.fetch(partition, now, wants).await;
            match self.ask_for(partition, count - jobs.len(), lease_ms).await {
                Ok((more, still, later)) => {
                    jobs.extend(more);
                    (wants, now) = (still, later);
                }
                // What was taken before is ours, and is to run.
                Err(error) if jobs.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(jobs)
    }

    /// One call: the jobs, what is wanted of limiters, and the time of the partition's clock.
    async fn ask_for(&self, partition: usize, count: usize, lease_ms: u32) -> Result<(Vec<Leased>, Vec<Want>, Millis)> {
        let (seen, asked) = (self.shared.wake.changes_in(partition), Stopwatch::start());
        let mut arguments = self.arguments();
        let token = lease::token(u8::try_from(partition).unwrap_or(u8::MAX));
        arguments.number(count).number(lease_ms).add(token);
        let answer = self.call_soon(&script::claim, partition, &arguments).await;
        if answer.is_err() {
            // Nothing is known of it until it is asked again.
            self.partition(partition)?.forget_outlook();
        }
        let mut answer = Answer::new(answer?)?;
        let now = answer.time()?;
        self.told_time(now);
        let (next_due, turn) = (answer.number()?, answer.float()?);
        let turn = Some(turn).filter(|turn| *turn >= 0.0);
        let next_due = Some(Millis(next_due)).filter(|due| due.0 >= 0);
        self.partition(partition)?.set_outlook(Outlook { next_due, turn, seen, asked });
        let mut jobs = read(answer.list()?)?;
        grants(answer.list()?, &mut jobs)?;
        Ok((jobs, fetch::read(answer.list()?)?, now))
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
