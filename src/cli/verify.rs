//! `verify`: proves from the ledger that no tick of a schedule is missing or doubled.

use serde_json::{Value, json};

use super::client::{Client, Connection, segment};
use super::failure::code;
use super::schedules::path_of;
use super::{Failure, terminal};

/// What to prove.
#[derive(clap::Args)]
#[command(after_help = "\
Exit code 1 means that something is missing, doubled or unexplained.

Examples:
  tidegate verify exchange-rate-report
  tidegate verify order-alert/customer-17 --from 2026-03-01 --to 2026-04-01
  tidegate verify order-alert/customer-17 --from 2026-03-01 --csv > findings.csv")]
pub struct Args {
    /// INTEGRATION/SCHEDULE, or INTEGRATION for the schedule of its settings
    target: String,
    /// From this time on (ISO 8601; without a zone UTC); a day before --to if absent
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Up to this time; now if absent
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Print the whole report as JSON
    #[arg(long)]
    json: bool,
    /// Print the findings as CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    #[command(flatten)]
    connection: Connection,
}

const KINDS: [&str; 3] = ["missing", "doubled", "unexplained"];

/// Asks the server, and prints what it found.
pub async fn verify(args: Args) -> Result<(), Failure> {
    let bounds = [("from", &args.from), ("to", &args.to)];
    let bound = |(name, time): (&str, &Option<String>)| time.as_ref().map(|time| format!("{name}={}", segment(time)));
    let bounds: Vec<String> = bounds.into_iter().filter_map(bound).collect();
    let path = format!("{}/verify?{}", path_of(&args.target), bounds.join("&"));
    let report = Client::new(&args.connection)?.get(&path).await?;
    if args.json {
        terminal::out(&serde_json::to_string_pretty(&report).unwrap_or_else(|_| json!(report).to_string()));
    } else if args.csv {
        csv(&report).iter().for_each(|line| terminal::out(line));
    } else {
        told(&report).iter().for_each(|line| terminal::out(line));
    }
    if report["good"] == json!(true) { Ok(()) } else { Err(Failure::silent(code::FAILED)) }
}

fn findings(report: &Value) -> impl Iterator<Item = (&'static str, &str, &str)> {
    KINDS.into_iter().flat_map(move |kind| {
        let all = report[kind].as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().map(move |finding| {
            (kind, finding["nominal"].as_str().unwrap_or_default(), finding["what"].as_str().unwrap_or_default())
        })
    })
}

fn csv(report: &Value) -> Vec<String> {
    let line =
        |(kind, nominal, what): (&str, &str, &str)| format!("{kind},{nominal},\"{}\"", what.replace('"', "\"\""));
    let head = "finding,nominal,what".to_owned();
    std::iter::once(head).chain(findings(report).map(line)).collect()
}

fn told(report: &Value) -> Vec<String> {
    let count = |name: &str| report[name].as_u64().unwrap_or(0);
    let mut lines = vec![format!(
        "{} to {}: {} ticks, {} fired, {} skipped, {} missed, {} waiting",
        report["from"].as_str().unwrap_or_default(),
        report["to"].as_str().unwrap_or_default(),
        count("expected"),
        count("fired"),
        count("skipped"),
        count("missed"),
        count("waiting"),
    )];
    lines.extend(findings(report).map(|(kind, nominal, what)| format!("{kind:<11} {nominal}  {what}")));
    lines.push(match count("findings") {
        0 => terminal::good("no tick is missing or doubled, and every record is of a tick"),
        n => terminal::bad(&format!("{n} findings")),
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_lines_of_csv() {
        let report = json!({
            "missing": [{"nominal": "2026-03-01T00:00:00.000Z", "what": "no record"}],
            "doubled": [{"nominal": "2026-03-01T00:01:00.000Z", "what": "fired (job \"A\"), fired"}],
        });
        assert_eq!(
            csv(&report),
            [
                "finding,nominal,what",
                "missing,2026-03-01T00:00:00.000Z,\"no record\"",
                "doubled,2026-03-01T00:01:00.000Z,\"fired (job \"\"A\"\"), fired\"",
            ]
        );
    }
}
