//! `schedules import`: crontabs and schedules of sidekiq-cron and BullMQ become schedules of an integration, with a
//! report of what differs.

mod bullmq;
mod check;
mod clocks;
mod crontab;
mod entry;
mod fugit;
mod json;
mod put;
mod report;
mod sidekiq;
mod vixie;

use std::io::Read;
use std::path::Path;

use ::schedules::{Clock, Millis, SystemClock, Zone};

use self::check::{Ready, check};
use self::entry::{Import, Left, Options, fits};
use self::put::{Fate, put_all};
use self::report::Report;
use super::print;
use crate::cli::Failure;
use crate::cli::client::{Client, Connection, segment};
use crate::cli::failure::code;

const MAX_FILE_BYTES: u64 = 10 << 20;
const MAX_ENTRIES: usize = 10_000;
/// Half of what a name may have.
const MAX_PREFIX_BYTES: usize = 64;

#[derive(clap::Args)]
#[command(after_help = "\
What cannot be imported is said with its line, and the rest is imported; the exit code is then 1.
Importing again changes only what has changed in the file. Schedules that were not imported from a
file of this name are not touched without --replace.

Examples:
  crontab -l | tidegate schedules import - --integration chores --timezone Europe/London --dry-run
  tidegate schedules import /etc/crontab --integration chores --user-column --prefix web1-
  ruby -ryaml -rjson -e 'puts JSON.pretty_generate(YAML.load_file(\"schedule.yml\"))' > schedule.json
  tidegate schedules import schedule.json --integration workers
  tidegate schedules import schedulers.json --integration mailer --format bullmq --json")]
pub struct Args {
    /// The file, or - for standard input
    file: String,
    /// The integration whose schedules they become
    #[arg(long, value_name = "NAME")]
    integration: String,
    /// What the file is [default: told from its content]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Only report; needs no server
    #[arg(long)]
    dry_run: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Before the name of every schedule, such as web1-
    #[arg(long, value_name = "TEXT", default_value = "")]
    prefix: String,
    /// The zone of entries that name none [default: UTC]
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// The lines of a crontab name a user before the command, as in /etc/crontab
    #[arg(long)]
    user_column: bool,
    /// Also change schedules of these names that were not imported from here
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Crontab,
    SidekiqCron,
    Bullmq,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Crontab => "crontab",
            Self::SidekiqCron => "sidekiq-cron",
            Self::Bullmq => "bullmq",
        }
    }

    /// What a text is: JSON whose entries have what only one of the systems has, else a crontab.
    fn of(file: &str, text: &str) -> Result<Self, Failure> {
        if Path::new(file).extension().is_some_and(|it| it == "yml" || it == "yaml") {
            return Err(yaml());
        }
        if !text.trim_start().starts_with(['[', '{']) {
            return Ok(Self::Crontab);
        }
        let items = json::items(text).map_err(|message| Failure::usage(format!("{file}: {message}")))?;
        let has =
            |name: &str| items.iter().any(|item| item.fields.as_ref().is_ok_and(|fields| fields.contains_key(name)));
        match (has("cron"), has("pattern") || has("every")) {
            (true, false) => Ok(Self::SidekiqCron),
            (false, true) => Ok(Self::Bullmq),
            _ => Err(Failure::usage(format!("{file} does not show whether it is of sidekiq-cron or of BullMQ"))
                .help("say it with --format")),
        }
    }

    fn read(self, text: &str, options: &Options) -> Result<Import, String> {
        match self {
            Self::Crontab => Ok(crontab::read(text, options)),
            Self::SidekiqCron => sidekiq::read(text, options),
            Self::Bullmq => bullmq::read(text, options),
        }
    }
}

fn yaml() -> Failure {
    Failure::usage("YAML is not read; make it JSON first").help(
        "ruby -ryaml -rjson -e 'puts JSON.pretty_generate(YAML.load_file(\"schedule.yml\"))' > schedule.json, or \
         yq -o=json schedule.yml",
    )
}

