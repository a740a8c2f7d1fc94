//! The model's claims and leases: the choices an engine has, checked and followed.

use schedules::Millis;
use store::IntegrationId;
use store::queue::{Claimed, Control, Grant, Lease, Leased, State};

use super::{Entry, Model};

impl Model {
    /// The jobs of an integration that may be claimed now or later, in their order, and how many of them at most.
    fn claimable(&self, integration: IntegrationId) -> (Vec<&Entry>, usize) {
        let control = self.controls.get(&integration).cloned().unwrap_or_default();
        let mine = |it: &&Entry| it.view.job.integration == integration;
        let running = self.jobs.iter().filter(mine).filter(|it| it.view.state == State::Running).count();
        let room = match control {
            Control { paused: true, .. } => 0,
            Control { concurrency: Some(limit), .. } => (limit as usize).saturating_sub(running),
            Control { concurrency: None, .. } => usize::MAX,
        };
        let mut waiting: Vec<_> = self.jobs.iter().filter(mine).filter(|it| it.view.state == State::Pending).collect();
        // A stable sort keeps the order of arrival.
        waiting.sort_by_key(|it| (std::cmp::Reverse(it.view.job.priority), it.view.job.due));
        (waiting, room)
    }

    /// Checks what a claim took, and follows it.
    pub fn claimed(&mut self, limit: usize, lease_ms: u32, claimed: &Claimed) {
        let mut available = 0;
        for integration in self.integrations() {
            let (waiting, room) = self.claimable(integration);
            let due: Vec<_> =
                waiting.iter().filter(|it| it.view.job.due <= self.now).take(room).map(|it| it.view.job.id).collect();
            available += due.len();
            let taken: Vec<_> = claimed.jobs.iter().filter(|it| it.job.integration == integration).collect();
            assert!(taken.len() <= due.len(), "more than may be claimed");
            let taken: Vec<_> = taken.iter().map(|it| it.job.id).collect();
            assert_eq!(taken, due[..taken.len()], "the first in order");
        }
        assert_eq!(claimed.jobs.len(), available.min(limit), "as many as there are, up to the limit");
        for leased in &claimed.jobs {
            let (now, it) = (self.now, self.entry(leased.job.id));
            it.view.state = State::Running;
            it.view.attempt += 1;
            it.view.charged = true;
            it.lease(now, leased, lease_ms);
            it.check(leased);
        }
        let heads = self.integrations().into_iter().filter_map(|integration| {
            let (waiting, room) = self.claimable(integration);
            waiting.iter().map(|it| it.view.job.due).min().filter(|_| room > 0)
        });
        let heads = heads.min().map(|head| head.max(self.now));
        let next_due = claimed.next_due.map(|due| due.max(self.now));
        assert_eq!(next_due, heads, "the next due time of what is not held");
    }

    /// Checks what a rescue took, and follows it.
    pub fn rescued(&mut self, limit: usize, lease_ms: u32, rescued: &[Leased]) {
        let now = self.now;
        let overdue = |it: &Entry| it.view.lease_until.is_some_and(|until| until <= now);
        assert_eq!(rescued.len(), self.jobs.iter().filter(|it| overdue(it)).count().min(limit));
        for leased in rescued {
            let it = self.entry(leased.job.id);
            assert!(overdue(it), "only overdue leases are taken over");
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
    fn lease(&mut self, now: Millis, leased: &Leased, lease_ms: u32) {
        self.token = Some(leased.lease.token);
        self.view.lease_until = Some(now.after(i64::from(lease_ms)));
    }

    fn check(&self, leased: &Leased) {
        assert_eq!(leased.job, self.view.job);
        assert_eq!((leased.lease.job, leased.attempt), (self.view.job.id, self.view.attempt));
        assert_eq!((leased.lost, leased.grant), (self.view.lost, Grant::Start));
    }
}
