//! The child side of a runner process: one request at a time, until the engine closes the socket.

use std::io;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::thread;

use crate::compile::{Compiled, compile};
use crate::protocol::{Bundle, Check, Code, FromRunner, Limits, Run, ScriptError, ToRunner};
use crate::sandbox::{Finished, Host, Link, Resident, Task, execute};

/// The stack of the one thread: the parser recurses with the nesting of the code, QuickJS within its own limit.
const STACK_BYTES: usize = 256 << 20;

/// Says that it is ready, then compiles and runs what it is sent. Returns when the engine closes the socket.
///
/// The engine bounds it from outside as well: native code of QuickJS may run past a deadline, and then only a kill helps.
pub fn serve(stream: UnixStream) -> io::Result<()> {
    thread::Builder::new()
        .name("script".into())
        .stack_size(STACK_BYTES)
        .spawn(move || Runner::new(stream).serve())?
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("the runner's thread panicked")))
}

struct Runner {
    link: Link,
    resident: Rc<Resident>,
}

impl Runner {
    fn new(stream: UnixStream) -> Self {
        Self { link: Link::new(stream), resident: Rc::new(Resident::start()) }
    }

    fn serve(mut self) -> io::Result<()> {
        let served = self.requests();
        match served {
            Err(error) if gone(&error) => Ok(()),
            other => other,
        }
    }

    fn requests(&mut self) -> io::Result<()> {
        self.link.send(&FromRunner::Ready)?;
        while let Some(request) = self.link.next()? {
            match request {
                ToRunner::Check(check) => self.check(&check)?,
                ToRunner::Run(run) => self.run(&run)?,
                // An answer to a run that is over.
                ToRunner::Reply(_) => {}
            }
        }
        Ok(())
    }

    fn check(&mut self, check: &Check) -> io::Result<()> {
        let result = self.checked(check)?;
        self.link.send(&FromRunner::Checked { id: check.id, result })
    }

    /// Compiles, and evaluates the top level to see that it exports a handler.
    fn checked(&mut self, check: &Check) -> io::Result<Result<Bundle, ScriptError>> {
        let compiled = match &check.code {
            Code::Files(files) => compile(files),
            Code::Bundle(bundle) => Ok(Compiled::ready(Bundle::clone(bundle))),
        };
        let compiled = match compiled {
            Ok(compiled) => compiled,
            Err(error) => return Ok(Err(error)),
        };
        let task = Task { bundle: &compiled.bundle, input: None };
        let finished = self.execute(check.id, check.limits, &task)?;
        Ok(match finished.result {
            Ok(_) => Ok(compiled.bundle),
            Err(error) if error.code == "no_handler" => Err(ScriptError { stack: None, ..error }.at(compiled.export)),
            Err(error) => Err(error),
        })
    }

    fn run(&mut self, run: &Run) -> io::Result<()> {
        let task = Task { bundle: &run.bundle, input: Some(&run.input) };
        let Finished { result, usage } = self.execute(run.id, run.limits, &task)?;
        self.link.send(&FromRunner::Finished { id: run.id, result, usage })
    }

    fn execute(&mut self, id: u64, limits: Limits, task: &Task<'_>) -> io::Result<Finished> {
        let writer = self.link.writer()?;
        let host = Rc::new(Host::new(id, limits, task, Rc::clone(&self.resident), writer));
        execute(task, &host, &mut self.link)
    }
}

/// Whether an error only says that the engine closed the socket.
fn gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
}
