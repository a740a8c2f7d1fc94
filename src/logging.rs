//! The process's own log: one line per event on stderr, for people or for collectors.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{Error, LogFormat};

/// Starts writing the log. Called once per process; a second call changes nothing.
pub fn start(format: LogFormat, level: &str) -> Result<(), Error> {
    let filter = EnvFilter::try_new(level).map_err(|error| {
        Error(format!(
            "server.log_level: `{level}` is no log level ({error}); write \"info\" or \"info,workers=debug\""
        ))
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let started = match format {
        LogFormat::Json => log.json().flatten_event(true).try_init(),
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
    if started.is_err() {
        tracing::debug!("the log was started before");
    }
    Ok(())
}
