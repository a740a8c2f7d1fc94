//! Secrets: encrypted where they are stored, handed to the runs of their integration, and never told to anyone.
//!
//! Envelope encryption: a value is encrypted with its workspace's data key ([`seal`]), the data key with a master key
//! ([`master`]) that is kept outside of the catalog. Each ciphertext is bound to its place: workspace, scope, name,
//! version, and what may be done with it. [`Secrets`] reads them and builds what one run needs; [`change`] sets and
//! removes them, [`rotate`] changes the keys under them.

mod change;
mod key_file;
mod keyring;
mod master;
mod rotate;
mod run;
mod seal;
#[cfg(test)]
mod tests;
mod vault;
mod written;

pub use change::{list, remove, set};
pub use keyring::KeySource;
pub use master::{MasterKey, Wrap};
pub use rotate::{Rotated, rotate};
pub use run::RunSecrets;
pub use vault::Secrets;
pub use written::{MAX_SECRET_BYTES, MIN_SECRET_BYTES, NewSecret, check_name};
