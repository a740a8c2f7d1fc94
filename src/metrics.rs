//! The process's metrics: one table of them, fed by the engine's events and by the HTTP edge, with gauges read at scrape time.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::{Encoder, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};
use schedules::Millis;
use store::catalog::Outcome;
use store::queue::{Counts, Inspect};
use workers::Services;
use workers::event::{Event, Observer};

/// As many integrations have their own label value; the rest share [`OTHERS`], so that names cannot flood a server.
const MAX_INTEGRATIONS: usize = 200;
/// The label value of integrations beyond the first [`MAX_INTEGRATIONS`].
const OTHERS: &str = "_other";

const RUN_SECONDS: &[f64] =
    &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0];
const LATE_SECONDS: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 3600.0];
const HTTP_SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
const DUTY_SECONDS: &[f64] = &[0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// A kind of metric, as the table writes it.
macro_rules! kind {
    (counter) => {
        IntCounterVec
    };
    (histogram) => {
        HistogramVec
    };
}

macro_rules! make {
    (counter, $registry:expr, $name:literal, $help:literal, [$($label:literal),*], ) => {{
        let metric = IntCounterVec::new(Opts::new($name, $help), &[$($label),*])?;
        $registry.register(Box::new(metric.clone()))?;
        metric
    }};
    (histogram, $registry:expr, $name:literal, $help:literal, [$($label:literal),*], $buckets:expr) => {{
        let options = HistogramOpts::new($name, $help).buckets($buckets.to_vec());
        let metric = HistogramVec::new(options, &[$($label),*])?;
        $registry.register(Box::new(metric.clone()))?;
        metric
    }};
}

macro_rules! table {
    ($($field:ident: $kind:ident $name:literal [$($label:literal),*] $(in $buckets:ident)?, $help:literal;)+) => {
        struct Families { $($field: kind!($kind)),+ }

        impl Families {
            fn register(registry: &Registry) -> prometheus::Result<Self> {
                Ok(Self { $($field: make!($kind, registry, $name, $help, [$($label),*], $($buckets)?)),+ })
            }
        }
    };
}

table! {
    jobs_queued: counter "tidegate_jobs_queued_total" ["integration", "cause"], "Jobs that were accepted into the queue.";
    jobs_retried: counter "tidegate_jobs_retried_total" ["integration"], "Failed attempts that will be repeated.";
    jobs_rate_limited: counter "tidegate_jobs_rate_limited_total" ["integration"], "Jobs that a rate limit refused.";
    limits_refused: counter "tidegate_rate_limits_refused_total" ["integration", "rule"], "Jobs that a rate limit refused, by the rule's place in the settings.";
    limits_held: counter "tidegate_rate_limits_held_total" ["integration"], "Rate limits whose bucket was shut as another server asked for a pause.";
    limits_skipped: counter "tidegate_rate_limits_skipped_total" ["integration"], "Rate limits that did not apply to a job that started: its key lacks a field that they count by.";
    backlogs_full: counter "tidegate_jobs_crowded_total" ["integration"], "Jobs that were refused because too many of their key were pending.";
    hooks_refused: counter "tidegate_hooks_refused_total" ["integration", "reason"], "Callers of hooks that were refused.";
    jobs_died: counter "tidegate_jobs_died_total" ["integration"], "Jobs whose last attempt failed.";
    runs_finished: counter "tidegate_runs_finished_total" ["integration", "cause", "outcome"], "Runs that ended, and jobs that ended without one.";
    run_seconds: histogram "tidegate_run_duration_seconds" ["integration"] in RUN_SECONDS, "How long runs took.";
    late_seconds: histogram "tidegate_run_start_lateness_seconds" ["cause"] in LATE_SECONDS, "How long after the due time runs started.";
    ticks_skipped: counter "tidegate_ticks_skipped_total" ["integration"], "Ticks that were not queued.";
    leases_lost: counter "tidegate_leases_lost_total" ["integration"], "Leases that ran out or were taken away.";
    http_requests: counter "tidegate_http_requests_total" ["integration", "method", "status"], "Requests of scripts, by the answer's status or the reason there is none.";
    http_seconds: histogram "tidegate_http_request_duration_seconds" ["integration"] in HTTP_SECONDS, "How long requests of scripts took.";
    secret_changes: counter "tidegate_secret_changes_total" ["scope", "change"], "Secrets that were set or removed.";
    runners_started: counter "tidegate_runners_started_total" [], "Runner processes that were started.";
    runners_killed: counter "tidegate_runners_ended_total" ["reason"], "Runner processes that ended, by reason.";
    events: counter "tidegate_events_total" ["via", "outcome"], "Events that came in: matched (made jobs), unmatched, duplicate, rejected.";
    duty_seconds: histogram "tidegate_duty_duration_seconds" ["duty"] in DUTY_SECONDS, "How long periodic duties took.";
    duty_errors: counter "tidegate_duty_errors_total" ["duty"], "Periodic duties that failed.";
    api_requests: counter "tidegate_api_requests_total" ["route", "method", "status"], "Requests to this server.";
    api_seconds: histogram "tidegate_api_request_duration_seconds" ["route"] in HTTP_SECONDS, "How long requests to this server took.";
}

struct Inner {
    registry: Registry,
    families: Families,
    integrations: Mutex<HashSet<Arc<str>>>,
    version: &'static str,
    data: Option<PathBuf>,
}

/// The process's metrics; cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

impl Metrics {
    /// Metrics that start at zero; `data` is the folder whose files' sizes are shown.
    pub fn new(version: &'static str, data: Option<PathBuf>) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let families = Families::register(&registry)?;
        Ok(Self(Arc::new(Inner { registry, families, integrations: Mutex::default(), version, data })))
    }

    /// A request to this server was answered.
    pub fn api_request(&self, route: &str, method: &axum::http::Method, status: u16, took: Duration) {
        let Inner { families, .. } = &*self.0;
        let method = known_method(method.as_str());
        families.api_requests.with_label_values(&[route, method, &status.to_string()]).inc();
        families.api_seconds.with_label_values(&[route]).observe(took.as_secs_f64());
    }

    /// The label value of an integration: its name, or [`OTHERS`] when there are too many.
    fn label<'a>(&self, name: &'a Arc<str>) -> &'a str {
        let mut known = self.0.integrations.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(name) {
            return name;
        }
        if known.len() >= MAX_INTEGRATIONS {
            return OTHERS;
        }
        known.insert(name.clone());
        name
    }

    /// Everything in Prometheus' text format, with the gauges as they are now.
    pub async fn render(&self, services: &Services) -> Result<Vec<u8>, prometheus::Error> {
        let now = Registry::new();
        self.read_gauges(&now, services).await?;
        let mut families = self.0.registry.gather();
        families.extend(now.gather());
        let mut text = Vec::new();
        TextEncoder::new().encode(&families, &mut text)?;
        Ok(text)
    }

    async fn read_gauges(&self, registry: &Registry, services: &Services) -> prometheus::Result<()> {
        let build = gauges(registry, "tidegate_build_info", "Always 1; the label is the version.", &["version"])?;
        build.with_label_values(&[self.0.version]).set(1.0);
        let live = gauge(registry, "tidegate_runs_running", "Runs that are running in this process.")?;
        live.set(count(services.live.all().len() as u64));
        let counts = services.queue.counts().await;
        let up = gauges(registry, "tidegate_store_up", "Whether the store answered this scrape.", &["store"])?;
        up.with_label_values(&["queue"]).set(if counts.is_ok() { 1.0 } else { 0.0 });
        let totals = services.catalog.run_totals().await;
        up.with_label_values(&["catalog"]).set(if totals.is_ok() { 1.0 } else { 0.0 });
        self.read_queue(registry, services, counts.unwrap_or_default())?;
        if let Ok(totals) = totals {
            gauge(registry, "tidegate_history_runs", "Runs that the history holds.")?.set(count(totals.runs));
            gauge(registry, "tidegate_history_bytes", "Bytes of results, errors and logs that the history holds.")?
                .set(count(totals.bytes));
        }
        if let Ok((events, bytes)) = services.catalog.event_totals(&services.options.workspace).await {
            gauge(registry, "tidegate_event_log_events", "Events that the log holds.")?.set(count(events));
            gauge(registry, "tidegate_event_log_bytes", "Bytes of events and verdicts that the log holds.")?
                .set(count(bytes));
        }
        if let Some(stream) = &services.event_stream
            && let Ok(lag) = stream.lag().await
        {
            let named = |name, help| gauges(registry, name, help, &["stream"]);
            if let Some(waiting) = lag.waiting {
                named("tidegate_events_stream_lag", "Entries of the stream of events that no process has read yet.")?
                    .with_label_values(&[stream.key()])
                    .set(count(waiting));
            }
            named(
                "tidegate_events_stream_pending",
                "Entries of the stream that a process has read and not yet published.",
            )?
            .with_label_values(&[stream.key()])
            .set(count(lag.pending));
        }
        self.read_files(registry).await
    }

    fn read_queue(
        &self,
        registry: &Registry,
        services: &Services,
        counts: Vec<(store::IntegrationId, Counts)>,
    ) -> prometheus::Result<()> {
        let jobs = gauges(registry, "tidegate_queue_jobs", "Jobs in the queue.", &["integration", "state"])?;
        let in_line = gauges(
            registry,
            "tidegate_queue_jobs_at_limits",
            "Pending jobs that wait in line at a full rate limit.",
            &["integration"],
        )?;
        let age = gauge(
            registry,
            "tidegate_queue_oldest_ready_age_seconds",
            "How long the ready job that waits longest has been due.",
        )?;
        let oldest = counts.iter().filter_map(|(_, counts)| counts.oldest_ready).min();
        age.set(oldest.map_or(0.0, |oldest: Millis| seconds(services.clock.now().since(oldest).max(0).unsigned_abs())));
        for (id, counts) in counts {
            let name = services.directory.by_id(id).map_or_else(|| Arc::from(OTHERS), |entry| entry.name.clone());
            let label = self.label(&name);
            let states = [
                ("delayed", counts.delayed),
                ("ready", counts.ready),
                ("running", counts.running),
                ("dead", counts.dead),
            ];
            in_line.with_label_values(&[label]).add(count(counts.in_line));
            for (state, n) in states {
                jobs.with_label_values(&[label, state]).add(count(n));
            }
        }
        Ok(())
    }

    async fn read_files(&self, registry: &Registry) -> prometheus::Result<()> {
        let sizes = gauges(registry, "tidegate_store_size_bytes", "Bytes of a store's files on disk.", &["store"])?;
        let Some(data) = &self.0.data else { return Ok(()) };
        for store in ["queue", "catalog"] {
            for suffix in ["", "-wal"] {
                let file = data.join(format!("{store}.db{suffix}"));
                // Where jobs wait in Redis there is no file of theirs.
                let Ok(file) = tokio::fs::metadata(file).await else { continue };
                sizes.with_label_values(&[store]).add(count(file.len()));
            }
        }
        Ok(())
    }
}

