//! A request as a curl command that a shell takes as it stands.

/// Where curl takes the body from.
pub enum Data<'b> {
    /// From the command line.
    Text(&'b str),
    /// From a file, byte by byte; `-` is standard input.
    File(&'b str),
}

impl<'b> Data<'b> {
    /// As it was written: a text, or `@` and a file.
    pub fn of(written: &'b str, bytes: &'b [u8]) -> Self {
        match (written.strip_prefix('@'), std::str::from_utf8(bytes)) {
            // What was read from standard input is gone.
            (Some("-"), Ok(text)) => Self::Text(text),
            (Some(file), _) => Self::File(file),
            (None, _) => Self::Text(written),
        }
    }
}

/// The command, a header a line.
pub fn command(url: &str, headers: &[(String, String)], data: Data<'_>) -> String {
    let mut lines = vec![format!("curl -X POST {}", quoted(url))];
    lines.extend(headers.iter().map(|(name, value)| format!("-H {}", quoted(&format!("{name}: {value}")))));
    lines.push(match data {
        Data::Text(text) => format!("--data-raw {}", quoted(text)),
        Data::File(file) => format!("--data-binary {}", quoted(&format!("@{file}"))),
    });
    lines.join(" \\\n  ")
}

/// In single quotes, in which a shell reads nothing but their end.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_what_was_meant() {
        let headers = [("x-sig".to_owned(), "a'b$c".to_owned())];
        let text = command("http://a/?x=1&y=2", &headers, Data::of("it's", b"it's"));
        assert_eq!(text, "curl -X POST 'http://a/?x=1&y=2' \\\n  -H 'x-sig: a'\\''b$c' \\\n  --data-raw 'it'\\''s'");
        assert!(command("u", &[], Data::of("@a b.json", b"")).ends_with("--data-binary '@a b.json'"));
        assert!(command("u", &[], Data::of("@-", b"{}")).ends_with("--data-raw '{}'"));
    }
}
