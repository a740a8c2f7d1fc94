//! Crontabs: those of users, `/etc/crontab` and `/etc/cron.d`.

use std::collections::HashMap;

use ::schedules::Zone;
use serde_json::{Map, Value, json};

use super::entry::{Entry, Import, Options, fits, name};
use super::vixie;

const MAX_SLUG_CHARS: usize = 48;
/// Where a command's own words end.
const ENDS: [&str; 7] = [">", "1>", "2>", "&>", "|", "<", "||"];

const REMARKS: [&str; 5] = [
    "nothing here runs shell commands: the handler finds the line's in payload.command (payload.stdin, payload.user) and \
     does the work itself",
    "cron lets runs of one line pile up beside each other: imported with overlap \"allow\" (skip is the default here)",
    "cron does not make up for what fell into an outage: imported with catchup \"none\" (last is the default here)",
    "when clocks change, fixed times fire once, as in Vixie cron and cronie; other crons (busybox, dcron) leave out or \
     repeat them",
    "cron mails what a command prints; here every run keeps its log",
];

/// Reads a crontab.
pub fn read(text: &str, options: &Options) -> Import {
    let mut reading = Reading {
        options,
        import: Import::default(),
        zone: Ok(None),
        variables: Vec::new(),
        tz: None,
        taken: HashMap::new(),
    };
    for (index, line) in text.lines().enumerate() {
        reading.line(index + 1, line.trim());
    }
    let mut import = reading.import;
    import.remarks = REMARKS.map(str::to_owned).into();
    import
}

struct Reading<'a> {
    options: &'a Options,
    import: Import,
    /// What the last `CRON_TZ=` says; `Err` if it is no zone.
    zone: Result<Option<String>, String>,
    /// The names of variables that are set so far.
    variables: Vec<String>,
    /// What the last `TZ=` says.
    tz: Option<String>,
    /// How often a name was given.
    taken: HashMap<String, usize>,
}

impl Reading<'_> {
    fn line(&mut self, number: usize, line: &str) {
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        let Some((name, value)) = assignment(line) else {
            let became = self.entry(number, line, None);
            return self.import.add(number, line, became);
        };
        let is_zone = name == "CRON_TZ" || name == "TZ";
        if let (true, Some((zone, rest))) = (is_zone, value.split_once(char::is_whitespace)) {
            let became = self.entry(number, rest.trim(), Some(zone));
            return self.import.add(number, line, became);
        }
        match name {
            "CRON_TZ" => {
                self.zone = (!value.is_empty()).then(|| zone(value)).transpose();
                if let Err(message) = &self.zone {
                    self.import.add(number, line, Err(message.clone()));
                    self.zone = Err(format!("the zone of line {number} is not known"));
                }
            }
            "TZ" => self.tz = Some(value.to_owned()).filter(|tz| !tz.is_empty()),
            _ if self.variables.iter().any(|known| known == name) => {}
            _ => self.variables.push(name.to_owned()),
        }
    }

    fn entry(&mut self, line: usize, text: &str, inline: Option<&str>) -> Result<Entry, String> {
        let mut remarks = Vec::new();
        let unlogged = text.strip_prefix('-');
        if unlogged.is_some() {
            remarks.push("the dash before it keeps cron from logging; every run is logged here".to_owned());
        }
        let (fields, rest) = split(unlogged.unwrap_or(text))?;
        let (cron, clocks) = match fields[..] {
            [nickname] => (nickname_of(nickname)?, None),
            [minute, hour, day, month, weekday] => {
                let read = vixie::read([minute, hour, day, month, weekday])?;
                remarks.extend(read.remarks);
                (read.cron, read.clocks)
            }
            _ => return Err("it has not the fields of a crontab's line".into()),
        };
        let (user, command) = self.user(rest, &mut remarks)?;
        if command.starts_with('*') {
            return Err("it has a sixth field of times; a crontab has five".into());
        }
        let timezone = self.timezone(inline, &mut remarks)?;
        if !self.variables.is_empty() {
            remarks.push(format!(
                "variables are not carried over ({}): what the handler needs belongs into its code or its secrets",
                self.variables.join(", ")
            ));
        }
        let (command, stdin) = command_of(command);
        let name = self.name(&command)?;
        let mut payload = Map::from_iter([("command".to_owned(), Value::from(command))]);
        payload.extend(stdin.map(|stdin| ("stdin".to_owned(), Value::from(stdin))));
        payload.extend(user.map(|user| ("user".to_owned(), Value::from(user))));
        let mut body = json!({
            "cron": cron, "overlap": "allow", "catchup": "none", "payload": payload, "note": self.options.note(""),
        });
        if let Some(timezone) = timezone {
            body["timezone"] = Value::from(timezone);
        }
        Ok(Entry { line, name, body, remarks, clocks })
    }

    /// The user's column, and the command after it.
    fn user<'t>(&self, rest: &'t str, remarks: &mut Vec<String>) -> Result<(Option<&'t str>, &'t str), String> {
        let (first, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let (user, command) = if self.options.user_column { (Some(first), after.trim()) } else { (None, rest) };
        if user.is_none() && first == "root" {
            remarks.push("the command begins with `root`: if that is a user, pass --user-column".to_owned());
        }
        if command.is_empty() {
            return Err("it has no command".into());
        }
        Ok((user, command))
    }

    fn timezone(&self, inline: Option<&str>, remarks: &mut Vec<String>) -> Result<Option<String>, String> {
        if let Some(named) = inline {
            return zone(named).map(Some);
        }
        if let Some(named) = self.zone.clone()? {
            return Ok(Some(named));
        }
        if let Some(tz) = &self.tz {
            remarks.push(format!("TZ={tz} was for the command only: cron reads times in the zone of its machine"));
        }
        if self.options.timezone.is_none() {
            remarks.push(
                "cron went by the zone of its machine, this goes by UTC: pass --timezone if that is another".to_owned(),
            );
        }
        Ok(self.options.timezone.clone())
    }

    /// Lines have no names: made of the command, with a number from the second of a kind on.
    fn name(&mut self, command: &str) -> Result<String, String> {
        let name = name(&self.options.prefix, &slug(command))?;
        let count = self.taken.entry(name.clone()).or_default();
        *count += 1;
        Ok(if *count == 1 { name } else { format!("{name}-{count}") })
    }
}

