//! What events cost: 1,000 filters against 1,000,000 events, matching alone; and events through the intake into the queue
//! and the log.
//!
//! `make bench-events`; `QUICK=1` measures less. Nothing is run: what is measured ends when the jobs are queued.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use schedules::{Clock, Millis, Stopwatch, SystemClock};
use scripts::protocol::{Bundle, Format};
use serde_json::{Value, json};
use store::IntegrationId;
use store::catalog::{Bump, Draft, EventRetention, NewIntegration, NewRelease, ReleaseNumber, Trigger};
use workers::events::{Checked, Expression, Reach, Subscriber, Subscriptions, Via, publish};
use workers::queue::Location;
use workers::settings::Settings;
use workers::{Entry, Options, Services, queue};

type Failure = Box<dyn std::error::Error>;

const FILTERS: usize = 1_000;
/// Every filter is one of these, about another tier or another number.
const SHAPES: [&str; 4] = [
    "event.user.loyalty.tier == 'tier-N'",
    "event.user.loyalty.points > 10N && event.user.loyalty.tier.startsWith('tier')",
    "event.basket.items.exists(item, item.price > 100N) || event.user.email.endsWith('N.example')",
    "has(event.context.campaign) && event.context.campaign in ['N', 'spring', 'summer']",
];

/// Expressions that never come to their end with [`large`].
const WORST: [&str; 4] = [
    "event.list.all(a, event.list.all(b, a + b >= 0))",
    "event.list.all(a, event.list == event.list)",
    "event.list.all(a, event.text.contains('y') || true)",
    "event.list.all(a, event.text.matches('(x+x+)+y') || true)",
];

