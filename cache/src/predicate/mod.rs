//! Filters that are evaluated inside the cache: which rows of a row group a query wants.
//!
//! A filter is a conjunction. Its conjuncts run one after the other, each on what those before it left: the ones that throw out most rows for the least
//! time first, as measured while the scan runs; those that can fail last, so that they only see rows that passed the others. Simple comparisons work on
//! the chunks' own encoding; everything else is an [`Expression`] that the caller brings, evaluated once for each distinct string where a column has a
//! dictionary, otherwise on the rows that are left.
//!
//! NULL is not true: a row for which a conjunct is NULL is not wanted.

mod filter;
mod keep;
mod prune;

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};

pub use filter::{Conjunct, Filter};
pub use prune::{Bounds, ValueBounds};

use crate::set::IntegerSet;

/// What an expression failed with; whoever brought the expression knows the type.
pub type ExpressionError = Box<dyn std::error::Error + Send + Sync>;

/// A predicate that the cache knows nothing about.
pub trait Expression: fmt::Debug + Send + Sync {
    /// The columns it reads, by position in the table, each once, ascending.
    fn columns(&self) -> &[usize];

    /// Whether it can fail for some values.
    fn may_fail(&self) -> bool;

    /// Its answers for so many rows, of which it gets the columns in the order of [`Expression::columns`].
    ///
    /// # Errors
    /// Its own.
    fn evaluate(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<BooleanArray, ExpressionError>;
}

/// What a row has to pass.
#[derive(Debug, Clone)]
pub enum Test {
    /// The same for every row.
    Constant(bool),
    /// All of these.
    All(Vec<Test>),
    /// One of these.
    Any(Vec<Test>),
    /// An expression, which may be one that the cache understands.
    Expression {
        /// What it amounts to.
        shape: Shape,
        /// Itself: it decides where the shape does not suit how a column is kept.
        expression: Arc<dyn Expression>,
    },
}

/// What an expression amounts to, as far as the cache understands it.
#[derive(Debug, Clone)]
pub enum Shape {
    /// Nothing that it understands.
    Unknown,
    /// A column of integers (dates, times and decimals as what they are inside) that lies between two values, both included, or outside of them.
    Between {
        /// The column's position in the table.
        column: usize,
        /// The least value that passes.
        from: i128,
        /// The greatest value that passes.
        to: i128,
        /// Everything else passes instead.
        outside: bool,
    },
    /// A column of integers that is in a set, or outside of it.
    In {
        /// The column's position in the table.
        column: usize,
        /// The set.
        set: Arc<IntegerSet>,
        /// Everything else passes instead.
        outside: bool,
    },
    /// A column that is NULL, or is not.
    Null {
        /// The column's position in the table.
        column: usize,
        /// Whether NULL passes, or everything else.
        is_null: bool,
    },
    /// A column of strings for which the expression is not true outside of these bounds, which are included. It need not be true inside.
    Strings {
        /// The column's position in the table.
        column: usize,
        /// No less than these bytes.
        from: Option<Vec<u8>>,
        /// No greater than these bytes.
        to: Option<Vec<u8>>,
    },
}

impl Test {
    /// Adds the columns it reads.
    fn add_columns(&self, columns: &mut Vec<usize>) {
        match self {
            Self::Constant(_) => {}
            Self::All(tests) | Self::Any(tests) => tests.iter().for_each(|test| test.add_columns(columns)),
            Self::Expression { expression, .. } => columns.extend_from_slice(expression.columns()),
        }
    }

    fn may_fail(&self) -> bool {
        match self {
            Self::Constant(_) => false,
            Self::All(tests) | Self::Any(tests) => tests.iter().any(Self::may_fail),
            Self::Expression { expression, .. } => expression.may_fail(),
        }
    }

    /// What a row costs, roughly, in comparisons of an integer, as long as nothing was measured.
    fn expected_cost(&self) -> u64 {
        match self {
            Self::Constant(_) => 0,
            Self::All(tests) | Self::Any(tests) => tests.iter().map(Self::expected_cost).sum(),
            Self::Expression { shape: Shape::Between { .. } | Shape::Null { .. }, .. } => 1,
            Self::Expression { shape: Shape::In { .. }, .. } => 3,
            Self::Expression { expression, .. } => 20 * expression.columns().len() as u64,
        }
    }
}
