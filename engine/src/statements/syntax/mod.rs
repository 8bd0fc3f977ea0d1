//! From text to a syntax tree: spellings that the parser does not know are made ones that it knows, by tokens; what is too deep is refused.

pub(crate) mod copy_options;
pub(crate) mod depth;
pub(crate) mod dialect;
pub(crate) mod elsewhere;
pub(crate) mod mistakes;
pub(crate) mod names;
pub(crate) mod parse;
pub(crate) mod pivot_syntax;
pub(crate) mod tokens;
pub(crate) mod words;
pub(crate) mod written;
