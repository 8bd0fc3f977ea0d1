//! Warnings of the libraries below, on standard error: what went wrong without keeping anybody from an answer.
//!
//! They come from any thread at any time. One that comes while a progress line is drawn is written above it; one that comes while somebody types at
//! the prompt waits for the end of the line.

use std::fmt::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::progress;

/// Shows warnings from now on.
pub(crate) fn show() {
    // Somebody else's subscriber, which cannot be, would be as good.
    let _ = tracing::subscriber::set_global_default(Warnings);
}

/// Keeps warnings back until it is dropped.
pub(crate) struct Hold(());

impl Hold {
    pub(crate) fn begin() -> Self {
        shown().held.get_or_insert_default();
        Self(())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let held = shown().held.take().unwrap_or_default();
        held.iter().for_each(|warning| progress::write_above(warning));
    }
}

/// What was written, and what waits to be.
#[derive(Default)]
struct Shown {
    last: String,
    held: Option<Vec<String>>,
}

static SHOWN: Mutex<Shown> = Mutex::new(Shown { last: String::new(), held: None });

fn shown() -> MutexGuard<'static, Shown> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn warn(warning: String) {
    let mut shown = shown();
    // What is tried again and again fails again and again, for the same reason.
    if shown.last == warning {
        return;
    }
    shown.last.clone_from(&warning);
    match &mut shown.held {
        Some(held) => held.push(warning),
        None => progress::write_above(&warning),
    }
}

struct Warnings;

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN && metadata.target().starts_with("clouddb")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        warn(text.finish());
    }

    // Spans are not shown.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// An event in words: its message, then its fields.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, ", {name}: {value:?}"),
        };
    }
}

impl Text {
    fn finish(self) -> String {
        format!("warning: {}{}", self.message, self.fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_of_our_crates_are_shown_once() {
        let hold = Hold::begin();
        tracing::subscriber::with_default(Warnings, || {
            tracing::warn!(target: "clouddb_storage::x", "head cannot be used: {}", "why\nhint: what to do");
            tracing::warn!(target: "clouddb_storage::x", "head cannot be used: {}", "why\nhint: what to do");
            tracing::warn!(target: "clouddb_engine", path = "a/b", rows = 3, "odd");
            tracing::error!(target: "clouddb_engine", "worse");
            tracing::info!(target: "clouddb_storage", "created a database");
            tracing::warn!(target: "hyper::client", "not ours");
        });
        let held = shown().held.take().unwrap_or_default();
        assert_eq!(held, ["warning: head cannot be used: why\nhint: what to do", "warning: odd, path: a/b, rows: 3", "warning: worse"]);
        drop(hold);
    }
}
