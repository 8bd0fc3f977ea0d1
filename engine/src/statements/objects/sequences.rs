//! Sequences: CREATE SEQUENCE, DROP SEQUENCE, and where `nextval` takes its numbers.
//!
//! A process takes numbers in blocks, each by a commit of its own, before it hands one of them out: no number comes twice, whoever else takes some, and a
//! ROLLBACK gives none back. Numbers of a block that nobody asked for are never handed out.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use clouddb_storage::catalog::SequenceMeta;
use clouddb_storage::{SequenceId, Snapshot, Transaction};
use datafusion::sql::sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName, Value, Visit, Visitor};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use crate::database::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::session::result::Done;
use crate::statements::context::Context;
use crate::statements::lookup;
use crate::statements::meaning::refuse::unsupported;
use crate::statements::objects::schemas;
use crate::statements::syntax::parse::{name_parts, parse_expression};
use crate::statements::syntax::words;

/// How many numbers a process takes at least: a commit for each would make `nextval` as slow as an INSERT.
const BLOCK: u64 = 32;

/// How often a block is asked for that somebody else took first. Each time somebody got on.
const ATTEMPTS: usize = 1_000;

/// `CREATE SEQUENCE` or `DROP SEQUENCE`.
#[derive(Debug, Clone)]
pub(crate) enum SequenceStatement {
    Create(Box<Create>),
    Drop { if_exists: bool, names: Vec<ObjectName> },
}

/// `CREATE SEQUENCE`.
#[derive(Debug, Clone)]
pub(crate) struct Create {
    or_replace: bool,
    if_not_exists: bool,
    temporary: bool,
    name: ObjectName,
    start: Option<i64>,
    increment: i64,
    min: Option<i64>,
    max: Option<i64>,
    cycle: bool,
}

/// Parses one, if the parser stands before one.
pub(crate) fn parse(parser: &mut Parser<'_>) -> std::result::Result<Option<SequenceStatement>, ParserError> {
    if words::object(parser).as_deref() != Some("SEQUENCE") {
        return Ok(None);
    }
    if parser.parse_keywords(&[Keyword::DROP, Keyword::SEQUENCE]) {
        let if_exists = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
        let names = parser.parse_comma_separated(|parser| parser.parse_object_name(false))?;
        return Ok(Some(SequenceStatement::Drop { if_exists, names }));
    }
    parser.expect_keyword(Keyword::CREATE)?;
    let or_replace = parser.parse_keywords(&[Keyword::OR, Keyword::REPLACE]);
    let temporary = parser.parse_one_of_keywords(&[Keyword::TEMP, Keyword::TEMPORARY]).is_some();
    parser.expect_keyword(Keyword::SEQUENCE)?;
    let if_not_exists = parser.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS]);
    let name = parser.parse_object_name(false)?;
    let mut create = Create { or_replace, if_not_exists, temporary, name, start: None, increment: 1, min: None, max: None, cycle: false };
    while parser.peek_token().token != Token::EOF {
        option(parser, &mut create)?;
    }
    Ok(Some(SequenceStatement::Create(Box::new(create))))
}

/// The options of a sequence come in any order.
fn option(parser: &mut Parser<'_>, create: &mut Create) -> std::result::Result<(), ParserError> {
    let word = parser.parse_identifier()?.value.to_uppercase();
    match word.as_str() {
        "START" => {
            let _ = parser.parse_keyword(Keyword::WITH);
            create.start = Some(number(parser)?);
        }
        "INCREMENT" => {
            let _ = parser.parse_keyword(Keyword::BY);
            create.increment = number(parser)?;
        }
        "MINVALUE" => create.min = Some(number(parser)?),
        "MAXVALUE" => create.max = Some(number(parser)?),
        "CYCLE" => create.cycle = true,
        "NO" => match parser.parse_identifier()?.value.to_uppercase().as_str() {
            "MINVALUE" => create.min = None,
            "MAXVALUE" => create.max = None,
            "CYCLE" => create.cycle = false,
            other => return Err(ParserError::ParserError(format!("expected MINVALUE, MAXVALUE or CYCLE behind NO, found: {other}"))),
        },
        other => {
            return Err(ParserError::ParserError(format!(
                "'{other}' is no option of a sequence: there are START, INCREMENT, MINVALUE, MAXVALUE, CYCLE, NO MINVALUE, NO MAXVALUE, NO CYCLE"
            )));
        }
    }
    Ok(())
}

