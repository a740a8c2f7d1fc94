//! What an operator decides about packages.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use url::{Host, Url};

use crate::gateway::Opening;
use crate::secrets::check_name;

/// What an operator decides about packages.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where packages come from.
    pub registry: RegistryOptions,
    /// Where those of a scope (`@acme`) come from instead.
    pub scoped: BTreeMap<String, RegistryOptions>,
    /// Hosts besides the registries' that tarballs may come from.
    pub hosts: Vec<String>,
    /// Address ranges that registries may be at although they are not public; scripts gain nothing by them.
    pub openings: Vec<Opening>,
    /// Certificates of private authorities that registries may have, as PEM text; empty is none.
    pub extra_roots_pem: String,
    /// A version younger than this is not chosen; 0 takes all.
    pub minimum_age_ms: u64,
    /// How much space unpacked packages and bundles may take; what is in use stays.
    pub cache_bytes: u64,
    /// The bundler, instead of the one that is fetched when it is first needed.
    pub esbuild: Option<PathBuf>,
    /// This program, which locks the bundler up ([`super::confined`]); without it the bundler has this process's rights.
    pub confiner: Option<PathBuf>,
}

impl Options {
    /// Everything from this registry, no minimum age, 2 GiB.
    pub fn new(registry: RegistryOptions) -> Self {
        Self {
            registry,
            scoped: BTreeMap::new(),
            hosts: Vec::new(),
            openings: Vec::new(),
            extra_roots_pem: String::new(),
            minimum_age_ms: 0,
            cache_bytes: 2 << 30,
            esbuild: None,
            confiner: None,
        }
    }
}

/// A registry. Its `Debug` does not show the token.
#[derive(Clone, PartialEq, Eq)]
pub struct RegistryOptions {
    pub(super) url: Url,
    pub(super) token: Option<Token>,
}

/// What a registry knows us by. No `Debug`: one of the two is a secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Token {
    /// The token itself.
    Text(String),
    /// The name of a secret of the workspace that holds it; it is read each time, so it can be changed at any time.
    Secret(String),
}

impl fmt::Debug for RegistryOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryOptions").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

impl RegistryOptions {
    /// A registry at an http or https address. A token goes there only, and never without TLS, but to this machine.
    pub fn parse(url: &str, token: Option<Token>) -> Result<Self, String> {
        let mut url = Url::parse(url).map_err(|error| format!("`{url}` is no URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(format!("`{url}` must begin with https:// or http:// and name a host"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err("a registry's URL has no user name, password, query or fragment; give a token instead".into());
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        if token.is_some() && url.scheme() != "https" && !is_loopback(&url) {
            return Err(format!("`{url}` needs https://, for a token would be readable on its way"));
        }
        match &token {
            Some(Token::Text(text)) if !is_token(text) => {
                return Err(format!("the token for {url} is empty or has characters that no header can have"));
            }
            Some(Token::Secret(name)) => check_name(name).map_err(|error| error.to_string())?,
            _ => {}
        }
        Ok(Self { url, token })
    }

    /// Whether a request to `url` may carry the token.
    pub(super) fn trusts(&self, url: &Url) -> bool {
        self.url.origin() == url.origin()
    }
}

/// Whether a header can have it.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_has_an_address_and_perhaps_a_token() {
        let check = |url: &str, token: Option<&str>, expected: Result<&str, &str>| {
            let found = RegistryOptions::parse(url, token.map(|text| Token::Text(text.to_owned())));
            match (found, expected) {
                (Ok(found), Ok(url)) => {
                    assert_eq!(found.url.as_str(), url);
                    assert!(!format!("{found:?}").contains("s3cret"));
                }
                (Err(said), Err(part)) => assert!(said.contains(part) && !said.contains("s3cret"), "{url}: {said}"),
                (found, _) => panic!("{url}: {found:?}"),
            }
        };
        check("https://npm.acme.example", None, Ok("https://npm.acme.example/"));
        check("https://acme.example/api/npm", Some("s3cret"), Ok("https://acme.example/api/npm/"));
        check("http://127.0.0.1:4873", Some("s3cret"), Ok("http://127.0.0.1:4873/"));
        check("http://localhost:4873/", Some("s3cret"), Ok("http://localhost:4873/"));
        check("http://npm.acme.example", Some("s3cret"), Err("needs https"));
        check("https://me:s3cret@acme.example", None, Err("no user name"));
        check("ftp://acme.example", None, Err("https://"));
        check("acme", None, Err("no URL"));
        check("https://acme.example", Some("s3cret\n"), Err("header"));
        check("https://acme.example", Some(""), Err("empty"));
        let named = |name: &str| RegistryOptions::parse("https://acme.example", Some(Token::Secret(name.to_owned())));
        assert!(named("NPM_TOKEN").is_ok() && named("npm token").is_err());
        let bare = RegistryOptions::parse("http://acme.example", Some(Token::Secret("NPM_TOKEN".to_owned())));
        assert!(bare.is_err_and(|said| said.contains("needs https")));
    }
}
