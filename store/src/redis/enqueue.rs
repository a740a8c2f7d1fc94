//! enqueue: put jobs in, honouring keys and idempotency keys.

use std::collections::{BTreeMap, HashMap};

use schedules::Millis;

use super::answer::Answer;
use super::handle::Redis;
use super::link::Arguments;
use super::{blob, script};
use crate::queue::{Enqueued, IfExists, NewJob};
use crate::{Error, IntegrationId, JobId, Result};

/// The most jobs of one script call, so that it stays short.
const BATCH: usize = 250;

impl Redis {
    pub(super) async fn put(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>> {
        let mut answers = vec![Enqueued::Created; jobs.len()];
        let mut by_partition = BTreeMap::<usize, Vec<(usize, &NewJob)>>::new();
        for (place, new) in jobs.iter().enumerate() {
            by_partition.entry(self.partition_of(new.job.integration)).or_default().push((place, new));
        }
        for (partition, jobs) in by_partition {
            for batch in jobs.chunks(BATCH) {
                let backlogs = self.backlogs(batch).await?;
                let new: Vec<&NewJob> = batch.iter().map(|(_, new)| *new).collect();
                let mut arguments = self.arguments();
                arguments.number(self.most_jobs());
                lay_out(&new, &backlogs, &mut arguments)?;
                let value =
                    self.call(&script::enqueue, partition, &arguments).await.map_err(|error| self.full(error))?;
                for (place, answer) in read(Answer::new(value)?)? {
                    if let Some((place, _)) = batch.get(place) {
                        answers[*place] = answer;
                    }
                }
            }
        }
        Ok(answers)
    }

    /// The most jobs of one partition.
    pub(super) fn most_jobs(&self) -> u64 {
        self.shared.options.max_jobs.div_ceil(self.partitions() as u64)
    }

    /// A script's refusal for want of places, as an error of its own.
    pub(super) fn full(&self, error: Error) -> Error {
        match error {
            Error::Unavailable(text) if text.contains("FULL") => {
                Error::Full { what: "jobs in the queue", limit: self.shared.options.max_jobs }
            }
            other => other,
        }
    }

    /// How many pending jobs a lane may have, for those jobs that have a lane.
    async fn backlogs(&self, batch: &[(usize, &NewJob)]) -> Result<HashMap<IntegrationId, u32>> {
        let mut backlogs = HashMap::new();
        for (_, new) in batch.iter().filter(|(_, new)| new.job.lane.is_some()) {
            let integration = new.job.integration;
            if !backlogs.contains_key(&integration)
                && let Some(most) = self.read_control(integration).await?.lane_backlog
            {
                backlogs.insert(integration, most);
            }
        }
        Ok(backlogs)
    }
}

/// Writes the jobs as `insert.lua` reads them. Plain jobs go in groups, in any order among each other; those whose keys
/// matter stay in the order of the call.
pub(super) fn lay_out(
    jobs: &[&NewJob],
    backlogs: &HashMap<IntegrationId, u32>,
    arguments: &mut Arguments,
) -> Result<()> {
    let plain = |new: &NewJob| new.job.lane.is_none() && blob::naming_key(new).is_empty() && new.idempotency.is_none();
    let mut groups = BTreeMap::<(IntegrationId, u8), Vec<usize>>::new();
    let mut one_by_one = Vec::new();
    for (place, new) in jobs.iter().enumerate() {
        if plain(new) {
            groups.entry((new.job.integration, new.job.priority.min(9))).or_default().push(place);
        } else {
            one_by_one.push(place);
        }
    }
    arguments.number(jobs.len());
    for ((integration, priority), places) in groups {
        arguments.add(integration.to_bytes()).add("").number(priority).add("p").number(places.len());
        for place in places {
            job(arguments, place, jobs[place])?;
        }
    }
    for place in one_by_one {
        let new = jobs[place];
        arguments.add(new.job.integration.to_bytes()).add("").number(new.job.priority.min(9)).add("k").number(1);
        job(arguments, place, new)?;
        let most = new.job.lane.as_ref().and(backlogs.get(&new.job.integration));
        arguments.add(blob::naming_key(new)).add(mode(new.if_exists)).number(most.map_or(-1, |most| i64::from(*most)));
        match &new.idempotency {
            Some(asked) => {
                arguments.add(asked.key.as_str()).add(asked.fingerprint).number(blob::time(asked.until));
            }
            None => {
                arguments.add("").add("").add("0");
            }
        }
    }
    Ok(())
}

fn job(arguments: &mut Arguments, place: usize, new: &NewJob) -> Result<()> {
    arguments.number(place).add(new.job.id.to_bytes()).add(blob::encode(new)?).number(blob::time(new.job.due));
    Ok(())
}

fn mode(if_exists: IfExists) -> &'static str {
    match if_exists {
        IfExists::Keep => "k",
        IfExists::Reject => "j",
        IfExists::Replace | IfExists::Beside => "r",
    }
}

/// Reads what is not simply created: place and answer.
fn read(mut answer: Answer) -> Result<Vec<(usize, Enqueued)>> {
    let mut found = Vec::new();
    while !answer.is_empty() {
        let place = usize::try_from(answer.number()?).unwrap_or(usize::MAX);
        let word = answer.text()?;
        let (id, number, replaced) = (answer.job_id()?, answer.number()?, answer.number()? == 1);
        found.push((place, enqueued(&word, id, number, replaced)?));
    }
    Ok(found)
}

fn enqueued(word: &str, id: JobId, number: i64, replaced: bool) -> Result<Enqueued> {
    Ok(match word {
        "replaced" => Enqueued::Replaced { old: id },
        "kept" => Enqueued::Kept { existing: id, due: Millis(number) },
        "rejected" => Enqueued::Rejected { existing: id },
        "repeated" => Enqueued::Repeated { first: id, due: Millis(number), replaced },
        "conflict" => Enqueued::Conflict { first: id },
        "crowded" => Enqueued::Crowded { limit: u32::try_from(number).unwrap_or(u32::MAX) },
        other => return Err(Error::Corrupt(format!("a script answered {other:?}"))),
    })
}
