//! Whose turn it is: what is due moves on, closes, waits, is refused, starts; and what becomes of it when its run ends.

use schedules::Millis;
use schedules::backoff::Retry;
use schedules::rate::State;
use store::queue::Next;

use super::ask::Said;
use super::buckets::{Buckets, Place};
use super::{Course, Lane, Number, Queue, Tell, What, Where};
use crate::worker::{self, hold_until, reopening};

/// The chance in the pauses between attempts: the middle of their jitter.
const ROLL: f64 = 0.5;

impl Queue {
    /// When something may start or close, if nothing else happens before; ends of runs are not looked at.
    pub fn next(&self, now: Millis) -> Option<Millis> {
        let early = self.early.first().map(|(due, _)| *due);
        let closes = self.closing.first().map(|(closes, _)| *closes);
        let gate = self.next_gate(now).filter(|_| !self.control.paused);
        early.into_iter().chain(closes).chain(gate).min()
    }

    /// Starts what may start now, at most so many; gives the numbers of the runs that began.
    pub fn advance(&mut self, now: Millis, most: usize, shared: &mut Buckets, tell: Tell<'_>) -> Vec<Number> {
        while let Some((due, number)) = self.early.first().copied().filter(|(due, _)| *due <= now) {
            self.early.remove(&(due, number));
            self.ready(number);
        }
        self.close(now, tell);
        let mut started = Vec::new();
        if self.control.paused {
            return started;
        }
        loop {
            let left = (most - started.len()).min(self.room());
            let mut moved = left > 0 && self.open_gates(now, left, shared) > 0;
            while started.len() < most
                && let Some(number) = self.next_turn()
            {
                moved = true;
                match self.ask(now, number, shared) {
                    Said::Refuse(limit) => self.refuse(number, limit, tell),
                    Said::Wait(waits) => self.line_up(now, number, waits, tell),
                    Said::Start(states) => started.extend(self.start(now, number, states, shared, tell)),
                }
            }
            if !moved {
                break;
            }
        }
        self.note_waiting(tell);
        started
    }

    /// What is over its opening moves to the next one, or is dropped.
    fn close(&mut self, now: Millis, tell: Tell<'_>) {
        let over: Vec<Number> =
            self.closing.iter().take_while(|(closes, _)| *closes <= now).map(|(_, number)| *number).collect();
        for number in over {
            let Some(mut pending) = self.take_out(number) else { continue };
            match reopening(&pending.job, now) {
                Some(opening) => {
                    (pending.job.due, pending.job.closes) = (opening.due, opening.closes);
                    tell(&pending.name, What::Moved { due: opening.due });
                    self.back(number, pending);
                }
                None => tell(&pending.name, What::Dropped),
            }
        }
    }

    /// How many more may run beside those that do.
    fn room(&self) -> usize {
        let most = self.control.concurrency.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        most.saturating_sub(self.running.len())
    }

    fn has_room(&self, lane: &Lane) -> bool {
        let running = self.lanes.get(lane).map_or(0, |lane| lane.running);
        lane.is_none() || self.control.lane_concurrency.is_none_or(|most| running < most)
    }

    /// The first of a lane. Where order is kept, nobody passes one that waits for its retry, unless that is in line.
    fn head(&self, lane: &Lane) -> Option<Number> {
        let turns = self.lanes.get(lane)?;
        let at = |number: &Number| self.pending.get(number).map(|pending| &pending.at);
        let in_order = turns.retrying.iter().filter(|_| self.control.lane_fifo && lane.is_some());
        match in_order.map(|(_, retry)| retry).find(|retry| !matches!(at(retry), Some(Where::Line(_)))) {
            Some(retry) => (at(retry) == Some(&Where::Ready)).then_some(*retry),
            None => turns.ready.first().map(|(.., number)| *number),
        }
    }

    /// Whose turn it is, of those that may start as far as concurrency goes.
    fn next_turn(&mut self) -> Option<Number> {
        if self.room() == 0 {
            return None;
        }
        let may_start = |lane: &Lane| self.has_room(lane) && self.head(lane).is_some();
        let (turn, lane) = self.turns.iter().find(|(_, lane)| may_start(lane)).cloned()?;
        self.turns.remove(&(turn, lane.clone()));
        self.last_turn += 1;
        self.turns.insert((self.last_turn, lane.clone()));
        self.lanes.get_mut(&lane)?.turn = self.last_turn;
        self.head(&lane)
    }

    fn start(
        &mut self,
        now: Millis,
        number: Number,
        states: Vec<(Place, State)>,
        shared: &mut Buckets,
        tell: Tell<'_>,
    ) -> Option<Number> {
        self.charge(states, shared);
        if let Some(gate) = self.leave(number) {
            self.passed(&gate);
        }
        let mut pending = self.forget(number)?;
        (pending.made, pending.charged) = (pending.made + 1, true);
        tell(&pending.name, What::Started { late_ms: now.since(pending.job.due), attempt: pending.made });
        self.lanes.entry(pending.job.lane.clone()).or_default().running += 1;
        self.ticks += usize::from(pending.job.tick.is_some());
        self.running.insert(number, pending);
        Some(number)
    }

    fn refuse(&mut self, number: Number, limit: usize, tell: Tell<'_>) {
        if let Some(pending) = self.take_out(number) {
            tell(&pending.name, What::RateLimited { limit });
        }
    }

    /// Tells those whose turn would be next that they wait for others to end.
    fn note_waiting(&mut self, tell: Tell<'_>) {
        for number in std::mem::take(&mut self.fresh) {
            let ready = self.pending.get_mut(&number).filter(|pending| pending.at == Where::Ready && !pending.waits);
            if let Some(pending) = ready {
                pending.waits = true;
                tell(&pending.name, What::Waits);
            }
        }
    }

    /// The course of a run that is under way.
    pub fn course(&self, number: Number) -> Course {
        self.running.get(&number).map(|job| Course::of(&job.courses, job.made)).unwrap_or_default()
    }

    /// A run ends: its job is done, dead, or tried again. Whether it was there: it may have been taken away.
    pub fn ended(&mut self, now: Millis, number: Number, retry: &Retry, shared: &mut Buckets, tell: Tell<'_>) -> bool {
        let course = self.course(number);
        let Some(mut ended) = self.stopped(number) else { return false };
        if let Some(pause_ms) = course.retry_after_ms {
            self.hold(&ended.job, hold_until(now, pause_ms), shared);
        }
        let verdict = worker::verdict(&ended.job, ended.made, course.ending(), retry, now, ROLL);
        match (worker::next(&ended.job, verdict, String::new()).0, verdict) {
            (Next::Retry { due, closes, .. }, _) => {
                (ended.job.due, ended.job.closes) = (due, closes);
                tell(&ended.name, What::Retried { due, attempt: ended.made + 1 });
                self.back(number, ended);
            }
            (Next::Bury { .. }, _) => tell(&ended.name, What::Dead { attempts: ended.made }),
            (_, worker::Verdict::Dead) => tell(&ended.name, What::Failed),
            _ => {}
        }
        true
    }

    /// A run is over; gives its job.
    pub(super) fn stopped(&mut self, number: Number) -> Option<super::Pending> {
        let running = self.running.remove(&number)?;
        self.ticks -= usize::from(running.job.tick.is_some());
        if let Some(lane) = self.lanes.get_mut(&running.job.lane) {
            lane.running -= 1;
        }
        Some(running)
    }
}
