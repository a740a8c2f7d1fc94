//! What two simulations have not in common.

use std::collections::BTreeMap;

use schedules::Millis;

use super::{Name, Plan, Row};

/// Something that happens in one of two simulations only.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The integration.
    pub integration: String,
    /// Whether it happens in the second one.
    pub added: bool,
    /// What happens.
    pub row: Row,
}

/// Compares two simulations; rows that differ only in the places of integrations or limits are equal. Ordered by time.
pub fn compare(before: (&Plan, &[Row]), after: (&Plan, &[Row])) -> Vec<Difference> {
    let (old, new) = (counted(before), counted(after));
    let mut found = Vec::new();
    for (has, lacks, added) in [(&old, &new, false), (&new, &old, true)] {
        for (key, rows) in has {
            let common = lacks.get(key).map_or(0, Vec::len);
            found.extend(rows.iter().skip(common).map(|row| Difference {
                integration: key.1.to_owned(),
                added,
                row: (*row).clone(),
            }));
        }
    }
    found.sort_by(|one, other| {
        (one.row.at, &one.integration, one.added).cmp(&(other.row.at, &other.integration, other.added))
    });
    found
}

type Key<'a> = (Millis, &'a str, &'a Name, &'static str, Option<Millis>);

fn counted<'a>((plan, rows): (&'a Plan, &'a [Row])) -> BTreeMap<Key<'a>, Vec<&'a Row>> {
    let mut counted: BTreeMap<Key<'a>, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        let name = plan.subjects.get(row.subject).map_or("", |subject| &subject.name);
        counted.entry((row.at, name, &row.job, row.what.name(), row.what.until())).or_default().push(row);
    }
    counted
}
