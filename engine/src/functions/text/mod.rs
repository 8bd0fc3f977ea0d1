//! Functions of texts. Positions and lengths count characters, and begin at 1.

mod basics;
mod codes;
mod columns;
mod format;
mod graphemes;
mod groups;
mod paths;
mod patterns;
pub(super) mod regex;
mod similarity;

pub(super) use basics::{sliced, substring as part};
pub(super) use groups::functions as of_several;

use super::rows::Function;

/// All of them.
pub(super) fn functions() -> Vec<Function> {
    [
        basics::functions(),
        codes::functions(),
        format::functions(),
        graphemes::functions(),
        paths::functions(),
        patterns::functions(),
        regex::functions(),
        similarity::functions(),
    ]
    .concat()
}
