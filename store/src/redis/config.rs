//! Where Redis is, read from a URL: one server, a primary that sentinels watch, or a cluster.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

/// Where Redis is.
#[derive(Clone)]
pub struct Config {
    pub(super) place: Place,
    shown: String,
}

#[derive(Clone)]
pub(super) enum Place {
    /// `redis://user:password@host:6379/0`; `rediss` for TLS.
    Server(ConnectionInfo),
    /// `redis+sentinel://user:password@host1:26379,host2:26379/service?db=0`; the user and the password are the server's.
    Sentinel { sentinels: Vec<ConnectionInfo>, service: String, server: ConnectionInfo },
    /// `redis+cluster://user:password@host1:6379,host2:6379`; `rediss+cluster` for TLS.
    Cluster(Vec<ConnectionInfo>),
}

impl Config {
    /// Reads a URL. Errors say what is wrong, without repeating a password.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) =
            url.split_once("://").ok_or("a Redis URL begins with redis://, such as redis://127.0.0.1:6379/0")?;
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((credentials, rest)) => (format!("{credentials}@"), rest),
            None => (String::new(), rest),
        };
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let place = match scheme {
            "redis" | "rediss" | "valkey" | "valkeys" if hosts.contains(',') => {
                return Err(format!(
                    "{scheme}:// names one server; write redis+cluster:// or redis+sentinel:// for several"
                ));
            }
            "redis" | "rediss" | "valkey" | "valkeys" => {
                Place::Server(one(&format!("{scheme}://{credentials}{rest}"))?)
            }
            "redis+cluster" | "rediss+cluster" => {
                let scheme = scheme.trim_end_matches("+cluster");
                Place::Cluster(each(hosts, |host| format!("{scheme}://{credentials}{host}"))?)
            }
            "redis+sentinel" => {
                let (service, query) = path.split_once('?').unwrap_or((path, ""));
                if service.is_empty() {
                    return Err("names no service: write redis+sentinel://host1,host2/mymaster".into());
                }
                let database = query.split('&').find_map(|part| part.strip_prefix("db=")).unwrap_or("0");
                Place::Sentinel {
                    sentinels: each(&with_port(hosts, 26_379), |host| format!("redis://{host}"))?,
                    service: service.to_owned(),
                    server: one(&format!("redis://{credentials}localhost/{database}"))?,
                }
            }
            other => {
                return Err(format!(
                    "{other:?} is no kind of Redis: use redis, rediss, redis+sentinel or redis+cluster"
                ));
            }
        };
        Ok(Self { place, shown: format!("{scheme}://{rest}") })
    }

    /// The URL without user and password.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The hosts and ports that it names.
    pub fn servers(&self) -> Vec<(String, u16)> {
        let named: Vec<&ConnectionInfo> = match &self.place {
            Place::Server(server) => vec![server],
            Place::Sentinel { sentinels, .. } => sentinels.iter().collect(),
            Place::Cluster(nodes) => nodes.iter().collect(),
        };
        let server = |info: &ConnectionInfo| match info.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => Some((host.clone(), *port)),
            _ => None,
        };
        named.into_iter().filter_map(server).collect()
    }

    /// Whether it is a cluster.
    pub fn is_cluster(&self) -> bool {
        matches!(self.place, Place::Cluster(_))
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Config").field(&self.shown).finish()
    }
}

fn with_port(hosts: &str, port: u16) -> String {
    let each = hosts.split(',').map(|host| if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") });
    each.collect::<Vec<_>>().join(",")
}

fn each(hosts: &str, url: impl Fn(&str) -> String) -> Result<Vec<ConnectionInfo>, String> {
    hosts.split(',').filter(|host| !host.is_empty()).map(|host| one(&url(host))).collect()
}

fn one(url: &str) -> Result<ConnectionInfo, String> {
    url.into_connection_info().map_err(|error| match error.detail() {
        Some(detail) => format!("cannot be read: {detail}"),
        None => "cannot be read: write redis://host:port/database".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_shown_without_their_password() {
        let check = |url: &str, shown: &str| {
            assert_eq!(Config::parse(url).map(|config| config.shown().to_owned()), Ok(shown.to_owned()));
        };
        check("redis://127.0.0.1:6379/3", "redis://127.0.0.1:6379/3");
        check("redis://me:p@ss@h:1", "redis://h:1");
        check("rediss://:secret@h", "rediss://h");
        check("redis+cluster://u:p@a:1,b:2", "redis+cluster://a:1,b:2");
        check("redis+sentinel://:p@a,b:2/main?db=1", "redis+sentinel://a,b:2/main?db=1");
    }

    #[test]
    fn mistakes_are_named() {
        let check = |url: &str, part: &str| {
            let error = Config::parse(url).expect_err(url);
            assert!(error.contains(part) && !error.contains("secret"), "{url}: {error}");
        };
        check("localhost:6379", "begins with redis://");
        check("postgres://u:secret@h", "no kind of Redis");
        check("redis://a,b", "redis+cluster");
        check("redis+sentinel://a,b", "names no service");
        check("redis://u:secret@h:port", "cannot be read");
    }
}
