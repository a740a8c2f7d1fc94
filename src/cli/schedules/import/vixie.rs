//! The five fields of a crontab's line as Vixie cron and its descendants (cronie, Debian's cron) read them.

use super::clocks::Times;

/// What they mean here.
#[derive(Debug, PartialEq, Eq)]
pub struct Fields {
    /// The same as an expression of ours.
    pub cron: String,
    /// How it is read otherwise here.
    pub remarks: Vec<String>,
    /// Whether a change of the clocks is something else here.
    pub clocks: Option<&'static str>,
}

const NAMES: [&str; 5] = ["minute", "hour", "day-of-month", "month", "day-of-week"];
const CLOCKS: &str = "cron takes it for fixed times, as no field begins with `*`: it makes up for those that clocks jump \
                      over and does not repeat any; here steps and full ranges fire whenever the clock shows them";

/// Reads the fields. Errors: what cron does not have, and what cannot be said here.
pub fn read(fields: [&str; 5]) -> Result<Fields, String> {
    let mut remarks = Vec::new();
    for (name, text) in NAMES.iter().zip(fields) {
        remarks.extend(look(name, text)?);
    }
    let [minute, hour, mut day, month, mut weekday] = fields;
    let (by_day, by_weekday) = (day.starts_with('*'), weekday.starts_with('*'));
    if by_day && is_all(day) {
        day = "*";
    }
    if by_weekday && is_all(weekday) {
        weekday = "*";
    }
    match (day != "*", weekday != "*") {
        (true, true) if by_day || by_weekday => {
            return Err(format!(
                "cron runs it on days that fit day-of-month {day:?} and also day-of-week {weekday:?}, because one begins \
                 with \
                 `*`; here a day that fits either is enough, so it would run too often: keep one of them in the \
                 schedule, and test the other in the handler (payload.nominal)"
            ));
        }
        (true, true) => remarks.push(format!(
            "day-of-month {day} and day-of-week {weekday} are both given: it runs on days that fit either, as in cron"
        )),
        _ => {}
    }
    let cron = [minute, hour, day, month, weekday].join(" ");
    let is_fixed_there = !minute.starts_with('*') && !hour.starts_with('*');
    let clocks = (is_fixed_there && Times::of(&cron) != Times::Fixed).then_some(CLOCKS);
    Ok(Fields { cron, remarks, clocks })
}

/// Whether a field that begins with `*` means every day.
fn is_all(text: &str) -> bool {
    text.split(',').any(|item| item == "*" || item == "*/1")
}

/// What one field has that cron reads in another way, or not at all.
fn look(name: &str, text: &str) -> Result<Option<String>, String> {
    if text.contains('~') {
        return Err(format!(
            "the {name} field {text:?} is a random time; write a fixed one, and give the schedule a `jitter`"
        ));
    }
    let odd = text.chars().find(|c| !c.is_ascii_alphanumeric() && !"*,-/".contains(*c));
    if let Some(odd) = odd {
        return Err(format!("the {name} field {text:?} has {odd:?}, which is not of a crontab"));
    }
    let remark = text.split(',').find_map(|item| {
        let (base, step) = item.split_once('/').map_or((item, None), |(base, step)| (base, Some(step)));
        let ends = base.split_once('-');
        if step.is_some() && base != "*" && ends.is_none() {
            return Some(format!("{name} {item}: most crons refuse it or ignore the step; here it begins at {base}"));
        }
        let (from, to) = ends?;
        let wraps = place(from).zip(place(to)).is_some_and(|(from, to)| from > to);
        wraps.then(|| format!("{name} {item}: most crons refuse it; here it goes on over the end"))
    });
    Ok(remark)
}

/// The number of an end of a range, or of a day's or month's name.
fn place(text: &str) -> Option<usize> {
    const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let lower = text.to_ascii_lowercase();
    let named =
        || DAYS.iter().position(|day| lower == *day).or_else(|| MONTHS.iter().position(|month| lower == *month));
    text.parse().ok().or_else(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_meaning_or_say_that_they_cannot() {
        // line, expression or part of the error, number of remarks, whether clocks matter
        let good = [
            ("0 5 * * 1-5", "0 5 * * 1-5", 0, false),
            ("*/10 9-17 * * mon-fri", "*/10 9-17 * * mon-fri", 0, false),
            ("0 0 1,15 * 5", "0 0 1,15 * 5", 1, false),
            ("0 0 */1 * 5", "0 0 * * 5", 0, false),
            ("0 0 13 * *,1", "0 0 13 * *", 0, false),
            ("0 0 */2 * *", "0 0 */2 * *", 0, false),
            ("0 22-2 * * *", "0 22-2 * * *", 1, false),
            ("0 0 * * fri-mon", "0 0 * * fri-mon", 1, false),
            ("0 0 * nov-feb *", "0 0 * nov-feb *", 1, false),
            ("5/15 * * * *", "5/15 * * * *", 1, false),
            ("0 0-23/2 * * *", "0 0-23/2 * * *", 0, true),
            ("0-59 3 * * *", "0-59 3 * * *", 0, true),
            ("0 */2 * * *", "0 */2 * * *", 0, false),
        ];
        for (line, cron, remarks, clocks) in good {
            let fields = read(split(line)).unwrap_or_else(|error| panic!("{line}: {error}"));
            let found = (&*fields.cron, fields.remarks.len(), fields.clocks.is_some());
            assert_eq!(found, (cron, remarks, clocks), "{line}: {:?}", fields.remarks);
        }
        let wrong = [
            ("0 0 */2 * 1", "either is enough"),
            ("0 0 1-7 * */2", "either is enough"),
            ("0~59 3 * * *", "random time"),
            ("0 0 L * ?", "'?'"),
            ("0 0 * * 1#2", "'#'"),
        ];
        for (line, part) in wrong {
            let message = read(split(line)).expect_err(line);
            assert!(message.contains(part), "{line}: {message}");
        }
    }

    fn split(line: &str) -> [&str; 5] {
        let fields: Vec<&str> = line.split(' ').collect();
        fields.try_into().expect("five fields")
    }
}
