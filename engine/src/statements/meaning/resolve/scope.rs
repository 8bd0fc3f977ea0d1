//! What names mean at one place of a query: the relations of its FROM, the columns that USING made one, and the queries around.
//!
//! A name is found whatever its case. Of several, one that is written exactly so wins; otherwise two candidates are an error.

use arrow::datatypes::{DataType, Fields};
use datafusion::sql::sqlparser::ast::{Expr, Ident};

use super::ast::{compound, identifier, position};
use crate::error::{Error, Result};
use crate::nearest;

/// A column that a query or a relation has.
#[derive(Debug, Clone)]
pub(super) struct OutputColumn {
    /// Its name, in the case it was given.
    pub(super) name: String,
    /// Its type, where that is known without planning.
    pub(super) data_type: Option<DataType>,
}

/// The columns of a query or a relation; `None` where only planning tells.
pub(super) type Columns = Option<Vec<OutputColumn>>;

/// One item of a FROM.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    /// What its columns are called by: its alias, or its name with what stands before. Empty for a query without a name.
    pub(super) qualifier: Vec<String>,
    pub(super) columns: Columns,
    /// Columns that USING made one with another's: found with a qualifier only, and not part of `*`.
    pub(super) hidden: Vec<usize>,
    /// Columns that are found by their names and not part of `*`: of files, the name of the file.
    pub(super) unstarred: Vec<usize>,
    /// The column that stands for several, where a name without a qualifier does not mean the relation's own.
    pub(super) merged: Vec<(usize, Expr)>,
}

impl Relation {
    pub(super) fn new(qualifier: Vec<String>, columns: Columns) -> Self {
        Self { qualifier, columns, hidden: Vec::new(), unstarred: Vec::new(), merged: Vec::new() }
    }

    /// Its columns, of those that are found by their names alone only those that are named.
    pub(super) fn starred_or_named(self, named: &[Ident]) -> Columns {
        let is_named = |column: &OutputColumn| named.iter().any(|ident| same(&ident.value, &column.name));
        let columns = self.columns?.into_iter().enumerate();
        let columns = columns.filter(|(at, column)| !self.unstarred.contains(at) || is_named(column));
        Some(columns.map(|(_, column)| column).collect())
    }

    /// Whether `*` leaves out the column at a position.
    pub(super) fn is_unstarred(&self, at: usize) -> bool {
        self.unstarred.contains(&at) || self.hidden.contains(&at)
    }

    /// How the column at a position is written so that it means this and nothing else.
    pub(super) fn reference(&self, at: usize) -> Option<Expr> {
        let name = &self.columns.as_ref()?.get(at)?.name;
        Some(match self.qualifier.is_empty() {
            true => identifier(name),
            false => compound(self.qualifier.iter().chain([name])),
        })
    }

    /// What a name without a qualifier means that is the column at a position.
    pub(super) fn meaning(&self, at: usize) -> Option<Expr> {
        match self.merged.iter().find(|(merged, _)| *merged == at) {
            Some((_, expr)) => Some(expr.clone()),
            None => self.reference(at),
        }
    }
}

/// The position of a name among names: an exact one, otherwise the only one in another case.
pub(super) fn find<'a>(names: impl Iterator<Item = &'a str>, wanted: &str) -> Found {
    let mut found = Found::None;
    for (at, name) in names.enumerate() {
        if name == wanted {
            return Found::One(at);
        }
        if same(name, wanted) {
            found = match found {
                Found::None => Found::One(at),
                Found::One(first) | Found::Several(first, _) => Found::Several(first, at),
            };
        }
    }
    found
}

/// Whether two names are one, whatever their case.
pub(super) fn same(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right) || (!(left.is_ascii() && right.is_ascii()) && left.to_lowercase() == right.to_lowercase())
}

/// What a search for a name found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    None,
    One(usize),
    /// The first two that differ by case only.
    Several(usize, usize),
}

/// A column that was found.
#[derive(Debug)]
pub(super) struct Column {
    /// What stands in its place.
    pub(super) expr: Expr,
    /// The same with its table before it: it cannot be taken for an alias.
    pub(super) qualified: Expr,
    pub(super) name: String,
    pub(super) data_type: Option<DataType>,
}

