//! list: a page of jobs, newest first.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::{find, row};
use crate::queue::{JobFilter, JobView, Page, PageRequest, Selector, State};
use crate::{JobId, Result};

/// A page of the jobs that pass the filter.
pub(super) fn list(connection: &Connection, filter: &JobFilter, page: PageRequest<JobId>) -> Result<Page<JobView>> {
    let jobs = Jobs::new(filter);
    let total = jobs.count(connection)?;
    let first = page.first.max(1);
    let ids = match page {
        PageRequest { after: None, before: Some(before), .. } => {
            let mut nearest = jobs.between(connection, Some(before), None, Order::Oldest, first)?;
            nearest.reverse();
            nearest
        }
        PageRequest { after, before, .. } => jobs.between(connection, before, after, Order::Newest, first)?,
    };
    let newest = ids.first().copied().or(page.after.map(just_after));
    let oldest = ids.last().copied().or(page.before.map(just_before));
    let has_previous = match newest {
        Some(id) => !jobs.between(connection, Some(id), None, Order::Oldest, 1)?.is_empty(),
        None => false,
    };
    let has_next = match oldest {
        Some(id) => !jobs.between(connection, None, Some(id), Order::Newest, 1)?.is_empty(),
        None => false,
    };
    let mut items = Vec::with_capacity(ids.len());
    for id in ids {
        items.extend(find::get(connection, id)?);
    }
    Ok(Page { items, has_next, has_previous, total })
}

/// The ids of the jobs that pass the filter, newest first.
pub(super) fn ids(connection: &Connection, filter: &JobFilter, limit: usize) -> Result<Vec<JobId>> {
    Jobs::new(filter).between(connection, None, None, Order::Newest, limit)
}

/// The place in the list right after `id`, for a page that is empty: `id` itself comes before it.
fn just_after(id: JobId) -> JobId {
    JobId(ulid::Ulid(id.0.0.saturating_sub(1)))
}

/// The place in the list right before `id`.
fn just_before(id: JobId) -> JobId {
    JobId(ulid::Ulid(id.0.0.saturating_add(1)))
}

#[derive(Clone, Copy)]
enum Order {
    Newest,
    Oldest,
}

/// The jobs of a filter, as queries that give their ids.
struct Jobs {
    /// In no order, for counting.
    all: String,
    /// For reading a few in the order of their ids.
    ordered: String,
    params: Vec<Value>,
}

impl Jobs {
    fn new(filter: &JobFilter) -> Self {
        let mut jobs = Self { all: String::new(), ordered: String::new(), params: Vec::new() };
        let mut condition = String::new();
        if let Some(integration) = filter.integration {
            condition += &format!(" AND integration = {}", bind(&mut jobs.params, integration.to_bytes().to_vec()));
        }
        match &filter.selector {
            None | Some(Selector::All) => {}
            Some(Selector::Key(key)) => {
                condition += &format!(" AND key = {}", bind(&mut jobs.params, key.identity().0.to_vec()))
            }
            Some(Selector::Job(job)) => {
                condition += &format!(" AND id = {}", bind(&mut jobs.params, job.to_bytes().to_vec()))
            }
            Some(Selector::Match(part)) => {
                condition +=
                    &format!(" AND key_contains(key_text, {})", bind(&mut jobs.params, part.canonical().to_owned()));
            }
        }
        let union = |sources: &[&str]| {
            let parts: Vec<_> =
                sources.iter().map(|source| format!("SELECT id FROM jobs {source}{condition}")).collect();
            parts.join(" UNION ALL ")
        };
        jobs.all = union(sources(filter));
        jobs.ordered = match filter {
            // Most jobs are pending, so that walking the ids finds some at once.
            JobFilter { integration: None, state: Some(State::Pending), selector: None } => {
                union(&["INDEXED BY jobs_id WHERE state = 0"])
            }
            _ => jobs.all.clone(),
        };
        jobs
    }

    fn count(&self, connection: &Connection) -> Result<u64> {
        let mut statement = connection.prepare_cached(&format!("SELECT count(*) FROM ({})", self.all))?;
        let count: i64 = statement.query_row(params_from_iter(&self.params), |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// The first ids of those newer than one id and older than another, both excluded.
    fn between(
        &self,
        connection: &Connection,
        newer_than: Option<JobId>,
        older_than: Option<JobId>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<JobId>> {
        let mut params = self.params.clone();
        let mut query = format!("SELECT id FROM ({}) WHERE 1 = 1", self.ordered);
        if let Some(id) = newer_than {
            query += &format!(" AND id > {}", bind(&mut params, id.to_bytes().to_vec()));
        }
        if let Some(id) = older_than {
            query += &format!(" AND id < {}", bind(&mut params, id.to_bytes().to_vec()));
        }
        query += match order {
            Order::Newest => " ORDER BY id DESC",
            Order::Oldest => " ORDER BY id",
        };
        query += &format!(" LIMIT {}", bind(&mut params, i64::try_from(limit).unwrap_or(i64::MAX)));
        let mut statement = connection.prepare_cached(&query)?;
        row::all(&mut statement, params_from_iter(&params), |row| Ok(row.get(0)?))
    }
}

/// Adds a parameter; the answer is its place in the query.
fn bind(params: &mut Vec<Value>, value: impl Into<Value>) -> String {
    params.push(value.into());
    format!("?{}", params.len())
}

/// Where to look: an index of its own for each state, since one state may hold few jobs among many.
fn sources(filter: &JobFilter) -> &'static [&'static str] {
    const RUNNING: &str = "INDEXED BY jobs_running WHERE state = 1";
    const DEAD: &str = "INDEXED BY jobs_dead WHERE state = 2";
    // A key or an id has a better index than the queue.
    const ONE_PENDING: &str = "WHERE state = 0";
    const PENDING: &str = "INDEXED BY jobs_queue WHERE state = 0";
    let one = matches!(filter.selector, Some(Selector::Key(_) | Selector::Job(_)));
    match (filter.integration, filter.state) {
        (None, None) => &["WHERE 1 = 1"],
        (_, Some(State::Pending)) if one => &[ONE_PENDING],
        (_, Some(State::Pending)) => &[PENDING],
        (_, Some(State::Running)) => &[RUNNING],
        (_, Some(State::Dead)) => &[DEAD],
        (Some(_), None) if one => &[ONE_PENDING, RUNNING, DEAD],
        (Some(_), None) => &[PENDING, RUNNING, DEAD],
    }
}
