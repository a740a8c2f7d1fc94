//! What an import says: each entry with its next ticks and its remarks, what could not be had, and totals.

use serde_json::{Value, json};

use super::check::{Ready, Tick};
use super::entry::Left;
use super::put::Fate;
use crate::cli::terminal;

/// An import that has been done, or planned.
pub struct Report<'a> {
    pub format: &'static str,
    pub integration: &'a str,
    /// Those that were reached.
    pub done: Vec<(&'a Ready, Fate)>,
    pub wrong: &'a [Left],
    pub off: &'a [Left],
    /// What holds for all of them.
    pub remarks: &'a [String],
}

impl Report<'_> {
    /// Whether everything there was is on the server, or could be.
    pub fn is_good(&self) -> bool {
        self.wrong.is_empty() && self.count(Fate::Clash) == 0
    }

    fn count(&self, fate: Fate) -> usize {
        self.done.iter().filter(|(_, it)| *it == fate).count()
    }

    /// For other programs.
    pub fn to_json(&self) -> Value {
        let entry = |(ready, fate): &(&Ready, Fate)| {
            let Ready { entry, reads, next } = ready;
            let tick =
                |it: &Tick| json!({ "nominal": it.nominal.to_rfc3339(), "local": it.local, "remark": it.remark });
            json!({
                "line": entry.line, "name": entry.name, "result": fate.name(), "schedule": entry.body, "reads": reads,
                "next": next.iter().map(tick).collect::<Vec<_>>(), "remarks": entry.remarks,
            })
        };
        let left = |left: &Left| json!({ "line": left.line, "entry": left.entry, "message": left.message });
        json!({
            "format": self.format,
            "integration": self.integration,
            "remarks": self.remarks,
            "entries": self.done.iter().map(entry).collect::<Vec<_>>(),
            "wrong": self.wrong.iter().map(left).collect::<Vec<_>>(),
            "off": self.off.iter().map(left).collect::<Vec<_>>(),
        })
    }

    /// For readers: data on stdout, what is wrong and the totals on stderr.
    pub fn print(&self) {
        for (ready, fate) in &self.done {
            lines(ready, *fate, self.integration).iter().for_each(|line| terminal::out(line));
        }
        if !self.done.is_empty() {
            terminal::out(&terminal::bold(&format!("for all that comes from {}:", self.format)));
            self.remarks.iter().for_each(|remark| terminal::out(&format!("  - {remark}")));
        }
        for Left { line, entry, message } in self.off {
            terminal::say(&terminal::dim(&format!("line {line}, {entry}: left out: {message}")));
        }
        for Left { line, entry, message } in self.wrong {
            terminal::error(&format!("line {line}, {entry}: {message}"));
        }
        terminal::say(&self.totals());
    }

    fn totals(&self) -> String {
        let fates = [Fate::Planned, Fate::Made, Fate::Changed, Fate::Unchanged, Fate::Clash];
        let counts = fates.map(|fate| (self.count(fate), fate.name()));
        let left = [(self.off.len(), "left out"), (self.wrong.len(), "not imported")];
        let parts: Vec<String> =
            counts.into_iter().chain(left).filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        if parts.is_empty() { "there are no entries".to_owned() } else { parts.join(", ") }
    }
}

fn lines(Ready { entry, reads, next }: &Ready, fate: Fate, integration: &str) -> Vec<String> {
    let word = match fate {
        Fate::Planned | Fate::Unchanged => terminal::dim(fate.name()),
        Fate::Made => terminal::good(fate.name()),
        Fate::Changed => terminal::changed(fate.name()),
        Fate::Clash => terminal::bad(fate.name()),
    };
    let name = terminal::bold(&format!("{integration}/{}", entry.name));
    let mut lines = vec![format!("{name}  {word}  (line {})", entry.line), format!("    {reads}")];
    if fate == Fate::Clash {
        lines.push(terminal::bad(
            "    a schedule of this name was made by others, and is left as it is: pass --prefix, or --replace \
             to take it over",
        ));
    }
    for Tick { nominal, local, remark } in next {
        let remark = remark.as_ref().map(|remark| format!("  ({remark})")).unwrap_or_default();
        lines.push(format!("    next {}  {local}{remark}", nominal.to_rfc3339()));
    }
    lines.extend(entry.remarks.iter().map(|remark| format!("    - {remark}")));
    lines
}
