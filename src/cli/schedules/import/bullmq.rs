//! Job schedulers of BullMQ, as `JSON.stringify(await queue.getJobSchedulers())` gives them.

use ::schedules::{Millis, due};
use serde_json::{Map, Value, json};

use super::clocks::Times;
use super::entry::{Entry, Import, Options, name};
use super::json::{Item, items, number, others, text};

const KNOWN: [&str; 14] = [
    "key",
    "id",
    "name",
    "pattern",
    "every",
    "tz",
    "limit",
    "iterationCount",
    "startDate",
    "endDate",
    "template",
    "next",
    "offset",
    "immediately",
];

const REMARKS: [&str; 4] = [
    "nothing here is a worker of BullMQ: the handler finds payload.name and payload.data and does the work itself",
    "BullMQ lets jobs of one scheduler run beside each other: imported with overlap \"allow\" (skip is the default here)",
    "BullMQ has one job waiting for its time, and runs it late after an outage: imported with catchup \"last\", which \
     does the same for the newest missed tick of a day",
    "BullMQ makes the next job when the one before begins, so a busy queue loses ticks; here each is queued at its time",
];

const CLOCKS: &str = "when clocks go forward, cron-parser moves a fixed time on by the length of the gap (02:30 runs at \
                      03:30); here it fires at the first instant after the gap (03:00)";

const STEPS: &str = "when clocks change, cron-parser moves an hour that clocks jump over to the next and leaves a repeated one \
                     out; here steps and full ranges fire whenever the clock shows them";

const NO_ZONE: &str = "it names no tz: BullMQ went by the zone of its process, this goes by UTC: pass --timezone if that \
                       is another";

