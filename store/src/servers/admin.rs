//! Commands to a server from outside of what is tested: set up, look, disturb.

use std::fs;
use std::path::Path;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisResult};

use super::patience::Patience;
use super::process::Process;

/// A server that is busy or paused may take this long; the driver's own half second would fail such a test.
const LIMIT: Duration = Duration::from_secs(10);

/// A connection to the server on `port`.
pub async fn connect(port: u16) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(LIMIT)).set_response_timeout(Some(LIMIT));
    Client::open(url(port))?.get_multiplexed_async_connection_with_config(&config).await
}

/// How clients name the server on `port`.
pub fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}/")
}

/// Asks the server on `port`, on a connection of its own.
pub async fn ask<T: FromRedisValue>(port: u16, words: &[&str]) -> RedisResult<T> {
    let mut connection = connect(port).await?;
    let mut command = Cmd::new();
    command.arg(words);
    command.query_async(&mut connection).await
}

/// The value of `name` in what INFO and CLUSTER INFO say.
pub fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// Waits until the process answers on `port`; if it ends instead, gives what it wrote to `log`.
pub async fn ready(port: u16, process: &mut Process, log: &Path) -> Result<(), String> {
    let patience = Patience::with("a server to answer");
    while ask::<String>(port, &["PING"]).await.is_err() {
        if process.has_ended() {
            return Err(fs::read_to_string(log).unwrap_or_default());
        }
        patience.wait().await;
    }
    Ok(())
}
