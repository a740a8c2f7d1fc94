//! The gates between a job and its start, passed in order: a pure function of what is known.

use schedules::{Millis, Outside, Window};
use store::JobId;
use store::queue::{Control, JobView, Standing, State};

use super::limits::Rules;
use crate::invoke::Opening;

/// So many times a job may be moved from one opening of its window to another, for want of room, before we give up.
const MOST_OPENINGS: usize = 64;

/// What a gate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateName {
    /// Its due time.
    Schedule,
    /// Its window.
    Window,
    /// The rate limits.
    Limit,
    /// How many run at once, of its integration or its lane; and in a lane that keeps its order, a job before it.
    Concurrency,
    /// The integration's pause.
    Pause,
    /// A key of a rate limit that is paused.
    LimitPause,
    /// Its turn among the jobs of its lane, and its integration's among others.
    Turn,
    /// The room for runs of this process.
    Runners,
}

impl GateName {
    /// As the API has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Window => "window",
            Self::Limit => "limit",
            Self::Concurrency => "concurrency",
            Self::Pause => "pause",
            Self::LimitPause => "limit_pause",
            Self::Turn => "turn",
            Self::Runners => "runners",
        }
    }
}

/// One gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Which.
    pub gate: GateName,
    /// Whether it stops the job when the job comes to it.
    pub holds: bool,
    /// Why, or why not.
    pub message: String,
    /// Since when it holds, if that is known.
    pub since: Option<Millis>,
    /// Until when it holds; `None` while it does: nobody knows.
    pub until: Option<Millis>,
    /// The rule's place in the settings, of rate limits.
    pub rule: Option<usize>,
    /// The key that counts, of rate limits.
    pub key: Option<String>,
    /// How many stand before the job, in line or in its lane.
    pub ahead: Option<u64>,
}

/// The runs of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// How many there may be.
    pub limit: u64,
    /// How many more there is room for now.
    pub free: u64,
}

/// Everything that is known of a pending job.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// The job.
    pub view: &'a JobView,
    /// Its integration's name.
    pub name: &'a str,
    /// The pause of its integration: note and beginning.
    pub pause: Option<(String, Millis)>,
    /// What holds the integration back.
    pub control: &'a Control,
    /// Where the job stands.
    pub standing: &'a Standing,
    /// The rate limits that apply to it.
    pub rules: Rules,
    /// Where its lane keeps its order: the job whose retry it waits for, and when that is due.
    pub retry_before: Option<(JobId, Millis)>,
    /// The runs of this process.
    pub pool: Pool,
}

/// Why a job is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// `pending`, `running` or `dead`.
    pub state: &'static str,
    /// A stable code and a sentence for each thing that matters, the most important one first.
    pub reasons: Vec<(&'static str, String)>,
    /// The gates, in order; none for jobs that wait for nothing.
    pub gates: Vec<Gate>,
    /// The gate that holds it now.
    pub held_by: Option<GateName>,
    /// When it starts, if nothing changes; `None` while a gate holds it of which nobody knows until when.
    pub earliest_start: Option<Millis>,
}

/// The way of a job through the gates.
struct Way<'a> {
    it: &'a Situation<'a>,
    /// When the job comes to the next gate; `None` after one that holds until nobody knows when.
    at: Option<Millis>,
    gates: Vec<Gate>,
}

/// The gates of a pending job, which one holds it, and when it will start.
pub fn explain(it: &Situation<'_>) -> Explanation {
    let mut way = Way { it, at: Some(it.standing.now), gates: Vec::new() };
    way.schedule();
    way.window();
    way.limit();
    way.concurrency();
    way.pause();
    way.limit_pause();
    way.turn();
    way.runners();
    let held_by = way.gates.iter().find(|gate| gate.holds).map(|gate| gate.gate);
    let holding = way.gates.iter().filter(|gate| gate.holds);
    let mut reasons: Vec<_> = holding.map(|gate| (code(it, gate.gate), gate.message.clone())).collect();
    if reasons.is_empty() {
        reasons.push(("ready", "it is due and waits for a free worker".into()));
    }
    Explanation { state: "pending", reasons, held_by, earliest_start: way.at, gates: way.gates }
}

