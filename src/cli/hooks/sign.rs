//! `hooks sign`: one request with the proof that a hook asks for.

use std::io::Read;

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use schedules::{Clock, SystemClock};
use serde_json::{Map, Value, json};
use workers::hooks::{Auth, Preset, Signing, read_auth};

use super::curl;
use crate::cli::{Failure, terminal};

/// Most bytes of a body; hooks take less.
const MAX_BODY_BYTES: u64 = 4 << 20;
/// What the secret is called while its name does not matter.
const NAME: &str = "SECRET";

/// What to sign, and as whom.
#[derive(clap::Args)]
pub struct Args {
    /// The service to sign as: stripe, github, slack or shopify
    #[arg(long, value_name = "NAME", conflicts_with = "kind", required_unless_present = "kind")]
    preset: Option<String>,
    /// The proof: token, basic, hmac or standard_webhooks, as in settings.http.auth
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// The environment variable that holds the secret
    #[arg(long, value_name = "NAME")]
    secret_env: String,
    /// The body: a text, @FILE, or @- for standard input
    #[arg(long, value_name = "TEXT|@FILE", default_value = "{}")]
    body: String,
    /// The type of the body
    #[arg(long, value_name = "TYPE", default_value = "application/json")]
    content_type: String,
    /// The time of the signature, in Unix seconds [default: now]
    #[arg(long, value_name = "SECONDS")]
    timestamp: Option<i64>,
    /// The request's id, where it has one [default: a new one]
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// The address of the hook; `tidegate hooks url` prints it
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7070/hooks/default/NAME")]
    url: String,
    /// The header of the signature or token
    #[arg(long, value_name = "NAME")]
    header: Option<String>,
    /// The query parameter of the token
    #[arg(long, value_name = "NAME")]
    query: Option<String>,
    /// What stands before the signature or token
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// The user, of basic
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// sha1, sha256 or sha512, of hmac
    #[arg(long, value_name = "NAME")]
    algorithm: Option<String>,
    /// hex or base64, of hmac
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
    /// What is signed, of hmac, such as {timestamp}.{body}
    #[arg(long, value_name = "TEMPLATE")]
    signs: Option<String>,
    /// The header of the time, of hmac
    #[arg(long, value_name = "NAME")]
    timestamp_header: Option<String>,
    /// The header of the id, of hmac
    #[arg(long, value_name = "NAME")]
    id_header: Option<String>,
    /// Send it, and print the answer
    #[arg(long)]
    send: bool,
}

/// Prints the request, or sends it.
pub async fn sign(args: Args) -> Result<(), Failure> {
    let auth = auth(&args)?;
    let secret = std::env::var(&args.secret_env).ok().filter(|secret| !secret.is_empty()).ok_or_else(|| {
        Failure::usage(format!("the environment variable {} is not set", args.secret_env))
            .help("a secret never stands on a command line: put it into the environment, and name the variable here")
    })?;
    let body = body(&args.body)?;
    let now = SystemClock.now();
    let signing = Signing {
        timestamp: args.timestamp.unwrap_or(now.0 / 1_000),
        id: args.id.clone().unwrap_or_else(|| format!("msg_{:016x}", rand::random::<u64>())),
    };
    let proof = auth.prove(&secret, &body, &signing);
    let (mut headers, parameters) = proof.ok_or_else(|| {
        Failure::usage(format!(
            "the secret in {} is no key: Standard Webhooks take base64, as in whsec_…",
            args.secret_env
        ))
    })?;
    headers.insert(0, (CONTENT_TYPE.to_string(), args.content_type.clone()));
    let url = with_parameters(&args.url, &parameters)?;
    if args.send {
        return send(url, &headers, body).await;
    }
    terminal::out(&curl::command(url.as_str(), &headers, curl::Data::of(&args.body, &body)));
    Ok(())
}

