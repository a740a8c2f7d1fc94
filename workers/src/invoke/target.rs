//! Which integration a call means: `name`, or `name@2` for its second major release.

use std::str::FromStr;
use std::sync::Arc;

use crate::{Entry, Error, Result, Services};

/// A name with an optional major release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The integration's name.
    pub name: String,
    /// The major release; `None` is the highest.
    pub major: Option<u32>,
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, major) = match text.split_once('@') {
            None => (text, None),
            Some((name, major)) => {
                let bad = |_| {
                    Error::invalid(
                        "name",
                        "invalid_name",
                        format!("{text:?}: after @ comes a major release, as in {name}@2"),
                    )
                };
                (name, Some(major.parse().map_err(bad)?))
            }
        };
        check_name("name", name)?;
        Ok(Self { name: name.into(), major })
    }
}

/// Checks an integration's name: `[a-z][a-z0-9-]{0,62}`.
pub fn check_name(field: &str, name: &str) -> Result<()> {
    let tail_is_fine = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    match name.as_bytes() {
        [first, tail @ ..]
            if first.is_ascii_lowercase() && tail.len() <= 62 && tail.iter().all(|c| tail_is_fine(*c)) =>
        {
            Ok(())
        }
        _ => Err(Error::invalid(
            field,
            "invalid_name",
            "must be 1 to 63 characters: lower-case letters, digits and dashes, starting with a letter",
        )),
    }
}

impl Target {
    /// The integration, if it exists.
    pub(super) async fn entry(&self, services: &Services) -> Result<Arc<Entry>> {
        services.directory.find(&self.name).await?.ok_or_else(|| Error::no_integration(&self.name))
    }

    /// The integration, if it exists and has the release that the target names.
    pub(super) async fn resolve(&self, services: &Services) -> Result<Arc<Entry>> {
        let entry = self.entry(services).await?;
        if let Some((entry, Some(_))) = services.directory.serving(entry.id, self.major).await? {
            return Ok(entry);
        }
        let name = &self.name;
        Err(match self.major {
            Some(major) => {
                Error::NotFound { code: "release_not_found", message: format!("{name} has no release {major}.x") }
            }
            None => Error::conflict(
                "not_released",
                format!("{name} has only a draft; release it with POST /v1/integrations/{name}/releases"),
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, Option<u32>)>) {
        let parsed = text.parse::<Target>().ok();
        assert_eq!(parsed.as_ref().map(|target| (target.name.as_str(), target.major)), expected, "{text}");
    }

    #[test]
    fn names_and_pins() {
        check("order-alert", Some(("order-alert", None)));
        check("a@2", Some(("a", Some(2))));
        check(&"a".repeat(63), Some((&"a".repeat(63), None)));
        for bad in ["", "A", "1a", "-a", "a_b", "a@", "a@x", "a@-1", "a@1.2", "é", &"a".repeat(64)] {
            check(bad, None);
        }
    }
}
