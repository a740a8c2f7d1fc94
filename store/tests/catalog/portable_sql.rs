//! Every statement of the catalog is in the SQL that SQLite and PostgreSQL share; `open.rs` alone knows its database.

use std::path::Path;

/// What only SQLite understands, or reads in its own way.
const REFUSED: [&str; 20] = [
    "AUTOINCREMENT",
    "INSERT OR",
    "REPLACE INTO",
    "DATETIME(",
    "STRFTIME(",
    "JULIANDAY(",
    "UNIXEPOCH(",
    "JSON_",
    "JSON(",
    "BLOB",
    "ROWID",
    "IFNULL(",
    "IIF(",
    "GLOB ",
    "PRAGMA",
    "SQLITE_",
    "INDEXED BY",
    "GROUP_CONCAT(",
    "==",
    "`",
];

/// What is wrong with a piece of SQL.
fn faults(sql: &str) -> Vec<String> {
    let upper = sql.to_uppercase();
    let mut found: Vec<String> =
        REFUSED.iter().filter(|refused| upper.contains(**refused)).map(|refused| (*refused).to_owned()).collect();
    let outside_quotes: String = sql.split('\'').step_by(2).collect();
    found.extend(['?', '"', '[', '@'].iter().filter(|sign| outside_quotes.contains(**sign)).map(char::to_string));
    let words: Vec<&str> = upper.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let types = ["INTEGER", "INT", "REAL", "DATETIME", "NUMERIC", "BOOLEAN", "BOOL"];
    found.extend(types.iter().filter(|word| words.contains(word)).map(|word| (*word).to_owned()));
    found
}

/// The string literals of Rust code, with their escapes taken as they are, but for the line-joining backslash.
fn literals(code: &str) -> Vec<String> {
    let code: String =
        code.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]).collect();
    let (mut found, mut chars) = (Vec::new(), code.replace("'\"'", "' '").chars().collect::<Vec<_>>().into_iter());
    while chars.by_ref().any(|c| c == '"') {
        let mut literal = String::new();
        while let Some(c) = chars.next() {
            match c {
                '"' => break,
                '\\' => literal.extend(chars.next().map(|escaped| if escaped == '\n' { ' ' } else { escaped })),
                c => literal.push(c),
            }
        }
        found.push(literal);
    }
    found
}

/// Whether a literal is SQL or a piece of it.
fn is_sql(literal: &str) -> bool {
    let starts =
        ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "CREATE ", "WHERE ", "LIMIT ", "ORDER ", "DESC ", "AND ", "ON "];
    starts.iter().any(|start| literal.trim_start().starts_with(start)) || literal.contains(" RETURNING ")
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalog")
}

fn files(folder: &Path, ending: &str) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let wanted = entries.filter(|path| path.extension().is_some_and(|found| found == ending));
    wanted.map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn statements_are_portable() {
    let not_shared = ["open.rs", "plans.rs"];
    let mut seen = 0;
    for (path, code) in files(&folder(), "rs") {
        if not_shared.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        for sql in literals(&code).iter().filter(|literal| is_sql(literal)) {
            assert!(faults(sql).is_empty(), "{path}: {:?} in {sql}", faults(sql));
            seen += 1;
        }
    }
    assert!(seen >= 40, "only {seen} statements found");
}

#[test]
fn migrations_are_portable() {
    let migrations = files(&folder().join("migrations"), "sql");
    assert!(!migrations.is_empty());
    for (path, sql) in migrations {
        assert!(sql.starts_with("-- "), "{path} does not say what it is for");
        let statements: String = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
        assert!(faults(&statements).is_empty(), "{path}: {:?}", faults(&statements));
    }
}

#[test]
fn the_check_sees_what_it_is_for() {
    fn check(sql: &str, expected: &[&str]) {
        assert_eq!(faults(sql), expected, "{sql}");
    }
    check("SELECT a FROM b WHERE c = $1 AND d = 'what?'", &[]);
    check("SELECT a FROM b WHERE c = ?", &["?"]);
    check("INSERT OR IGNORE INTO b VALUES ($1)", &["INSERT OR"]);
    check("id INTEGER PRIMARY KEY AUTOINCREMENT", &["AUTOINCREMENT", "INTEGER"]);
    check("SELECT json_extract(a, '$.b') FROM c", &["JSON_"]);
    check("SELECT a FROM b WHERE c = \"text\"", &["\""]);
    check("SELECT ifnull(a, 0), datetime('now') FROM b", &["DATETIME(", "IFNULL(", "DATETIME"]);
    let code =
        "// \"SELECT ?\"\nconst A: &str = \"SELECT a \\\n    FROM b\"; let c = concat!(x!(), \"WHERE \\\"d\\\"\");";
    assert_eq!(literals(code), ["SELECT a      FROM b", "WHERE \"d\""]);
}
