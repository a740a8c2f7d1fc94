//! Where schedules are, and the outbox: records of ticks, until they are in the ledger.

use super::answer::{self, Answer};
use super::handle::Redis;
use crate::Result;
use crate::queue::{Cursor, ScheduleRef, TickRecord};

/// How the scripts name a schedule.
pub(super) fn field(schedule: ScheduleRef) -> Vec<u8> {
    let mut name = schedule.integration.to_bytes().to_vec();
    if !schedule.is_own() {
        name.extend(schedule.schedule.to_bytes());
    }
    name
}

impl Redis {
    pub(super) async fn read_cursors(&self, schedules: &[ScheduleRef]) -> Result<Vec<Option<Cursor>>> {
        let mut cursors = vec![None; schedules.len()];
        for partition in 0..self.partitions() {
            let of_it = |it: &ScheduleRef| self.partition_of(it.integration) == partition;
            let places: Vec<usize> = (0..schedules.len()).filter(|place| of_it(&schedules[*place])).collect();
            if places.is_empty() {
                continue;
            }
            let mut command = redis::cmd("HMGET");
            command.arg(format!("{}:u", self.partition(partition)?.tag));
            for place in &places {
                command.arg(field(schedules[*place]));
            }
            let mut values = Answer::new(self.shared.link.command(&command).await?)?;
            for place in places {
                let text = answer::bytes(values.value()?)?;
                cursors[place] = text.map(|text| Cursor::parse(&String::from_utf8_lossy(&text))).transpose()?;
            }
        }
        Ok(cursors)
    }

    pub(super) async fn forget_places(&self, schedules: &[ScheduleRef]) -> Result<()> {
        for partition in 0..self.partitions() {
            let of_it = |it: &&ScheduleRef| self.partition_of(it.integration) == partition;
            let names: Vec<Vec<u8>> = schedules.iter().filter(of_it).map(|it| field(*it)).collect();
            self.forget_fields(partition, "u", names).await?;
        }
        Ok(())
    }

    pub(super) async fn some_records(&self, limit: usize) -> Result<Vec<TickRecord>> {
        let mut records = Vec::new();
        for partition in 0..self.partitions() {
            let key = format!("{}:y", self.partition(partition)?.tag);
            let mut cursor = "0".to_owned();
            loop {
                let left = limit.saturating_sub(records.len());
                if left == 0 {
                    return Ok(records);
                }
                let mut scan = redis::cmd("HSCAN");
                scan.arg(&key).arg(&cursor).arg("COUNT").arg(left);
                let mut answer = Answer::new(self.shared.link.command(&scan).await?)?;
                cursor = answer.text()?;
                let mut pairs = answer.list()?;
                while !pairs.is_empty() {
                    let record = TickRecord::decode(&pairs.bytes()?, &pairs.bytes()?)?;
                    // A scan may see a field twice, and more than was asked for.
                    if records.len() < limit && !records.contains(&record) {
                        records.push(record);
                    }
                }
                if cursor == "0" {
                    break;
                }
            }
        }
        Ok(records)
    }

    pub(super) async fn forget_records(&self, records: &[TickRecord]) -> Result<()> {
        for partition in 0..self.partitions() {
            let of_it = |it: &&TickRecord| self.partition_of(it.schedule.integration) == partition;
            let names: Vec<Vec<u8>> = records.iter().filter(of_it).map(TickRecord::name_bytes).collect();
            self.forget_fields(partition, "y", names).await?;
        }
        Ok(())
    }

    async fn forget_fields(&self, partition: usize, hash: &str, names: Vec<Vec<u8>>) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let key = format!("{}:{hash}", self.partition(partition)?.tag);
        self.shared.link.command(redis::cmd("HDEL").arg(key).arg(names)).await?;
        Ok(())
    }
}
