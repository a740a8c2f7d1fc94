//! The table in `docs/COMPATIBILITY.md`: written by this test, and compared with what the test found.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use super::corpus::root;

const BEGIN: &str =
    "<!-- the table is made by `COMPAT_TABLE=write make test NEXTEST='--test it packages_answer_as_in_node'` -->\n";
const END: &str = "<!-- end of the table -->";

/// What became of a package.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It answers as in Node.
    Passes,
    /// It cannot work here, and says why in these words.
    Refused(String),
    /// It should work.
    Fails(String),
}

/// A line of the table.
pub struct Row {
    pub name: String,
    pub dependencies: BTreeMap<String, String>,
    pub compared: Vec<String>,
    pub verdict: Verdict,
}

/// Compares the table with these rows, or writes it if the variable says so.
pub fn compare(rows: &[Row]) {
    let file = root().join("docs/COMPATIBILITY.md");
    let text = fs::read_to_string(&file).expect("docs/COMPATIBILITY.md");
    let (before, rest) = text.split_once(BEGIN).expect("the table's beginning");
    let (present, after) = rest.split_once(END).expect("the table's end");
    let table = table(rows);
    if std::env::var("COMPAT_TABLE").as_deref() == Ok("write") {
        fs::write(&file, format!("{before}{BEGIN}{table}{END}{after}")).expect("docs/COMPATIBILITY.md can be written");
        return;
    }
    assert_eq!(present, table, "docs/COMPATIBILITY.md says something else; COMPAT_TABLE=write writes it");
}

fn table(rows: &[Row]) -> String {
    let passed = rows.iter().filter(|row| row.verdict == Verdict::Passes).count();
    let mut table =
        format!("\n{passed} of {} pass.\n\n| packages | what was compared | result |\n|---|---|---|\n", rows.len());
    for row in rows {
        let versions: Vec<String> =
            row.dependencies.iter().map(|(name, version)| format!("{name} {version}")).collect();
        let result = match &row.verdict {
            Verdict::Passes => "pass".to_owned(),
            Verdict::Refused(why) => format!("no, as expected: {why}"),
            Verdict::Fails(why) => format!("**fails**: {}", why.replace('|', "\\|").replace('\n', " ")),
        };
        let _written = writeln!(table, "| {} | {} | {result} |", versions.join(", "), row.compared.join(", "));
    }
    table.push('\n');
    table
}