fn number(parser: &mut Parser<'_>) -> std::result::Result<i64, ParserError> {
    let sign = if parser.consume_token(&Token::Minus) { "-" } else { "" };
    let token = parser.next_token();
    match &token.token {
        Token::Number(digits, _) => format!("{sign}{digits}").parse().ok(),
        _ => None,
    }
    .ok_or_else(|| ParserError::ParserError(format!("expected a whole number of 64 bits, found: {sign}{token}")))
}

/// Runs one inside a transaction.
pub(crate) fn carry_out(context: &Context, transaction: &mut Transaction, statement: SequenceStatement) -> Result<Done> {
    match statement {
        SequenceStatement::Create(create) => self::create(context, transaction, *create),
        SequenceStatement::Drop { if_exists, names } => {
            for name in names {
                match find(context, &transaction.snapshot(), &name) {
                    Ok((schema, meta)) => {
                        check_unused(&transaction.snapshot(), &schema, &meta)?;
                        transaction.drop_sequence(meta.id)?;
                    }
                    Err(error) if if_exists && error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(Done::new("DROP SEQUENCE"))
        }
    }
}

/// Refuses to drop what a column's default takes numbers from: every INSERT would fail.
fn check_unused(snapshot: &Snapshot, schema: &str, meta: &SequenceMeta) -> Result<()> {
    for owner in snapshot.schemas() {
        for table in snapshot.tables(&owner.name) {
            for column in &table.meta().columns {
                let names = column.default().map(sequences_of).unwrap_or_default();
                let is_this = |name: &str| match name.rsplit_once('.') {
                    Some((in_schema, name)) => name.eq_ignore_ascii_case(&meta.name) && in_schema.eq_ignore_ascii_case(schema),
                    None => name.eq_ignore_ascii_case(&meta.name),
                };
                if names.iter().any(|name| is_this(name)) {
                    let (table, column) = (&table.meta().name, column.name());
                    return Err(Error::invalid(format!(
                        "the column '{table}.{column}' takes its default from the sequence '{}'",
                        meta.name
                    ))
                    .with_hint(format!("first: ALTER TABLE {table} ALTER {column} DROP DEFAULT")));
                }
            }
        }
    }
    Ok(())
}

/// Refuses a default that takes numbers from a sequence that is not there: every INSERT would fail.
pub(crate) fn check_default(context: &Context, default: &str) -> Result<()> {
    for name in sequences_of(default) {
        let mut parts = name.rsplit('.');
        let (name, schema) = (parts.next().unwrap_or_default(), parts.next().unwrap_or(context.current_schema()));
        find_in(&context.snapshot, &lookup::schema(&context.snapshot, schema)?, name)?;
    }
    Ok(())
}

/// The sequences that an expression takes numbers from.
fn sequences_of(default: &str) -> Vec<String> {
    struct Names(Vec<String>);
    impl Visitor for Names {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            if let Expr::Function(function) = expr
                && function.name.to_string().eq_ignore_ascii_case("nextval")
                && let FunctionArguments::List(list) = &function.args
                && let [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))] = list.args.as_slice()
                && let Value::SingleQuotedString(name) = &value.value
            {
                self.0.push(name.replace('"', ""));
            }
            ControlFlow::Continue(())
        }
    }
    let mut names = Names(Vec::new());
    if let Ok(expr) = parse_expression(default) {
        let _ = expr.visit(&mut names);
    }
    names.0
}

fn create(context: &Context, transaction: &mut Transaction, create: Create) -> Result<Done> {
    let done = Done::new("CREATE SEQUENCE");
    if create.temporary {
        return Err(unsupported("a temporary sequence").with_hint("CREATE SEQUENCE keeps it in the database; DROP SEQUENCE drops it"));
    }
    let snapshot = transaction.snapshot();
    let (schema, _) = lookup::schema_and_name(context, &snapshot, &create.name)?;
    let schema_id = schemas::existing(transaction, &schema)?;
    let name = name_parts(&create.name)?.pop().unwrap_or_default();
    let old = snapshot.sequences(&schema);
    let old_name = lookup::pick("sequence", &name, old.iter().map(|meta| meta.name.as_str()))?;
    match old_name.and_then(|name| old.iter().find(|meta| meta.name == name)) {
        Some(_) if create.if_not_exists => return Ok(done),
        Some(old) if create.or_replace => transaction.drop_sequence(old.id)?,
        Some(_) => {
            return Err(Error::already_exists(format!("sequence '{schema}.{name}' exists already"))
                .with_hint("write CREATE SEQUENCE IF NOT EXISTS, or CREATE OR REPLACE SEQUENCE"));
        }
        None => {}
    }
    let up = create.increment > 0;
    let min = create.min.unwrap_or(if up { 1 } else { i64::MIN });
    let max = create.max.unwrap_or(if up { i64::MAX } else { -1 });
    transaction.create_sequence(SequenceMeta {
        id: transaction.new_sequence_id(),
        schema: schema_id,
        name,
        start: create.start.unwrap_or(if up { min } else { max }),
        increment: create.increment,
        min,
        max,
        cycle: create.cycle,
        taken: 0,
        comment: None,
    })?;
    Ok(done)
}

