//! `deploy`: folders brought to a server; first what would change, then the change.

use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Client, Connection, segment};
use super::failure::code;
use super::folder::{self, Folder};
use super::plan::{Change, Present, compare};
use super::{Failure, terminal};

/// What to deploy, and where.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate deploy                          every integration below this folder
  tidegate deploy order-alert --plan       what would change, line by line
  tidegate deploy --plan --exit-code       for CI: exit code 10 when something would change
  tidegate deploy --server https://tide.example.com --note 'release 42'

Only integrations that differ are saved and released. Nothing is ever deleted.
Exit codes: 0 done, 1 failed, 2 a folder is wrong, 4 the key was not accepted, 10 changes (--plan --exit-code)")]
pub struct Args {
    /// Folders: an integration, or a folder of integrations [default: .]
    #[arg(value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Show what would change, and change nothing
    #[arg(long)]
    plan: bool,
    /// With --plan: exit with 10 when something would change
    #[arg(long, requires = "plan")]
    exit_code: bool,
    /// The note of the releases
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    /// Raise the first part of the releases' numbers: callers may notice the change
    #[arg(long)]
    major: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Plans, and unless that was all, applies.
pub async fn deploy(args: Args) -> Result<(), Failure> {
    let folders = read(&args.folders)?;
    let client = Client::new(&args.connection)?;
    let mut changes = Vec::new();
    for folder in folders {
        let present = present(&client, &folder.name).await?;
        let change = compare(&folder.body, present.as_ref());
        show(&folder.name, &change);
        changes.push((folder, change));
    }
    let all = changes.len();
    changes.retain(|(_, change)| *change != Change::Unchanged);
    let counts = format!("{} to change, {} unchanged", changes.len(), all - changes.len());
    terminal::say(&terminal::bold(&counts));
    if args.plan {
        return if args.exit_code && !changes.is_empty() { Err(Failure::silent(code::CHANGES)) } else { Ok(()) };
    }
    apply(&client, &args, &changes).await
}

fn read(paths: &[PathBuf]) -> Result<Vec<Folder>, Failure> {
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here[..] } else { paths };
    let mut folders: Vec<Folder> = Vec::new();
    for path in paths {
        let found = folder::find(path)?;
        if found.is_empty() {
            return Err(Failure::usage(format!("there is no integration in {}", path.display()))
                .help("`tidegate new NAME` makes a folder with one"));
        }
        for path in found {
            let folder = folder::load(&path)?;
            match folders.iter().find(|other| other.name == folder.name) {
                Some(other) if *other == folder => {}
                Some(_) => return Err(Failure::usage(format!("two folders are called `{}`", folder.name))),
                None => folders.push(folder),
            }
        }
    }
    Ok(folders)
}

async fn present(client: &Client, name: &str) -> Result<Option<Present>, Failure> {
    let path = format!("/v1/integrations/{}", segment(name));
    let Some(draft) = client.find(&path).await? else {
        return Ok(None);
    };
    let released = match draft["release"].as_str() {
        Some(_) => {
            let releases = client.get(&format!("{path}/releases?first=1")).await?;
            // A release is a copy of the draft as it was then: newer than the draft's last save, it is the draft.
            let times = (releases["items"][0]["createdAt"].as_str(), draft["updatedAt"].as_str());
            matches!(times, (Some(created), Some(updated)) if created >= updated)
        }
        None => false,
    };
    Ok(Some(Present { draft, released }))
}

fn show(name: &str, change: &Change) {
    let name = terminal::bold(name);
    match change {
        Change::Create => terminal::out(&format!("{} {name}  create", terminal::good("+"))),
        Change::Update(diff) => {
            terminal::out(&format!("{} {name}  update\n{}", terminal::changed("~"), terminal::diff(diff)))
        }
        Change::Release => terminal::out(&format!("{} {name}  release the draft", terminal::changed("~"))),
        Change::Unchanged => terminal::out(&format!("{} {name}  unchanged", terminal::dim("="))),
    }
}

/// Whether saving takes a while.
fn has_packages(folder: &Folder) -> bool {
    let package = folder.body["files"]["package.json"].as_str();
    let package: Value = package.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    package["dependencies"].as_object().is_some_and(|dependencies| !dependencies.is_empty())
}

async fn apply(client: &Client, args: &Args, changes: &[(Folder, Change)]) -> Result<(), Failure> {
    let bump = if args.major { "major" } else { "minor" };
    for (n, (folder, change)) in changes.iter().enumerate() {
        let path = format!("/v1/integrations/{}", segment(&folder.name));
        let released: Result<Value, Failure> = async {
            if *change != Change::Release {
                if has_packages(folder) {
                    terminal::say(&terminal::dim(&format!(
                        "installing and bundling the packages of {} …",
                        folder.name
                    )));
                }
                let saved = client.send(Method::PUT, &path, &folder.body).await?;
                for warning in saved["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    terminal::say(&format!("{} {}: {warning}", terminal::changed("warning:"), folder.name));
                }
            }
            client.send(Method::POST, &format!("{path}/releases"), &json!({ "note": args.note, "bump": bump })).await
        }
        .await;
        let step = format!("[{}/{}]", n + 1, changes.len());
        let release = released.map_err(|failure| Failure {
            message: format!("{step} {}: {}", folder.name, failure.message),
            help: failure
                .help
                .or_else(|| (n > 0).then(|| "what came before it is deployed; run the same command again".into())),
            ..failure
        })?;
        let number = release["release"].as_str().unwrap_or("?");
        terminal::out(&format!("{} released {} {number}", terminal::dim(&step), terminal::bold(&folder.name)));
    }
    Ok(())
}
