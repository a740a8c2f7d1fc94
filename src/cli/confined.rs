//! `confined`: this process becomes another program, which may read one folder, write another, and has no network.

use std::process::ExitCode;

use workers::packages::confined::NOT_CONFINED;

/// Locks itself up, then becomes the program that its arguments name: the folder to read, the one to write, the program
/// and what it is told.
#[cfg(target_os = "linux")]
pub fn main() -> ExitCode {
    use std::os::unix::process::CommandExt;
    use std::path::PathBuf;
    use std::process::Command;

    use scripts::jail::{Confinement, confine};
    use workers::packages::confined::{ADDRESS_SPACE_BYTES, BUSY};

    let mut args = std::env::args_os().skip(2);
    let (Some(reads), Some(writes), Some(program)) = (args.next(), args.next(), args.next()) else {
        eprintln!("confined: it takes a folder to read, one to write, a program and its arguments");
        return ExitCode::from(NOT_CONFINED);
    };
    let confinement = Confinement {
        program: PathBuf::from(&program),
        reads: vec![reads.into()],
        writes: writes.into(),
        address_space_bytes: ADDRESS_SPACE_BYTES,
    };
    if let Err(error) = confine(&confinement) {
        eprintln!("confined: {error}");
        return ExitCode::from(NOT_CONFINED);
    }
    let error = Command::new(&program).args(args).env_clear().exec();
    eprintln!("confined: {} cannot be started: {error}", program.display());
    ExitCode::from(if error.kind() == std::io::ErrorKind::ExecutableFileBusy { BUSY } else { NOT_CONFINED })
}

/// There is nothing to confine with on this system.
#[cfg(not(target_os = "linux"))]
pub fn main() -> ExitCode {
    eprintln!("confined: it needs Linux");
    ExitCode::from(NOT_CONFINED)
}
