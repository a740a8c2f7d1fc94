//! Captured console lines: levels, times, and where they stop.

use scripts::protocol::{Level, Limits};

use crate::engine::Engine;

#[test]
fn lines_carry_level_and_time() {
    let mut engine = Engine::start();
    let ran = engine.run(
        "module.exports = async () => { console.debug('d'); console.log('l'); console.info('i'); console.warn('w'); console.error('e'); await new Promise((r) => setTimeout(r, 20)); console.log('later') }",
    );
    let levels: Vec<Level> = ran.lines.iter().map(|line| line.level).collect();
    assert_eq!(levels, [Level::Debug, Level::Info, Level::Info, Level::Warn, Level::Error, Level::Info]);
    assert!(ran.lines[5].at_ms >= 19 && ran.lines[5].at_ms < 5_000);
    engine.stop().unwrap();
}

fn check(code: &str, limits: Limits, kept: &[&str], marker: &str) {
    let mut engine = Engine::start();
    let ran = engine.run_limited(&format!("module.exports = () => {{ {code} }}"), limits);
    ran.ok();
    let lines = ran.messages();
    let (last, first) = lines.split_last().unwrap();
    assert_eq!(first, kept);
    assert_eq!(*last, marker);
    assert_eq!(ran.lines.last().unwrap().level, Level::Warn);
    engine.stop().unwrap();
}

#[test]
fn a_log_ends_with_one_marker() {
    let limits = Limits { log_lines: 2, log_bytes: 1_000, ..Limits::default() };
    let marker = "Log truncated: the run logged more than 2 lines";
    check("for (let i = 0; i < 50; i++) console.log(i)", limits, &["0", "1"], marker);
    let limits = Limits { log_bytes: 10, ..limits };
    let marker = "Log truncated: the run logged more than 10 bytes";
    check("console.log('12345'); console.log('1234567'); console.log('x')", limits, &["12345", "12345"], marker);
    check("console.log('ééééééé'); console.log('x')", limits, &["ééééé"], marker);
    check("console.log('1234567890'); console.log('é')", limits, &["1234567890"], marker);
}

#[test]
fn a_huge_line_costs_no_more_than_the_limit() {
    let mut engine = Engine::start();
    let ran =
        engine.run("module.exports = () => { console.log('x'.repeat(20e6)); console.log({ a: 'y'.repeat(1e6) }) }");
    assert_eq!(ran.lines.len(), 2);
    assert_eq!(ran.lines[0].message.len(), 256 << 10);
    engine.stop().unwrap();
}
