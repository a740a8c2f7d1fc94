//! `new`: the folder of a first integration, ready to run.

use std::fs;
use std::path::{Path, PathBuf};

use super::folder::{MANIFEST, check_name};
use super::{Failure, terminal};

/// What makes the new integration run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Trigger {
    /// `execute` and `schedule` calls
    Experience,
    /// A schedule
    Recurring,
    /// Requests to its hook URL
    Http,
    /// Events it subscribes to
    Event,
}

/// What to make.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate new hello                         runs when it is called
  tidegate new nightly --trigger recurring   runs on a schedule
  tidegate new order-alert --typescript      in TypeScript, with types for the editor

Then: tidegate run hello")]
pub struct Args {
    /// The integration's name, and its folder's
    name: String,
    /// What makes it run
    #[arg(long, value_enum, default_value = "experience")]
    trigger: Trigger,
    /// Write it in TypeScript
    #[arg(long)]
    typescript: bool,
    /// Where the folder is made
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

/// What an event integration subscribes to.
const EVENTS: &str = "
# The events that start it: these types (shop.* means all below a name), and of those the ones that the filter is true of.
[settings.events]
types = [\"user.created\"]
filter = 'event.name != \"\"'
# The job's key, by which rate limits count.
# key = { name = \"event.name\" }
";

/// Nobody gets in before a secret is set: a start that is safe, and the other choices beside it.
const HTTP: &str = r#"
# Who may call it (docs/HOOKS.md). Store the token with `tidegate secrets set HOOK_TOKEN --integration NAME`; callers send
# it as `Authorization: Bearer …`. Others: { preset = "stripe" } or "github", "slack", "shopify"; { kind = "basic" }, "hmac",
# "standard_webhooks"; { kind = "none" } lets anyone in.
[settings.http]
auth = { kind = "token", secret = "HOOK_TOKEN" }
# "response": what the handler returns is the answer; "result": {ok, data}; "accepted": 202 at once, it runs afterwards.
respond = "response"
"#;

const HANDLER_JS: &str = include_str!("handler.js");
const HANDLER_TS: &str = include_str!("handler.ts");
const TEST_JS: &str = include_str!("handler.test.js");
const TEST_TS: &str = include_str!("handler.test.ts");
const TSCONFIG: &str = include_str!("tsconfig.json");
const TYPES: &str = include_str!("../../../scripts/types/tidegate.d.ts");

/// Makes the folder. Nothing that exists is touched.
pub fn new(args: &Args) -> Result<(), Failure> {
    check_name(&args.name)?;
    let folder = args.dir.join(&args.name);
    if folder.exists() {
        return Err(Failure::usage(format!("{} exists already", folder.display()))
            .help("choose another name, or remove it first"));
    }
    fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
    for (name, text) in files(args) {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| unwritable(&path, &error))?;
    }
    let shown = folder.strip_prefix(".").unwrap_or(&folder).display().to_string();
    let width = "tidegate deploy ".len() + shown.len() + 2;
    let next = [
        (format!("tidegate run {shown}"), "runs it once, here"),
        (format!("tidegate test {shown}"), "runs its tests"),
        ("tidegate dev".to_owned(), "runs every integration below this folder, and reloads on save"),
        (format!("tidegate deploy {shown}"), "brings it to a server"),
    ];
    terminal::say(&format!("made {}\n", terminal::bold(&shown)));
    for (command, what) in next {
        terminal::say(&format!("  {command:<width$}{what}"));
    }
    Ok(())
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{} cannot be written: {error}", path.display()))
}

fn files(args: &Args) -> Vec<(&'static str, String)> {
    let common = [(MANIFEST, manifest(args)), ("sample.json", sample(args.trigger)), ("README.md", readme(args))];
    let code = if args.typescript {
        vec![
            ("integration.ts", HANDLER_TS.to_owned()),
            ("integration.test.ts", TEST_TS.to_owned()),
            ("tsconfig.json", TSCONFIG.to_owned()),
            ("tidegate.d.ts", TYPES.to_owned()),
        ]
    } else {
        vec![("integration.js", HANDLER_JS.to_owned()), ("integration.test.js", TEST_JS.to_owned())]
    };
    common.into_iter().chain(code).collect()
}

fn manifest(args: &Args) -> String {
    let trigger = match args.trigger {
        Trigger::Experience => "experience",
        Trigger::Recurring => "recurring",
        Trigger::Http => "http",
        Trigger::Event => "event",
    };
    let more = match args.trigger {
        Trigger::Recurring => "\n[settings.schedule]\nevery = \"day\"\nat = \"06:00\"\ntimezone = \"UTC\"\n",
        Trigger::Http => HTTP,
        Trigger::Event => EVENTS,
        Trigger::Experience => "",
    };
    format!(
        "description = \"Says hello\"\n\
         # What makes it run; this can never be changed.\n\
         trigger = \"{trigger}\"\n\
         \n\
         [settings]\n\
         timeout_ms = 10000\n\
         # The hosts it may talk to; without this line any public one.\n\
         # allowed_domains = [\"api.example.com\"]\n{more}"
    )
}

fn sample(trigger: Trigger) -> String {
    let text = match trigger {
        Trigger::Experience | Trigger::Http => "{\n  \"name\": \"Ada\"\n}\n",
        Trigger::Event => "{\n  \"meta\": { \"type\": \"user.created\", \"id\": \"1\" },\n  \"name\": \"Ada\"\n}\n",
        Trigger::Recurring => {
            "{\n  \"scheduledAt\": \"2026-01-01T06:00:00.000Z\",\n  \"nominal\": \"2026-01-01T06:00:00.000Z\"\n}\n"
        }
    };
    text.to_owned()
}

fn readme(args: &Args) -> String {
    let code = if args.typescript { "integration.ts" } else { "integration.js" };
    format!(
        "# {name}\n\n\
         `{code}` is the code, `integration.toml` says when and how it runs, `sample.json` is a payload to try it with.\n\n\
         Try it with `tidegate run {name}`, test it with `tidegate test {name}`; bring it to a server with `tidegate deploy {name}`.\n",
        name = args.name,
    )
}

#[cfg(test)]
mod tests {
    use workers::authoring::Submission;

    use super::*;
    use crate::cli::folder;

    #[test]
    fn what_is_made_is_a_valid_integration() {
        for trigger in [Trigger::Experience, Trigger::Recurring, Trigger::Http, Trigger::Event] {
            for typescript in [false, true] {
                let dir = tempfile::tempdir().unwrap();
                let args = Args { name: "hello".into(), trigger, typescript, dir: dir.path().into() };
                new(&args).unwrap();
                let made = folder::load(&dir.path().join("hello")).unwrap();
                assert_eq!(made.name, "hello");
                Submission::parse(made.body).unwrap_or_else(|error| panic!("{trigger:?}: {error}"));
                let again = new(&args).unwrap_err();
                assert!(again.message.contains("exists already"));
            }
        }
    }

    #[test]
    fn a_wrong_name_makes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let args = Args { name: "../x".into(), trigger: Trigger::Http, typescript: false, dir: dir.path().into() };
        assert!(new(&args).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
