//! Simulations of CloudDB's storage, and checkers that find what went wrong.
//!
//! Everything that a simulation does follows from one seed: time is virtual ([`time`]), the store fails by the seed ([`faulty`]), and so do the
//! workload ([`workload`]) and its crashes. What every caller was told is kept, and compared with what is in the database afterwards ([`checker`]).
//! A seed that fails fails again.
//!
//! This crate is never published; it knows the storage through its public interface only, and the switches of `clouddb_storage::simulation`.

pub mod checker;
pub mod faulty;
pub mod rows;
pub mod script;
pub mod time;
pub mod workload;
