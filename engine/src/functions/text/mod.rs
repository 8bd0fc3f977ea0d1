//! Functions of texts. Positions and lengths count characters, and begin at 1.

mod basics;
mod codes;
mod columns;
mod format;
mod paths;
mod patterns;
pub(super) mod regex;
mod similarity;

use super::rows::Function;

/// All of them.
pub(super) fn functions() -> Vec<Function> {
    [
        basics::functions(),
        codes::functions(),
        format::functions(),
        paths::functions(),
        patterns::functions(),
        regex::functions(),
        similarity::functions(),
    ]
    .concat()
}
