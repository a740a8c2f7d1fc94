//! How the bundler is started when it is locked up: by this same program, which then becomes it.

/// The first argument of this program that makes it lock itself up and become another one: then follow the folder to
/// read, the folder to write, the program, and its arguments.
pub const CONFINED: &str = "confined";
/// What it exits with when it could not (`EX_CONFIG`).
pub const NOT_CONFINED: u8 = 78;
/// What it exits with when the program is just being written (`EX_TEMPFAIL`): try again.
pub const BUSY: u8 = 75;
/// The address space it leaves to the program.
pub const ADDRESS_SPACE_BYTES: u64 = 3 << 30;
