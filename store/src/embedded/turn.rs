//! One integration's turn within a claim, which it divides among its lanes.

use rusqlite::Connection;

use super::bucket::Buckets;
use super::claim::Haul;
use super::integration::{self, Integration};
use super::rules::Rules;
use super::step::Step;
use super::{gate, lane, stale, take};
use crate::Result;

/// A turn.
pub(super) struct Turn {
    pub(super) integration: Integration,
    pub(super) rules: Rules,
    pub(super) buckets: Buckets,
    /// Whether each job has to be looked at: there are rules, or jobs that waited for rules.
    pub(super) is_tested: bool,
}

impl Turn {
    /// The turn of an integration.
    pub(super) fn new(connection: &Connection, mut integration: Integration) -> Result<Self> {
        let rules = Rules::new(std::mem::take(&mut integration.limits));
        let buckets = Buckets::new(integration.id);
        let is_tested = !rules.is_empty() || gate::has_any(connection, integration.id)?;
        Ok(Self { integration, rules, buckets, is_tested })
    }

    /// Leases about `count` of its jobs: first those whose gates open, then what its lanes have.
    pub(super) fn play(mut self, step: &mut Step<'_>, count: usize, haul: &mut Haul) -> Result<()> {
        let id = self.integration.id;
        let before = haul.jobs.len();
        let mut left = count.min(integration::room(step.connection, &self.integration)?);
        if self.is_tested {
            gate::open_due(step, id, (&self.rules, &mut self.buckets), left, &mut haul.open)?;
            stale::refresh_lanes(step)?;
        }
        lane::promote(step, id)?;
        while left > 0 && self.round(step, &mut left, haul)? {}
        self.buckets.write(step.connection)?;
        stale::refresh_lanes(step)?;
        integration::served(step, &self.integration, haul.jobs.len() > before)
    }

    /// Gives some lanes a turn; `false` if nothing came of it.
    fn round(&mut self, step: &mut Step<'_>, left: &mut usize, haul: &mut Haul) -> Result<bool> {
        let before = haul.progress();
        let bounds = self.integration.bounds();
        let lanes = lane::next(step.connection, self.integration.id, *left)?;
        let share = left.div_ceil(lanes.len().max(1));
        for lane in lanes {
            let count = share.min(*left).min(lane::room(step.connection, &lane, bounds.concurrency)?);
            *left -= take::take(self, step, &lane, count, haul)?;
            lane::served(step, &lane, bounds)?;
        }
        Ok(haul.progress() != before)
    }
}