/// The proof, in the words of `settings.http.auth`, so that both read it alike.
fn auth(args: &Args) -> Result<Auth, Failure> {
    let given = [
        ("preset", &args.preset),
        ("kind", &args.kind),
        ("header", &args.header),
        ("query", &args.query),
        ("prefix", &args.prefix),
        ("user", &args.user),
        ("algorithm", &args.algorithm),
        ("encoding", &args.encoding),
        ("signs", &args.signs),
        ("timestampHeader", &args.timestamp_header),
        ("idHeader", &args.id_header),
    ];
    let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?))));
    let mut written: Map<String, Value> = given.collect();
    written.insert("secret".into(), json!(NAME));
    read_auth("", Value::Object(written)).map_err(|error| {
        let presets: Vec<&str> = Preset::ALL.iter().map(|(_, name)| *name).collect();
        Failure::usage(error.to_string().trim_start_matches('.'))
            .help(format!("--preset takes {}; --kind takes token, basic, hmac, standard_webhooks", presets.join(", ")))
    })
}

fn body(written: &str) -> Result<Vec<u8>, Failure> {
    let Some(path) = written.strip_prefix('@') else { return Ok(written.as_bytes().to_vec()) };
    let unreadable = |error: std::io::Error| Failure::usage(format!("{path} cannot be read: {error}"));
    let source: Box<dyn Read> = match path {
        "-" => Box::new(std::io::stdin()),
        path => Box::new(std::fs::File::open(path).map_err(unreadable)?),
    };
    let mut bytes = Vec::new();
    source.take(MAX_BODY_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

fn with_parameters(url: &str, parameters: &[(String, String)]) -> Result<reqwest::Url, Failure> {
    let mut url = reqwest::Url::parse(url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| Failure::usage(format!("`{url}` is not the address of a hook")))?;
    if !parameters.is_empty() {
        url.query_pairs_mut().extend_pairs(parameters);
    }
    Ok(url)
}

async fn send(url: reqwest::Url, headers: &[(String, String)], body: Vec<u8>) -> Result<(), Failure> {
    let mut request = workers::gateway::operator_client().post(url.clone()).body(body);
    for (name, value) in headers {
        let unsendable = || Failure::usage(format!("the header {name} cannot be sent"));
        let name: HeaderName = name.parse().map_err(|_| unsendable())?;
        request = request.header(name, HeaderValue::from_str(value).map_err(|_| unsendable())?);
    }
    let unreachable = |error: reqwest::Error| Failure::new(format!("{url} did not answer: {}", error.without_url()));
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    terminal::say(&status.to_string());
    let text = response.text().await.map_err(unreachable)?;
    if !text.is_empty() {
        terminal::out(&text);
    }
    if status.is_success() { Ok(()) } else { Err(Failure::silent(crate::cli::failure::code::FAILED)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(preset: Option<&str>, kind: Option<&str>) -> Args {
        Args {
            preset: preset.map(str::to_owned),
            kind: kind.map(str::to_owned),
            secret_env: "X".into(),
            body: "{}".into(),
            content_type: "application/json".into(),
            timestamp: None,
            id: None,
            url: String::new(),
            header: None,
            query: None,
            prefix: None,
            user: None,
            algorithm: None,
            encoding: None,
            signs: None,
            timestamp_header: None,
            id_header: None,
            send: false,
        }
    }

    #[test]
    fn options_are_read_as_settings_are() {
        for (_, name) in Preset::ALL {
            assert!(auth(&args(Some(name), None)).is_ok(), "{name}");
        }
        let hmac = Args { header: Some("X-Sig".into()), ..args(None, Some("hmac")) };
        assert!(matches!(auth(&hmac), Ok(Auth::Signed(_))));
        let wrong = auth(&args(None, Some("hmac"))).expect_err("no header");
        assert!(wrong.message.starts_with("header"), "{}", wrong.message);
        assert!(auth(&Args { user: Some("x".into()), ..args(Some("github"), None) }).is_err());
    }

    #[test]
    fn a_token_in_the_query_is_escaped() {
        let url = with_parameters("http://a/hooks/d/x?y=1", &[("token".into(), "a b&c".into())]).expect("an address");
        assert_eq!(url.as_str(), "http://a/hooks/d/x?y=1&token=a+b%26c");
        assert!(with_parameters("ftp://a/", &[]).is_err());
    }
}
