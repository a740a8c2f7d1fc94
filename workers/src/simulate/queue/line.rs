//! The lines at full buckets, each behind a gate, as the engines have them: when a gate opens, as many go back to their
//! lanes as the bucket has room for; until they have started, whoever comes to the bucket queues up.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use schedules::Millis;
use schedules::rate::{Bucket, NEVER, OnExceed};

use super::ask::Waits;
use super::buckets::{Buckets, Place};
use super::{Number, Queue, Tell, What, Where};

/// An open gate.
const OPEN: Millis = Millis(i64::MIN);

/// A place in a line: in the order of due time, priority and arrival.
type Entry = (Millis, Reverse<u8>, Number);

/// A gate.
pub(super) struct Gate {
    /// When it opens.
    pub at: Millis,
    line: BTreeSet<Entry>,
    /// Those of the line that were charged before: what is shut has kept them, not what is full.
    charged: BTreeSet<Entry>,
    /// How many were let through and have not started.
    through: usize,
}

impl Default for Gate {
    fn default() -> Self {
        Self { at: Millis(i64::MAX), line: BTreeSet::new(), charged: BTreeSet::new(), through: 0 }
    }
}

/// The room in a bucket, as if those let through were charged.
enum Room {
    Endless,
    Of(Bucket),
    /// There is none until then.
    None(Millis),
}

impl Room {
    fn take(&mut self, weight: u32, now: Millis) -> bool {
        match self {
            Self::Endless => true,
            Self::None(_) => false,
            Self::Of(bucket) => {
                bucket.weight = weight;
                let has_room = bucket.room_at(now) <= now;
                if has_room {
                    bucket.state = bucket.charged(now);
                }
                has_room
            }
        }
    }

    fn next(self, weight: u32, now: Millis) -> Millis {
        match self {
            Self::Endless => OPEN,
            Self::None(until) => until,
            Self::Of(bucket) => {
                let opens = Bucket { weight, ..bucket }.room_at(now);
                if opens <= now { OPEN } else { opens }
            }
        }
    }
}

impl Queue {
    /// When the first gate opens after `now` behind which somebody waits, if nothing else opens it.
    pub(super) fn next_gate(&self, now: Millis) -> Option<Millis> {
        let after = (now.after(1), Place::default());
        self.opening.range(after..).next().map(|(at, _)| *at).filter(|at| *at < NEVER)
    }

    /// A job whose turn it was waits in line instead.
    pub(super) fn line_up(&mut self, now: Millis, number: Number, waits: Waits, tell: Tell<'_>) {
        let before = self.leave(number);
        let Some(pending) = self.pending.get_mut(&number) else { return };
        let Waits { limit, place, until, hold } = waits;
        let what = match hold {
            hold if hold.paused => What::LimitPaused { limit },
            hold if hold.until > now => What::Held { limit, until },
            _ => What::Limited { limit, until },
        };
        tell(&pending.name, what);
        (pending.at, pending.waits) = (Where::Line(place.clone()), false);
        let entry = (pending.job.due, Reverse(pending.job.priority), number);
        let charged = pending.charged;
        self.closing.extend(pending.job.closes.map(|closes| (closes, number)));
        self.gate(&place, |gate| {
            gate.at = gate.at.min(until);
            gate.line.insert(entry);
            gate.charged.extend(charged.then_some(entry));
        });
        if let Some(before) = before.filter(|before| *before != place) {
            self.look_again(&before);
        }
    }

    /// Takes a job out of a line.
    pub(super) fn out_of_line(&mut self, place: &Place, entry: Entry) {
        if let Some(gate) = self.gates.get_mut(place) {
            if gate.line.len() == 1 {
                self.opening.remove(&(gate.at, place.clone()));
            }
            gate.line.remove(&entry);
            gate.charged.remove(&entry);
        }
    }

    /// One that was let through is not any more.
    pub(super) fn not_through(&mut self, place: &Place) {
        if let Some(gate) = self.gates.get_mut(place) {
            gate.through -= 1;
        }
    }

    /// The gate goes if nobody is left behind it, or on the way from it.
    pub(super) fn passed(&mut self, place: &Place) {
        if self.gates.contains_key(place) {
            self.gate(place, |_| {});
        }
    }

    /// Jobs have left, or were let through for nothing: those behind may have room.
    pub fn look_again(&mut self, place: &Place) {
        if self.gates.contains_key(place) {
            self.gate(place, |gate| gate.at = OPEN);
        }
    }

    fn gate(&mut self, place: &Place, change: impl FnOnce(&mut Gate)) {
        let gate = self.gates.entry(place.clone()).or_default();
        self.opening.remove(&(gate.at, place.clone()));
        change(gate);
        if !gate.line.is_empty() {
            self.opening.insert((gate.at, place.clone()));
        } else if gate.through == 0 {
            self.gates.remove(place);
        }
    }

    /// Opens the gates that are due until `wanted` jobs have gone through; the answer is how many did.
    pub(super) fn open_gates(&mut self, now: Millis, wanted: usize, shared: &Buckets) -> usize {
        let mut through = 0;
        while through < wanted {
            let Some((_, place)) = self.opening.first().filter(|(at, _)| *at <= now).cloned() else { break };
            through += self.open(now, &place, wanted - through, shared);
        }
        through
    }

    fn open(&mut self, now: Millis, place: &Place, most: usize, shared: &Buckets) -> usize {
        let Some(gate) = self.gates.get(place) else { return 0 };
        let first = gate.line.first().and_then(|(.., number)| self.job(*number));
        let Some(limit) = first.and_then(|job| self.limit_of(place, job)) else {
            self.gate(place, |gate| gate.at = NEVER);
            return 0;
        };
        let bucket = self.bucket(place, limit, 1, shared);
        let ends = bucket.hold.ends();
        let is_shut = ends > now;
        let mut room = match self.control.limits[limit].on_exceed {
            OnExceed::Delay => Room::Of(bucket),
            OnExceed::Reject if is_shut => Room::None(ends),
            OnExceed::Reject => Room::Endless,
        };
        let (mut through, mut next_weight) = (Vec::new(), 1);
        for (.., number) in &gate.line {
            let Some(pending) = self.pending.get(number) else { continue };
            let is_free = pending.charged && !is_shut;
            if through.len() == most || !(is_free || room.take(pending.job.weight, now)) {
                next_weight = pending.job.weight;
                break;
            }
            through.push(*number);
        }
        if !is_shut {
            let rest = gate.charged.iter().map(|(.., number)| *number).filter(|number| !through.contains(number));
            through.extend(rest.collect::<Vec<_>>());
        }
        let next = room.next(next_weight, now);
        for number in &through {
            self.let_through(*number, place);
        }
        self.gate(place, |gate| gate.at = next);
        through.len()
    }

    fn let_through(&mut self, number: Number, place: &Place) {
        self.leave(number);
        if let Some(gate) = self.gates.get_mut(place) {
            gate.through += 1;
        }
        if let Some(pending) = self.pending.get_mut(&number) {
            pending.through = Some(place.clone());
        }
        self.ready(number);
    }
}
