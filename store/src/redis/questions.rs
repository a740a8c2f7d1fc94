//! The questions: one job, the jobs a selector means, pages, counts.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use schedules::Key;

use super::answer::Answer;
use super::handle::Redis;
use super::{blob, lease, script};
use crate::queue::{Counts, JobFilter, JobView, Page, PageRequest, Selector, State};
use crate::{Error, IntegrationId, JobId, Result};

/// How many members of a set one script call looks at.
const CHUNK: usize = 2_000;
const STATES: [(State, &str); 3] = [(State::Pending, "p"), (State::Running, "r"), (State::Dead, "d")];

/// A sorted set with jobs.
pub(super) struct Set {
    pub(super) state: State,
    pub(super) name: Vec<u8>,
    pub(super) count: u64,
    pub(super) skip: i64,
}

impl Set {
    /// Whether it has jobs of all integrations, and a member that is none.
    pub(super) fn is_mixed(&self) -> bool {
        self.state == State::Running
    }
}

/// What a look through sets found.
#[derive(Default)]
struct Found {
    ids: BTreeSet<JobId>,
    count: u64,
    smallest: Option<JobId>,
    greatest: Option<JobId>,
}

/// Which ids a look through sets keeps.
#[derive(Clone, Copy)]
struct Bounds {
    newer_than: Option<JobId>,
    older_than: Option<JobId>,
    newest: bool,
    keep: usize,
}

