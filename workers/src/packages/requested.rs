//! What `package.json` asks for: `"axios": "^1.2"`, in npm's words.

use nodejs_semver::{Range, Version};

use super::refusal::refused;
use crate::Result;

/// The most bytes of a name, as npm has it, and of a range.
const MAX_NAME_BYTES: usize = 214;
const MAX_SPEC_BYTES: usize = 1_024;

/// Which versions of which package.
#[derive(Clone, Debug)]
pub(super) struct Requested {
    /// The package; another name than the dependency's if that is an alias.
    pub package: String,
    /// The versions.
    pub versions: Versions,
    /// As it was written, for messages.
    pub text: String,
}

/// Which versions.
#[derive(Clone, Debug)]
pub(super) enum Versions {
    /// Those in a range.
    In(Range),
    /// The one a tag stands for now.
    Tagged(String),
}

impl Requested {
    /// Reads the spec of the dependency `name`; `by` is who wants it, for messages.
    pub(super) fn parse(name: &str, spec: &str, by: &str) -> Result<Self> {
        check_name(name, by)?;
        let shown: String = spec.chars().take(100).collect();
        if spec.len() > MAX_SPEC_BYTES {
            return Err(invalid(name, &shown, by, "it is too long"));
        }
        let text = spec.trim();
        let (package, versions) = match text.strip_prefix("npm:") {
            Some(alias) => match alias.get(1..).and_then(|rest| rest.find('@')) {
                Some(at) => (&alias[..=at], alias[at + 2..].trim()),
                None => (alias, ""),
            },
            None => (name, text),
        };
        check_name(package, by)?;
        // npm takes the empty range for any version.
        let range = if versions.is_empty() { "*" } else { versions };
        let versions = match Range::parse(range) {
            Ok(range) => Versions::In(range),
            Err(_) if is_tag(versions) => Versions::Tagged(versions.to_owned()),
            Err(_) => return Err(invalid(name, &shown, by, why_not(versions))),
        };
        Ok(Self { package: package.to_owned(), versions, text: shown })
    }

    /// Whether this version of this package will do. What a tag stands for only the registry knows: any version that
    /// is there does.
    pub(super) fn accepts(&self, package: &str, version: &Version) -> bool {
        package == self.package
            && match &self.versions {
                Versions::In(range) => range.satisfies(version),
                Versions::Tagged(_) => true,
            }
    }
}

fn is_tag(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// What is wrong with a spec that is neither a range nor a tag.
fn why_not(spec: &str) -> &'static str {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| spec.starts_with(prefix));
    if starts(&["file:", "link:", "./", "../", "/", "~/", "portal:"]) {
        "folders of your machine cannot be reached from here; publish the package, or put the code into the draft"
    } else if starts(&["workspace:", "catalog:"]) {
        "workspaces are not supported; write the version"
    } else if starts(&["git", "ssh:"]) || spec.contains('/') && !starts(&["http:", "https:"]) {
        "packages come from a registry, not from git; write a version that is published"
    } else if starts(&["http:", "https:"]) {
        "packages come from a registry, not from a URL; write a version that is published"
    } else {
        "it is neither a range of versions, such as ^1.2.0, nor a tag, such as latest"
    }
}

fn invalid(name: &str, spec: &str, by: &str, why: &str) -> crate::Error {
    refused("unsupported_dependency", format!("\"{name}\": \"{spec}\", required by {by}, cannot be installed: {why}"))
}

