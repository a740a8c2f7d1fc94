//! The integrations that ship with the product, embedded in the binary.

/// One shipped integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// The integration's name, and its folder's.
    pub name: &'static str,
    /// The files of the draft: name and text.
    pub files: &'static [(&'static str, &'static str)],
    /// `integration.toml`: name, description, trigger, settings.
    pub settings: &'static str,
    /// `sample.json`: a payload to try it with.
    pub sample: &'static str,
    /// `README.md`.
    pub readme: &'static str,
}

macro_rules! example {
    ($name:literal) => {
        Example {
            name: $name,
            files: &[("integration.js", include_str!(concat!("../examples/", $name, "/integration.js")))],
            settings: include_str!(concat!("../examples/", $name, "/integration.toml")),
            sample: include_str!(concat!("../examples/", $name, "/sample.json")),
            readme: include_str!(concat!("../examples/", $name, "/README.md")),
        }
    };
}

const EXAMPLES: &[Example] = &[
    example!("exchange-rates"),
    example!("order-alert"),
    example!("random-user"),
    example!("reminder-email"),
    example!("token-refresh"),
    example!("uptime-check"),
    example!("vip-alert"),
];

/// The shipped integrations, by name.
#[must_use]
pub fn examples() -> &'static [Example] {
    EXAMPLES
}
