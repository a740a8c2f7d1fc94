//! Schedules of sidekiq-cron, as JSON: an object by name, as in `schedule.yml`, or a list.

use serde_json::{Map, Value, json};

use super::clocks::Times;
use super::entry::{Entry, Import, Left, Options, name};
use super::fugit;
use super::json::{Item, items, others, text};

const KNOWN: [&str; 9] = ["name", "cron", "class", "klass", "args", "queue", "status", "active_job", "description"];
/// What sidekiq-cron writes for itself.
const OWN: [&str; 3] = ["message", "last_enqueue_time", "source"];

const REMARKS: [&str; 4] = [
    "nothing here runs Ruby: the handler finds payload.class, payload.args and payload.queue and does the work itself",
    "sidekiq-cron lets jobs of one schedule run beside each other: imported with overlap \"allow\" (skip is the default \
     here)",
    "sidekiq-cron does not make up for what fell into an outage longer than its reschedule_grace_period (a minute if it \
     is not set): imported with catchup \"none\" (last is the default here)",
    "sidekiq-cron fires when its poller looks, up to half a minute late; here a tick is due at its second",
];

const CLOCKS: &str = "sidekiq-cron leaves a time out that clocks jump over, and runs one twice that comes twice; here a fixed \
                      time fires once, after the gap or the first time";

const NO_ZONE: &str = "it names no zone: sidekiq-cron went by that of the application, this goes by UTC: pass --timezone \
                       if that is another";

/// Reads the JSON. Errors: the file as a whole cannot be read.
pub fn read(file: &str, options: &Options) -> Result<Import, String> {
    let mut import = Import { remarks: REMARKS.map(str::to_owned).into(), ..Import::default() };
    for Item { line, name, fields } in items(file)? {
        let shown = |fields: &Map<String, Value>| {
            name.clone().or_else(|| fields.get("name")?.as_str().map(str::to_owned)).unwrap_or_default()
        };
        match fields {
            Err(message) => import.add(line, name.as_deref().unwrap_or_default(), Err(message)),
            Ok(fields) if fields.get("status").is_some_and(|status| status == "disabled") => {
                let message = "it is disabled; if it was imported before, pause or delete that schedule".to_owned();
                import.off.push(Left { line, entry: shown(&fields), message });
            }
            Ok(fields) => import.add(line, &shown(&fields), entry(line, name.as_deref(), &fields, options)),
        }
    }
    Ok(import)
}

fn entry(line: usize, key: Option<&str>, fields: &Map<String, Value>, options: &Options) -> Result<Entry, String> {
    let named = match key {
        Some(key) => key,
        None => text(fields, "name")?.ok_or("name: is missing")?,
    };
    let cron = text(fields, "cron")?.ok_or("cron: is missing")?;
    let class = match text(fields, "class")? {
        Some(class) => class,
        None => text(fields, "klass")?.ok_or("class: is missing")?,
    };
    let read = fugit::read(cron).map_err(|message| format!("cron: {message}"))?;
    let mut remarks = read.remarks;
    if let Some(status) = text(fields, "status")?.filter(|status| *status != "enabled") {
        return Err(format!("status: {status:?} is neither enabled nor disabled"));
    }
    let timezone = read.timezone.or_else(|| {
        if options.timezone.is_none() {
            remarks.push(NO_ZONE.to_owned());
        }
        options.timezone.clone()
    });
    if fields.get("active_job").is_some_and(|active| active == true || active == "true") {
        remarks.push(
            "active_job: the class is a job of Active Job; its arguments are passed as they are written here"
                .to_owned(),
        );
    }
    let clocks = (Times::of(&read.cron) == Times::Fixed).then_some(CLOCKS);
    let known = [&KNOWN[..], &OWN].concat();
    if let Some(others) = others(fields, &known) {
        remarks.push(format!("not carried over: {others}"));
    }
    let mut payload =
        Map::from_iter([("class".to_owned(), Value::from(class)), ("args".to_owned(), args(fields.get("args")))]);
    payload.extend(text(fields, "queue")?.map(|queue| ("queue".to_owned(), Value::from(queue))));
    let note = options.note(text(fields, "description")?.unwrap_or_default());
    let mut body =
        json!({ "cron": read.cron, "overlap": "allow", "catchup": "none", "payload": payload, "note": note });
    if let Some(timezone) = timezone {
        body["timezone"] = Value::from(timezone);
    }
    Ok(Entry { line, name: name(&options.prefix, named)?, body, remarks, clocks })
}

/// Arguments as a list, as sidekiq-cron makes one of them.
fn args(written: Option<&Value>) -> Value {
    match written {
        None | Some(Value::Null) => json!([]),
        Some(Value::Array(list)) => json!(list),
        Some(Value::String(text)) => match serde_json::from_str(text) {
            Ok(Value::Array(list)) => json!(list),
            Ok(other) => json!([other]),
            Err(_) => json!([text]),
        },
        Some(other) => json!([other]),
    }
}