/// Refuses what npm would not publish either. Names become folders: nothing else may stand in them.
pub(super) fn check_name(name: &str, by: &str) -> Result<()> {
    let part = |part: &str| {
        let first = part.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '~'));
        let rest = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~'));
        first && rest && !part.eq_ignore_ascii_case("node_modules")
    };
    let fits = match name.strip_prefix('@').map(|scoped| scoped.split_once('/')) {
        None => part(name),
        Some(Some((scope, name))) => part(scope) && part(name),
        Some(None) => false,
    };
    if fits && name.len() <= MAX_NAME_BYTES {
        return Ok(());
    }
    let shown: String = name.chars().take(100).collect();
    Err(refused("invalid_package_name", format!("{shown:?}, required by {by}, is no name of an npm package")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_npms_rules() {
        let check = |spec: &str, version: &str, expected: bool| {
            let requested = Requested::parse("a", spec, "package.json").expect(spec);
            let version = Version::parse(version).expect(version);
            assert_eq!(requested.accepts("a", &version), expected, "{spec} {version}");
        };
        for (spec, inside, outside) in [
            ("^1.2.3", "1.9.0", "2.0.0"),
            ("^0.18.0", "0.18.1", "0.19.0"),
            ("^0.0.3", "0.0.3", "0.0.4"),
            ("~1.2.3", "1.2.9", "1.3.0"),
            ("1.x", "1.99.0", "2.0.0"),
            ("1", "1.4.2", "2.0.0"),
            (">=1.0.0 <1.5.0", "1.4.9", "1.5.0"),
            (">= 1.0.0 < 1.5.0", "1.4.9", "1.5.0"),
            ("1.2.3 - 2.3", "2.3.9", "2.4.0"),
            ("<1.0.0 || >=2.0.0", "2.1.0", "1.0.0"),
            ("=1.2.3", "1.2.3", "1.2.4"),
            ("v1.2.3", "1.2.3", "1.2.4"),
            ("^1.2.3-beta.2", "1.2.3-beta.4", "1.2.4-beta.1"),
            ("^1.0.0", "1.5.0", "1.5.0-rc.1"),
            (">1.0.0-rc.1", "1.0.0-rc.2", "1.1.0-rc.1"),
            ("~1.2", "1.2.0", "1.3.0"),
            ("^1", "1.0.0", "2.0.0-0"),
            ("1.2.*", "1.2.7", "1.3.0"),
        ] {
            check(spec, inside, true);
            check(spec, outside, false);
        }
        for any in ["", "*", "x", " "] {
            check(any, "3.1.4", true);
            check(any, "3.1.4-rc.1", false);
        }
    }

    #[test]
    fn aliases_and_tags_are_told_apart() {
        let check = |spec: &str, package: &str, tag: Option<&str>| {
            let found = Requested::parse("a", spec, "package.json").expect(spec);
            assert_eq!(found.package, package, "{spec}");
            let is = match &found.versions {
                Versions::Tagged(tag) => Some(tag.as_str()),
                Versions::In(_) => None,
            };
            assert_eq!(is, tag, "{spec}");
        };
        check("latest", "a", Some("latest"));
        check("next-11", "a", Some("next-11"));
        check("npm:b@^1", "b", None);
        check("npm:b", "b", None);
        check("npm:@s/b@next", "@s/b", Some("next"));
        check("npm:@s/b", "@s/b", None);
    }

    #[test]
    fn what_is_in_no_registry_is_refused_with_the_way_out() {
        let check = |spec: &str, part: &str| {
            let said = Requested::parse("a", spec, "package.json").expect_err(spec).to_string();
            assert!(said.contains(part) && said.contains("package.json"), "{spec}: {said}");
        };
        check("file:../a", "folders of your machine");
        check("../a", "folders of your machine");
        check("link:x", "folders of your machine");
        check("workspace:*", "workspaces");
        check("git+https://example.com/a.git", "not from git");
        check("git@github.com:a/b.git", "not from git");
        check("someone/thing", "not from git");
        check("github:someone/thing", "not from git");
        check("https://example.com/a.tgz", "not from a URL");
        check("not a range!", "neither a range");
        check("npm:../a@1", "no name of an npm package");
    }

    #[test]
    fn names_that_could_be_paths_are_no_names() {
        for name in
            ["..", ".", ".bin", "../a", "a/b", "@a", "@/a", "@a/", "@a/..", "@../b", "node_modules", "a b", "", "é"]
        {
            assert!(check_name(name, "x").is_err(), "{name}");
        }
        for name in ["a", "lodash.get", "@s/a", "JSONStream", "-", "a_b", "@types/node"] {
            assert!(check_name(name, "x").is_ok(), "{name}");
        }
        assert!(check_name(&"a".repeat(215), "x").is_err());
    }
}
