//! A signed request that comes again: how it is known, and what is done with it.

use schedules::Millis;
use store::queue::Idempotency;

/// What the queue's idempotency keys of hooks begin with. Callers' own keys have visible characters only.
const PREFIX: &str = "\u{1}hook";

/// What happens to a signed request that came before and ran, or is about to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replay {
    /// It is refused: 401.
    Refuse,
    /// It does not run; the answer is 200 and says that it is a duplicate.
    Ignore,
    /// It runs again.
    Allow,
}

/// A signed request, as it is known again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// SHA-256 of what was signed.
    pub id: [u8; 32],
    /// Until when it has to be known.
    pub until: Millis,
    /// What happens when it comes again.
    pub replay: Replay,
}

impl Seen {
    /// The key under which the queue takes it once; `delivery` counts those that failed before.
    pub(crate) fn idempotency(&self, delivery: u32) -> Idempotency {
        let id: String = self.id.iter().map(|byte| format!("{byte:02x}")).collect();
        Idempotency { key: format!("{PREFIX} {id} {delivery}"), fingerprint: self.id, until: self.until }
    }
}
