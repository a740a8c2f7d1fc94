//! How long a job waits for its start when there is little to do.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use store::queue::Queue;

use super::Ours;
use crate::Outcome;
use crate::figures::{Figures, Side, Waits};
use crate::jobs::{job, ms_since, time_in};
use crate::worker::{Handler, work_off};

/// A handler that notes how long after the time in its payload each job starts.
pub(super) fn noting() -> (Handler, Arc<Mutex<Vec<f64>>>) {
    let waits = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&waits);
    let handler: Handler = Arc::new(move |leased| {
        noted.lock().unwrap_or_else(PoisonError::into_inner).push(ms_since(time_in(&leased.job)));
    });
    (handler, waits)
}

pub(super) fn noted(waits: &Mutex<Vec<f64>>) -> Waits {
    Waits::of(std::mem::take(&mut *waits.lock().unwrap_or_else(PoisonError::into_inner)))
}

impl Ours<'_> {
    pub async fn latency(&self, figures: &mut Figures) -> Outcome<()> {
        let jobs = self.size.low_load;
        let queue = self.empty_queue().await?;
        let (handler, waits) = noting();
        let worker = tokio::spawn(work_off(queue.clone(), jobs, handler, None));
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        for number in 0..jobs {
            ticks.tick().await;
            let queue = queue.clone();
            tokio::spawn(async move { queue.enqueue(vec![job(0, number)]).await });
        }
        worker.await??;
        figures.add_waits(Side::Ours, "enqueue to start, 200 jobs/s", noted(&waits));
        Ok(())
    }
}
