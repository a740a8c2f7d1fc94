//! Save, release, roll back, remove, pause, preview: the life of an integration's code.

mod pause;
mod preview;
mod release;
mod remove;
mod save;
mod ticks;

pub use pause::{pause, resume};
pub use preview::preview;
pub use release::{control, release, rollback};
pub use remove::remove;
use save::build;
pub use save::{Submission, save};
pub use ticks::next_ticks;

use std::sync::Arc;

use crate::{Entry, Error, Result, Services};

fn entry(services: &Services, name: &str) -> Result<Arc<Entry>> {
    services.directory.by_name(name).ok_or_else(|| Error::no_integration(name))
}

pub(crate) async fn stored(services: &Services, name: &str) -> Result<store::catalog::Integration> {
    let workspace = &services.options.workspace;
    services.catalog.integration(workspace, name).await?.ok_or_else(|| Error::no_integration(name))
}
