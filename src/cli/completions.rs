//! `completions`: the script that teaches a shell this command line.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, terminal};

/// Which shell.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tidegate completions bash > ~/.local/share/bash-completion/completions/tidegate
  tidegate completions zsh  > ~/.zfunc/_tidegate
  tidegate completions fish > ~/.config/fish/completions/tidegate.fish")]
pub struct Args {
    /// The shell
    shell: Shell,
}

/// Prints the script. It is made in memory first: the generator itself does not survive `| head`.
pub fn completions(args: &Args) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tidegate", &mut script);
    terminal::out(String::from_utf8_lossy(&script).trim_end());
}
