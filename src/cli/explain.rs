//! `explain`: why a job has not started, and when it will.

use serde_json::Value;

use super::client::{Account, segment};
use super::{Failure, table, terminal};

/// Which job.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate explain 01JD4Z8M3V9Q6T5X2Y7W0K1B8C
  tidegate explain --integration reminder-email --key '{\"email\":\"a@example.com\"}'
  tidegate explain 01JD4Z8M3V9Q6T5X2Y7W0K1B8C --json")]
pub struct Args {
    /// A job's id
    #[arg(required_unless_present = "key", conflicts_with = "key")]
    job: Option<String>,
    /// The whole key of a job, as JSON; together with --integration
    #[arg(long, value_name = "JSON", requires = "integration")]
    key: Option<String>,
    /// The integration that the key is of
    #[arg(long, value_name = "NAME", requires = "key")]
    integration: Option<String>,
    /// Print the server's answer
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Account,
}

/// Prints the gates, the one that holds marked.
pub async fn explain(args: Args) -> Result<(), Failure> {
    let path = match (&args.job, &args.key, &args.integration) {
        (Some(job), ..) => format!("/v1/jobs/{}/explain", segment(job)),
        (None, Some(key), Some(name)) => {
            format!("/v1/integrations/{}/explain?key={}", segment(name), segment(key))
        }
        _ => return Err(Failure::usage("name a job, or --key and --integration")),
    };
    let answer = args.place.client()?.get(&path).await?;
    if args.json {
        terminal::out(&answer.to_string());
        return Ok(());
    }
    shown(&answer).iter().for_each(|line| terminal::out(line));
    Ok(())
}

/// The answer as lines.
fn shown(answer: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut lines = vec![format!("job {} is {}", text(&answer["jobId"]), text(&answer["state"]))];
    let gates = answer["gates"].as_array().map(Vec::as_slice).unwrap_or_default();
    if gates.is_empty() {
        let reasons = answer["reasons"].as_array().map(Vec::as_slice).unwrap_or_default();
        lines.extend(reasons.iter().map(|reason| format!("  {}", text(&reason["message"]))));
        return lines;
    }
    let held_by = answer["heldBy"].as_str();
    let row = |gate: &Value| {
        let name = text(&gate["gate"]);
        let mark = match (gate["state"] == "holds", held_by == Some(name.as_str())) {
            (_, true) => ">",
            (true, false) => "!",
            (false, false) => "",
        };
        let until = if gate["state"] == "holds" { gate["until"].as_str().unwrap_or("?") } else { "" };
        [mark.to_owned(), name, text(&gate["state"]), until.to_owned(), text(&gate["message"])]
    };
    let rows: Vec<_> = gates.iter().map(row).collect();
    let table = table::lines(["", "GATE", "STATE", "UNTIL", "WHY"], &rows);
    let marked = table.into_iter().map(|line| if line.starts_with('>') { terminal::bold(&line) } else { line });
    lines.extend(marked);
    lines.push(match (held_by, answer["earliestStart"].as_str()) {
        (None, _) => "nothing holds it: it starts as soon as a worker takes it".into(),
        (Some(_), Some(start)) => format!("it starts at {start}, if nothing changes"),
        (Some(gate), None) => format!("nobody knows when it starts: {gate} holds it"),
    });
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_gate_that_holds_is_marked() {
        let gate = |name: &str, state: &str, until: Value| json!({"gate": name, "state": state, "until": until, "message": "why"});
        let answer = json!({
            "jobId": "J", "state": "pending", "heldBy": "limit", "earliestStart": "2026-01-01T00:00:00.000Z",
            "gates": [gate("schedule", "open", Value::Null), gate("limit", "holds", json!("2026-01-01T00:00:00.000Z")), gate("pause", "holds", Value::Null)],
        });
        let lines = shown(&answer);
        assert_eq!(lines[0], "job J is pending");
        assert!(lines[3].contains(">  limit") && lines[3].contains("2026-01-01"), "{lines:?}");
        assert!(lines[4].starts_with("!  pause") && lines[4].contains('?'), "{lines:?}");
        assert!(lines[5].contains("it starts at 2026-01-01"), "{lines:?}");
        let gone = json!({"jobId": "J", "state": "succeeded", "gates": [], "reasons": [{"code": "ended", "message": "it left"}]});
        assert_eq!(shown(&gone), ["job J is succeeded", "  it left"]);
    }
}
