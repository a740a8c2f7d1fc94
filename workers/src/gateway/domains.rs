//! An integration's list of hosts: exact names, or `*.example.com` for everything below a name.

use url::{Host, Url};

use super::refused::Refused;

/// What is wrong with an entry of `allowedDomains`; for the moment it is saved.
pub fn check_domain(pattern: &str) -> Result<(), String> {
    let usable = normalised(pattern).is_some_and(|(below, host)| !below || matches!(host, Host::Domain(_)));
    if usable {
        return Ok(());
    }
    let shown: String = pattern.chars().take(100).collect();
    Err(format!("`{shown}` is no host: write `api.example.com`, or `*.example.com` for every name below it"))
}

/// Refuses `url` when `allowed` is a list and its host is not on it.
pub(super) fn check(url: &Url, allowed: Option<&[String]>) -> Result<(), Refused> {
    let Some(patterns) = allowed else { return Ok(()) };
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    if patterns.iter().any(|pattern| matches(pattern, host)) {
        return Ok(());
    }
    let message = format!("{host} is not among the integration's allowedDomains; add it there to let this request out");
    Err(Refused::new("domain_not_allowed", message))
}

/// `*.example.com` matches `a.example.com` and `a.b.example.com`, not `example.com`.
fn matches(pattern: &str, host: &str) -> bool {
    normalised(pattern).is_some_and(|(below, name)| is(below, &name, host))
}

/// Whether `host`, as it appears in a parsed URL, is `name`, or when `below` is set, a name below it.
pub(super) fn is(below: bool, name: &Host, host: &str) -> bool {
    match (below, name) {
        (false, name) => name.to_string() == host,
        (true, Host::Domain(name)) => {
            host.strip_suffix(name.as_str()).is_some_and(|left| left.len() > 1 && left.ends_with('.'))
        }
        _ => false,
    }
}

/// The entry as hosts appear in a parsed URL, and whether it stands for the names below it.
pub(super) fn normalised(pattern: &str) -> Option<(bool, Host)> {
    let (below, name) = pattern.strip_prefix("*.").map_or((false, pattern), |name| (true, name));
    let name = name.trim_end_matches('.');
    if name.is_empty() || name.contains('*') {
        return None;
    }
    Host::parse(name).ok().map(|host| (below, host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(pattern: &str, url: &str) -> bool {
        check(&Url::parse(url).unwrap(), Some(&[pattern.to_owned()])).is_ok()
    }

    #[test]
    fn hosts_match_whole_names() {
        for (pattern, url, expected) in [
            ("example.com", "https://example.com/", true),
            ("Example.COM.", "https://example.com/", true),
            ("example.com", "https://example.com./", true),
            ("example.com", "https://EXAMPLE.com:8443/x", true),
            ("example.com", "https://a.example.com/", false),
            ("example.com", "https://notexample.com/", false),
            ("example.com", "https://example.com.evil.net/", false),
            ("example.com", "https://evil.net/?example.com", false),
            ("*.example.com", "https://a.example.com/", true),
            ("*.example.com", "https://a.b.example.com/", true),
            ("*.example.com", "https://example.com/", false),
            ("*.example.com", "https://notexample.com/", false),
            ("*.example.com", "https://a.example.com.evil.net/", false),
            ("bücher.example", "https://xn--bcher-kva.example/", true),
            ("*.bücher.example", "https://a.bücher.example/", true),
            ("8.8.8.8", "https://8.8.8.8/", true),
            ("8.8.8.8", "https://134744072/", true),
            ("*.8.8.8", "https://8.8.8.8/", false),
            ("[2606:4700::1111]", "https://[2606:4700::1111]/", true),
            ("*", "https://example.com/", false),
            ("*.", "https://example.com/", false),
            ("*.*.com", "https://a.example.com/", false),
            ("", "https://example.com/", false),
        ] {
            assert_eq!(allowed(pattern, url), expected, "{pattern} {url}");
        }
    }

    #[test]
    fn no_list_allows_and_an_empty_list_denies() {
        let url = Url::parse("https://example.com/").unwrap();
        assert!(check(&url, None).is_ok());
        assert_eq!(check(&url, Some(&[])).unwrap_err().code, "domain_not_allowed");
    }

    #[test]
    fn entries_are_checked_when_saved() {
        for good in ["example.com", "*.example.com", "8.8.8.8", "[::1]", "bücher.example"] {
            assert_eq!(check_domain(good), Ok(()), "{good}");
        }
        for bad in ["", "*", "*.", "*.*.com", "https://example.com", "example.com/x", "a b", "*.1.2.3.4", "a:80"] {
            assert!(check_domain(bad).is_err(), "{bad}");
        }
    }
}