/// Imports a file, or says what would come of it.
pub async fn import(args: Args) -> Result<(), Failure> {
    let text = read(&args.file)?;
    let format = args.format.map_or_else(|| Format::of(&args.file, &text), Ok)?;
    let options = options(&args, format)?;
    let import = format.read(&text, &options).map_err(|message| {
        let failure = Failure::usage(format!("{}: {message}", args.file));
        if format == Format::SidekiqCron && !text.trim_start().starts_with(['[', '{']) { yaml() } else { failure }
    })?;
    if import.entries.len() > MAX_ENTRIES {
        return Err(Failure::usage(format!("{} has more than {MAX_ENTRIES} entries", args.file)).help("divide it"));
    }
    let Import { entries, mut wrong, off, remarks } = import;
    let ready = ready(entries, &mut wrong, SystemClock.now());
    let mut fates = Vec::new();
    let mark = (!args.replace).then(|| options.mark());
    let outcome = if args.dry_run {
        fates.resize(ready.len(), Fate::Planned);
        Ok(())
    } else {
        let client = Client::new(&args.connection)?;
        let there = client.get(&format!("/v1/integrations/{}", segment(&args.integration))).await;
        there.map_err(|failure| match failure.code {
            code::NOT_FOUND => {
                failure.help("make it first, as its handler does the work: `tidegate new`, `tidegate deploy`")
            }
            _ => failure,
        })?;
        put_all(&client, &args.integration, &ready, mark.as_deref(), &mut fates).await
    };
    let done = ready.iter().zip(fates).collect();
    let report = Report {
        format: format.name(),
        integration: &args.integration,
        done,
        wrong: &wrong,
        off: &off,
        remarks: &remarks,
    };
    if args.json {
        print(&report.to_json());
    } else {
        report.print();
    }
    outcome?;
    if report.is_good() { Ok(()) } else { Err(Failure::silent(code::FAILED)) }
}

fn read(file: &str) -> Result<String, Failure> {
    let unreadable = |error: std::io::Error| Failure::usage(format!("{file} cannot be read: {error}"));
    let mut text = String::new();
    let input: Box<dyn Read> = match file {
        "-" => Box::new(std::io::stdin()),
        path => Box::new(std::fs::File::open(path).map_err(unreadable)?),
    };
    input.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(Failure::usage(format!("{file} has more than {} MiB", MAX_FILE_BYTES >> 20)).help("divide it"));
    }
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn options(args: &Args, format: Format) -> Result<Options, Failure> {
    let starts = args.prefix.is_empty() || args.prefix.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !starts || !args.prefix.chars().all(fits) {
        return Err(Failure::usage(format!("--prefix: {:?} has what no name may have", args.prefix))
            .help("names have letters, digits, dots, dashes, colons and underscores, a letter or digit first"));
    }
    if args.prefix.len() > MAX_PREFIX_BYTES {
        return Err(Failure::usage(format!("--prefix: must be at most {MAX_PREFIX_BYTES} characters")));
    }
    let zone = |name: &String| Zone::parse("--timezone", "invalid_timezone", name).map(|zone| zone.name());
    let timezone = args.timezone.as_ref().map(zone).transpose().map_err(|error| Failure::usage(error.to_string()))?;
    let file = Path::new(&args.file).file_name().filter(|name| *name != "-");
    let file = file.map(|name| format!(" {}", name.to_string_lossy().chars().take(100).collect::<String>()));
    Ok(Options {
        prefix: args.prefix.clone(),
        timezone,
        user_column: args.user_column,
        origin: format!("{}{}", format.name(), file.unwrap_or_default()),
    })
}

/// What the engine takes; the rest is wrong as well.
fn ready(entries: Vec<entry::Entry>, wrong: &mut Vec<Left>, now: Millis) -> Vec<Ready> {
    let mut ready = Vec::new();
    for entry in entries {
        match check(entry, now) {
            Ok(one) => ready.push(one),
            Err(left) => wrong.push(left),
        }
    }
    wrong.sort_by_key(|left| left.line);
    ready
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_told_from_the_content() {
        let check = |file: &str, text: &str, expected: Option<Format>| {
            assert_eq!(Format::of(file, text).ok(), expected, "{text}");
        };
        check("-", "0 5 * * * /usr/bin/backup", Some(Format::Crontab));
        check("-", "", Some(Format::Crontab));
        check("-", r#"{"a": {"cron": "* * * * *"}}"#, Some(Format::SidekiqCron));
        check("-", r#"[{"key": "a", "pattern": "* * * * *"}]"#, Some(Format::Bullmq));
        check("-", r#"[{"key": "a", "every": 1000}]"#, Some(Format::Bullmq));
        check("-", "[]", None);
        check("-", "[", None);
        check("config/schedule.yml", "a:\n  cron: '* * * * *'", None);
    }
}
