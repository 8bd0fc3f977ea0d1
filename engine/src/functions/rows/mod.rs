//! Functions that look at one row at a time, defined by a line each.
//!
//! A [`Function`] has names, a line for people, and forms: which kinds of arguments it takes, what it gives, and how. The form whose kinds are nearest to the
//! arguments' types is taken, and the arguments become those kinds. Unless a form sees NULLs, a NULL among its arguments gives NULL. The functions that people
//! call on most rows also look at whole columns, where they can: the answers are the same, sooner.

mod cell;
mod column;
mod kind;
mod udf;

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, ScalarUDF, Volatility};

pub(super) use cell::{Args, Out, count};
pub(super) use column::Column;
pub(super) use kind::Kind;
use udf::RowFunction;

use crate::error::{Error, Result};
use crate::types;

/// How a row's arguments become its result.
pub(super) type Run = for<'a> fn(&Args<'a>) -> Result<Out<'a>>;

/// How columns become the result's at once, none where that is not known; of each it says whether it has one value for all rows. The types of the columns are
/// those of a form's kinds.
pub(super) type OfColumns = for<'a> fn(&[(Column<'a>, bool)]) -> Result<Option<ArrayRef>>;

/// Chooses another kind of result by constant arguments.
pub(super) type Choose = fn(&[Option<&ScalarValue>]) -> Option<Kind>;

/// The arguments that a function has if the clock tells what is missing; none if nothing is.
pub(super) type WithNow = fn(&[Expr], DateTime<Utc>) -> Option<Vec<Expr>>;

/// A function of DataFusion's that answers likewise, with its arguments: it knows which values give a result.
pub(super) type Like = fn(&[Expr]) -> Option<(Arc<ScalarUDF>, Vec<Expr>)>;

/// A function: its names, what people read of it, and the ways to call it.
#[derive(Debug, Clone)]
pub(super) struct Function {
    /// The first is its own, the others are other databases' names for it.
    pub(super) names: Vec<String>,
    /// How it is called.
    pub(super) usage: &'static str,
    /// What it does, in a line.
    pub(super) about: &'static str,
    /// A call that works.
    pub(super) example: &'static str,
    /// What becomes of the same arguments another time.
    pub(super) volatility: Volatility,
    forms: Vec<Form>,
    choose: Option<Choose>,
    of_lists: Option<Arc<ScalarUDF>>,
    with_now: Option<WithNow>,
    like: Option<Like>,
    of_columns: Option<OfColumns>,
}

/// A way to call a function.
#[derive(Debug, Clone)]
pub(super) struct Form {
    takes: Vec<Kind>,
    /// What any number of further arguments are.
    rest: Option<Kind>,
    gives: Kind,
    sees_nulls: bool,
    run: Run,
}

/// A function, so far without forms.
pub(super) fn function(name: &str, usage: &'static str, about: &'static str, example: &'static str) -> Function {
    Function {
        names: vec![name.to_owned()],
        usage,
        about,
        example,
        volatility: Volatility::Immutable,
        forms: Vec::new(),
        choose: None,
        of_lists: None,
        with_now: None,
        like: None,
        of_columns: None,
    }
}

impl Function {
    /// Other names for it.
    pub(super) fn also(mut self, names: &[&str]) -> Self {
        self.names.extend(names.iter().map(|name| (*name).to_owned()));
        self
    }

    /// A way to call it.
    pub(super) fn form(self, takes: &[Kind], gives: Kind, run: Run) -> Self {
        self.with(Form { takes: takes.to_vec(), rest: None, gives, sees_nulls: false, run })
    }

    /// A way to call it with NULLs among the arguments.
    pub(super) fn form_with_nulls(self, takes: &[Kind], gives: Kind, run: Run) -> Self {
        self.with(Form { takes: takes.to_vec(), rest: None, gives, sees_nulls: true, run })
    }

    /// A way to call it with any number of arguments behind the first ones, NULLs among them.
    pub(super) fn form_of_many(self, takes: &[Kind], rest: Kind, gives: Kind, run: Run) -> Self {
        self.with(Form { takes: takes.to_vec(), rest: Some(rest), gives, sees_nulls: true, run })
    }

    fn with(mut self, form: Form) -> Self {
        self.forms.push(form);
        self
    }

    /// Another kind of result for some constant arguments.
    pub(super) fn choosing(mut self, choose: Choose) -> Self {
        self.choose = Some(choose);
        self
    }

    /// What is called instead if there are lists among the arguments.
    pub(super) fn of_lists(mut self, function: Arc<ScalarUDF>) -> Self {
        self.of_lists = Some(function);
        self
    }

    /// The clock gives arguments that are missing: the result is the same within a statement only.
    pub(super) fn with_now(mut self, with_now: WithNow) -> Self {
        self.with_now = Some(with_now);
        self.volatility = Volatility::Stable;
        self
    }

    /// What knows which values give a result, so that a filter on the result is one on the values.
    pub(super) fn like(mut self, like: Like) -> Self {
        self.like = Some(like);
        self
    }

    /// How whole columns are looked at, in place of their rows.
    pub(super) fn of_columns(mut self, of_columns: OfColumns) -> Self {
        self.of_columns = Some(of_columns);
        self
    }

    /// The result may differ each time.
    pub(super) fn volatile(mut self) -> Self {
        self.volatility = Volatility::Volatile;
        self
    }

    /// As DataFusion wants it.
    pub(super) fn into_udf(self) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::new_from_impl(RowFunction::new(self)))
    }

    /// Its own name.
    pub(super) fn name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// The form that is nearest to arguments of these types.
    fn form_for(&self, arguments: &[DataType]) -> Result<&Form> {
        let fitting = self.forms.iter().filter_map(|form| Some((form.distance(arguments)?, form)));
        // The first of several that are equally near.
        let nearest = fitting.min_by_key(|(distance, _)| *distance);
        nearest.map(|(_, form)| form).ok_or_else(|| {
            let found: Vec<String> = arguments.iter().map(types::name_of).collect();
            Error::invalid(format!("there is no {}({})", self.name(), found.join(", ")))
                .with_hint(format!("it is called as {}, such as {}", self.usage, self.example))
        })
    }
}

impl Form {
    /// The kinds of so many arguments.
    fn kinds(&self, arguments: usize) -> Option<Vec<Kind>> {
        let further = arguments.checked_sub(self.takes.len())?;
        let mut kinds = self.takes.clone();
        match self.rest {
            Some(rest) => kinds.extend(std::iter::repeat_n(rest, further)),
            None if further > 0 => return None,
            None => {}
        }
        Some(kinds)
    }

    fn distance(&self, arguments: &[DataType]) -> Option<u32> {
        let kinds = self.kinds(arguments.len())?;
        arguments.iter().zip(kinds).map(|(argument, kind)| kind.distance(argument)).sum()
    }
}
