//! CREATE TABLE, CREATE TABLE AS, DROP TABLE.

use std::collections::HashMap;

use arrow::datatypes::{DataType, Fields};
use clouddb_storage::Transaction;
use clouddb_storage::catalog::{ColumnSpec, TableMeta, types::FIELD_ID_KEY};
use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::{Expr as LogicalExpr, LogicalPlan, LogicalPlanBuilder, cast};
use datafusion::sql::sqlparser::ast::{
    ColumnDef, ColumnOption, ColumnOptionDef, CommentDef, CreateTable, CreateTableLikeDefaults, CreateTableLikeKind, CreateTableOptions,
    Expr, HiveDistributionStyle, ObjectName, Query, SqlOption, WrappedCollection,
};

use super::dependents::Dependents;
use crate::error::{Error, Result, from_datafusion};
use crate::semantics::session_zone::{self, conform_in};
use crate::session::result::Done;
use crate::statements::context::{Context, QualifiedName};
use crate::statements::lookup::{self, Found};
use crate::statements::meaning::macros::expand;
use crate::statements::meaning::refuse::{check_expression, unsupported};
use crate::statements::meaning::rewrite;
use crate::statements::objects::{schemas, sequences};
use crate::statements::rows::constant;
use crate::statements::rows::insert;
use crate::statements::syntax::parse::normalized;
use crate::types;

/// Runs a CREATE TABLE inside a transaction.
pub(crate) async fn create(context: &Context, transaction: &mut Transaction, create: CreateTable) -> Result<Done> {
    let request = Request::from_statement(create)?;
    let name = context.qualify(&request.name)?;
    let schema = schemas::existing(transaction, &name.schema)?;
    let snapshot = transaction.snapshot();
    let existing = snapshot.table(&name.schema, &name.name);
    if snapshot.view(&name.schema, &name.name).is_some() {
        return Err(Error::already_exists(format!("a view '{name}' exists already")));
    }
    match &existing {
        Some(_) if request.if_not_exists => return Ok(Done::new("CREATE TABLE")),
        Some(_) if !request.or_replace => {
            return Err(Error::already_exists(format!("table '{name}' exists already"))
                .with_hint("write CREATE OR REPLACE TABLE, or CREATE TABLE IF NOT EXISTS"));
        }
        _ => {}
    }
    let like = request.like.map(|like| columns_like(context, like)).transpose()?;
    let (columns, plan) = match request.query {
        None if like.is_some() => (like.as_ref().map(|(columns, _)| columns.clone()).unwrap_or_default(), None),
        None => (request.columns.iter().map(|column| column_spec(context, column)).collect::<Result<Vec<_>>>()?, None),
        Some(query) => {
            // Planned before an old table of this name is dropped: `CREATE OR REPLACE TABLE t AS SELECT ... FROM t` reads the old one.
            let (columns, plan) = query_columns(context, query, &request.columns).await?;
            (columns, Some(plan))
        }
    };
    check_names(&name, &columns)?;
    for column in &columns {
        if let Some(default) = &column.default {
            sequences::check_default(context, default).map_err(|error| error.context(format!("default of column '{}'", column.name)))?;
        }
    }
    let keys = match like {
        Some((_, keys)) if request.cluster_by.is_empty() => keys,
        _ => request.cluster_by,
    };
    let cluster_by = keys.into_iter().map(|key| {
        let found = lookup::pick("column", &key, columns.iter().map(|column| column.name.as_str()))?;
        Ok(found.map_or(key.clone(), str::to_owned))
    });
    let cluster_by = cluster_by.collect::<Result<Vec<_>>>()?;
    let mut table = TableMeta::new(transaction.new_table_id(), schema, name.name.clone(), columns, &cluster_by)?;
    table.comment = request.comment;
    let physical = match &plan {
        Some(plan) => Some((plan, context.physical(plan).await?)),
        None => None,
    };
    if let Some(existing) = existing {
        // Its rows may be among the new ones: what somebody adds meanwhile would be lost.
        transaction.require_unchanged(existing.meta().id);
        transaction.drop_table(existing.meta().id)?;
    }
    let id = table.id;
    transaction.create_table(table)?;
    let Some(physical) = physical else { return Ok(Done::new("CREATE TABLE")) };
    let created = transaction.snapshot().table_by_id(id).ok_or_else(|| Error::internal("a table is gone that was just created"))?;
    let columns = (0..created.meta().columns.len()).map(Some).collect();
    let rows = insert::append(context, transaction, created.meta(), physical, columns).await?;
    Ok(Done::with_rows("CREATE TABLE", rows))
}

