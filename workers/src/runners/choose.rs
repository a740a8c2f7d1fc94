//! Which runner a run gets: a pure function of what each of them does now.

use std::borrow::Borrow;
use std::sync::Arc;

use store::IntegrationId;

/// A runner takes no new runs after this many, so that nothing can pile up in it.
pub(super) const MAX_SERVED: u32 = 500;

/// Whose runs a runner has. It never has another's, not even later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// The workspace.
    pub workspace: Arc<str>,
    /// Set for an integration that is kept apart from the others of its workspace.
    pub integration: Option<IntegrationId>,
}

/// What one runner does now.
#[derive(Clone, Debug)]
pub(super) struct Duty {
    pub owner: Owner,
    /// Runs under way.
    pub active: usize,
    /// Runs in all.
    pub served: u32,
    /// It takes no new runs: it ends with its last one.
    pub retired: bool,
    /// Its one run must have no neighbour.
    pub alone: bool,
}

impl Duty {
    /// Whether it takes runs of this owner.
    fn takes(&self, owner: &Owner) -> bool {
        self.owner == *owner && self.stays() && !self.alone
    }

    /// Whether it goes on when its runs have ended.
    fn stays(&self) -> bool {
        !self.retired && self.served < MAX_SERVED
    }
}

/// What to do for a run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// It joins this one.
    Join(usize),
    /// It gets a new one.
    Fresh {
        /// This idle one makes place for it.
        instead_of: Option<usize>,
    },
}

/// Chooses for a run; `runners` is how many there should be at most, as long as none more is needed.
pub(super) fn choose(duties: &[impl Borrow<Duty>], owner: &Owner, alone: bool, runners: usize) -> Choice {
    let all = || duties.iter().map(Borrow::borrow);
    let usable = || all().enumerate().filter(|(_, duty)| duty.takes(owner));
    let least = usable().min_by_key(|(_, duty)| duty.active);
    let full = usable().count() >= runners.max(1);
    match least {
        Some((at, duty)) if duty.active == 0 || (full && !alone) => Choice::Join(at),
        _ => {
            let idle = || all().position(|duty| duty.active == 0 && !duty.takes(owner));
            Choice::Fresh { instead_of: if staying(duties) >= runners { idle() } else { None } }
        }
    }
}

/// How many are there to stay; the others end with their last run.
pub(super) fn staying(duties: &[impl Borrow<Duty>]) -> usize {
    duties.iter().filter(|duty| (*duty).borrow().stays()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(workspace: &str) -> Owner {
        Owner { workspace: workspace.into(), integration: None }
    }

    fn duty(workspace: &str, active: usize) -> Duty {
        Duty { owner: owner(workspace), active, served: 1, retired: false, alone: false }
    }

    fn check(duties: &[Duty], alone: bool, expected: Choice) {
        assert_eq!(choose(duties, &owner("a"), alone, 2), expected, "{duties:?} {alone}");
    }

    const NEW: Choice = Choice::Fresh { instead_of: None };

    #[test]
    fn an_idle_one_is_first_then_a_new_one_then_the_least_busy() {
        check(&[], false, NEW);
        check(&[duty("a", 1), duty("a", 0)], false, Choice::Join(1));
        check(&[duty("a", 1)], false, NEW);
        check(&[duty("a", 5), duty("a", 3)], false, Choice::Join(1));
    }

    #[test]
    fn workspaces_never_share() {
        check(&[duty("b", 0)], false, NEW);
        check(&[duty("b", 0), duty("b", 3)], false, Choice::Fresh { instead_of: Some(0) });
        check(&[duty("b", 1), duty("b", 3)], false, NEW);
        check(&[duty("b", 1), duty("b", 3), duty("a", 1), duty("a", 2)], false, Choice::Join(2));
        let apart = Owner { integration: Some(IntegrationId::new(schedules::Millis(1))), ..owner("a") };
        assert_eq!(choose(&[duty("a", 0)], &apart, false, 2), NEW);
    }

    #[test]
    fn one_that_must_be_alone_gets_an_idle_or_a_new_one() {
        check(&[duty("a", 1), duty("a", 2)], true, NEW);
        check(&[duty("a", 1), duty("a", 0)], true, Choice::Join(1));
        check(&[duty("a", 1), Duty { alone: true, ..duty("a", 1) }], false, NEW);
    }

    #[test]
    fn what_is_worn_or_retired_takes_no_more() {
        check(&[Duty { retired: true, ..duty("a", 1) }], false, NEW);
        check(&[Duty { served: MAX_SERVED, ..duty("a", 1) }, duty("a", 1)], false, NEW);
        let ending = Duty { retired: true, ..duty("a", 1) };
        check(&[ending.clone(), ending, duty("b", 0)], false, NEW);
    }

    #[test]
    fn what_is_worn_takes_no_place_from_those_that_come_after_it() {
        let worn = Duty { served: MAX_SERVED, ..duty("a", 1) };
        assert_eq!(staying(&[worn.clone(), worn.clone(), duty("a", 0)]), 1, "or each short run would get a process");
        check(&[worn.clone(), worn, duty("b", 0)], false, NEW);
    }
}
