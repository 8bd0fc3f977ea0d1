//! What can be measured, a module each: its arguments, its run, its report.

pub mod cache;
pub mod cold_open;
pub mod commits;
pub mod load;
pub mod lookup;
pub mod planning;
pub mod queries;
pub mod start_up;
pub mod statements;
