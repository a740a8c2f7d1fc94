//! Sentinels promote the replica of a primary that dies, or that an operator has enough of.

use store::servers::{Sentinels, Server};

fn server(all: &Sentinels, port: u16) -> &Server {
    all.servers().iter().find(|server| server.port() == port).expect("it is one of the servers")
}

#[tokio::test]
async fn a_dead_primary_is_replaced() {
    let mut all = Sentinels::start().await;
    let before = all.primary_port().await;
    server(&all, before).ask::<()>(&["SET", "key", "value"]).await;
    server(&all, before).replicated().await;
    let dead = all.kill_primary().await;
    let after = all.primary_port().await;
    assert_ne!(before, after);
    assert_eq!(server(&all, after).ask::<String>(&["GET", "key"]).await, "value");
    all.server_mut(dead).restart().await;
    assert_eq!(all.primary_port().await, after);
}

#[tokio::test]
async fn a_failover_can_be_asked_for() {
    let all = Sentinels::start().await;
    let before = all.primary_port().await;
    let after = all.failover().await;
    assert_ne!(before, after);
    server(&all, after).ask::<()>(&["SET", "key", "value"]).await;
}
