//! What a filter of DataFusion's amounts to, as far as the cache understands it.
//!
//! A shape must say exactly what the expression says, for every value of the column's type; where that is not certain, the expression stays as it is.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use clouddb_cache::predicate::{Conjunct, Filter, Shape, Test};
use clouddb_cache::set::IntegerSet;
use clouddb_cache::whole;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, Column, DynamicFilterPhysicalExpr, InListExpr, IsNotNullExpr, IsNullExpr, LikeExpr, Literal,
};
use datafusion::physical_expr::{PhysicalExpr, split_conjunction};

use super::expression::{InSet, PhysicalPredicate};
use super::substrings::Substrings;
use crate::key_sets::JoinKeys;

/// A conjunction of filters on a table's schema.
pub(super) fn filter(filters: &[Arc<dyn PhysicalExpr>], schema: &SchemaRef, keys: &[Arc<JoinKeys>]) -> Result<Filter> {
    let mut conjuncts = Vec::new();
    for filter in filters {
        conjuncts.extend(self::conjuncts(filter, schema, keys)?);
    }
    Ok(Filter::new(conjuncts))
}

/// The conjuncts of a filter as it is now.
fn conjuncts(filter: &Arc<dyn PhysicalExpr>, schema: &SchemaRef, keys: &[Arc<JoinKeys>]) -> Result<Vec<Arc<Conjunct>>> {
    let mut tests = Vec::new();
    for part in split_conjunction(filter) {
        match part.downcast_ref::<DynamicFilterPhysicalExpr>() {
            Some(dynamic) => {
                let sets = key_sets(dynamic, schema, keys);
                let is_all = sets.len() == 1 && dynamic.children().len() == 1;
                tests.extend(sets);
                if is_all {
                    continue;
                }
                let current = dynamic.current()?;
                for part in split_conjunction(&current) {
                    tests.push(test(part, schema)?);
                }
            }
            None => tests.push(test(part, schema)?),
        }
    }
    // A column's ranges become one: BETWEEN is two comparisons.
    let mut merged: Vec<Test> = Vec::new();
    for test in tests {
        let absorbed = merged.iter_mut().any(|earlier| intersect(earlier, &test));
        if !absorbed && !matches!(test, Test::Constant(true)) {
            merged.push(test);
        }
    }
    Ok(merged.into_iter().map(|test| Arc::new(Conjunct::new(test))).collect())
}

/// What is known of the keys of a join, whose filter this may be: of one key it is all that the filter says.
fn key_sets(filter: &DynamicFilterPhysicalExpr, schema: &SchemaRef, keys: &[Arc<JoinKeys>]) -> Vec<Test> {
    let Some(keys) = filter.expression_id().and_then(|id| keys.iter().find(|keys| keys.filter() == id)) else { return Vec::new() };
    let test = |(at, key): (usize, &Arc<dyn PhysicalExpr>)| {
        let column = key.downcast_ref::<Column>()?.index();
        let set = keys.set(at)?;
        let is_whole = schema.fields().get(column).is_some_and(|field| whole::is_whole(field.data_type()));
        is_whole.then(|| Test::Expression {
            shape: Shape::In { column, set: Arc::clone(&set), outside: false },
            expression: Arc::new(InSet::new(column, set)),
        })
    };
    filter.children().into_iter().enumerate().filter_map(test).collect()
}

/// Narrows a range by another one of the same column.
fn intersect(earlier: &mut Test, later: &Test) -> bool {
    let (Test::Expression { shape: one, expression }, Test::Expression { shape: other, expression: also }) = (&mut *earlier, later) else {
        return false;
    };
    let (
        Shape::Between { column, from, to, outside: false },
        Shape::Between { column: other_column, from: other_from, to: other_to, outside: false },
    ) = (one, other)
    else {
        return false;
    };
    if column != other_column {
        return false;
    }
    let shape = Shape::Between { column: *column, from: *(&*from).max(other_from), to: *(&*to).min(other_to), outside: false };
    let expression = Arc::new(super::expression::Both::new(Arc::clone(expression), Arc::clone(also)));
    *earlier = Test::Expression { shape, expression };
    true
}

fn test(expr: &Arc<dyn PhysicalExpr>, schema: &SchemaRef) -> Result<Test> {
    if let Some(literal) = expr.downcast_ref::<Literal>()
        && let ScalarValue::Boolean(value) = literal.value()
    {
        return Ok(Test::Constant(*value == Some(true)));
    }
    if let Some(dynamic) = expr.downcast_ref::<DynamicFilterPhysicalExpr>() {
        return test(&dynamic.current()?, schema);
    }
    if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        let both = || Ok::<_, datafusion::common::DataFusionError>(vec![test(binary.left(), schema)?, test(binary.right(), schema)?]);
        match binary.op() {
            Operator::And => return Ok(Test::All(both()?)),
            Operator::Or => return Ok(Test::Any(both()?)),
            _ => {}
        }
    }
    if let Some(substrings) = substrings(expr, schema) {
        return Ok(Test::Expression { shape: Shape::Unknown, expression: Arc::new(substrings) });
    }
    let expression =
        |shape| -> Result<Test> { Ok(Test::Expression { shape, expression: Arc::new(PhysicalPredicate::try_new(expr, schema)?) }) };
    if let Some(case) = expr.downcast_ref::<CaseExpr>()
        && let Some(bounds) = any_bounds(case, schema)?
    {
        return Ok(Test::All(vec![bounds, expression(Shape::Unknown)?]));
    }
    expression(shape(expr, schema).unwrap_or(Shape::Unknown))
}