/// The sequence that a name means, and its schema.
pub(crate) fn find(context: &Context, snapshot: &Snapshot, name: &ObjectName) -> Result<(String, Arc<SequenceMeta>)> {
    let (schema, wanted) = lookup::schema_and_name(context, snapshot, name)?;
    find_in(snapshot, &schema, &wanted).map(|meta| (schema, meta))
}

/// The sequence of a name in a schema.
pub(crate) fn find_in(snapshot: &Snapshot, schema: &str, wanted: &str) -> Result<Arc<SequenceMeta>> {
    let sequences = snapshot.sequences(schema);
    let names = || sequences.iter().map(|meta| meta.name.as_str());
    let found = lookup::pick("sequence", wanted, names())?.and_then(|name| sequences.iter().find(|meta| meta.name == name));
    found.map(Arc::clone).ok_or_else(|| {
        let error = Error::not_found(format!("there is no sequence '{schema}.{wanted}'"));
        lookup::with_nearest(error, wanted, names(), "SHOW SEQUENCES lists those that there are")
    })
}

/// Numbers that this process took and has not handed out, by sequence: the next index, and the one behind the last.
#[derive(Debug, Default)]
pub(crate) struct Blocks(Mutex<HashMap<SequenceId, (u64, u64)>>);

impl Blocks {
    /// Hands out indexes of a sequence's numbers: as many as there are, up to `count`.
    fn hand_out(&self, id: SequenceId, count: u64) -> Vec<u64> {
        let mut blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((next, end)) = blocks.get_mut(&id) else { return Vec::new() };
        let last = next.saturating_add(count).min(*end);
        let handed: Vec<u64> = (*next..last).collect();
        *next = last;
        handed
    }

    /// The index of the next number that nobody has: of the block that this process has, if it is the last one taken.
    pub(crate) fn next_of(&self, sequence: &SequenceMeta) -> u64 {
        let blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match blocks.get(&sequence.id) {
            Some((next, end)) if *end >= sequence.taken => *next,
            _ => sequence.taken,
        }
    }

    /// Adds a block. What is left of another one that came meanwhile is never handed out.
    fn add(&self, id: SequenceId, from: u64, to: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, (from, to));
    }
}

/// The next numbers of a sequence.
///
/// # Errors
/// *Limit* when there are no more; those of a commit.
pub(crate) async fn next(database: &Database, sequence: &SequenceMeta, count: usize) -> Result<Vec<i64>> {
    let count = count as u64;
    let blocks = database.sequence_blocks();
    let mut indexes = blocks.hand_out(sequence.id, count);
    while (indexes.len() as u64) < count {
        let missing = count - indexes.len() as u64;
        let (from, to) = take(database, sequence, missing.max(BLOCK)).await?;
        // Handed out from here first: others may be waiting for the same block.
        let own = from.saturating_add(missing).min(to);
        indexes.extend(from..own);
        blocks.add(sequence.id, own, to);
    }
    indexes.into_iter().map(|index| sequence.number(index)).collect()
}

/// Takes a block, by a commit.
async fn take(database: &Database, sequence: &SequenceMeta, count: u64) -> Result<(u64, u64)> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let snapshot = database.storage().snapshot().await?;
        let mut transaction = database.storage().begin(&snapshot)?;
        let from = transaction.take_numbers(sequence.id, count).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::not_found(format!("the sequence '{}' is not committed, or was dropped", sequence.name))
                .with_hint("COMMIT it before nextval takes numbers of it"),
            _ => error,
        })?;
        transaction.describe(&format!("nextval('{}')", sequence.name));
        match transaction.commit().await {
            Ok(_) => return Ok((from, from.saturating_add(count))),
            Err(error) if error.kind() == ErrorKind::Conflict => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| Error::internal("no numbers were taken")))
}