impl Observer for Metrics {
    fn observe(&self, event: &Event) {
        let families = &self.0.families;
        match event {
            Event::JobQueued { integration, cause, n } => {
                families.jobs_queued.with_label_values(&[self.label(integration), &cause.to_string()]).inc_by(*n);
            }
            Event::RunStarted { cause, late_ms, .. } => {
                families.late_seconds.with_label_values(&[&cause.to_string()]).observe(seconds(*late_ms));
            }
            Event::RunFinished { integration, cause, outcome, started, run_ms } => {
                let label = self.label(integration);
                families.runs_finished.with_label_values(&[label, &cause.to_string(), outcome.name()]).inc();
                if *outcome == Outcome::RateLimited {
                    families.jobs_rate_limited.with_label_values(&[label]).inc();
                }
                if *started {
                    families.run_seconds.with_label_values(&[label]).observe(seconds(*run_ms));
                }
            }
            Event::BacklogFull { integration } => {
                families.backlogs_full.with_label_values(&[self.label(integration)]).inc()
            }
            Event::LimitSkipped { integration } => {
                families.limits_skipped.with_label_values(&[self.label(integration)]).inc()
            }
            Event::LimitRefused { integration, rule } => {
                let labels = [self.label(integration), &rule.to_string()];
                families.limits_refused.with_label_values(&labels).inc();
            }
            Event::LimitHeld { integration } => {
                families.limits_held.with_label_values(&[self.label(integration)]).inc()
            }
            Event::HookRefused { integration, reason } => {
                families.hooks_refused.with_label_values(&[self.label(integration), *reason]).inc()
            }
            Event::JobRetried { integration } => {
                families.jobs_retried.with_label_values(&[self.label(integration)]).inc()
            }
            Event::JobDied { integration } => families.jobs_died.with_label_values(&[self.label(integration)]).inc(),
            Event::TickSkipped { integration } => {
                families.ticks_skipped.with_label_values(&[self.label(integration)]).inc()
            }
            Event::LeaseLost { integration } => {
                families.leases_lost.with_label_values(&[self.label(integration)]).inc()
            }
            Event::HttpRequest { integration, method, status, code, total_ms } => {
                let label = self.label(integration);
                let result = status.map_or_else(|| code.unwrap_or("failed").to_owned(), |status| status.to_string());
                families.http_requests.with_label_values(&[label, known_method(method), &result]).inc();
                families.http_seconds.with_label_values(&[label]).observe(seconds(*total_ms));
            }
            Event::SecretChanged { integration, change } => {
                let scope = if integration.is_some() { "integration" } else { "workspace" };
                families.secret_changes.with_label_values(&[scope, change.name()]).inc();
            }
            Event::RunnerStarted => families.runners_started.with_label_values::<&str>(&[]).inc(),
            Event::RunnerKilled { reason } => families.runners_killed.with_label_values(&[*reason]).inc(),
            Event::EventsReceived { via, matched, unmatched, duplicate, rejected } => {
                let outcomes =
                    [("matched", matched), ("unmatched", unmatched), ("duplicate", duplicate), ("rejected", rejected)];
                for (outcome, n) in outcomes.into_iter().filter(|(_, n)| **n > 0) {
                    families.events.with_label_values(&[*via, outcome]).inc_by(*n);
                }
            }
            Event::DutyDone { duty, ms, error } => {
                families.duty_seconds.with_label_values(&[*duty]).observe(seconds(*ms));
                if *error {
                    families.duty_errors.with_label_values(&[*duty]).inc();
                }
            }
        }
    }
}

