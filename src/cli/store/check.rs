//! `store check`: asks a queue whether what it holds contradicts itself.

use std::path::PathBuf;
use std::sync::Arc;

use ::schedules::SystemClock;
use ::store::queue::{Inspect, Violation};
use serde_json::json;
use toml::Value;
use workers::queue::Location;

use crate::app;
use crate::cli::failure::code;
use crate::cli::{Failure, terminal};
use crate::config::{self, Environment};

/// Which queue.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate store check                              the queue in ./data, while no server uses it
  tidegate store check --data /var/lib/tidegate
  tidegate store check --queue redis://10.0.0.5:6379/0     servers may go on meanwhile
  tidegate store check --json | jq '.violations[].rule'

Nothing is repaired. Exit codes: 0 nothing was found, 1 something was, 2 wrong usage")]
pub struct Args {
    /// Where jobs wait; TIDEGATE_QUEUE keeps a password out of the list of processes [default: embedded]
    #[arg(long, value_name = "URL")]
    queue: Option<String>,
    /// The folder of an embedded queue [default: ./data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration file [default: ./tidegate.toml, else /etc/tidegate/tidegate.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints what it finds.
pub async fn check(args: Args) -> Result<(), Failure> {
    let data = args.data.as_ref().map(|data| Value::String(data.to_string_lossy().into_owned()));
    let flags = [("queue.engine", args.queue.clone().map(Value::String)), ("server.data", data)];
    let flags = flags.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    let config = config::load(args.config.as_deref(), &Environment::of_process(), flags)?;
    let options = app::queue(&config);
    // Opening one that is not there would make it.
    if let Location::Embedded(file) = &options.location
        && !file.is_file()
    {
        let missing = Failure::new(format!("there is no queue at {}", file.display())).exit(code::NOT_FOUND);
        return Err(missing.help("name its folder with --data, or where it is with --queue"));
    }
    let queue = workers::queue::open(&options, Arc::new(SystemClock)).await?.queue;
    let violations = queue.check().await?;
    let jobs = queue.counts().await?.iter().map(|(_, n)| n.delayed + n.ready + n.running + n.dead).sum();
    report(jobs, &violations, args.json).iter().for_each(|line| terminal::out(line));
    if violations.is_empty() { Ok(()) } else { Err(Failure::silent(code::FAILED)) }
}

fn report(jobs: u64, violations: &[Violation], as_json: bool) -> Vec<String> {
    if as_json {
        let violations: Vec<_> =
            violations.iter().map(|found| json!({"rule": found.rule, "what": found.what})).collect();
        return vec![json!({ "jobs": jobs, "violations": violations }).to_string()];
    }
    if violations.is_empty() {
        return vec![format!("no contradictions in {jobs} jobs")];
    }
    let width = violations.iter().map(|found| found.rule.len()).chain([4]).max().unwrap_or(4);
    let row = |rule: &str, what: &str| format!("{rule:<width$}  {what}");
    let rows = violations.iter().map(|found| row(found.rule, &found.what));
    let mut lines: Vec<String> = [terminal::bold(&row("RULE", "WHAT"))].into_iter().chain(rows).collect();
    lines.push(terminal::bad(&format!("{} contradictions in {jobs} jobs", violations.len())));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_a_table_or_json() {
        let found = |rule, what: &str| Violation { rule, what: what.into() };
        assert_eq!(report(7, &[], false), ["no contradictions in 7 jobs"]);
        assert_eq!(report(7, &[], true), [r#"{"jobs":7,"violations":[]}"#]);
        let two = [found("index_without_job", "job 1 is due"), found("lost", "job 2")];
        let lines = report(9, &two, false);
        assert_eq!(&lines[1..3], ["index_without_job  job 1 is due", "lost               job 2"]);
        assert!(lines[3].contains("2 contradictions in 9 jobs"));
        let one = r#"{"jobs":1,"violations":[{"rule":"lost","what":"job 2"}]}"#;
        assert_eq!(report(1, &two[1..], true), [one]);
    }
}
