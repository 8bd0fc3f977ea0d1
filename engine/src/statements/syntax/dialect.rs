//! CloudDB's SQL dialect: what the parser reads.
//!
//! The parser accepts the union of many databases' spellings. This dialect takes those that people know from PostgreSQL and DuckDB, and time travel in
//! the spellings of DuckDB, Databricks and T-SQL. What it parses is not what is carried out: `refuse` decides that.

use std::any::TypeId;

use datafusion::sql::sqlparser::ast::{
    CastKind, Expr, Ident, LambdaFunction, LambdaFunctionParameter, LambdaSyntax, OneOrManyWithParens, Statement, UnaryOperator,
};
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::pivot_syntax;
use crate::statements::meaning::resolve::ast::call;

/// The dialect of every statement, also of those that are stored (views, defaults).
#[derive(Debug, Clone, Copy)]
pub(crate) struct CloudDialect;

/// The one instance that parsers borrow.
pub(crate) static DIALECT: CloudDialect = CloudDialect;

macro_rules! yes {
    ($($name:ident)*) => { $(fn $name(&self) -> bool { true })* };
}

impl Dialect for CloudDialect {
    /// Where the parser asks for a dialect by name, this one answers as the generic one.
    fn dialect(&self) -> TypeId {
        TypeId::of::<GenericDialect>()
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"' || ch == '`'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_alphanumeric() || ch == '_' || ch == '$'
    }

    /// The parser takes all that follows IS DISTINCT FROM for its right side, with AND and OR.
    fn parse_infix(&self, parser: &mut Parser<'_>, expr: &Expr, _precedence: u8) -> Option<Result<Expr, ParserError>> {
        use Keyword::{DISTINCT, FROM, IS, NOT, NOTNULL};
        if is_isnull(&parser.peek_token_ref().token) {
            parser.next_token();
            return Some(Ok(Expr::IsNull(Box::new(expr.clone()))));
        }
        if parser.parse_keyword(NOTNULL) {
            return Some(Ok(Expr::IsNotNull(Box::new(expr.clone()))));
        }
        if is_glob(parser) {
            return Some(glob(parser, expr));
        }
        let is_negated = parser.parse_keywords(&[IS, NOT, DISTINCT, FROM]);
        if !is_negated && !parser.parse_keywords(&[IS, DISTINCT, FROM]) {
            return None;
        }
        let right = parser.parse_subexpr(self.prec_value(Precedence::Is));
        Some(right.map(|right| {
            let (left, right) = (Box::new(expr.clone()), Box::new(right));
            if is_negated { Expr::IsNotDistinctFrom(left, right) } else { Expr::IsDistinctFrom(left, right) }
        }))
    }

    /// What stands in front: list comprehensions, `@x`, and signs, which bind closer than `^` does, as in PostgreSQL: `-2 ^ 2` is 4.
    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        match parser.peek_token_ref().token {
            Token::LBracket if is_comprehension(parser) => Some(comprehension(parser)),
            Token::Word(_) if is_timestamp_of_unit(parser) => Some(timestamp_of_unit(parser)),
            Token::AtSign => Some(unary(parser, UnaryOperator::PGAbs, Precedence::PgOther)),
            Token::Tilde => Some(unary(parser, UnaryOperator::BitwiseNot, Precedence::PgOther)),
            Token::Minus => Some(unary(parser, UnaryOperator::Minus, Precedence::AtTz)),
            Token::Plus => Some(unary(parser, UnaryOperator::Plus, Precedence::AtTz)),
            _ => None,
        }
    }

    /// PostgreSQL's levels, which are DuckDB's: <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-PRECEDENCE>. All operators without a
    /// level of their own (`||`, `&`, `|`, `<<`, `->`) share one, between sums and comparisons.
    fn prec_value(&self, precedence: Precedence) -> u8 {
        match precedence {
            Precedence::Period => 200,
            Precedence::DoubleColon => 140,
            Precedence::AtTz => 110,
            Precedence::Caret => 100,
            Precedence::MulDivModOp => 90,
            Precedence::PlusMinus => 80,
            Precedence::Xor | Precedence::Ampersand | Precedence::Pipe | Precedence::Colon | Precedence::PgOther => 70,
            Precedence::Between | Precedence::Like => 60,
            Precedence::Eq => 50,
            Precedence::Is => 40,
            Precedence::UnaryNot => 30,
            Precedence::And => 20,
            Precedence::Or => 10,
        }
    }

    /// Where the parser's own levels are others; and it takes `x ISNULL` for x with an alias.
    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        match &parser.peek_token_ref().token {
            Token::Word(word) if word.quote_style.is_none() && word.keyword == Keyword::NOTNULL => {
                Some(Ok(self.prec_value(Precedence::Is)))
            }
            token if is_isnull(token) => Some(Ok(self.prec_value(Precedence::Is))),
            _ if is_glob(parser) => Some(Ok(self.prec_value(Precedence::Like))),
            Token::StringConcat | Token::ShiftLeft | Token::ShiftRight | Token::CaretAt => Some(Ok(self.prec_value(Precedence::PgOther))),
            Token::Caret => Some(Ok(self.prec_value(Precedence::Caret))),
            _ => None,
        }
    }

    /// Statements that begin with a query in another form.
    fn parse_statement(&self, parser: &mut Parser<'_>) -> Option<Result<Statement, ParserError>> {
        match &parser.peek_token_ref().token {
            Token::Word(word) if word.quote_style.is_none() && word.keyword == Keyword::TABLE => {
                Some(pivot_syntax::table(parser).map(Statement::Query))
            }
            _ => None,
        }
    }

    fn identifier_quote_style(&self, _identifier: &str) -> Option<char> {
        Some('"')
    }

    yes! {
        allow_extract_custom
        allow_extract_single_quotes
        support_map_literal_syntax
        supports_array_typedef_with_brackets
        supports_bitwise_shift_operators
        supports_comma_separated_trim
        supports_comment_on
        supports_create_table_like_parenthesized
        supports_create_view_comment_syntax
        supports_detach
        supports_dictionary_syntax
        supports_explain_with_utility_options
        supports_factorial_operator
        supports_filter_during_aggregation
        supports_from_first_select
        supports_group_by_expr
        supports_group_by_with_modifier
        supports_in_empty_list
        supports_install
        supports_lambda_functions
        supports_left_associative_joins_without_parens
        supports_limit_comma
        supports_named_fn_args_with_assignment_operator
        supports_nested_comments
        supports_numeric_literal_underscores
        supports_order_by_all
        supports_parens_around_table_factor
        supports_partition_by_after_order_by
        supports_prewhere
        supports_projection_trailing_commas
        supports_select_wildcard_except
        supports_select_wildcard_exclude
        supports_select_wildcard_ilike
        supports_select_wildcard_rename
        supports_select_wildcard_replace
        supports_start_transaction_modifier
        supports_string_escape_constant
        supports_struct_literal
        supports_table_versioning
        supports_unicode_string_literal
        supports_window_clause_named_window_reference
        supports_window_function_null_treatment_arg
    }
}

