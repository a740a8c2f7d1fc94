//! How a command ends when it does not succeed: what to say, what to do about it, and the exit code.

use std::process::ExitCode;

use super::terminal;

/// Exit codes, the same for every command; `tidegate --help` lists them.
pub mod code {
    /// The command could not do what was asked.
    pub const FAILED: u8 = 1;
    /// The command line, a file or the configuration is wrong.
    pub const USAGE: u8 = 2;
    /// What was named does not exist.
    pub const NOT_FOUND: u8 = 3;
    /// The server did not accept the API key.
    pub const NOT_ALLOWED: u8 = 4;
    /// `deploy --plan --exit-code` or `simulate --against` found changes.
    pub const CHANGES: u8 = 10;
}

/// A failed command.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong, as a sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The exit code.
    pub code: u8,
    /// Set when everything has been said already.
    pub silent: bool,
    /// Set when the same may work a little later.
    pub later: bool,
}

impl Failure {
    /// The command could not do what was asked.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, code: code::FAILED, silent: false, later: false }
    }

    /// What was typed, or written into a file, is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(message).exit(code::USAGE)
    }

    /// Nothing more to say than the exit code.
    pub fn silent(code: u8) -> Self {
        Self { silent: true, ..Self::new("").exit(code) }
    }

    /// One that may not happen again a little later: the server has too much to do.
    #[must_use]
    pub fn busy(self) -> Self {
        Self { later: true, ..self }
    }

    /// Whether the same may work a little later.
    pub fn is_busy(&self) -> bool {
        self.later
    }

    /// With the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With another exit code.
    #[must_use]
    pub fn exit(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// Prints it to stderr, and gives the exit code.
    pub fn report(self) -> ExitCode {
        if !self.silent {
            terminal::error(&self.message);
            if let Some(help) = &self.help {
                terminal::help(help);
            }
        }
        ExitCode::from(self.code)
    }
}

impl From<crate::config::Error> for Failure {
    fn from(error: crate::config::Error) -> Self {
        Self::usage(error.0)
            .help("every key is explained in config.default.toml; `tidegate serve --help` lists the flags")
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::new(error.to_string())
    }
}