/// Refuses names that are found as one another.
fn check_names(table: &QualifiedName, columns: &[ColumnSpec]) -> Result<()> {
    let mut names = HashMap::new();
    for column in columns {
        if let Some(other) = names.insert(column.name.to_lowercase(), &column.name).filter(|other| **other != column.name) {
            return Err(Error::invalid(format!(
                "the table '{table}' would have the columns '{other}' and '{}', which are one name",
                column.name
            ))
            .with_hint("names are found in any case of letters: give one of them another name"));
        }
    }
    Ok(())
}

/// Runs a DROP TABLE inside a transaction.
pub(crate) fn drop(
    context: &Context,
    transaction: &mut Transaction,
    names: &[ObjectName],
    if_exists: bool,
    dependents: Dependents,
) -> Result<Done> {
    // What the transaction did before may have been made of its rows.
    let is_first = !transaction.has_changes();
    for name in names {
        match lookup::relation_if_exists(context, &transaction.snapshot(), name)? {
            Some((name, Found::Table(table))) => {
                dependents.carry_out(transaction, &[name])?;
                if !is_first {
                    transaction.require_unchanged(table.meta().id);
                }
                transaction.drop_table(table.meta().id)?;
            }
            Some((name, Found::View(_))) => return Err(Error::invalid(format!("'{name}' is a view")).with_hint("write DROP VIEW")),
            None if if_exists => {}
            None => {
                let name = context.qualify(name)?;
                let known = lookup::relation_names(&transaction.snapshot(), &name.schema);
                let error = Error::not_found(format!("there is no table '{name}'"));
                let known = known.iter().map(String::as_str);
                return Err(lookup::with_nearest(error, &name.name, known, "DROP TABLE IF EXISTS does not mind"));
            }
        }
    }
    Ok(Done::new("DROP TABLE"))
}

/// What is carried out of a CREATE TABLE.
struct Request {
    name: ObjectName,
    columns: Vec<ColumnDef>,
    query: Option<Box<Query>>,
    like: Option<CreateTableLikeKind>,
    or_replace: bool,
    if_not_exists: bool,
    cluster_by: Vec<String>,
    comment: Option<String>,
}