/// A method as a label value; a client may invent others, and must not make labels.
fn known_method(method: &str) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    known.into_iter().find(|known| *known == method).unwrap_or("other")
}

fn gauge(registry: &Registry, name: &str, help: &str) -> prometheus::Result<Gauge> {
    let gauge = Gauge::new(name, help)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<GaugeVec> {
    let gauges = GaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(gauges.clone()))?;
    Ok(gauges)
}

fn seconds(ms: u64) -> f64 {
    Duration::from_millis(ms).as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows only floats, exact up to 2^53")]
fn count(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use store::queue::Cause;

    use super::*;

    fn text(metrics: &Metrics) -> String {
        let mut text = Vec::new();
        TextEncoder::new().encode(&metrics.0.registry.gather(), &mut text).expect("text");
        String::from_utf8(text).expect("UTF-8")
    }

    fn metrics() -> Metrics {
        Metrics::new("0.0.0", None).expect("the table has no duplicate")
    }

    #[test]
    fn events_become_samples() {
        let check = |event: Event, sample: &str| {
            let metrics = metrics();
            metrics.observe(&event);
            assert!(text(&metrics).contains(sample), "{sample}\n{}", text(&metrics));
        };
        let integration: Arc<str> = "a".into();
        check(
            Event::JobQueued { integration: integration.clone(), cause: Cause::Manual, n: 3 },
            "tidegate_jobs_queued_total{cause=\"manual\",integration=\"a\"} 3",
        );
        check(
            Event::RunStarted { integration: integration.clone(), cause: Cause::Schedule, late_ms: 3 },
            "tidegate_run_start_lateness_seconds_bucket{cause=\"schedule\",le=\"0.005\"} 1",
        );
        let finished = |started| Event::RunFinished {
            integration: "a".into(),
            cause: Cause::Execute,
            outcome: Outcome::TimedOut,
            started,
            run_ms: 700,
        };
        check(
            finished(true),
            "tidegate_runs_finished_total{cause=\"execute\",integration=\"a\",outcome=\"timed_out\"} 1",
        );
        check(finished(true), "tidegate_run_duration_seconds_sum{integration=\"a\"} 0.7");
        let refused = Event::RunFinished {
            integration: "a".into(),
            cause: Cause::Manual,
            outcome: Outcome::RateLimited,
            started: false,
            run_ms: 0,
        };
        check(refused, "tidegate_jobs_rate_limited_total{integration=\"a\"} 1");
        let skipped = Event::LimitSkipped { integration: integration.clone() };
        check(skipped, "tidegate_rate_limits_skipped_total{integration=\"a\"} 1");
        let refused = Event::LimitRefused { integration: integration.clone(), rule: 3 };
        check(refused, "tidegate_rate_limits_refused_total{integration=\"a\",rule=\"3\"} 1");
        let held = Event::LimitHeld { integration: integration.clone() };
        check(held, "tidegate_rate_limits_held_total{integration=\"a\"} 1");
        let full = Event::BacklogFull { integration: integration.clone() };
        check(full, "tidegate_jobs_crowded_total{integration=\"a\"} 1");
        check(
            Event::HttpRequest {
                integration,
                method: "BREW".into(),
                status: None,
                code: Some("egress_denied"),
                total_ms: 1,
            },
            "tidegate_http_requests_total{integration=\"a\",method=\"other\",status=\"egress_denied\"} 1",
        );
        let came = Event::EventsReceived { via: "http", matched: 3, unmatched: 0, duplicate: 1, rejected: 0 };
        check(came, "tidegate_events_total{outcome=\"matched\",via=\"http\"} 3");
        check(Event::RunnerStarted, "tidegate_runners_started_total 1");
        check(Event::DutyDone { duty: "rescue", ms: 2, error: true }, "tidegate_duty_errors_total{duty=\"rescue\"} 1");
    }

    #[test]
    fn a_run_that_never_started_has_no_duration() {
        let metrics = metrics();
        let (integration, cause, outcome) = ("a".into(), Cause::Manual, Outcome::Cancelled);
        metrics.observe(&Event::RunFinished { integration, cause, outcome, started: false, run_ms: 0 });
        assert!(!text(&metrics).contains("tidegate_run_duration_seconds_sum"));
    }

    #[test]
    fn names_cannot_flood_the_labels() {
        let metrics = metrics();
        for at in 0..MAX_INTEGRATIONS + 50 {
            metrics.observe(&Event::JobDied { integration: format!("i{at}").into() });
        }
        let text = text(&metrics);
        assert_eq!(
            text.lines().filter(|line| line.starts_with("tidegate_jobs_died_total{")).count(),
            MAX_INTEGRATIONS + 1
        );
        assert!(text.contains("tidegate_jobs_died_total{integration=\"_other\"} 50"));
    }

    #[test]
    fn names_have_a_unit_and_a_help() {
        let metrics = metrics();
        metrics.api_request("/livez", &axum::http::Method::GET, 200, Duration::ZERO);
        for line in text(&metrics).lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = line.split_once(' ').expect("name and kind");
            let unit = if kind == "counter" { "_total" } else { "_seconds" };
            assert!(name.starts_with("tidegate_") && name.ends_with(unit), "{line}");
        }
    }
}
