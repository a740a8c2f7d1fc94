//! When the rate limits let a job through, with those who stand before it.

use schedules::Millis;
use schedules::rate::{Bucket, Hold, OnExceed};

/// A rule that applies to a job, and its bucket.
#[derive(Clone, Debug)]
pub struct AtRule {
    /// Its place in the settings.
    pub rule: usize,
    /// As a reader would write it.
    pub words: String,
    /// What the job is counted under.
    pub subject: String,
    /// The bucket, as the job would find it.
    pub bucket: Bucket,
    /// What it does when it is full.
    pub on_exceed: OnExceed,
    /// The weights of those who are charged before the job, the first of them first.
    pub ahead: Vec<u32>,
    /// Whether the job stands in line at it.
    pub in_line: bool,
}

/// The rules that apply to a job.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Each of them.
    pub rules: Vec<AtRule>,
    /// Whether the job has been charged: only what is shut stops it.
    pub is_charged: bool,
}

impl AtRule {
    /// From when on there is room for the job, if it comes at `at`, and nobody else comes; what shuts the bucket aside.
    pub fn room_at(&self, at: Millis) -> Millis {
        let mut bucket = Bucket { hold: Hold { paused: false, ..self.bucket.hold }, ..self.bucket.clone() };
        let mut now = at;
        for weight in &self.ahead {
            bucket.weight = *weight;
            now = bucket.room_at(now);
            bucket.state = bucket.charged(now);
        }
        bucket.weight = self.bucket.weight;
        bucket.room_at(now)
    }
}

impl Rules {
    /// The rule that lets the job through last if it comes at `at`, with the time; `None` if all let it through at once.
    pub fn last(&self, at: Millis) -> Option<(&AtRule, Millis)> {
        let room = |rule: &AtRule| if self.is_charged { rule.bucket.hold.until.max(at) } else { rule.room_at(at) };
        let times = self.rules.iter().map(|rule| (rule, room(rule)));
        times.filter(|(_, room)| *room > at).max_by_key(|(_, room)| *room)
    }

    /// A rule that refuses the job if it comes at `at`.
    pub fn refusing(&self, at: Millis) -> Option<&AtRule> {
        let refuses =
            |rule: &&AtRule| rule.on_exceed == OnExceed::Reject && !rule.bucket.hold.paused && rule.room_at(at) > at;
        self.rules.iter().find(refuses).filter(|_| !self.is_charged)
    }

    /// A rule whose key is paused.
    pub fn paused(&self) -> Option<&AtRule> {
        self.rules.iter().find(|rule| rule.bucket.hold.paused)
    }
}
