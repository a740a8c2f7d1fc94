//! `tidegate simulate`: folders on a clock of their own, across changes of the clocks, and compared.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{KEY, Ran, Server, tidegate_in};

fn write(folder: &Path, name: &str, manifest: &str) {
    let folder = folder.join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("integration.js"), "module.exports = () => 1;\n").unwrap();
    fs::write(folder.join("integration.toml"), manifest).unwrap();
}

fn simulated(folder: &Path, args: &[&str]) -> Ran {
    tidegate_in(folder, &[&["simulate"], args].concat(), &[])
}

fn rows(ran: &Ran) -> Vec<Value> {
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A time of day that does not exist fires once, at the first instant after the gap; one that exists twice fires the
/// first time.
#[test]
fn clocks_change_in_four_places() {
    for (zone, at, from, to, expected, clocks) in [
        (
            "Europe/London",
            "01:30",
            "2026-03-28",
            "2026-03-31",
            ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"],
            "01:00 to 02:00 does not exist",
        ),
        (
            "Europe/London",
            "01:30",
            "2026-10-24",
            "2026-10-27",
            ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"],
            "01:00 to 02:00 comes twice",
        ),
        (
            "America/New_York",
            "02:30",
            "2026-03-07",
            "2026-03-10",
            ["2026-03-07T07:30", "2026-03-08T07:00", "2026-03-09T06:30"],
            "02:00 to 03:00 does not exist",
        ),
        (
            "America/New_York",
            "01:30",
            "2026-10-31",
            "2026-11-03",
            ["2026-10-31T05:30", "2026-11-01T05:30", "2026-11-02T06:30"],
            "01:00 to 02:00 comes twice",
        ),
        (
            "Australia/Lord_Howe",
            "02:15",
            "2026-10-02",
            "2026-10-05",
            ["2026-10-02T15:45", "2026-10-03T15:30", "2026-10-04T15:15"],
            "02:00 to 02:30 does not exist",
        ),
        (
            "Australia/Lord_Howe",
            "01:45",
            "2026-04-03",
            "2026-04-06",
            ["2026-04-03T14:45", "2026-04-04T14:45", "2026-04-05T15:15"],
            "01:30 to 02:00 comes twice",
        ),
        (
            "Pacific/Apia",
            "03:30",
            "2012-09-28T12:00",
            "2012-10-01T12:00",
            ["2012-09-28T14:30", "2012-09-29T14:00", "2012-09-30T13:30"],
            "03:00 to 04:00 does not exist",
        ),
        (
            "Pacific/Apia",
            "03:30",
            "2012-03-30T12:00",
            "2012-04-02T12:00",
            ["2012-03-30T13:30", "2012-03-31T13:30", "2012-04-01T14:30"],
            "03:00 to 04:00 comes twice",
        ),
        // There was no 30 December: its tick is the first instant of the 31st.
        (
            "Pacific/Apia",
            "03:30",
            "2011-12-29T12:00",
            "2011-12-31T12:00",
            ["2011-12-29T13:30", "2011-12-30T10:00", "2011-12-30T13:30"],
            "00:00 to 00:00 does not exist",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let manifest = format!(
            "trigger = \"recurring\"\n[settings.schedule]\nevery = \"day\"\nat = \"{at}\"\ntimezone = \"{zone}\"\n"
        );
        write(folder.path(), "daily", &manifest);
        let range = ["--from", from, "--to", to];
        let ran = simulated(folder.path(), &[&range[..], &["--json"]].concat()).ok();
        let fired: Vec<String> = rows(&ran)
            .iter()
            .filter(|row| row["what"] == "fired")
            .map(|row| row["at"].as_str().unwrap()[..16].to_owned())
            .collect();
        assert_eq!(fired, expected, "{zone} {at}");
        let table = simulated(folder.path(), &range).ok().out;
        assert!(table.contains("clocks_change") && table.contains(clocks), "{zone} {at}: no {clocks:?} in\n{table}");
    }
}

const CALLS: &str = r#"
{"at": "2026-03-02T08:00:00Z", "integration": "mail", "call": "schedule", "body": {"key": {"to": "a"}, "window": {"day": "mon-fri", "time": "09:00-18:00"}}}
{"at": "2026-03-02T08:00:01Z", "integration": "mail", "call": "schedule", "body": {"key": {"to": "b"}, "window": {"day": "mon-fri", "time": "09:00-18:00"}}}
{"at": "2026-03-02T08:30:00Z", "integration": "mail", "call": "schedule", "body": {"key": {"to": "a"}, "delay": "1h"}}
{"at": "2026-03-02T08:40:00Z", "integration": "mail", "call": "cancel", "body": {"key": {"to": "nobody"}}}
{"at": "2026-03-02T09:20:00Z", "integration": "mail", "call": "execute"}
"#;

#[test]
fn calls_meet_windows_and_limits_and_totals_add_up() {
    let folder = tempfile::tempdir().unwrap();
    let limited = "[[settings.rateLimits]]\nlimit = 1\ninterval = \"1h\"\nonExceed = \"delay\"\n";
    write(folder.path(), "mail", &limited.replace("rateLimits", "rate_limits").replace("onExceed", "on_exceed"));
    fs::write(folder.path().join("calls.ndjson"), CALLS).unwrap();
    let range = ["--from", "2026-03-02T00:00", "--to", "2026-03-03T00:00", "--events", "calls.ndjson"];
    let ran = simulated(folder.path(), &[&range[..], &["--json"]].concat()).ok();
    let told: Vec<(String, String)> = rows(&ran)
        .iter()
        .map(|row| (row["at"].as_str().unwrap()[11..19].to_owned(), row["what"].as_str().unwrap().to_owned()))
        .collect();
    let told: Vec<(&str, &str)> = told.iter().map(|(at, what)| (&**at, &**what)).collect();
    let expected = [
        ("08:00:00", "queued"),
        ("08:00:01", "queued"),
        ("08:30:00", "queued"),
        ("09:00:00", "started"),
        ("09:20:00", "queued"),
        ("09:20:00", "limited"),
        ("09:30:00", "limited"),
        ("10:00:00", "started"),
        ("11:00:00", "started"),
    ];
    assert_eq!(told, expected);
    let table = simulated(folder.path(), &range).ok();
    let late = "01:30:00 after it was due";
    for part in ["1 per 1h, room at 2026-03-02 10:00:00+00:00", "replaces the pending one", "{\"to\":\"b\"}", late] {
        assert!(table.out.contains(part), "no {part:?} in\n{}", table.out);
    }
    let totals = simulated(folder.path(), &[&range[..], &["--summary"]].concat()).ok();
    assert_eq!(totals.out, "");
    assert!(totals.err.contains("3 runs, 0 jobs still pending"), "{}", totals.err);
}

/// Runs that fail, a limiter that two share, a key that is paused, room for one run.
#[test]
fn what_calls_foretell_is_simulated() {
    let folder = tempfile::tempdir().unwrap();
    let shared = "[settings.retry]\nmin = \"10s\"\njitter = 0.5\n[[settings.rate_limits]]\nlimiter = \"crm\"\non_exceed = \"delay\"\n";
    write(folder.path(), "mail", shared);
    write(folder.path(), "text", shared);
    let call = |second: u32, name: &str, more: &str| {
        format!("{{\"at\": \"2026-03-02T09:00:{second:02}Z\", \"integration\": \"{name}\", {more}}}\n")
    };
    let calls = [
        call(0, "mail", "\"call\": \"schedule\", \"runs\": [\"fail\", {\"ends\": \"fatal\", \"takes\": \"5s\"}]"),
        call(1, "text", "\"call\": \"schedule\""),
        call(2, "mail", "\"call\": \"pause_key\", \"body\": {\"rule\": 0}"),
        call(40, "text", "\"call\": \"resume_key\", \"body\": {\"rule\": 0}"),
    ];
    fs::write(folder.path().join("calls.ndjson"), calls.concat()).unwrap();
    fs::write(folder.path().join("limiters.json"), "{\"crm\": {\"limit\": 1, \"interval\": \"30s\"}}").unwrap();
    let range = ["--from", "2026-03-02", "--to", "2026-03-03", "--events", "calls.ndjson"];
    let known = [&range[..], &["--limiters", "limiters.json"]].concat();
    let ran = simulated(folder.path(), &[&known[..], &["--json"]].concat()).ok();
    let starts = |rows: &[Value]| -> Vec<(String, String, u64)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let starts = rows.iter().filter(|row| row["what"] == "started");
        starts
            .map(|row| {
                (text(&row["at"])[11..19].to_owned(), text(&row["integration"]), row["attempt"].as_u64().unwrap())
            })
            .collect()
    };
    let rows = rows(&ran);
    let at = |time: &str, name: &str, attempt: u64| (time.to_owned(), name.to_owned(), attempt);
    // The limiter is paused from 9:00:02 to 9:00:40: the retry, due in the middle of its jitter, waits for that too.
    assert_eq!(starts(&rows), [at("09:00:00", "mail", 1), at("09:00:40", "text", 1), at("09:00:40", "mail", 2)]);
    let retried = rows.iter().find(|row| row["what"] == "retried").expect("a retry");
    assert_eq!((&retried["due"], &retried["attempt"]), (&Value::from("2026-03-02T09:00:13.500Z"), &Value::from(2)));
    let dead = rows.iter().find(|row| row["what"] == "dead").expect("a dead job");
    assert_eq!((&dead["at"], &dead["attempts"]), (&Value::from("2026-03-02T09:00:45.000Z"), &Value::from(2)));
    let told: Vec<&str> = rows.iter().filter_map(|row| row["what"].as_str()).collect();
    for what in ["key_paused", "key_resumed", "limited", "limit_paused"] {
        assert!(told.contains(&what), "no {what} in {told:?}");
    }
    let crowded = simulated(folder.path(), &[&known[..], &["--concurrency", "1", "--json"]].concat()).ok();
    let crowded: Vec<Value> = crowded.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(starts(&crowded)[2], at("09:00:41", "mail", 2), "there is room for one run");
    let table = simulated(folder.path(), &known).ok();
    for part in
        ["attempt 2 due 2026-03-02 09:00:13.500+00:00", "after 2 attempts", "1 per 30s {}", "attempt 2, 00:00:26"]
    {
        assert!(table.out.contains(part), "no {part:?} in\n{}", table.out);
    }
    let unknown = simulated(folder.path(), &range).ok();
    assert!(unknown.err.contains("the limiter crm of mail, text is not known"), "{}", unknown.err);
}

/// The server is asked for its limiters, if a rule names one.
#[tokio::test]
async fn limiters_are_those_of_the_server() {
    let server = Server::start().await;
    let numbers = json!({ "limit": 1, "interval": "2h", "algorithm": "sliding_window" });
    server.call("PUT", "/v1/limiters/crm", Some(numbers)).await;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "mail", "[[settings.rate_limits]]\nlimiter = \"crm\"\non_exceed = \"delay\"\n");
    let call = "{\"at\": \"2026-03-02T09:00:00Z\", \"integration\": \"mail\", \"call\": \"schedule\"}\n";
    fs::write(folder.path().join("calls.ndjson"), call.repeat(2)).unwrap();
    let url = server.url().to_owned();
    let ran = tokio::task::spawn_blocking(move || {
        let args = ["simulate", "--from", "2026-03-02", "--to", "2026-03-03", "--events", "calls.ndjson"];
        let ran = tidegate_in(folder.path(), &args, &[("TIDEGATE_SERVER", &url), ("TIDEGATE_KEY", KEY)]);
        write(folder.path(), "mail", "");
        let nobody = tidegate_in(folder.path(), &args, &[("TIDEGATE_SERVER", "http://127.0.0.1:1")]);
        (ran.ok(), nobody.ok())
    });
    let (ran, nobody) = ran.await.unwrap();
    assert!(ran.out.contains("1 per 2h, room at 2026-03-02 11:00:00+00:00"), "{}", ran.out);
    assert!(nobody.err.contains("2 runs"), "{}", nobody.err);
}

