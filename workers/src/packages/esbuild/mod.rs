//! The bundler: esbuild, one exact version of it, as a process that sees one folder's files and no environment.

mod install;
mod meta;
mod run;
mod said;

pub(super) use install::{Esbuild, VERSION};
pub(super) use meta::Meta;
pub(super) use run::{Bundler, Output, bundle};
pub(super) use said::native;
