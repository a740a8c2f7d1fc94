//! What the sums of both sides say of a copy.

use schedules::Millis;

use super::{Sum, Tally};

/// How the two sides differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Not at all.
    Same,
    /// The source is not what it was when it was copied.
    SourceChanged,
    /// The target has fewer records: it has lost some, or some were not copied.
    Missing(u64),
    /// The target has more records: it was used meanwhile, or held something before.
    Surplus(u64),
    /// As many records, but not the same ones.
    Different,
}

/// Compares what is left of both sides after `moment`, and of the source what it was when it was copied.
pub fn compare(copied: Sum, source: &Tally, target: &Tally, moment: Millis) -> Comparison {
    if copied != source.lasting() {
        return Comparison::SourceChanged;
    }
    let (wanted, found) = (source.at(moment), target.at(moment));
    if wanted == found {
        return Comparison::Same;
    }
    match (wanted.records.checked_sub(found.records), found.records.checked_sub(wanted.records)) {
        (Some(missing), None) => Comparison::Missing(missing),
        (None, Some(surplus)) => Comparison::Surplus(surplus),
        _ => Comparison::Different,
    }
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;
    use crate::IntegrationId;
    use crate::queue::{Cursor, Record};
    use schedules::rate::{State, gcra::Tat};

    fn tally(cursors: &[i64], buckets: &[i64]) -> Tally {
        let integration = IntegrationId(Ulid::from_parts(1, 1));
        let mut tally = Tally::default();
        for nominal in cursors {
            let cursor = Cursor::at(Millis(*nominal));
            tally.add(&Record::Cursor { schedule: integration.into(), cursor }).expect("it can be encoded");
        }
        for ms in buckets {
            let state = State::LeakyBucket(Some(Tat { ms: *ms, part: 0 }));
            let record = Record::Bucket { integration, name: "l0{}".into(), state, until: Millis(*ms) };
            tally.add(&record).expect("it can be encoded");
        }
        tally
    }

    #[test]
    fn sums_are_compared() {
        let check = |source: &Tally, target: &Tally, expected| {
            assert_eq!(compare(source.lasting(), source, target, Millis(10)), expected);
        };
        check(&tally(&[1, 2, 3], &[]), &tally(&[3, 1, 2], &[]), Comparison::Same);
        check(&tally(&[1, 2, 3], &[]), &tally(&[3, 1], &[]), Comparison::Missing(1));
        check(&tally(&[1, 2], &[]), &tally(&[3, 1, 2, 4], &[]), Comparison::Surplus(2));
        check(&tally(&[1, 2], &[]), &tally(&[1, 3], &[]), Comparison::Different);
        check(&tally(&[], &[5, 20]), &tally(&[], &[20]), Comparison::Same);
        check(&tally(&[], &[20, 20]), &tally(&[], &[20]), Comparison::Same);
        check(&tally(&[], &[5, 20]), &tally(&[], &[5]), Comparison::Missing(1));
        let changed = compare(tally(&[1], &[]).lasting(), &tally(&[2], &[]), &tally(&[2], &[]), Millis(10));
        assert_eq!(changed, Comparison::SourceChanged);
    }
}