fn substrings(expr: &Arc<dyn PhysicalExpr>, schema: &SchemaRef) -> Option<Substrings> {
    let like = expr.downcast_ref::<LikeExpr>()?;
    let column = like.expr().downcast_ref::<Column>()?.index();
    let pattern = text(like.pattern().downcast_ref::<Literal>()?.value())?;
    let is_text = schema.fields().get(column)?.data_type() == &DataType::Utf8View;
    if is_text && !like.case_insensitive() { Substrings::of_pattern(column, pattern, like.negated()) } else { None }
}

/// A join in several partitions filters by `CASE hash % n WHEN 0 THEN bounds AND lookup WHEN 1 …`: a row that passes lies within one of the bounds.
fn any_bounds(case: &CaseExpr, schema: &SchemaRef) -> Result<Option<Test>> {
    let results = case.when_then_expr().iter().map(|(_, then)| then).chain(case.else_expr());
    let mut branches = Vec::new();
    for result in results {
        let mut ranges = Vec::new();
        for part in split_conjunction(result) {
            match test(part, schema)? {
                Test::Constant(true) => {}
                constant @ Test::Constant(false) => ranges.push(constant),
                range @ Test::Expression { shape: Shape::Between { .. } | Shape::In { .. }, .. } => ranges.push(range),
                _ => {}
            }
        }
        if ranges.is_empty() {
            return Ok(None);
        }
        branches.push(Test::All(ranges));
    }
    Ok((!branches.is_empty()).then_some(Test::Any(branches)))
}

/// A column and a constant of its type, and whether they stand the other way round.
fn column_and_constant(binary: &BinaryExpr) -> Option<(&Column, &ScalarValue, bool)> {
    let column = |expr: &'_ Arc<dyn PhysicalExpr>| expr.downcast_ref::<Column>().is_some();
    if column(binary.left()) {
        Some((binary.left().downcast_ref()?, binary.right().downcast_ref::<Literal>()?.value(), false))
    } else {
        Some((binary.right().downcast_ref()?, binary.left().downcast_ref::<Literal>()?.value(), true))
    }
}

fn shape(expr: &Arc<dyn PhysicalExpr>, schema: &SchemaRef) -> Option<Shape> {
    let type_of = |column: &Column| schema.fields().get(column.index()).map(|field| field.data_type().clone());
    if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        let (column, value, swapped) = column_and_constant(binary)?;
        let op = if swapped { binary.op().swap()? } else { *binary.op() };
        let data_type = type_of(column)?;
        return if data_type == DataType::Utf8View {
            strings(column.index(), op, value)
        } else {
            between(column.index(), op, integer(value, &data_type)?)
        };
    }
    if let Some(list) = expr.downcast_ref::<InListExpr>() {
        let column = list.expr().downcast_ref::<Column>()?;
        let data_type = type_of(column)?;
        let values: Vec<_> = list.list().iter().map(|value| Some(value.downcast_ref::<Literal>()?.value())).collect::<Option<_>>()?;
        let not_null: Vec<_> = values.iter().copied().filter(|value| !value.is_null()).collect();
        if list.negated() && not_null.len() < values.len() {
            return None;
        }
        if data_type == DataType::Utf8View {
            let bytes: Vec<&[u8]> = not_null.iter().map(|value| Some(text(value)?.as_bytes())).collect::<Option<_>>()?;
            let (from, to) = (bytes.iter().min()?.to_vec(), bytes.iter().max()?.to_vec());
            return (!list.negated()).then_some(Shape::Strings { column: column.index(), from: Some(from), to: Some(to) });
        }
        let integers: Vec<i64> = not_null.iter().map(|value| i64::try_from(integer(value, &data_type)?).ok()).collect::<Option<_>>()?;
        return Some(Shape::In { column: column.index(), set: Arc::new(IntegerSet::new(&integers)?), outside: list.negated() });
    }
    if let Some(is_null) = expr.downcast_ref::<IsNullExpr>() {
        return Some(Shape::Null { column: is_null.arg().downcast_ref::<Column>()?.index(), is_null: true });
    }
    if let Some(is_not_null) = expr.downcast_ref::<IsNotNullExpr>() {
        return Some(Shape::Null { column: is_not_null.arg().downcast_ref::<Column>()?.index(), is_null: false });
    }
    if let Some(like) = expr.downcast_ref::<LikeExpr>() {
        let column = like.expr().downcast_ref::<Column>()?;
        let pattern = text(like.pattern().downcast_ref::<Literal>()?.value())?;
        if like.negated() || like.case_insensitive() || type_of(column)? != DataType::Utf8View {
            return None;
        }
        let prefix: String = pattern.chars().take_while(|character| !matches!(character, '%' | '_' | '\\')).collect();
        let to = prefix.bytes().chain([0xFF]).collect();
        return (!prefix.is_empty()).then(|| Shape::Strings { column: column.index(), from: Some(prefix.into_bytes()), to: Some(to) });
    }
    None
}

