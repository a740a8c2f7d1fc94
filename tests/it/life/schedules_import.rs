//! Crontabs and the like become schedules: imported, imported again, listed; what others made is left alone.

use std::fs;

use serde_json::{Value, json};

use crate::support::{KEY, Server, tidegate_in};

const ECHO: &str = "module.exports = ({ payload }) => payload;";
const CRONTAB: &str = "\
MAILTO=ops@example.com
CRON_TZ=Europe/London
0 5 * * 1-5 /opt/bin/report --all%Dear all,
@hourly /opt/bin/sweep
@reboot /opt/bin/agent
";

fn results(report: &str) -> Vec<(String, String)> {
    let report: Value = serde_json::from_str(report).expect("a report as JSON");
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let entries = report["entries"].as_array().expect("entries");
    entries.iter().map(|entry| (text(entry, "name"), text(entry, "result"))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, result)| ((*name).to_owned(), (*result).to_owned())).collect()
}

#[tokio::test]
async fn a_crontab_is_imported_once_and_again() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("web1.cron"), CRONTAB).expect("written");
    let env = [("TIDEGATE_SERVER", server.url()), ("TIDEGATE_KEY", KEY)];
    let command = ["schedules", "import", "web1.cron", "--integration", "chores"];
    let import = |more: &[&str]| tidegate_in(folder.path(), &[&command, more].concat(), &env);

    let missing = import(&["--json"]);
    assert!(missing.code == 3 && missing.err.contains("chores"), "{missing:?}");
    server.deploy("chores", ECHO, json!({})).await;

    let planned = import(&["--dry-run"]);
    assert_eq!(planned.code, 1, "{planned:?}");
    assert!(
        planned.out.contains("chores/report-all  planned")
            && planned.out.contains("at 05:00, on monday to friday (Europe/London)"),
        "{planned:?}"
    );
    assert!(planned.err.contains("line 5, @reboot /opt/bin/agent: @reboot cannot be had"), "{planned:?}");
    assert_eq!(server.get("/v1/integrations/chores/schedules").await["totalCount"], 0);

    let first = import(&["--json"]);
    assert_eq!(
        (first.code, results(&first.out)),
        (1, pairs(&[("report-all", "made"), ("sweep", "made")])),
        "{first:?}"
    );
    let path = "/v1/integrations/chores/schedules";
    let report = server.get(&format!("{path}/report-all")).await;
    assert_eq!(
        (&report["schedule"], &report["payload"], &report["note"]),
        (
            &json!({"catchup": "none", "cron": "0 5 * * 1-5", "overlap": "allow", "timezone": "Europe/London"}),
            &json!({"command": "/opt/bin/report --all", "stdin": "Dear all,"}),
            &json!("Imported from crontab web1.cron"),
        )
    );

    let again = import(&["--json"]);
    assert_eq!(results(&again.out), pairs(&[("report-all", "unchanged"), ("sweep", "unchanged")]), "{again:?}");
    assert_eq!(server.get(&format!("{path}/report-all")).await, report);

    fs::write(folder.path().join("web1.cron"), CRONTAB.replace("0 5", "0 6")).expect("written");
    let edited = import(&["--json"]);
    assert_eq!(results(&edited.out), pairs(&[("report-all", "changed"), ("sweep", "unchanged")]), "{edited:?}");
    let report = server.get(&format!("{path}/report-all")).await;
    assert_eq!((&report["revision"], &report["schedule"]["cron"]), (&json!(2), &json!("0 6 * * 1-5")));

    let listed = tidegate_in(folder.path(), &["schedules", "list", "chores"], &env).ok();
    assert!(listed.out.contains("report-all") && listed.out.contains("sweep"), "{listed:?}");
    assert_eq!(listed.out.lines().count(), 2);
}

#[tokio::test]
async fn what_others_made_is_a_clash_until_it_is_replaced() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    server.deploy("mailer", ECHO, json!({})).await;
    let path = "/v1/integrations/mailer/schedules/digest";
    let (status, by_hand) = server.call("PUT", path, Some(json!({"every": "day", "note": "by hand"}))).await;
    assert_eq!(status, 201, "{by_hand}");
    let schedulers = r#"[{"key": "digest", "name": "send", "pattern": "0 0 7 * * *", "tz": "UTC", "template": {"data": {"list": 1}}},
{"key": "poll", "name": "poll", "every": 60000, "next": 1795928430000}]"#;
    fs::write(folder.path().join("q.json"), schedulers).expect("written");
    let env = [("TIDEGATE_SERVER", server.url()), ("TIDEGATE_KEY", KEY)];
    let command = ["schedules", "import", "q.json", "--integration", "mailer", "--json"];

    let clash = tidegate_in(folder.path(), &command, &env);
    assert_eq!((clash.code, results(&clash.out)), (1, pairs(&[("digest", "clash"), ("poll", "made")])), "{clash:?}");
    assert_eq!(server.get(path).await, by_hand);
    let poll = server.get("/v1/integrations/mailer/schedules/poll").await;
    assert!(poll["next"].as_str().is_some_and(|next| next.ends_with(":30.000Z")), "{poll}");

    let prefixed = tidegate_in(folder.path(), &[&command[..], &["--prefix", "q."]].concat(), &env).ok();
    assert_eq!(results(&prefixed.out), pairs(&[("q.digest", "made"), ("q.poll", "made")]));
    let replaced = tidegate_in(folder.path(), &[&command[..], &["--replace"]].concat(), &env).ok();
    assert_eq!(results(&replaced.out), pairs(&[("digest", "changed"), ("poll", "unchanged")]));
    assert_eq!(server.get(path).await["payload"], json!({"name": "send", "data": {"list": 1}}));
}

#[test]
fn a_dry_run_needs_no_server_and_wrong_files_say_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    write(
        "schedule.json",
        r#"{"a": {"cron": "30 1 * * * Europe/London", "class": "A"}, "b": {"cron": "every 5 minutes", "class": "B"}}"#,
    );
    write("schedule.yml", "a:\n  cron: '* * * * *'\n");
    write("broken.json", "[\n{\"cron\": }]");
    let import = |file: &str, more: &[&str]| {
        let args = [&["schedules", "import", file, "--integration", "x", "--dry-run"], more].concat();
        tidegate_in(folder.path(), &args, &[("TIDEGATE_SERVER", "http://127.0.0.1:1")])
    };
    let planned = import("schedule.json", &[]);
    assert!(planned.code == 1 && planned.err.contains("line 1, b: cron: \"every 5 minutes\""), "{planned:?}");
    assert_eq!(planned.out.lines().filter(|line| line.trim_start().starts_with("next ")).count(), 3, "{planned:?}");
    assert!(planned.out.contains("a time out that clocks jump over"), "{planned:?}");
    let check = |file: &str, more: &[&str], part: &str| {
        let ran = import(file, more);
        assert!(ran.code == 2 && ran.err.contains(part), "{file}: {ran:?}");
    };
    check("schedule.yml", &[], "make it JSON first");
    check("schedule.yml", &["--format", "sidekiq-cron"], "make it JSON first");
    check("broken.json", &[], "line 2");
    check("none.cron", &[], "none.cron cannot be read");
    check("schedule.json", &["--prefix", "a b"], "--prefix");
    check("schedule.json", &["--timezone", "Europe/Lodon"], "did you mean \"Europe/London\"");
}