fn is_isnull(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("isnull"))
}

/// Whether `GLOB`, or `NOT GLOB`, and a pattern come next.
fn is_glob(parser: &Parser<'_>) -> bool {
    let is_not = matches!(&parser.peek_token_ref().token, Token::Word(word) if word.quote_style.is_none() && word.keyword == Keyword::NOT);
    let at = usize::from(is_not);
    let is_word = matches!(&parser.peek_nth_token_ref(at).token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("glob"));
    let is_pattern = match &parser.peek_nth_token_ref(at + 1).token {
        // `SELECT x glob FROM t` gives x another name.
        Token::Word(word) => word.keyword == Keyword::NoKeyword || word.quote_style.is_some(),
        Token::SingleQuotedString(_)
        | Token::EscapedStringLiteral(_)
        | Token::DollarQuotedString(_)
        | Token::LParen
        | Token::Placeholder(_) => true,
        _ => false,
    };
    is_word && is_pattern
}

fn glob(parser: &mut Parser<'_>, text: &Expr) -> Result<Expr, ParserError> {
    let is_negated = parser.parse_keyword(Keyword::NOT);
    parser.next_token();
    let pattern = parser.parse_subexpr(DIALECT.prec_value(Precedence::Like))?;
    let matches = call("glob_matches", vec![text.clone(), pattern]);
    Ok(match is_negated {
        true => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(matches) },
        false => matches,
    })
}

/// Whether a literal such as `TIMESTAMP_NS '2024-05-31 12:30:00'` comes next.
fn is_timestamp_of_unit(parser: &Parser<'_>) -> bool {
    let is_type = match &parser.peek_token_ref().token {
        Token::Word(word) if word.quote_style.is_none() => {
            ["TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_US", "TIMESTAMP_NS"].iter().any(|name| word.value.eq_ignore_ascii_case(name))
        }
        _ => false,
    };
    is_type && matches!(parser.peek_nth_token_ref(1).token, Token::SingleQuotedString(_))
}

fn timestamp_of_unit(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let data_type = parser.parse_data_type()?;
    let text = Expr::Value(parser.parse_value()?);
    Ok(Expr::Cast { kind: CastKind::Cast, expr: Box::new(text), data_type, array: false, format: None })
}

fn unary(parser: &mut Parser<'_>, op: UnaryOperator, precedence: Precedence) -> Result<Expr, ParserError> {
    parser.next_token();
    let operand = match parser.parse_subexpr(DIALECT.prec_value(precedence))? {
        // Two signs without brackets between them would be the beginning of a comment when a stored text is read again.
        inner @ Expr::UnaryOp { .. } => Expr::Nested(Box::new(inner)),
        operand => operand,
    };
    Ok(Expr::UnaryOp { op, expr: Box::new(operand) })
}

/// Whether brackets hold `... FOR x IN ...`.
fn is_comprehension(parser: &Parser<'_>) -> bool {
    let mut depth = 0_usize;
    for at in 0.. {
        match &parser.peek_nth_token_ref(at).token {
            Token::LBracket | Token::LParen | Token::LBrace => depth += 1,
            Token::RBracket | Token::RParen | Token::RBrace => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return false;
                }
            }
            Token::Word(word) if depth == 1 && word.quote_style.is_none() && word.keyword == Keyword::FOR => return true,
            Token::EOF => return false,
            _ => {}
        }
    }
    false
}

/// `[x + 1 FOR x IN list IF x > 1]`: of the items that meet the condition.
fn comprehension(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    parser.expect_token(&Token::LBracket)?;
    let result = parser.parse_expr()?;
    parser.expect_keyword_is(Keyword::FOR)?;
    let item = parser.parse_identifier()?;
    parser.expect_keyword_is(Keyword::IN)?;
    let mut list = parser.parse_expr()?;
    if parser.parse_keyword(Keyword::IF) {
        let condition = parser.parse_expr()?;
        list = call("list_filter", vec![list, lambda(&item, condition)]);
    }
    parser.expect_token(&Token::RBracket)?;
    Ok(call("list_transform", vec![list, lambda(&item, result)]))
}

fn lambda(parameter: &Ident, body: Expr) -> Expr {
    Expr::Lambda(LambdaFunction {
        params: OneOrManyWithParens::One(LambdaFunctionParameter { name: parameter.clone(), data_type: None }),
        body: Box::new(body),
        syntax: LambdaSyntax::LambdaKeyword,
    })
}