/// `NAME = value`, either of them in quotes perhaps.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = unquoted(name);
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then(|| (name, unquoted(value)))
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let bare = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    bare('"').or_else(|| bare('\'')).unwrap_or(text)
}

fn zone(name: &str) -> Result<String, String> {
    let zone = Zone::parse("CRON_TZ", "invalid_timezone", unquoted(name).trim_start_matches(':'));
    zone.map(|zone| zone.name()).map_err(|error| error.to_string())
}

/// The fields before the command: five, or a nickname.
fn split(text: &str) -> Result<(Vec<&str>, &str), String> {
    let count = if text.starts_with('@') { 1 } else { 5 };
    let (mut fields, mut rest) = (Vec::new(), text);
    while fields.len() < count && !rest.is_empty() {
        let (field, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        fields.push(field);
        rest = after.trim_start();
    }
    if fields.len() < count {
        let found = fields.len();
        return Err(format!("it has {found} of the fields `minute hour day-of-month month day-of-week command`"));
    }
    Ok((fields, rest))
}

fn nickname_of(text: &str) -> Result<String, String> {
    if text.eq_ignore_ascii_case("@reboot") {
        return Err(
            "@reboot cannot be had: schedules know times, not the start of a machine; let its init system call \
                    POST /v1/integrations/{name}/execute"
                .into(),
        );
    }
    Ok(text.to_ascii_lowercase())
}

/// The command, and what cron feeds it: `%` ends a line, the first one the command; `\%` is a percent sign.
fn command_of(text: &str) -> (String, Option<String>) {
    let mut parts = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&'%') => {
                chars.next();
                push(&mut parts, '%');
            }
            '%' if parts.len() == 1 => parts.push(String::new()),
            '%' => push(&mut parts, '\n'),
            c => push(&mut parts, c),
        }
    }
    let stdin = if parts.len() > 1 { parts.pop() } else { None };
    (parts.concat().trim_end().to_owned(), stdin)
}

fn push(parts: &mut [String], c: char) {
    if let Some(last) = parts.last_mut() {
        last.push(c);
    }
}

/// What a command may be called: its words without paths, up to where its output goes.
fn slug(command: &str) -> String {
    let steps = command.split("&&").flat_map(|part| part.split(';')).map(str::trim);
    let step = steps.clone().find(|step| !step.is_empty() && !step.starts_with("cd ")).unwrap_or(command);
    let is_end = |word: &&str| ENDS.iter().any(|end| word.starts_with(end));
    let is_setting = |word: &&str| {
        word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
    };
    let words = step.split_whitespace().skip_while(is_setting).take_while(|word| !is_end(word));
    let bare = |word: &str| word.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let joined = words.map(bare).collect::<Vec<_>>().join("-");
    let slug: String = joined.chars().map(|c| if fits(c) { c } else { '-' }).take(MAX_SLUG_CHARS).collect();
    if slug.chars().any(|c| c.is_ascii_alphanumeric()) { slug } else { "line".to_owned() }
}

#[cfg(test)]
mod tests;