const UNITS: [(u64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];

/// Reads the JSON. Errors: the file as a whole cannot be read.
pub fn read(file: &str, options: &Options) -> Result<Import, String> {
    let mut import = Import { remarks: REMARKS.map(str::to_owned).into(), ..Import::default() };
    for Item { line, name, fields } in items(file)? {
        match fields {
            Err(message) => import.add(line, name.as_deref().unwrap_or_default(), Err(message)),
            Ok(fields) => {
                let shown = fields.get("key").and_then(Value::as_str).unwrap_or_default();
                import.add(line, shown, entry(line, &fields, options));
            }
        }
    }
    Ok(import)
}

fn entry(line: usize, fields: &Map<String, Value>, options: &Options) -> Result<Entry, String> {
    let key = match text(fields, "key")? {
        Some(key) => key,
        None => text(fields, "id")?.ok_or("key: is missing")?,
    };
    let mut remarks = Vec::new();
    let mut body = match (text(fields, "pattern")?, number(fields, "every")?) {
        (Some(_), Some(_)) => return Err("every: is given beside pattern; it must be one of them".into()),
        (None, None) => return Err("pattern: is missing, and so is every".into()),
        (Some(pattern), None) => by_pattern(pattern, fields, options, &mut remarks)?,
        (None, Some(every)) => by_interval(every, fields, &mut remarks)?,
    };
    for (theirs, ours) in [("startDate", "start"), ("endDate", "end")] {
        if let Some(at) = instant(fields, theirs)? {
            body[ours] = json!(at.to_rfc3339());
        }
    }
    if let Some(left) = runs_left(fields, &mut remarks)? {
        body["maxRuns"] = json!(left);
    }
    if fields.get("immediately").is_some_and(|it| it == true) {
        remarks.push(
            "immediately: a schedule here fires at its times only; `tidegate schedules run` makes a first run"
                .to_owned(),
        );
    }
    let template = fields.get("template").and_then(Value::as_object);
    if let Some(opts) = template.and_then(|template| template.get("opts")?.as_object()).filter(|opts| !opts.is_empty())
    {
        let names: Vec<&str> = opts.keys().map(String::as_str).collect();
        remarks.push(format!(
            "template.opts are not carried over ({}): retries and the like are settings of the integration",
            names.join(", ")
        ));
    }
    if let Some(others) = others(fields, &KNOWN) {
        remarks.push(format!("not carried over: {others}"));
    }
    let data = template.and_then(|template| template.get("data")).cloned().unwrap_or_default();
    let mut payload = Map::from_iter([("data".to_owned(), data)]);
    payload.extend(text(fields, "name")?.map(|job| ("name".to_owned(), Value::from(job))));
    body["payload"] = Value::from(payload);
    body["overlap"] = json!("allow");
    body["catchup"] = json!("last");
    body["note"] = json!(options.note(""));
    let clocks = body["cron"].as_str().and_then(|cron| match Times::of(cron) {
        Times::Fixed => Some(CLOCKS),
        Times::Stepped => Some(STEPS),
        Times::Hourly => None,
    });
    Ok(Entry { line, name: name(&options.prefix, key)?, body, remarks, clocks })
}

fn by_pattern(
    pattern: &str,
    fields: &Map<String, Value>,
    options: &Options,
    remarks: &mut Vec<String>,
) -> Result<Value, String> {
    let timezone = text(fields, "tz")?.map(str::to_owned).or_else(|| options.timezone.clone());
    if timezone.is_none() {
        remarks.push(NO_ZONE.to_owned());
    }
    let mut parts: Vec<&str> = pattern.split_whitespace().collect();
    let count = parts.len();
    if count == 5 || count == 6 {
        let (day, weekday) = (parts[count - 3], parts[count - 1]);
        // What means every day is no restriction to cron-parser.
        if day == "*/1" || day == "1-31" {
            parts[count - 3] = "*";
        }
        if weekday == "*/1" || weekday == "0-7" {
            parts[count - 1] = "*";
        }
        let is_any = |text: &str| text == "*" || text == "?";
        let (day, weekday) = (parts[count - 3], parts[count - 1]);
        if !is_any(day) && !is_any(weekday) {
            if weekday.contains('#') {
                return Err(format!(
                    "pattern: cron-parser runs it on days that fit day-of-month {day:?} and also {weekday:?}; here a day \
                     that \
                     fits either is enough: keep one of them"
                ));
            }
            remarks.push(format!(
                "day-of-month {day} and day-of-week {weekday} are both given: it runs on days that \
                 fit either, as in BullMQ"
            ));
        }
    }
    if instant(fields, "startDate")?.is_some() {
        remarks.push("a tick at startDate itself fires here; cron-parser begins after it".to_owned());
    }
    let cron = parts.join(" ");
    Ok(match timezone {
        Some(timezone) => json!({ "cron": cron, "timezone": timezone }),
        None => json!({ "cron": cron }),
    })
}

/// BullMQ counts intervals from the Unix epoch and an offset; where it does not give that, the next job tells.
fn by_interval(every_ms: u64, fields: &Map<String, Value>, remarks: &mut Vec<String>) -> Result<Value, String> {
    let unit = UNITS.iter().find(|(unit_ms, _)| every_ms > 0 && every_ms.is_multiple_of(*unit_ms));
    let every = unit.map_or_else(|| format!("{every_ms}ms"), |(unit_ms, unit)| format!("{}{unit}", every_ms / unit_ms));
    let offset = number(fields, "offset")?.filter(|offset| *offset > 0);
    let known = match offset {
        Some(offset) => Some(offset),
        None => number(fields, "next")?,
    };
    let mut body = json!({ "every": every });
    let phase = known.and_then(|at| at.checked_rem(every_ms)).and_then(|phase| i64::try_from(phase).ok());
    if let Some(phase) = phase {
        let at = Millis(phase).to_rfc3339();
        if phase > 0 {
            let told = if offset.is_some() { "offset" } else { "next" };
            remarks.push(format!("{told}: kept as `at` {at}, from which the interval counts"));
        }
        body["at"] = json!(at);
    }
    Ok(body)
}

/// How many runs its limit has left.
fn runs_left(fields: &Map<String, Value>, remarks: &mut Vec<String>) -> Result<Option<u64>, String> {
    let Some(limit) = number(fields, "limit")? else { return Ok(None) };
    let ran = number(fields, "iterationCount")?.unwrap_or(0);
    let left = limit.checked_sub(ran).filter(|left| *left > 0);
    let left = left.ok_or_else(|| format!("limit: all of its {limit} runs were made"))?;
    if ran > 0 {
        remarks.push(format!("{ran} of its {limit} runs were made by BullMQ: maxRuns is what is left"));
    }
    Ok(Some(left))
}

fn instant(fields: &Map<String, Value>, name: &str) -> Result<Option<Millis>, String> {
    let value = match fields.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.parse::<i64>().map_or_else(|_| json!(text), |ms| json!(ms)),
        Some(value) => value.clone(),
    };
    due::parse_instant(name, &value).map(Some).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::check::check;
    use super::*;

    const SCHEDULERS: &str = r#"[
{"key": "daily-digest", "name": "digest", "pattern": "0 15 6 * * *", "tz": "Europe/Berlin", "next": 1795928400000, "iterationCount": 12, "template": {"data": {"list": "all"}, "opts": {"attempts": 3, "backoff": {"type": "exponential"}}}},
{"key": "poll", "name": "poll", "every": 300000, "next": 1795928460000, "offset": 60000, "template": {"data": 7}},
{"key": "poll-old", "name": "poll", "every": "90000", "endDate": null, "tz": null, "pattern": null, "next": 1795928455000},
{"key": "half", "name": "half", "every": 1500},
{"key": "trial", "name": "trial", "pattern": "0 9 * * 1-5", "limit": 10, "iterationCount": 4, "startDate": 1795928400000, "endDate": "2027-01-01T00:00:00.000Z"},
{"key": "used-up", "name": "x", "pattern": "0 9 * * *", "limit": 3, "iterationCount": 3},
{"key": "both", "name": "x", "pattern": "0 9 * * *", "every": 1000},
{"key": "none", "name": "x"},
{"key": "days", "name": "x", "pattern": "0 0 1-31 * 1", "tz": "UTC"},
{"key": "either", "name": "x", "pattern": "0 0 13 * 5", "tz": "UTC"},
{"key": "nth", "name": "x", "pattern": "0 0 1 * 1#2", "tz": "UTC"},
{"key": "email:send:::0 9 * * *", "name": "send", "pattern": "0 9 * * *", "immediately": true, "custom": 1},
{"name": "x", "every": 1000},
{"key": "soon", "name": "x", "every": "soon"},
{"key": "when", "name": "x", "every": 60000, "startDate": "tomorrow"},
7
]"#;

    #[test]
    fn schedulers_become_schedules() {
        let options = Options { origin: "bullmq q.json".into(), ..Options::default() };
        let import = read(SCHEDULERS, &options).expect("JSON");
        let body = |name: &str| {
            let entry = import.entries.iter().find(|entry| entry.name == name).expect(name);
            (entry.body.clone(), entry.remarks.join("; "))
        };
        let (digest, remarks) = body("daily-digest");
        assert_eq!(
            digest,
            json!({
                "cron": "0 15 6 * * *", "timezone": "Europe/Berlin", "overlap": "allow", "catchup": "last",
                "payload": {"name": "digest", "data": {"list": "all"}}, "note": "Imported from bullmq q.json",
            })
        );
        assert!(remarks.contains("attempts, backoff"), "{remarks}");
        let of = |name: &str| {
            let (body, _) = body(name);
            (body["every"].clone(), body["at"].clone())
        };
        assert_eq!(of("poll"), (json!("5m"), json!("1970-01-01T00:01:00.000Z")));
        assert_eq!(of("poll-old"), (json!("90s"), json!("1970-01-01T00:00:55.000Z")));
        assert!(body("poll").1.contains("offset: kept") && body("poll-old").1.contains("next: kept"));
        assert_eq!(of("half"), (json!("1500ms"), Value::Null));
        let (trial, remarks) = body("trial");
        assert_eq!(
            (&trial["maxRuns"], &trial["start"], &trial["end"]),
            (&json!(6), &json!("2026-11-29T05:00:00.000Z"), &json!("2027-01-01T00:00:00.000Z"))
        );
        assert!(remarks.contains("names no tz") && remarks.contains("4 of its 10"), "{remarks}");
        assert_eq!(body("days").0["cron"], "0 0 * * 1");
        assert!(body("either").1.contains("fit either"));
        let (_, remarks) = body("email:send:::0-9");
        assert!(remarks.contains("immediately") && remarks.contains("not carried over: custom"), "{remarks}");
        assert_eq!(import.entries.len(), 8);
        let ready = import.entries.iter().cloned().map(|entry| check(entry, Millis(1_795_694_400_000)));
        assert!(ready.clone().all(|ready| ready.is_ok()), "{:?}", ready.collect::<Vec<_>>());
        let wrong: Vec<(usize, &str)> = import.wrong.iter().map(|left| (left.line, &*left.message)).collect();
        let expected = [
            (7, "limit: all of its 3 runs"),
            (8, "every: is given beside pattern"),
            (9, "pattern: is missing"),
            (12, "pattern: cron-parser runs it on days"),
            (14, "key: is missing"),
            (15, "every: must be a whole number"),
            (16, "startDate: "),
            (17, "it must be an object"),
        ];
        assert_eq!(wrong.len(), expected.len(), "{wrong:?}");
        for ((line, message), (expected_line, part)) in wrong.into_iter().zip(expected) {
            assert!(line == expected_line && message.starts_with(part), "{line}: {message}");
        }
    }
}
