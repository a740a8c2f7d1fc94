//! Where jobs wait, as an operator writes it.

use serde::de::{self, Deserialize, Deserializer};
use store::redis::Config;

/// Where jobs wait.
#[derive(Clone, Debug)]
pub enum Engine {
    /// `embedded`: a file in the data folder.
    Embedded,
    /// A URL: Redis or Valkey.
    Redis(Box<Config>),
}

impl Engine {
    /// Reads `embedded` or a URL. No error repeats the text: it may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "embedded" => Ok(Self::Embedded),
            url if url.contains("://") => Config::parse(url).map(Box::new).map(Self::Redis),
            _ => Err("must be \"embedded\", or a URL such as redis://127.0.0.1:6379/0".into()),
        }
    }
}

impl<'de> Deserialize<'de> for Engine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_embedded_or_a_url() {
        let check = |text: &str, expected: Result<&str, &str>| match (Engine::parse(text), expected) {
            (Ok(engine), Ok(shown)) => assert_eq!(format!("{engine:?}"), shown, "{text}"),
            (Err(error), Err(part)) => {
                assert!(error.contains(part) && !error.contains("s3cret"), "{text}: {error}");
            }
            (found, _) => panic!("{text}: {found:?}"),
        };
        check("embedded", Ok("Embedded"));
        check("redis://me:s3cret@h:1/2", Ok("Redis(Config(\"redis://h:1/2\"))"));
        check("redis+cluster://:s3cret@a,b:2", Ok("Redis(Config(\"redis+cluster://a,b:2\"))"));
        check("Embedded", Err("\"embedded\""));
        check("me:s3cret@h", Err("redis://"));
        check("postgres://me:s3cret@h/db", Err("no kind of Redis"));
        check("redis+sentinel://:s3cret@a,b", Err("names no service"));
    }
}