impl Request {
    /// Takes what is carried out, refuses the rest.
    fn from_statement(create: CreateTable) -> Result<Self> {
        let CreateTable {
            or_replace,
            temporary,
            external,
            dynamic,
            global,
            if_not_exists,
            transient,
            volatile,
            iceberg,
            snapshot,
            name,
            columns,
            constraints,
            hive_distribution,
            hive_formats,
            table_options,
            file_format,
            location,
            query,
            without_rowid,
            like,
            clone,
            version,
            comment,
            on_commit,
            on_cluster,
            primary_key,
            order_by,
            partition_by,
            cluster_by,
            clustered_by,
            inherits,
            partition_of,
            for_values,
            strict,
            copy_grants,
            enable_schema_evolution,
            change_tracking,
            data_retention_time_in_days,
            max_data_extension_time_in_days,
            default_ddl_collation,
            with_aggregation_policy,
            with_row_access_policy,
            with_storage_lifecycle_policy,
            with_tags,
            external_volume,
            base_location,
            catalog,
            catalog_sync,
            storage_serialization_policy,
            target_lag,
            warehouse,
            refresh_mode,
            initialize,
            require_user,
            diststyle,
            distkey,
            sortkey,
            backup,
        } = create;
        for (there, what) in [
            (
                temporary || global.is_some() || on_commit.is_some(),
                "GLOBAL and ON COMMIT of a table (CREATE TEMP TABLE makes one for the session)",
            ),
            (
                external || location.is_some() || file_format.is_some(),
                "an external table (files can be queried in place: SELECT * FROM 'x.parquet')",
            ),
            (hive_formats.is_some_and(|formats| formats != Default::default()), "a format of a table"),
            (hive_distribution != HiveDistributionStyle::NONE || partition_by.is_some(), "PARTITIONED BY (write CLUSTER BY)"),
            (dynamic || transient || volatile || iceberg || snapshot, "this kind of table"),
            (without_rowid || strict, "WITHOUT ROWID and STRICT"),
            (clone.is_some() || version.is_some(), "CREATE TABLE ... CLONE (write CREATE TABLE ... AS SELECT)"),
            (primary_key.is_some(), "PRIMARY KEY"),
            (order_by.is_some() || clustered_by.is_some() || sortkey.is_some(), "ORDER BY of a table (write CLUSTER BY)"),
            (inherits.is_some() || partition_of.is_some() || for_values.is_some(), "INHERITS and PARTITION OF"),
            (default_ddl_collation.is_some(), "COLLATE"),
            (
                on_cluster.is_some()
                    || copy_grants
                    || enable_schema_evolution.is_some()
                    || change_tracking.is_some()
                    || data_retention_time_in_days.is_some()
                    || max_data_extension_time_in_days.is_some()
                    || with_aggregation_policy.is_some()
                    || with_row_access_policy.is_some()
                    || with_storage_lifecycle_policy.is_some()
                    || with_tags.is_some()
                    || external_volume.is_some()
                    || base_location.is_some()
                    || catalog.is_some()
                    || catalog_sync.is_some()
                    || storage_serialization_policy.is_some()
                    || target_lag.is_some()
                    || warehouse.is_some()
                    || refresh_mode.is_some()
                    || initialize.is_some()
                    || require_user
                    || diststyle.is_some()
                    || distkey.is_some()
                    || backup.is_some(),
                "an option of this CREATE TABLE",
            ),
        ] {
            if there {
                return Err(unsupported(what));
            }
        }
        if let Some(constraint) = constraints.first() {
            return Err(unsupported(format!("the constraint {constraint}")).with_hint("NOT NULL is the one constraint that is checked"));
        }
        if or_replace && if_not_exists {
            return Err(Error::invalid("OR REPLACE and IF NOT EXISTS exclude each other"));
        }
        let mut comment = comment.map(comment_text);
        match table_options {
            CreateTableOptions::None => {}
            CreateTableOptions::Plain(options) => {
                for option in options {
                    match option {
                        SqlOption::Comment(text) => comment = Some(comment_text(text)),
                        other => return Err(unsupported(format!("the option {other} of a table"))),
                    }
                }
            }
            CreateTableOptions::With(_) | CreateTableOptions::Options(_) | CreateTableOptions::TableProperties(_) => {
                return Err(unsupported("WITH (...) and OPTIONS (...) of a table"));
            }
        }
        Ok(Self { name, columns, query, like, or_replace, if_not_exists, cluster_by: cluster_columns(cluster_by)?, comment })
    }
}

fn comment_text(comment: CommentDef) -> String {
    match comment {
        CommentDef::WithEq(text) | CommentDef::WithoutEq(text) => text,
    }
}

