//! The floor under a run: a new QuickJS runtime with a full context, a handler of three lines, one call. Nothing else:
//! no limits, no builtins, no process. Prints the microseconds of CPU per run.
//!
//! `floor FILE TIMES`; it is started by the benchmark of the runners, beside what it is compared with.

use std::process::ExitCode;

use rquickjs::{Context, Function, Promise, Runtime};
use rustix::time::{ClockId, clock_gettime};

const CALL: &str = "module => JSON.stringify(module)";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let code = args.next().and_then(|file| std::fs::read_to_string(file).ok());
    let times = args.next().and_then(|times| times.parse::<u32>().ok());
    let (Some(code), Some(times)) = (code, times) else {
        eprintln!("usage: floor FILE TIMES");
        return ExitCode::from(2);
    };
    let wrapped = format!("(function (module, exports) {{{code}\n}})");
    let before = cpu_us();
    for _ in 0..times {
        match run(&wrapped) {
            Ok(result) if result == r#"{"hello":"world"}"# => {}
            other => {
                eprintln!("floor: the handler gave {other:?}");
                return ExitCode::FAILURE;
            }
        }
    }
    println!("{:.1}", (cpu_us() - before) / f64::from(times));
    ExitCode::SUCCESS
}

fn run(wrapped: &str) -> rquickjs::Result<String> {
    let runtime = Runtime::new()?;
    let context = Context::full(&runtime)?;
    context.with(|ctx| {
        let load: Function<'_> = ctx.eval(wrapped)?;
        let module: rquickjs::Object<'_> = ctx.json_parse(r#"{"exports":{}}"#)?.get()?;
        load.call::<_, ()>((module.clone(), module.get::<_, rquickjs::Value<'_>>("exports")?))?;
        let handler: Function<'_> = module.get("exports")?;
        let settled: Promise<'_> = handler.call((ctx.json_parse(r#"{"payload":{"name":"world"}}"#)?,))?;
        let print: Function<'_> = ctx.eval(CALL)?;
        print.call((settled.finish::<rquickjs::Value<'_>>()?,))
    })
}

fn cpu_us() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}
