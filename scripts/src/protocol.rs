//! What the engine and a runner say to each other over their one socket: length-prefixed MessagePack frames.
//!
//! A frame is a `u32` length (little-endian) and that many bytes. JSON values travel as text, bodies as bytes. The
//! engine trusts no frame: a runner may have been taken over by its script.

mod fetch;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use fetch::{Fetch, Redirect};

/// The most bytes of one frame, either way.
pub const MAX_FRAME_BYTES: usize = 32 << 20;

/// From the engine to the runner.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ToRunner {
    /// Compile this code, or evaluate its top level; answered by [`FromRunner::Checked`].
    Check(Check),
    /// Keep this bundle for the runs to come; not answered.
    Load(Box<Load>),
    /// Keep the bundle of this number no longer. Runs that have begun are not concerned.
    Forget(u32),
    /// Run this handler; answered by logs, calls and one [`FromRunner::Finished`]. Several may be under way.
    Run(Box<Run>),
    /// End the run of this id; answered by its [`FromRunner::Finished`], with the code `cancelled` if it was in time.
    Cancel(u64),
    /// The answer to a [`FromRunner::Call`].
    Reply(Reply),
}

/// From the runner to the engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum FromRunner {
    /// The runner is up and waits.
    Ready,
    /// The answer to [`ToRunner::Check`].
    Checked {
        /// The request's id.
        id: u64,
        /// The compiled code, or what is wrong with the files.
        result: Result<Bundle, ScriptError>,
    },
    /// A line of the run's log.
    Log {
        /// The run's request id.
        id: u64,
        /// The line.
        line: Line,
    },
    /// The script wants something from outside.
    Call(Call),
    /// The run is over.
    Finished {
        /// The run's request id.
        id: u64,
        /// The handler's result as JSON text, or what went wrong.
        result: Result<String, ScriptError>,
        /// What the run used.
        usage: Usage,
    },
}

/// Code to check.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Check {
    /// Chosen by the engine, unique per runner.
    pub id: u64,
    /// The code.
    pub code: Code,
    /// The limits for evaluating the module's top level.
    pub limits: Limits,
}

/// What a draft's code is before it is checked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Code {
    /// Files to compile: file name to text.
    Files(BTreeMap<String, String>),
    /// A bundle made by the engine; only its top level is evaluated.
    Bundle(Box<Bundle>),
    /// A file of tests to compile; it is not evaluated.
    Test {
        /// The file's name, such as `integration.test.js`.
        name: String,
        /// Its text.
        text: String,
    },
}

/// How a bundle's code is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `module.exports = handler`.
    CommonJs,
    /// `export default handler`.
    Module,
}

/// Code as it runs, made from the files by the compiler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// The file that exports the handler, for stacks and frames.
    pub entry: String,
    /// How it is evaluated.
    pub format: Format,
    /// The JavaScript.
    pub code: String,
    /// The source map (JSON), when `code` is not what the user wrote. Its sources are named as the user knows them:
    /// the entry, other files of the draft, and `node_modules/…`.
    pub map: Option<String>,
    /// What the user wrote into the entry, when `code` is not that.
    pub source: Option<String>,
    /// SHA-256 of format and code, in hex: the key of compiled-code caches.
    pub hash: String,
}

/// A bundle to keep.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Load {
    /// Chosen by the engine, unique per runner.
    pub number: u32,
    /// The bundle.
    pub bundle: Bundle,
}

/// A run of a handler.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// Chosen by the engine, unique per runner.
    pub id: u64,
    /// What to run: the number of a bundle that was loaded before.
    pub bundle: u32,
    /// The handler's argument.
    pub input: Input,
    /// The limits.
    pub limits: Limits,
}

/// The handler's argument; every text is JSON.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Input {
    /// `payload`.
    pub payload: String,
    /// `secrets`: name to plain value (the one part that is not JSON).
    pub secrets: BTreeMap<String, String>,
    /// `key`; absent is `null`.
    pub key: Option<String>,
    /// `event`; absent is `undefined`.
    pub event: Option<String>,
    /// `request`; absent is `undefined`.
    pub request: Option<String>,
    /// `run`: `{ id, attempt, scheduledAt, release, deadline }`.
    pub run: String,
    /// What runs instead of the handler, which is then what it tests.
    pub test: Option<Box<Test>>,
}

