//! The pace of the crew: how long its members wait between two things. No test waits for a result in this way.

use std::time::Duration;

/// Does nothing for a while.
pub async fn pause(time: Duration) {
    tokio::time::interval_at(tokio::time::Instant::now() + time, Duration::from_secs(1)).tick().await;
}
