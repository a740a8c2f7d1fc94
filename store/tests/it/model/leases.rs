//! The model's claims and leases: the choices an engine has, checked and followed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use schedules::Millis;
use schedules::rate::NEVER;
use store::queue::{Claimed, Grant, Lease, Leased, State};
use store::{IntegrationId, JobId};

use super::{Entry, Model};

/// A lane of an integration.
type Lane = (IntegrationId, Option<Box<str>>);

impl Model {
    fn running(&self, is_one: impl Fn(&Entry) -> bool) -> u32 {
        self.jobs.iter().filter(|it| it.view.state == State::Running && is_one(it)).count() as u32
    }

    /// Whether a job's integration or lane is held.
    pub fn is_held(&self, it: &Entry) -> bool {
        let (integration, lane) = it.lane();
        let control = self.controls.get(&integration).cloned().unwrap_or_default();
        let ours = |other: &Entry| other.view.job.integration == integration;
        control.paused
            || control.concurrency.is_some_and(|limit| self.running(ours) >= limit)
            || lane.is_some()
                && control
                    .lane_concurrency
                    .is_some_and(|limit| self.running(|other| ours(other) && other.view.job.lane == lane) >= limit)
            || it.view.attempt == 0 && !self.retrying(&(integration, lane)).is_empty()
    }

    /// Of a lane that keeps its order: the jobs that wait for a retry, in their order.
    fn retrying(&self, lane: &Lane) -> Vec<&Entry> {
        if lane.1.is_none() || !self.controls.get(&lane.0).is_some_and(|control| control.lane_fifo) {
            return Vec::new();
        }
        let is_one = |it: &&Entry| it.view.state == State::Pending && it.view.attempt > 0 && it.lane() == *lane;
        let mut retrying: Vec<_> = self.jobs.iter().filter(is_one).collect();
        retrying.sort_by_key(|it| (it.view.job.due, it.view.job.id));
        retrying
    }

    /// The due jobs of each lane, in their order.
    fn due(&self) -> BTreeMap<Lane, Vec<JobId>> {
        let mut due: Vec<_> =
            self.jobs.iter().filter(|it| it.view.state == State::Pending && it.view.job.due <= self.now).collect();
        // A stable sort keeps the order of arrival.
        due.sort_by_key(|it| (Reverse(it.view.job.priority), it.view.job.due));
        let mut lanes = BTreeMap::<_, Vec<_>>::new();
        for it in due {
            lanes.entry(it.lane()).or_default().push(it.view.job.id);
        }
        for (lane, due) in &mut lanes {
            let retrying = self.retrying(lane);
            let (first, later): (Vec<&Entry>, _) = retrying.iter().partition(|it| it.view.job.due <= self.now);
            let first: Vec<_> = first.iter().map(|it| it.view.job.id).collect();
            due.retain(|id| later.is_empty() && !first.contains(id));
            due.splice(..0, first);
        }
        lanes
    }

    /// Checks what a claim took, and follows it; `true` if there is nothing more to be had at this time.
    pub fn claimed(&mut self, limit: usize, lease_ms: u32, claimed: &Claimed) -> bool {
        assert!(claimed.jobs.len() <= limit, "more than were asked for");
        self.check_order(&claimed.jobs);
        for leased in &claimed.jobs {
            self.take(leased, lease_ms);
        }
        for integration in self.integrations() {
            let (may_delay, any_holds) = (self.may_delay(integration), !self.holds.is_empty());
            let now = self.now;
            let waiting = self.jobs.iter_mut().filter(|it| it.is_pending_of(integration) && it.view.job.due <= now);
            waiting.for_each(|it| it.may_be_in_line |= may_delay && (any_holds || !it.view.charged));
        }
        let is_all = claimed.next_due.is_none_or(|due| due > self.now);
        if is_all && claimed.jobs.len() < limit {
            self.check_all_taken();
        }
        self.check_next_due(claimed.next_due, claimed.jobs.len() < limit);
        is_all
    }

    /// Of each lane the first are taken; a job that waits for a limit may be passed.
    fn check_order(&self, taken: &[Leased]) {
        let all: HashSet<_> = taken.iter().map(|it| it.job.id).collect();
        for (lane, due) in self.due() {
            let of_lane: Vec<_> = taken
                .iter()
                .map(|it| &it.job)
                .filter(|job| (job.integration, &job.lane) == (lane.0, &lane.1))
                .collect();
            let ids: Vec<_> = of_lane.iter().map(|job| job.id).collect();
            if !self.may_delay(lane.0) {
                assert_eq!(ids[..], due[..ids.len().min(due.len())], "the first in order");
                continue;
            }
            let last = due.iter().rposition(|id| all.contains(id)).unwrap_or(0);
            for passed in due[..last].iter().filter(|id| !all.contains(id)) {
                let it = self.jobs.iter().find(|it| it.view.job.id == *passed).expect("the model has the job");
                assert!(self.is_delayable(it), "a job was passed that waits for no limit: {:?}", it.view);
            }
        }
    }