/// A file of tests beside the integration, with `tidegate:test` in its reach.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Test {
    /// The file; it exports nothing.
    pub bundle: Bundle,
    /// The one test to run; without it the result is the list of their names.
    pub name: Option<String>,
    /// The integration's own wall-clock time.
    pub timeout_ms: u32,
}

/// What one run may use; hitting one ends it with its own error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Wall-clock time, while computing and while waiting.
    pub timeout_ms: u32,
    /// Memory: the JavaScript heap, and what the host keeps for the script.
    pub memory_bytes: u64,
    /// The JavaScript stack.
    pub stack_bytes: u32,
    /// Lines of log; then one truncation marker.
    pub log_lines: u32,
    /// Bytes of log; then one truncation marker.
    pub log_bytes: u32,
    /// Bytes of the result as JSON.
    pub result_bytes: u32,
    /// Calls to the host at one time.
    pub calls_at_once: u32,
}

impl Default for Limits {
    /// 10 s, 64 MiB of heap, 512 KiB of stack, 1,000 lines or 256 KiB of log, 1 MiB of result, 50 calls at once.
    fn default() -> Self {
        Self {
            timeout_ms: 10_000,
            memory_bytes: 64 << 20,
            stack_bytes: 512 << 10,
            log_lines: 1_000,
            log_bytes: 256 << 10,
            result_bytes: 1 << 20,
            calls_at_once: 50,
        }
    }
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// `console.debug`.
    Debug,
    /// `console.log`, `console.info`.
    Info,
    /// `console.warn`.
    Warn,
    /// `console.error`.
    Error,
}

/// A captured console call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Milliseconds since the run started.
    pub at_ms: u32,
    /// Its level.
    pub level: Level,
    /// The arguments, printed as Node prints them.
    pub message: String,
}

/// What a script asks of the host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call {
    /// The run's request id.
    pub id: u64,
    /// Unique within the run.
    pub call: u32,
    /// What is asked: `fetch`, `cache.get`, `cache.set`, `cache.abandon`, `cache.delete`, `integration.execute`,
    /// `integration.schedule`, `integration.cancel`, `integration.reschedule`.
    pub op: String,
    /// The arguments, as JSON text.
    pub args: String,
    /// A request body.
    #[serde(with = "serde_bytes")]
    pub body: Option<Vec<u8>>,
}

/// The answer to a [`Call`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reply {
    /// The run's request id.
    pub id: u64,
    /// The call's id.
    pub call: u32,
    /// What the host answers.
    pub result: Result<Answer, HostError>,
}

/// A successful answer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Answer {
    /// JSON text.
    pub value: String,
    /// A response body.
    #[serde(with = "serde_bytes")]
    pub body: Option<Vec<u8>>,
}

/// A refusal; the script sees an `Error` with these as properties.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostError {
    /// A stable code, such as `egress_denied`.
    pub code: String,
    /// A sentence for the author of the script.
    pub message: String,
    /// The pause before another try makes sense, if the other side named one.
    pub retry_after_ms: Option<u64>,
}

/// What is wrong with a script, or what its run died of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScriptError {
    /// A stable code: `exception`, `timeout`, `memory_limit`, `stack_overflow`, `never_settles`, `invalid_response`,
    /// `response_too_large`, `syntax_error`, `no_entry`, `no_handler`, `invalid_package_json`, `module_not_found`,
    /// `unsupported_builtin`, `code_too_large`, `runner_crashed`, `cancelled`; and those of packages, such as
    /// `package_not_found`.
    pub code: String,
    /// The JavaScript error's name, such as `TypeError`.
    pub name: String,
    /// Its message.
    pub message: String,
    /// Its stack, in the lines and columns the user wrote.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stack: Option<String>,
    /// Where in the user's files.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at: Option<Place>,
    /// `err.retryable === false`.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub permanent: bool,
    /// `err.retryAfter`, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after_ms: Option<u64>,
}

/// A place in a file, for a code frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file's name.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// The lines around it, with a marker under the place; plain text.
    pub frame: String,
}

/// What a run used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Time of its thread on the CPU.
    pub cpu_ms: u32,
    /// The memory it held at its end, in bytes: the heap, and what the host kept for it.
    pub heap_bytes: u64,
    /// Calls to the host.
    pub calls: u32,
}
