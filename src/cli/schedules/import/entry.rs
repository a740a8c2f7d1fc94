//! What a converter makes of a file: entries that can be put, and what cannot be had.

use serde_json::Value;

/// As long as a schedule's name may be.
const MAX_NAME_BYTES: usize = 128;
/// Of a description; a note may have 1,024 bytes with what is added to it.
const MAX_DESCRIPTION_CHARS: usize = 200;

/// What the person who imports has said.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Before every name.
    pub prefix: String,
    /// The zone of entries that name none.
    pub timezone: Option<String>,
    /// Lines of a crontab name a user before the command, as `/etc/crontab` does.
    pub user_column: bool,
    /// Where it comes from, such as `crontab web1.cron`: the end of each note.
    pub origin: String,
}

impl Options {
    /// The note of a schedule: the old system's description, and where it comes from.
    pub fn note(&self, description: &str) -> String {
        let description: String = description.trim().chars().take(MAX_DESCRIPTION_CHARS).collect();
        let origin = self.mark();
        if description.is_empty() { origin } else { format!("{description} — {origin}") }
    }

    /// How the note ends of all that was imported from here.
    pub fn mark(&self) -> String {
        format!("Imported from {}", self.origin)
    }
}

/// An entry that became a schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where it is in the file, from 1.
    pub line: usize,
    /// The name of the schedule.
    pub name: String,
    /// The body of the `PUT`.
    pub body: Value,
    /// How it differs from what it was.
    pub remarks: Vec<String>,
    /// How a change of the clocks was something else; said if one touches a tick within a year or so.
    pub clocks: Option<&'static str>,
}

/// An entry that did not become a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Where it is in the file, from 1.
    pub line: usize,
    /// Its name or text.
    pub entry: String,
    /// Why.
    pub message: String,
}

/// What became of a file.
#[derive(Clone, Debug, Default)]
pub struct Import {
    /// What can be put.
    pub entries: Vec<Entry>,
    /// What cannot be had, or not be read.
    pub wrong: Vec<Left>,
    /// What was switched off.
    pub off: Vec<Left>,
    /// How all of it differs from what it was.
    pub remarks: Vec<String>,
}

impl Import {
    /// Takes what became of an entry; two entries of one name are a clash.
    pub fn add(&mut self, line: usize, entry: &str, became: Result<Entry, String>) {
        let became = became.and_then(|new| match self.entries.iter().find(|old| old.name == new.name) {
            Some(old) => Err(format!("its name would be {:?}, which line {} has already", new.name, old.line)),
            None => Ok(new),
        });
        match became {
            Ok(entry) => self.entries.push(entry),
            Err(message) => self.wrong.push(Left { line, entry: shortened(entry), message }),
        }
    }
}

/// The begin of a text, for a report.
pub fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Whether a schedule's name may have this character.
pub fn fits(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._:-".contains(c)
}

/// The name of a schedule for what another system calls `text`: what no name may have becomes a dash.
pub fn name(prefix: &str, text: &str) -> Result<String, String> {
    let dashed: String = text.chars().map(|c| if fits(c) { c } else { '-' }).collect();
    let words: Vec<&str> = dashed.split('-').filter(|word| !word.is_empty()).collect();
    let name = format!("{prefix}{}", words.join("-").trim_start_matches(|c: char| !c.is_ascii_alphanumeric()));
    if name.len() == prefix.len() {
        return Err(format!("the name {text:?} has no letter or digit of those that names are made of"));
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(format!("its name would have more than {MAX_NAME_BYTES} characters: {name}"));
    }
    if name == workers::timetable::OWN {
        return Err(format!("{name:?} is the schedule of the integration's settings; pass --prefix"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_what_names_may_have() {
        let check = |text: &str, expected: Result<&str, &str>| match (name("p-", text), expected) {
            (Ok(name), Ok(expected)) => assert_eq!(name, expected),
            (Err(message), Err(part)) => assert!(message.contains(part), "{message}"),
            other => panic!("{text}: {other:?}"),
        };
        check("nightly_report", Ok("p-nightly_report"));
        check("Send  the mail!", Ok("p-Send-the-mail"));
        check("repeat:a.b", Ok("p-repeat:a.b"));
        check(":x", Ok("p-x"));
        check("日本", Err("no letter or digit"));
        check(&"x".repeat(127), Err("more than 128"));
        assert!(name("", "default").is_err() && name("", "default-").is_err());
    }

    #[test]
    fn a_note_says_where_it_comes_from() {
        let options = Options { origin: "crontab a.cron".into(), ..Options::default() };
        assert_eq!(options.note(""), "Imported from crontab a.cron");
        assert_eq!(options.note(" x "), "x — Imported from crontab a.cron");
        assert!(options.note(&"é".repeat(5_000)).len() < 1_024);
    }
}