#[cfg(test)]
mod tests {
    use ::schedules::Millis;

    use super::super::check::check;
    use super::*;

    /// As `ruby -ryaml -rjson` makes it of a `schedule.yml`.
    const SCHEDULE: &str = r#"{
"nightly_report": {"cron": "0 2 * * * Europe/London", "class": "NightlyReportWorker", "queue": "low", "description": "Sends the report"},
"sync inventory": {"cron": "*/15 * * * *", "class": "SyncJob", "args": ["eu", 3], "active_job": true},
"hash_args": {"cron": "@hourly", "class": "HashWorker", "args": {"scope": "all"}},
"from_redis": {"cron": "0 0 1 * *", "klass": "Monthly", "args": "[1, {\"a\": true}]", "message": "{}", "status": "enabled"},
"old": {"cron": "0 1 * * *", "class": "OldWorker", "status": "disabled"},
"natural": {"cron": "every 5 minutes", "class": "A"},
"no_class": {"cron": "* * * * *"},
"no_cron": {"class": "A"},
"bad_zone": {"cron": "0 5 * * * Europe/Lodon", "class": "A"},
"nightly_report!": {"cron": "0 3 * * *", "class": "Other"},
"dated": {"cron": "0 4 * * *", "class": "Dated", "date_as_argument": true, "retry": 3},
"list": [1],
"odd": {"cron": "0 4 * * *", "class": "Odd", "status": "paused"},
"both": {"cron": "0 9 1 * mon", "class": "Both"}
}"#;

    #[test]
    fn a_schedule_becomes_schedules() {
        let options = Options { origin: "sidekiq-cron schedule.json".into(), ..Options::default() };
        let import = read(SCHEDULE, &options).expect("JSON");
        let entry = |name: &str| import.entries.iter().find(|entry| entry.name == name).expect(name);
        let nightly = entry("nightly_report");
        assert_eq!(
            (nightly.line, &nightly.body),
            (
                2,
                &json!({
                    "cron": "0 2 * * *", "timezone": "Europe/London", "overlap": "allow", "catchup": "none",
                    "payload": {"class": "NightlyReportWorker", "args": [], "queue": "low"},
                    "note": "Sends the report — Imported from sidekiq-cron schedule.json",
                })
            )
        );
        assert!(nightly.remarks.is_empty(), "{:?}", nightly.remarks);
        assert_eq!(entry("sync-inventory").body["payload"]["args"], json!(["eu", 3]));
        assert_eq!(entry("sync-inventory").remarks.len(), 2);
        assert_eq!(entry("hash_args").body["payload"]["args"], json!([{"scope": "all"}]));
        assert_eq!(entry("from_redis").body["payload"], json!({"class": "Monthly", "args": [1, {"a": true}]}));
        assert!(entry("dated").remarks.iter().any(|remark| remark == "not carried over: date_as_argument, retry"));
        assert!(entry("both").remarks[0].contains("either"));
        assert_eq!(import.entries.len(), 6);
        assert_eq!(import.off.iter().map(|off| (off.line, &*off.entry)).collect::<Vec<_>>(), [(6, "old")]);
        let ready = import.entries.iter().cloned().map(|entry| check(entry, Millis(1_795_694_400_000)));
        assert!(ready.clone().all(|ready| ready.is_ok()), "{:?}", ready.collect::<Vec<_>>());
        let wrong: Vec<(usize, &str)> = import.wrong.iter().map(|left| (left.line, &*left.message)).collect();
        let expected = [
            (7, "cron: \"every 5 minutes\" is natural language"),
            (8, "class: is missing"),
            (9, "cron: is missing"),
            (10, "cron: \"Europe/Lodon\" is not an IANA"),
            (11, "its name would be \"nightly_report\", which line 2 has already"),
            (13, "it must be an object"),
            (14, "status: \"paused\""),
        ];
        assert_eq!(wrong.len(), expected.len(), "{wrong:?}");
        for ((line, message), (expected_line, part)) in wrong.into_iter().zip(expected) {
            assert!(line == expected_line && message.starts_with(part), "{line}: {message}");
        }
    }

    #[test]
    fn a_list_has_names_inside() {
        let options = Options { timezone: Some("Asia/Tokyo".into()), prefix: "old.".into(), ..Options::default() };
        let import = read(
            r#"[{"name": "a", "cron": "0 5 * * *", "class": "A"}, {"cron": "0 5 * * *", "class": "A"}]"#,
            &options,
        );
        let import = import.expect("JSON");
        assert_eq!((&*import.entries[0].name, &import.entries[0].body["timezone"]), ("old.a", &json!("Asia/Tokyo")));
        assert_eq!(import.wrong[0].message, "name: is missing");
    }
}
