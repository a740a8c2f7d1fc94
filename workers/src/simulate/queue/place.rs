//! Where a job waits: for its due time, its turn, or in line; and all that finds it there.

use std::cmp::Reverse;

use super::buckets::Place;
use super::{Name, Number, Pending, Queue, Where};

impl Queue {
    /// It is due: it waits for its turn.
    pub(super) fn ready(&mut self, number: Number) {
        let Some(pending) = self.pending.get_mut(&number) else { return };
        pending.at = Where::Ready;
        let turns = self.lanes.entry(pending.job.lane.clone()).or_default();
        if turns.ready.is_empty() {
            self.last_turn += 1;
            turns.turn = self.last_turn;
            self.turns.insert((turns.turn, pending.job.lane.clone()));
        }
        self.fresh.push(number);
        self.closing.extend(pending.job.closes.map(|closes| (closes, number)));
        turns.ready.insert((Reverse(pending.job.priority), pending.job.due, number));
    }

    /// Out of the place it waits at; the gate behind which it was, or through which it came, is to be looked at.
    pub(super) fn leave(&mut self, number: Number) -> Option<Place> {
        let pending = self.pending.get_mut(&number)?;
        let (job, at, through) =
            (&pending.job, std::mem::replace(&mut pending.at, Where::Early), pending.through.take());
        if let Some(closes) = job.closes {
            self.closing.remove(&(closes, number));
        }
        match at {
            Where::Early => drop(self.early.remove(&(job.due, number))),
            Where::Ready => {
                if let Some(turns) = self.lanes.get_mut(&job.lane) {
                    turns.ready.remove(&(Reverse(job.priority), job.due, number));
                    if turns.ready.is_empty() {
                        self.turns.remove(&(turns.turn, job.lane.clone()));
                    }
                }
            }
            Where::Line(place) => {
                let entry = (job.due, Reverse(job.priority), number);
                self.out_of_line(&place, entry);
                return Some(place);
            }
        }
        if let Some(place) = &through {
            self.not_through(place);
        }
        through
    }

    /// Takes a pending job out; those behind it may have room.
    pub(super) fn take_out(&mut self, number: Number) -> Option<Pending> {
        if let Some(place) = self.leave(number) {
            self.look_again(&place);
        }
        self.forget(number)
    }

    /// Takes out one that has left its place.
    pub(super) fn forget(&mut self, number: Number) -> Option<Pending> {
        let pending = self.pending.remove(&number)?;
        self.ticks -= usize::from(pending.job.tick.is_some());
        if let Some(lane) = self.lanes.get_mut(&pending.job.lane) {
            lane.pending -= 1;
            lane.retrying.remove(&(pending.job.due, number));
        }
        if let Some(key) = &pending.job.key
            && self.keys.get(key.canonical()) == Some(&number)
        {
            self.keys.remove(key.canonical());
        }
        Some(pending)
    }

    /// A job that was taken out, with another due time.
    pub(super) fn back(&mut self, number: Number, pending: Pending) {
        if let (Some(key), Name::Key(_), true) = (&pending.job.key, &pending.name, pending.named) {
            self.keys.entry(key.canonical().into()).or_insert(number);
        }
        let lane = self.lanes.entry(pending.job.lane.clone()).or_default();
        lane.pending += 1;
        if pending.made > 0 {
            lane.retrying.insert((pending.job.due, number));
        }
        self.ticks += usize::from(pending.job.tick.is_some());
        self.early.insert((pending.job.due, number));
        self.pending.insert(number, Pending { at: Where::Early, waits: false, through: None, ..pending });
    }
}