/// The relations that names are looked up in, innermost first.
#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    pub(super) relations: Vec<Relation>,
    pub(super) outer: Option<&'a Scope<'a>>,
}

impl<'a> Scope<'a> {
    pub(super) fn within(outer: Option<&'a Scope<'a>>) -> Self {
        Self { relations: Vec::new(), outer }
    }

    /// Whether some relation's columns are only known to the planner.
    fn is_open(&self) -> bool {
        self.relations.iter().any(|relation| relation.columns.is_none())
    }

    /// The column that a name without a qualifier means here, not in the queries around.
    ///
    /// # Errors
    /// *Invalid* for a name of several.
    pub(super) fn own_column(&self, ident: &Ident) -> Result<Option<Column>> {
        let mut exact = Vec::new();
        let mut other = Vec::new();
        for relation in &self.relations {
            let Some(columns) = &relation.columns else { continue };
            for (at, column) in columns.iter().enumerate() {
                if relation.hidden.contains(&at) {
                    continue;
                }
                if column.name == ident.value {
                    exact.push((relation, at));
                } else if same(&column.name, &ident.value) {
                    other.push((relation, at));
                }
            }
        }
        let mut candidates = if exact.is_empty() { other } else { exact };
        if candidates.iter().any(|(relation, at)| !relation.is_unstarred(*at)) {
            // A column that a table has comes before one that files have besides.
            candidates.retain(|(relation, at)| !relation.is_unstarred(*at));
        }
        match candidates.as_slice() {
            [] => Ok(None),
            [(relation, at)] => {
                let Some(column) = relation.columns.as_ref().and_then(|columns| columns.get(*at)) else { return Ok(None) };
                let merged = relation.merged.iter().find(|(merged, _)| merged == at);
                let expr = merged.map_or_else(|| identifier(&column.name), |(_, expr)| expr.clone());
                let qualified = relation.meaning(*at).unwrap_or_else(|| expr.clone());
                Ok(Some(Column { expr, qualified, name: column.name.clone(), data_type: column.data_type.clone() }))
            }
            several => {
                let names: Vec<String> = several.iter().filter_map(|(relation, at)| relation.reference(*at)).map(|e| plain(&e)).collect();
                Err(Error::invalid(format!("the name '{}' is ambiguous", ident.value))
                    .with_hint(format!("it can be {}", names.join(" or ")))
                    .at(position(ident)))
            }
        }
    }

    /// The relations that a qualifier may mean, here or else around: its parts are the last ones of their names. Several where tables of two schemas have one
    /// name.
    fn relations(&self, qualifier: &[Ident]) -> Vec<&Relation> {
        let matches = |relation: &&Relation, exact: bool| {
            let parts = &relation.qualifier;
            parts.len() >= qualifier.len()
                && parts[parts.len() - qualifier.len()..].iter().zip(qualifier).all(|(part, ident)| match exact {
                    true => *part == ident.value,
                    false => same(part, &ident.value),
                })
        };
        let mut here: Vec<&Relation> = self.relations.iter().filter(|relation| matches(relation, true)).collect();
        if here.is_empty() {
            here = self.relations.iter().filter(|relation| matches(relation, false)).collect();
        }
        match (here.is_empty(), self.outer) {
            (true, Some(outer)) => outer.relations(qualifier),
            _ => here,
        }
    }

    /// The relation that a qualifier means.
    ///
    /// # Errors
    /// *Invalid* for one of several.
    fn relation(&self, qualifier: &[Ident]) -> Result<Option<&Relation>> {
        match self.relations(qualifier).as_slice() {
            [] => Ok(None),
            [relation] => Ok(Some(relation)),
            several => Err(several_relations(qualifier, several)),
        }
    }

    /// The relation of this FROM that a qualifier means.
    ///
    /// # Errors
    /// *Invalid* for one of several.
    pub(super) fn own_relation(&self, qualifier: &[Ident]) -> Result<Option<usize>> {
        let Some(found) = self.relation(qualifier)? else { return Ok(None) };
        Ok(self.relations.iter().position(|relation| std::ptr::eq(relation, found)))
    }

