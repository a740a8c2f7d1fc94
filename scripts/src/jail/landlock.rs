//! Landlock: no file, no port, no signal to a process outside, whatever system call is tried.

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreated, RulesetError,
    RulesetStatus, Scope,
};

use super::Landlock;

/// The newest rules that are asked for; an older kernel enforces those it knows.
pub(super) const RULES: ABI = ABI::V6;

/// Denies everything that Landlock knows, as far as the kernel goes.
pub(super) fn enforce() -> Landlock {
    let created = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(RULES))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(RULES)))
        .and_then(|rules| rules.scope(Scope::from_all(RULES)))
        .and_then(Ruleset::create);
    kept(created)
}

/// Enforces `rules`; says how many of them the kernel knows.
pub(super) fn kept(rules: Result<RulesetCreated, RulesetError>) -> Landlock {
    let restricted = rules.and_then(RulesetCreated::restrict_self);
    match restricted.map(|status| status.ruleset) {
        Ok(RulesetStatus::FullyEnforced) => Landlock::Full,
        Ok(RulesetStatus::PartiallyEnforced) => Landlock::Partial,
        Ok(RulesetStatus::NotEnforced) | Err(_) => Landlock::None,
    }
}
