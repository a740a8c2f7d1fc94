//! Rate limits: the bounds that the recorded starts must keep, whatever arithmetic the engine does.

use std::collections::{BTreeMap, BTreeSet};

use schedules::rate::{Algorithm, Bucket, Limit, OnExceed, OnMissing, State, Verdict, decide, names};
use schedules::{Key, Millis};
use store::IntegrationId;
use store::queue::Refusal;

use super::{Check, ensure};

/// The starts since the limits were last edited, and what they make of each bucket as long as no edit came between.
#[derive(Default)]
pub struct Limits {
    starts: BTreeMap<(IntegrationId, usize, String), Vec<Millis>>,
    buckets: BTreeMap<(IntegrationId, String), State>,
    known: BTreeSet<IntegrationId>,
    edited: BTreeSet<IntegrationId>,
}

impl Limits {
    /// Whether an integration has limits, or had.
    pub fn are_known(&self, of: IntegrationId) -> bool {
        self.known.contains(&of)
    }

    /// There are other limits now. What was charged by the old ones counts no more for their bounds.
    pub fn edit(&mut self, of: IntegrationId, before: &[Limit], after: &[Limit]) {
        if before == after {
            return;
        }
        if !self.known.insert(of) {
            self.edited.insert(of);
        }
        self.starts.retain(|(integration, _, _), _| *integration != of);
    }

    /// A job starts for the first time.
    pub fn charge(&mut self, of: IntegrationId, limits: &[Limit], key: Option<&Key>, now: Millis) -> Check {
        for (place, limit) in limits.iter().enumerate() {
            let Some(subject) = limit.subject(key) else {
                ensure!(limit.on_missing == OnMissing::Skip, "started_without_a_field", "limit {place}: {key:?}");
                continue;
            };
            let starts = self.starts.entry((of, place, subject)).or_default();
            starts.push(now);
            let interval = i64::try_from(limit.rule.interval_ms).unwrap_or(i64::MAX);
            let recent = starts.iter().filter(|at| now.since(**at) < interval).count();
            let most = match limit.rule.algorithm {
                Algorithm::LeakyBucket => limit.rule.limit + limit.rule.burst() - 1,
                Algorithm::SlidingWindow => limit.rule.limit,
            };
            ensure!(
                recent <= most as usize,
                "beyond_rate_limit",
                "limit {place}: {recent} in {interval} ms, {most} may"
            );
        }
        if self.edited.contains(&of) {
            return Ok(());
        }
        let (asked, places) = self.ask(of, limits, key);
        let Verdict::Start { states } = decide(now, &asked) else {
            ensure!(false, "started_without_room", "{:?} at {now:?}", decide(now, &asked));
            return Ok(());
        };
        for (place, state) in places.into_iter().zip(states) {
            self.buckets.insert((of, place.1), state);
        }
        Ok(())
    }

    /// A job is refused.
    pub fn refuse(
        &mut self,
        of: IntegrationId,
        limits: &[Limit],
        key: Option<&Key>,
        now: Millis,
        refusal: Refusal,
    ) -> Check {
        let Some(limit) = limits.get(refusal.limit) else {
            ensure!(false, "refused_by_no_limit", "{refusal:?}");
            return Ok(());
        };
        let Some(ms) = refusal.retry_after_ms else {
            let is_missing = limit.subject(key).is_none() && limit.on_missing == OnMissing::Reject;
            ensure!(is_missing, "refused_for_nothing", "{refusal:?}: {key:?}");
            return Ok(());
        };
        ensure!(limit.on_exceed == OnExceed::Reject, "refused_instead_of_delayed", "{refusal:?}");
        if self.edited.contains(&of) {
            return Ok(());
        }
        let (asked, places) = self.ask(of, limits, key);
        let verdict = decide(now, &asked);
        let Verdict::Refuse { place, until } = verdict else {
            ensure!(false, "refused_for_nothing", "{refusal:?}: {verdict:?}");
            return Ok(());
        };
        let expected = (places[place].0, until.since(now).unsigned_abs());
        ensure!((refusal.limit, ms) == expected, "wrong_refusal", "{refusal:?}, not {expected:?}");
        Ok(())
    }

    /// Whether a job would start; not if it is unknown what the buckets hold.
    pub fn have_room(&self, of: IntegrationId, limits: &[Limit], key: Option<&Key>, now: Millis) -> bool {
        let is_refused = |limit: &Limit| limit.on_missing == OnMissing::Reject && limit.subject(key).is_none();
        let known = !self.edited.contains(&of) && !limits.iter().any(is_refused);
        known && matches!(decide(now, &self.ask(of, limits, key).0), Verdict::Start { .. })
    }

    /// The buckets that a job is charged to, each with the place of its limit and its name.
    #[expect(clippy::type_complexity, reason = "two lists that belong together")]
    fn ask(
        &self,
        of: IntegrationId,
        limits: &[Limit],
        key: Option<&Key>,
    ) -> (Vec<(Bucket, OnExceed)>, Vec<(usize, String)>) {
        let applying = limits.iter().zip(names(limits)).enumerate().filter_map(|(place, (limit, name))| {
            let name = format!("{name}{}", limit.subject(key)?);
            let empty = State::empty(limit.rule.algorithm);
            let state = self.buckets.get(&(of, name.clone())).cloned().unwrap_or(empty);
            Some(((Bucket::new(limit.rule, state), limit.on_exceed), (place, name)))
        });
        applying.unzip()
    }
}
