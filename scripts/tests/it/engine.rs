//! A fake engine: starts `runner::serve` on a socket pair, sends requests, answers calls from a closure.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};

use scripts::frame::{self, Decoder};
use scripts::protocol::{
    Answer, Bundle, Call, Check, Code, FromRunner, HostError, Input, Limits, Line, Load, Reply, Run, ScriptError,
    ToRunner, Usage,
};

/// What became of a run.
#[derive(Debug)]
pub struct Ran {
    pub result: Result<String, ScriptError>,
    pub lines: Vec<Line>,
    pub calls: Vec<Call>,
    pub usage: Usage,
}

impl Ran {
    /// The error's code, or the result.
    pub fn code(&self) -> &str {
        match &self.result {
            Ok(result) => result,
            Err(error) => &error.code,
        }
    }

    pub fn error(&self) -> &ScriptError {
        self.result.as_ref().expect_err("the run fails")
    }

    pub fn ok(&self) -> &str {
        self.result.as_ref().expect("the run succeeds")
    }

    pub fn messages(&self) -> Vec<&str> {
        self.lines.iter().map(|line| line.message.as_str()).collect()
    }
}

/// The engine's end of a runner.
pub struct Engine {
    stream: UnixStream,
    decoder: Decoder,
    thread: Option<JoinHandle<std::io::Result<()>>>,
    ids: u64,
}

impl Engine {
    pub fn start() -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let thread = thread::spawn(move || scripts::runner::serve(theirs));
        let mut engine = Self { stream: ours, decoder: Decoder::new(), thread: Some(thread), ids: 0 };
        assert!(matches!(engine.receive(), FromRunner::Ready));
        engine
    }

    pub fn send(&mut self, message: &ToRunner) {
        frame::write(&mut self.stream, message).unwrap();
    }

    pub fn receive(&mut self) -> FromRunner {
        let mut chunk = vec![0; 65_536];
        loop {
            if let Some(message) = self.decoder.take().unwrap() {
                return message;
            }
            let length = self.stream.read(&mut chunk).unwrap();
            assert!(length > 0, "the runner closed the socket");
            self.decoder.push(&chunk[..length]);
        }
    }

    pub fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    /// Has the runner keep a bundle; gives its number.
    pub fn load(&mut self, bundle: Bundle) -> u32 {
        let number = u32::try_from(self.next_id()).unwrap();
        self.send(&ToRunner::Load(Box::new(Load { number, bundle })));
        number
    }

    pub fn check(&mut self, files: &[(&str, &str)]) -> Result<Bundle, ScriptError> {
        let files: BTreeMap<String, String> =
            files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let id = self.next_id();
        self.send(&ToRunner::Check(Check {
            id,
            code: Code::Files(files),
            limits: Limits { timeout_ms: 2_000, ..Limits::default() },
        }));
        match self.receive() {
            FromRunner::Checked { id: answered, result } => {
                assert_eq!(answered, id);
                result
            }
            other => panic!("unexpected {other:?}"),
        }
    }

    pub fn run_bundle(
        &mut self,
        bundle: Bundle,
        input: Input,
        limits: Limits,
        mut answer: impl FnMut(&Call) -> Option<Result<Answer, HostError>>,
    ) -> Ran {
        let id = self.next_id();
        let number = self.load(bundle);
        self.send(&ToRunner::Run(Box::new(Run { id, bundle: number, input, limits })));
        let (mut lines, mut calls) = (Vec::new(), Vec::new());
        loop {
            match self.receive() {
                FromRunner::Log { id: run, line } => {
                    assert_eq!(run, id);
                    lines.push(line);
                }
                FromRunner::Call(call) => {
                    assert_eq!(call.id, id);
                    if let Some(result) = answer(&call) {
                        self.send(&ToRunner::Reply(Reply { id, call: call.call, result }));
                    }
                    calls.push(call);
                }
                FromRunner::Finished { id: run, result, usage } => {
                    assert_eq!(run, id);
                    return Ran { result, lines, calls, usage };
                }
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    /// Checks and runs one JavaScript file; a draft that does not pass the check is run's error.
    pub fn run(&mut self, code: &str) -> Ran {
        self.run_file("integration.js", code, input("null"), Limits::default(), |_| None)
    }

    pub fn run_limited(&mut self, code: &str, limits: Limits) -> Ran {
        self.run_file("integration.js", code, input("null"), limits, |_| None)
    }

    pub fn run_answering(&mut self, code: &str, answer: impl FnMut(&Call) -> Option<Result<Answer, HostError>>) -> Ran {
        self.run_file("integration.js", code, input("null"), Limits::default(), answer)
    }

    pub fn run_file(
        &mut self,
        file: &str,
        code: &str,
        input: Input,
        limits: Limits,
        answer: impl FnMut(&Call) -> Option<Result<Answer, HostError>>,
    ) -> Ran {
        match self.check(&[(file, code)]) {
            Ok(bundle) => self.run_bundle(bundle, input, limits, answer),
            Err(error) => Ran { result: Err(error), lines: vec![], calls: vec![], usage: Usage::default() },
        }
    }

    /// Closes the socket and waits for the runner's end.
    pub fn stop(mut self) -> std::io::Result<()> {
        self.stream.shutdown(std::net::Shutdown::Both).unwrap();
        self.thread.take().unwrap().join().unwrap()
    }
}

pub fn input(payload: &str) -> Input {
    Input {
        payload: payload.into(),
        run: r#"{"id":"r1","attempt":1,"scheduledAt":"2026-01-01T00:00:00Z","release":"1.0","deadline":0}"#.into(),
        ..Input::default()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what the closures of the fake engine return")]
pub fn json(value: &str) -> Option<Result<Answer, HostError>> {
    Some(Ok(Answer { value: value.into(), body: None }))
}
