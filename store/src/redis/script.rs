//! The scripts: a file per transition, with the includes it names; and how one is called so that it does not matter
//! whether the server knows it.
//!
//! To run an include is to make its functions, and each costs what a command does. So scripts do first what needs few of
//! them, and go on to the other includes when they must.

use std::sync::LazyLock;

/// A script as it is sent, and the hash that names it.
pub(super) struct Script {
    pub(super) name: &'static str,
    pub(super) source: String,
    pub(super) sha: String,
}

const INCLUDES: &[(&str, &str)] = &[
    ("base", include_str!("lua/include/base.lua")),
    ("turns", include_str!("lua/include/turns.lua")),
    ("together", include_str!("lua/include/together.lua")),
    ("blob", include_str!("lua/include/blob.lua")),
    ("job", include_str!("lua/include/job.lua")),
    ("lanes", include_str!("lua/include/lanes.lua")),
    ("pending", include_str!("lua/include/pending.lua")),
    ("insert", include_str!("lua/include/insert.lua")),
    ("rate", include_str!("lua/include/rate.lua")),
    ("shared", include_str!("lua/include/shared.lua")),
    ("limits", include_str!("lua/include/limits.lua")),
    ("kept", include_str!("lua/include/kept.lua")),
];

impl Script {
    /// Puts a script together: its first line, the includes, the rest; comments stay behind.
    pub(super) fn new(name: &'static str, file: &str) -> Self {
        let (first, rest) = file.split_once('\n').unwrap_or((file, ""));
        let mut source = format!("{first}\n");
        for line in rest.lines() {
            match line.trim_start().strip_prefix("--@include ") {
                Some(names) => names.split_whitespace().for_each(|name| add(&mut source, include(name))),
                None => add(&mut source, line),
            }
        }
        let sha = redis::Script::new(&source).get_hash().to_owned();
        Self { name, source, sha }
    }
}

fn include(name: &str) -> &'static str {
    INCLUDES.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
}

fn add(source: &mut String, text: &str) {
    for line in text.lines().filter(|line| !line.trim_start().starts_with("--")) {
        source.push_str(line.trim_start());
        source.push('\n');
    }
}

macro_rules! scripts {
    ($($name:ident),* $(,)?) => {
        $(pub(in crate::redis) static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(stringify!($name), include_str!(concat!("lua/", stringify!($name), ".lua")))
        });)*
    };
}

#[expect(non_upper_case_globals, reason = "each is named as its file and its verb")]
mod all {
    use super::*;

    scripts! {
        enqueue, claim, settle, extend, rescue, cancel, reschedule, fire, control, replay, discard, purge, prune,
        adjust, purge_limiter, grant, credit, levels, standing, views, sets, scan, counts, survey, export, import, time, cache_get, cache_set, cache_delete,
    }
}
pub(super) use all::*;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_says_what_it_is_for_and_names_includes_that_exist() {
        for script in [
            &enqueue,
            &claim,
            &settle,
            &extend,
            &rescue,
            &cancel,
            &reschedule,
            &fire,
            &control,
            &replay,
            &discard,
            &purge,
            &prune,
            &adjust,
            &purge_limiter,
            &grant,
            &credit,
            &levels,
            &standing,
            &views,
            &sets,
            &scan,
            &counts,
            &survey,
            &export,
            &import,
            &time,
            &cache_get,
            &cache_set,
            &cache_delete,
        ] {
            assert!(script.source.starts_with("#!lua"), "{}", script.name);
            assert!(!script.source.contains("--@include"), "{}", script.name);
            assert_eq!(script.sha.len(), 40);
        }
    }
}