impl Redis {
    /// Everything about jobs, of those that exist; in no order.
    pub(super) async fn views(&self, ids: &[JobId]) -> Result<Vec<JobView>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut arguments = self.arguments();
        arguments.add_all(ids.iter().map(|id| id.to_bytes()));
        let calls = (0..self.partitions()).map(|partition| self.call(&script::views, partition, &arguments));
        let mut views = Vec::with_capacity(ids.len());
        for value in try_join_all(calls).await? {
            let mut answer = Answer::new(value)?;
            while !answer.is_empty() {
                views.push(view(&mut answer)?);
            }
        }
        Ok(views)
    }

    pub(super) async fn find_pending(
        &self,
        integration: IntegrationId,
        selector: Selector,
        limit: usize,
    ) -> Result<Vec<JobView>> {
        let ids = match selector {
            Selector::Key(key) => {
                let mut found = self.named(integration, &key).await?;
                found.truncate(limit);
                return Ok(found);
            }
            Selector::Job(job) => vec![job],
            Selector::Match(part) => self.matching(Some(integration), "p", &part).await?,
            Selector::All => {
                let bounds = Bounds { newer_than: None, older_than: None, newest: false, keep: limit };
                let found = self.look(Some(integration), "p", bounds).await?;
                found.ids.into_iter().collect()
            }
        };
        let ids: BTreeSet<JobId> = ids.into_iter().collect();
        let ids: Vec<JobId> = ids.into_iter().take(limit).collect();
        let mut views = self.views(&ids).await?;
        views.retain(|view| view.state == State::Pending && view.job.integration == integration);
        views.sort_by_key(|view| view.job.id);
        Ok(views)
    }

    pub(super) async fn page(&self, filter: &JobFilter, page: PageRequest<JobId>) -> Result<Page<JobView>> {
        let newest = page.after.is_some() || page.before.is_none();
        let bounds = Bounds { newer_than: page.before, older_than: page.after, newest, keep: page.first.max(1) };
        let found = self.found(filter, bounds).await?;
        self.fill(found, page, newest).await
    }

    /// The newest ids that pass a filter, the newest first.
    pub(super) async fn newest(&self, filter: &JobFilter, limit: usize) -> Result<Vec<JobId>> {
        let bounds = Bounds { newer_than: None, older_than: None, newest: true, keep: limit };
        Ok(self.found(filter, bounds).await?.ids.into_iter().rev().collect())
    }

    /// What of the jobs that pass a filter is within bounds.
    async fn found(&self, filter: &JobFilter, bounds: Bounds) -> Result<Found> {
        let states: String = STATES
            .iter()
            .filter(|(state, _)| filter.state.is_none_or(|wanted| wanted == *state))
            .map(|(_, letter)| *letter)
            .collect();
        Ok(match &filter.selector {
            None | Some(Selector::All) => self.look(filter.integration, &states, bounds).await?,
            Some(Selector::Match(part)) => bounds.of(self.matching(filter.integration, &states, part).await?),
            Some(Selector::Key(key)) => {
                let candidates = self.matching(filter.integration, &states, key).await?;
                let views = self.views(&candidates).await?;
                let same = |view: &JobView| view.job.key.as_ref().is_some_and(|own| own.canonical() == key.canonical());
                bounds.of(views.iter().filter(|view| same(view)).map(|view| view.job.id).collect())
            }
            Some(Selector::Job(job)) => {
                let fits = |view: &JobView| {
                    filter.integration.is_none_or(|of| of == view.job.integration)
                        && filter.state.is_none_or(|state| state == view.state)
                };
                bounds.of(self.views(&[*job]).await?.iter().filter(|view| fits(view)).map(|view| view.job.id).collect())
            }
        })
    }

    async fn fill(&self, found: Found, page: PageRequest<JobId>, newest: bool) -> Result<Page<JobView>> {
        let first = page.first.max(1);
        let mut ids: Vec<JobId> = match newest {
            true => found.ids.iter().rev().take(first).copied().collect(),
            false => found.ids.iter().take(first).copied().collect(),
        };
        ids.sort_by_key(|id| Reverse(*id));
        let has_previous = match (ids.first(), page.after) {
            (Some(newest), _) => found.greatest > Some(*newest),
            (None, after) => after.is_some() && found.greatest >= after,
        };
        let has_next = match (ids.last(), page.before) {
            (Some(oldest), _) => found.smallest.is_some_and(|smallest| smallest < *oldest),
            (None, before) => before.is_some_and(|before| found.smallest.is_some_and(|smallest| smallest <= before)),
        };
        let mut items = self.views(&ids).await?;
        items.sort_by_key(|view| Reverse(view.job.id));
        Ok(Page { items, has_next, has_previous, total: found.count })
    }

    pub(super) async fn sets(
        &self,
        partition: usize,
        integration: Option<IntegrationId>,
        states: &str,
    ) -> Result<Vec<Set>> {
        let mut arguments = self.arguments();
        arguments.add(integration.map_or(Vec::new(), |id| id.to_bytes().to_vec())).add(states);
        let mut answer = Answer::new(self.call(&script::sets, partition, &arguments).await?)?;
        let mut sets = Vec::new();
        while !answer.is_empty() {
            let letter = answer.text()?;
            let state = STATES.iter().find(|(_, known)| *known == letter).map(|(state, _)| *state);
            let state = state.ok_or_else(|| Error::Corrupt(format!("a script answered {letter:?}")))?;
            let (name, count, skip) = (answer.bytes()?, answer.count()?, answer.number()?);
            sets.push(Set { state, name, count, skip });
        }
        Ok(sets)
    }

    /// The partitions that may have jobs of an integration.
    fn partitions_of(&self, integration: Option<IntegrationId>) -> std::ops::Range<usize> {
        match integration {
            Some(integration) => self.partition_of(integration)..self.partition_of(integration) + 1,
            None => 0..self.partitions(),
        }
    }

    /// Looks through all jobs in these states, and keeps the ids within the bounds.
    async fn look(&self, integration: Option<IntegrationId>, states: &str, bounds: Bounds) -> Result<Found> {
        let mut found = Found::default();
        for partition in self.partitions_of(integration) {
            for set in self.sets(partition, integration, states).await? {
                let of = integration.filter(|_| set.is_mixed());
                let mut counted = 0;
                self.scan(partition, &set, of, "", bounds, |mut answer| {
                    counted += answer.count()?;
                    for end in [answer.bytes()?, answer.bytes()?] {
                        if let Ok(id) = <[u8; 16]>::try_from(end).map(JobId::from_bytes) {
                            found.smallest = Some(found.smallest.map_or(id, |known| known.min(id)));
                            found.greatest = Some(found.greatest.map_or(id, |known| known.max(id)));
                        }
                    }
                    while !answer.is_empty() {
                        found.ids.insert(answer.job_id()?);
                    }
                    bounds.trim(&mut found.ids);
                    Ok(())
                })
                .await?;
                // A scan may see a member twice; the set knows how many it has.
                let sentinel = u64::from(set.is_mixed() && set.count > 0);
                found.count += if of.is_some() { counted } else { set.count.saturating_sub(sentinel) };
            }
        }
        Ok(found)
    }

    /// The ids of the jobs in these states whose key contains `part`.
    pub(super) async fn matching(
        &self,
        integration: Option<IntegrationId>,
        states: &str,
        part: &Key,
    ) -> Result<Vec<JobId>> {
        let fragment = fragment(part)?;
        let bounds = Bounds { newer_than: None, older_than: None, newest: true, keep: 0 };
        let mut ids = BTreeSet::new();
        for partition in self.partitions_of(integration) {
            for set in self.sets(partition, integration, states).await? {
                let of = integration.filter(|_| set.is_mixed());
                self.scan(partition, &set, of, &fragment, bounds, |mut answer| {
                    let _bounds = (answer.count()?, answer.bytes()?, answer.bytes()?);
                    while !answer.is_empty() {
                        let (id, key) = (answer.job_id()?, blob::key(&answer.bytes()?)?);
                        if key.contains(part) {
                            ids.insert(id);
                        }
                    }
                    Ok(())
                })
                .await?;
            }
        }
        Ok(ids.into_iter().collect())
    }

    /// Gives each part of a set to `each`.
    async fn scan(
        &self,
        partition: usize,
        set: &Set,
        integration: Option<IntegrationId>,
        text: &str,
        bounds: Bounds,
        mut each: impl FnMut(Answer) -> Result<()>,
    ) -> Result<()> {
        let id = |id: Option<JobId>| id.map_or(Vec::new(), |id| id.to_bytes().to_vec());
        let mut cursor = "0".to_owned();
        loop {
            let mut arguments = self.arguments();
            arguments.add(set.name.clone()).number(set.skip).add(cursor.as_str()).number(CHUNK);
            arguments.add(integration.map_or(Vec::new(), |id| id.to_bytes().to_vec())).add(text);
            arguments.add(id(bounds.newer_than)).add(id(bounds.older_than));
            arguments.add(if bounds.newest { "n" } else { "o" }).number(bounds.keep);
            let mut answer = Answer::new(self.call(&script::scan, partition, &arguments).await?)?;
            cursor = answer.text()?;
            each(answer)?;
            if cursor == "0" {
                return Ok(());
            }
        }
    }

    pub(super) async fn count(&self) -> Result<Vec<(IntegrationId, Counts)>> {
        let arguments = self.arguments();
        let calls = (0..self.partitions()).map(|partition| self.call(&script::counts, partition, &arguments));
        let mut all = BTreeMap::<IntegrationId, Counts>::new();
        for value in try_join_all(calls).await? {
            let mut answer = Answer::new(value)?;
            while !answer.is_empty() {
                let counts = all.entry(answer.integration_id()?).or_default();
                let state = answer.text()?;
                let (count, due, first) = (answer.count()?, answer.count()?, answer.time()?);
                match state.as_str() {
                    "p" | "l" => {
                        counts.in_line += if state == "l" { count } else { 0 };
                        counts.ready += due;
                        counts.delayed += count - due;
                        if due > 0 {
                            counts.oldest_ready = Some(counts.oldest_ready.map_or(first, |known| known.min(first)));
                        }
                    }
                    "r" => counts.running += count,
                    "d" => counts.dead += count,
                    other => return Err(Error::Corrupt(format!("a script answered {other:?}"))),
                }
            }
        }
        Ok(all.into_iter().collect())
    }
}

