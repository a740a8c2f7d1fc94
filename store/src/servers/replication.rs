//! What a server says of its replicas, and of its primary.

use super::admin::field;
use super::patience::Patience;
use super::redis::Server;

impl Server {
    /// Waits until its replicas, at least one, have all that was written so far. They say what they have once a second.
    pub async fn replicated(&self) {
        let patience = Patience::with("replicas to have everything");
        let written = offset(&self.replication().await).expect("a server says how much was written");
        while !have_replicas(&self.replication().await, written) {
            patience.wait().await;
        }
    }

    /// Whether it takes itself for a primary.
    pub(super) async fn is_primary(&self) -> bool {
        field(&self.replication().await, "role") == Some("master")
    }

    /// Whether it is a replica in touch with its primary.
    pub(super) async fn is_linked(&self) -> bool {
        field(&self.replication().await, "master_link_status") == Some("up")
    }

    async fn replication(&self) -> String {
        self.try_ask(&["INFO", "replication"]).await.unwrap_or_default()
    }
}

fn offset(replication: &str) -> Option<u64> {
    field(replication, "master_repl_offset")?.parse().ok()
}

/// Whether all replicas, at least one, have so many bytes of what was written.
fn have_replicas(replication: &str, written: u64) -> bool {
    let mut lines = replication.lines().filter(|line| line.starts_with("slave") && line.contains("state=")).peekable();
    lines.peek().is_some() && lines.all(|line| acknowledged(line).is_some_and(|bytes| bytes >= written))
}

/// From `slave0:ip=127.0.0.1,port=7001,state=online,offset=42,lag=0`.
fn acknowledged(line: &str) -> Option<u64> {
    line.split(',').find_map(|part| part.strip_prefix("offset="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_replicas_count() {
        let check = |text: &str, expected: bool| assert_eq!(have_replicas(text, 42), expected, "{text}");
        check("role:master\r\nconnected_slaves:0\r\n", false);
        check("slave0:ip=127.0.0.1,port=7001,state=online,offset=42,lag=0\r\n", true);
        check("slave0:ip=127.0.0.1,port=7001,state=online,offset=41,lag=0\r\n", false);
        check(
            "slave0:ip=a,port=1,state=online,offset=50,lag=0\r\nslave1:ip=a,port=2,state=wait_bgsave,offset=0,lag=0",
            false,
        );
    }
}