    /// What a name without a qualifier means, here or in a query around; a relation's name is a row of it. `None` where only the planner can tell.
    ///
    /// # Errors
    /// *Not found* for a name that nothing has, *invalid* for a name of several.
    pub(super) fn name(&self, ident: &Ident) -> Result<Option<Column>> {
        let mut scope = Some(self);
        let mut open = false;
        while let Some(here) = scope {
            if let Some(column) = here.own_column(ident)? {
                return Ok((!open).then_some(column));
            }
            open |= here.is_open();
            scope = here.outer;
        }
        if open {
            return Ok(None);
        }
        if let Some(relation) = self.relation(std::slice::from_ref(ident))?
            && let Some(columns) = &relation.columns
        {
            return Ok(Some(whole_row(relation, columns, &ident.value)));
        }
        Err(self.no_column(ident))
    }

    /// What a name of several parts means: a column behind the name of its relation, with fields of its own behind it.
    ///
    /// # Errors
    /// As of [`Self::name`].
    pub(super) fn compound(&self, parts: &[Ident]) -> Result<Option<Column>> {
        // The longest qualifier wins; what is left behind the column are fields.
        for length in (1..parts.len()).rev() {
            let (ident, fields) = (&parts[length], &parts[length + 1..]);
            let mut relations = self.relations(&parts[..length]);
            if relations.len() > 1 {
                // Of several tables of one name, the column's own.
                relations.retain(|relation| relation.columns.as_ref().is_none_or(|columns| has(columns, ident)));
            }
            let relation = match relations.as_slice() {
                [] => continue,
                [relation] => relation,
                several => return Err(several_relations(&parts[..length], several)),
            };
            let Some(columns) = &relation.columns else { return Ok(None) };
            match find(columns.iter().map(|column| column.name.as_str()), &ident.value) {
                Found::One(at) => {
                    let Some(expr) = relation.reference(at) else { return Ok(None) };
                    return Ok(Some(with_fields(expr, &columns[at], fields)?));
                }
                Found::Several(first, second) => {
                    let hint = format!("it can be \"{}\" or \"{}\"", columns[first].name, columns[second].name);
                    return Err(Error::invalid(format!("the name '{ident}' is ambiguous")).with_hint(hint).at(position(ident)));
                }
                Found::None => {
                    let near = nearest::hint(&ident.value, columns.iter().map(|column| column.name.as_str()));
                    let table = relation.qualifier.join(".");
                    let error = Error::not_found(format!("'{table}' has no column '{}'", ident.value)).at(position(ident));
                    return Err(error.with_hint(near.unwrap_or_else(|| format!("its columns are {}", listed(columns)))));
                }
            }
        }
        let mut scope = Some(self);
        while let Some(here) = scope {
            if let Some(column) = here.own_column(&parts[0])? {
                let output = OutputColumn { name: column.name, data_type: column.data_type };
                return Ok(Some(with_fields(column.expr, &output, &parts[1..])?));
            }
            if here.is_open() {
                return Ok(None);
            }
            scope = here.outer;
        }
        let table = &parts[0];
        let known: Vec<&str> = self.relation_names();
        let error = Error::not_found(format!("there is no table or column '{}' here", table.value)).at(position(table));
        Err(match nearest::hint(&table.value, known.iter().copied()) {
            Some(near) => error.with_hint(near),
            None if known.is_empty() => error.with_hint("the query has no FROM"),
            None => error.with_hint(format!("FROM has {}", known.join(", "))),
        })
    }

    fn relation_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.relations.iter().filter_map(|relation| relation.qualifier.last().map(String::as_str)).collect();
        names.extend(self.outer.map(Scope::relation_names).unwrap_or_default());
        names
    }

    fn column_names(&self) -> Vec<&str> {
        let here = self.relations.iter().filter_map(|relation| relation.columns.as_ref()).flatten().map(|column| column.name.as_str());
        let mut names: Vec<&str> = here.collect();
        names.extend(self.outer.map(Scope::column_names).unwrap_or_default());
        names
    }

    fn no_column(&self, ident: &Ident) -> Error {
        let names = self.column_names();
        let error = Error::not_found(format!("there is no column '{}'", ident.value)).at(position(ident));
        if ident.quote_style == Some('"') && names.is_empty() {
            return error.with_hint(format!("a text is written in single quotes: '{}'", ident.value));
        }
        match nearest::hint(&ident.value, names.iter().copied()) {
            Some(near) => error.with_hint(near),
            None if ident.quote_style == Some('"') => {
                error.with_hint(format!("double quotes are for names; a text is written in single quotes: '{}'", ident.value))
            }
            None if names.is_empty() => {
                error.with_hint(format!("the query has no FROM; a text is written in single quotes: '{}'", ident.value))
            }
            None => error.with_hint(format!(
                "the columns are {}; a text is written in single quotes: '{}'",
                nearest::shortened(&names),
                ident.value
            )),
        }
    }
}