    fn take(&mut self, leased: &Leased, lease_ms: u32) {
        let at = self.position(leased.job.id);
        let it = &self.jobs[at];
        assert_eq!(it.view.state, State::Pending, "only pending jobs are handed out");
        assert!(it.view.job.due <= self.now, "only due ones");
        assert!(!self.is_held(it), "only while there are places");
        let (now, grant) = (self.now, self.grant(at));
        assert_eq!(leased.grant, grant);
        let it = &mut self.jobs[at];
        it.counted = grant == Grant::Start;
        it.view.state = State::Running;
        it.view.attempt += u32::from(it.counted);
        it.view.charged |= it.counted;
        it.may_be_in_line = false;
        it.lease(now, leased, lease_ms);
        it.check(leased);
    }

    /// What is left is not due, or held, or waits for a limit.
    fn check_all_taken(&self) {
        for it in self.jobs.iter().filter(|it| it.view.state == State::Pending && !self.is_held(it)) {
            let may_wait =
                self.earliest(it) > self.now || self.is_behind_a_held_one(it) || self.is_behind_a_heavier_one(it);
            assert!(may_wait, "a job is left that could start: {:?}", it.view);
        }
    }

    /// The next due time is that of what is not held; where limits delay, it is not too late.
    fn check_next_due(&self, next_due: Option<Millis>, is_complete: bool) {
        let pending = || self.jobs.iter().filter(|it| it.view.state == State::Pending);
        let waiting = || pending().filter(|it| !self.is_held(it));
        let found = next_due.map(|due| due.max(self.now));
        if !pending().any(|it| self.may_delay(it.view.job.integration)) {
            let first = waiting().map(|it| it.view.job.due.max(self.now)).min();
            assert_eq!(found, first, "the next due time of what is not held");
            return;
        }
        let certain = waiting().filter(|it| !self.is_behind_a_held_one(it) && !self.is_behind_a_heavier_one(it));
        if let Some(first) = certain.map(|it| self.earliest(it)).min().filter(|first| *first < NEVER) {
            assert!(found.is_some_and(|due| due <= first), "{found:?} is too late: a job could start at {first:?}");
        }
        if is_complete && pending().next().is_none() {
            assert_eq!(found, None, "nothing is left to wait for");
        }
    }

    /// Checks what a rescue took, and follows it.
    pub fn rescued(&mut self, limit: usize, lease_ms: u32, rescued: &[Leased]) {
        let now = self.now;
        let overdue = |it: &Entry| it.view.lease_until.is_some_and(|until| until <= now);
        assert_eq!(rescued.len(), self.jobs.iter().filter(|it| overdue(it)).count().min(limit));
        for leased in rescued {
            let at = self.position(leased.job.id);
            let it = &mut self.jobs[at];
            assert!(overdue(it), "only overdue leases are taken over");
            assert_eq!(leased.grant, Grant::Start);
            it.view.lost += 1;
            it.lease(now, leased, lease_ms);
            it.check(leased);
        }
    }

    pub fn extend(&mut self, leases: &[Lease], lease_ms: u32) -> Vec<Lease> {
        let until = self.now.after(i64::from(lease_ms));
        let mut lost = Vec::new();
        for lease in leases {
            match self.held(*lease) {
                Some(at) => self.jobs[at].view.lease_until = Some(until),
                None => lost.push(*lease),
            }
        }
        lost
    }
}

impl Entry {
    fn lane(&self) -> Lane {
        (self.view.job.integration, self.view.job.lane.clone())
    }

    fn lease(&mut self, now: Millis, leased: &Leased, lease_ms: u32) {
        self.token = Some(leased.lease.token);
        self.view.lease_until = Some(now.after(i64::from(lease_ms)));
    }

    fn check(&self, leased: &Leased) {
        assert_eq!(leased.job, self.view.job);
        assert_eq!((leased.lease.job, leased.attempt), (self.view.job.id, self.view.attempt));
        assert_eq!(leased.lost, self.view.lost);
    }
}
