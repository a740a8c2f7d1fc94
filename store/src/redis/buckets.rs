//! adjust, bucket, buckets, standing: single buckets of rate limits, and where a job stands at them.

use std::collections::BTreeMap;

use redis::Value;
use schedules::Millis;
use schedules::rate::gcra::Tat;
use schedules::rate::{Bucket, Hold, Rule, State, is_shared, limiter_of};

use super::answer::Answer;
use super::handle::Redis;
use super::{blob, control, script};
use crate::queue::{Adjustment, BucketView, Line, MAX_HOLDS, SHARED, Standing};
use crate::{Error, IntegrationId, JobId, Result};

impl Redis {
    pub(super) async fn adjust_bucket(
        &self,
        integration: IntegrationId,
        name: &str,
        adjustment: Adjustment,
    ) -> Result<()> {
        let (word, until) = match adjustment {
            Adjustment::Pause => ("p", Millis(0)),
            Adjustment::Resume => ("o", Millis(0)),
            Adjustment::Hold { until } => ("h", until),
            Adjustment::Reset => ("r", Millis(0)),
        };
        let mut arguments = self.arguments();
        arguments.add(integration.to_bytes()).add(name).add(word).number(blob::time(until)).number(MAX_HOLDS);
        // Jobs wait for a limiter in every partition.
        let own = self.partition_of(integration);
        let partitions = if is_shared(name) { 0..self.partitions() } else { own..own + 1 };
        for partition in partitions {
            let done = self.call(&script::adjust, partition, &arguments).await?;
            if super::answer::number(&done)? == 0 {
                return Err(Error::Full { what: "paused keys of rate limits", limit: MAX_HOLDS });
            }
        }
        Ok(())
    }

    pub(super) async fn view_bucket(&self, integration: IntegrationId, name: String, rule: Rule) -> Result<BucketView> {
        let rule_name = name.split_once('{').map_or(&*name, |(rule, _)| rule);
        let mut arguments = self.arguments();
        arguments.add(integration.to_bytes()).add(rule_name).add("n").add(&name);
        let rule = self.charged_by(&name, rule);
        let (mut waiting, mut refused) = (0, 0);
        let mut bucket = Bucket::new(rule, State::empty(rule.algorithm));
        let mut now = Millis(0);
        let home = self.home_of_bucket(integration, &name);
        for partition in self.partitions_at(integration, &name) {
            let mut answer = Answer::new(self.call(&script::levels, partition, &arguments).await?)?;
            let (time, state, hold) = (answer.time()?, state_of(answer.value()?)?, hold_of(&answer.text()?)?);
            waiting += answer.count()?;
            refused += answer.count()?;
            if partition == home {
                now = time;
                bucket = Bucket { hold, state: state.unwrap_or(bucket.state), ..bucket };
            }
        }
        Ok(view(name, &bucket, now, (waiting, refused)))
    }

    /// The rule that a bucket is charged by: a limiter's in a divided queue has a longer interval.
    fn charged_by(&self, name: &str, rule: Rule) -> Rule {
        if self.partitions() > 1 && is_shared(name) { control::handed_out(&rule) } else { rule }
    }

    /// The partition in which a bucket is charged.
    fn home_of_bucket(&self, integration: IntegrationId, name: &str) -> usize {
        limiter_of(name).map_or_else(|| self.partition_of(integration), |limiter| self.home_of(limiter))
    }

    /// The partitions in which jobs may wait at a bucket.
    fn partitions_at(&self, integration: IntegrationId, name: &str) -> std::ops::Range<usize> {
        let own = self.partition_of(integration);
        if is_shared(name) { 0..self.partitions() } else { own..own + 1 }
    }

    pub(super) async fn view_buckets(
        &self,
        integration: IntegrationId,
        rule_name: &str,
        rule: Rule,
        most: usize,
    ) -> Result<Vec<BucketView>> {
        let begun = |word: &str| {
            let mut arguments = self.arguments();
            arguments.add(integration.to_bytes()).add(rule_name).add(word);
            arguments
        };
        let home = self.home_of_bucket(integration, rule_name);
        let rule = self.charged_by(rule_name, rule);
        let (mut found, mut cursor, mut now) = (BTreeMap::<String, BucketView>::new(), "0".to_owned(), Millis(0));
        loop {
            let mut arguments = begun("s");
            arguments.add(&cursor);
            let mut answer = Answer::new(self.call(&script::levels, home, &arguments).await?)?;
            cursor = answer.text()?;
            now = answer.time()?.max(now);
            while !answer.is_empty() {
                let (name, state) = (answer.text()?, state_of(answer.value()?)?);
                let Some(state) = state else { continue };
                let bucket = view(name.clone(), &Bucket::new(rule, state), now, (0, 0));
                if bucket.level > 0 {
                    found.insert(name, bucket);
                }
            }
            if cursor == "0" || found.len() >= most {
                break;
            }
        }
        for partition in self.partitions_at(integration, rule_name) {
            let answer = Answer::new(self.call(&script::levels, partition, &begun("o")).await?)?;
            add_what_is_beside(&mut found, answer, rule, now)?;
        }
        Ok(found.into_values().take(most).collect())
    }