fn cluster_columns(cluster_by: Option<WrappedCollection<Vec<Expr>>>) -> Result<Vec<String>> {
    let exprs = match cluster_by {
        None => return Ok(vec![]),
        Some(WrappedCollection::NoWrapping(exprs) | WrappedCollection::Parentheses(exprs)) => exprs,
    };
    let mut names = Vec::new();
    for expr in exprs {
        // `CLUSTER BY (a, b)` is read as one row expression, `CLUSTER BY (a)` as a nested one.
        let parts = match expr {
            Expr::Tuple(parts) => parts,
            Expr::Nested(part) => vec![*part],
            other => vec![other],
        };
        for part in parts {
            match part {
                Expr::Identifier(ident) => names.push(normalized(&ident)),
                other => return Err(unsupported(format!("CLUSTER BY {other}")).with_hint("CLUSTER BY takes names of columns")),
            }
        }
    }
    Ok(names)
}

/// The columns of another table, and what it is clustered by. `(LIKE t)` takes no defaults unless it says so, as in PostgreSQL; `LIKE t` takes all.
fn columns_like(context: &Context, like: CreateTableLikeKind) -> Result<(Vec<ColumnSpec>, Vec<String>)> {
    let (like, with_defaults) = match like {
        CreateTableLikeKind::Parenthesized(like) => (like, false),
        CreateTableLikeKind::Plain(like) => (like, true),
    };
    let with_defaults = match like.defaults {
        Some(CreateTableLikeDefaults::Including) => true,
        Some(CreateTableLikeDefaults::Excluding) => false,
        None => with_defaults,
    };
    let (snapshot, name) = context.place(&like.name)?;
    let (_, Found::Table(table)) = lookup::relation(context, snapshot, &name)? else {
        return Err(unsupported(format!("CREATE TABLE LIKE of the view '{}'", like.name))
            .with_hint("write CREATE TABLE ... AS SELECT * FROM ... LIMIT 0"));
    };
    let meta = table.meta();
    let column = |column: &clouddb_storage::catalog::Column| ColumnSpec {
        metadata: without_field_id(column.field().metadata()),
        default: column.default().filter(|_| with_defaults).map(str::to_owned),
        comment: column.comment().map(str::to_owned),
        ..ColumnSpec::new(column.name(), column.data_type().clone(), column.field().is_nullable())
    };
    let keys = meta.cluster_by.iter().filter_map(|id| meta.column_by_id(*id)).map(|(_, column)| column.name().to_owned());
    Ok((meta.columns.iter().map(column).collect(), keys.collect()))
}

