//! survey: how much there is, and whether sets and jobs agree about it.

use schedules::Millis;

use super::answer::Answer;
use super::handle::Redis;
use super::script;
use crate::queue::{State, Survey};
use crate::{Error, Result};

impl Redis {
    pub(super) async fn count_all(&self) -> Result<Survey> {
        let mut all = Survey::default();
        let mut pulses = Vec::with_capacity(self.partitions());
        for partition in 0..self.partitions() {
            let mut jobs = self.count_partition(partition, &mut all, &mut pulses).await?;
            for set in self.sets(partition, None, "pd").await? {
                match set.state {
                    State::Dead => all.dead += set.count,
                    _ => all.pending += set.count,
                }
                jobs -= i128::from(set.count);
            }
            if jobs != 0 {
                return Err(Error::Corrupt(format!(
                    "the sets of partition {partition} differ from its jobs by {jobs}: `tidegate store check` says more"
                )));
            }
        }
        all.pulse = pulses.join(" ");
        Ok(all)
    }

    /// Adds what one partition counts by itself; the answer is how many of its jobs nobody runs.
    async fn count_partition(&self, partition: usize, all: &mut Survey, pulses: &mut Vec<String>) -> Result<i128> {
        let mut cursor = "0".to_owned();
        loop {
            let mut arguments = self.arguments();
            arguments.add(cursor.as_str()).number(u8::from(partition == 0));
            let mut answer = Answer::new(self.call(&script::survey, partition, &arguments).await?)?;
            cursor = answer.text()?;
            all.buckets += answer.count()?;
            if cursor != "0" {
                continue;
            }
            self.told_time(answer.time()?);
            let (jobs, running, end, overdue) = (answer.count()?, answer.count()?, answer.number()?, answer.count()?);
            all.running += running;
            all.leases_end = all.leases_end.max(Some(Millis(end)).filter(|end| end.0 >= 0));
            all.overdue += overdue;
            all.idempotency += answer.count()?;
            all.controls += answer.count()?;
            all.cursors += answer.count()?;
            all.ticks += answer.count()?;
            all.holds += answer.count()?;
            pulses.push(answer.text()?);
            return Ok(i128::from(jobs) - i128::from(running) - i128::from(overdue));
        }
    }
}
