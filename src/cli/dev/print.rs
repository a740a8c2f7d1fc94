//! Prints what the runs log, as it happens.

use scripts::protocol::ScriptError;
use store::catalog::{Outcome, RunRecord};
use workers::Services;
use workers::live::{Lagged, Running, Update};

use crate::cli::terminal;

/// Prints until the task is ended.
pub async fn print(services: Services) {
    let mut updates = services.live.follow_all();
    loop {
        match updates.next().await {
            Ok(Update::Started(run)) => started(&run),
            Ok(Update::Line { integration_name, line, .. }) => {
                let text = terminal::log_line(line.at_ms.into(), &line.level, &line.message);
                terminal::say(&format!("{} {text}", terminal::dim(&format!("{integration_name} │"))));
            }
            Ok(Update::Finished(record)) => finished(&record),
            Ok(Update::GivenUp { .. }) => {}
            Err(Lagged(n)) => terminal::say(&terminal::dim(&format!("{n} lines were too fast for this terminal"))),
        }
    }
}

fn started(run: &Running) {
    let release = run.release.map_or_else(|| "draft".to_owned(), |number| number.to_string());
    let attempt = if run.attempt > 1 { format!(", attempt {}", run.attempt) } else { String::new() };
    let facts = format!("{release} by {}{attempt}, run {}", run.cause, run.run);
    terminal::say(&format!("{} {}", terminal::bold(&run.integration_name), terminal::dim(&facts)));
}

fn finished(record: &RunRecord) {
    if record.outcome == Outcome::Succeeded {
        return;
    }
    let error = record.error.as_deref().and_then(|error| serde_json::from_str::<ScriptError>(error).ok());
    let why = error.map(|error| format!("  {}", terminal::script_error(&error))).unwrap_or_default();
    terminal::say(&format!(
        "{} {}{why}",
        terminal::bold(&record.integration_name),
        terminal::bad(record.outcome.name())
    ));
}
