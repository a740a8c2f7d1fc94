//! The name somebody probably meant: for every message about an unknown key.

/// The most alike of `names`, unless none is alike.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const ALIKE: f64 = 0.7;
    let word = word.to_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&word, &name.to_lowercase()), name))
        .filter(|(score, _)| *score >= ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)
}

/// "; did you mean `x`?", or the names there are when none is alike.
pub fn did_you_mean(word: &str, names: &[&str]) -> String {
    match nearest(word, names.iter().copied()) {
        Some(name) => format!("; did you mean `{name}`?"),
        None => format!("; known: {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_or_nothing() {
        let names = ["listen", "data", "roles", "log_format"];
        let check = |word: &str, expected: Option<&str>| assert_eq!(nearest(word, names), expected, "{word}");
        check("listne", Some("listen"));
        check("Listen", Some("listen"));
        check("role", Some("roles"));
        check("logformat", Some("log_format"));
        check("zzz", None);
        assert!(did_you_mean("zzz", &names).contains("known: listen, data"));
    }
}
