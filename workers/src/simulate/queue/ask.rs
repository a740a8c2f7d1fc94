//! What the rate limits say of a job.

use std::sync::Arc;

use schedules::Millis;
use schedules::rate::{Bucket, Hold, OnExceed, OnMissing, State, Verdict, decide, is_shared};
use store::queue::{Adjustment, Job};

use super::buckets::{Buckets, Place};
use super::{Number, Queue};

/// What they say.
pub(super) enum Said {
    /// It may start, and is charged to these buckets.
    Start(Vec<(Place, State)>),
    /// It waits in line.
    Wait(Waits),
    /// This one refuses it.
    Refuse(usize),
}

/// Where a job waits in line.
pub(super) struct Waits {
    /// The limit's place in the settings.
    pub limit: usize,
    pub place: Place,
    pub until: Millis,
    pub hold: Hold,
}

impl Queue {
    /// Asks them about a pending job.
    pub(super) fn ask(&self, now: Millis, number: Number, shared: &Buckets) -> Said {
        let Some(pending) = self.pending.get(&number) else { return Said::Start(Vec::new()) };
        if pending.charged {
            return self.ask_about_hold(now, &pending.job, shared);
        }
        let (mut places, mut buckets) = (Vec::new(), Vec::new());
        for (limit, rule) in self.control.limits.iter().enumerate() {
            let Some(place) = self.place(limit, &pending.job) else {
                if rule.on_missing == OnMissing::Reject {
                    return Said::Refuse(limit);
                }
                continue;
            };
            buckets.push((self.bucket(&place, limit, pending.job.weight, shared), rule.on_exceed));
            places.push((limit, place));
        }
        let verdict = decide(now, &buckets);
        let full = match &verdict {
            Verdict::Refuse { place, .. } => return Said::Refuse(places[*place].0),
            Verdict::Wait { place, until } => Some((*until, *place)),
            Verdict::Start { .. } => None,
        };
        // One that was let through a gate may pass the lines at others; all others queue up.
        let line = if pending.through.is_some() { None } else { self.longest_line(&places) };
        match (full.into_iter().chain(line).max_by_key(|(until, _)| *until), verdict) {
            (Some((until, at)), _) => {
                let (limit, place) = places.swap_remove(at);
                Said::Wait(Waits { limit, hold: buckets[at].0.hold, place, until })
            }
            (None, Verdict::Start { states }) => {
                Said::Start(places.into_iter().map(|(_, place)| place).zip(states).collect())
            }
            (None, _) => Said::Start(Vec::new()),
        }
    }

    /// About one that was charged before: only a bucket that is shut stops it.
    fn ask_about_hold(&self, now: Millis, job: &Job, shared: &Buckets) -> Said {
        let places = (0..self.control.limits.len()).filter_map(|limit| Some((limit, self.place(limit, job)?)));
        let holds = places.map(|(limit, place)| (limit, self.of(&place, shared).hold(&place), place));
        let shut = holds.filter(|(_, hold, _)| hold.ends() > now).max_by_key(|(_, hold, _)| hold.ends());
        shut.map_or_else(
            || Said::Start(Vec::new()),
            |(limit, hold, place)| Said::Wait(Waits { limit, place, until: hold.ends(), hold }),
        )
    }

    /// Of the buckets at which jobs wait in line, the one that opens last.
    fn longest_line(&self, places: &[(usize, Place)]) -> Option<(Millis, usize)> {
        let delays = |limit: usize| self.control.limits[limit].on_exceed == OnExceed::Delay;
        let lines = places.iter().enumerate().filter(|(_, (limit, _))| delays(*limit));
        lines.filter_map(|(at, (_, place))| Some((self.gates.get(place)?.at, at))).max()
    }

    /// The bucket of a limit that a job is counted in; `None` if its key lacks a field.
    fn place(&self, limit: usize, job: &Job) -> Option<Place> {
        let subject = self.control.limits.get(limit)?.subject(job.key.as_ref())?;
        Some((self.names[limit].clone(), Arc::from(subject)))
    }

    /// The limit that counts a job in this bucket: limits by different fields may give their buckets the same name.
    pub(super) fn limit_of(&self, place: &Place, job: &Job) -> Option<usize> {
        (0..self.control.limits.len()).find(|limit| self.place(*limit, job).as_ref() == Some(place))
    }

    /// A bucket, as a job that weighs so much finds it.
    pub(super) fn bucket(&self, place: &Place, limit: usize, weight: u32, shared: &Buckets) -> Bucket {
        self.of(place, shared).bucket(place, &self.control.limits[limit], weight)
    }

    fn of<'a>(&'a self, place: &Place, shared: &'a Buckets) -> &'a Buckets {
        if is_shared(&place.0) { shared } else { &self.own }
    }

    /// The job is charged.
    pub(super) fn charge(&mut self, states: Vec<(Place, State)>, shared: &mut Buckets) {
        for (place, state) in states {
            if is_shared(&place.0) { &mut *shared } else { &mut self.own }.charge(place, state);
        }
    }

    /// Shuts, opens or empties the bucket of one key. It is given if it is a limiter's, and so others' as well.
    pub fn adjust(
        &mut self,
        limit: usize,
        subject: &str,
        adjustment: Adjustment,
        shared: &mut Buckets,
    ) -> Option<Place> {
        let place: Place = (self.names[limit].clone(), subject.into());
        let is_shared = is_shared(&place.0);
        if is_shared { shared } else { &mut self.own }.adjust(place.clone(), adjustment);
        self.look_again(&place);
        is_shared.then_some(place)
    }

    /// Shuts the buckets that a job counts for, as far as their limits opted in.
    pub(super) fn hold(&mut self, job: &Job, until: Millis, shared: &mut Buckets) {
        for limit in 0..self.control.limits.len() {
            let place = self.place(limit, job).filter(|_| self.control.limits[limit].back_pressure);
            if let Some((_, subject)) = place {
                self.adjust(limit, &subject, Adjustment::Hold { until }, shared);
            }
        }
    }
}
