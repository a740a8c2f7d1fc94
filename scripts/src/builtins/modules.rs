//! Node's builtin modules: which source answers for each name. The bundler leaves these names to the runtime.

/// What `require` of a builtin gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// A module, or a part of one.
    Module {
        /// The prelude's source.
        source: &'static str,
        /// The property of it; empty for the whole.
        part: &'static str,
    },
    /// A module whose functions only say why it cannot be had.
    Refused {
        /// The rest of the sentence "NAME is not supported: …".
        why: &'static str,
    },
}

use Builtin::Refused;

const fn module(source: &'static str) -> Builtin {
    Builtin::Module { source, part: "" }
}

const fn part(source: &'static str, part: &'static str) -> Builtin {
    Builtin::Module { source, part }
}

const PROCESSES: Builtin = Refused { why: "an integration runs in a jail and cannot start or steer processes" };
const SOCKETS: Builtin = Refused { why: "raw sockets are not available: every request goes through the HTTP gateway" };
const TERMINAL: Builtin = Refused { why: "an integration has no terminal" };
const ENGINE: Builtin = Refused { why: "it belongs to the V8 engine, and integrations run on QuickJS" };
const OTHER: Builtin = Refused { why: "integrations have no use for it" };

/// What files of tests are written with; `require` in `js/core.js` serves it to them alone.
pub(crate) const TESTING: &str = "tidegate:test";

/// All names, without `node:`.
pub(crate) const BUILTINS: &[(&str, Builtin)] = &[
    ("assert", module("node/assert")),
    ("assert/strict", part("node/assert", "strict")),
    ("async_hooks", module("node/async_hooks")),
    ("buffer", module("node/buffer")),
    ("child_process", PROCESSES),
    ("cluster", PROCESSES),
    ("console", module("node/console")),
    ("constants", module("node/constants")),
    ("crypto", module("node/crypto")),
    ("dgram", SOCKETS),
    ("diagnostics_channel", module("node/diagnostics_channel")),
    ("dns", module("node/dns")),
    ("dns/promises", part("node/dns", "promises")),
    ("domain", OTHER),
    ("events", module("node/events")),
    ("fs", module("node/fs")),
    ("fs/promises", part("node/fs", "promises")),
    ("http", module("node/http")),
    ("http2", SOCKETS),
    ("https", module("node/https")),
    ("inspector", ENGINE),
    ("inspector/promises", ENGINE),
    ("module", module("node/module")),
    ("net", module("node/net")),
    ("os", module("node/os")),
    ("path", module("node/path")),
    ("path/posix", part("node/path", "posix")),
    ("path/win32", part("node/path", "win32")),
    ("perf_hooks", module("node/perf_hooks")),
    ("process", module("node/process")),
    ("punycode", module("npm/punycode")),
    ("querystring", module("node/querystring")),
    ("readline", TERMINAL),
    ("readline/promises", TERMINAL),
    ("repl", TERMINAL),
    ("sea", OTHER),
    (
        "sqlite",
        Refused { why: "an integration has no files; use the handler's cache, or a database with an HTTP interface" },
    ),
    ("stream", module("node/stream")),
    ("stream/consumers", module("node/consumers")),
    ("stream/promises", part("node/stream", "promises")),
    ("stream/web", module("web/streams")),
    ("string_decoder", module("npm/string_decoder")),
    ("sys", module("node/util")),
    ("test", Refused { why: "tests of integrations run with `tidegate test`" }),
    ("timers", module("node/timers")),
    ("timers/promises", part("node/timers", "promises")),
    ("tls", module("node/tls")),
    ("trace_events", ENGINE),
    ("tty", module("node/tty")),
    ("undici", module("node/undici")),
    ("url", module("node/url")),
    ("util", module("node/util")),
    ("util/types", part("node/util", "types")),
    ("v8", module("node/v8")),
    ("vm", Refused { why: "code that is made at run time cannot be isolated further" }),
    ("wasi", ENGINE),
    ("worker_threads", module("node/worker_threads")),
    ("xhr2", part("web/xhr", "XMLHttpRequest")),
    ("xmlhttprequest", module("web/xhr")),
    ("zlib", module("node/zlib")),
];

/// What answers for a name, with or without `node:`; `None` is no builtin.
///
/// `undici`, `xhr2` and `xmlhttprequest` count as such, because these packages open sockets or start processes: they are
/// served on the gateway instead.
#[must_use]
pub fn node_builtin(name: &str) -> Option<Builtin> {
    let name = name.strip_prefix("node:").unwrap_or(name);
    let name = name.strip_suffix('/').unwrap_or(name);
    BUILTINS.iter().find(|(known, _)| *known == name).map(|(_, builtin)| *builtin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_with_and_without_their_scheme() {
        let check = |name: &str, expected: bool| assert_eq!(node_builtin(name).is_some(), expected, "{name}");
        check("fs", true);
        check("node:fs/promises", true);
        check("punycode/", true);
        check("lodash", false);
        check("node:lodash", false);
        check("", false);
    }

    #[test]
    fn names_stand_in_order_and_once() {
        assert!(BUILTINS.is_sorted_by(|(one, _), (other, _)| one < other));
    }
}
