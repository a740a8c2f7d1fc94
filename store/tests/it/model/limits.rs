//! The model's rate limits: what is charged, what they say of a job, and whether they excuse that it still waits.

use schedules::Millis;
use schedules::rate::{Bucket, Limit, OnExceed, OnMissing, State, Verdict, decide, names};
use store::IntegrationId;
use store::queue::{Adjustment, Grant, Refusal, owner_of};

use super::{Entry, Model};

/// What is charged to a bucket, and from when on it is empty.
#[derive(Clone, Debug)]
pub struct Charged {
    state: State,
    pub until: Millis,
}

/// A limit that applies to a job: its place, and the name of the bucket that it means.
type Applying = Vec<(usize, String)>;

impl Model {
    fn limits(&self, integration: IntegrationId) -> &[Limit] {
        self.controls.get(&integration).map_or(&[], |control| &control.limits)
    }

    /// Whether jobs of an integration may wait for a limit, or have waited for one that was edited since.
    pub fn may_delay(&self, integration: IntegrationId) -> bool {
        !self.holds.is_empty()
            || self.limits(integration).iter().any(|limit| limit.on_exceed == OnExceed::Delay)
            || self.jobs.iter().any(|it| it.is_pending_of(integration) && it.may_be_in_line)
    }

    fn applying(&self, it: &Entry) -> Result<Applying, usize> {
        let limits = self.limits(it.view.job.integration);
        let mut applying = Vec::new();
        for (place, (limit, name)) in limits.iter().zip(names(limits)).enumerate() {
            match limit.subject(it.view.job.key.as_ref()) {
                Some(subject) => applying.push((place, name + &subject)),
                None if limit.on_missing == OnMissing::Reject => return Err(place),
                None => {}
            }
        }
        Ok(applying)
    }

    fn bucket(&self, it: &Entry, place: usize, name: &str) -> Bucket {
        let integration = it.view.job.integration;
        let rule = self.limits(integration)[place].rule;
        let key = (owner_of(integration, name), name.to_owned());
        let charged = self.buckets.get(&key);
        let state = charged.map_or(State::empty(rule.algorithm), |it| it.state.clone());
        let hold = self.holds.get(&key).copied().unwrap_or_default();
        Bucket { hold, weight: it.view.job.weight, ..Bucket::new(rule, state) }
    }

    pub fn adjust(&mut self, integration: IntegrationId, name: &str, adjustment: Adjustment) {
        let key = (owner_of(integration, name), name.to_owned());
        let hold = self.holds.entry(key.clone()).or_default();
        match adjustment {
            Adjustment::Pause => hold.paused = true,
            Adjustment::Resume => hold.paused = false,
            Adjustment::Hold { until } => hold.until = hold.until.max(until),
            Adjustment::Reset => {
                hold.until = Millis(0);
                self.buckets.remove(&key);
            }
        }
        self.holds.retain(|_, hold| *hold != schedules::rate::Hold::default());
    }

    /// The name of the bucket of a rule in this place for a key; one that there is none of has none.
    pub fn bucket_name(&self, integration: IntegrationId, place: usize, key: &schedules::Key) -> Option<String> {
        let limits = self.limits(integration);
        let limit = limits.get(place)?;
        Some(format!("{}{}", names(limits)[place], limit.subject(Some(key))?))
    }

    /// What a claim must say of a job if it hands it out now; charges a start.
    pub fn grant(&mut self, at: usize) -> Grant {
        let it = &self.jobs[at];
        let integration = it.view.job.integration;
        if it.view.job.closes.is_some_and(|closes| closes <= self.now) {
            return Grant::Closed;
        }
        if it.view.charged {
            let shut = self.applying(it).unwrap_or_default().into_iter();
            let shut = shut.map(|(place, name)| self.bucket(it, place, &name).hold.ends());
            assert!(shut.max().is_none_or(|ends| ends <= self.now), "it was handed out while shut: {:?}", it.view);
            return Grant::Start;
        }
        let applying = match self.applying(it) {
            Ok(applying) => applying,
            Err(limit) => return Grant::Refused(Refusal { limit, retry_after_ms: None }),
        };
        let limits = self.limits(integration);
        let asked: Vec<_> =
            applying.iter().map(|(place, name)| (self.bucket(it, *place, name), limits[*place].on_exceed)).collect();
        match decide(self.now, &asked) {
            Verdict::Wait { .. } => panic!("a job that must wait was handed out: {:?}", it.view),
            Verdict::Refuse { place, until } => {
                let retry_after_ms = Some(until.since(self.now).unsigned_abs());
                Grant::Refused(Refusal { limit: applying[place].0, retry_after_ms })
            }
            Verdict::Start { states } => {
                let rules: Vec<_> = asked.iter().map(|(bucket, _)| bucket.rule).collect();
                for (((_, name), state), rule) in applying.into_iter().zip(states).zip(rules) {
                    let until = match &state {
                        State::LeakyBucket(tat) => tat.expect("it was charged").empty_at(),
                        State::SlidingWindow(log) => log.last().expect("so was this").after(rule.interval_ms as i64),
                    };
                    self.buckets.insert((owner_of(integration, &name), name), Charged { state, until });
                }
                Grant::Start
            }
        }
    }

    /// The buckets at which a job may wait in line.
    fn lines(&self, it: &Entry) -> Applying {
        let limits = self.limits(it.view.job.integration);
        let mut applying = self.applying(it).unwrap_or_default();
        applying.retain(|(place, name)| {
            let hold = self.bucket(it, *place, name).hold;
            let delays = !it.view.charged && limits[*place].on_exceed == OnExceed::Delay;
            delays || hold.paused || (it.view.charged && hold.until > self.now)
        });
        applying
    }

    /// Whether a limit could make a job wait, or has.
    pub fn is_delayable(&self, it: &Entry) -> bool {
        it.may_be_in_line || !self.lines(it).is_empty()
    }

    /// From when on a pending job could start if it had all limits for itself.
    pub fn earliest(&self, it: &Entry) -> Millis {
        let room = |(place, name): &(usize, String)| {
            let bucket = self.bucket(it, *place, name);
            if it.view.charged { bucket.hold.ends() } else { bucket.room_at(self.now) }
        };
        self.lines(it).iter().map(room).fold(self.now.max(it.view.job.due), Millis::max)
    }

    /// Whether a job that needs more room waits in a line that this one would wait in: nobody overtakes it.
    pub fn is_behind_a_heavier_one(&self, it: &Entry) -> bool {
        let lines = self.lines(it);
        self.jobs.iter().any(|other| {
            other.is_pending_of(it.view.job.integration)
                && other.view.job.weight > it.view.job.weight
                && self.earliest(other) > self.now
                && self.lines(other).iter().any(|line| lines.contains(line))
        })
    }

    /// Whether a job of a lane that has no place may have the room that this one waits for: it was let through first.
    pub fn is_behind_a_held_one(&self, it: &Entry) -> bool {
        let lines = self.lines(it);
        self.jobs.iter().any(|other| {
            other.is_pending_of(it.view.job.integration)
                && self.is_held(other)
                && self.lines(other).iter().any(|line| lines.contains(line))
        })
    }
}
