//! Dead jobs by the fingerprint of their error.

use std::cmp::Reverse;
use std::collections::HashMap;

use futures_util::future::try_join_all;
use schedules::Millis;
use scripts::protocol::ScriptError;
use store::IntegrationId;
use store::queue::{Inspect, JobFilter, JobView, State};

use super::{Fingerprint, fingerprint};
use crate::{Result, Services};

/// The most dead jobs that are looked at, the newest first.
pub const MAX_LOOKED: usize = 20_000;
/// Jobs that are asked for at one time.
const AT_ONCE: usize = 100;

/// Dead jobs of one integration that failed in the same way.
#[derive(Clone, Debug)]
pub struct Group {
    /// What they have in common.
    pub fingerprint: Fingerprint,
    /// Their integration.
    pub integration: IntegrationId,
    /// How many there are.
    pub count: u64,
    /// When the first of them died.
    pub first: Millis,
    /// When the last of them died.
    pub last: Millis,
    /// The error of the one that died last.
    pub error: ScriptError,
    /// The one that died last.
    pub sample: JobView,
}

/// The groups, those with the most jobs first.
#[derive(Clone, Debug)]
pub struct Groups {
    /// The groups.
    pub items: Vec<Group>,
    /// Whether all dead jobs were looked at, and not only the newest [`MAX_LOOKED`].
    pub is_complete: bool,
}

/// Groups the dead jobs, of one integration or of all.
pub async fn groups(services: &Services, integration: Option<IntegrationId>) -> Result<Groups> {
    let mut groups = HashMap::<(IntegrationId, Fingerprint), Group>::new();
    let is_complete = each(services, integration, |view| add(&mut groups, view)).await?;
    let mut items: Vec<Group> = groups.into_values().collect();
    items.sort_by_key(|group| Reverse((group.count, group.last, group.fingerprint)));
    Ok(Groups { items, is_complete })
}

/// The dead jobs of an integration that have this fingerprint, the newest first; at most [`MAX_LOOKED`] are looked at.
pub async fn jobs_of(services: &Services, integration: IntegrationId, wanted: Fingerprint) -> Result<Vec<JobView>> {
    let mut jobs = Vec::new();
    each(services, Some(integration), |view| {
        if fingerprint(&error_of(&view)) == wanted {
            jobs.push(view);
        }
    })
    .await?;
    Ok(jobs)
}

/// Shows dead jobs one after the other, the newest first; whether those were all.
async fn each(services: &Services, integration: Option<IntegrationId>, mut look: impl FnMut(JobView)) -> Result<bool> {
    let filter = JobFilter { integration, state: Some(State::Dead), selector: None };
    let mut ids = services.queue.ids(filter, MAX_LOOKED + 1).await?;
    let is_complete = ids.len() <= MAX_LOOKED;
    ids.truncate(MAX_LOOKED);
    for some in ids.chunks(AT_ONCE) {
        let views = try_join_all(some.iter().map(|id| services.queue.get(*id))).await?;
        views.into_iter().flatten().filter(|view| view.state == State::Dead).for_each(&mut look);
    }
    Ok(is_complete)
}

fn add(groups: &mut HashMap<(IntegrationId, Fingerprint), Group>, view: JobView) {
    let error = error_of(&view);
    let fingerprint = fingerprint(&error);
    let (integration, died) = (view.job.integration, view.died.unwrap_or(view.job.due));
    let place = (integration, fingerprint);
    let Some(group) = groups.get_mut(&place) else {
        let group = Group { fingerprint, integration, count: 1, first: died, last: died, error, sample: view };
        groups.insert(place, group);
        return;
    };
    group.count += 1;
    group.first = group.first.min(died);
    if died > group.last {
        (group.last, group.error, group.sample) = (died, error, view);
    }
}

/// The last error of a dead job; text that is no error of a script is its message.
fn error_of(view: &JobView) -> ScriptError {
    let text = view.error.as_deref().unwrap_or_default();
    serde_json::from_str(text).unwrap_or_else(|_| ScriptError { message: text.to_owned(), ..ScriptError::default() })
}
