//! enqueue: put jobs in, honouring keys and idempotency keys.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

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
                let order = lay_out(&new, &backlogs, &mut arguments)?;
                let value =
                    self.call(&script::enqueue, partition, &arguments).await.map_err(|error| self.full(error))?;
                for (place, answer) in read(Answer::new(value)?)? {
                    if let Some((place, _)) = order.get(place).and_then(|place| batch.get(*place)) {
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

/// Writes the jobs as `together.lua` reads them; answers the place in `jobs` of each that was written.
///
/// The order of the call counts within an integration alone. What of one is all plain, or all named in the same way,
/// goes in together; anything else goes in one by one.
pub(super) fn lay_out(
    jobs: &[&NewJob],
    backlogs: &HashMap<IntegrationId, u32>,
    arguments: &mut Arguments,
) -> Result<Vec<usize>> {
    let mut by_integration = BTreeMap::<IntegrationId, Vec<usize>>::new();
    for (place, new) in jobs.iter().enumerate() {
        by_integration.entry(new.job.integration).or_default().push(place);
    }
    let ids: HashSet<JobId> = jobs.iter().map(|new| new.job.id).collect();
    let mut order = Vec::with_capacity(jobs.len());
    arguments.number(jobs.len());
    for (integration, places) in by_integration {
        let kinds: BTreeSet<(u8, Kind)> =
            places.iter().map(|place| (priority(jobs[*place]), kind(jobs[*place]))).collect();
        let are_alike = kinds.len() == 1 || kinds.iter().all(|(_, kind)| *kind == Kind::Plain);
        let groups = if are_alike && ids.len() == jobs.len() { kinds } else { BTreeSet::from([(0, Kind::Other)]) };
        for (urgency, kind) in &groups {
            let is_of_it = |place: &&usize| groups.len() == 1 || priority(jobs[**place]) == *urgency;
            let places: Vec<usize> = places.iter().filter(is_of_it).copied().collect();
            arguments.add(integration.to_bytes()).number(urgency).add(kind.letter()).number(places.len());
            for place in &places {
                job(arguments, jobs[*place], *kind, backlogs)?;
            }
            order.extend(places);
        }
    }
    Ok(order)
}

/// How `together.lua` treats a job.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Plain,
    Named(&'static str),
    Other,
}

impl Kind {
    fn letter(self) -> &'static str {
        match self {
            Self::Plain => "p",
            Self::Named(mode) => mode,
            Self::Other => "o",
        }
    }
}

fn kind(new: &NewJob) -> Kind {
    let is_special = matches!(new.if_exists, IfExists::Debounce | IfExists::Singleton) && new.job.key.is_some();
    if new.job.lane.is_some() || new.idempotency.is_some() || new.job.is_tick() || is_special {
        Kind::Other
    } else if blob::naming_key(new).is_empty() {
        Kind::Plain
    } else {
        Kind::Named(mode(new.if_exists))
    }
}

fn priority(new: &NewJob) -> u8 {
    new.job.priority.min(9)
}

fn job(arguments: &mut Arguments, new: &NewJob, kind: Kind, backlogs: &HashMap<IntegrationId, u32>) -> Result<()> {
    arguments.add(new.job.id.to_bytes());
    arguments.written(|bytes| blob::write(new, bytes))?.number(blob::time(new.job.due));
    match kind {
        Kind::Plain => {}
        Kind::Named(_) => {
            arguments.add(blob::naming_key(new));
        }
        Kind::Other => {
            let most = new.job.lane.as_ref().and(backlogs.get(&new.job.integration));
            arguments.add(blob::naming_key(new)).add(mode(new.if_exists));
            arguments.number(most.map_or(-1, |most| i64::from(*most)));
            match &new.idempotency {
                Some(asked) => arguments.add(&asked.key).add(asked.fingerprint).number(blob::time(asked.until)),
                None => arguments.add("").add("").add("0"),
            };
        }
    }
    Ok(())
}

fn mode(if_exists: IfExists) -> &'static str {
    match if_exists {
        IfExists::Keep => "k",
        IfExists::Reject => "j",
        IfExists::Debounce => "d",
        IfExists::Singleton => "s",
        IfExists::Replace | IfExists::Beside => "r",
    }
}

/// Reads what is not simply created: place and answer.
fn read(mut answer: Answer) -> Result<Vec<(usize, Enqueued)>> {
    let mut found = Vec::new();
    while !answer.is_empty() {
        let place = usize::try_from(answer.number()?).unwrap_or(usize::MAX);
        let word = answer.text()?;
        let (id, number, times) = (answer.job_id()?, answer.number()?, answer.number()?);
        found.push((place, enqueued(&word, id, number, times)?));
    }
    Ok(found)
}

fn enqueued(word: &str, id: JobId, number: i64, times: i64) -> Result<Enqueued> {
    Ok(match word {
        "replaced" => Enqueued::Replaced { old: id },
        "kept" => Enqueued::Kept { existing: id, due: Millis(number) },
        "rejected" => Enqueued::Rejected { existing: id },
        "repeated" => Enqueued::Repeated { first: id, due: Millis(number), replaced: times == 1 },
        "pushed" => {
            let pushes = u32::try_from(times).unwrap_or(u32::MAX);
            Enqueued::Pushed { existing: id, due: Millis(number), pushes }
        }
        "conflict" => Enqueued::Conflict { first: id },
        "crowded" => Enqueued::Crowded { limit: u32::try_from(number).unwrap_or(u32::MAX) },
        other => return Err(Error::Corrupt(format!("a script answered {other:?}"))),
    })
}
