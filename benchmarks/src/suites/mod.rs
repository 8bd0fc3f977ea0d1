//! What can be measured, a module each: its arguments, its run, its report.

pub mod commits;