fn code(it: &Situation<'_>, gate: GateName) -> &'static str {
    match gate {
        GateName::Schedule if it.view.attempt > 0 => "retry_backoff",
        GateName::Schedule => "not_due",
        GateName::Window => "window_closed",
        GateName::Limit => "rate_limit",
        GateName::Concurrency => "concurrency",
        GateName::Pause => "paused",
        GateName::LimitPause => "limit_paused",
        GateName::Turn => "turn",
        GateName::Runners => "runners_busy",
    }
}

impl Way<'_> {
    fn add(&mut self, gate: GateName, holds: bool, message: impl Into<String>) -> &mut Gate {
        let message = message.into();
        self.gates.push(Gate { gate, holds, message, since: None, until: None, rule: None, key: None, ahead: None });
        let last = self.gates.len() - 1;
        &mut self.gates[last]
    }

    /// The job comes to the next gate at this time, if it comes at all.
    fn goes_on(&mut self, at: Option<Millis>) {
        self.at = self.at.and(at);
    }

    fn schedule(&mut self) {
        let (now, view) = (self.it.standing.now, self.it.view);
        let due = view.job.due;
        let what = if view.attempt > 0 { "its next attempt is due" } else { "it is due" };
        if due <= now {
            self.add(GateName::Schedule, false, format!("{what} since {}", due.to_rfc3339()));
            return;
        }
        let since = Some(view.job.created).filter(|_| view.attempt == 0);
        let gate = self.add(GateName::Schedule, true, format!("{what} at {}", due.to_rfc3339()));
        (gate.since, gate.until) = (since, Some(due));
        self.at = Some(due);
    }

    fn window(&mut self) {
        let job = &self.it.view.job;
        let Some(spec) = &job.window else {
            self.add(GateName::Window, false, "it has no window");
            return;
        };
        let Some(at) = self.at else { return };
        let is_over = job.closes.is_some_and(|closes| closes <= at);
        let is_open = Window::parse(spec).is_ok_and(|window| window.is_open(at)) && !is_over;
        if is_open {
            let gate = self.add(GateName::Window, false, "its window is open");
            gate.until = job.closes;
            return;
        }
        if spec.outside == Outside::Drop {
            self.add(GateName::Window, true, "its window is closed, and it is dropped when its turn comes");
            self.goes_on(None);
            return;
        }
        let opens = Opening::of(job, at).ok().map(|opening| opening.due);
        let said = opens.map_or_else(|| "for ever".to_owned(), |opens| format!("until {}", opens.to_rfc3339()));
        let gate = self.add(GateName::Window, true, format!("its window is closed {said}"));
        gate.until = opens;
        self.goes_on(opens);
    }

    /// The window again: a job that has no room before its opening ends goes on to the next one, and stands in line anew.
    fn limit(&mut self) {
        let Some(arrives) = self.at else {
            self.add(GateName::Limit, false, "it has not come so far");
            return;
        };
        if let Some(rule) = self.it.rules.refusing(arrives) {
            let (place, key, words) = (rule.rule, rule.subject.clone(), rule.words.clone());
            let room = rule.room_at(arrives);
            let message = format!("the rate limit of {words} is full until {}: it is refused", room.to_rfc3339());
            let gate = self.add(GateName::Limit, true, message);
            (gate.rule, gate.key, gate.until) = (Some(place), Some(key), Some(room));
            self.goes_on(None);
            return;
        }
        let Some((rule, mut room)) = self.it.rules.last(arrives) else {
            let message = match self.it.rules.rules.len() {
                0 => "no rate limit applies to it",
                _ if self.it.rules.is_charged => "it was charged to its rate limits when it first started",
                _ => "its rate limits have room",
            };
            self.add(GateName::Limit, false, message);
            return;
        };
        for _ in 0..MOST_OPENINGS {
            let Some(opens) = self.reopening(room) else { break };
            room = self.it.rules.last(opens).map_or(opens, |(_, room)| room);
            if room == opens {
                break;
            }
        }
        let ahead = rule.ahead.len() as u64;
        let (place, key, in_line) = (rule.rule, rule.subject.clone(), rule.in_line);
        let held = rule.bucket.hold.until > arrives;
        let why = if held { "is held shut, as another server asked for a pause," } else { "is full" };
        let line = if in_line { format!("; {ahead} stand before it in line") } else { String::new() };
        let message = format!("the rate limit of {} {why} until {}{line}", rule.words, room.to_rfc3339());
        let gate = self.add(GateName::Limit, true, message);
        (gate.rule, gate.key, gate.until, gate.ahead) = (Some(place), Some(key), Some(room), Some(ahead));
        self.goes_on(Some(room));
    }

    /// When the window opens next, if it is closed at `at`.
    fn reopening(&self, at: Millis) -> Option<Millis> {
        let job = &self.it.view.job;
        let window = job.window.as_ref().and_then(|spec| Window::parse(spec).ok())?;
        let is_open = window.is_open(at) && job.closes != Some(at);
        if is_open { None } else { Opening::of(job, at).ok().map(|opening| opening.due) }
    }

    fn concurrency(&mut self) {
        let it = self.it;
        let lane = it.view.job.lane.as_deref();
        let full = [
            (it.control.concurrency, it.standing.running, format!("jobs of {}", it.name)),
            (
                it.control.lane_concurrency.filter(|_| lane.is_some()),
                it.standing.running_in_lane,
                format!("jobs with {}", lane.unwrap_or_default()),
            ),
        ];
        let full = full.into_iter().find_map(|(limit, running, what)| {
            let limit = u64::from(limit?);
            (running >= limit).then(|| format!("{running} of {limit} {what} are running"))
        });
        let retry = it.retry_before.map(|(job, due)| {
            format!(
                "job {job} of its lane is tried again at {}, and the others wait until it is done",
                due.to_rfc3339()
            )
        });
        match full.or(retry) {
            Some(message) => {
                self.add(GateName::Concurrency, true, message);
                self.goes_on(None);
            }
            None => drop(self.add(GateName::Concurrency, false, "as many may run beside it")),
        }
    }

    fn pause(&mut self) {
        if !self.it.control.paused {
            self.add(GateName::Pause, false, format!("{} is not paused", self.it.name));
            return;
        }
        let (note, since) = self.it.pause.clone().map_or((String::new(), None), |(note, at)| (note, Some(at)));
        let note = if note.is_empty() { note } else { format!(" ({note})") };
        let message = format!("{} is paused{note}; the job starts when it is resumed", self.it.name);
        self.add(GateName::Pause, true, message).since = since;
        self.goes_on(None);
    }

    fn limit_pause(&mut self) {
        let Some(rule) = self.it.rules.paused() else {
            self.add(GateName::LimitPause, false, "no key of its rate limits is paused");
            return;
        };
        let (place, key) = (rule.rule, rule.subject.clone());
        let message = format!("{key} is paused in the rate limit of {}", rule.words);
        let gate = self.add(GateName::LimitPause, true, message);
        (gate.rule, gate.key) = (Some(place), Some(key));
        self.goes_on(None);
    }

    fn turn(&mut self) {
        let (ahead, others) = (self.it.standing.ahead_in_lane, self.it.standing.turns_ahead);
        let message = match (ahead, others) {
            (0, 0) => "it is next in its lane".to_owned(),
            (0, others) => format!("it is next in its lane, and {others} integrations have their turn before"),
            (ahead, 0) => format!("{ahead} jobs of its lane go first"),
            (ahead, others) => format!("{ahead} jobs of its lane go first, and {others} integrations before them"),
        };
        // They start at once as soon as there is room: what could keep them are the gates before this one.
        self.add(GateName::Turn, false, message).ahead = Some(ahead);
    }

    fn runners(&mut self) {
        let Pool { limit, free } = self.it.pool;
        if free > 0 || self.it.view.state != State::Pending {
            self.add(GateName::Runners, false, format!("there is room for {free} of {limit} runs"));
            return;
        }
        self.add(GateName::Runners, true, format!("all {limit} runs that this process may have are under way"));
        self.goes_on(None);
    }
}
