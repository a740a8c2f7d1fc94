//! How a failed run is told: its seed, the rule, and the steps that matter.

use crate::run::Report;

/// The last steps are told.
const LAST: usize = 60;
/// And so many that name the job.
const OF_THE_JOB: usize = 60;

/// Fails with the seed and a shortened trace, if a rule was broken.
pub fn fail_if_broken(report: &Report) {
    if let Some(broken) = &report.broken {
        let (seed, steps) = (report.seed, shortened(report).join("\n"));
        panic!(
            "{}: {}\n\n{steps}\n\nall steps: SEED={seed} cargo nextest run -p workers --test simulation seeds --no-capture",
            broken.rule, broken.what
        );
    }
}

/// The last steps, and before them those that name the job that the broken rule names.
fn shortened(report: &Report) -> Vec<&str> {
    let from = report.trace.len().saturating_sub(LAST);
    let what = report.broken.as_ref().map_or("", |broken| &*broken.what);
    let job = words(what).find(|word| word.strip_prefix('j').is_some_and(|number| number.parse::<u32>().is_ok()));
    let names = |line: &&String| job.is_some_and(|job| words(line).any(|word| word == job));
    let mut of_the_job: Vec<&str> = report.trace[..from].iter().filter(names).map(String::as_str).collect();
    let left_out = of_the_job.len().saturating_sub(OF_THE_JOB);
    of_the_job.drain(..left_out);
    of_the_job.push("…");
    of_the_job.extend(report.trace[from..].iter().map(String::as_str));
    of_the_job
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}
