//! The whole program, as its users meet it: the binary is started, spoken to, killed and started again.

mod chaos;
mod compat;
mod life;
mod runners;
mod sdk;
mod support;
