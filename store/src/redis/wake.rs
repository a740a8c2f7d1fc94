//! Who waits for what: a listener of its own connection counts what the scripts publish. A message may get lost, so
//! nobody waits longer than a second without looking.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::{Notify, watch};

use super::link::Link;
use crate::JobId;

const PAUSE: Duration = Duration::from_millis(500);

/// What was heard so far.
pub(super) struct Wake {
    changes: watch::Sender<u64>,
    /// By partition.
    changes_in: Vec<AtomicU64>,
    channels: Vec<String>,
    ends: Mutex<HashMap<JobId, Weak<Notify>>>,
}

impl Wake {
    /// Starts to listen, and waits a moment until it does; ends when the answer is dropped.
    pub(super) async fn start(link: Arc<Link>, tags: &[String]) -> Arc<Self> {
        let wake = Arc::new(Self {
            changes: watch::Sender::new(0),
            changes_in: tags.iter().map(|_| AtomicU64::new(0)).collect(),
            channels: tags.iter().map(|tag| format!("{tag}:wake")).collect(),
            ends: Mutex::default(),
        });
        let ends = tags.iter().map(|tag| format!("{tag}:end"));
        let channels = wake.channels.iter().cloned().chain(ends).collect();
        tokio::spawn(listen(link, channels, Arc::downgrade(&wake)));
        wake.changed_since(0, PAUSE).await;
        wake
    }

    /// How many changes were heard of.
    pub(super) fn changes(&self) -> u64 {
        *self.changes.borrow()
    }

    /// How many changes were heard of in a partition.
    pub(super) fn changes_in(&self, partition: usize) -> u64 {
        self.changes_in.get(partition).map_or(0, |changes| changes.load(Ordering::SeqCst))
    }

    /// Waits until more than `seen` changes were heard of, at most as long as said.
    pub(super) async fn changed_since(&self, seen: u64, at_most: Duration) {
        let mut changes = self.changes.subscribe();
        let changed = changes.wait_for(|known| *known != seen);
        drop(tokio::time::timeout(at_most, changed).await);
    }

    /// Waits until a job was heard to have ended, at most as long as said.
    pub(super) async fn ended(&self, job: JobId, at_most: Duration) {
        let notify = {
            let mut ends = self.ends();
            ends.retain(|_, waiting| waiting.strong_count() > 0);
            let known = ends.get(&job).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let notify = Arc::new(Notify::new());
                ends.insert(job, Arc::downgrade(&notify));
                notify
            })
        };
        drop(tokio::time::timeout(at_most, notify.notified()).await);
    }

    fn ends(&self) -> std::sync::MutexGuard<'_, HashMap<JobId, Weak<Notify>>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self, channel: &str, message: &[u8]) {
        if let Some(partition) = self.channels.iter().position(|known| known == channel) {
            self.changes_in[partition].fetch_add(1, Ordering::SeqCst);
            self.changes.send_modify(|changes| *changes += 1);
        } else if let Ok(id) = message.try_into()
            && let Some(waiting) = self.ends().get(&JobId::from_bytes(id)).and_then(Weak::upgrade)
        {
            waiting.notify_waiters();
        }
    }
}

async fn listen(link: Arc<Link>, channels: Vec<String>, wake: Weak<Wake>) {
    let gone = || wake.strong_count() == 0;
    while !gone() {
        match link.listen(&channels).await {
            Ok(listening) => {
                let mut messages = listening.into_on_message();
                // What was published before is not heard: everybody looks once.
                if let Some(wake) = wake.upgrade() {
                    wake.changes.send_modify(|changes| *changes += 1);
                }
                loop {
                    let next = tokio::time::timeout(Duration::from_secs(1), messages.next()).await;
                    let Some(wake) = wake.upgrade() else { return };
                    match next {
                        Ok(Some(message)) => wake.heard(message.get_channel_name(), message.get_payload_bytes()),
                        Ok(None) => break,
                        Err(_) => {}
                    }
                }
            }
            Err(error) => tracing::debug!(%error, "listening to Redis failed; trying again"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
