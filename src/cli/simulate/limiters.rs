//! The limiters that rules name: from a file, or from the server.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use workers::limits::Limiters;

use crate::cli::Failure;
use crate::cli::client::{Client, Connection};

/// A server, if one is named: a simulation needs none.
#[derive(clap::Args)]
pub struct Place {
    /// The address of a server whose limiters are used
    #[arg(long, env = "TIDEGATE_SERVER", value_name = "URL")]
    server: Option<String>,
    /// The API key; better kept in the environment than on the command line
    #[arg(long, env = "TIDEGATE_KEY", value_name = "KEY", hide_env_values = true)]
    api_key: Option<String>,
}

/// Those of the file, or else of the server, which is asked only if a rule names one; without either there are none.
pub async fn known(file: Option<&Path>, place: &Place, is_named: bool) -> Result<Limiters, Failure> {
    let (written, origin) = match (file, &place.server) {
        (Some(file), _) => (read(file)?, file.display().to_string()),
        (None, Some(server)) if is_named => {
            let client = Client::new(&Connection { server: server.clone(), key: place.api_key.clone() })?;
            (bodies(&client.get("/v1/limiters").await?), server.clone())
        }
        (None, _) => return Ok(Limiters::default()),
    };
    Limiters::parse(written).map_err(|error| Failure::usage(format!("{origin}: {error}")))
}

fn read(file: &Path) -> Result<Value, Failure> {
    let unreadable =
        |error: &dyn std::fmt::Display| Failure::usage(format!("{} cannot be read: {error}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| unreadable(&error))?;
    serde_json::from_str(&text).map_err(|error| unreadable(&error))
}

/// A server's list as a file has it.
fn bodies(list: &Value) -> Value {
    let items = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let body = |item: &Value| {
        let mut body = json!({
            "limit": item["limit"], "interval": item["intervalMs"], "algorithm": item["algorithm"],
        });
        if item["burst"].is_number() {
            body["burst"] = item["burst"].clone();
        }
        Some((item["name"].as_str()?.to_owned(), body))
    };
    Value::Object(items.iter().filter_map(body).collect::<Map<_, _>>())
}
