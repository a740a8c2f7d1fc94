//! What a migration says before and after.

use ::store::migration::{Comparison, Kinds};
use ::store::queue::Survey;

use super::side::Side;
use crate::cli::{Failure, terminal};

/// A number with commas.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// What would be moved, and what is known of both sides; `copied` is what an earlier call has done.
pub fn plan((from, to): (&Side, &Side), (survey, found): (&Survey, &Survey), copied: Option<u64>) -> Vec<String> {
    let mut lines = vec![format!("from  {}", from.name()), format!("to    {}", to.name()), String::new()];
    let rows = [
        (survey.pending, "pending jobs"),
        (survey.overdue, "jobs whose lease has ended: they move as pending, with one more lost lease"),
        (survey.running, "running jobs: they do not move"),
        (survey.dead, "dead jobs"),
        (survey.controls, "controls of integrations: pauses, concurrency, rate limits"),
        (survey.cursors, "places of schedules"),
        (survey.ticks, "records of ticks, on their way to the ledger"),
        (survey.idempotency, "answers to idempotency keys"),
        (survey.holds, "paused keys of rate limits"),
        (survey.buckets, "charged buckets of rate limits"),
    ];
    let width = rows.iter().map(|(count, _)| grouped(*count).len()).max().unwrap_or(0).max(6);
    lines.extend(rows.iter().map(|(count, what)| format!("{:>width$}  {what}", grouped(*count))));
    lines.push(String::new());
    lines.push(match copied {
        Some(copied) => format!("{} of {} records were copied before", grouped(copied), grouped(survey.records())),
        None if found.is_empty() => "the target is empty".to_owned(),
        None => format!("the target holds {}", in_short(found)),
    });
    lines
}

/// A warning.
pub fn warning(text: &str) -> String {
    format!("{}: {text}", terminal::changed("warning"))
}

/// How much a queue holds, in a few words.
pub fn in_short(survey: &Survey) -> String {
    let (jobs, rest) = (survey.jobs(), survey.records() - survey.jobs());
    format!("{} jobs and {} other records", grouped(jobs), grouped(rest))
}

/// Why two sides that should be the same are not.
pub fn difference(comparison: Comparison, to: &Side) -> Failure {
    match comparison {
        Comparison::SourceChanged => Failure::new("the source has changed while it was copied: a server uses it").help(
            format!("stop all servers, empty the target, delete migrate.json, and begin again. {}", to.how_to_empty()),
        ),
        Comparison::Surplus(surplus) => Failure::new(format!(
            "the target holds {} records that the source does not: a server uses it, or did",
            grouped(surplus)
        ))
        .help(format!("stop all servers, empty it, delete migrate.json, and begin again. {}", to.how_to_empty())),
        _ => Failure::new("the target does not hold what the source does")
            .help(format!("empty it, delete migrate.json, and begin again. {}", to.how_to_empty())),
    }
}

/// What was moved, and what is to be done now.
pub fn last_words(from: &Side, to: &Side, moved: Kinds) -> Vec<String> {
    let Kinds { pending, dead, controls, cursors, ticks, idempotency, holds, buckets } = moved;
    let rest = controls + cursors + ticks + idempotency + holds + buckets;
    let mut lines = vec![
        terminal::good(&format!(
            "moved, and both sides are the same: {} pending and {} dead jobs, {} other records",
            grouped(pending),
            grouped(dead),
            grouped(rest)
        )),
        String::new(),
        "now, in the configuration of every server:".to_owned(),
        "  [queue]".to_owned(),
    ];
    match to {
        Side::Embedded(_) => lines.push("  engine = \"embedded\"".to_owned()),
        Side::Redis { config, options } => {
            lines.push(format!("  engine = \"{}\"", config.shown()));
            lines.push(format!("  prefix = \"{}\"", options.prefix));
            lines.push("or TIDEGATE_QUEUE, which keeps a password out of files. Then start them.".to_owned());
        }
    }
    lines.push(String::new());
    lines.push(match from {
        Side::Embedded(file) => {
            format!("the old queue, {}, is left as it is; delete it when you are sure", file.display())
        }
        Side::Redis { config, options } => format!(
            "the old queue in {} (keys that begin with {{{}:) is left as it is; delete it when you are sure",
            config.shown(),
            options.prefix
        ),
    });
    lines.push("until then, no server of this data folder starts on it".to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn numbers_have_commas() {
        let check = |number, expected: &str| assert_eq!(grouped(number), expected);
        check(0, "0");
        check(999, "999");
        check(1_000, "1,000");
        check(1_234_567, "1,234,567");
    }

    #[test]
    fn a_plan_counts_and_the_last_words_say_what_to_do() {
        let file = Side::Embedded(PathBuf::from("/d/queue.db"));
        let redis = Side::Redis {
            config: Box::new(::store::redis::Config::parse("redis://:pw@h:1/2").unwrap()),
            options: ::store::redis::Options::default(),
        };
        let survey = Survey { pending: 2_000, dead: 3, cursors: 1, ..Survey::default() };
        let lines = plan((&file, &redis), (&survey, &Survey::default()), None).join("\n");
        for part in ["embedded, /d/queue.db", "redis://h:1/2", " 2,000  pending jobs", "     3  dead", "is empty"] {
            assert!(lines.contains(part), "no {part:?} in {lines}");
        }
        let again = plan((&file, &redis), (&survey, &survey), Some(1_000)).join("\n");
        assert!(again.contains("1,000 of 2,004 records were copied before"), "{again}");
        let said = last_words(&file, &redis, Kinds { pending: 2_000, ..Kinds::default() }).join("\n");
        for part in ["2,000 pending", "engine = \"redis://h:1/2\"", "/d/queue.db, is left as it is; delete it"] {
            assert!(said.contains(part) && !said.contains("pw"), "no {part:?} in {said}");
        }
        let back = last_words(&redis, &file, Kinds::default()).join("\n");
        assert!(back.contains("engine = \"embedded\"") && back.contains("{tidegate:"), "{back}");
    }
}
