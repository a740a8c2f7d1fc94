//! What every layer of the configuration does, and that the manual is complete.

use std::io::Write;

use super::super::{Engine, LogFormat, Role};
use super::*;

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn refusal(result: Result<Config, Error>) -> String {
    result.err().expect("a refusal").0
}

#[test]
fn the_manual_is_the_default_and_has_no_other_keys() {
    // The structs take no unknown key and have no default of their own: this parses only if both sides agree.
    let config: Config = toml::from_str(DEFAULTS).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:7070");
    assert_eq!(config.server.roles, [Role::Api, Role::Worker, Role::Scheduler]);
    assert_eq!(config.queue.horizon.ms, 10 * 365 * 86_400_000);
    assert_eq!(config.runs.sync_wait.ms, 30_000);
    assert!(check(config).is_ok());
}

#[test]
fn every_key_of_the_manual_is_explained() {
    let mut previous = "";
    for (number, line) in DEFAULTS.lines().enumerate() {
        if line.contains(" = ") && !line.starts_with('#') {
            assert!(previous.starts_with("# "), "line {}: `{line}` has no comment above it", number + 1);
        }
        previous = line;
    }
}

#[test]
fn later_layers_win() {
    let path =
        file("[server]\nlisten = \"127.0.0.1:1\"\ndata = \"/a\"\nlog_format = \"json\"\n[queue]\nlease = \"9s\"\n");
    let variables =
        environment(&[("TIDEGATE_DATA", "/b"), ("TIDEGATE_QUEUE__MAX_JOBS", "7"), ("TIDEGATE_ROLES", "api, worker")]);
    let flags = vec![("server.listen", Value::String("127.0.0.1:2".into()))];
    let config = load(Some(path.path()), &variables, flags).ok().unwrap();
    assert_eq!(config.server.listen.port(), 2);
    assert_eq!(config.server.data, PathBuf::from("/b"));
    assert_eq!(config.server.log_format, LogFormat::Json);
    assert_eq!(config.server.roles, [Role::Api, Role::Worker]);
    assert_eq!((config.queue.lease.ms, config.queue.max_jobs), (9_000, 7));
}

#[test]
fn a_file_is_refused_with_the_key_and_the_way_out() {
    let check = |text: &str, expected: &[&str]| {
        let path = file(text);
        let said = refusal(load(Some(path.path()), &environment(&[]), Vec::new()));
        for part in expected {
            assert!(said.contains(part), "{text:?} gave {said:?}, without {part:?}");
        }
    };
    check("[sever]\n", &["unknown key `sever`", "`server`"]);
    check("[server]\nlistne = \"x\"\n", &["unknown key `server.listne`", "`listen`"]);
    check("server = 1\n", &["[server]"]);
    check("[server]\nlisten = \"here\"\n", &["server.listen", "socket address"]);
    check("[server]\nroles = [\"cook\"]\n", &["server.roles", "cook", "scheduler"]);
    check("[server]\nroles = []\n", &["server.roles", "at least one"]);
    check("[queue]\nlease = 30\n", &["queue.lease", "unit"]);
    check("[queue]\nlease = \"30 s\"\n", &["queue.lease", "30 s"]);
    check("[queue]\nlease = \"2h\"\n", &["queue.lease", "1h"]);
    check("[queue]\nengine = \"redis\"\n", &["queue.engine", "\"embedded\"", "redis://127.0.0.1"]);
    check("[queue]\nengine = \"redis://a,b\"\n", &["queue.engine", "redis+cluster"]);
    check("[queue]\nprefix = \"a{b}\"\n", &["queue.prefix", "letters"]);
    check("[queue]\npartitions = 65\n", &["queue.partitions", "64"]);
    check("[catalog]\nengine = \"postgres://x\"\n", &["catalog.engine", "later version"]);
    check("[history]\nmax_bytes = \"1GB\"\n", &["history.max_bytes", "GiB"]);
    check("[runs]\nconcurrency = -1\n", &["runs.concurrency"]);
    check("[server\n", &["line 1"]);
}

#[test]
fn a_variable_is_refused_with_its_name() {
    let check = |name: &str, value: &str, expected: &str| {
        let said = refusal(load(None, &environment(&[(name, value)]), Vec::new()));
        assert!(said.contains(name) && said.contains(expected), "{name}={value} gave {said:?}");
    };
    check("TIDEGATE_LISTN", "127.0.0.1:1", "TIDEGATE_LISTEN");
    check("TIDEGATE_QUEUE__LEESE", "1s", "TIDEGATE_QUEUE__LEASE");
    check("TIDEGATE_QUEUE__MAX_JOBS", "many", "whole number");
    check("TIDEGATE_LISTEN", "nowhere", "socket address");
    check("TIDEGATE_SECRET_1X", "v", "name");
    check("TIDEGATE_SECRET_", "v", "name");
}

#[test]
fn secrets_and_keys_come_from_the_environment_only() {
    let variables = environment(&[
        ("TIDEGATE_SECRET_CHAT", "s3cret"),
        ("TIDEGATE_ADMIN_KEY", "tg_x"),
        ("TIDEGATE_SERVER", "http://x"),
        ("TIDEGATE_EGRESS_ALLOW", "127.0.0.1/32:9000,10.0.0.0/8:443"),
        ("TIDEGATE_PORT_7070_TCP", "tcp://10.0.0.1:7070"),
        ("TIDEGATE_SERVICE_HOST", "10.0.0.1"),
        ("OTHER", "x"),
    ]);
    let config = load(None, &variables, Vec::new()).ok().unwrap();
    assert_eq!(config.environment_secrets["CHAT"], "s3cret");
    assert_eq!(config.admin_key.as_deref(), Some("tg_x"));
    assert_eq!(config.egress.allow, ["127.0.0.1/32:9000", "10.0.0.0/8:443"]);
}

#[test]
fn the_queue_comes_from_any_layer_and_its_password_is_never_said() {
    let variables = environment(&[("TIDEGATE_QUEUE", "redis://:s3cret@h:1/2"), ("TIDEGATE_QUEUE__PREFIX", "blue")]);
    let config = load(None, &variables, Vec::new()).ok().unwrap();
    assert_eq!(config.queue.prefix, "blue");
    assert!(matches!(&config.queue.engine, Engine::Redis(redis) if redis.shown() == "redis://h:1/2"));
    for (name, key) in [("TIDEGATE_QUEUE", "queue.engine"), ("TIDEGATE_CATALOG", "catalog.engine")] {
        let said = refusal(load(None, &environment(&[(name, "postgres://me:s3cret@h/db")]), Vec::new()));
        assert!(said.contains(key) && !said.contains("s3cret"), "{said}");
    }
}

#[test]
fn a_named_file_must_exist() {
    let said = refusal(load(Some(Path::new("/nowhere/t.toml")), &environment(&[]), Vec::new()));
    assert!(said.contains("/nowhere/t.toml") && said.contains("does not exist"), "{said}");
}