    pub(super) async fn standing_of(&self, job: JobId, buckets: &[String]) -> Result<Option<Standing>> {
        // Nothing says in which partition a job is but its integration, which is in it.
        for partition in 0..self.partitions() {
            let mut arguments = self.arguments();
            arguments.add(job.to_bytes()).number(Line::MOST);
            arguments.add_all(buckets);
            let mut answer = Answer::new(self.call(&script::standing, partition, &arguments).await?)?;
            if !answer.is_empty() {
                let mut standing = standing(&mut answer)?;
                self.look_at_homes(partition, buckets, &mut standing).await?;
                return Ok(Some(standing));
            }
        }
        Ok(None)
    }

    /// In a divided queue the buckets of limiters are charged at their homes.
    async fn look_at_homes(&self, partition: usize, buckets: &[String], standing: &mut Standing) -> Result<()> {
        for (name, bucket) in buckets.iter().zip(&mut standing.buckets) {
            let Some(home) = limiter_of(name).map(|limiter| self.home_of(limiter)).filter(|home| *home != partition)
            else {
                continue;
            };
            let mut arguments = self.arguments();
            let rule_name = name.split_once('{').map_or(&**name, |(rule, _)| rule);
            arguments.add(SHARED.to_bytes()).add(rule_name).add("n").add(name);
            let mut answer = Answer::new(self.call(&script::levels, home, &arguments).await?)?;
            let _time = answer.time()?;
            bucket.0 = state_of(answer.value()?)?;
        }
        Ok(())
    }
}

/// Adds what shuts buckets, who waits at them, and how many they refused.
fn add_what_is_beside(
    found: &mut BTreeMap<String, BucketView>,
    mut answer: Answer,
    rule: Rule,
    now: Millis,
) -> Result<()> {
    while !answer.is_empty() {
        let (name, kind, text) = (answer.text()?, answer.text()?, answer.text()?);
        let hold = if kind == "h" { hold_of(&text)? } else { Hold::default() };
        if kind == "h" && hold.ends() <= now {
            continue;
        }
        let empty = || view(name.clone(), &Bucket::new(rule, State::empty(rule.algorithm)), now, (0, 0));
        let bucket = found.entry(name.clone()).or_insert_with(empty);
        let count = || text.parse::<u64>().map_err(|_| Error::Corrupt(format!("{text:?} is no number")));
        match kind.as_str() {
            "h" => (bucket.hold, bucket.opens) = (hold, bucket.opens.max(hold.ends())),
            "w" => bucket.waiting += count()?,
            _ => bucket.refused += count()?,
        }
    }
    Ok(())
}

fn standing(answer: &mut Answer) -> Result<Standing> {
    let (now, bucket, mut weights) = (answer.time()?, answer.text()?, answer.list()?);
    let mut ahead = Vec::with_capacity(weights.len());
    while !weights.is_empty() {
        ahead.push(u32::try_from(weights.count()?).unwrap_or(u32::MAX));
    }
    let (running, running_in_lane) = (answer.count()?, answer.count()?);
    let (ahead_in_lane, turns_ahead) = (answer.count()?, answer.count()?);
    let mut buckets = Vec::new();
    while !answer.is_empty() {
        buckets.push((state_of(answer.value()?)?, hold_of(&answer.text()?)?));
    }
    let line = (!bucket.is_empty()).then_some(Line { bucket, ahead });
    Ok(Standing { now, line, buckets, running, running_in_lane, ahead_in_lane, turns_ahead })
}

fn view(name: String, bucket: &Bucket, now: Millis, (waiting, refused): (u64, u64)) -> BucketView {
    let (level, opens) = (bucket.level(now), bucket.room_at(now));
    BucketView { name, level, opens, hold: bucket.hold, waiting, refused }
}

/// Reads the state of a bucket; `None` is empty.
pub(super) fn state_of(value: Value) -> Result<Option<State>> {
    let Value::BulkString(bytes) = value else {
        let mut answer = Answer::new(value)?;
        let mut log = Vec::with_capacity(answer.len());
        while !answer.is_empty() {
            log.push(answer.time()?);
        }
        return Ok((!log.is_empty()).then_some(State::SlidingWindow(log)));
    };
    if bytes.is_empty() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&bytes);
    let (ms, part) = text.split_once(':').unwrap_or((&text, "0"));
    match (ms.parse(), part.parse()) {
        (Ok(ms), Ok(part)) => Ok(Some(State::LeakyBucket(Some(Tat { ms, part })))),
        _ => Err(Error::Corrupt(format!("the state of a bucket is {text:?}"))),
    }
}

/// Reads what shuts a bucket; empty is nothing.
pub(super) fn hold_of(text: &str) -> Result<Hold> {
    let (paused, until) = text.strip_prefix('p').map_or((false, text), |until| (true, until));
    let until = if until.is_empty() { Ok(0) } else { until.parse() };
    let until = until.map_err(|_| Error::Corrupt(format!("what shuts a bucket is {text:?}")))?;
    Ok(Hold { paused, until: Millis(until) })
}

/// Writes what shuts a bucket.
pub(super) fn hold_text(hold: Hold) -> String {
    format!("{}{}", if hold.paused { "p" } else { "" }, blob::time(hold.until))
}