/// How much is measured.
struct Size {
    /// Events against the filters, when each is for one in a hundred of them.
    spread: usize,
    /// Events that all filters look at.
    together: usize,
    /// Events through the intake.
    through: usize,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let quick = std::env::var("QUICK").is_ok_and(|quick| !quick.is_empty());
    let size = if quick {
        Size { spread: 50_000, together: 1_000, through: 5_000 }
    } else {
        Size { spread: 1_000_000, together: 20_000, through: 50_000 }
    };
    match bench(&size).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("event_bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn bench(size: &Size) -> Result<(), Failure> {
    println!(
        "| {FILTERS} filters, matching alone, one thread | events | events/s | filters evaluated for each | ns per filter |"
    );
    println!("|---|--:|--:|--:|--:|");
    matching("100 types, 10 filters for each", 100, size.spread)?;
    matching("one type, which all filters are for", 1, size.together)?;
    println!();
    println!("| an evaluation that takes all its steps | ms |");
    println!("|---|--:|");
    for text in WORST {
        println!("| `{text}` | {:.1} |", worst(text)?);
    }
    println!();
    println!("| through the intake, 500 at a time, embedded engine synced to the disk | events/s | jobs/s |");
    println!("|---|--:|--:|");
    for (name, filter) in [("each event for 1 of 1,000 integrations", true), ("each event for none", false)] {
        let folder = tempfile::tempdir()?;
        let (events, jobs) = through(folder.path(), size.through, filter).await?;
        println!("| {name} | {events:.0} | {jobs:.0} |");
    }
    Ok(())
}

fn settings(number: usize, types: usize) -> Value {
    let filter = SHAPES[number / types % SHAPES.len()].replace('N', &number.to_string());
    json!({ "events": { "types": [format!("shop.type-{}", number % types)], "filter": filter } })
}

fn event(number: usize, types: usize, now: Millis) -> Result<Checked, Failure> {
    let body = json!({
        "meta": { "type": format!("shop.type-{}", number % types), "id": format!("e{number}"), "ts": now.0 },
        "context": { "campaign": if number.is_multiple_of(50) { "spring" } else { "none" }, "locale": "en" },
        "user": {
            "email": format!("user-{number}@host-{}.example", number % 1_000),
            "loyalty": { "tier": format!("tier-{}", number % 2_000), "points": number % 20_000 },
        },
        "basket": { "total": 59.9, "items": [{ "sku": "a", "price": 19.9 }, { "sku": "b", "price": 40.0 }] },
    });
    Ok(Checked::read(body, now)?)
}

/// Different events, used again and again: making them is not what is measured.
const DIFFERENT: usize = 10_000;

fn matching(name: &str, types: usize, events: usize) -> Result<(), Failure> {
    let now = SystemClock.now();
    let subscribers: Vec<Subscriber> = (0..FILTERS)
        .filter_map(|number| {
            let entry = Entry {
                id: IntegrationId::new(now),
                name: format!("i-{number}").into(),
                workspace: "default".into(),
                trigger: Trigger::Event,
                paused: false,
                latest: Some(ReleaseNumber { major: 1, minor: 0 }),
            };
            let settings = Settings::parse(&settings(number, types)).expect("settings");
            Subscriber::new(Arc::new(entry), &settings)
        })
        .collect();
    let subscriptions = Subscriptions::new(subscribers, Vec::new());
    let made: Vec<Checked> =
        (0..DIFFERENT.min(events)).map(|number| event(number, types, now)).collect::<Result<_, _>>()?;
    let (watch, mut evaluated, mut matched) = (Stopwatch::start(), 0_usize, 0_usize);
    for event in made.iter().cycle().take(events) {
        let judged = subscriptions.judge(event);
        evaluated += judged.len();
        matched += judged.iter().filter(|(_, wanted)| wanted.is_ok()).count();
    }
    let ns = watch.elapsed().as_nanos() as f64;
    let per_second = events as f64 / (ns / 1e9);
    let (each, per_filter) = (evaluated as f64 / events as f64, ns / evaluated as f64);
    println!("| {name} | {events} | {per_second:.0} | {each:.0} | {per_filter:.0} |");
    eprintln!("{matched} of {evaluated} filters were true");
    Ok(())
}

/// The longest of ten evaluations of an expression with a large event, in milliseconds.
fn worst(text: &str) -> Result<f64, Failure> {
    let event = json!({ "list": (0..10_000).collect::<Vec<u32>>(), "text": "x".repeat(50_000) });
    let expression = Expression::parse(text).map_err(|fault| fault.to_string())?;
    let mut longest = 0.0_f64;
    for _ in 0..10 {
        let watch = Stopwatch::start();
        if expression.holds(&event).is_ok() {
            return Err(format!("{text} came to an end").into());
        }
        longest = longest.max(watch.elapsed().as_secs_f64() * 1e3);
    }
    Ok(longest)
}

async fn through(data: &Path, events: usize, matching: bool) -> Result<(f64, f64), Failure> {
    let services = Services::open(options(data), Arc::new(SystemClock), Vec::new()).await?;
    for number in 0..FILTERS {
        let filter = if matching { format!("event.n == {number}") } else { "event.n == -1".to_owned() };
        let settings = json!({ "events": { "types": [format!("shop.type-{}", number % 100)], "filter": filter } });
        integration(&services, &format!("i-{number}"), &settings).await?;
    }
    services.directory.reload().await?;
    let watch = Stopwatch::start();
    let mut jobs = 0;
    let numbers: Vec<usize> = (0..events).collect();
    for numbers in numbers.chunks(500) {
        let events = numbers.iter().map(|number| {
            let n = number % FILTERS;
            Ok(json!({ "meta": { "type": format!("shop.type-{}", n % 100), "id": format!("e{number}") }, "n": n,
                       "user": { "email": format!("user-{number}@example.com") } }))
        });
        for verdict in publish(&services, events.collect(), Via::Http, Reach::All).await? {
            jobs += verdict.judged?.matched.len();
        }
    }
    let seconds = watch.elapsed().as_secs_f64();
    services.close().await;
    Ok((events as f64 / seconds, jobs as f64 / seconds))
}

async fn integration(services: &Services, name: &str, settings: &Value) -> Result<(), Failure> {
    let (id, now) = (IntegrationId::new(services.clock.now()), services.clock.now());
    let files = BTreeMap::from([("integration.js".to_owned(), "module.exports = () => 1".to_owned())]);
    let settings = settings.to_string();
    let draft = Draft { files: files.clone(), settings: settings.clone(), sample: "null".into(), lock: None };
    let workspace = services.options.workspace.clone();
    let (name, description, trigger) = (name.to_owned(), String::new(), Trigger::Event);
    let new = NewIntegration { id, workspace, name, description, trigger, draft, created: now };
    services.catalog.create(new).await?;
    let (code, hash) = ("module.exports = () => 1".to_owned(), String::new());
    let bundle =
        Bundle { entry: "integration.js".into(), format: Format::CommonJs, code, map: None, source: None, hash };
    let bundle = serde_json::to_string(&bundle)?;
    let release =
        NewRelease { integration: id, files, settings, bundle, lock: None, note: String::new(), created: now };
    services.catalog.release(release, Bump::Minor).await?;
    Ok(())
}

fn options(data: &Path) -> Options {
    let small = Options::small(data, Location::Embedded(data.join("queue.db")));
    let queue = queue::Options { max_jobs: 5_000_000, ..small.queue };
    let event_retention = EventRetention { max_bytes: 1 << 34, ..small.event_retention };
    Options { queue, event_retention, lease_ms: 60_000, ..small }
}
