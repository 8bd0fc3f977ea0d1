//! Drives the `clouddb` program as a process, as its users do.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod bucket;
mod cache_dir;
mod commands;
mod dot;
mod every_command;
mod explain;
mod formats;
#[cfg(target_os = "linux")]
mod full_disk;
mod help;
mod locations;
mod pipes;
mod prompt;
mod statements;
#[cfg(target_os = "linux")]
mod streams;
mod support;
mod variables;