#[test]
fn two_folders_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let daily = |at: &str| format!("trigger = \"recurring\"\n[settings.schedule]\nevery = \"day\"\nat = \"{at}\"\n");
    write(&folder.path().join("before"), "report", &daily("06:00"));
    write(&folder.path().join("after"), "report", &daily("07:00"));
    let range = ["--from", "2026-03-02", "--to", "2026-03-04", "--config"];
    let same = simulated(folder.path(), &[&range[..], &["after", "--against", "after"]].concat()).ok();
    assert!(same.out.is_empty() && same.err.contains("nothing is different"), "{same:?}");
    let ran = simulated(folder.path(), &[&range[..], &["after", "--against", "before"]].concat());
    assert_eq!(ran.code, 10, "{ran:?}");
    let fired: Vec<&str> = ran.out.lines().filter(|line| line.contains("fired")).map(|line| &line[..18]).collect();
    assert_eq!(
        fired,
        ["- 2026-03-02T06:00", "+ 2026-03-02T07:00", "- 2026-03-03T06:00", "+ 2026-03-03T07:00"],
        "{}",
        ran.out
    );
}

#[test]
fn mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "mail", "");
    for (args, calls, said) in [
        (&["--from", "soon"][..], "", "--from"),
        (&["--from", "2026-03-02", "--to", "2026-03-01"], "", "--to must be later than --from"),
        (&["--run-time", "long"], "", "--run-time"),
        (&["--timezone", "Mars/Olympus"], "", "--timezone"),
        (&["--only", "nobody"], "", "there is no `nobody`"),
        (&["--concurrency", "0"], "", "--concurrency"),
        (&["--limiters", "none.json"], "", "none.json cannot be read"),
        (&["--limiters", "calls.ndjson"], "{\"crm\": {\"limit\": 0, \"interval\": \"1s\"}}", "crm.limit"),
        (&["--limiters", "calls.ndjson"], "{\"CRM\": {\"limit\": 1, \"interval\": \"1s\"}}", "CRM"),
        (
            &["--from", "2026-03-01", "--events", "calls.ndjson"],
            "{\"at\": \"2026-03-02\", \"integration\": \"mail\", \"call\": \"cancel\", \"runs\": [\"ok\"]}",
            "only calls that make a job have runs",
        ),
        (
            &["--from", "2026-03-01", "--events", "calls.ndjson"],
            "{\"at\": \"2026-03-02\", \"integration\": \"mail\", \"call\": \"pause_key\", \"body\": {\"rule\": 1}}",
            "calls[0].body.rule",
        ),
        (&["--config", "nowhere"], "", "nowhere"),
        (&["--events", "calls.ndjson"], "{\"at\": 1}", "calls.ndjson:1"),
        (&["--events", "calls.ndjson"], "{", "calls.ndjson:1"),
        (
            &["--events", "calls.ndjson"],
            "\n{\"at\": \"2026-03-02\", \"integration\": \"mail\", \"call\": \"call\"}",
            "calls.ndjson:2",
        ),
        (
            &["--from", "2026-03-01", "--events", "calls.ndjson"],
            "{\"at\": \"2026-03-02\", \"integration\": \"mule\", \"call\": \"execute\"}",
            "`mule`",
        ),
        (
            &["--from", "2026-03-01", "--events", "calls.ndjson"],
            "{\"at\": \"2026-03-02\", \"integration\": \"mail\", \"call\": \"schedule\", \"body\": {\"dealy\": 1}}",
            "calls[0].body.dealy",
        ),
    ] {
        fs::write(folder.path().join("calls.ndjson"), calls).unwrap();
        let ran = simulated(folder.path(), args);
        assert_ne!(ran.code, 0, "{args:?}");
        assert!(ran.err.contains(said), "{args:?}: no {said:?} in {}", ran.err);
    }
}
