//! Cron text as fugit reads it, the parser of sidekiq-cron: five or six fields, and a zone behind them.

use ::schedules::Zone;

/// What it means here.
#[derive(Debug, PartialEq, Eq)]
pub struct Text {
    /// The same as an expression of ours.
    pub cron: String,
    /// The zone that it names.
    pub timezone: Option<String>,
    /// How it is read otherwise here.
    pub remarks: Vec<String>,
}

/// Reads the text. Errors: what cannot be said here.
pub fn read(text: &str) -> Result<Text, String> {
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err(format!("{text:?} is natural language; write it as a cron expression, such as `*/5 * * * *`"));
    }
    let mut fields: Vec<&str> = text.split_whitespace().collect();
    let timezone = zone_behind(&mut fields)?;
    if let [nickname] = fields[..]
        && nickname.starts_with('@')
    {
        return Ok(Text { cron: nickname.to_ascii_lowercase(), timezone, remarks: Vec::new() });
    }
    let mut remarks = Vec::new();
    if fields.len() == 6 {
        remarks.push("sidekiq-cron looks every few seconds, so it was never on the second; here it is".to_owned());
    } else if fields.len() != 5 {
        return Err(format!("{text:?} has {} fields; it must have 5, or 6 with seconds first", fields.len()));
    }
    if let Some(odd) = fields.iter().find(|field| field.contains(['&', '%'])) {
        return Err(format!(
            "{odd:?} is an extension of fugit (`&`: both days must fit; `%`: every nth week) that cannot be said here"
        ));
    }
    if let Some(range) = fields.iter().flat_map(|field| field.split(',')).find(|item| goes_back(item)) {
        remarks.push(format!("{range}: some versions of fugit turn it around; here it goes on over the end"));
    }
    let place = fields.len() - 2;
    let (day, weekday) = (day(fields[place - 1]), weekday(fields[place + 1]));
    if day != "*" && weekday != "*" {
        remarks.push(format!(
            "day-of-month {day} and day-of-week {weekday} are both given: it runs on days that \
             fit either, as in sidekiq-cron"
        ));
    }
    let cron = [&fields[..place - 1], &[&*day, fields[place], &*weekday]].concat().join(" ");
    Ok(Text { cron, timezone, remarks })
}

/// Takes the zone off the end.
fn zone_behind(fields: &mut Vec<&str>) -> Result<Option<String>, String> {
    let few = if fields.first().is_some_and(|first| first.starts_with('@')) { 1 } else { 5 };
    let Some(last) = fields.last().copied().filter(|_| fields.len() > few) else { return Ok(None) };
    let is_offset = last.starts_with(['+', '-']);
    if is_offset {
        return Err(format!("the distance {last:?} from UTC cannot be said here: name a zone, such as Europe/London"));
    }
    let named = Zone::parse("cron", "invalid_timezone", last);
    // The seventh word is a zone; the sixth may be the day of the week.
    let must_be = fields.len() > few + 1 || last.contains('/') && last.starts_with(|c: char| c.is_ascii_alphabetic());
    match named {
        Ok(zone) if last.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            fields.pop();
            Ok(Some(zone.name()))
        }
        Err(error) if must_be => Err(error.message),
        _ => Ok(None),
    }
}

/// A range of numbers whose end is before its begin.
fn goes_back(item: &str) -> bool {
    let base = item.split('/').next().unwrap_or_default();
    let ends = base.split_once('-').and_then(|(from, to)| from.parse::<u8>().ok().zip(to.parse::<u8>().ok()));
    ends.is_some_and(|(from, to)| from > to)
}

/// `L`, `last` and `-1` are the last day; `*/1` is every day.
fn day(field: &str) -> String {
    let item = |item: &str| match item.to_ascii_lowercase().as_str() {
        "last" | "-1" | "l" => "L".to_owned(),
        "*/1" => "*".to_owned(),
        other => other.to_owned(),
    };
    field.split(',').map(item).collect::<Vec<_>>().join(",")
}

/// `fri#-1`, `fri#last` and `fri#L` are the month's last friday.
fn weekday(field: &str) -> String {
    let item = |item: &str| match item.split_once('#') {
        Some((name, "-1" | "L" | "l" | "last")) => format!("{name}#L"),
        _ => item.to_owned(),
    };
    field.split(',').map(item).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_zones_and_ends_of_months() {
        let good = [
            ("*/5 * * * *", "*/5 * * * *", None, 0),
            ("0 5 * * * Europe/London", "0 5 * * *", Some("Europe/London"), 0),
            ("0 5 * * mon-fri America/New_York", "0 5 * * mon-fri", Some("America/New_York"), 0),
            ("0 5 * * * UTC", "0 5 * * *", Some("UTC"), 0),
            ("30 0 5 * * MON", "30 0 5 * * MON", None, 1),
            ("30 0 5 * * MON Asia/Tokyo", "30 0 5 * * MON", Some("Asia/Tokyo"), 1),
            ("0 0 last * *", "0 0 L * *", None, 0),
            ("0 0 -1 * *", "0 0 L * *", None, 0),
            ("0 9 * * fri#-1", "0 9 * * fri#L", None, 0),
            ("0 9 */1 * 5", "0 9 * * 5", None, 0),
            ("0 0 13 * 5", "0 0 13 * 5", None, 1),
            ("0 22-2 * * *", "0 22-2 * * *", None, 1),
            ("@hourly", "@hourly", None, 0),
            ("@daily Europe/Paris", "@daily", Some("Europe/Paris"), 0),
        ];
        for (text, cron, zone, remarks) in good {
            let read = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((&*read.cron, read.timezone.as_deref(), read.remarks.len()), (cron, zone, remarks), "{text}");
        }
        let wrong = [
            ("every 5 minutes", "natural language"),
            ("every day at noon in Europe/London", "natural language"),
            ("0 5 * * * Europe/Lodon", "did you mean \"Europe/London\""),
            ("0 5 * * * +09:00", "name a zone"),
            ("0 0 1-7 * 1&", "extension of fugit"),
            ("0 0 * * 1%2", "extension of fugit"),
            ("0 5 *", "has 3 fields"),
            ("", "has 0 fields"),
        ];
        for (text, part) in wrong {
            let message = read(text).expect_err(text);
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
