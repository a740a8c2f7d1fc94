//! settle, extend, rescue: what the holder of a lease may do, and who takes over when it runs out.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;

use super::answer::{self, Answer};
use super::handle::Redis;
use super::{blob, claim, lease, script};
use crate::Result;
use crate::queue::{Lease, Leased, Next, Settled, Settlement};

/// The most settlements of one script call, so that it stays short.
const BATCH: usize = 250;

impl Redis {
    pub(super) async fn write(&self, settlements: &[Settlement]) -> Result<Vec<Settled>> {
        let mut answers = vec![Settled::Stale; settlements.len()];
        let leases: Vec<Lease> = settlements.iter().map(|settlement| settlement.lease).collect();
        for (partition, places) in self.places(&leases) {
            for places in places.chunks(BATCH) {
                let mut arguments = self.arguments();
                for place in places {
                    let Settlement { lease, next } = &settlements[*place];
                    arguments.add(lease::encode(lease));
                    lay_out(next, &mut arguments);
                }
                let mut answer = Answer::new(self.call(&script::settle, partition, &arguments).await?)?;
                for place in places {
                    if answer.number()? == 1 {
                        answers[*place] = Settled::Applied;
                    }
                }
            }
        }
        Ok(answers)
    }

    /// The places of leases by partition; those of no partition are not held by anybody.
    fn places(&self, leases: &[Lease]) -> BTreeMap<usize, Vec<usize>> {
        let mut places = BTreeMap::<usize, Vec<usize>>::new();
        for (place, lease) in leases.iter().enumerate() {
            let partition = lease::partition(lease);
            if partition < self.partitions() {
                places.entry(partition).or_default().push(place);
            }
        }
        places
    }

    pub(super) async fn prolong(&self, leases: &[Lease], lease_ms: u32) -> Result<Vec<Lease>> {
        let mut held = vec![false; leases.len()];
        for (partition, places) in self.places(leases) {
            let mut arguments = self.arguments();
            arguments.number(lease_ms);
            arguments.add_all(places.iter().map(|place| lease::encode(&leases[*place])));
            let mut answer = Answer::new(self.call(&script::extend, partition, &arguments).await?)?;
            let mut lost = Vec::with_capacity(answer.len());
            while !answer.is_empty() {
                lost.push(lease::decode(&answer.bytes()?)?);
            }
            places.iter().for_each(|place| held[*place] = !lost.contains(&leases[*place]));
        }
        Ok(leases.iter().zip(held).filter(|(_, held)| !held).map(|(lease, _)| *lease).collect())
    }

    pub(super) async fn take_over(&self, limit: usize, lease_ms: u32) -> Result<Vec<Leased>> {
        let (mut rescued, mut failed) = (Vec::new(), None);
        for partition in 0..self.partitions() {
            if rescued.len() == limit {
                break;
            }
            let mut arguments = self.arguments();
            let token = lease::token(u8::try_from(partition).unwrap_or(u8::MAX));
            arguments.number(limit - rescued.len()).number(lease_ms).add(token);
            match self.call_soon(&script::rescue, partition, &arguments).await {
                Ok(value) => rescued.extend(claim::read(Answer::new(value)?)?),
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if rescued.is_empty() => Err(error),
            _ => Ok(rescued),
        }
    }

    /// Calls a script that only says a number in every partition, all with the same arguments; the sum.
    pub(super) async fn sum(&self, script: &script::Script, arguments: &super::link::Arguments) -> Result<i64> {
        let calls = (0..self.partitions()).map(|partition| self.call(script, partition, arguments));
        try_join_all(calls).await?.iter().map(answer::number).sum()
    }
}

fn lay_out(next: &Next, arguments: &mut super::link::Arguments) {
    let closes = |closes: &Option<schedules::Millis>| closes.map_or(String::new(), |at| blob::time(at).to_string());
    match next {
        Next::Remove => arguments.add("d"),
        Next::Retry { due, closes: end, error } => {
            arguments.add("r").number(blob::time(*due)).add(closes(end)).add(error.as_bytes())
        }
        Next::Return { due, closes: end } => arguments.add("t").number(blob::time(*due)).add(closes(end)),
        Next::Bury { error } => arguments.add("b").add(error.as_bytes()),
    };
}
