//! What has changed since it was computed: verbs only say where; it is computed from the rows again, so nothing can leak.

use std::collections::BTreeSet;

use indexmap::IndexSet;

use super::step::Step;
use super::{gate, integration, lane};
use crate::{IntegrationId, Result};

/// What to look at again.
#[derive(Clone, Debug, Default)]
pub(super) struct Stale {
    /// Lines at full buckets, by the names of the buckets.
    pub(super) lines: BTreeSet<(IntegrationId, Box<str>)>,
    /// Lanes, in the order in which they changed: a new one joins the rotation at its end, and how many calls the writer
    /// happened to take together must not decide who comes first. Their integrations follow.
    pub(super) lanes: IndexSet<(IntegrationId, Box<str>)>,
    /// Integrations.
    pub(super) integrations: BTreeSet<IntegrationId>,
}

/// Looks at everything stale again.
pub(super) fn refresh(step: &mut Step<'_>) -> Result<()> {
    refresh_lanes(step)?;
    while let Some(integration) = step.books.stale.integrations.first().copied() {
        integration::refresh(step, integration)?;
        step.books.stale.integrations.remove(&integration);
    }
    Ok(())
}

/// Looks at lines and lanes again, not yet at their integrations.
pub(super) fn refresh_lanes(step: &mut Step<'_>) -> Result<()> {
    while let Some(line) = step.books.stale.lines.first().cloned() {
        gate::refresh(step, line.0, &line.1)?;
        step.books.stale.integrations.insert(line.0);
        step.books.stale.lines.remove(&line);
    }
    for (integration, lane) in std::mem::take(&mut step.books.stale.lanes) {
        lane::refresh(step, integration, &lane)?;
        step.books.stale.integrations.insert(integration);
    }
    Ok(())
}
