//! `types`: type declarations for the scripts of a folder, so that an editor knows their payload and secrets.

mod infer;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::dev::secrets;
use super::{Failure, folder, terminal};
use crate::config::Environment;

/// The file that is written into each integration's folder.
pub const FILE: &str = "tidegate.d.ts";

/// Which folders.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate types                     writes tidegate.d.ts for every integration below this folder
  tidegate types order-alert         for one
  tidegate types --secret API_KEY    with a secret that only the server has
  tidegate types --check             writes nothing; exit code 10 if a file is not up to date

In the handler:
  JavaScript   /** @type {TidegateIntegrationHandler} */
               module.exports = async ({ payload, secrets }) => { … }
  TypeScript   const handler: TidegateIntegrationHandler = async ({ payload, secrets }) => { … };
               export default handler;

The payload's type is that of sample.json, or of a tick for recurring integrations.
The secrets are those of .env and of TIDEGATE_SECRET_<NAME>, by name.")]
pub struct Args {
    /// The folder of an integration, or one with integrations directly below it
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// The name of a secret that is set elsewhere; can be given several times
    #[arg(long, value_name = "NAME")]
    secret: Vec<String>,
    /// Only look whether the files are up to date
    #[arg(long)]
    check: bool,
}

/// Writes the files.
pub fn types(args: &Args) -> Result<(), Failure> {
    let folders = folder::find(&args.folder)?;
    if folders.is_empty() {
        return Err(Failure::usage(format!("there is no integration in {}", args.folder.display()))
            .help("`tidegate new NAME` makes one"));
    }
    let mut stale = 0;
    for path in folders {
        let names = secret_names(&path, &args.secret)?;
        let text = declarations(&folder::load(&path)?, &names);
        let file = path.join(FILE);
        let fresh = fs::read_to_string(&file).is_ok_and(|present| present == text);
        let shown = file.strip_prefix(".").unwrap_or(&file).display().to_string();
        match (fresh, args.check) {
            (true, _) => terminal::say(&format!("{shown} is up to date")),
            (false, true) => {
                stale += 1;
                terminal::say(&terminal::changed(&format!("{shown} is not up to date")));
            }
            (false, false) => {
                fs::write(&file, text).map_err(|error| Failure::new(format!("{shown} cannot be written: {error}")))?;
                terminal::say(&terminal::good(&format!("{shown} written")));
            }
        }
    }
    if stale > 0 { Err(Failure::silent(super::failure::code::CHANGES)) } else { Ok(()) }
}

/// Those of the environment, of `.env` beside the integration and above it, and those that are named.
fn secret_names(path: &Path, named: &[String]) -> Result<BTreeSet<String>, Failure> {
    let mut names: BTreeSet<String> = named.iter().cloned().collect();
    names.extend(Environment::of_process().secrets()?.into_keys());
    for root in [Some(path), path.canonicalize().ok().as_deref().and_then(Path::parent)].into_iter().flatten() {
        names.extend(secrets::read(root)?.into_keys());
    }
    Ok(names)
}

/// The whole file.
pub fn declarations(folder: &folder::Folder, secrets: &BTreeSet<String>) -> String {
    let payload = match (folder.body["trigger"].as_str(), &folder.body["sample"]) {
        (Some("recurring"), _) => "TidegateTick".to_owned(),
        (_, Value::Null) => "any".to_owned(),
        (_, sample) => infer::type_of(sample),
    };
    let secrets = match secrets.len() {
        0 => "Record<string, string>".to_owned(),
        _ => infer::object(secrets.iter().map(|name| (name.as_str(), false, "string".to_owned()))),
    };
    format!(
        "// Made by `tidegate types`: run it again after a change of sample.json, of the secrets, or of Tidegate.\n\n\
         {}\n\
         // ---- {}\n\n\
         /** The payload, as sample.json has it. */\n\
         type TidegateIntegrationPayload = {payload};\n\n\
         /** The secrets there are, by name. */\n\
         type TidegateIntegrationSecrets = {secrets};\n\n\
         /** This integration's handler. */\n\
         type TidegateIntegrationHandler<Result = unknown> = (\n\
         \x20 context: TidegateContext<TidegateIntegrationPayload, TidegateIntegrationSecrets>,\n\
         ) => Result | Promise<Result>;\n",
        scripts::TYPES.trim_end().to_owned() + "\n",
        folder.name,
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn written(manifest: &str, sample: Option<&str>, secrets: &[&str]) -> String {
        let mut texts = BTreeMap::from([("integration.toml".to_owned(), manifest.to_owned())]);
        texts.insert("integration.js".into(), "module.exports = () => 1".into());
        texts.extend(sample.map(|sample| ("sample.json".to_owned(), sample.to_owned())));
        let folder = folder::assemble("hello", &texts).unwrap();
        declarations(&folder, &secrets.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn the_payload_is_that_of_the_sample_and_secrets_have_names() {
        let text = written("trigger = \"experience\"", Some(r#"{"name":"Ada"}"#), &["API_KEY"]);
        assert!(text.contains("type TidegateIntegrationPayload = {\n  name: string;\n};"), "{text}");
        assert!(text.contains("type TidegateIntegrationSecrets = {\n  API_KEY: string;\n};"), "{text}");
        assert!(text.contains("interface TidegateCache"), "the rest is there as well");
    }

    #[test]
    fn ticks_have_their_own_payload_and_nothing_known_is_anything() {
        let schedule = "trigger = \"recurring\"\n[settings.schedule]\nevery = \"day\"";
        assert!(written(schedule, Some("{}"), &[]).contains("Payload = TidegateTick;"));
        let text = written("trigger = \"experience\"", None, &[]);
        assert!(text.contains("Payload = any;") && text.contains("Secrets = Record<string, string>;"), "{text}");
    }
}
