//! The figures of a run: each is measured once a round, and its median counts.

use schedules::Stopwatch;

/// Who was measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Ours,
    BullMq,
    Floor,
}

impl Side {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "Tidegate",
            Self::BullMq => "BullMQ",
            Self::Floor => "plain commands",
        }
    }
}

struct Series {
    side: Side,
    name: String,
    values: Vec<f64>,
}

pub struct Figures {
    all: Vec<Series>,
    watch: Stopwatch,
    part: String,
}

impl Figures {
    pub fn new() -> Self {
        Self { all: Vec::new(), watch: Stopwatch::start(), part: String::new() }
    }

    /// What the following lines of progress belong to.
    pub fn begin(&mut self, part: String) {
        self.part = part;
    }

    /// Tells how far the run is.
    pub fn say(&self, side: Side, what: &str, found: &str) {
        let seconds = self.watch.elapsed().as_secs();
        println!("[{seconds:>4} s] {:<20} {:<15} {what:<44} {found}", self.part, side.name());
    }

    pub fn add(&mut self, side: Side, name: impl Into<String>, value: f64) {
        let name = name.into();
        match self.all.iter_mut().find(|series| series.side == side && series.name == name) {
            Some(series) => series.values.push(value),
            None => self.all.push(Series { side, name, values: vec![value] }),
        }
    }

    /// Adds what a run of jobs showed: `name` jobs a second, and as `name cpu` the server's microseconds per job.
    pub fn add_rate(&mut self, side: Side, name: &str, rate: Rate) {
        self.add(side, name, rate.per_second());
        self.add(side, format!("{name} cpu"), rate.server_us_per_job());
        let client = rate.client_us.map_or(String::new(), |us| format!(", {:.1} us of the client's", us / rate.jobs));
        let cost = format!("{:.2} us of Redis's CPU{client} per job", rate.server_us_per_job());
        self.say(side, name, &format!("{:>9.0}/s   {cost}", rate.per_second()));
    }

    pub fn add_waits(&mut self, side: Side, name: &str, waits: Waits) {
        self.add(side, format!("{name} p50"), waits.p50);
        self.add(side, format!("{name} p99"), waits.p99);
        self.say(side, name, &format!("p50 {:.2} ms, p99 {:.2} ms, longest {:.1} ms", waits.p50, waits.p99, waits.max));
    }

    pub fn median(&self, side: Side, name: &str) -> Option<f64> {
        let series = self.all.iter().find(|series| series.side == side && series.name == name)?;
        let mut values = series.values.clone();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        Some(if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) })
    }

    /// The medians of two figures, the first divided by the second.
    pub fn ratio(&self, (a, a_name): (Side, &str), (b, b_name): (Side, &str)) -> Option<f64> {
        Some(self.median(a, a_name)? / self.median(b, b_name)?)
    }
}

/// How fast jobs went through.
#[derive(Clone, Copy)]
pub struct Rate {
    pub jobs: f64,
    pub seconds: f64,
    /// Of the server's main thread.
    pub server_us: f64,
    pub client_us: Option<f64>,
}

impl Rate {
    pub fn per_second(self) -> f64 {
        self.jobs / self.seconds
    }

    pub fn server_us_per_job(self) -> f64 {
        self.server_us / self.jobs
    }
}

/// How long jobs waited, in milliseconds.
#[derive(Clone, Copy)]
pub struct Waits {
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

impl Waits {
    pub fn of(mut waits: Vec<f64>) -> Self {
        waits.sort_by(f64::total_cmp);
        let at = |part: f64| waits.get(((waits.len().max(1) - 1) as f64 * part) as usize).copied().unwrap_or(0.0);
        Self { p50: at(0.5), p99: at(0.99), max: at(1.0) }
    }
}