/// The field ids of the table that was read are not those of the one that is made.
fn without_field_id(metadata: &HashMap<String, String>) -> HashMap<String, String> {
    metadata.iter().filter(|(key, _)| *key != FIELD_ID_KEY).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A column as it was defined. Its default is planned and evaluated once, so that a wrong one is found now and not at the first INSERT.
fn column_spec(context: &Context, column: &ColumnDef) -> Result<ColumnSpec> {
    let ColumnDef { name, data_type, options } = column;
    let name = normalized(name);
    let field = types::field(&name, data_type).map_err(|error| error.context(format!("column '{name}'")))?;
    let mut spec = ColumnSpec::new(name.clone(), field.data_type().clone(), true);
    spec.metadata = field.metadata().clone();
    let refuse = |what: &str| Err(unsupported(format!("{what} of column '{name}'")));
    for ColumnOptionDef { name: _, option } in options {
        match option {
            ColumnOption::Null => {}
            ColumnOption::NotNull => spec.nullable = false,
            ColumnOption::Default(expr) => {
                check_default(context, &expanded(context, expr)?, &field)
                    .map_err(|error| error.context(format!("default of column '{name}'")))?;
                // Macros are put in now: the default means what it meant when it was given.
                spec.default = Some(expanded(context, expr)?.to_string());
            }
            ColumnOption::Comment(text) => spec.comment = Some(text.clone()),
            ColumnOption::PrimaryKey(_) => return refuse("PRIMARY KEY"),
            ColumnOption::Unique(_) => return refuse("UNIQUE"),
            ColumnOption::ForeignKey(_) => return refuse("REFERENCES"),
            ColumnOption::Check(_) => return refuse("CHECK"),
            ColumnOption::Generated { .. } | ColumnOption::Materialized(_) | ColumnOption::Ephemeral(_) | ColumnOption::Alias(_) => {
                return refuse("a generated value");
            }
            ColumnOption::Identity(_) => return refuse("IDENTITY"),
            ColumnOption::Collation(_) | ColumnOption::CharacterSet(_) => return refuse("COLLATE"),
            other => return refuse(&other.to_string()),
        }
    }
    Ok(spec)
}

/// An expression with what its macros stand for.
pub(crate) fn expanded(context: &Context, expr: &Expr) -> Result<Expr> {
    let mut expr = expr.clone();
    expand::expand(&context.snapshot, context.current_schema(), &mut expr)?;
    Ok(expr)
}

pub(crate) fn check_default(context: &Context, expr: &Expr, field: &arrow::datatypes::Field) -> Result<()> {
    check_expression(expr)?;
    let planned = constant::plan(&context.state, rewrite::rewrite_expression(expr.clone())?)?;
    if has_effects(&planned)? {
        // Not evaluated before it is asked for: it would take a number of a sequence.
        return Ok(());
    }
    let (value, source) = constant::evaluate(&context.state, planned)?;
    conform_in(session_zone::of(context.state.config_options()), &value, &source, field)?;
    Ok(())
}

/// Whether evaluating an expression does something.
fn has_effects(expr: &LogicalExpr) -> Result<bool> {
    let is_nextval = |part: &LogicalExpr| Ok(matches!(part, LogicalExpr::ScalarFunction(call) if call.name() == "nextval"));
    expr.exists(is_nextval).map_err(from_datafusion)
}

/// The columns that a query makes, and its plan. A list of names, if there is one, replaces the query's.
async fn query_columns(context: &Context, query: Box<Query>, names: &[ColumnDef]) -> Result<(Vec<ColumnSpec>, LogicalPlan)> {
    if let Some(typed) =
        names.iter().find(|column| column.data_type != datafusion::sql::sqlparser::ast::DataType::Unspecified || !column.options.is_empty())
    {
        return Err(unsupported(format!("a type or constraint of column '{}' in CREATE TABLE ... AS", typed.name))
            .with_hint("cast in the query, or create the table first"));
    }
    let plan = context.plan_query(query).await?;
    let fields = context.output(&plan)?.fields().clone();
    if !names.is_empty() && names.len() != fields.len() {
        return Err(Error::invalid(format!("the query has {} columns, and {} names are given", fields.len(), names.len())));
    }
    if fields.is_empty() {
        return Err(Error::invalid("the query has no columns"));
    }
    let plan = without_null_type(plan, &fields)?;
    let columns = fields.iter().enumerate().map(|(at, field)| {
        let name = names.get(at).map_or_else(|| field.name().clone(), |column| normalized(&column.name));
        let data_type = if field.data_type().is_null() { UNTYPED } else { field.data_type().clone() };
        let mut spec = ColumnSpec::new(name, data_type, true);
        spec.metadata = without_field_id(field.metadata());
        if types::is_uuid(field) {
            spec.metadata.extend(types::uuid_field(field.name()).metadata().clone());
        }
        spec
    });
    Ok((columns.collect(), plan))
}

/// A column that is NULL in every row has no type; it becomes an INTEGER, as in DuckDB.
const UNTYPED: DataType = DataType::Int32;

fn without_null_type(plan: LogicalPlan, fields: &Fields) -> Result<LogicalPlan> {
    if !fields.iter().any(|field| field.data_type().is_null()) {
        return Ok(plan);
    }
    let exprs: Vec<LogicalExpr> = (plan.schema().columns().into_iter().zip(fields.iter()))
        .map(|(column, field)| match field.data_type().is_null() {
            true => cast(LogicalExpr::Column(column.clone()), UNTYPED).alias(column.name),
            false => LogicalExpr::Column(column),
        })
        .collect();
    LogicalPlanBuilder::from(plan).project(exprs).and_then(LogicalPlanBuilder::build).map_err(from_datafusion)
}
