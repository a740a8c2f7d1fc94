//! The jobs, set by set in the order of the sets' names, and in each by rank.

use std::sync::{Arc, PoisonError};

use schedules::Millis;

use super::super::answer::Answer;
use super::super::handle::Redis;
use super::super::questions::Set;
use super::super::{blob, lease, script};
use super::Found;
use crate::queue::{Mark, Record, State, Stored};
use crate::{Error, Result};

/// The most sets of one script call: each of many lanes has one of its own.
const SETS: usize = 500;
/// How many bytes of a member are before the id, in the set of leases and in those of dead jobs.
const LEASES_SKIP: i64 = 0;
const DEAD_SKIP: i64 = 5;

/// The sets of a partition, in order; kept from part to part, since a queue that moves stands still.
pub(in crate::redis) struct Route {
    partition: usize,
    sets: Vec<Set>,
}

/// A part of a set: which, how many members to skip, how many to take.
struct Leg<'a> {
    set: &'a Set,
    skip: u64,
    count: u64,
}

impl Redis {
    pub(super) async fn jobs(&self, partition: usize, place: &str, limit: usize) -> Result<Found> {
        let route = self.route(partition, place.is_empty()).await?;
        let legs = route.legs(place, limit)?;
        if legs.is_empty() {
            return Ok((Vec::new(), None));
        }
        let mut arguments = self.arguments();
        arguments.add("j");
        for leg in &legs {
            arguments.add(leg.set.name.clone()).number(leg.set.skip).number(leg.skip).number(leg.count);
        }
        let mut answer = Answer::new(self.call(&script::export, partition, &arguments).await?)?;
        let (now, looked_at) = (answer.time()?, answer.count()?);
        let mut records = Vec::new();
        while !answer.is_empty() {
            records.push(Record::Job(Box::new(self.stored(&mut answer, now).await?)));
        }
        let mut left = looked_at;
        for leg in &legs {
            if left < leg.count {
                return Ok((records, Some(leg.set.place(leg.skip + left))));
            }
            left -= leg.count;
        }
        let last = legs.last().map(|leg| leg.set.place(leg.skip + leg.count));
        Ok((records, last.filter(|place| route.legs(place, 1).is_ok_and(|legs| !legs.is_empty()))))
    }

    /// The sets of a partition: as they were at the beginning of this export, if it is known.
    async fn route(&self, partition: usize, begin: bool) -> Result<Arc<Route>> {
        let kept = || self.shared.route.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept().clone().filter(|route| !begin && route.partition == partition);
        if let Some(route) = known {
            return Ok(route);
        }
        let mut sets = self.sets(partition, None, "prd").await?;
        sets.sort_by(|a, b| a.name.cmp(&b.name));
        let route = Arc::new(Route { partition, sets });
        *kept() = Some(Arc::clone(&route));
        Ok(route)
    }

    async fn stored(&self, answer: &mut Answer, now: Millis) -> Result<Stored> {
        let (id, skip, blob) = (answer.job_id()?, answer.number()?, answer.bytes()?);
        if blob.is_empty() {
            return Err(Error::Corrupt(format!("job {id} is listed but not there: `tidegate store check` says more")));
        }
        let (job, header) = blob::decode(id, &blob)?;
        let (score, flags, error, is_taken) = (answer.time()?, answer.number()?, answer.text()?, answer.number()? == 1);
        let state = match skip {
            LEASES_SKIP => State::Running,
            DEAD_SKIP => State::Dead,
            _ => State::Pending,
        };
        let is_overdue = state == State::Running;
        if is_overdue && score > now {
            return Err(self.busy(now).await?);
        }
        let counted = is_overdue && flags & i64::from(lease::UNCOUNTED) == 0;
        Ok(Stored {
            arrival: header.arrival,
            attempts: header.attempts + u32::from(counted),
            lost: header.lost + u32::from(is_overdue),
            charged: header.charged || counted,
            keyed: header.keyed,
            detached: match state {
                State::Pending => header.keyed && header.detached,
                State::Running => is_taken,
                State::Dead => false,
            },
            died: Some(score).filter(|_| state == State::Dead),
            error: Some(error).filter(|error| !error.is_empty()).map(Into::into),
            job,
        })
    }

    async fn busy(&self, now: Millis) -> Result<Error> {
        let survey = self.count_all().await?;
        let left_ms = survey.leases_end.map_or(0, |end| end.since(now).max(0)).unsigned_abs();
        Ok(Error::Busy { jobs: survey.running, left_ms })
    }
}

impl Route {
    /// About `limit` members from a place on.
    fn legs(&self, place: &str, limit: usize) -> Result<Vec<Leg<'_>>> {
        let (name, mut skip) = if place.is_empty() { (Vec::new(), 0) } else { Set::at(place)? };
        let (mut legs, mut left) = (Vec::new(), limit as u64);
        let first = self.sets.partition_point(|set| set.name < name);
        for set in &self.sets[first..] {
            let from = if set.name == name { std::mem::take(&mut skip) } else { 0 };
            let count = set.count.saturating_sub(from).min(left);
            if count > 0 {
                legs.push(Leg { set, skip: from, count });
                left -= count;
            }
            if left == 0 || legs.len() == SETS {
                break;
            }
        }
        Ok(legs)
    }
}

impl Set {
    /// A place in it, as text.
    fn place(&self, rank: u64) -> String {
        let name: String = self.name.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{name} {rank}")
    }

    /// What [`Self::place`] was made of: name and rank.
    fn at(place: &str) -> Result<(Vec<u8>, u64)> {
        let read = || {
            let (name, rank) = place.split_once(' ')?;
            let (pairs, []) = name.as_bytes().as_chunks::<2>() else { return None };
            let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
            Some((pairs.iter().map(byte).collect::<Option<_>>()?, rank.parse().ok()?))
        };
        read().ok_or_else(|| Mark::unreadable(place))
    }
}
