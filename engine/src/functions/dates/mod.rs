//! Functions of dates, times and intervals. A DATE is its midnight; a TIMESTAMP WITH TIME ZONE is looked at in UTC, the zone of every session.

mod between;
mod calendar;
mod columns;
mod field;
mod format;
mod layout;
mod make;
mod now;
mod parts;
mod patterns;
mod several;
mod truncate;

pub(super) use calendar::shifted;
pub(super) use now::functions as of_the_clock;
pub(super) use several::functions as of_several;

use super::rows::Function;

/// All that look at rows.
pub(super) fn functions() -> Vec<Function> {
    [between::functions(), format::functions(), make::functions(), parts::functions(), patterns::functions(), truncate::functions()]
        .concat()
}

/// Microseconds of a part, if it is shorter than a day.
pub(super) fn length_of_part(name: &str) -> Option<i64> {
    field::Field::parse(name).ok()?.micros()
}