/// A row of a relation as a struct of its columns.
fn whole_row(relation: &Relation, columns: &[OutputColumn], name: &str) -> Column {
    let starred = columns.iter().enumerate().filter(|(at, _)| !relation.unstarred.contains(at));
    let arguments = starred.flat_map(|(at, column)| {
        let value = relation.reference(at).unwrap_or_else(|| identifier(&column.name));
        [super::ast::text(&column.name), value]
    });
    let expr = super::ast::call("named_struct", arguments.collect());
    Column { qualified: expr.clone(), expr, name: name.to_owned(), data_type: None }
}

/// A column, or a field within it. Fields are found whatever their case where the type is known.
fn with_fields(expr: Expr, column: &OutputColumn, fields: &[Ident]) -> Result<Column> {
    let mut expr = expr;
    let mut data_type = column.data_type.clone();
    let mut name = column.name.clone();
    for field in fields {
        let (real, inner) = match &data_type {
            Some(DataType::Struct(known)) => {
                let (real, inner) = struct_field(known, field, &name)?;
                (real, Some(inner))
            }
            _ => (field.value.clone(), None),
        };
        expr = super::ast::field(expr, &real);
        data_type = inner;
        // A field keeps the case in which it was asked for, as in DuckDB.
        name = field.value.clone();
    }
    Ok(Column { qualified: expr.clone(), expr, name, data_type })
}

/// A field of a struct, by its name: how it is written there, and its type.
pub(super) fn struct_field(known: &Fields, field: &Ident, of: &str) -> Result<(String, DataType)> {
    match find(known.iter().map(|field| field.name().as_str()), &field.value) {
        Found::One(at) => Ok((known[at].name().clone(), known[at].data_type().clone())),
        Found::Several(first, second) => {
            let hint = format!("it can be \"{}\" or \"{}\"", known[first].name(), known[second].name());
            Err(Error::invalid(format!("the field '{}' of '{of}' is ambiguous", field.value)).with_hint(hint).at(position(field)))
        }
        Found::None => {
            let names: Vec<&str> = known.iter().map(|field| field.name().as_str()).collect();
            Err(Error::not_found(format!("'{of}' has no field '{}'", field.value))
                .with_hint(
                    nearest::hint(&field.value, names.iter().copied())
                        .unwrap_or_else(|| format!("its fields are {}", nearest::shortened(&names))),
                )
                .at(position(field)))
        }
    }
}

fn has(columns: &[OutputColumn], ident: &Ident) -> bool {
    columns.iter().any(|column| same(&column.name, &ident.value))
}

fn several_relations(qualifier: &[Ident], several: &[&Relation]) -> Error {
    let written: Vec<&str> = qualifier.iter().map(|ident| ident.value.as_str()).collect();
    let names: Vec<String> = several.iter().map(|relation| relation.qualifier.join(".")).collect();
    let error = Error::invalid(format!("the table name '{}' is ambiguous", written.join(".")));
    let error = match qualifier.first() {
        // Those that a star was written out to stand nowhere.
        Some(first) if first.span.start.line > 0 => error.at(position(first)),
        _ => error,
    };
    match names.iter().enumerate().all(|(at, name)| !names[..at].contains(name) && *name != written.join(".")) {
        true => error.with_hint(format!("it can be {}", names.join(" or "))),
        false => error.with_hint("give one of the tables an alias: FROM t, t AS other"),
    }
}

fn listed(columns: &[OutputColumn]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    nearest::shortened(&names)
}

/// A reference as people write it, without quotes that are not needed.
fn plain(expr: &Expr) -> String {
    match expr {
        Expr::CompoundIdentifier(parts) => parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join("."),
        Expr::Identifier(ident) => ident.value.clone(),
        other => other.to_string(),
    }
}