impl Bounds {
    fn holds(&self, id: JobId) -> bool {
        self.newer_than.is_none_or(|bound| id > bound) && self.older_than.is_none_or(|bound| id < bound)
    }

    /// Drops ids that cannot be among those to keep.
    fn trim(&self, ids: &mut BTreeSet<JobId>) {
        while ids.len() > self.keep {
            if self.newest {
                ids.pop_first()
            } else {
                ids.pop_last()
            };
        }
    }

    /// What these ids are within the bounds.
    fn of(&self, all: Vec<JobId>) -> Found {
        let mut ids: BTreeSet<JobId> = all.iter().copied().filter(|id| self.holds(*id)).collect();
        self.trim(&mut ids);
        let (smallest, greatest) = (all.iter().min().copied(), all.iter().max().copied());
        Found { ids, count: all.len() as u64, smallest, greatest }
    }
}

fn view(answer: &mut Answer) -> Result<JobView> {
    let id = answer.job_id()?;
    let (job, header) = blob::decode(id, &answer.bytes()?)?;
    let (state, time, flags, error) = (answer.text()?, answer.time()?, answer.number()?, answer.text()?);
    let counted = state == "r" && flags & i64::from(lease::UNCOUNTED) == 0;
    let at = |wanted: &str| Some(time).filter(|_| state == wanted);
    Ok(JobView {
        attempt: header.attempts + u32::from(counted),
        lost: header.lost,
        charged: header.charged || counted,
        delayed_by_limit: header.in_line,
        lease_until: at("r"),
        died: at("d"),
        error: Some(error).filter(|error| !error.is_empty()).map(Into::into),
        state: match state.as_str() {
            "r" => State::Running,
            "d" => State::Dead,
            _ => State::Pending,
        },
        job,
    })
}

/// The canonical text of the longest field: a key without it does not contain `part`.
fn fragment(part: &Key) -> Result<String> {
    let mut longest = String::new();
    for (name, value) in part.fields() {
        let field = blob::key(serde_json::json!({ name: value }).to_string().as_bytes())?;
        let text = field.canonical();
        let text = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        if text.len() > longest.len() {
            longest = text.to_owned();
        }
    }
    Ok(longest)
}
