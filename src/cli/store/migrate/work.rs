//! The work itself: copy what is not copied yet, then add up both sides.

use ::store::Engine;
use ::store::migration::{Comparison, Kinds, Migration, Progress, Spread, compare, tally};
use ::store::queue::Queue;
use schedules::Millis;
use tokio_util::sync::CancellationToken;

use super::progress::Bar;
use super::report::{self, grouped};
use super::side::Side;
use super::state::State;
use crate::cli::{Failure, terminal};

/// What a shell reports for a process that SIGINT ended.
const INTERRUPTED: u8 = 130;
/// Buckets that end within this time of the comparison are left out of it: the two clocks may differ.
const MARGIN_MS: i64 = 2_000;

/// A migration under way.
pub struct Work<'a> {
    pub source: &'a Engine,
    pub target: &'a Engine,
    pub to: &'a Side,
    pub state: State,
    pub stop: CancellationToken,
}

impl Work<'_> {
    /// Does all of it; `records` is how many there are, about. The answer is what is in the target now.
    pub async fn run(mut self, records: u64) -> Result<Kinds, Failure> {
        let progress = self.copy(records).await?;
        let (comparison, kinds) = self.compare(&progress, records).await?;
        match comparison {
            Comparison::Same => {
                self.state.finish(self.source.now().await?)?;
                Ok(kinds)
            }
            Comparison::Missing(missing) => {
                // Whatever was lost: another copy adds it.
                self.state.save(&Progress::default())?;
                Err(Failure::new(format!("{} records are missing in the target", grouped(missing)))
                    .help("run the command again: it goes through everything once more, and adds what is missing"))
            }
            other => Err(report::difference(other, self.to)),
        }
    }

    async fn copy(&mut self, records: u64) -> Result<Progress, Failure> {
        let progress = self.state.progress()?;
        if progress.read > 0 {
            let (read, all) = (grouped(progress.read), grouped(records.max(progress.read)));
            terminal::say(&format!("going on: {read} of {all} records were copied before"));
        }
        let mut bar = Bar::new("copying", progress.read, records);
        let mut migration = Migration::new(self.source, self.target, progress);
        while migration.advance().await? {
            self.state.save(migration.progress())?;
            bar.set(migration.progress().read);
            if self.stop.is_cancelled() && !migration.progress().is_done {
                let copied = grouped(migration.progress().read);
                return Err(interrupted(&format!("{copied} of {} records are copied", grouped(records))));
            }
        }
        bar.finish();
        Ok(migration.progress().clone())
    }

    async fn compare(&self, progress: &Progress, records: u64) -> Result<(Comparison, Kinds), Failure> {
        let mut bar = Bar::new("comparing", 0, 2 * records);
        let spread = Spread::between(self.source, self.target);
        let both = async {
            let source = tally(self.source, spread, |read| bar.set(read)).await?;
            let target = tally(self.target, Spread::NONE, |read| bar.set(records + read)).await?;
            let now = self.source.now().await?.max(self.target.now().await?);
            Ok::<_, Failure>((source, target, now))
        };
        let (source, target, now) = tokio::select! {
            both = both => both?,
            () = self.stop.cancelled() => return Err(interrupted("everything is copied, and not compared yet")),
        };
        bar.finish();
        let moment = Millis(now.0.saturating_add(MARGIN_MS));
        Ok((compare(progress.lasting, &source, &target, moment), target.kinds()))
    }
}

fn interrupted(what: &str) -> Failure {
    Failure::new(format!("interrupted: {what}")).help("the same command goes on from there").exit(INTERRUPTED)
}