fn between(column: usize, op: Operator, value: i128) -> Option<Shape> {
    let (from, to, outside) = match op {
        Operator::Eq => (value, value, false),
        Operator::NotEq => (value, value, true),
        Operator::Lt => (i128::MIN, value.checked_sub(1)?, false),
        Operator::LtEq => (i128::MIN, value, false),
        Operator::Gt => (value.checked_add(1)?, i128::MAX, false),
        Operator::GtEq => (value, i128::MAX, false),
        _ => return None,
    };
    Some(Shape::Between { column, from, to, outside })
}

fn strings(column: usize, op: Operator, value: &ScalarValue) -> Option<Shape> {
    let bytes = || text(value).map(|text| text.as_bytes().to_vec());
    let (from, to) = match op {
        Operator::Eq => (Some(bytes()?), Some(bytes()?)),
        Operator::Lt | Operator::LtEq => (None, Some(bytes()?)),
        Operator::Gt | Operator::GtEq => (Some(bytes()?), None),
        _ => return None,
    };
    Some(Shape::Strings { column, from, to })
}

fn text(value: &ScalarValue) -> Option<&str> {
    value.try_as_str().flatten()
}

/// A constant of a column's own type as the integer that it is inside. A constant of another type is none: comparing would cast.
fn integer(value: &ScalarValue, data_type: &DataType) -> Option<i128> {
    let same = match (value, data_type) {
        // Digits do not matter, the scale does.
        (ScalarValue::Decimal128(_, _, scale), DataType::Decimal128(_, column_scale)) => scale == column_scale,
        _ => value.data_type() == *data_type,
    };
    if !same {
        return None;
    }
    match value {
        ScalarValue::Int8(value) => value.map(i128::from),
        ScalarValue::Int16(value) => value.map(i128::from),
        ScalarValue::Int32(value) | ScalarValue::Date32(value) => value.map(i128::from),
        ScalarValue::Time32Second(value) | ScalarValue::Time32Millisecond(value) => value.map(i128::from),
        ScalarValue::Int64(value) | ScalarValue::Date64(value) => value.map(i128::from),
        ScalarValue::Time64Microsecond(value) | ScalarValue::Time64Nanosecond(value) => value.map(i128::from),
        ScalarValue::TimestampSecond(value, _)
        | ScalarValue::TimestampMillisecond(value, _)
        | ScalarValue::TimestampMicrosecond(value, _)
        | ScalarValue::TimestampNanosecond(value, _) => value.map(i128::from),
        ScalarValue::UInt8(value) => value.map(i128::from),
        ScalarValue::UInt16(value) => value.map(i128::from),
        ScalarValue::UInt32(value) => value.map(i128::from),
        ScalarValue::UInt64(value) => value.map(i128::from),
        ScalarValue::Decimal128(value, _, _) => *value,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{Field, Schema};
    use clouddb_cache::predicate::{Bounds, ValueBounds};
    use datafusion::physical_expr::expressions::lit;

    use super::*;

    #[test]
    fn what_is_known_of_a_joins_keys_takes_the_place_of_its_filter() -> Result<()> {
        let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("v", DataType::Int64, true), Field::new("k", DataType::Int64, true)]));
        let key: Arc<dyn PhysicalExpr> = Arc::new(Column::new("k", 1));
        let of_join: Arc<dyn PhysicalExpr> = Arc::new(DynamicFilterPhysicalExpr::new(vec![key], lit(true)));
        let id = of_join.expression_id().unwrap_or_default();
        let filters = [of_join];
        let of_another = Arc::new(JoinKeys::known(id + 1, &[3, 5]));
        assert!(filter(&filters, &schema, &[of_another])?.is_empty());
        let known = filter(&filters, &schema, &[Arc::new(JoinKeys::known(id, &[3, 5]))])?;
        assert_eq!(known.columns(), [1]);
        let may_match = |least, greatest| {
            let values = ValueBounds::Integers(least, greatest);
            known.may_match(&|_| Some(Bounds { null_count: Some(0), rows: 10, values }))
        };
        assert_eq!([may_match(0, 3), may_match(4, 9), may_match(6, 9)], [true, true, false]);
        Ok(())
    }
}
